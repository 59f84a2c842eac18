//! A good image, and where a fault can be put into it: at each step from the entries of a layer to the files of the layout.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};

use super::tar::{END, file, folder, link};
use crate::run::{Run, program};
use crate::text::{base64, sha256};

/// Files of a layout, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The entries of the lower layer, before the tar's end.
    Entries,
    /// The lower layer's tar.
    Tar,
    /// The lower layer's blob, which is gzip.
    Gzip,
    /// The upper layer's blob, which is zstd.
    Zstd,
    /// The lower layer's descriptor.
    Layer,
    /// The image's config.
    Config,
    /// The image's manifest.
    Manifest,
    /// The index that lists the manifest.
    Index,
    /// The layout's `index.json`.
    Top,
    /// The files of the layout.
    Files,
}

/// How a fault is planted.
#[derive(Clone, Copy)]
pub enum Edit {
    /// In bytes.
    Bytes(fn(&mut Vec<u8>)),
    /// In a document.
    Json(fn(&mut Value)),
    /// In a document's text.
    Text(fn(&str) -> String),
    /// In a layout.
    Layout(fn(&mut Files, &Names)),
    /// Nowhere.
    Nothing,
}

/// Where the blobs of an image are, in its layout.
pub struct Names {
    /// Both layers.
    pub layers: [String; 2],
    /// The config.
    pub config: String,
    /// The manifest.
    pub manifest: String,
    /// The index.
    pub index: String,
}

/// A layout with an index of one image, of a gzip and a zstd layer, and of what attests it; with one fault.
pub fn layout(part: Part, edit: Edit) -> Files {
    let mut files = Files::new();
    let mut put = |bytes: &[u8]| {
        let path = path(bytes);
        files.insert(path.clone(), bytes.to_vec());
        path
    };
    let edited = |at: Part, bytes: Vec<u8>| if at == part { change(edit, bytes) } else { bytes };
    let tar = edited(Part::Tar, [edited(Part::Entries, entries()), END.to_vec()].concat());
    let upper = [file(b"usr", b"2"), END.to_vec()].concat();
    let blobs = [edited(Part::Gzip, gzip(&tar)), edited(Part::Zstd, zstd(&upper))];
    let config = edited(Part::Config, config(&[&tar, &upper]).to_string().into_bytes());
    let lower = edited(Part::Layer, listed(LAYER_GZIP, &blobs[0]).to_string().into_bytes());
    let upper = listed("application/vnd.oci.image.layer.v1.tar+zstd", &blobs[1]);
    // The descriptor's text is put in as it is.
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": listed(CONFIG, &config), "layers": ["LOWER", upper],
    });
    let manifest = manifest.to_string().replace("\"LOWER\"", &String::from_utf8(lower).unwrap());
    let manifest = edited(Part::Manifest, manifest.into_bytes());
    let attestation = attestation(&mut put);
    let mut image = listed(MANIFEST, &manifest);
    image["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let mut about = listed(MANIFEST, &attestation);
    about["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    about["annotations"] = json!({
        "vnd.docker.reference.digest": sha256(&manifest), "vnd.docker.reference.type": "attestation-manifest",
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [image, about] });
    let index = edited(Part::Index, index.to_string().into_bytes());
    let top = json!({ "schemaVersion": 2, "manifests": [listed(INDEX, &index)] });
    let names = Names {
        layers: [put(&blobs[0]), put(&blobs[1])],
        config: put(&config),
        manifest: put(&manifest),
        index: put(&index),
    };
    files.insert("index.json".into(), edited(Part::Top, top.to_string().into_bytes()));
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    if let (Part::Files, Edit::Layout(edit)) = (part, edit) {
        edit(&mut files, &names);
    }
    files
}

/// What an ordinary layer has.
pub fn entries() -> Vec<u8> {
    [
        folder(b"etc/"),
        file(b"etc/hosts", b"127.0.0.1 localhost\n"),
        folder(b"bin/"),
        file(b"bin/sh", &b"#!\n".repeat(400)),
        link(b"bin/ls", b'2', b"/bin/sh"),
        link(b"bin/up", b'2', b"../../sh"),
        link(b"bin/cat", b'1', b"bin/sh"),
        file(b"etc/.wh.gone", b""),
    ]
    .concat()
}

/// A config for layers with these tars.
pub fn config(tars: &[&[u8]]) -> Value {
    let history: Vec<Value> = tars.iter().map(|_| json!({ "created": CREATED })).collect();
    let diff_ids: Vec<String> = tars.iter().map(|tar| sha256(tar)).collect();
    json!({
        "architecture": "amd64", "os": "linux", "created": CREATED, "config": {}, "history": history,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// A descriptor.
pub fn listed(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
}

/// Where a blob is in a layout.
pub fn path(bytes: &[u8]) -> String {
    format!("blobs/{}", sha256(bytes).replace(':', "/"))
}

/// Bytes with a fault in them.
pub fn change(edit: Edit, mut bytes: Vec<u8>) -> Vec<u8> {
    match edit {
        Edit::Bytes(edit) => {
            edit(&mut bytes);
            bytes
        }
        Edit::Json(edit) => {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            edit(&mut value);
            value.to_string().into_bytes()
        }
        Edit::Text(edit) => {
            let before = String::from_utf8(bytes).unwrap();
            let after = edit(&before);
            assert_ne!(before, after, "nothing was changed");
            after.into_bytes()
        }
        Edit::Layout(_) | Edit::Nothing => bytes,
    }
}

/// Compressed by gzip, without a time or a name.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    packed("gzip", bytes)
}

/// Compressed by zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    packed("zstd", bytes)
}

fn packed(name: &str, bytes: &[u8]) -> Vec<u8> {
    let args: &[&str] = if name == "gzip" { &["-nc"] } else { &["-qc"] };
    Run::filter(program(name).args(args).stderr(Stdio::inherit()), bytes)
}

fn attestation(put: &mut impl FnMut(&[u8]) -> String) -> Vec<u8> {
    let statement = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;
    put(statement);
    put(b"{}");
    let mut empty = listed("application/vnd.oci.empty.v1+json", b"{}");
    empty["data"] = base64(b"{}").into();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
        "config": empty, "layers": [listed("application/vnd.in-toto+json", statement)],
    });
    let manifest = manifest.to_string().into_bytes();
    put(&manifest);
    manifest
}

/// Media types of the OCI image spec.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Later than every entry of a layer.
const CREATED: &str = "2023-01-01T00:00:00Z";
