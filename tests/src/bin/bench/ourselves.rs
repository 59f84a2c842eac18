//! Against ourselves: what an option costs, what a second time saves; and how much memory and how long a start takes.

use std::fmt::Write as _;
use std::fs;

use crate::bench::{Bench, mega, spread};
use crate::data;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let mut text = String::from("\n## Against ourselves\n\n");
    text += HEAD;
    let mut profiles = String::new();
    let mut add = |told: (String, String)| {
        text += &told.0;
        profiles += &told.1;
    };
    add(against(bench, "estargz against gzip", Target::Speed(0.8, None), "compression=estargz", "compression=gzip"));
    for codec in ["gzip", "zstd", "uncompressed"] {
        let plain = format!("compression={codec}");
        let rewriting = format!("{plain},rewrite-timestamp=true,source-date-epoch=1600000000");
        let work = format!("{codec} with rewrite-timestamp against without");
        add(against(bench, &work, Target::Time(1.1), &rewriting, &plain));
    }
    add(again_from_a_directory(bench));
    add(again_from_an_image(bench));
    text + &profiles + &memory(bench) + &cold_start(bench)
}

fn against(bench: &Bench, work: &str, target: Target, ours: &str, theirs: &str) -> (String, String) {
    let export = |options: &str| bench.export(&bench.tree, options).seconds;
    let row = Row::measure(bench, work, target, || export(ours), || export(theirs));
    line(bench, &row, || {
        bench.forget();
        bench.exporting(&bench.tree, ours)
    })
}

fn again_from_a_directory(bench: &Bench) -> (String, String) {
    let command = || bench.exporting(&bench.tree, "compression=gzip");
    let mut first = Vec::new();
    let mut second = || {
        bench.forget();
        first.push(bench.run(command()).seconds);
        bench.run(command()).seconds
    };
    let work = "a second gzip export of a directory against the first";
    let seconds: Vec<f64> = (0..bench.plan.runs).map(|_| second()).collect();
    let row = Row { work: work.into(), ours: seconds, theirs: first, sizes: None, target: Target::Time(0.3) };
    line(bench, &row, command)
}

fn again_from_an_image(bench: &Bench) -> (String, String) {
    let made = "type=oci,tar=false,dest=plain,name=bench:v1,compression=uncompressed";
    bench.run(bench.scratch.exporting(&bench.tree, made, &[]));
    let command = || bench.exporting("oci:plain".as_ref(), "compression=gzip");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..bench.plan.runs {
        bench.forget();
        first.push(bench.run(command()).seconds);
        second.push(bench.run(command()).seconds);
    }
    let work = "a second gzip export of an image against the first";
    let row = Row { work: work.into(), ours: second, theirs: first, sizes: None, target: Target::Time(0.05) };
    let told = line(bench, &row, command);
    fs::remove_dir_all(bench.scratch.path("plain")).unwrap();
    told
}

fn memory(bench: &Bench) -> String {
    let mut text = String::from(
        "\n## Peak memory\n\nThe largest resident set of the whole process, guests included; at most 150 MB is aimed at.\n\n| work | MB | |\n|---|---|---|\n",
    );
    let large = bench.scratch.folder("large");
    data::large_files(&large, &bench.tree, bench.plan.megabytes as usize * 2);
    let sparse = bench.scratch.folder("sparse");
    fs::File::create(sparse.join("file")).unwrap().set_len(bench.plan.sparse_gigabytes << 30).unwrap();
    let trees = [
        (&large, format!("{} MB", bench.plan.megabytes * 2)),
        (&sparse, format!("one sparse file of {} GiB", bench.plan.sparse_gigabytes)),
    ];
    for (tree, name) in &trees {
        for options in ["compression=gzip,compression-level=6", "compression=zstd,compression-level=3"] {
            eprintln!("memory: {name}, {options}");
            let peak = mega(bench.export(tree, options).peak);
            let met = if peak <= 150.0 { "met" } else { "**missed**" };
            let _ = writeln!(text, "| {name}, {options} | {peak:.0} | {met} |");
        }
    }
    for (tree, _) in &trees {
        fs::remove_dir_all(tree).unwrap();
    }
    text
}

fn cold_start(bench: &Bench) -> String {
    let small = bench.scratch.site();
    let run = || bench.export(&small, "store=true").seconds * 1000.0;
    run();
    let milliseconds: Vec<f64> = (0..bench.plan.starts).map(|_| run()).collect();
    let met = if crate::bench::median(&milliseconds) <= 30.0 { "met" } else { "**missed**" };
    let mut text = String::from("\n## Cold start\n\n");
    let _ = writeln!(
        text,
        "`ocix export site` of three files into a new store, whole process, {} times: {} ms; at most 30 ms is aimed at: {met}.",
        bench.plan.starts,
        spread(&milliseconds, 1)
    );
    text
}
