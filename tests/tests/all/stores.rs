//! The embedded store as people keep it: list, name, take away, collect, check.

use std::fs;
use std::path::PathBuf;

use ocix_tests::{Run, Scratch, need, program};
use serde_json::Value;

fn ocix(scratch: &Scratch, args: &[&str]) -> Run {
    Run::of(scratch.ocix().args(args))
}

fn images(scratch: &Scratch, args: &[&str]) -> Vec<Value> {
    let lines = ocix(scratch, &[&["images", "--json"], args].concat()).ok().stdout;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An image of one file, another one for each word.
fn store(scratch: &Scratch, word: &str, output: &str) -> String {
    // Written once: another time would be another image.
    if !scratch.path(word).exists() {
        scratch.write(&format!("{word}/file"), word.repeat(1000));
    }
    let output = format!("type=image{output}");
    scratch.export(word, &output, &["--source-date-epoch=1700000000"]).ok();
    images(scratch, &[]).last().unwrap()["digest"].as_str().unwrap().to_owned()
}

#[test]
fn names() {
    let scratch = Scratch::new();
    assert_eq!(ocix(&scratch, &["images"]).ok().stdout, "");
    ocix(&scratch, &["rm", "none"]).failed(1, &["none", "ocix images"]);
    ocix(&scratch, &["tag", "none", "more"]).failed(1, &["none", "ocix images"]);
    ocix(&scratch, &["gc"]).ok();
    ocix(&scratch, &["store", "check"]).ok();
    assert!(!scratch.path("store").exists(), "asking makes no store");

    let one = store(&scratch, "one", ",name=one");
    let nameless = store(&scratch, "two", "");
    let run = ocix(&scratch, &["tag", "one:latest", "r.example/team/one:v1", "two"]).ok();
    assert_eq!(run.stdout, format!("r.example/team/one:v1@{one}\ntwo@{one}\n"));
    ocix(&scratch, &["tag", &nameless, "two"]).ok();
    let listed = images(&scratch, &[]);
    let names: Vec<_> =
        listed.iter().map(|image| (image["name"].as_str(), image["digest"].as_str().unwrap())).collect();
    let full = |name| Some(name);
    let expected = [
        (full("docker.io/library/one:latest"), &*one),
        (None, &*nameless),
        (full("r.example/team/one:v1"), &*one),
        (full("docker.io/library/two:latest"), &*nameless),
    ];
    assert_eq!(names, expected);
    let layers: u64 = {
        let (manifest, _) = scratch.store().image(&one);
        let size = |descriptor: &Value| descriptor["size"].as_u64().unwrap();
        size(&manifest["layers"][0]) + size(&manifest["config"]) + scratch.store().blob(&one).len() as u64
    };
    assert_eq!(listed[0]["size"], layers);
    assert_eq!(listed[0]["created"], "2023-11-14T22:13:20Z");
    assert_eq!(listed[0]["platforms"].as_array().unwrap().len(), 1);
    assert_eq!(images(&scratch, &["team/"]).len(), 1);
    let table = ocix(&scratch, &["images"]).ok().stdout;
    let rows: Vec<_> = table.lines().collect();
    assert!(rows[0].starts_with("NAME ") && rows[1].starts_with("docker.io/library/one:latest  "), "{table}");
    assert!(rows[2].starts_with("- ") && rows[2].contains(&nameless[..19]), "{table}");
    assert_eq!(ocix(&scratch, &["images", "-q"]).ok().stdout.lines().nth(1), Some(&*nameless));

    // Of several names those that are there go; the exit code tells of the others.
    let run = ocix(&scratch, &["rm", "none", "one", &nameless]);
    assert_eq!((run.code, &*run.stdout), (Some(1), &*format!("one@{one}\n{nameless}\n")), "{}", run.told());
    assert_eq!(ocix(&scratch, &["rm", "--force", "none"]).ok().stdout, "");
    ocix(&scratch, &["rm", &one]).failed(1, &["r.example/team/one:v1"]);
    ocix(&scratch, &["rm", "UPPER"]).failed(2, &["UPPER"]);
    ocix(&scratch, &["tag", "two", "UPPER"]).failed(2, &["UPPER"]);
    assert_eq!(images(&scratch, &[]).len(), 2);
}

/// What others named in the store is theirs to take away by the name that they gave it.
#[test]
fn names_of_others() {
    need!("skopeo");
    let scratch = Scratch::new();
    store(&scratch, "one", ",name=one");
    let to = format!("oci:{}:theirs", scratch.path("store").display());
    let from = format!("oci:{}:latest", scratch.path("store").display());
    Run::of(program("skopeo").args(["--insecure-policy", "copy", "-q", &from, &to])).ok();
    let listed = images(&scratch, &[]);
    assert_eq!((listed.len(), &listed[1]["tag"], &listed[1]["name"]), (2, &"theirs".into(), &Value::Null));
    ocix(&scratch, &["tag", "theirs", "ours"]).ok();
    ocix(&scratch, &["rm", "one", "theirs"]).ok();
    assert_eq!(images(&scratch, &[])[0]["name"], "docker.io/library/ours:latest");
    ocix(&scratch, &["store", "check"]).ok();
}

#[test]
fn garbage() {
    let scratch = Scratch::new();
    let one = store(&scratch, "one", ",name=one");
    store(&scratch, "two", ",name=two");
    let nameless = store(&scratch, "three", "");
    let blobs = scratch.store().blobs().len();
    assert!(ocix(&scratch, &["gc"]).ok().stdout.contains(" 0 blobs"));
    ocix(&scratch, &["rm", "one"]).ok();
    let would = ocix(&scratch, &["gc", "--dry-run"]).ok().stdout;
    assert!(would.contains(&format!("blob {one}")) && would.contains("would free"), "{would}");
    assert_eq!(scratch.store().blobs().len(), blobs);
    let went: Value = serde_json::from_str(&ocix(&scratch, &["gc", "--json"]).ok().stdout).unwrap();
    let gone = went["blobs"].as_array().unwrap();
    assert_eq!((gone.len(), blobs - scratch.store().blobs().len()), (3, 3));
    assert!(!scratch.store().blobs().contains(&one));
    // The other images are whole; another export of the first one makes it anew.
    ocix(&scratch, &["store", "check"]).ok();
    assert_eq!(store(&scratch, "one", ",name=one"), one);
    ocix(&scratch, &["verify", "store:two"]).ok();
    ocix(&scratch, &["gc", "--untagged"]).ok();
    assert!(!scratch.store().blobs().contains(&nameless));
    assert_eq!(images(&scratch, &[]).len(), 2);
    assert!(ocix(&scratch, &["store", "check"]).ok().stdout.starts_with("sound: 2 images, 6 blobs"));
}

#[test]
fn what_is_broken() {
    let scratch = Scratch::new();
    let one = store(&scratch, "one", ",name=one");
    store(&scratch, "two", ",name=two");
    let layer = scratch.store().json(&one)["layers"][0]["digest"].as_str().unwrap().to_owned();
    let path = scratch.store().blob_path(&layer);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let run = ocix(&scratch, &["store", "check"]);
    assert_eq!(run.code, Some(1), "{}", run.told());
    let found = format!("broken damaged {layer}: its bytes have the digest sha256:");
    assert!(
        run.stdout.starts_with(&found) && run.stdout.contains("\n  docker.io/library/one:latest\n"),
        "{}",
        run.told()
    );
    let run = ocix(&scratch, &["store", "check", "--repair"]);
    assert_eq!(run.code, Some(1), "{}", run.told());
    assert_eq!(fs::read(scratch.path("store/damaged").join(layer.replace(':', "/"))).unwrap(), bytes);
    assert_eq!(images(&scratch, &[]).len(), 2, "no name goes");
    let report: Value = serde_json::from_str(&ocix(&scratch, &["store", "check", "--json"]).stdout).unwrap();
    assert_eq!((&report["sound"], &report["findings"][0]["code"]), (&false.into(), &"missing".into()));
    // Stored again it is whole.
    store(&scratch, "one", ",name=one");
    ocix(&scratch, &["store", "check"]).ok();
}

/// Of what is not to be stored nothing is left: no folder, no temporary.
#[test]
fn what_is_not_stored_leaves_nothing() {
    need!("tar", "gzip");
    let scratch = Scratch::new();
    scratch.site();
    Run::of(program("tar").args(["czf", "site.tar.gz", "-C", "site", "."]).current_dir(scratch.path(""))).ok();
    for (source, output) in [
        ("site", "type=image,store=false,name=x"),
        ("site.tar.gz", "type=oci,dest=out.tar"),
        ("-", "type=oci,dest=x.tar"),
    ] {
        scratch.export(source, output, &["--store=deep/store"]);
        assert!(!scratch.path("deep").exists(), "{source} {output}");
    }
    // In a store that is there, what is there stays.
    store(&scratch, "one", ",name=one");
    let before = scratch.store().blobs();
    scratch.export("site", "type=image,store=false,name=x", &[]).ok();
    assert_eq!((scratch.store().blobs(), scratch.store().strays()), (before, Vec::<PathBuf>::new()));
}
