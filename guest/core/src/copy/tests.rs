//! Copies in memory: what comes in is what goes out, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;

use super::*;
use crate::contents::Form;
use crate::digest::Digest;
use crate::error::Code;
use crate::export::Source;
use crate::layer::trial::wait;
use crate::media::{Directory as _, Writer as _};
use crate::memory::{self, Directory, File, Memory};
use crate::{documents::index::LAYOUT_FILE, media_type};

/// A layout whose `index.json` lists these.
struct Made {
    directory: Directory,
    entries: Vec<Value>,
}

impl Made {
    fn new() -> Self {
        let made = Self { directory: Directory::default(), entries: Vec::new() };
        made.write("oci-layout", LAYOUT_FILE);
        made
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let mut writer = wait(self.directory.create()).unwrap();
        wait(writer.write(bytes.to_vec())).unwrap();
        wait(writer.publish(path)).unwrap();
    }

    /// A blob's descriptor.
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        self.write(&digest.blob_path(), bytes);
        serde_json::json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
    }

    /// An image of one layer.
    fn image(&self, architecture: &str, layer: &str) -> Value {
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            Digest::of(layer.as_bytes())
        );
        let config = self.blob(media_type::CONFIG, config.as_bytes());
        let layer = self.blob(media_type::LAYER, layer.as_bytes());
        // Odd, but what counts are the bytes.
        let manifest = format!("{{ \"layers\":[{layer}],\n\"config\":{config}, \"schemaVersion\":2,\"odd\":1}}\n");
        self.blob(media_type::MANIFEST, manifest.as_bytes())
    }

    fn index(&self, entries: &[Value]) -> Value {
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": entries });
        self.blob(media_type::INDEX, format!("{index}\n").as_bytes())
    }

    /// The layout, with these in it under a tag.
    fn listing(mut self, entries: &[(&Value, &str)]) -> Directory {
        for (entry, tag) in entries {
            let mut entry = (*entry).clone();
            entry["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": tag });
            self.entries.push(entry);
        }
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": self.entries });
        self.write("index.json", index.to_string().as_bytes());
        self.directory
    }
}

fn from(directory: &Directory, name: Option<&str>) -> Content<Memory> {
    let source = Source::Layout(directory.clone());
    Content { source, form: Form::Detect, name: name.map(str::to_owned), platform: None }
}

fn to(destinations: &[Destination]) -> Delivery {
    Delivery { destinations: destinations.to_vec(), policy: Policy::default(), fail_fast: false, insecure: false }
}

fn place(dest: &str, name: Option<&str>) -> Place {
    Place { dest: dest.into(), name: name.map(str::to_owned) }
}

fn stored() -> Destination {
    Destination::Stored("copy:v1".into())
}

fn digest(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

/// Blobs by path.
fn blobs(directory: &Directory) -> Vec<(String, Vec<u8>)> {
    let files = directory.files().into_iter().filter(|(path, _)| path.starts_with("blobs/"));
    files.map(|(path, file)| (path, file.as_ref().to_vec())).collect()
}

/// Digest, name and tag of what a layout lists.
fn listed(directory: &Directory) -> Vec<(String, Value, Value)> {
    let file = wait(directory.open("index.json")).unwrap().unwrap();
    let index: Value = serde_json::from_slice(file.as_ref()).unwrap();
    let entry = |entry: &Value| {
        let annotation = |key: &str| entry["annotations"][key].clone();
        (digest(entry), annotation("io.containerd.image.name"), annotation("org.opencontainers.image.ref.name"))
    };
    index["manifests"].as_array().unwrap().iter().map(entry).collect()
}

fn archive(media: &Memory, dest: &str) -> File {
    match media.destinations.borrow().get(dest) {
        Some(memory::Destination::Archive(file)) => file.clone(),
        other => panic!("{dest}: {other:?}"),
    }
}

fn layout(media: &Memory, dest: &str) -> Directory {
    match media.destinations.borrow().get(dest) {
        Some(memory::Destination::Layout(directory)) => directory.clone(),
        other => panic!("{dest}: {other:?}"),
    }
}

/// Two images, what is said about one of them, an index in the index, and an artifact.
fn everything(made: &Made) -> Value {
    let (mut one, mut two) = (made.image("amd64", "one"), made.image("arm64", "two"));
    one["platform"] = serde_json::json!({ "os": "linux", "architecture": "amd64" });
    two["platform"] = serde_json::json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    let empty = made.blob(media_type::EMPTY, b"{}");
    let statement = made.blob(media_type::STATEMENT, b"{\"said\":1}");
    let said = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": media_type::ATTESTATION,
        "config": empty, "layers": [statement], "subject": { "mediaType": one["mediaType"], "digest": one["digest"], "size": one["size"] },
    });
    let mut said = made.blob(media_type::MANIFEST, said.to_string().as_bytes());
    said["artifactType"] = media_type::ATTESTATION.into();
    said["platform"] = serde_json::json!({ "os": "unknown", "architecture": "unknown" });
    said["annotations"] = serde_json::json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": one["digest"] });
    let inner = made.index(&[two.clone(), one.clone()]);
    let text = made.blob("text/plain", b"listed, and no manifest");
    made.index(&[one, two, said, inner, text])
}

