//! Everything that is checked before a change is taken.

use std::ffi::OsString;
use std::process::Command;
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{cargo, guest, host, paths, tools, web};

/// Runs every step, also after one has failed, and ends with a line for each. With filters only the tests whose names hold one.
pub fn run(filters: &[OsString]) -> Result<()> {
    tools::install()?;
    if !filters.is_empty() {
        guest::build_misbehaving()?;
        host::build()?;
        return tests(filters);
    }
    let start = Instant::now();
    shells()?;
    let shells = start.elapsed().as_secs();
    host::build()?;
    let host = start.elapsed().as_secs().saturating_sub(shells);
    // Cargo does one thing at a time, and browsers leave it time.
    let (tell, told) = mpsc::channel();
    let beside = move || drop(std::thread::spawn(move || tell.send(clippy())));
    let steps: [(&str, Step<'_>); 7] = [
        (
            "tests",
            Box::new(|| {
                let outcome = tests_beside_tools();
                beside();
                outcome
            }),
        ),
        ("tests under Node", Box::new(|| node("test", ".test.js", &["node", "npm"]))),
        ("tests in Chromium", Box::new(|| node("chromium", ".spec.js", &["node", "npm", "chromium"]))),
        ("format", Box::new(format)),
        ("clippy, beside the browsers", Box::new(|| told.recv()?)),
        ("licences, bans, sources", Box::new(deny)),
        ("advisories", Box::new(advisories)),
    ];
    let mut lines = vec![
        format!("ok      WebAssembly and the page are built ({shells} s)"),
        format!("ok      the command line is built ({host} s)"),
    ];
    let mut failed = 0;
    for (name, step) in steps {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        let seconds = start.elapsed().as_secs();
        lines.push(match outcome {
            Ok(()) => format!("ok      {name} ({seconds} s)"),
            Err(error) => {
                failed += 1;
                format!("FAILED  {name} ({seconds} s): {error:#}")
            }
        });
    }
    println!("\n{}", lines.join("\n"));
    if failed > 0 {
        bail!("{failed} steps failed");
    }
    println!("everything passed");
    Ok(())
}

/// Everything that is WebAssembly, and the page, which the command line has in it. A link takes one processor for minutes: two at a time.
fn shells() -> Result<()> {
    // Not by both.
    guest::install_target()?;
    std::thread::scope(|scope| {
        let page = scope.spawn(web::build);
        let components = guest::build().and_then(|()| guest::build_misbehaving());
        let page = page.join().unwrap_or_else(|_| bail!("the page could not be built"));
        components.and(page)
    })
}

/// One thing that is checked.
type Step<'s> = Box<dyn FnOnce() -> Result<()> + 's>;

/// Tests wait for much: what a later step needs is compiled meanwhile.
fn tests_beside_tools() -> Result<()> {
    let tool = std::thread::spawn(tools::cargo_deny);
    let outcome = tests(&[]);
    // Its own step tells what is wrong with it.
    let _ = tool.join();
    outcome
}

fn tests(filters: &[OsString]) -> Result<()> {
    let mut command = cargo::cargo("test");
    command.args(["--release", "--no-fail-fast"]).args(host::PACKAGES).arg("--").args(filters);
    cargo::run(command)
}

/// Runs the files in a folder of `web` whose names end so, where there is what they need.
fn node(folder: &str, ending: &str, needed: &[&str]) -> Result<()> {
    if let Some(missing) = needed.iter().find(|program| !tools::have(program)) {
        eprintln!("skipped: there is no {missing}");
        return Ok(());
    }
    let web = paths::root().join("web");
    let mut files = Vec::new();
    for file in std::fs::read_dir(web.join(folder))? {
        let name = file?.file_name();
        if name.to_string_lossy().ends_with(ending) {
            files.push(std::path::Path::new(folder).join(name));
        }
    }
    files.sort();
    let mut command = Command::new("node");
    command.arg("--test").args(files).current_dir(web);
    cargo::run(command)
}

fn format() -> Result<()> {
    let mut command = cargo::cargo("fmt");
    command.args(["--all", "--check"]);
    cargo::run(command)
}

/// In three parts, for the selection of packages decides features, and a build script's wasmtime would be compiled again.
fn clippy() -> Result<()> {
    let clippy = |args: &[&str]| {
        let mut command = cargo::cargo("clippy");
        command.arg("--quiet").args(args);
        cargo::niced(&command)
    };
    let deny = ["--", "--deny", "warnings"];
    cargo::run(clippy(&[&["--release", "--all-targets"], &host::PACKAGES[..], &deny].concat()))?;
    cargo::run(clippy(&[&["--package", "xtask"], &deny[..]].concat()))?;
    let shells: Vec<_> = guest::SHELLS.iter().flat_map(|shell| ["--package", shell]).collect();
    let mut shells = clippy(&[&["--profile", "guest", "--target", guest::TARGET], &shells[..], &deny].concat());
    shells.env("CARGO_ENCODED_RUSTFLAGS", guest::rustflags());
    cargo::run(shells)
}

fn deny() -> Result<()> {
    let mut command = Command::new(tools::cargo_deny()?);
    command.args(["check", "bans", "licenses", "sources"]).current_dir(paths::root());
    cargo::run(command)
}

/// Needs the advisory database from the network: where that cannot be had, there is nothing to check against.
fn advisories() -> Result<()> {
    let program = tools::cargo_deny()?;
    let deny = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).current_dir(paths::root());
        command
    };
    if !deny(&["fetch", "db"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the advisory database cannot be fetched");
        return Ok(());
    }
    cargo::run(deny(&["check", "--disable-fetch", "advisories"]))
}
