//! Images in memory, compared in both directions: swapping the sides must change nothing but the sides.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod counting;
mod golden;
mod limits;
mod verdicts;

use std::io::Write;

use serde_json::{Value, json};

use super::{Comparison, compare};
use crate::contents::Form;
use crate::digest::Digest;
use crate::documents::index::LAYOUT_FILE;
use crate::error::Result;
use crate::export::{Content, Source};
use crate::inspect::{self, Image, Limits, Settings};
use crate::layer::tar;
use crate::layer::trial::wait;
use crate::media::{Directory as _, Entry, Kind, Media, Timestamp, Writer as _};
use crate::media_type;
use crate::memory::{Directory, Memory};
use crate::store::Layout;

/// An image before it is written.
#[derive(Clone)]
struct Made {
    /// Media type, blob, tar.
    layers: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// Merged into the config.
    config: Value,
    /// Merged into the manifest.
    manifest: Value,
    docker: bool,
    pretty: bool,
}

impl Made {
    fn of(tars: &[Vec<u8>]) -> Self {
        let layers = tars.iter().map(|tar| (media_type::LAYER.to_owned(), tar.clone(), tar.clone())).collect();
        Self { layers, config: json!({}), manifest: json!({}), docker: false, pretty: false }
    }

    fn gzip(mut self, level: u32) -> Self {
        for (kind, blob, tar) in &mut self.layers {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(tar).unwrap();
            (*kind, *blob) = (media_type::LAYER_GZIP.into(), encoder.finish().unwrap());
        }
        self
    }

    fn zstd(mut self) -> Self {
        for (kind, blob, tar) in &mut self.layers {
            (*kind, *blob) = (media_type::LAYER_ZSTD.into(), rust_zstd::compress_to_vec(tar));
        }
        self
    }

    fn config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }

    /// Writes it; its descriptor.
    fn write(&self, directory: &Directory) -> Value {
        let text = |value: &Value| if self.pretty { format!("{value:#}\n") } else { value.to_string() };
        let kind = |kind: &str| match self.docker {
            true => kind
                .replace("vnd.oci.image.manifest.v1", "vnd.docker.distribution.manifest.v2")
                .replace("vnd.oci.image.config.v1", "vnd.docker.container.image.v1")
                .replace("vnd.oci.image.layer.v1.tar", "vnd.docker.image.rootfs.diff.tar")
                .replace("tar+gzip", "tar.gzip"),
            false => kind.to_owned(),
        };
        let diff_ids: Vec<_> = self.layers.iter().map(|(_, _, tar)| Digest::of(tar).to_string()).collect();
        let mut config = json!({
            "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        merge(&mut config, &self.config);
        let config = blob(directory, &kind(media_type::CONFIG), text(&config).as_bytes());
        let layers: Vec<_> = self.layers.iter().map(|(layer, bytes, _)| blob(directory, &kind(layer), bytes)).collect();
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": kind(media_type::MANIFEST), "config": config, "layers": layers,
        });
        merge(&mut manifest, &self.manifest);
        blob(directory, &kind(media_type::MANIFEST), text(&manifest).as_bytes())
    }

    fn layout(&self) -> Directory {
        let directory = Directory::default();
        let manifest = self.write(&directory);
        layout(&directory, &[manifest]);
        directory
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().unwrap() {
        into[name] = value.clone();
    }
}

fn publish(directory: &Directory, path: &str, bytes: &[u8]) {
    let mut writer = wait(directory.create()).unwrap();
    wait(writer.write(bytes.to_vec())).unwrap();
    wait(writer.publish(path)).unwrap();
}

fn blob(directory: &Directory, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    publish(directory, &digest.blob_path(), bytes);
    json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
}

fn layout(directory: &Directory, manifests: &[Value]) {
    publish(directory, "oci-layout", LAYOUT_FILE);
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    publish(directory, "index.json", index.to_string().as_bytes());
}

