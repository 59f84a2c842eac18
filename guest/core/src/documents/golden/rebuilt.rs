//! Every recorded run's documents, made again from its source and its request, byte for byte.

use std::collections::BTreeMap;
use std::fs;

use serde_json::value::RawValue;

use super::recorded::{Case, Level, Node};
use super::{assert_same, image, names, shared};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::attestation::{self, Attestation, Attested, Shape};
use crate::documents::config::Config;
use crate::documents::index::{self, Index, Name};
use crate::documents::json::Value;
use crate::documents::manifest::{self, Manifest, manifest};
use crate::documents::metadata::{self, Export, PlatformImage};
use crate::documents::statement::{Statement, subjects};
use crate::documents::{docker_archive, time};
use crate::layer::Layer;
use crate::media_type::{self, Family};
use crate::platform::Platform;

/// What is compared, counted, so that nothing stops being compared unseen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    configs: usize,
    manifests: usize,
    indexes: usize,
    attestations: usize,
    layouts: usize,
    archives: usize,
    metadata: usize,
}

#[test]
fn every_document_is_buildkits() {
    let mut counts = Counts::default();
    for name in names("golden/cases") {
        let case = Case::open(&name);
        let Some(root) = case.root() else { continue };
        let rebuilt = Rebuilt {
            name: &name,
            case: &case,
            family: family(&root),
            several: media_type::is_index(&root.descriptor.media_type),
        };
        rebuilt.document(&root, &mut counts);
        rebuilt.layout(&root, &mut counts);
        rebuilt.archive(&root, &mut counts);
        rebuilt.metadata(&root, &mut counts);
    }
    let expected =
        Counts { configs: 156, manifests: 156, indexes: 24, attestations: 17, layouts: 90, archives: 8, metadata: 147 };
    assert_eq!(counts, expected);
}

struct Rebuilt<'a> {
    name: &'a str,
    case: &'a Case,
    family: Family,
    /// Whether the root is an index.
    several: bool,
}

