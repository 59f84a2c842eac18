//! Layers and images that BuildKit made, as built and with their times rewritten.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::export::{self, Job};
use crate::memory::Destination;

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden").join(path)
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(shared(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A source's layout.
fn source(name: &str) -> Directory {
    let directory = Directory::default();
    let folder = shared("sources").join(name);
    for path in ["oci-layout", "index.json"] {
        publish(&directory, path, &fs::read(folder.join(path)).unwrap());
    }
    for entry in fs::read_dir(folder.join("blobs/sha256")).unwrap() {
        let entry = entry.unwrap();
        let path = format!("blobs/sha256/{}", entry.file_name().to_string_lossy());
        publish(&directory, &path, &fs::read(entry.path()).unwrap());
    }
    directory
}

fn exported(source: &Directory, options: &str) -> Directory {
    let media = Memory::default();
    let output = format!("type=oci,dest=out,tar=false,{options}");
    let mut job = Job::new(Source::Layout(source.clone()), "linux/amd64".parse().unwrap(), vec![output]);
    job.multi_platform = true;
    wait(export::run(&media, job, Directory::default())).unwrap();
    match media.destinations.borrow().get("out") {
        Some(Destination::Layout(directory)) => directory.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn layers_whose_times_were_rewritten_say_so() {
    let mut pairs = 0;
    for name in names("layers") {
        let Some(name) = name.strip_suffix(".as-built.tar") else { continue };
        let read = |kind: &str| fs::read(shared("layers").join(format!("{name}.{kind}.tar"))).unwrap();
        let (built, rewritten) = (read("as-built"), read("timestamps-rewritten"));
        // Two of them have no time to rewrite.
        let expected = if built == rewritten { "identical" } else { "same-files-other-times" };
        let alone = |tar: &Vec<u8>| Source::Archive(tar.clone().into());
        let layers = both(&|| alone(&built), &|| alone(&rewritten), Limits::default()).unwrap();
        let (one, other) = (Made::of(&[built]), Made::of(&[rewritten]));
        for comparison in [layers, layouts(&one.layout(), &other.layout())] {
            assert_eq!(verdict(&comparison), expected, "{name}: {}", inspect::json(&comparison));
            if expected == "identical" {
                continue;
            }
            assert_eq!(comparison.finding.sentence, "same files, other times");
            let [reason] = comparison.finding.reasons.as_slice() else { panic!("{}", inspect::json(&comparison)) };
            assert_eq!(reason.options, ["rewrite-timestamp=true", "source-date-epoch=1700000000"]);
            let paths: Vec<_> = comparison.images[0]
                .files
                .as_ref()
                .unwrap()
                .changes
                .iter()
                .map(|change| change.path.as_str())
                .collect();
            assert_eq!(paths, ["dev", "proc", "sys", "x/t-far"]);
        }
        pairs += 1;
    }
    assert_eq!(pairs, 3);
}

#[test]
fn sources_whose_times_were_rewritten_say_so() {
    let mut rewrites = 0;
    for name in names("sources") {
        let source = source(&name);
        let built = exported(&source, "compression=uncompressed,force-compression=true");
        let rewritten = exported(
            &source,
            "compression=uncompressed,force-compression=true,rewrite-timestamp=true,source-date-epoch=1500000000",
        );
        let comparison = layouts(&built, &rewritten);
        let times = reasons(&comparison).contains(&"times".to_owned());
        rewrites += u32::from(times);
        assert!(times || name == "empty", "{name}: {}", inspect::json(&comparison));
        if !times {
            continue;
        }
        assert_eq!(verdict(&comparison), "same-files-other-times", "{name}: {}", inspect::json(&comparison));
        let options: Vec<_> = comparison.finding.reasons.iter().flat_map(|reason| &reason.options).collect();
        assert!(options.contains(&&"rewrite-timestamp=true".to_owned()), "{name}");
        assert!(options.contains(&&"source-date-epoch=1500000000".to_owned()), "{name}: {options:?}");
        // The advice holds.
        let both =
            "compression=uncompressed,force-compression=true,rewrite-timestamp=true,source-date-epoch=1500000000";
        let comparison = layouts(&exported(&built, both), &exported(&rewritten, both));
        assert_eq!(verdict(&comparison), "identical", "{name}: {}", inspect::json(&comparison));
    }
    assert!(rewrites >= 10, "{rewrites}");
}

#[test]
fn bases_in_each_compression_have_the_same_layers() {
    let uncompressed = source("base-uncompressed");
    for (name, expected) in [
        ("base-uncompressed", "identical"),
        ("base-gzip", "same-layers-other-compression"),
        ("base-zstd", "same-layers-other-compression"),
        ("base-docker", "same-layers-other-compression"),
        ("base-estargz", "same-layers-other-compression"),
    ] {
        let comparison = layouts(&uncompressed, &source(name));
        assert_eq!(verdict(&comparison), expected, "{name}: {}", inspect::json(&comparison));
    }
    let comparison = layouts(&source("base-gzip"), &source("base-docker"));
    assert_eq!(verdict(&comparison), "other-media-types");
    let comparison = layouts(&source("base-gzip"), &source("base-nondist"));
    assert_eq!(verdict(&comparison), "same-image-other-document", "{}", inspect::json(&comparison));
}
