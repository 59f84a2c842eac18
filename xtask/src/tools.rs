//! Programs that the tests compare with: installed when they are missing and can be.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cargo, paths};

/// Installs the Debian packages of missing programs. What stays missing is told; in CI it is an error, elsewhere the tests that
/// need it say that they were skipped.
pub fn install() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return node();
    }
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    let installed = apt(&packages);
    let missing: Vec<_> = self::missing().iter().map(|(program, _)| *program).collect();
    if !missing.is_empty() {
        let reason = installed.err().map_or_else(String::new, |error| format!(" ({error:#})"));
        let message = format!("missing programs: {}{reason}; install: {}", missing.join(", "), packages.join(" "));
        if in_ci() {
            bail!(message);
        }
        eprintln!("xtask: {message}; the tests that need them are skipped");
    }
    node()
}

/// Where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// The compiler of protocol buffers at `target/tools/protoc`, where `.cargo/config.toml` tells cargo that it is: containerd's protocol is made of it.
pub fn protoc() -> Result<()> {
    let folder = paths::target().join("tools");
    let program = folder.join("protoc");
    let vendored = protoc_bin_vendored::protoc_bin_path().context("there is no protoc for this machine")?;
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
    if size(&program) == size(&vendored) {
        return Ok(());
    }
    // A program that runs cannot be written to, but another can take its name.
    let temporary = folder.join(format!(".protoc.{}", std::process::id()));
    let copied = fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(&vendored, &temporary))
        .and_then(|_| fs::rename(&temporary, &program));
    copied.with_context(|| format!("cannot write {}", program.display()))
}

/// Whether `program` is on the path.
pub fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

fn missing() -> Vec<(&'static str, &'static str)> {
    PROGRAMS.iter().filter(|(program, _)| !have(program)).copied().collect()
}

fn apt(packages: &[&str]) -> Result<()> {
    if !have("apt-get") {
        bail!("there is no apt-get");
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-q").args(args).env("DEBIAN_FRONTEND", "noninteractive");
        cargo::run(command)
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

/// Node is too old in Debian to be taken from there: it is only looked for.
fn node() -> Result<()> {
    let version = Command::new("node").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= NODE) {
        return Ok(());
    }
    let found = if version.is_empty() { "none".to_owned() } else { version };
    let message = format!("the browser shell is tested with Node {NODE} or later, and here is {found}");
    if in_ci() {
        bail!(message);
    }
    eprintln!("xtask: {message}; its test is skipped");
    Ok(())
}

/// The oldest that the browser shell promises to run in.
const NODE: u32 = 20;

/// Programs and the Debian packages that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    ("containerd", "containerd"),
    ("docker-registry", "docker-registry"),
    ("mmdebstrap", "mmdebstrap"),
    ("openssl", "openssl"),
    ("pigz", "pigz"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("setpriv", "util-linux"),
    ("skopeo", "skopeo"),
    ("strace", "strace"),
    ("tar", "tar"),
    ("time", "time"),
    ("umoci", "umoci"),
    ("zstd", "zstd"),
];