impl Rebuilt<'_> {
    fn document(&self, node: &Node, counts: &mut Counts) {
        if media_type::is_index(&node.descriptor.media_type) {
            let entries: Vec<Descriptor> = node.children.iter().map(|child| self.entry(child)).collect();
            let written = index::image_index(self.family, &entries, &self.case.annotations(Level::Index, None));
            assert_same(&written.expect("an index"), &self.case.recorded(&node.descriptor), self.name);
            counts.indexes += 1;
            for child in &node.children {
                match attestation::image_of(&child.descriptor) {
                    Some(image) => {
                        let subject = node.children.iter().find(|child| child.descriptor.digest == image);
                        self.attestation(child, &subject.expect("an image").descriptor);
                        counts.attestations += 1;
                    }
                    None => self.document(child, counts),
                }
            }
            return;
        }
        let config = self.case.recorded(node.config());
        let platform = Config::parse(&config).expect("a config").platform();
        assert_same(&self.config(node, &config), &config, self.name);
        counts.configs += 1;
        let scope = Some(&platform).filter(|_| self.several);
        let annotations = self.case.annotations(Level::Manifest, scope);
        let layers: Vec<Descriptor> = node.layers().iter().map(|layer| self.layer(layer)).collect();
        let config = Descriptor::of(self.family.config(), &config);
        let written = manifest(self.family, &config, &layers, &annotations).expect("a manifest");
        assert_same(&written, &self.case.recorded(&node.descriptor), self.name);
        counts.manifests += 1;
    }

    /// From the source; what has times or members of its own is taken as its own source.
    fn config(&self, node: &Node, recorded: &[u8]) -> Vec<u8> {
        let own = Config::parse(recorded).expect("a config");
        let source = |name: &str| image(name, &own.platform()).expect("an image").1;
        let named = |key: &str| self.case.json[key].as_str();
        let base = named("base").map(source);
        let unlike_its_source = ["img-inlinecache", "oci-env-sde"].contains(&self.name);
        let epoch = self.case.epoch().filter(|_| !unlike_its_source);
        let config = match (epoch, named("source"), &base) {
            (None, ..) => own,
            (_, Some(name), _) => source(name),
            (_, None, base) => base.clone().expect("a base"),
        };
        config.assemble(&node.layers(), epoch, 0, base.as_ref()).expect("a config")
    }

    /// A layer of a base image comes from there, all others in the OCI's media types.
    fn layer(&self, layer: &Layer) -> Descriptor {
        let base =
            self.case.json["base"].as_str().map(|name| image(name, &platform("linux/amd64")).expect("an image").0);
        let layers = base.into_iter().flat_map(|base| base.layers);
        let own = layers.into_iter().find(|base| base.digest == layer.descriptor.digest).map(manifest::base_layer);
        let own = own.unwrap_or_else(|| manifest::layer(&layer.descriptor, Family::Oci, false));
        manifest::layer(&own, self.family, self.case.asks("prefer-nondist-layers=true"))
    }

    fn entry(&self, child: &Node) -> Descriptor {
        let recorded = &child.descriptor;
        let mut entry = Descriptor::new(recorded.media_type.as_str(), recorded.digest.clone(), recorded.size);
        entry.platform.clone_from(&recorded.platform);
        entry.annotations = match attestation::image_of(recorded) {
            Some(_) => recorded.annotations.clone(),
            None => self.case.annotations(Level::ManifestDescriptor, recorded.platform.as_ref()),
        };
        entry
    }

    fn attestation(&self, node: &Node, image: &Descriptor) {
        let platform = image.platform.as_ref().expect("a platform");
        let subjects = subjects(&self.case.names(), platform, &image.digest);
        let statements: Vec<Statement> = node.children[1..]
            .iter()
            .map(|layer| {
                let recorded = self.case.recorded(&layer.descriptor);
                let written = Statement::about(&recorded, &subjects).expect("a statement");
                assert_same(&written.bytes, &recorded, self.name);
                assert_eq!(written.descriptor(), layer.descriptor, "{}", self.name);
                let same = Statement::passed_on(&recorded, &image.digest, &image.digest).expect("a statement");
                assert_same(&same.bytes, &recorded, self.name);
                written
            })
            .collect();
        let shape = if self.case.asks("oci-artifact=false") { Shape::Legacy } else { Shape::Artifact };
        let layers: Vec<Descriptor> = statements.iter().map(Statement::descriptor).collect();
        let written = Attestation::new(shape, image, &layers).expect("an attestation");
        let recorded = self.case.recorded(&node.descriptor);
        assert_same(&written.manifest, &recorded, self.name);
        assert_eq!(written.descriptor, node.descriptor, "{}", self.name);
        assert_same(&written.config.1, &self.case.recorded(node.config()), self.name);
        assert_eq!(written.config.0.digest, node.config().digest, "{}", self.name);
        let expected = Attested { shape, image: image.digest.clone(), layers };
        assert_eq!(Attested::parse(&recorded, &node.descriptor), Ok(expected), "{}", self.name);
    }

    /// As the root is listed where it has no name.
    fn listed(&self, root: &Node) -> Descriptor {
        let mut listed =
            Descriptor::new(root.descriptor.media_type.as_str(), root.descriptor.digest.clone(), root.descriptor.size);
        let level = if self.several { Level::IndexDescriptor } else { Level::ManifestDescriptor };
        listed.annotations = self.case.annotations(level, None);
        if !self.several {
            listed.platform = Some(Config::parse(&self.case.recorded(root.config())).expect("a config").platform());
        }
        listed
    }

    fn layout(&self, root: &Node, counts: &mut Counts) {
        let Ok(recorded) = fs::read(self.case.folder.join("index.json")) else { return };
        let mut listed = self.listed(root);
        // One image, which is nothing but its base, says in the layout where the daemon had found it.
        let found =
            root.descriptor.annotations.iter().filter(|(key, _)| key.starts_with("containerd.io/distribution.source."));
        listed.annotations.extend(found.map(|(key, text)| (key.clone(), text.clone())));
        let created = match self.case.epoch() {
            Some(epoch) => time::rfc3339(epoch).expect("a time"),
            None => root.descriptor.annotations["org.opencontainers.image.created"].clone(),
        };
        // What was asked for goes before.
        listed.annotations.entry("org.opencontainers.image.created".into()).or_insert(created);
        let mut index = Index::default();
        for name in self.case.names() {
            let name = name.with_default_tag();
            let name = Name { full: name.to_string(), tag: name.tag().map(str::to_owned) };
            index.put(&[(Some(name), listed.clone())]);
        }
        if self.case.names().is_empty() {
            index.put(&[(None, listed)]);
        }
        assert_same(&index.to_bytes().expect("an index"), &recorded, self.name);
        let again = Index::parse(&recorded, None).and_then(|index| index.to_bytes()).expect("an index");
        assert_same(&again, &recorded, self.name);
        counts.layouts += 1;
    }

    /// `manifest.json` of a docker archive, of which the digest is known.
    fn archive(&self, root: &Node, counts: &mut Counts) {
        let entries = fs::read_to_string(self.case.folder.join("archive-entries.txt")).unwrap_or_default();
        let Some(entry) = entries.lines().find(|line| line.contains(r#""name": "manifest.json""#)) else { return };
        let layers: Vec<String> = root.layers().iter().map(|layer| layer.descriptor.digest.blob_path()).collect();
        let tags: Vec<String> = self.case.names().iter().map(docker_archive::repo_tag).collect();
        let written = docker_archive::manifest(&root.config().digest.blob_path(), &tags, &layers).expect("a document");
        assert!(entry.contains(Digest::of(&written).hex()), "{}: {}", self.name, String::from_utf8_lossy(&written));
        counts.archives += 1;
    }

    fn metadata(&self, root: &Node, counts: &mut Counts) {
        if self.case.json["outputs"].as_array().is_none_or(|outputs| outputs.len() != 1) {
            return;
        }
        let file = fs::read(self.case.folder.join("case.json")).expect("a case");
        let case: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&file).expect("JSON");
        let Some(recorded) = case.get("metadata").map(|raw| Value::Raw(raw.get()).compact()) else {
            return;
        };
        if recorded == "{}" || recorded == "null" {
            return;
        }
        let mut descriptor = self.listed(root);
        let created = root.descriptor.annotations.get("org.opencontainers.image.created");
        descriptor.annotations.extend(created.map(|time| ("org.opencontainers.image.created".into(), time.clone())));
        let export = Export {
            exporter: "image".into(),
            names: Vec::new(),
            image_name: self.case.json["metadata"]["image.name"].as_str().map(str::to_owned),
            platforms: if self.several { Vec::new() } else { vec![platform_image(root)] },
            descriptor: Some(descriptor),
            targets: Vec::new(),
        };
        let written = Value::Raw(&String::from_utf8(metadata::file(&[export])).expect("UTF-8")).compact();
        let (own, _) = written.split_once(r#","ocix.exports":"#).expect("our own member");
        assert_eq!(format!("{own}}}"), recorded, "{}", self.name);
        counts.metadata += 1;
    }
}

fn platform_image(root: &Node) -> PlatformImage {
    PlatformImage {
        platform: platform("linux/amd64"),
        manifest: root.descriptor.clone(),
        config: root.config().digest.clone(),
        layers: root.layers(),
    }
}

#[test]
fn an_epoch_makes_runs_without_one_equal() {
    let config = |name: &str| {
        let case = Case::open(name);
        let root = case.root().expect("a result");
        (case.recorded(root.config()), root.layers())
    };
    for name in ["oci-default-nosde", "img-nosde"] {
        let (own, layers) = config(name);
        let own = Config::parse(&own).expect("a config");
        let clamped = own.assemble(&layers, Some(1_700_000_000), 0, None).expect("a config");
        assert_same(&clamped, &config("oci-default").0, name);
    }
}

/// What others wrote comes out as it went in.
#[test]
fn what_was_read_is_written_as_it_was() {
    let mut count = 0;
    for name in names("golden/cases") {
        let case = Case::open(&name);
        for node in case.root().iter().flat_map(|root| [root].into_iter().chain(&root.children)) {
            if !media_type::is_manifest(&node.descriptor.media_type) || attestation::is_attestation(&node.descriptor) {
                continue;
            }
            let recorded = case.recorded(&node.descriptor);
            let own = Manifest::parse(&recorded, &node.descriptor.media_type).expect("a manifest");
            let family = if own.media_type == media_type::MANIFEST { Family::Oci } else { Family::Docker };
            let written = manifest(family, &own.config, &own.layers, &own.annotations).expect("a manifest");
            assert_same(&written, &recorded, &name);
            let config = Config::parse(&case.recorded(&own.config)).expect("a config");
            let diff_ids: Vec<_> = node.layers().into_iter().map(|layer| layer.diff_id).collect();
            assert_eq!(config.diff_ids(), diff_ids, "{name}");
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn the_layout_file_is_buildkits() {
    for name in names("golden/sources") {
        let layout = fs::read(shared("golden/sources").join(name).join("oci-layout"));
        assert_eq!(layout.expect("a layout"), index::LAYOUT_FILE);
    }
    assert_eq!(index::LAYOUT_FILE.len(), 30);
}

fn family(root: &Node) -> Family {
    if root.descriptor.media_type.contains("docker") { Family::Docker } else { Family::Oci }
}

fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}
