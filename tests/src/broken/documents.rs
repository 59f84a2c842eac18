//! Faults of documents, of what they say of each other and of blobs, and of the layout.

use serde_json::json;

use super::image::Edit::{Bytes, Json, Layout, Text};
use super::image::Part::{Config, Files, Gzip, Index, Layer, Manifest, Top};
use super::image::{INDEX, gzip, listed, path};
use super::{Fault, set};

/// The table.
pub const FAULTS: &[Fault] = &[
    // JSON, in each kind of document.
    ("byte-order-mark-in-config", "json-byte-order-mark", &[], Config, Text(|text| format!("\u{feff}{text}"))),
    ("byte-order-mark-in-manifest", "json-byte-order-mark", &[], Manifest, Text(|text| format!("\u{feff}{text}"))),
    ("latin-1-in-index", "json-not-utf8", &[], Index, Bytes(|bytes| bytes.insert(1, 0xff))),
    ("comma-in-config", "json-syntax", &[], Config, Text(|text| text.replacen(',', ",,", 1))),
    ("list-for-manifest", "json-syntax", &[], Manifest, Text(|_| "[1]".into())),
    ("more-behind-config", "json-trailing-data", &[], Config, Text(|text| format!("{text}{{}}"))),
    ("more-behind-index", "json-trailing-data", &[], Index, Text(|text| format!("{text} x"))),
    ("os-twice", "json-duplicate-name", &[], Config, Text(|t| t.replacen("\"os\"", "\"os\":\"linux\",\"os\"", 1))),
    (
        "layers-twice",
        "json-duplicate-name",
        &[],
        Manifest,
        Text(|t| t.replace("\"layers\"", "\"layers\":[],\"layers\"")),
    ),
    ("layers-in-capitals", "json-case-variant", &[], Manifest, Json(|json| set(json, "/Layers", json!([])))),
    ("size-in-capitals", "json-case-variant", &[], Layer, Json(|json| set(json, "/SIZE", 1))),
    ("size-with-a-point", "json-number", &[], Layer, Json(|json| set(json, "/size", 1.5))),
    ("size-below-zero", "json-number", &[], Index, Json(|json| set(json, "/manifests/0/size", -1))),
    (
        "deep-config",
        "limit-document",
        &[],
        Config,
        Json(|json| {
            let deep = (0..100).fold(json!([]), |inner, _| json!([[inner]]));
            set(json, "/deep", deep);
        }),
    ),
    // What the documents say that they are.
    ("index-with-layers", "document-ambiguous", &[], Index, Json(|json| set(json, "/layers", json!([])))),
    (
        "manifest-with-manifests",
        "document-ambiguous",
        &["media-type-contradiction"],
        Manifest,
        Json(|json| {
            set(json, "/manifests", json!([]));
        }),
    ),
    ("version-1", "schema-version", &[], Manifest, Json(|json| set(json, "/schemaVersion", 1))),
    (
        "says-docker",
        "media-type-contradiction",
        &[],
        Manifest,
        Json(|json| {
            set(json, "/mediaType", "application/vnd.docker.distribution.manifest.v2+json");
        }),
    ),
    ("number-in-index", "index-malformed", &[], Index, Json(|json| json["manifests"][0] = 1.into())),
    (
        "no-layers",
        "manifest-malformed",
        &[],
        Manifest,
        Json(|json| drop(json.as_object_mut().unwrap().remove("layers"))),
    ),
    (
        "no-config",
        "manifest-malformed",
        &[],
        Manifest,
        Json(|json| drop(json.as_object_mut().unwrap().remove("config"))),
    ),
    ("no-os", "config-malformed", &[], Config, Json(|json| drop(json.as_object_mut().unwrap().remove("os")))),
    ("no-such-day", "config-malformed", &[], Config, Json(|json| set(json, "/created", "2023-01-41T00:00:00Z"))),
    ("no-size", "descriptor-malformed", &[], Layer, Json(|json| drop(json.as_object_mut().unwrap().remove("size")))),
    ("digest-leads-out", "digest-malformed", &[], Layer, Json(|json| set(json, "/digest", "sha256:../../etc/passwd"))),
    ("digest-in-capitals", "digest-malformed", &[], Index, Text(|text| text.replacen("sha256:", "SHA256:", 1))),
    ("digest-unknown", "digest-algorithm", &[], Layer, Json(|json| set(json, "/digest", "blake3:00ff00ff00ff00ff"))),
    ("data-lies", "data-mismatch", &[], Layer, Json(|json| set(json, "/data", "e30="))),
    // One beside the other.
    (
        "more-diff-ids",
        "layer-count",
        &[],
        Config,
        Json(|json| {
            let ids = json["rootfs"]["diff_ids"].as_array_mut().unwrap();
            ids.push(ids[0].clone());
        }),
    ),
    (
        "more-history",
        "history-count",
        &[],
        Config,
        Json(|json| json["history"].as_array_mut().unwrap().push(json!({}))),
    ),
    (
        "other-platform",
        "platform-mismatch",
        &[],
        Index,
        Json(|json| {
            set(json, "/manifests/0/platform/architecture", "riscv64");
        }),
    ),
    (
        "attests-nothing",
        "attestation-orphan",
        &[],
        Index,
        Json(|json| {
            let nothing = format!("sha256:{}", "0".repeat(64));
            json["manifests"][1]["annotations"]["vnd.docker.reference.digest"] = nothing.into();
        }),
    ),
    (
        "other-tar",
        "diff-id-mismatch",
        &[],
        Gzip,
        Bytes(|blob| {
            *blob = gzip(&[super::tar::file(b"other", b""), super::END.to_vec()].concat());
        }),
    ),
    (
        "plain-called-gzip",
        "compression-mismatch",
        &[],
        Gzip,
        Bytes(|blob| {
            *blob = [super::image::entries(), super::END.to_vec()].concat();
        }),
    ),
    // What is not there, or is something else.
    ("layer-missing", "blob-missing", &[], Files, Layout(|files, names| drop(files.remove(&names.layers[1])))),
    ("config-missing", "blob-missing", &[], Files, Layout(|files, names| drop(files.remove(&names.config)))),
    ("manifest-missing", "blob-missing", &[], Files, Layout(|files, names| drop(files.remove(&names.manifest)))),
    ("index-missing", "blob-missing", &[], Files, Layout(|files, names| drop(files.remove(&names.index)))),
    (
        "layer-shorter",
        "size-mismatch",
        &[],
        Files,
        Layout(|files, names| {
            files.get_mut(&names.layers[0]).unwrap().truncate(99);
        }),
    ),
    ("size-lies", "size-mismatch", &[], Layer, Json(|json| set(json, "/size", 4_611_686_018_427_387_904_u64))),
    (
        "layer-flipped",
        "digest-mismatch",
        &[],
        Files,
        Layout(|files, names| {
            files.get_mut(&names.layers[0]).unwrap()[50] ^= 1;
        }),
    ),
    (
        "config-flipped",
        "digest-mismatch",
        &[],
        Files,
        Layout(|files, names| files.get_mut(&names.config).unwrap()[9] ^= 1),
    ),
    ("nothing-listed", "content-missing", &[], Top, Json(|json| set(json, "/manifests", json!([])))),
    ("layout-of-version-1", "unsupported", &[], Top, Json(|json| set(json, "/schemaVersion", 1))),
    (
        "indexes-in-indexes",
        "limit-depth",
        &[],
        Files,
        Layout(|files, names| {
            let mut bytes = files[&names.index].clone();
            for _ in 0..6 {
                let listing = json!({ "schemaVersion": 2, "manifests": [listed(INDEX, &bytes)] });
                bytes = listing.to_string().into_bytes();
                files.insert(path(&bytes), bytes.clone());
            }
            files.insert("index.json".into(), bytes);
        }),
    ),
    (
        "index-in-itself",
        "digest-mismatch",
        &[],
        Files,
        Layout(|files, _| {
            let own = format!("sha256:{}", "1".repeat(64));
            let listing = |size: usize| {
                json!({ "schemaVersion": 2, "manifests": [{ "mediaType": INDEX, "digest": own, "size": size }] })
                    .to_string()
            };
            let text = listing(listing(100).len());
            files.insert(format!("blobs/{}", own.replace(':', "/")), text.clone().into_bytes());
            files.insert("index.json".into(), text.into_bytes());
        }),
    ),
];
