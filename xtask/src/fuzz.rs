//! Fuzzing: `tests/fuzz` has a target for every parser; each begins with what other projects and BuildKit made.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{cargo, paths};

/// Runs the named targets, or all, each for `--seconds N` (60), and fails when one finds something.
pub fn run(args: &[OsString]) -> Result<()> {
    let mut args = args.iter().map(|arg| arg.to_str().context("arguments are text"));
    let (mut seconds, mut wanted) = ("60", Vec::new());
    while let Some(arg) = args.next().transpose()? {
        match arg {
            "--seconds" => seconds = args.next().context("--seconds is followed by a number")??,
            target => wanted.push(target),
        }
    }
    let program = cargo_fuzz()?;
    let targets = targets()?;
    if let Some(unknown) = wanted.iter().find(|wanted| !targets.iter().any(|target| target == *wanted)) {
        bail!("there is no target `{unknown}`; there are {}", targets.join(", "));
    }
    let mut found = Vec::new();
    for target in targets.iter().filter(|target| wanted.is_empty() || wanted.contains(&target.as_str())) {
        seed(target)?;
        eprintln!("== {target}");
        let mut run = fuzz(&program, "run");
        run.args(OPTIONS).arg(target).args(["--", &format!("-max_total_time={seconds}"), "-timeout=20"]);
        run.args(["-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
        if cargo::run(run).is_err() {
            found.push(target.as_str());
        }
    }
    if !found.is_empty() {
        bail!("something was found by {}: see tests/fuzz/artifacts", found.join(", "));
    }
    Ok(())
}

/// `cargo fuzz VERB` in the folder of the targets. The toolchain is the stable one, which has the compiler's coverage too.
fn fuzz(program: &Path, verb: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["fuzz", verb, "--fuzz-dir"]).arg(folder()).current_dir(paths::root()).env("RUSTC_BOOTSTRAP", "1");
    command
}

/// `cargo-fuzz` of a known version, in the target folder.
fn cargo_fuzz() -> Result<PathBuf> {
    let folder = paths::target().join("tools");
    let program = folder.join("bin/cargo-fuzz");
    let have = Command::new(&program).args(["fuzz", "--version"]).output();
    if !have.is_ok_and(|have| String::from_utf8_lossy(&have.stdout).trim().ends_with(CARGO_FUZZ)) {
        let mut install = cargo::cargo("install");
        install.args(["cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--debug", "--force", "--root"]).arg(&folder);
        install.env("CARGO_TARGET_DIR", folder.join("build"));
        cargo::build(install).context("cargo-fuzz could not be installed")?;
    }
    Ok(program)
}

/// Their names.
fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(folder().join("fuzz_targets"))?;
    let names = entries.map(|entry| Ok(entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// Puts the small files of the corpora into the target's own, under names that do not change.
fn seed(target: &str) -> Result<()> {
    let corpus = folder().join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let shared = paths::root().join("../shared");
    let mut files = Vec::new();
    for part in ["corpora", "golden/layers", "golden/sources", "golden/cases"] {
        collect(&shared.join(part), &mut files)?;
    }
    files.sort();
    for (number, file) in files.iter().enumerate() {
        let seed = corpus.join(format!("seed-{number:04}"));
        if !seed.exists() {
            fs::copy(file, seed)?;
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            collect(&path, files)?;
        } else if meta.is_file() && meta.len() <= SMALL {
            files.push(path);
        }
    }
    Ok(())
}

fn folder() -> PathBuf {
    paths::root().join("tests/fuzz")
}

/// Sanitizers are the nightly compiler's, and there is no unsafe code to look after.
const OPTIONS: [&str; 3] = ["--sanitizer", "none", "--release"];

/// Bytes of a seed at most.
const SMALL: u64 = 64 << 10;

const CARGO_FUZZ: &str = "0.13.2";
