//! Exports that are killed (SIGKILL) at any moment, one after the other into one store: each name stands for its old image or its new one, and
//! all of it is there. `OCIX_KILLS=500` kills that often; without it, as often as a minute has room for.

use std::process::Stdio;
use std::time::{Duration, Instant};

use ocix_tests::{Noise, Run, Scratch, program, run};
use serde_json::Value;

const NAMES: [&str; 3] = ["a:v1", "b:v1", "c:v1"];

#[test]
fn old_or_new() {
    let kills = std::env::var("OCIX_KILLS").ok().map(|kills| kills.parse::<u64>().unwrap());
    let scratch = Scratch::new();
    let mut random = Noise::new(1);
    let mut words = NAMES.map(|name| format!("first {name}"));
    for (name, word) in NAMES.iter().zip(&words) {
        scratch.write("tree/word", word);
        scratch.export("tree", &output(name), &[]).ok();
    }
    // How long one takes that is not killed.
    let usual = {
        let start = Instant::now();
        scratch.export("tree", &output("other"), &[]).ok();
        start.elapsed()
    };
    let (start, mut killed, mut named) = (Instant::now(), 0, 0);
    for round in 1_u64.. {
        let over = match kills {
            Some(kills) => killed >= kills,
            None => start.elapsed() > MINUTE,
        };
        if over {
            break;
        }
        let which = round as usize % NAMES.len();
        let (name, word) = (NAMES[which], format!("round {round}"));
        scratch.write("tree/word", &word);
        // What does not compress, so that there is something to write.
        scratch.write("tree/noise", random.bytes(300 << 10));
        let mut export = scratch.exporting("tree", &output(name), &[]);
        let mut child = export.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(usual.mul_f64((random.number() % 2000) as f64 / 1000.0));
        child.kill().unwrap();
        killed += u64::from(!child.wait().unwrap().success());

        let report = Run::of(scratch.ocix().args(["store", "check", "--json"])).ok().stdout;
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&report["sound"], &report["images"]), (&true.into(), &4.into()), "round {round}: {report:#}");
        let cat = Run::of(scratch.ocix().args(["cat", &format!("store:{name}:/word")])).ok().stdout;
        assert!(
            cat == word || cat == words[which],
            "round {round}: `{cat}` is neither `{}` nor `{word}`",
            words[which]
        );
        named += u64::from(cat == word);
        words[which] = cat;
        if round % 10 == 0 {
            others(&scratch);
        }
    }
    println!("{killed} kills, of which {named} exports had named their image");
    assert!(killed > 0);
    // Only the names' own blobs are left in the end.
    Run::of(scratch.ocix().arg("gc")).ok();
    let store = scratch.store();
    assert_eq!(store.strays(), Vec::<std::path::PathBuf>::new());
    let left = Run::of(scratch.ocix().args(["gc", "--dry-run", "--json"])).ok().stdout;
    assert_eq!(serde_json::from_str::<Value>(&left).unwrap()["blobs"], Value::Array(Vec::new()));
}

/// Other people's programs see every name, and read the image.
fn others(scratch: &Scratch) {
    let store = scratch.path("store");
    if run::find("skopeo").is_some() {
        let image = format!("oci:{}:latest", store.display());
        Run::of(program("skopeo").args(["--insecure-policy", "inspect", &image])).ok();
    }
    if run::find("umoci").is_some() {
        let listed = Run::of(program("umoci").args(["list", "--layout"]).arg(&store)).ok().stdout;
        assert!(listed.lines().any(|tag| tag == "v1"), "{listed}");
    }
}

fn output(name: &str) -> String {
    format!("type=image,name={name}")
}

const MINUTE: Duration = Duration::from_secs(60);