/// An image index of these, with their platforms.
fn index(images: &[(&Made, &str)]) -> Directory {
    let directory = Directory::default();
    let entries: Vec<_> = images
        .iter()
        .map(|(made, architecture)| {
            let mut entry = Made::clone(made).config(json!({ "architecture": architecture })).write(&directory);
            entry["platform"] = json!({ "os": "linux", "architecture": architecture });
            entry
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
    let index = blob(&directory, media_type::INDEX, index.to_string().as_bytes());
    layout(&directory, &[index]);
    directory
}

fn open<'a, M: Media>(media: &'a M, source: Source<M>, limits: Limits, store: M::Directory) -> Image<'a, M> {
    let settings = Settings { limits, insecure: false, native: "linux/amd64".parse().unwrap() };
    let form = if matches!(source, Source::Archive(_)) { Form::RootFilesystem } else { Form::Detect };
    let content = Content { source, form, name: None, platform: None };
    wait(Image::open(media, content, &Layout::store(store), settings)).unwrap()
}

/// Both ways; the second must be the mirror of the first.
fn both(one: &dyn Fn() -> Source<Memory>, other: &dyn Fn() -> Source<Memory>, limits: Limits) -> Result<Comparison> {
    let media = Memory::default();
    let image = |source: Source<Memory>| open(&media, source, limits, Directory::default());
    let there = wait(compare(&image(one()), &image(other())))?;
    let back = wait(compare(&image(other()), &image(one())))?;
    let mut mirrored: Value = serde_json::from_str(&inspect::json(&back)).unwrap();
    mirror(&mut mirrored);
    let mut straight: Value = serde_json::from_str(&inspect::json(&there)).unwrap();
    sort(&mut straight);
    assert!(straight == mirrored, "{straight}\n\n{mirrored}");
    Ok(there)
}

fn layouts(one: &Directory, other: &Directory) -> Comparison {
    both(&|| Source::Layout(one.clone()), &|| Source::Layout(other.clone()), Limits::default()).unwrap()
}

/// Puts everything of one side to the other.
fn mirror(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (one, other) in [("a", "b"), ("onlyA", "onlyB"), ("added", "removed")] {
                let (first, second) = (members.remove(one), members.remove(other));
                first.map(|value| members.insert(other.into(), value));
                second.map(|value| members.insert(one.into(), value));
            }
            for (name, word) in members.iter_mut().filter(|(name, _)| matches!(name.as_str(), "change" | "relation")) {
                *word = match word.as_str().unwrap_or(name) {
                    "added" => "removed".into(),
                    "removed" => "added".into(),
                    "only-a" => "only-b".into(),
                    "only-b" => "only-a".into(),
                    other => other.into(),
                };
            }
            members.values_mut().for_each(mirror);
        }
        Value::Array(items) => items.iter_mut().for_each(mirror),
        _ => {}
    }
    sort(value);
}

/// Pairs of layers and of images stand in the order of the first side.
fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(sort);
            for name in ["layers", "images"] {
                if let Some(Value::Array(items)) = members.get_mut(name) {
                    items.sort_by_key(ToString::to_string);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

fn verdict(comparison: &Comparison) -> String {
    word(&comparison.finding.verdict)
}

fn reasons(comparison: &Comparison) -> Vec<String> {
    comparison.finding.reasons.iter().map(|reason| word(&reason.reason)).collect()
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// An entry with its content; a path that ends in `/` is a directory.
fn file(path: &str, content: &str, time: i64) -> (Entry, Vec<u8>) {
    let kind = match path.ends_with('/') {
        true => Kind::Directory,
        false => Kind::Regular(content.len() as u64),
    };
    let modified = Timestamp { seconds: time, nanoseconds: 0 };
    let path = path.trim_end_matches('/').as_bytes().to_vec();
    (Entry { path, kind, mode: 0o644, uid: 0, gid: 0, modified, xattrs: Vec::new() }, content.as_bytes().to_vec())
}

fn pack(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (entry, content) in entries {
        tar::append(&mut out, entry, true).unwrap();
        out.extend_from_slice(content);
        tar::pad(&mut out, content.len() as u64);
    }
    out.extend(tar::END);
    out
}

/// Files of time 5 with these contents.
fn files(files: &[(&str, &str)]) -> Vec<u8> {
    pack(&files.iter().map(|(path, content)| file(path, content, 5)).collect::<Vec<_>>())
}
