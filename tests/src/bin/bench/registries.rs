//! Pushing: next to skopeo, again, to many targets at once; how it grows, and the memory that it takes.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use ocix_tests::registry::{Auth, Registry};
use ocix_tests::{Scratch, program};
use serde_json::Value;

use crate::bench::{Bench, Measured, median, mega, spread};
use crate::data;
use crate::growth::exponent;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let place = Scratch::new();
    let pushes = Pushes { bench, registry: Registry::start(&place, Auth::None), place };
    let mut text = String::from("\n## To a registry\n\n");
    let _ = writeln!(
        text,
        "Layouts with images of several layers go to Debian's docker-registry on loopback, which has nothing before each run.\n"
    );
    text += HEAD;
    let (row, profile) = pushes.against_skopeo();
    text += &row;
    let (row, other) = pushes.many_targets();
    text += &row;
    text + &profile + &other + &pushes.again() + &pushes.growth()
}

/// A registry and layouts to push to it.
struct Pushes<'b> {
    bench: &'b Bench,
    registry: Registry,
    place: Scratch,
}

impl Pushes<'_> {
    fn against_skopeo(&self) -> (String, String) {
        let layout = self.layout(4, self.bench.plan.push_megabytes * 250);
        let ours = || {
            self.forget();
            self.bench.run(self.copy(&layout, &["ours"])).seconds
        };
        let theirs = || {
            self.forget();
            let to = format!("docker://{}/theirs:v1", self.registry.address());
            let mut skopeo = program("skopeo");
            skopeo.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]);
            skopeo.args([format!("oci:{layout}"), to]).env("HOME", self.place.path("home"));
            self.bench.run(skopeo).seconds
        };
        let work = format!("{} MB in 4 layers, against `skopeo copy`", self.bench.plan.push_megabytes);
        let row = Row::measure(self.bench, &work, Target::Speed(1.0, None), ours, theirs);
        line(self.bench, &row, || {
            self.forget();
            self.copy(&layout, &["ours"])
        })
    }

    /// Twenty at once against twenty times one: what the bytes cost.
    fn many_targets(&self) -> (String, String) {
        let layout = self.layout(4, self.bench.plan.push_megabytes * 25);
        let names: Vec<String> = (0..20).map(|number| format!("target-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let push = |names: &[&str]| {
            self.forget();
            self.bench.run(self.copy(&layout, names)).seconds
        };
        let work = format!("{} MB to 20 targets at once, against 20 times one", self.bench.plan.push_megabytes / 10);
        let row = Row::measure(self.bench, &work, Target::Time(1.2), || push(&names), || push(&names[..1]) * 20.0);
        line(self.bench, &row, || {
            self.forget();
            self.copy(&layout, &names)
        })
    }

    /// What is there already, and the memory of what is not.
    fn again(&self) -> String {
        let layout = self.layout(4, self.bench.plan.push_megabytes * 250);
        self.forget();
        let Measured { peak, .. } = self.bench.run(self.copy(&layout, &["again"]));
        let mut milliseconds = Vec::new();
        for _ in 0..self.bench.plan.starts {
            milliseconds.push(self.bench.run(self.copy(&layout, &["again"])).seconds * 1000.0);
        }
        let mut told = self.copy(&layout, &["again"]);
        let told = told.arg("--progress=json").stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(told.stderr).unwrap();
        let lines = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let sent = lines.filter_map(|line| line["summary"]["sent"].as_u64()).next().unwrap();
        let met = |met: bool| if met { "met" } else { "**missed**" };
        let (peak, middle) = (mega(peak), median(&milliseconds));
        let mut text = String::from("\n| what | figure | aimed at | |\n|---|---|---|---|\n");
        let size = self.bench.plan.push_megabytes;
        let _ =
            writeln!(text, "| peak memory of a push of {size} MB | {peak:.0} MB | ≤ 100 MB | {} |", met(peak <= 100.0));
        let spread = spread(&milliseconds, 1);
        let _ = writeln!(
            text,
            "| the same push again, {} times | {spread} ms | ≤ 50 ms | {} |",
            milliseconds.len(),
            met(middle <= 50.0)
        );
        let _ = writeln!(text, "| bytes of bodies that it sends | {sent} | 0 | {} |", met(sent == 0));
        text
    }

    fn growth(&self) -> String {
        let mut text = String::from("\n| what grows | seconds | exponent | |\n|---|---|---|---|\n");
        let blobs = self.bench.plan.growth_blobs.iter().map(|blobs| (*blobs, self.layout(*blobs, 100)));
        let sizes = self.bench.plan.growth_megabytes.iter().map(|size| (*size, self.layout(4, size * 250)));
        let series: [(&str, Vec<_>); 2] = [("blobs of 100 KB", blobs.collect()), ("MB in 4 layers", sizes.collect())];
        for (name, layouts) in series {
            let points: Vec<(f64, f64)> =
                layouts.iter().map(|(size, layout)| (*size as f64, self.seconds(layout))).collect();
            let exponent = exponent(&points);
            let met = if exponent <= 1.05 { "met" } else { "**missed**" };
            let seconds: Vec<_> = points.iter().map(|(size, seconds)| format!("{size}: {seconds:.2}")).collect();
            let _ = writeln!(text, "| {name} | {} | {exponent:.2} | {met} |", seconds.join(", "));
        }
        text
    }

    /// Of a push to a registry that has nothing.
    fn seconds(&self, layout: &str) -> f64 {
        let one = || {
            self.forget();
            self.bench.run(self.copy(layout, &["growing"])).seconds
        };
        one();
        median(&[one(), one(), one()])
    }

    fn copy(&self, layout: &str, names: &[&str]) -> Command {
        let mut command = self.place.ocix();
        command.args(["copy", &format!("oci:{layout}")]);
        command.args(names.iter().map(|name| format!("docker://{}/{name}:v1", self.registry.address())));
        command.args(["--no-mount"]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The folder of an image of so many layers of so many thousand bytes.
    fn layout(&self, layers: usize, kilobytes: usize) -> String {
        let folder = self.place.path(format!("layout-{layers}-{kilobytes}"));
        if !folder.exists() {
            eprintln!("a layout of {layers} layers of {kilobytes} KB");
            data::layers_of(&folder, layers, kilobytes * 1000);
        }
        folder.display().to_string()
    }

    /// The registry has nothing, and the store remembers nothing.
    fn forget(&self) {
        fs::remove_dir_all(self.place.path("registry/storage/docker")).ok();
        fs::remove_dir_all(self.place.path("store")).ok();
    }
}
