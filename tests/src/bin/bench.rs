//! Figures: the command line next to the tools that people use today, in one run and interleaved.
//!
//! Writes `tests/bench/RESULTS.md`. A figure is the median; speed is a ratio against a named peer, run by run. `--quick` takes
//! fewer runs of a smaller tree.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ocix_tests::{Layout, Scratch, program, scratch};

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let plan =
        if quick { Plan { megabytes: 100, runs: 3, starts: 10 } } else { Plan { megabytes: 500, runs: 5, starts: 20 } };
    let bench = Bench::new(plan);
    let mut report = bench.heading();
    report += &bench.throughput();
    report += &bench.memory();
    report += &bench.cold_start();
    let path = scratch::repository().join("tests/bench/RESULTS.md");
    fs::write(&path, &report).unwrap();
    print!("{report}");
}

/// How much is done.
struct Plan {
    megabytes: u64,
    runs: usize,
    starts: usize,
}

struct Bench {
    plan: Plan,
    scratch: Scratch,
    tree: PathBuf,
    bytes: u64,
}

/// One process from start to end.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    /// The largest resident set, in bytes.
    peak: u64,
}

impl Bench {
    /// Copies a real tree of the wanted size out of `/usr`, and reads it once so that all of it is in memory.
    fn new(plan: Plan) -> Self {
        let scratch = Scratch::new();
        let tree = scratch.folder("tree");
        let mut bytes = 0;
        for folder in ["/usr/share", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/local"] {
            copy(Path::new(folder), &tree.join(&folder[1..]), plan.megabytes << 20, &mut bytes);
        }
        let bench = Self { plan, scratch, tree, bytes };
        bench.shell("tar c -C tree . | cat > /dev/null");
        bench
    }

