//! How time grows with the work: bytes, files, layers; and with workers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::bench::{Bench, median};
use crate::data;
use crate::plot::{self, Series};

/// The tables, and their plot.
pub fn report(bench: &Bench) -> (String, String) {
    let mut text = String::from(
        "\n## Growth\n\ngzip, level unset; seconds are medians of three. The exponent is the slope of a straight line through the logarithms: 1 is \
         linear, and at most 1.05 is aimed at.\n\n![growth](growth.svg)\n\n| what grows | seconds | exponent | |\n|---|---|---|---|\n",
    );
    let bytes = series(bench, "MB", bench.plan.growth_megabytes, |to, size| data::large_files(to, &bench.tree, size));
    let files = series(bench, "files", bench.plan.growth_files, |to, size| data::small_files(to, size, 1024));
    let layers = series(bench, "layers", bench.plan.growth_layers, data::layered);
    let all = [bytes, files, layers];
    for series in &all {
        let exponent = exponent(&series.points);
        let met = if exponent <= 1.05 { "met" } else { "**missed**" };
        let seconds: Vec<_> = series.points.iter().map(|(size, seconds)| format!("{size}: {seconds:.2}")).collect();
        let _ = writeln!(text, "| {} | {} | {exponent:.2} | {met} |", series.name, seconds.join(", "));
    }
    text += &workers(bench);
    (text, plot::svg(&all))
}

fn series(bench: &Bench, name: &'static str, sizes: &[usize], make: impl Fn(&Path, usize)) -> Series {
    let points = sizes.iter().map(|size| {
        eprintln!("growth: {size} {name}");
        let source = bench.scratch.folder("growing");
        make(&source, *size);
        let seconds = seconds(bench, &source, &[]);
        fs::remove_dir_all(source).unwrap();
        (*size as f64, seconds)
    });
    Series { name, points: points.collect() }
}

/// Of one export into a new store.
fn seconds(bench: &Bench, source: &Path, args: &[&str]) -> f64 {
    let one = || {
        bench.forget();
        let mut command = bench.exporting(source, "compression=gzip");
        command.args(args);
        bench.run(command).seconds
    };
    one();
    median(&[one(), one(), one()])
}

fn workers(bench: &Bench) -> String {
    let mut text = String::from("\n| workers | seconds, the tree, gzip 6 | speed |\n|---|---|---|\n");
    let mut alone = None;
    for workers in ["1", "2", "4"] {
        eprintln!("growth: {workers} workers");
        let seconds = seconds(bench, &bench.tree, &["--workers", workers]);
        let alone = *alone.get_or_insert(seconds);
        let _ = writeln!(text, "| {workers} | {seconds:.2} | {:.2}x |", alone / seconds);
    }
    text
}

/// The slope of the line through the logarithms that is nearest to all points.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(size, seconds)| (size.ln(), seconds.ln())).collect();
    let count = logarithms.len() as f64;
    let (x, y) = logarithms.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (over, under) = logarithms.iter().fold((0.0, 0.0), |(over, under), point| {
        (over + (point.0 - x) * (point.1 - y), under + (point.0 - x) * (point.0 - x))
    });
    over / under
}