#[test]
fn every_byte_is_kept() {
    let made = Made::new();
    let root = everything(&made);
    let source = made.listing(&[(&root, "v1")]);
    let all = blobs(&source);
    let (media, store) = (Memory::default(), Directory::default());
    let destinations = [
        stored(),
        Destination::Layout(place("whole", Some("example.com/a:b"))),
        Destination::Layout(place("tag", Some("b"))),
        Destination::Layout(place("nameless", None)),
        Destination::Archive(place("a.tar", Some("b"))),
    ];
    let targets = wait(copy(&media, from(&source, None), to(&destinations), store.clone())).unwrap();
    for target in &targets {
        assert_eq!(target.outcome.as_ref().unwrap().as_ref().unwrap().as_str(), digest(&root), "{}", target.name);
    }
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["copy:v1", "whole#example.com/a:b", "tag#b", "nameless", "a.tar#b"]);
    let at = |dest| layout(&media, dest);
    let full = "docker.io/library/copy:v1";
    for (directory, name, tag) in [
        (store.clone(), full.into(), "v1".into()),
        (at("whole"), "example.com/a:b".into(), "b".into()),
        (at("tag"), Value::Null, "b".into()),
        (at("nameless"), Value::Null, Value::Null),
    ] {
        assert_eq!(listed(&directory), [(digest(&root), name, tag)]);
        assert_eq!(blobs(&directory), all);
    }
    // An archive says as much, and what is in the store goes on as it is.
    let again = Directory::default();
    let content = Content { source: Source::Archive(archive(&media, "a.tar")), ..from(&source, Some("b")) };
    wait(copy(&media, content, to(&[stored()]), again.clone())).unwrap()[0].outcome.clone().unwrap();
    assert_eq!(blobs(&again), all);
    let content = Content { source: Source::Stored("copy:v1".into()), ..from(&source, None) };
    let other = Destination::Stored("other".into());
    wait(copy(&media, content, to(&[other]), again.clone())).unwrap()[0].outcome.clone().unwrap();
    assert_eq!(listed(&again).len(), 2);
    assert_eq!(blobs(&again), all);
}

#[test]
fn a_platform_is_one_manifest() {
    let made = Made::new();
    let platform = |mut image: Value, architecture: &str| {
        image["platform"] = serde_json::json!({ "os": "linux", "architecture": architecture });
        image
    };
    let arm = made.image("arm64", "two");
    let root = made.index(&[platform(made.image("amd64", "one"), "amd64"), platform(arm.clone(), "arm64")]);
    let (lone, other) = (made.image("s390x", "three"), made.image("s390x", "four"));
    let source = made.listing(&[(&root, "all"), (&lone, "lone"), (&other, "other")]);
    let run = |name: &str, platform: &str| {
        let platform = platform.parse().ok();
        let (media, store) = (Memory::default(), Directory::default());
        let targets =
            wait(copy(&media, Content { platform, ..from(&source, Some(name)) }, to(&[stored()]), store.clone()));
        targets.map(|targets| (targets[0].outcome.clone().unwrap().unwrap().to_string(), blobs(&store).len()))
    };
    assert_eq!(run("all", "linux/arm64"), Ok((digest(&arm), 3)));
    assert_eq!(run("lone", "linux/s390x"), Ok((digest(&lone), 3)));
    for (name, platform) in [("all", "linux/s390x"), ("lone", "linux/amd64")] {
        let refused = run(name, platform).unwrap_err();
        assert_eq!((refused.code, refused.message.contains("there is no image for")), (Code::NotFound, true));
    }
    let several = wait(copy(&Memory::default(), from(&source, None), to(&[stored()]), Directory::default()));
    assert_eq!(several.unwrap_err().code, Code::Unsupported("several images".into()));
}

