//! The components: compiles the shells of both worlds for wasm32 and encodes them into `target/components`.
//!
//! The same sources give the same bytes in any folder and on any machine with the same toolchain.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

use crate::{cargo, paths};

/// Makes `target/components/{images,toolkit}.wasm`, which `host/build.rs` precompiles. A component is written only when it has changed.
pub fn build() -> Result<()> {
    compile(&["ocix-component", "ocix-toolkit"], &paths::target())?;
    for (module, component) in [("ocix_component", "images"), ("ocix_toolkit", "toolkit")] {
        encode(module, component)?;
    }
    Ok(())
}

/// Makes `target/components/misbehaving-{images,toolkit}.wasm`, which break the rules of their worlds so that tests can see what a host does.
pub fn build_misbehaving() -> Result<()> {
    compile(&["ocix-misbehaving-images", "ocix-misbehaving-toolkit"], &paths::target())?;
    for world in ["images", "toolkit"] {
        encode(&format!("ocix_misbehaving_{world}"), &format!("misbehaving-{world}"))?;
    }
    Ok(())
}

/// Compiles shells for wasm32 with the profile `guest`: `wasm32-unknown-unknown/guest/NAME.wasm` in the folder `target`.
pub fn compile(shells: &[&str], target: &Path) -> Result<()> {
    install_target()?;
    let mut command = cargo::cargo("build");
    command.args(["--profile", "guest", "--target", TARGET]);
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags()).env("CARGO_TARGET_DIR", target);
    for shell in shells {
        command.args(["--package", shell]);
    }
    cargo::build(command)
}

/// The target's standard library, when it is missing.
pub fn install_target() -> Result<()> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(paths::root()).output();
    let sysroot = sysroot.context("cannot start rustc: install Rust with rustup")?;
    let sysroot = String::from_utf8(sysroot.stdout).context("rustc named a folder that is not UTF-8")?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(paths::root());
    cargo::run(rustup).with_context(|| format!("the target {TARGET} is missing and could not be installed"))
}

/// Vector instructions, which every host of ours has, and no path of this machine in any message.
pub fn rustflags() -> String {
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let root = remap(&paths::root(), "/ocix");
    let home = remap(&paths::cargo_home(), "/cargo");
    ["-Ctarget-feature=+simd128", &root, &home].join("\x1f")
}

/// Encodes `module` as `component`, unless it was done since the module changed.
fn encode(module: &str, component: &str) -> Result<()> {
    let module = paths::target().join(TARGET).join("guest").join(module).with_extension("wasm");
    let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let folder = paths::target().join("components");
    // The module that the component was made of tells whether there is anything to do.
    let source = folder.join(component).with_extension("core.wasm");
    let component = folder.join(component).with_extension("wasm");
    if component.is_file() && fs::read(&source).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder
        .validate(true)
        .module(&bytes)
        .and_then(ComponentEncoder::encode)
        .with_context(|| format!("cannot make a component of {}", module.display()))?;
    if encoded.is_empty() {
        bail!("{} became an empty component", module.display());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if fs::read(&component).is_ok_and(|old| old == encoded) {
        return write(&source, &bytes);
    }
    write(&component, &encoded)?;
    write(&source, &bytes)?;
    eprintln!("   Component {} ({} KiB)", component.display(), encoded.len() / 1024);
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// All shells: of the components, of pages, and what only tests have.
pub const SHELLS: [&str; 5] =
    ["ocix-browser", "ocix-component", "ocix-toolkit", "ocix-misbehaving-images", "ocix-misbehaving-toolkit"];

/// Without WASI: a component imports what its world says and nothing else.
pub const TARGET: &str = "wasm32-unknown-unknown";
