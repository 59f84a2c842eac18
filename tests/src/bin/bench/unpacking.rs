//! Unpacking an image: next to umoci, which also checks digests, and tar, which does not; and how its time grows.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use ocix_tests::program;

use crate::bench::{Bench, median, mega};
use crate::data;
use crate::growth::exponent;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let mut text = String::from("\n## Unpacking\n\n");
    text += HEAD;
    let mut profiles = String::new();
    for (how, umoci) in [("uncompressed", true), ("gzip", true), ("zstd", false)] {
        bench.forget();
        let output = format!("type=oci,tar=false,dest={how},name=bench:v1,compression={how}");
        bench.scratch.export(&bench.tree, &output, &[]).ok();
        let rows = umoci.then(|| against_umoci(bench, how)).into_iter().chain([against_tar(bench, how)]);
        for (row, profile) in rows {
            text += &row;
            profiles += &profile;
        }
    }
    text + &profiles + &growth(bench)
}

fn against_umoci(bench: &Bench, how: &str) -> (String, String) {
    let theirs = || {
        cleared(bench);
        let mut umoci = program("umoci");
        umoci.args(["unpack", "--image", &format!("{how}:v1"), "out"]).current_dir(bench.scratch.path("."));
        bench.run(umoci).seconds
    };
    let work = format!("an image of {:.0} MB, {how}, against `umoci unpack`", mega(bench.bytes));
    let row = Row::measure(bench, &work, Target::Speed(1.5, None), || ours(bench, how), theirs);
    line(bench, &row, || again(bench, how))
}

fn against_tar(bench: &Bench, how: &str) -> (String, String) {
    let layout = ocix_tests::Layout::at(bench.scratch.path(how));
    let digest = layout.entries()[0]["digest"].as_str().unwrap().to_owned();
    let blob = layout.blob_path(layout.image(&digest).0["layers"][0]["digest"].as_str().unwrap());
    let flag = match how {
        "gzip" => "--gzip",
        "zstd" => "--zstd",
        _ => "--extract",
    };
    let theirs = || {
        cleared(bench);
        fs::create_dir(bench.scratch.path("out")).unwrap();
        let mut tar = program("tar");
        tar.args(["--extract", "--preserve-permissions", "--numeric-owner", flag, "-f"]).arg(&blob).arg("-C");
        bench
            .run({
                tar.arg(bench.scratch.path("out"));
                tar
            })
            .seconds
    };
    let work = format!("the same, {how}, against `tar x` of the layer");
    let row = Row::measure(bench, &work, Target::Speed(0.8, None), || ours(bench, how), theirs);
    line(bench, &row, || again(bench, how))
}

/// With the number of files.
fn growth(bench: &Bench) -> String {
    let mut points = Vec::new();
    for files in bench.plan.growth_files.iter().filter(|files| **files <= 200_000) {
        eprintln!("unpacking {files} files");
        let source = bench.scratch.folder("growing");
        data::small_files(&source, *files, 1024);
        bench.forget();
        bench.scratch.export(&source, "type=oci,tar=false,dest=grown,name=bench:v1", &[]).ok();
        points.push((*files as f64, median(&[(); 3].map(|()| ours(bench, "grown")))));
        [source, bench.scratch.path("grown")].iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
    }
    // What is small is mostly the start of a process.
    let exponent = exponent(points.get(1..).filter(|rest| rest.len() > 1).unwrap_or(&points));
    let met = if exponent <= 1.05 { "met" } else { "**missed**" };
    let seconds: Vec<_> = points.iter().map(|(files, seconds)| format!("{files}: {seconds:.2}")).collect();
    let mut text = String::from("\n| what grows | seconds | exponent | |\n|---|---|---|---|\n");
    let _ = writeln!(text, "| files of 1 KiB, gzip | {} | {exponent:.2} | {met} |", seconds.join(", "));
    text
}

fn ours(bench: &Bench, layout: &str) -> f64 {
    cleared(bench);
    bench.run(command(bench, layout)).seconds
}

fn command(bench: &Bench, layout: &str) -> Command {
    let mut command = bench.scratch.ocix();
    command.args(["unpack", "--quiet", &format!("oci:{layout}"), "out"]).stdout(Stdio::null());
    command
}

fn again(bench: &Bench, layout: &str) -> Command {
    cleared(bench);
    command(bench, layout)
}

fn cleared(bench: &Bench) {
    fs::remove_dir_all(bench.scratch.path("out")).ok();
}
