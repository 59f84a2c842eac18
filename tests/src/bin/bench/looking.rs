//! Looking into images: lists next to tar, verification next to skopeo, and how little a comparison reads.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ocix_tests::{Run, program};

use crate::bench::{Bench, mega};
use crate::data;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let mut text = String::from("\n## Looking into images\n\n");
    text += HEAD;
    let mut profiles = String::new();
    for (row, profile) in [lists(bench), reads(bench), verifies(bench, "plain"), verifies(bench, "gzip")] {
        text += &row;
        profiles += &profile;
    }
    text + &profiles + &compares(bench)
}

/// Every entry of a gzip layer.
fn lists(bench: &Bench) -> (String, String) {
    bench.shell("tar c -C tree . | gzip -6 > layer.tar.gz");
    let ours = || {
        let mut command = bench.scratch.ocix();
        command.args(["ls", "--layer=0", "tar:layer.tar.gz"]).stdout(Stdio::null());
        command
    };
    let work = format!("`ls` of a gzip layer of {:.0} MB, against `tar tzf`", mega(bench.bytes));
    let theirs = || bench.shell("tar tzf layer.tar.gz > /dev/null").seconds;
    let row = Row::measure(bench, &work, Target::Time(0.8), || bench.run(ours()).seconds, theirs);
    line(bench, &row, ours)
}

/// The last file of the same layer: it is found and read in one go.
fn reads(bench: &Bench) -> (String, String) {
    let last = Run::of(
        program("sh")
            .args(["-c", "tar tzvf layer.tar.gz | grep ^- | tail -n 1 | awk '{ print $NF }'"])
            .current_dir(bench.scratch.path("")),
    );
    let last = last.ok().stdout.trim_end().to_owned();
    let ours = || {
        let mut command = bench.scratch.ocix();
        command.args(["inspect", "--file", &last, "tar:layer.tar.gz"]).stdout(Stdio::null());
        command
    };
    let work = format!("the last file of a gzip layer of {:.0} MB, against `tar xzOf`", mega(bench.bytes));
    let theirs = || bench.shell(&format!("tar xzOf layer.tar.gz '{last}' > /dev/null")).seconds;
    let row = Row::measure(bench, &work, Target::Time(0.8), || bench.run(ours()).seconds, theirs);
    line(bench, &row, ours)
}

/// Everything about an image, against a copy of it that checks digests.
fn verifies(bench: &Bench, how: &str) -> (String, String) {
    let size = bench.plan.push_megabytes;
    let layout = match how {
        "plain" => {
            let layout = bench.scratch.path("plain-layout");
            data::layers_of(&layout, 4, size * 250_000);
            layout
        }
        _ => {
            bench.forget();
            let output = "type=oci,tar=false,dest=gzip-layout,compression=gzip,compression-level=6";
            bench.scratch.export(&bench.tree, output, &[]).ok();
            bench.scratch.path("gzip-layout")
        }
    };
    let layout = layout.display().to_string();
    let ours = || {
        let mut command = bench.scratch.ocix();
        command.args(["verify", &format!("oci:{layout}")]).stdout(Stdio::null());
        command
    };
    let theirs = || {
        fs::remove_dir_all(bench.scratch.path("copied")).ok();
        let to = format!("dir:{}", bench.scratch.path("copied").display());
        let mut skopeo = program("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet", &format!("oci:{layout}"), &to]);
        skopeo.env("HOME", bench.scratch.path("home"));
        bench.run(skopeo).seconds
    };
    let what = match how {
        "plain" => format!("{size} MB in 4 plain layers"),
        _ => format!("a gzip layer of {:.0} MB of files", mega(bench.bytes)),
    };
    let work = format!("`verify` of {what}, against `skopeo copy oci: dir:`");
    let row = Row::measure(bench, &work, Target::Speed(1.0, None), || bench.run(ours()).seconds, theirs);
    line(bench, &row, ours)
}

/// Two images that share all but one layer.
fn compares(bench: &Bench) -> String {
    let size = bench.plan.push_megabytes / 2;
    let base = bench.scratch.path("base");
    data::layers_of(&base, 20, size * 50_000);
    for (name, word) in [("one", "this"), ("other", "that")] {
        let content: String = (0..size * 5000).map(|number| format!("{word} {number} ")).collect();
        bench.scratch.write(&format!("{name}/file"), content);
        let output = format!("type=oci,tar=false,dest={name}-layout,compression=uncompressed");
        bench.scratch.export(name, &output, &["--base=oci:base"]).ok();
    }
    let all: u64 = ["one-layout", "other-layout"].iter().map(|name| bytes(&bench.scratch.path(name))).sum();
    let reads = |args: &[&str]| -> u64 {
        let mut command: Command = bench.scratch.ocix();
        command.args(args).stdout(Stdio::null());
        bench.run(command).read
    };
    let start = reads(&["verify", "--codes"]);
    let read = reads(&["diff", "oci:one-layout", "oci:other-layout"]).saturating_sub(start);
    let share = read as f64 / all as f64;
    let met = if share <= 0.1 { "met" } else { "**missed**" };
    let mut text = String::from("\n| what | figure | aimed at | |\n|---|---|---|---|\n");
    let _ = writeln!(
        text,
        "| what `diff` of two images of {size} MB reads that share all but one layer | {:.1} of {:.1} MB | ≤ 10 % | {met} |",
        mega(read),
        mega(all)
    );
    text
}

/// Of all files in a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { bytes(&path) } else { fs::metadata(path).unwrap().len() }).sum()
}
