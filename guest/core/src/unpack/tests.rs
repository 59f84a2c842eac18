//! Images in memory, unpacked.

use serde_json::json;

use super::*;
use crate::contents::Form;
use crate::digest::Digest;
use crate::documents::index::LAYOUT_FILE;
use crate::export::{self, Job, Source};
use crate::layer::tar;
use crate::layer::trial::{entry, wait};
use crate::media::{Action, Directory as _, Outcome, Step, Writer as _};
use crate::media_type;
use crate::memory::{Destination, Directory, File, Memory, Tree};

fn settings() -> Settings {
    let native = "linux/amd64".parse().unwrap();
    Settings { dest: "out".into(), over: false, rootless: None, bundle: false, insecure: false, native }
}

fn content(source: Source<Memory>) -> Content<Memory> {
    Content { source, form: Form::Detect, name: None, platform: None }
}

/// A tar of entries; what a regular file holds stands behind its path.
fn layer(entries: &[(Entry, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, content) in entries {
        tar::append(&mut bytes, entry, true).unwrap();
        bytes.extend(content.as_bytes());
        tar::pad(&mut bytes, content.len() as u64);
    }
    bytes.extend(tar::END);
    bytes
}

fn file(path: &str, content: &'static str) -> (Entry, &'static str) {
    (entry(path, Kind::Regular(content.len() as u64)), content)
}

fn write(directory: &Directory, path: &str, bytes: &[u8]) {
    let mut writer = wait(directory.create()).unwrap();
    wait(writer.write(bytes.to_vec())).unwrap();
    wait(writer.publish(path)).unwrap();
}

/// A layout with one image of plain layers, of which these diff IDs are said.
fn image(layers: &[Vec<u8>], diff_ids: &[Digest], config: serde_json::Value) -> Directory {
    let directory = Directory::default();
    let blob = |media_type: &str, bytes: &[u8]| {
        let digest = Digest::of(bytes);
        write(&directory, &digest.blob_path(), bytes);
        json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
    };
    let diff_ids: Vec<_> = diff_ids.iter().map(Digest::as_str).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids }, "config": config
    });
    let config = blob(media_type::CONFIG, config.to_string().as_bytes());
    let layers: Vec<_> = layers.iter().map(|tar| blob(media_type::LAYER, tar)).collect();
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let manifest = blob(media_type::MANIFEST, manifest.to_string().as_bytes());
    write(&directory, "oci-layout", LAYOUT_FILE);
    write(&directory, "index.json", json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string().as_bytes());
    directory
}

fn layers() -> Vec<Vec<u8>> {
    let root = Entry { mode: 0o711, uid: 7, ..entry(".", Kind::Directory) };
    let passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n";
    let below = layer(&[
        (root, ""),
        (entry("etc", Kind::Directory), ""),
        file("etc/group", "app:x:1001:\nmore:x:5:app\n"),
        file("etc/passwd", "nobody:x:1:1::/:/bin/sh\n"),
        file("gone", "x"),
        (entry("null", Kind::Character(crate::media::Device { major: 1, minor: 3 })), ""),
    ]);
    let above = layer(&[file(".wh.gone", ""), (entry("etc/passwd", Kind::Regular(passwd.len() as u64)), passwd)]);
    vec![below, above]
}

fn good(config: serde_json::Value) -> Directory {
    let layers = layers();
    let diff_ids: Vec<_> = layers.iter().map(|tar| Digest::of(tar)).collect();
    image(&layers, &diff_ids, config)
}

fn unpacked(media: &Memory, dest: &str) -> Vec<(Entry, Vec<u8>)> {
    match media.destinations.borrow().get(dest) {
        Some(Destination::RootFilesystem(entries)) => {
            let mut entries = entries.clone();
            entries.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
            entries
        }
        other => panic!("{other:?}"),
    }
}

fn paths(entries: &[(Entry, Vec<u8>)]) -> Vec<&str> {
    entries.iter().map(|(entry, _)| std::str::from_utf8(&entry.path).unwrap()).collect()
}

#[test]
fn what_the_layers_give_is_written() {
    let media = Memory::default();
    let source = content(Source::Layout(good(json!({}))));
    let done = wait(unpack(&media, source, settings(), Directory::default())).unwrap();
    let entries = unpacked(&media, "out");
    assert_eq!(paths(&entries), ["", "etc", "etc/group", "etc/passwd", "null"]);
    assert_eq!((entries[0].0.mode, entries[0].0.uid), (0o711, 7), "what the layers say of the root");
    assert!(entries[3].1.starts_with(b"root:"));
    let bytes = entries.iter().map(|(_, content)| content.len() as u64).sum();
    assert_eq!(done, Unpacked { entries: 4, bytes });
    let events = media.events.borrow();
    let ends = |wanted| {
        events.iter().any(|event| {
            matches!(event, Event::Step(Step { action, done, total, outcome: Some(Outcome::Done), .. })
                if *action == wanted && *total == Some(*done) && *done > 0)
        })
    };
    assert!(ends(Action::Read) && ends(Action::Write), "{events:?}");
}

