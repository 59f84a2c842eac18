//! A folder of a test's own, with a home and a store in it, and the command line under test.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::layout::Layout;
use crate::run::Run;

/// Gone with everything in it when dropped.
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A new, empty folder that every user may enter.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ocix-test-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder in it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A file in it, with the folders on the way.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A small tree to export, made on the first call.
    pub fn site(&self) -> PathBuf {
        if !self.path("site").exists() {
            self.write("site/index.html", "<p>hello</p>\n");
            self.write("site/css/style.css", "body { margin: 0 }\n");
            std::os::unix::fs::symlink("index.html", self.path("site/latest")).unwrap();
        }
        self.path("site")
    }

    /// The embedded store, unless a test names another.
    pub fn store(&self) -> Layout {
        Layout::at(self.path("store"))
    }

    /// `ocix`, in this folder, with an environment that has nothing but a path, a home and the store.
    pub fn ocix(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("OCIX_STORE", self.path("store"));
        command
    }

    /// `ocix export SOURCE --output SPEC ARGS…` without progress.
    pub fn export(&self, source: impl AsRef<OsStr>, output: &str, args: &[&str]) -> Run {
        Run::of(&mut self.exporting(source, output, args))
    }

    /// The same, to be started by the test.
    pub fn exporting(&self, source: impl AsRef<OsStr>, output: &str, args: &[&str]) -> Command {
        let mut command = self.ocix();
        command.arg("export").arg(source).args(["--output", output, "--progress=none"]).args(args);
        command
    }

    /// What the user keeps for a registry, as `docker login` writes it.
    pub fn login(&self, registry: &str, user: &str, password: &str) {
        let auth = crate::base64(format!("{user}:{password}").as_bytes());
        let config = serde_json::json!({ "auths": { registry: { "auth": auth } } });
        self.write("home/.docker/config.json", config.to_string());
    }
}

/// The command line under test: `$OCIX_BIN`, else what `cargo xtask build` left.
pub fn binary() -> PathBuf {
    let built = || repository().join("target/release/ocix");
    let binary = std::env::var_os("OCIX_BIN").map_or_else(built, PathBuf::from);
    assert!(binary.is_file(), "{} is missing: run the tests with `cargo xtask test`", binary.display());
    binary
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
