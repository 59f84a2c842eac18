//! Everything that is checked before a change is taken.

use std::ffi::OsString;
use std::process::Command;
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{cargo, guest, host, paths, tools, web};

/// Runs every step, also after one has failed, and ends with a line for each. With filters only the tests whose names hold one.
pub fn run(filters: &[OsString]) -> Result<()> {
    tools::install()?;
    if !filters.is_empty() {
        guest::build_misbehaving()?;
        host::build()?;
        return cargo::run(tests(&[], filters));
    }
    let start = Instant::now();
    shells()?;
    let shells = start.elapsed().as_secs();
    host::build()?;
    let host = start.elapsed().as_secs().saturating_sub(shells);
    let mut lines = vec![
        Ok(format!("ok      WebAssembly and the page are built ({shells} s)")),
        Ok(format!("ok      the command line is built ({host} s)")),
    ];
    let (tell, told) = mpsc::channel();
    let beside = move || {
        drop(std::thread::spawn(move || {
            BESIDE.iter().try_for_each(|(name, step)| {
                let mut said = String::new();
                tell.send((timed(name, || step(&mut said)), said))
            })
        }));
    };
    let steps: [(&str, Step<'_>); 3] = [
        ("tests of the command line", Box::new(|| cargo::test(tests(&PROGRAMS, &[]), beside))),
        ("tests under Node", Box::new(|| node("test", ".test.js", &["node", "npm"]))),
        ("tests in Chromium", Box::new(|| node("chromium", ".spec.js", &["node", "npm", "chromium"]))),
    ];
    for (name, step) in steps {
        eprintln!("\n== {name}");
        lines.push(timed(name, step));
    }
    for (name, _) in BESIDE {
        let (line, said) = told.recv().with_context(|| format!("{name}: it ended without a word"))?;
        eprintln!("\n== {name}, beside the others\n{said}");
        lines.push(line);
    }
    println!();
    for Ok(line) | Err(line) in &lines {
        println!("{line}");
    }
    match lines.iter().filter(|line| line.is_err()).count() {
        0 => println!("everything passed"),
        failed => bail!("{failed} steps failed"),
    }
    Ok(())
}

/// How a step ended, and how long it took, in a line.
fn timed(name: &str, step: impl FnOnce() -> Result<()>) -> Result<String, String> {
    let start = Instant::now();
    let outcome = step();
    let seconds = start.elapsed().as_secs();
    match outcome {
        Ok(()) => Ok(format!("ok      {name} ({seconds} s)")),
        Err(error) => Err(format!("FAILED  {name} ({seconds} s): {error:#}")),
    }
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

/// The same, of what gives way to the others: what it says is kept.
type Beside = fn(&mut String) -> Result<()>;

/// Programs and browsers wait for much, and leave time for these. One after the other, for cargo does one thing at a time.
const BESIDE: [(&str, Beside); 4] = [
    ("unit tests", |said| cargo::beside(&tests(&UNITS, &[]), said)),
    ("tests in the documentation", |said| cargo::beside(&tests(&["--doc"], &[]), said)),
    ("clippy", clippy),
    ("format", format),
];

/// With [`UNITS`] and the documentation these are all tests.
const PROGRAMS: [&str; 2] = ["--test", "*"];
const UNITS: [&str; 3] = ["--lib", "--bins", "--examples"];

/// `which` of them, all where that is empty, whose names hold a filter.
fn tests(which: &[&str], filters: &[OsString]) -> Command {
    let mut command = cargo::cargo("test");
    command.args(["--release", "--no-fail-fast"]).args(host::PACKAGES).args(which).arg("--").args(filters);
    command
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

fn format(said: &mut String) -> Result<()> {
    let mut command = cargo::cargo("fmt");
    command.args(["--all", "--check"]);
    cargo::beside(&command, said)
}

/// In three parts, for the selection of packages decides features, and a build script's wasmtime would be compiled again.
fn clippy(said: &mut String) -> Result<()> {
    let clippy = |args: &[&str]| {
        let mut command = cargo::cargo("clippy");
        command.arg("--quiet").args(args);
        command
    };
    let deny = ["--", "--deny", "warnings"];
    cargo::beside(&clippy(&[&["--release", "--all-targets"], &host::PACKAGES[..], &deny].concat()), said)?;
    cargo::beside(&clippy(&[&["--package", "xtask"], &deny[..]].concat()), said)?;
    let shells: Vec<_> = guest::SHELLS.iter().flat_map(|shell| ["--package", shell]).collect();
    let mut shells = clippy(&[&["--profile", "guest", "--target", guest::TARGET], &shells[..], &deny].concat());
    shells.env("CARGO_ENCODED_RUSTFLAGS", guest::rustflags());
    cargo::beside(&shells, said)
}