#[test]
fn nothing_is_named_that_is_not_whole() {
    let made = Made::new();
    let image = made.image("amd64", "layer");
    let missing = format!("blobs/sha256/{}", Digest::of(b"layer").hex());
    made.write(&missing, b"LAYER");
    let source = made.listing(&[(&image, "v1")]);
    let (media, store) = (Memory::default(), Directory::default());
    let tar = Destination::Archive(place("a.tar", None));
    let targets = wait(copy(&media, from(&source, None), to(&[stored(), tar]), store.clone())).unwrap();
    for target in targets {
        assert!(matches!(target.outcome.unwrap_err().code, Code::DigestMismatch(_)));
    }
    assert!(wait(store.open("index.json")).unwrap().is_none());
    assert!(media.destinations.borrow().is_empty());

    let deep = Made::new();
    let mut root = deep.image("amd64", "layer");
    for _ in 0..4 {
        root = deep.index(&[root]);
    }
    let other = Destination::Stored(format!("copy@{}", Digest::of(b"other")));
    let wrong = Destination::Stored("copy:-".into());
    let deep = deep.listing(&[(&root, "v1")]);
    for (source, destination, code) in [
        (&deep, stored(), Code::LimitExceeded("image depth".into())),
        (&source, wrong, Code::Malformed("reference".into())),
    ] {
        let refused = wait(copy(&media, from(source, None), to(&[destination]), store.clone())).unwrap_err();
        assert_eq!(refused.code, code);
    }
    let targets = wait(copy(&media, from(&source, None), to(&[other]), store.clone())).unwrap();
    let refused = targets[0].outcome.clone().unwrap_err();
    assert!(refused.message.contains("a copy keeps its digest"), "{}", refused.message);
    assert!(store.files().iter().all(|(path, _)| path != "index.json"));
}

/// The index that comes of these, and what of it is in the store then.
fn create(parts: &[(&Directory, &str)], annotations: &[&str]) -> Result<(Value, Vec<u8>, Directory)> {
    let parts = parts.iter().map(|(directory, name)| from(directory, Some(name))).collect();
    let new = NewIndex { parts, annotations: annotations.iter().map(|text| (*text).to_owned()).collect() };
    let store = Directory::default();
    let Created { index, targets } = wait(create_index(&Memory::default(), new, to(&[stored()]), store.clone()))?;
    assert_eq!(targets[0].outcome.clone()?, Some(Digest::of(&index)));
    Ok((serde_json::from_slice(&index).unwrap(), index, store))
}

#[test]
fn an_index_lists_each_image_once() {
    let made = Made::new();
    let all = everything(&made);
    let (mut one, two, new) = (made.image("amd64", "one"), made.image("arm64", "two"), made.image("arm", "three"));
    let source = made.listing(&[(&all, "all"), (&one, "one"), (&two, "two"), (&new, "new")]);
    let (index, _, store) = create(&[(&source, "new"), (&source, "two"), (&source, "one")], &[]).unwrap();
    one["platform"] = serde_json::json!({ "architecture": "amd64", "os": "linux" });
    assert_eq!(index["mediaType"], media_type::INDEX);
    assert_eq!(index["manifests"][0]["platform"]["variant"], "v7", "from the config, in normal form");
    assert_eq!(index["manifests"][2], one);
    assert_eq!(blobs(&store).len(), 10);

    let (index, bytes, store) = create(&[(&source, "one"), (&source, "all"), (&source, "new")], &[]).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 6, "{index}");
    // What an index lists stays as it is written there.
    assert_eq!(entries[1]["platform"]["variant"], "v8");
    assert_eq!(entries[2]["artifactType"], media_type::ATTESTATION);
    let path = Digest::of(&bytes).blob_path();
    assert!(blobs(&store).iter().any(|(own, _)| *own == path));

    let (_, bytes, _) = create(&[(&source, "all")], &[]).unwrap();
    assert_eq!(Digest::of(&bytes).as_str(), digest(&all), "a single index is itself");
}

