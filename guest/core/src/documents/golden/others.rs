//! Readers against documents by other hands, whole and damaged.

use std::fs;

use serde_json::Value as Json;

use super::recorded::Case;
use super::{image, json, names, shared, text};
use crate::documents::config::Config;
use crate::documents::index::Index;
use crate::documents::manifest::Manifest;
use crate::documents::{descriptor::Listed, read};
use crate::error::{Code, Error};
use crate::media_type;

#[test]
fn several_platforms_are_told_apart() {
    let image = |platform: &str| image("multi", &platform.parse()?).map(|(_, config)| config.platform().to_string());
    for platform in ["linux/amd64", "linux/arm64"] {
        assert_eq!(image(platform), Ok(platform.into()));
    }
    assert_eq!(image("linux/s390x").map_err(|error| error.code), Err(Code::NotFound));
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
    let root = case.root().expect("a result");
    for document in [case.recorded(&root.descriptor), case.recorded(root.config()), index] {
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
