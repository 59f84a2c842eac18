//! Figures: `tests/bench` measures, next to the tools that people use today.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, host, paths, tools};

/// Measures, and writes `tests/bench/RESULTS.md`.
pub fn run(args: &[OsString]) -> Result<()> {
    tools::install()?;
    host::build()?;
    let mut build = cargo::cargo("build");
    build.args(["--release", "--bin", "bench"]).args(host::PACKAGES);
    cargo::build(build)?;
    let mut bench = Command::new(paths::target().join("release/bench"));
    bench.args(args).current_dir(paths::root());
    cargo::run(bench)
}
