//! A store of many names and blobs: lists, names, garbage and checks.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use ocix_tests::sha256;
use serde_json::{Value, json};

use crate::bench::{Bench, median, spread};
use crate::data;

/// All of it.
pub fn report(bench: &Bench) -> String {
    let names = bench.plan.store_names;
    let mut text = String::from("\n## Stores\n\n");
    let _ = writeln!(
        text,
        "Whole processes, in milliseconds. The large store has {names} names of as many images, and {} blobs.\n",
        names * BLOBS
    );
    text += "| work | store | ms | aimed at | |\n|---|---|---|---|---|\n";
    bench.forget();
    bench.scratch.write("small/file", "one file");
    let start = time(bench, &["--version"]);
    line(&mut text, "`--version`: the process alone", "", &start, None);
    let one = time(bench, &["store", "check"]);
    line(&mut text, "`store check`: with the components", "empty", &one, None);
    export(bench, "first");
    line(&mut text, "`images`", "1 name", &time(bench, &["images"]), None);
    line(&mut text, "`tag`: a new name", "1 name", &tags(bench, "first"), Some(20.0));
    line(&mut text, "`export` of a file, stored before, under a new name", "few names", &exports(bench), None);
    large(bench, names);
    line(&mut text, "`images`, the first time", "large", &[once(bench, &["images"])], None);
    line(&mut text, "`images`", "large", &time(bench, &["images"]), Some(100.0));
    line(&mut text, "`images --json`", "large", &time(bench, &["images", "--json"]), Some(100.0));
    let disk = (0..bench.plan.starts).map(|_| replaced(bench)).collect::<Vec<_>>();
    line(
        &mut text,
        "for comparison: a file of the size of `index.json` takes the place of one, durably",
        "large",
        &disk,
        None,
    );
    line(&mut text, "`tag`: a new name", "large", &tags(bench, "bench:v7"), Some(20.0));
    line(&mut text, "`export` of a file, stored before, under a new name", "large", &exports(bench), None);
    line(&mut text, "`store check`", "large", &[once(bench, &["store", "check"])], None);
    line(&mut text, "`gc`, nothing to remove", "large", &[once(bench, &["gc"])], None);
    let most: Vec<String> = (0..names * 9 / 10).map(|number| format!("bench:v{number}")).collect();
    let most: Vec<&str> = ["rm"].into_iter().chain(most.iter().map(String::as_str)).collect();
    line(&mut text, "`rm` of nine names in ten", "large", &[once(bench, &most)], None);
    line(&mut text, "`gc` of what they needed", "large", &[once(bench, &["gc"])], None);
    bench.forget();
    text + &layers(bench)
}

/// A name for an image of many layers that are there already.
fn layers(bench: &Bench) -> String {
    let mut text = String::new();
    for &layers in bench.plan.growth_layers {
        bench.forget();
        let layout = bench.scratch.path("layered");
        fs::remove_dir_all(&layout).ok();
        data::layers_of(&layout, layers, 1000);
        once(bench, &["copy", "-q", "oci:layered", "store:many:v1"]);
        line(&mut text, "`tag`: a new name", &format!("an image of {layers} layers"), &tags(bench, "many:v1"), None);
    }
    text
}

fn tags(bench: &Bench, source: &str) -> Vec<f64> {
    (0..bench.plan.starts).map(|number| once(bench, &["tag", source, &format!("more:v{number}")])).collect()
}

/// What the disk alone takes for an `index.json`: a new file is forced to the disk and renamed, the old one goes.
fn replaced(bench: &Bench) -> f64 {
    let bytes = fs::read(bench.scratch.path("store/index.json")).unwrap();
    let [old, new] = ["old", "new"].map(|name| bench.scratch.path(format!("disk/{name}")));
    bench.scratch.write("disk/old", &bytes);
    fs::File::open(&old).unwrap().sync_all().unwrap();
    let start = Instant::now();
    let mut file = fs::File::create(&new).unwrap();
    file.write_all(&bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(new, &old).unwrap();
    fs::File::open(bench.scratch.path("disk")).unwrap().sync_all().unwrap();
    start.elapsed().as_secs_f64() * 1000.0
}

fn exports(bench: &Bench) -> Vec<f64> {
    (0..bench.plan.starts).map(|number| export(bench, &format!("export:v{number}"))).collect()
}

fn export(bench: &Bench, name: &str) -> f64 {
    let args = ["--source-date-epoch=1700000000"];
    let mut command = bench.scratch.exporting("small", &format!("type=image,name={name}"), &args);
    command.stdout(Stdio::null());
    bench.run(command).seconds * 1000.0
}

fn time(bench: &Bench, args: &[&str]) -> Vec<f64> {
    once(bench, args);
    (0..bench.plan.starts).map(|_| once(bench, args)).collect()
}

fn once(bench: &Bench, args: &[&str]) -> f64 {
    let mut command: Command = bench.scratch.ocix();
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    bench.run(command).seconds * 1000.0
}

fn line(text: &mut String, work: &str, store: &str, figures: &[f64], most: Option<f64>) {
    eprintln!("{work} {store}: {:.1} ms", median(figures));
    let figure = if figures.len() == 1 { format!("{:.0}", figures[0]) } else { spread(figures, 1) };
    let (aim, met) = match most {
        None => (String::new(), ""),
        Some(most) => (format!("≤ {most}"), if median(figures) <= most { "met" } else { "**missed**" }),
    };
    let _ = writeln!(text, "| {work} | {store} | {figure} | {aim} | {met} |");
}

/// Adds so many images to the store, each with layers of its own, as others would write them.
fn large(bench: &Bench, names: usize) {
    let root = bench.scratch.path("store");
    let blobs = root.join("blobs/sha256");
    let put = |bytes: &[u8], media_type: &str| {
        let digest = sha256(bytes);
        fs::write(blobs.join(&digest[7..]), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let index: Value = serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
    let mut entries: Vec<Value> = index["manifests"].as_array().unwrap().clone();
    for number in 0..names {
        let layers: Vec<Value> = (0..BLOBS - 2)
            .map(|layer| put(format!("layer {layer} of {number}").as_bytes(), "application/vnd.oci.image.layer.v1.tar"))
            .collect();
        let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z", "config": { "Env": [format!("N={number}")] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids }
        });
        let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let mut entry = put(manifest.to_string().as_bytes(), media_type);
        entry["annotations"] = json!({
            "io.containerd.image.name": format!("docker.io/library/bench:v{number}"),
            "org.opencontainers.image.created": "2024-01-01T00:00:00Z",
            "org.opencontainers.image.ref.name": format!("v{number}")
        });
        entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
        entries.push(entry);
    }
    let entries = json!(entries);
    // In the order in which Go's programs, and ocix, write it.
    let index =
        format!(r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":{entries}}}"#);
    fs::write(root.join("index.json"), index).unwrap();
}

/// Of each image: manifest, config and layers.
const BLOBS: usize = 10;
