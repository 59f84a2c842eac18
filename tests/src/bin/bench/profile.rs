//! Where the time of a command goes, as `perf` sees it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use ocix_tests::run;

use crate::bench::Bench;

/// Shares of the processors' time by what runs and by function, as a block of text.
pub fn of(bench: &Bench, command: Command) -> String {
    if run::find("perf").is_none() {
        return "(perf is not installed)\n".into();
    }
    let data = bench.scratch.path("perf.data");
    let mut perf = run::program("perf");
    perf.args(["record", "-q", "-F", "499", "-o"])
        .arg(&data)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        perf.env(key, value.unwrap_or(OsStr::new("")));
    }
    if let Some(folder) = command.get_current_dir() {
        perf.current_dir(folder);
    }
    perf.stdout(Stdio::null()).stderr(Stdio::null());
    bench.run(perf);
    let report = |sort: &str, lines: usize| {
        let output = run::program("perf")
            .args(["report", "--no-children", "--stdio", "--percent-limit", "0.5", "--sort", sort, "-i"])
            .arg(&data)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let shares = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
        shares.take(lines).map(|line| format!("{line}\n")).collect::<String>()
    };
    format!("```\n{}\n{}```\n", report("dso", 6), report("sym", 10))
}
