//! Our documents against recorded ones, in every byte that can be equal.
//!
//! Another encoder wrote the recorded blobs, so layers are compared by media type, annotations and diff ID; then our digests and sizes take
//! the place of theirs in their documents, from the leaves to the root, and every document must be equal. Where the clock wrote a time, any
//! time is equal.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Recorded;
use super::made::Made;
use crate::sha256;

/// What was found so far.
pub struct Comparison<'r> {
    run: &'r Recorded,
    made: &'r Made,
    /// Recorded documents of every run, by digest.
    documents: &'r BTreeMap<String, Vec<u8>>,
    /// Our registry's address.
    registry: &'r str,
    /// Their digest and size, and ours.
    instead: Vec<(String, u64, String, u64)>,
    /// What differs: a word for the kind, and all that there is to say.
    pub differences: Vec<(&'static str, String)>,
}

impl<'r> Comparison<'r> {
    /// Compares what was made with what was recorded, but for what a registry has.
    pub fn of(run: &'r Recorded, made: &'r Made, documents: &'r BTreeMap<String, Vec<u8>>, registry: &'r str) -> Self {
        let mut comparison = Self { run, made, documents, registry, instead: Vec::new(), differences: Vec::new() };
        comparison.metadata();
        comparison.index();
        comparison.archive();
        comparison
    }

    fn metadata(&mut self) {
        let (ours, theirs) = (&self.made.metadata, &self.run.case["metadata"]);
        let key = "containerimage.descriptor";
        let (Some(own), Some(their)) = (ours.get(key), theirs.get(key)) else {
            if ours.get(key).is_some() != theirs.get(key).is_some() {
                self.differ("metadata", format!("{ours:#} instead of {theirs:#}"));
            }
            return;
        };
        self.descend(own, their, "root");
        for key in ["containerimage.digest", "containerimage.config.digest", "image.name"] {
            let their = theirs[key].as_str().map(|text| self.substituted(&text.replace("{registry}", self.registry)));
            let own = ours[key].as_str();
            if own != their.as_deref() {
                self.differences.push(("metadata", format!("{key} is {own:?} instead of {their:?}")));
            }
        }
        // Digest and size were compared above.
        let rest = |descriptor: &Value| {
            let mut rest = descriptor.as_object().unwrap().clone();
            rest.retain(|key, _| key != "digest" && key != "size");
            self.timeless(&Value::Object(rest).to_string())
        };
        let (own, their) = (rest(own), rest(their));
        if own != their {
            self.differ("descriptor", format!("{own} instead of {their}"));
        }
    }

    fn index(&mut self) {
        let (Some(theirs), Some(ours)) = (self.run.file("index.json"), &self.made.index) else { return };
        let theirs = self.timeless(&self.substituted(&theirs));
        if self.timeless(ours) != theirs {
            self.differ("index.json", format!("{ours}\ninstead of\n{theirs}"));
        }
    }

