//! The command line's contract: where things go, what is told apart, what is printed where.

use std::fs;
use std::path::Path;

use ocix_tests::layout::text;
use ocix_tests::{Layout, Run, Scratch, need, program};
use serde_json::Value;

#[test]
fn store_is_where_it_is_said() {
    let scratch = Scratch::new();
    scratch.site();
    let export = |args: &[&str], environment: &[(&str, &str)]| {
        let mut ocix = scratch.exporting("site", OUTPUT, args);
        ocix.env_remove("OCIX_STORE");
        for (name, value) in environment {
            ocix.env(name, scratch.path(value));
        }
        Run::of(&mut ocix).ok()
    };
    let has = |store: &str| Layout::at(scratch.path(store)).named("example.com/x:t").is_some();
    export(&[], &[]);
    assert!(has("home/.local/share/ocix/store"));
    export(&[], &[("XDG_DATA_HOME", "data")]);
    assert!(has("data/ocix/store"));
    export(&[], &[("XDG_DATA_HOME", "data-2"), ("OCIX_STORE", "environment")]);
    assert!(has("environment") && !scratch.path("data-2").exists());
    export(&["--store", "flag"], &[("OCIX_STORE", "environment-2")]);
    assert!(has("flag") && !scratch.path("environment-2").exists());
}

/// The time is in the config, and so in the digest. The flag wins.
#[test]
fn epoch_from_the_environment() {
    let scratch = Scratch::new();
    scratch.site();
    let export = |args: &[&str], epoch: Option<&str>| {
        let mut ocix = scratch.exporting("site", OUTPUT, args);
        ocix.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch)));
        let digest = Run::of(&mut ocix).ok().digest();
        let (_, config) = scratch.store().image(&digest);
        text(&config["created"]).to_owned()
    };
    assert_eq!(export(&[], Some("1700000000")), "2023-11-14T22:13:20Z");
    assert_eq!(export(&["--source-date-epoch=1"], Some("1700000000")), "1970-01-01T00:00:01Z");
    assert_eq!(export(&["--source-date-epoch", "1700000000"], None), "2023-11-14T22:13:20Z");
    assert_ne!(export(&[], None), "2023-11-14T22:13:20Z");
}

#[test]
fn platform_of_a_directory() {
    let scratch = Scratch::new();
    scratch.site();
    let platform = |args: &[&str]| {
        let (_, config) = scratch.store().image(&scratch.export("site", OUTPUT, args).ok().digest());
        let variant = config.get("variant").map_or(String::new(), |variant| format!("/{}", text(variant)));
        format!("{}/{}{variant}", text(&config["os"]), text(&config["architecture"]))
    };
    assert_eq!(platform(&["--platform=linux/arm/v7"]), "linux/arm/v7");
    assert_eq!(platform(&["--platform=linux/s390x"]), "linux/s390x");
    let own = if cfg!(target_arch = "x86_64") { "linux/amd64" } else { "linux/arm64" };
    assert!(platform(&[]).starts_with(own));
}

/// A tar is a tar, however it is packed and wherever it comes from.
#[test]
fn sources_are_told_apart_by_content() {
    need!("tar", "gzip", "zstd");
    let scratch = Scratch::new();
    scratch.site();
    let folder = scratch.path("");
    Run::of(program("tar").args(["-C", "site", "-cf", "plain", "."]).current_dir(&folder)).ok();
    fs::copy(scratch.path("plain"), scratch.path("gzipped")).unwrap();
    Run::of(program("gzip").args(["-S", ".x", "gzipped"]).current_dir(&folder)).ok();
    Run::of(program("zstd").args(["-q", "plain", "-o", "packed"]).current_dir(&folder)).ok();
    let plain = fs::read(scratch.path("plain")).unwrap();
    let expected = ocix_tests::sha256(&plain);
    let diff_id = |run: Run| {
        let (_, config) = scratch.store().image(&run.ok().digest());
        text(&config["rootfs"]["diff_ids"][0]).to_owned()
    };
    for source in ["plain", "gzipped.x", "packed", "tar:plain", "tar:gzipped.x", "tar:packed"] {
        assert_eq!(diff_id(scratch.export(source, OUTPUT, &[])), expected, "{source}");
        let path = scratch.path(source.trim_start_matches("tar:"));
        let fed = Run::fed(&mut scratch.exporting("-", OUTPUT, &[]), &fs::read(path).unwrap());
        assert_eq!(diff_id(fed), expected, "{source} on standard input");
    }
    assert_ne!(diff_id(scratch.export("dir:site", OUTPUT, &[])), expected);
}

