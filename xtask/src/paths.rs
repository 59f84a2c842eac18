//! Where things are in the repository.

use std::path::PathBuf;

/// The repository.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}

/// The one target folder, whatever the environment says: `host/build.rs` looks for the components there.
pub fn target() -> PathBuf {
    root().join("target")
}

/// What `build` leaves.
pub fn binary() -> PathBuf {
    target().join("release/ocix")
}

/// The page, as `cargo xtask web` leaves it.
pub fn page() -> PathBuf {
    root().join("web/dist")
}

/// Cargo's home, where its registry and its `bin` folder are.
pub fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
