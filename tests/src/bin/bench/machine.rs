//! What was measured where.

use std::fmt::Write as _;
use std::fs;

use ocix_tests::{program, scratch};

use crate::bench::Bench;
use crate::data;

/// The head of the report.
pub fn heading(bench: &Bench) -> String {
    let line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let found = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        found.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().unwrap();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions: Vec<_> =
        [("tar", "--version"), ("pigz", "--version"), ("zstd", "--version"), ("skopeo", "--version")]
            .map(|(name, arg)| first_line(name, &[arg]))
            .to_vec();
    let mut text = String::from("# Figures\n\nMade by `cargo xtask bench`; nothing here is edited by hand.\n\n");
    let (processor, memory) = (line("/proc/cpuinfo", "model name"), line("/proc/meminfo", "MemTotal"));
    let _ = writeln!(text, "- machine: {processor}, {cores} cores, {memory}, kernel {}", kernel.trim());
    let _ = writeln!(text, "- ocix {}, {}", first_line("git", &["rev-parse", "--short", "HEAD"]), versions.join(", "));
    let (megabytes, files) = (bench.bytes / 1_000_000, data::count(&bench.tree));
    let _ = writeln!(text, "- tree: {megabytes} MB in {files} files, copied from /usr, in the page cache");
    let place = bench.scratch.path(".");
    let place = first_line("stat", &["--file-system", "--format=%T", &place.to_string_lossy()]);
    let _ = writeln!(text, "- all of it on {place}");
    let _ = writeln!(
        text,
        "- runs: {} of each, interleaved, behind one to warm up; medians, and the least and greatest in brackets",
        bench.plan.runs
    );
    text
}

fn first_line(name: &str, args: &[&str]) -> String {
    let output = program(name).args(args).current_dir(scratch::repository()).output().unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}
