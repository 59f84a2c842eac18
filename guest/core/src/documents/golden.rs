//! Documents against BuildKit's recorded ones, and readers against documents by other hands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::config::Config;
use super::index::{self, Index, Name};
use super::manifest::{Manifest, manifest};
use super::{descriptor::Listed, read, time};
use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::error::{Code, Error};
use crate::layer::Layer;
use crate::media_type;
use crate::platform::Platform;

/// A recorded run that gave one image in OCI's media types, of which every document is known.
struct Case {
    folder: PathBuf,
    json: Json,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder = shared("golden/cases").join(name);
        Self { json: json(&folder.join("case.json")), folder }
    }

    fn nodes(&self) -> impl Iterator<Item = &Json> {
        self.json["tree"].as_array().into_iter().flatten()
    }

    /// The root that comes first; a run with several names lists it once a name.
    fn first(&self) -> Vec<&Json> {
        let mut roots = self.nodes().enumerate().filter(|(_, node)| node["depth"] == 0).map(|(at, _)| at);
        let end = roots.nth(1).unwrap_or(usize::MAX);
        self.nodes().take(end).collect()
    }

    fn is_one_oci_image(&self) -> bool {
        self.first().first().is_some_and(|root| root["mediaType"] == media_type::MANIFEST)
    }

    fn document(&self, media_type: &str) -> Vec<u8> {
        let node = self.first().into_iter().find(|node| node["mediaType"] == media_type).expect("listed");
        let head = node["digest"].as_str().and_then(|digest| digest.get(7..19)).expect("a digest");
        fs::read(self.folder.join(format!("{head}.json"))).expect("recorded")
    }

    fn layers(&self) -> Vec<Layer> {
        let layers = self.first().into_iter().filter(|node| node.get("diff_id").is_some());
        layers
            .map(|node| Layer {
                descriptor: descriptor(node),
                diff_id: DiffId(text(node, "diff_id").parse().expect("a diff ID")),
            })
            .collect()
    }

    fn epoch(&self) -> Option<i64> {
        let outputs = self.json["outputs"].to_string();
        match outputs.split_once("source-date-epoch=") {
            Some((_, rest)) => rest.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok(),
            None => self.json["epoch"].as_str()?.parse().ok(),
        }
    }

    fn source(&self) -> Config {
        assert!(self.is_one_oci_image(), "{}", self.folder.display());
        image(&text(&self.json, "source"), "linux/amd64").expect("an image")
    }
}

/// Config, manifest and index.json from the source's config, the layers and the request; `annotations` are those of the request.
fn rebuilt(name: &str, annotations: &[(&str, &str)], names: &[(&str, &str)]) {
    let case = Case::open(name);
    let layers = case.layers();
    let config = case.source().assemble(&layers, case.epoch(), 0).expect("a config");
    assert_same(&config, &case.document(media_type::CONFIG), name);
    let descriptors: Vec<Descriptor> = layers.into_iter().map(|layer| layer.descriptor).collect();
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let document =
        manifest(&Descriptor::of(media_type::CONFIG, &config), &descriptors, &annotations).expect("a manifest");
    assert_same(&document, &case.document(media_type::MANIFEST), name);
    let Ok(recorded) = fs::read(case.folder.join("index.json")) else {
        assert!(!name.starts_with("oci"), "{name} has an index");
        return;
    };
    let mut image = Descriptor::of(media_type::MANIFEST, &document);
    image.platform = Some(Config::parse(&config).expect("a config").platform());
    let created = time::rfc3339(case.epoch().expect("an epoch")).expect("a time");
    image.annotations.insert("org.opencontainers.image.created".into(), created);
    let mut index = Index::default();
    match names {
        [] => index.put(None, image),
        _ => names.iter().for_each(|(full, tag)| {
            index.put(Some(&Name { full: (*full).into(), tag: Some((*tag).into()) }), image.clone())
        }),
    }
    assert_same(&index.to_bytes().expect("an index"), &recorded, name);
}

