//! Many processes on one store: nobody waits for long, nobody sees half, nothing that is needed goes.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ocix_tests::{Run, Scratch, program, run};
use serde_json::Value;

/// 32 exports while one reads and one collects.
#[test]
fn thirty_two_names() {
    let scratch = Scratch::new();
    let tree = |number: usize| format!("tree-{number}");
    for number in 0..MANY {
        // Each has a layer of its own, and every fourth the same one as others.
        scratch.write(&format!("{}/file", tree(number)), format!("file {}", number % (MANY * 3 / 4)).repeat(5000));
    }
    scratch.export(tree(0), "type=image,name=first", &[]).ok();
    // Blobs that no name needs, and which exports will find.
    Run::of(scratch.ocix().args(["rm", "first"])).ok();
    scratch.export(tree(1), "type=image,name=fixed", &[]).ok();

    let (collected, read, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let until_over = |times: &AtomicUsize, work: &dyn Fn()| {
        while !over.load(Ordering::Relaxed) {
            work();
            times.fetch_add(1, Ordering::Relaxed);
        }
    };
    let counted = || (collected.load(Ordering::Relaxed), read.load(Ordering::Relaxed));
    thread::scope(|scope| {
        scope.spawn(|| until_over(&collected, &|| drop(Run::of(scratch.ocix().args(["gc", "--untagged"])).ok())));
        scope.spawn(|| {
            until_over(&read, &|| {
                let listed = Run::of(scratch.ocix().args(["images", "--json"])).ok().stdout;
                for image in listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                    assert_eq!(image["broken"], Value::Null, "{image}");
                }
                if run::find("skopeo").is_some() {
                    let image = format!("oci:{}:latest", scratch.path("store").display());
                    Run::of(program("skopeo").args(["--insecure-policy", "inspect", "--raw", &image])).ok();
                }
            })
        });
        let start = |number: usize| {
            let output = format!("type=image,name=r.example/team/site:v{number}");
            let mut export = scratch.exporting(tree(number), &output, &[]);
            export.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let end = |export: Child| {
            Run::ended("one of many exports".to_owned(), export.wait_with_output().unwrap()).ok();
        };
        (0..MANY).map(start).collect::<Vec<_>>().into_iter().for_each(end);
        // All of them can be over before a second collection is.
        (0..MANY).take_while(|_| counted().0.min(counted().1) < 2).map(start).for_each(end);
        over.store(true, Ordering::Relaxed);
    });
    let (collected, read) = counted();
    assert!(collected > 1 && read > 1, "{collected} collections, {read} lists");
    let store = scratch.store();
    for number in 0..MANY {
        store.manifest(&format!("r.example/team/site:v{number}"));
    }
    assert_eq!(store.entries().len(), MANY + 1);
    let report = Run::of(scratch.ocix().args(["store", "check"])).ok().stdout;
    assert!(report.contains(&format!("sound: {} images", MANY + 1)), "{report}");
    // Once more, when nobody is at work: nothing that was named has gone, and nothing else is left.
    Run::of(scratch.ocix().args(["gc"])).ok();
    let report = Run::of(scratch.ocix().args(["store", "check"])).ok().stdout;
    assert!(report.starts_with("sound"), "{report}");
}

/// While an export is under way, what it has published and found stays, though no name needs it.
#[test]
fn a_running_export_loses_nothing() {
    let scratch = Scratch::new();
    scratch.site();
    scratch.export("site", "type=image,name=old", &[]).ok();
    Run::of(scratch.ocix().args(["rm", "old"])).ok();
    let blobs = scratch.store().blobs();
    // Whoever has them open, has them.
    let held: Vec<_> = blobs
        .iter()
        .map(|digest| {
            let file = std::fs::File::open(scratch.store().blob_path(digest)).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockShared).unwrap();
            file
        })
        .collect();
    let kept: Value = serde_json::from_str(&Run::of(scratch.ocix().args(["gc", "--json"])).ok().stdout).unwrap();
    assert_eq!((&kept["held"], kept["blobs"].as_array().unwrap().len()), (&blobs.len().into(), 0));
    drop(held);
    let gone: Value = serde_json::from_str(&Run::of(scratch.ocix().args(["gc", "--json"])).ok().stdout).unwrap();
    assert_eq!((&gone["held"], gone["blobs"].as_array().unwrap().len()), (&0.into(), blobs.len()));
}

const MANY: usize = 32;