#[test]
fn annotations_of_an_index() {
    let made = Made::new();
    let (one, two) = (made.image("amd64", "one"), made.image("arm64", "two"));
    let text = |path: &str| made.directory.files().into_iter().find(|(own, _)| own == path).unwrap().1;
    let manifest = text(&digest_path(&one));
    let docker = String::from_utf8_lossy(manifest.as_ref()).replace(media_type::MANIFEST, media_type::DOCKER_MANIFEST);
    let docker = made.blob(media_type::DOCKER_MANIFEST, docker.as_bytes());
    let source = made.listing(&[(&one, "one"), (&two, "two"), (&docker, "docker")]);
    let parts = [(&source, "one"), (&source, "two")];
    let given = ["a=1", "index:b=2", "manifest-descriptor[linux/arm64]:c=3", "index,manifest-descriptor:d=4"];
    let (index, ..) = create(&parts, &given).unwrap();
    assert_eq!(index["annotations"], serde_json::json!({ "a": "1", "b": "2", "d": "4" }));
    assert_eq!(index["manifests"][0]["annotations"], serde_json::json!({ "d": "4" }));
    assert_eq!(index["manifests"][1]["annotations"], serde_json::json!({ "c": "3", "d": "4" }));
    let (index, ..) = create(&[(&source, "docker")], &[]).unwrap();
    assert_eq!(index["mediaType"], media_type::DOCKER_LIST);
    for (parts, annotation, said) in [
        (&parts[..], "manifest:a=1", "`manifest` is not a level that can change"),
        (&parts[..], "manifest-descriptor[linux/s390x]:a=1", "nothing here is"),
        (&[(&source, "docker")][..], "a=1", "Docker's manifest lists have no annotations"),
        (&parts[..], "a", "it has no `=`"),
    ] {
        let refused = create(parts, &[annotation]).unwrap_err();
        assert_eq!(refused.code, Code::InvalidOption("--annotation".into()), "{annotation}");
        assert!(refused.message.contains(said), "{}", refused.message);
    }
}

fn digest_path(descriptor: &Value) -> String {
    digest(descriptor).parse::<Digest>().unwrap().blob_path()
}

#[test]
fn what_has_no_manifest_is_exported() {
    let tar = crate::layer::tar::END.to_vec();
    for source in [Source::Files(memory::Tree::default()), Source::Archive(tar.into())] {
        let content = Content { source, form: Form::Detect, name: None, platform: None };
        let refused = wait(copy(&Memory::default(), content, to(&[stored()]), Directory::default())).unwrap_err();
        assert!(matches!(refused.code, Code::Unsupported(_)), "{refused}");
    }
}

#[test]
fn one_destination_that_fails_stops_no_other() {
    let made = Made::new();
    let image = made.image("amd64", "layer");
    let source = made.listing(&[(&image, "v1")]);
    let (media, store) = (Memory::default(), Directory::default());
    let registry = Destination::Registry("example.com/a:b".into());
    let targets = wait(copy(&media, from(&source, None), to(&[registry.clone(), stored()]), store.clone())).unwrap();
    assert!(targets[0].outcome.is_err(), "there is no network");
    assert!(targets[1].outcome.is_ok());
    assert_eq!(listed(&store).len(), 1);

    let (store, mut dry) = (Directory::default(), to(&[stored()]));
    dry.policy.dry_run = true;
    assert!(wait(copy(&media, from(&source, None), dry, store.clone())).unwrap()[0].outcome.is_ok());
    assert!(store.files().is_empty());
}
