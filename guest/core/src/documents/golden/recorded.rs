//! A recorded run, as the tests need it: what was asked, and what came out.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::{json, shared, text};
use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::reference::Reference;

/// A run.
pub struct Case {
    pub folder: PathBuf,
    pub json: Json,
}

/// A document or layer that came out, with all below it.
pub struct Node {
    pub descriptor: Descriptor,
    pub diff_id: Option<DiffId>,
    pub children: Vec<Node>,
}

/// The annotations that were asked for on one level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Index,
    IndexDescriptor,
    Manifest,
    ManifestDescriptor,
}

impl Case {
    pub fn open(name: &str) -> Self {
        let folder = shared("golden/cases").join(name);
        Self { json: json(&folder.join("case.json")), folder }
    }

    /// The root that comes first; a run with several names lists it once a name. None where nothing came out.
    pub fn root(&self) -> Option<Node> {
        let nodes: Vec<&Json> = self.json["tree"].as_array()?.iter().collect();
        (!nodes.is_empty()).then(|| Node::read(&nodes, 0))
    }

    pub fn recorded(&self, descriptor: &Descriptor) -> Vec<u8> {
        let head = &descriptor.digest.hex()[..12];
        fs::read(self.folder.join(format!("{head}.json"))).expect("recorded")
    }

    /// Of the request: an output's own comes before the build's.
    pub fn epoch(&self) -> Option<i64> {
        match self.options().find_map(|option| option.strip_prefix("source-date-epoch=")) {
            Some(own) => own.parse().ok(),
            None => self.json["epoch"].as_str()?.parse().ok(),
        }
    }

    /// Whether the outputs ask for this.
    pub fn asks(&self, option: &str) -> bool {
        self.options().any(|own| own == option)
    }

    /// Which names the first output has.
    pub fn names(&self) -> Vec<Reference> {
        let names =
            self.json["metadata"]["image.name"].as_str().unwrap_or_default().replace("{registry}", "127.0.0.1:5000");
        names.split(',').filter(|name| !name.is_empty()).map(|name| name.parse().expect("a name")).collect()
    }

    /// `platform` is none for a result that is a single manifest: it gets none that are for one platform.
    pub fn annotations(&self, level: Level, platform: Option<&Platform>) -> BTreeMap<String, String> {
        let word = match level {
            Level::Index => "annotation-index",
            Level::IndexDescriptor => "annotation-index-descriptor",
            Level::Manifest => "annotation",
            Level::ManifestDescriptor => "annotation-manifest-descriptor",
        };
        let mut scoped = BTreeMap::new();
        let mut all = BTreeMap::new();
        for (key, value) in self.options().filter_map(|option| option.split_once('=')) {
            let key = key.to_ascii_lowercase().replacen("annotation-manifest.", "annotation.", 1);
            let Some(rest) = key.strip_prefix(word) else { continue };
            if let Some(key) = rest.strip_prefix('.').filter(|key| is_key(key)) {
                all.insert(key.to_owned(), value.to_owned());
            } else if let Some((own, key)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("].")) {
                let fits =
                    matches!(level, Level::Index) || platform.is_some_and(|platform| platform.to_string() == own);
                scoped.extend(fits.then(|| (key.to_owned(), value.to_owned())));
            }
        }
        all.extend(scoped);
        all
    }

    fn options(&self) -> impl Iterator<Item = &str> {
        let outputs = self.json["outputs"].as_array().into_iter().flatten();
        outputs.filter_map(Json::as_str).flat_map(|output| output.split(','))
    }
}

/// What BuildKit takes for an annotation's key; the others it ignores.
fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(' ')
}

impl Node {
    fn read(nodes: &[&Json], at: usize) -> Self {
        let node = nodes[at];
        let depth = |node: &Json| node["depth"].as_u64().expect("a depth");
        let below = nodes.iter().enumerate().skip(at + 1).take_while(|(_, below)| depth(below) > depth(node));
        let children = below.filter(|(_, below)| depth(below) == depth(node) + 1);
        let digest = text(node, "digest").parse().expect("a digest");
        let mut descriptor = Descriptor::new(text(node, "mediaType"), digest, node["size"].as_u64().expect("a size"));
        if let Some(map) = node.get("annotations") {
            descriptor.annotations = serde_json::from_value(map.clone()).expect("annotations");
        }
        descriptor.platform = node.get("platform").map(|platform| {
            Platform::new(&text(platform, "os"), &text(platform, "architecture"), platform["variant"].as_str())
        });
        Self {
            descriptor,
            diff_id: node["diff_id"].as_str().map(|diff_id| DiffId(diff_id.parse().expect("a diff ID"))),
            children: children.map(|(at, _)| Self::read(nodes, at)).collect(),
        }
    }

    /// Of an image's manifest.
    pub fn config(&self) -> &Descriptor {
        &self.children.first().expect("a config").descriptor
    }

    /// Of an image's manifest.
    pub fn layers(&self) -> Vec<Layer> {
        let layers = self.children.iter().skip(1);
        let layer = |node: &Node| Layer {
            descriptor: node.descriptor.clone(),
            diff_id: node.diff_id.clone().expect("a diff ID"),
        };
        layers.map(layer).collect()
    }
}