#[test]
fn a_damaged_image_is_not_written() {
    let layers = layers();
    let diff_ids: Vec<_> = layers.iter().map(|tar| Digest::of(tar)).collect();
    let other = Digest::of(b"other");
    let wrong_tar = image(&layers, &[diff_ids[0].clone(), other.clone()], json!({}));
    let wrong_blob = image(&layers, &diff_ids, json!({}));
    let mut damaged = layers[1].clone();
    let at = damaged.windows(5).position(|bytes| bytes == b"root:").unwrap();
    damaged[at] ^= 1;
    write(&wrong_blob, &diff_ids[1].blob_path(), &damaged);
    for (directory, said) in [(wrong_tar, "config says"), (wrong_blob, "is damaged")] {
        let media = Memory::default();
        let done = wait(unpack(&media, content(Source::Layout(directory)), settings(), Directory::default()));
        let error = done.unwrap_err();
        assert!(matches!(error.code, Code::DigestMismatch(_)), "{error:?}");
        assert!(error.to_string().contains(said) && error.message.contains("layer 2 of 2"), "{error}");
        assert!(media.destinations.borrow().is_empty());
    }
}

#[test]
fn a_bundle_has_its_config() {
    let media = Memory::default();
    let source = content(Source::Layout(good(json!({ "User": "app", "Cmd": ["x"] }))));
    wait(unpack(&media, source, Settings { bundle: true, ..settings() }, Directory::default())).unwrap();
    let entries = unpacked(&media, "out");
    let expected = ["", "config.json", "rootfs", "rootfs/etc", "rootfs/etc/group", "rootfs/etc/passwd", "rootfs/null"];
    assert_eq!(paths(&entries), expected);
    assert_eq!(entries[0].0.uid, NOBODY);
    assert_eq!(entries[2].0.mode, 0o711);
    let config: serde_json::Value = serde_json::from_slice(&entries[1].1).unwrap();
    assert_eq!(config["process"]["user"], json!({ "uid": 1000, "gid": 1001, "additionalGids": [5] }));
    // A root file system says nothing of how it is run.
    let tar = content(Source::Archive(File::from(layers().remove(0))));
    let refused = wait(unpack(&media, tar, Settings { bundle: true, ..settings() }, Directory::default()));
    assert_eq!(refused.unwrap_err().code, Code::Unsupported("bundle".into()));
}

#[test]
fn without_rights_all_is_the_users() {
    let media = Memory::default();
    let rootless = Some(User { uid: 5, gid: 6 });
    let tar = content(Source::Archive(File::from(layers().remove(0))));
    wait(unpack(&media, tar, Settings { rootless, ..settings() }, Directory::default())).unwrap();
    let entries = unpacked(&media, "out");
    assert_eq!(paths(&entries), ["", "etc", "etc/group", "etc/passwd", "gone"]);
    assert!(entries.iter().all(|(entry, _)| (entry.uid, entry.gid) == (NOBODY, NOBODY)));
    assert_eq!(entries[0].0.xattrs[0].0, "user.rootlesscontainers");
    let warned = |event: &Event| matches!(event, Event::Warning(text) if text.contains("`null` was left out"));
    assert_eq!(media.events.borrow().iter().filter(|event| warned(event)).count(), 1);
}

fn tree() -> Tree {
    let mut tree = Tree::default();
    tree.push(entry("a", Kind::Directory), Vec::new());
    tree.push(entry("a/file", Kind::Regular(5)), b"hello".to_vec());
    tree
}

fn export(media: &Memory, output: &str, store: &Directory) {
    let job = Job::new(Source::Files(tree()), "linux/amd64".parse().unwrap(), vec![output.into()]);
    wait(export::run(media, job, store.clone())).unwrap();
}

/// Whatever the layer is packed with; the table of contents of an eStargz layer is no part of its files.
#[test]
fn every_compression_is_read() {
    for compression in ["uncompressed", "gzip", "zstd", "estargz"] {
        let (media, store) = (Memory::default(), Directory::default());
        export(&media, &format!("type=image,name=a,compression={compression}"), &store);
        wait(unpack(&media, content(Source::Stored("a".into())), settings(), store)).unwrap();
        let entries = unpacked(&media, "out");
        assert_eq!(paths(&entries), ["", "a", "a/file"], "{compression}");
        assert_eq!(entries[2].1, b"hello");
    }
}

#[test]
fn the_store_keeps_one_tree_of_the_same_layers() {
    let (media, store) = (Memory::default(), Directory::default());
    export(&media, "type=image,name=a,unpack=true", &store);
    let places = || -> Vec<String> { media.destinations.borrow().keys().cloned().collect() };
    let place = places().remove(0);
    assert!(place.strip_prefix("unpacked/sha256/").is_some_and(|chain| chain.len() == 64), "{place}");
    assert_eq!(paths(&unpacked(&media, &place)), ["", "a", "a/file"]);
    media.events.borrow_mut().clear();
    export(&media, "type=image,name=b,unpack=true,compression=zstd", &store);
    assert_eq!(places(), [place]);
    let there = |event: &Event| {
        matches!(event, Event::Step(Step { action: Action::Write, outcome: Some(Outcome::AlreadyThere), .. }))
    };
    assert!(media.events.borrow().iter().any(there));
    // What is not stored is not unpacked, and what is for another machine neither.
    let job = |output: &str| Job::new(Source::Files(tree()), "linux/arm64".parse().unwrap(), vec![output.into()]);
    let other = Memory::default();
    wait(export::run(&other, job("type=image,name=c,unpack=true,store=false"), store.clone())).unwrap();
    let mut foreign = job("type=image,name=d,unpack=true");
    foreign.contents[0].platform = Some("linux/amd64".parse().unwrap());
    wait(export::run(&other, foreign, store)).unwrap();
    assert!(other.destinations.borrow().is_empty());
    let warned = |event: &Event| matches!(event, Event::Warning(text) if text.contains("no image for linux/arm64"));
    assert!(other.events.borrow().iter().any(warned));
}
