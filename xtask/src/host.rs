//! The command line: built, run, installed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{cargo, guest, paths, tools};

/// What is built natively with the profile `release`. Building and testing select the same packages, so that features are
/// unified the same way and wasmtime is compiled once.
pub const PACKAGES: [&str; 6] = ["--package", "ocix", "--package", "ocix-core", "--package", "ocix-tests"];

/// The components, then `target/release/ocix`, with the page if that was built before.
pub fn build() -> Result<()> {
    tools::protoc()?;
    guest::build()?;
    // Cargo looks at a folder for what is new in it when it is there.
    let page = paths::page();
    fs::create_dir_all(&page).with_context(|| format!("cannot make {}", page.display()))?;
    let mut command = cargo::cargo("build");
    command.args(["--release", "--bin", "ocix"]).args(PACKAGES);
    cargo::build(command)
}

/// Becomes `ocix ARGS`, in the caller's folder, after building what is stale.
pub fn run(args: &[OsString]) -> Result<()> {
    build()?;
    let error = Command::new(paths::binary()).args(args).exec();
    Err(error).with_context(|| format!("cannot start {}", paths::binary().display()))
}

/// Copies the command line to where cargo keeps programs.
pub fn install() -> Result<()> {
    build()?;
    let folder = paths::cargo_home().join("bin");
    let to = folder.join("ocix");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // A program that runs cannot be written to, but another can take its name.
    let temporary = folder.join(format!(".ocix.{}", std::process::id()));
    let copied = fs::copy(paths::binary(), &temporary).and_then(|_| fs::rename(&temporary, &to));
    if copied.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    copied.with_context(|| format!("cannot write {}", to.display()))?;
    println!("{}", to.display());
    Ok(())
}