#[test]
fn images_are_buildkits_from_source_to_index() {
    for name in [
        "oci-uncompressed",
        "img-uncompressed",
        "oci-gzip",
        "oci-empty",
        "oci-default",
        "oci-zstd",
        "oci-gzip-l9",
        "oci-estargz",
        "oci-copylink",
        "oci-parents",
        "oci-rewrite",
        "err-sde-neg",
        "img-zstd",
        "img-gzip",
    ] {
        rebuilt(name, &[], &[]);
    }
    rebuilt("docker-oci", &[], &[("docker.io/library/foo:latest", "latest")]);
    rebuilt("oci-name", &[], &[("example.com/foo/bar:v1", "v1")]);
    rebuilt("oci-name-multi", &[], &[("example.com/foo:v1", "v1"), ("docker.io/library/bar:v2", "v2")]);
    rebuilt("oci-ann-plain", &[("org.example.k", "v1")], &[]);
    rebuilt("oci-ann-manifest", &[("k", "v1")], &[]);
    rebuilt("oci-ann-value-eq", &[("k", "a=b=c")], &[]);
}

/// What BuildKit wrote without an epoch has times of its own, which our source does not; it must come out as it went in.
#[test]
fn every_recorded_image_comes_out_as_it_went_in() {
    let mut configs = 0;
    let mut manifests = 0;
    let mut indexes = 0;
    for name in names("golden/cases") {
        let case = Case::open(&name);
        if let Ok(recorded) = fs::read(case.folder.join("index.json")) {
            let index = Index::parse(&recorded, None).and_then(|index| index.to_bytes()).expect("an index");
            assert_same(&index, &recorded, &name);
            indexes += 1;
        }
        if !case.is_one_oci_image() {
            continue;
        }
        let recorded = case.document(media_type::MANIFEST);
        let parsed = Manifest::parse(&recorded, media_type::MANIFEST).expect("a manifest");
        let written = manifest(&parsed.config, &parsed.layers, &parsed.annotations).expect("a manifest");
        // The core's descriptors hold no URLs: layers that lie elsewhere cannot be passed on.
        if name != "base-nondist-prefer" {
            assert_same(&written, &recorded, &name);
            manifests += 1;
        }
        let recorded = case.document(media_type::CONFIG);
        let config = Config::parse(&recorded).expect("a config");
        let diff_ids: Vec<DiffId> = case.layers().into_iter().map(|layer| layer.diff_id).collect();
        assert_eq!(config.diff_ids(), diff_ids, "{name}");
        assert_same(&config.assemble(&case.layers(), None, 0).expect("a config"), &recorded, &name);
        configs += 1;
    }
    assert!(configs > 100 && manifests > 100 && indexes > 80, "{configs} {manifests} {indexes}");
}

#[test]
fn an_epoch_makes_runs_without_one_equal() {
    for name in ["oci-default-nosde", "img-nosde"] {
        let case = Case::open(name);
        let config = Config::parse(&case.document(media_type::CONFIG)).expect("a config");
        let clamped = config.assemble(&case.layers(), Some(1_700_000_000), 0).expect("a config");
        assert_same(&clamped, &Case::open("oci-default").document(media_type::CONFIG), name);
    }
}

#[test]
fn the_layout_file_is_buildkits() {
    for name in names("golden/sources") {
        assert_eq!(
            fs::read(shared("golden/sources").join(name).join("oci-layout")).expect("a layout"),
            index::LAYOUT_FILE
        );
    }
    assert_eq!(index::LAYOUT_FILE.len(), 30);
}

#[test]
fn several_platforms_are_told_apart() {
    for platform in ["linux/amd64", "linux/arm64"] {
        assert_eq!(image("multi", platform).map(|config| config.platform().to_string()), Ok(platform.into()));
    }
    assert_eq!(image("multi", "linux/s390x").map_err(|error| error.code).err(), Some(Code::NotFound));
}

/// The verdicts of the image specification's schemas.
#[test]
fn verdicts_on_documents_by_other_hands_are_the_specifications() {
    let documents = json(&shared("corpora/documents.json"));
    let documents = documents.as_array().expect("a list");
    for (number, entry) in documents.iter().enumerate() {
        let document = text(entry, "document").into_bytes();
        let result: Result<(), Error> = match text(entry, "kind").as_str() {
            "config" => Config::parse(&document).map(|_| ()),
            "descriptor" => read::document(&document, "descriptor").and_then(Listed::read).map(|_| ()),
            "imageindex" => Index::parse(&document, None).map(|_| ()),
            "manifest" => Manifest::parse(&document, media_type::MANIFEST).map(|_| ()),
            // Of three kinds, which is not said.
            "backwards_compatibility" => Manifest::parse(&document, media_type::DOCKER_MANIFEST)
                .map(|_| ())
                .or_else(|_| Index::parse(&document, Some(media_type::DOCKER_LIST)).map(|_| ()))
                .or_else(|_| Config::parse(&document).map(|_| ())),
            // `oci-layout` is written, and nothing in it is worth reading.
            "imagelayout" => continue,
            kind => panic!("a document of the new kind {kind}"),
        };
        // The schema asks for one layer at least; the text of the specification only says that it should be so, and BuildKit's and
        // others' images without layers are in use.
        let layers = serde_json::from_slice(&document).map_or(Json::Null, |document: Json| document["layers"].clone());
        let accepted = result.is_ok() && !layers.as_array().is_some_and(Vec::is_empty);
        assert_eq!(accepted, entry["valid"] == true, "document {number}: {result:?}");
    }
    assert!(documents.len() > 50);
}