/// What was exported can be exported again, and stays what it is.
#[test]
fn the_store_is_a_layout_to_export_from() {
    let scratch = Scratch::new();
    let digest = scratch.export(scratch.site(), OUTPUT, &EPOCH).ok().digest();
    for source in ["store", "oci:store"] {
        let another = scratch.path(format!("from-{}", source.len()));
        let run = scratch.export(source, OUTPUT, &[EPOCH[0], "--store", another.to_str().unwrap()]).ok();
        assert_eq!(run.digest(), digest, "{source}");
    }
}

#[test]
fn answers_on_stdout_and_the_story_on_stderr() {
    let scratch = Scratch::new();
    scratch.site();
    let export = |progress: &str| {
        let mut ocix = scratch.ocix();
        ocix.args(["export", "site", "-o", OUTPUT, EPOCH[0], &format!("--progress={progress}")]);
        let run = Run::of(&mut ocix).ok();
        assert_eq!(run.stdout, format!("example.com/x:t@{}\n", run.digest()));
        run.stderr
    };
    assert_eq!(export("none"), "");
    for progress in ["plain", "auto"] {
        let story = export(progress);
        assert!(!story.is_empty() && !story.contains('\u{1b}'), "{story}");
    }
    let events = export("json");
    assert!(!events.is_empty());
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(event.is_object(), "{line}");
    }
}

#[test]
fn several_outputs_are_several_lines() {
    let scratch = Scratch::new();
    let second = ["--output", "type=image,name=example.com/y:t,compression=uncompressed", EPOCH[0]];
    let run = scratch.export(scratch.site(), OUTPUT, &second).ok();
    let digest = |name: &str| text(&scratch.store().named(name).unwrap()["digest"]).to_owned();
    let (x, y) = (digest("example.com/x:t"), digest("example.com/y:t"));
    assert_ne!(x, y);
    assert_eq!(run.stdout, format!("example.com/x:t@{x}\nexample.com/y:t@{y}\n"));
}

/// The table is the component's; the help is made of it.
#[test]
fn options_are_described() {
    let scratch = Scratch::new();
    let table = Run::of(scratch.ocix().arg("options")).ok().stdout;
    let help = Run::of(scratch.ocix().args(["export", "--help"])).ok().stdout;
    for key in ["name", "push", "store", "compression", "compression-level", "annotation.<key>"] {
        assert!(table.contains(key), "{key}: {table}");
        assert!(help.contains(key), "{key}: {help}");
    }
}

/// Processes that write to one store at the same time do not lose each other's names.
#[test]
fn one_store_for_many() {
    let scratch = Scratch::new();
    scratch.site();
    std::thread::scope(|scope| {
        for part in 0..6 {
            let scratch = &scratch;
            scope.spawn(move || scratch.export("site", &format!("type=image,name=example.com/x:{part}"), &EPOCH).ok());
        }
    });
    for part in 0..6 {
        assert!(scratch.store().named(&format!("example.com/x:{part}")).is_some(), "{part}");
    }
    assert_eq!(scratch.store().strays(), Vec::<&Path>::new());
}

/// With `store=false` the image is on the registry and nowhere else.
#[test]
fn push_without_storing() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = ocix_tests::Registry::start(&scratch, ocix_tests::Auth::None);
    let output = format!("type=image,name={}/site:v1,push=true,store=false", registry.address());
    scratch.export(scratch.site(), &output, &EPOCH).ok();
    assert_eq!(registry.writes().last().unwrap(), "PUT /v2/site/manifests/v1 201");
    scratch.store().assert_empty();
}

const EPOCH: [&str; 1] = ["--source-date-epoch=1700000000"];

const OUTPUT: &str = "type=image,name=example.com/x:t";
