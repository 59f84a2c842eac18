//! What every measurement needs: a place, a tree, and processes whose time and memory are taken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ocix_tests::{Layout, Scratch, program};

use crate::data;

/// How much is done.
pub struct Plan {
    /// Of the tree.
    pub megabytes: u64,
    /// Of the tree for the slowest levels.
    pub slow_megabytes: u64,
    /// Of each measurement, besides one to warm up.
    pub runs: usize,
    pub starts: usize,
    pub small_files: usize,
    pub sparse_gigabytes: u64,
    /// Sizes of the growth tables.
    pub growth_megabytes: &'static [usize],
    pub growth_files: &'static [usize],
    pub growth_layers: &'static [usize],
    pub growth_blobs: &'static [usize],
    /// Of what is pushed.
    pub push_megabytes: usize,
    /// Of the large store.
    pub store_names: usize,
}

impl Plan {
    pub const FULL: Self = Self {
        megabytes: 500,
        slow_megabytes: 100,
        runs: 5,
        starts: 20,
        small_files: 200_000,
        sparse_gigabytes: 20,
        growth_megabytes: &[100, 1000, 4000],
        growth_files: &[1000, 10_000, 100_000, 1_000_000],
        growth_layers: &[1, 10, 100, 500],
        growth_blobs: &[1, 10, 100, 1000],
        push_megabytes: 1000,
        store_names: 10_000,
    };
    pub const QUICK: Self = Self {
        megabytes: 100,
        slow_megabytes: 10,
        runs: 3,
        starts: 10,
        small_files: 20_000,
        sparse_gigabytes: 1,
        growth_megabytes: &[20, 100, 200],
        growth_files: &[1000, 10_000],
        growth_layers: &[1, 10, 100],
        growth_blobs: &[1, 10, 100],
        push_megabytes: 100,
        store_names: 10_000,
    };
}

/// The place of all measurements.
pub struct Bench {
    pub plan: Plan,
    pub scratch: Scratch,
    /// Real files.
    pub tree: PathBuf,
    /// Of the tree's files.
    pub bytes: u64,
}

/// One process from start to end.
#[derive(Clone, Copy)]
pub struct Measured {
    pub seconds: f64,
    /// The largest resident set, in bytes.
    pub peak: u64,
    /// Bytes that it asked to read, as of the last look.
    pub read: u64,
}

impl Bench {
    /// Copies a real tree of the wanted size, and reads it once so that all of it is in memory.
    pub fn new(plan: Plan) -> Self {
        let scratch = Scratch::new();
        let tree = scratch.folder("tree");
        let bytes = data::real(&tree, plan.megabytes << 20);
        let bench = Self { plan, scratch, tree, bytes };
        bench.shell("tar c -C tree . | cat > /dev/null");
        bench
    }

    /// Exports a directory into a new store.
    pub fn export(&self, source: &Path, options: &str) -> Measured {
        self.forget();
        self.run(self.exporting(source, options))
    }

    /// The command of [`export`](Self::export).
    pub fn exporting(&self, source: &Path, options: &str) -> Command {
        let mut command = self.scratch.exporting(source, &format!("type=image,name=bench:v1,{options}"), &[]);
        command.stdout(Stdio::null());
        command
    }

    /// Nothing is stored.
    pub fn forget(&self) {
        fs::remove_dir_all(self.scratch.path("store")).ok();
    }

    /// Bytes of the one layer in the store.
    pub fn layer(&self) -> u64 {
        let store: Layout = self.scratch.store();
        store.manifest("docker.io/library/bench:v1")["layers"][0]["size"].as_u64().unwrap()
    }

    /// A line for bash, in the place of all measurements.
    pub fn shell(&self, line: &str) -> Measured {
        let mut command = program("bash");
        command.args(["-c", line]).current_dir(self.scratch.path("."));
        self.run(command)
    }

    /// Runs a command, which must succeed.
    pub fn run(&self, mut command: Command) -> Measured {
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        // The kernel keeps the high-water mark, so that looking now and then is enough; the last look is at most 2 ms before the end.
        let io = PathBuf::from(format!("/proc/{}/io", child.id()));
        let (mut peak, mut read) = (0, 0);
        let ended = loop {
            let high = fs::read_to_string(&status).unwrap_or_default();
            let high = high.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let high = high.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            peak = high.map_or(peak, |kilobytes| kilobytes << 10);
            let counts = fs::read_to_string(&io).unwrap_or_default();
            let count = counts.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok());
            read = count.unwrap_or(read);
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(if start.elapsed().as_millis() < 200 { 1 } else { 2 }));
        };
        let seconds = start.elapsed().as_secs_f64();
        assert!(ended.success(), "{command:?}: {ended}");
        Measured { seconds, peak, read }
    }
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The median, the least and the greatest.
pub fn spread(figures: &[f64], digits: usize) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = figures.iter().copied().fold(0.0, f64::max);
    format!("{:.digits$} [{least:.digits$}–{greatest:.digits$}]", median(figures))
}

/// Bytes as 10^6.
pub fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