#[test]
fn layouts_by_other_hands_are_read() {
    for name in names("corpora/layouts") {
        let layout = shared("corpora/layouts").join(&name);
        let index = Index::parse(&fs::read(layout.join("index.json")).expect("an index"), None).expect("an index");
        for listed in index.manifests() {
            let bytes = fs::read(layout.join(listed.digest.blob_path())).expect("a blob");
            if media_type::is_manifest(&listed.media_type) {
                let parsed = Manifest::parse(&bytes, &listed.media_type);
                // It says that it is Docker's where its descriptor says that it is OCI's: one of them must be wrong.
                if listed.digest.hex().starts_with("eebff607b162") {
                    assert!(
                        parsed.is_err_and(|error| error.message.starts_with("the manifest says that it is a")),
                        "{name}"
                    );
                    continue;
                }
                let manifest = parsed.expect("a manifest");
                let config = fs::read(layout.join(manifest.config.digest.blob_path())).expect("a config");
                assert_eq!(Config::parse(&config).expect("a config").diff_ids().len(), manifest.layers.len(), "{name}");
            } else if media_type::is_index(&listed.media_type) {
                Index::parse(&bytes, Some(&listed.media_type)).expect("an index");
            }
        }
    }
}

/// No document that is cut or has a byte changed may panic, and all that is refused is refused as malformed, unsupported or too large.
#[test]
fn damaged_documents_are_refused_quietly() {
    let case = Case::open("oci-ann-plain");
    let index = fs::read(case.folder.join("index.json")).expect("an index");
    for document in [case.document(media_type::MANIFEST), case.document(media_type::CONFIG), index] {
        for at in 0..document.len() {
            for byte in [b'"', b'{', b']', b'\\', b'0', 0xff] {
                let mut damaged = document.clone();
                damaged[at] = byte;
                quiet(&damaged);
            }
            quiet(&document[..at]);
        }
    }
}

fn quiet(document: &[u8]) {
    let errors = [
        Manifest::parse(document, media_type::MANIFEST).err(),
        Config::parse(document).err(),
        Index::parse(document, None).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(matches!(error.code, Code::Malformed(_) | Code::Unsupported(_) | Code::LimitExceeded(_)), "{error:?}");
        assert!(!error.message.contains('\n') && !error.message.ends_with('.'), "{error:?}");
    }
}

/// The config of a source's image, through as many indexes as there are.
fn image(source: &str, platform: &str) -> Result<Config, Error> {
    let layout = shared("golden/sources").join(source);
    let platform: Platform = platform.parse()?;
    let blob = |descriptor: &Descriptor| fs::read(layout.join(descriptor.digest.blob_path())).expect("a blob");
    let index = Index::parse(&fs::read(layout.join("index.json")).expect("an index"), None)?;
    let mut root = index::select(index.manifests(), &platform)?;
    while media_type::is_index(&root.media_type) {
        let index = Index::parse(&blob(&root), Some(&root.media_type))?;
        root = index::select(index.manifests(), &platform)?;
    }
    let manifest = Manifest::parse(&blob(&root), &root.media_type)?;
    let config = Config::parse(&blob(&manifest.config))?;
    assert_eq!(config.diff_ids().len(), manifest.layers.len(), "{source}");
    Ok(config)
}

fn descriptor(node: &Json) -> Descriptor {
    let mut descriptor = Descriptor::new(
        text(node, "mediaType"),
        text(node, "digest").parse().expect("a digest"),
        node["size"].as_u64().expect("a size"),
    );
    descriptor.annotations = node
        .get("annotations")
        .map_or_else(BTreeMap::new, |map| serde_json::from_value(map.clone()).expect("annotations"));
    descriptor
}

fn assert_same(written: &[u8], recorded: &[u8], name: &str) {
    assert_eq!(String::from_utf8_lossy(written), String::from_utf8_lossy(recorded), "{name}");
}

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).expect("JSON")
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(shared(folder)).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path)
}