    /// Members have other names where blobs have, so that they are compared as a set, in the order of their names.
    fn archive(&mut self) {
        let Some(theirs) = self.run.file("archive-entries.txt") else { return };
        let mut expected: Vec<(String, String)> = Vec::new();
        for line in theirs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some(name) = line["name"].as_str() else { continue };
            let mode = line["mode"].as_str().unwrap().trim_start_matches("0o").to_owned();
            let kind = line["type"].as_str().unwrap();
            let header = format!("{mode} {} {} {kind} {} ustar", line["uid"], line["gid"], line["mtime"]);
            expected.push((self.substituted(name), header));
        }
        expected.sort();
        let members = self.made.members.iter().map(|member| (member.name.clone(), member.header.clone()));
        let members: Vec<_> = members.collect();
        if members != expected {
            self.differ("archive", format!("{members:#?}\ninstead of\n{expected:#?}"));
        }
    }

    /// One descriptor of ours against one of theirs, and everything beneath.
    fn descend(&mut self, ours: &Value, theirs: &Value, place: &str) {
        let digest = |descriptor: &Value| descriptor["digest"].as_str().unwrap().to_owned();
        let size = |descriptor: &Value| descriptor["size"].as_u64().unwrap();
        let (own, their) = (digest(ours), digest(theirs));
        let blob = self.made.blobs.get(&own);
        if blob.is_none_or(|blob| blob.len() as u64 != size(ours) || sha256(blob) != own) {
            return self.differ("documents", format!("{place}: {own} is not there with its size"));
        }
        if own == their {
            return;
        }
        if ours["mediaType"] != theirs["mediaType"] {
            self.differ("documents", format!("{place}: {} instead of {}", ours["mediaType"], theirs["mediaType"]));
        }
        let keys = |descriptor: &Value| -> Vec<String> {
            descriptor["annotations"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        if place != "root" && keys(ours) != keys(theirs) {
            self.differ("documents", format!("{place}: annotations {:?} instead of {:?}", keys(ours), keys(theirs)));
        }
        let instead = (their.clone(), size(theirs), own.clone(), size(ours));
        let Some(recorded) = self.documents.get(&their) else {
            // A layer, whose diff ID is in the config; or a document of which only the descriptor was recorded.
            // Beneath it stand sizes of compressed layers, which may have a digit more or less.
            if place == "root" && size(ours).abs_diff(size(theirs)) > 2 {
                self.differ("documents", format!("{place}: {} bytes instead of {}", size(ours), size(theirs)));
            }
            return self.instead.push(instead);
        };
        let bytes = blob.unwrap();
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        let (mine, other) = (json(bytes), json(recorded));
        for list in ["layers", "manifests"] {
            let items = |document: &Value| document[list].as_array().cloned().unwrap_or_default();
            let (mine, other) = (items(&mine), items(&other));
            if mine.len() != other.len() {
                return self.differ("documents", format!("{place}: {} {list} instead of {}", mine.len(), other.len()));
            }
            for (number, (mine, other)) in mine.iter().zip(&other).enumerate() {
                self.descend(mine, other, &format!("{place}, {list} {number}"));
            }
        }
        for part in ["config", "subject"] {
            if other[part]["digest"].is_string() && mine[part]["digest"].is_string() {
                self.descend(&mine[part], &other[part], &format!("{place}, {part}"));
            }
        }
        let comparable = |text: &str| if self.run.name.contains("estargz") { plain(text) } else { text.to_owned() };
        let ours = self.timeless(&comparable(&String::from_utf8_lossy(bytes)));
        let theirs = self.timeless(&comparable(&self.substituted(&String::from_utf8_lossy(recorded))));
        if ours != theirs {
            self.differ("documents", format!("{place}:\n{ours}\ninstead of\n{theirs}"));
        }
        self.instead.push(instead);
    }

    /// Their text with our digests and sizes, and our registry for the one that they had.
    fn substituted(&self, text: &str) -> String {
        let mut text = text.replace(THEIR_REGISTRY, &self.registry.replace(':', "%3A"));
        for (their, size, own, own_size) in &self.instead {
            for space in ["", " "] {
                for between in [",", ",\n      ", ",\n    ", ",\n        "] {
                    let pair = |digest: &str, size: u64| {
                        format!("\"digest\":{space}\"{digest}\"{between}\"size\":{space}{size}")
                    };
                    text = text.replace(&pair(their, *size), &pair(own, *own_size));
                }
            }
            text = text.replace(&their[7..], &own[7..]);
        }
        text
    }

    /// The text, any time in it, where no epoch said which.
    fn timeless(&self, text: &str) -> String {
        let told = self.run.case["epoch"].is_string() && self.run.name != "oci-attr-sde-empty";
        if told || self.run.case["tool"] == "buildx" { text.to_owned() } else { without(text, "created", "TIME") }
    }

    fn differ(&mut self, kind: &'static str, how: String) {
        self.differences.push((kind, how));
    }
}

/// Without what follows from an eStargz table of contents, which is part of the tar and has offsets in it.
fn plain(text: &str) -> String {
    let text = without(text, "containerd.io/snapshot/stargz/toc.digest", "TOC");
    match text.split_once("\"diff_ids\":[") {
        Some((before, after)) => format!("{before}{}", after.split_once(']').unwrap().1),
        None => text,
    }
}

/// The text with `word` in place of every string that follows a key which ends so.
fn without(text: &str, key: &str, word: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&format!("{key}\":")) {
        let Some((space, value)) = after.split_once('"').filter(|(space, _)| space.trim().is_empty()) else {
            out += &format!("{before}{key}\":");
            rest = after;
            continue;
        };
        out += &format!("{before}{key}\":{space}\"{word}\"");
        rest = value.split_once('"').unwrap().1;
    }
    out + rest
}

/// Where the recorded runs pushed to, as package URLs have it.
const THEIR_REGISTRY: &str = "127.0.0.1%3A5000";