    fn heading(&self) -> String {
        let line = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let found = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            found.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
        };
        let cores = std::thread::available_parallelism().unwrap();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut text = String::from("# Figures\n\nMade by `cargo xtask bench`; nothing here is edited by hand.\n\n");
        let _ = writeln!(
            text,
            "- machine: {}, {cores} cores, {}",
            line("/proc/cpuinfo", "model name"),
            line("/proc/meminfo", "MemTotal")
        );
        let _ = writeln!(text, "- kernel: {}", kernel.trim());
        let _ = writeln!(
            text,
            "- ocix {}, {}, {}",
            first_line("git", &["rev-parse", "--short", "HEAD"]),
            first_line("tar", &["--version"]),
            first_line("pigz", &["--version"])
        );
        let _ = writeln!(
            text,
            "- tree: {} MB in {} files, copied from /usr, in the page cache",
            self.bytes / 1_000_000,
            count(&self.tree)
        );
        let _ = writeln!(
            text,
            "- runs: {} of each, interleaved; medians, and the least and greatest in brackets\n",
            self.plan.runs
        );
        text
    }

    fn throughput(&self) -> String {
        let rows = [
            ("gzip 6", "compression=gzip,compression-level=6", "tar c -C tree . | pigz -6 > peer.gz"),
            ("gzip, level unset", "compression=gzip", "tar c -C tree . | pigz -6 > peer.gz"),
            ("uncompressed", "compression=uncompressed", "tar c -C tree . | sha256sum > peer.sum"),
        ];
        let mut text = String::from(
            "## From a directory to the embedded store\n\nBoth digests computed, every blob flushed to the disk before it is named; the peers flush nothing.\n\n",
        );
        text += "| work | ocix, s | peer, s | speed against the peer | layer, MB | peer's, MB | size |\n|---|---|---|---|---|---|---|\n";
        for (name, options, peer) in rows {
            let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            let mut size = 0;
            for _ in 0..=self.plan.runs {
                let one = self.export(options);
                size = self.layer();
                let other = self.shell(peer);
                ours.push(one.seconds);
                theirs.push(other.seconds);
                ratios.push(other.seconds / one.seconds);
            }
            // The first of each is a warm-up.
            for figures in [&mut ours, &mut theirs, &mut ratios] {
                figures.remove(0);
            }
            let sizes = match fs::metadata(self.scratch.path("peer.gz")) {
                Ok(peer) if name.starts_with("gzip") => {
                    format!("{:.1} | {:.1} | {:.3}x", mega(size), mega(peer.len()), size as f64 / peer.len() as f64)
                }
                _ => format!("{:.1} | | ", mega(size)),
            };
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {}x | {sizes} |",
                spread(&mut ours),
                spread(&mut theirs),
                spread(&mut ratios)
            );
        }
        text += "\nPeers, run in a shell:\n\n";
        for (name, options, peer) in rows {
            let _ = writeln!(
                text,
                "- {name}: `ocix export tree --output type=image,name=bench:v1,{options}` against `{peer}`"
            );
        }
        text.push('\n');
        text
    }

    fn memory(&self) -> String {
        let mut text = String::from(
            "## Peak memory\n\nThe largest resident set of the whole process, guests included.\n\n| work | MB |\n|---|---|\n",
        );
        for options in ["compression=gzip,compression-level=6", "compression=uncompressed"] {
            let _ = writeln!(text, "| the tree, {options} | {:.0} |", mega(self.export(options).peak));
        }
        let big = self.scratch.folder("big");
        for gigabytes in [1_u64, 4] {
            let file = fs::File::create(big.join("sparse")).unwrap();
            file.set_len(gigabytes << 30).unwrap();
            let measured = self.run(self.command(&big, "compression=gzip,compression-level=6"));
            let _ = writeln!(text, "| one sparse file of {gigabytes} GiB, gzip 6 | {:.0} |", mega(measured.peak));
        }
        text.push('\n');
        text
    }

    fn cold_start(&self) -> String {
        let small = self.scratch.site();
        let mut seconds = Vec::new();
        for _ in 0..=self.plan.starts {
            fs::remove_dir_all(self.scratch.path("store")).ok();
            seconds.push(self.run(self.command(&small, "store=true")).seconds * 1000.0);
        }
        seconds.remove(0);
        let mut text = String::from(
            "## Cold start\n\n`ocix export site --output type=image,name=bench:v1` of three files into a new store, whole process.\n\n",
        );
        let _ = writeln!(text, "- {} ms: the median of {} (least–greatest)", spread(&mut seconds), self.plan.starts);
        text
    }

    /// Exports the tree into a new store.
    fn export(&self, options: &str) -> Measured {
        fs::remove_dir_all(self.scratch.path("store")).ok();
        self.run(self.command(&self.tree, options))
    }

    fn command(&self, source: &Path, options: &str) -> Command {
        let output = format!("type=image,name=bench:v1,{options}");
        let mut command = self.scratch.exporting(source, &output, &[]);
        command.stdout(Stdio::null());
        command
    }

    /// The size of the one layer in the store.
    fn layer(&self) -> u64 {
        let store: Layout = self.scratch.store();
        let manifest = store.manifest("docker.io/library/bench:v1");
        manifest["layers"][0]["size"].as_u64().unwrap()
    }

    fn shell(&self, line: &str) -> Measured {
        let mut command = program("sh");
        command.args(["-c", line]).current_dir(self.scratch.path("."));
        self.run(command)
    }

    fn run(&self, mut command: Command) -> Measured {
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        // The kernel keeps the high-water mark, so that looking now and then is enough; the last look is at most 2 ms before the end.
        let mut peak = 0;
        let ended = loop {
            let high = fs::read_to_string(&status).unwrap_or_default();
            let high = high
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))
                .and_then(|value| value.trim().strip_suffix(" kB"));
            peak = high.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).map_or(peak, |kilobytes| kilobytes << 10);
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(std::time::Duration::from_millis(if start.elapsed().as_millis() < 200 { 1 } else { 2 }));
        };
        let seconds = start.elapsed().as_secs_f64();
        assert!(ended.success(), "{command:?}: {ended}");
        Measured { seconds, peak }
    }
}

/// Copies regular files and symlinks, folder by folder in the order of their names, until `most` bytes are there.
fn copy(from: &Path, to: &Path, most: u64, bytes: &mut u64) {
    let Ok(entries) = fs::read_dir(from) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    fs::create_dir_all(to).unwrap();
    for path in entries {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let to = to.join(path.file_name().unwrap());
        if *bytes >= most {
            return;
        } else if metadata.is_dir() {
            copy(&path, &to, most, bytes);
        } else if metadata.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), to).unwrap();
        } else if metadata.is_file() {
            *bytes += fs::copy(&path, to).unwrap_or_default();
        }
    }
}

fn count(tree: &Path) -> usize {
    fs::read_dir(tree)
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 1 })
        .sum()
}

fn first_line(name: &str, args: &[&str]) -> String {
    let output = program(name).args(args).current_dir(scratch::repository()).output().unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}

/// The median, the least and the greatest.
fn spread(figures: &mut [f64]) -> String {
    figures.sort_by(f64::total_cmp);
    let median = figures[figures.len() / 2];
    format!("{median:.2} [{:.2}–{:.2}]", figures[0], figures[figures.len() - 1])
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
