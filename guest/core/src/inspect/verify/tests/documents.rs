//! Faults of documents, and of blobs as documents list them.

use super::made::{Recipe, gzip, listed, make, zstd};
use super::{codes, expect, in_layout};
use crate::digest::Digest;
use crate::inspect::Limits;
use crate::inspect::verify::{Severity, Verdict};
use crate::media_type;

/// The code that must be found, broken ones that must be found too, and how the fault is planted.
type Fault = (&'static str, &'static [&'static str], fn(&mut Recipe));

pub const FAULTS: &[Fault] = &[
    // JSON, in each kind of document.
    ("json-byte-order-mark", &[], |r| r.config = |s| format!("\u{feff}{s}")),
    ("json-byte-order-mark", &[], |r| r.manifest = |s| format!("\u{feff}{s}")),
    ("json-not-utf8", &[], |r| {
        r.files = |files, names| {
            let bytes = files.get_mut(&names.index.blob_path()).unwrap();
            let at = bytes.len() - 3;
            bytes[at] = 0xff;
            let bytes = bytes.clone();
            files.insert(Digest::of(&bytes).blob_path(), bytes.clone());
            let top = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, listed(media_type::INDEX, &bytes, ""));
            files.insert("index.json".into(), top.into_bytes());
        }
    }),
    ("json-syntax", &[], |r| r.config = |s| s.replacen(',', ",,", 1)),
    ("json-syntax", &[], |r| r.manifest = |_| "[1]".into()),
    ("json-syntax", &[], |r| r.index = |s| s.replacen(':', ";", 1)),
    ("json-trailing-data", &[], |r| r.config = |s| format!("{s}{{}}")),
    ("json-trailing-data", &[], |r| r.index = |s| format!("{s} x")),
    ("json-duplicate-name", &[], |r| r.config = |s| s.replacen("\"os\"", "\"os\":\"linux\",\"os\"", 1)),
    ("json-duplicate-name", &[], |r| r.manifest = |s| s.replace("\"layers\"", "\"layers\":[],\"layers\"")),
    ("json-duplicate-name", &[], |r| r.index = |s| s.replacen("\"size\"", "\"size\":1,\"s\\u0069ze\"", 1)),
    ("json-case-variant", &[], |r| r.manifest = |s| s.replace("\"layers\"", "\"Layers\":[],\"layers\"")),
    ("json-case-variant", &[], |r| r.layer = |_, s| s.replace("\"size\"", "\"Size\":1,\"size\"")),
    ("json-case-variant", &[], |r| r.config = |s| s.replace("\"diff_ids\"", "\"Diff_IDs\":[],\"diff_ids\"")),
    ("json-number", &[], |r| r.layer = |_, s| s.replace("\"size\":", "\"size\":1.0,\"x\":")),
    ("json-number", &[], |r| r.index = |s| s.replacen("\"size\":", "\"size\":-", 1)),
    ("json-number", &[], |r| r.manifest = |s| s.replacen(":2,", ":2.0,", 1)),
    ("limit-document", &[], |r| {
        r.config = |s| s.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(200), "]".repeat(200)), 1);
    }),
    // What the documents say that they are.
    ("document-ambiguous", &[], |r| r.index = |s| s.replace("\"manifests\"", "\"layers\":[],\"manifests\"")),
    ("document-ambiguous", &["media-type-contradiction"], |r| {
        r.manifest = |s| s.replace("\"layers\"", "\"manifests\":[],\"layers\"");
    }),
    ("document-ambiguous", &[], |r| r.manifest = |s| s.replace("\"layers\"", "\"fsLayers\":[],\"layers\"")),
    ("schema-version", &[], |r| r.manifest = |s| s.replacen(":2,", ":1,", 1)),
    ("schema-version", &[], |r| r.index = |s| s.replacen("\"schemaVersion\":2,", "", 1)),
    ("media-type-contradiction", &[], |r| {
        r.manifest = |s| s.replacen(media_type::MANIFEST, media_type::DOCKER_MANIFEST, 1);
    }),
    ("media-type-contradiction", &[], |r| r.top = |s| s.replacen(media_type::INDEX, media_type::MANIFEST, 1)),
    ("index-malformed", &[], |r| r.index = |s| s.replacen("\"manifests\":[", "\"manifests\":[1,", 1)),
    ("index-malformed", &[], |r| r.top = |s| s.replacen("\"manifests\":[", "\"manifests\":[1,", 1)),
    ("manifest-malformed", &[], |r| r.manifest = |s| s.replacen("\"layers\"", "\"layer\"", 1)),
    ("manifest-malformed", &[], |r| r.manifest = |s| s.replacen("\"config\"", "\"configs\"", 1)),
    ("manifest-malformed", &[], |r| r.manifest = |s| s.replacen("\"layers\":[", "\"layers\":[[],", 1)),
    ("config-malformed", &[], |r| r.config = |s| s.replacen("\"os\":\"linux\",", "", 1)),
    ("config-malformed", &[], |r| r.config = |s| s.replacen("2023-01-01T", "2023-01-41T", 1)),
    ("config-malformed", &[], |r| r.config = |s| s.replacen("\"type\":\"layers\"", "\"type\":\"tree\"", 1)),
    ("config-malformed", &[], |r| r.config = |s| s.replacen("\"diff_ids\":[\"sha256:", "\"diff_ids\":[\"sha256:..", 1)),
    ("descriptor-malformed", &[], |r| r.layer = |_, s| s.replacen("\"size\"", "\"sizes\"", 1)),
    ("descriptor-malformed", &[], |r| r.layer = |_, s| s.replacen("application/", "", 1)),
    ("digest-malformed", &[], |r| r.layer = |_, s| s.replacen("sha256:", "sha256:../../", 1)),
    ("digest-malformed", &[], |r| r.index = |s| s.replacen("sha256:", "SHA256:", 1)),
    ("digest-malformed", &[], |r| r.manifest = |s| s.replacen("sha256:", "sha512:", 1)),
    ("digest-algorithm", &[], |r| r.layer = |_, s| s.replacen("sha256:", "blake3:", 1)),
    ("data-mismatch", &[], |r| r.layer = |_, s| s.replacen("\"size\"", "\"data\":\"e30=\",\"size\"", 1)),
    ("data-mismatch", &[], |r| r.index = |s| s.replacen("\"size\"", "\"data\":\"\",\"size\"", 1)),
    ("media-type-unknown", &[], |r| r.index = |s| s.replacen(media_type::MANIFEST, "text/plain", 1)),
    // One beside the other.
    ("layer-count", &[], |r| {
        r.config = |s| s.replace("\"diff_ids\":[", &format!("\"diff_ids\":[\"{}\",", Digest::of(b"x")));
    }),
    ("layer-count", &[], |r| r.config = |s| s.replace("\"diff_ids\":[", "\"diff_ids\":[],\"x\":[")),
    ("history-count", &[], |r| r.config = |s| s.replacen("\"history\":[", "\"history\":[{},", 1)),
    ("history-count", &[], |r| r.config = |s| s.replace("{\"empty_layer\":true}", "{}")),
    ("platform-mismatch", &[], |r| r.index = |s| s.replacen("amd64", "riscv64", 1)),
    ("platform-mismatch", &[], |r| r.config = |s| s.replacen("\"os\":\"linux\"", "\"os\":\"windows\"", 1)),
    ("attestation-orphan", &[], |r| {
        r.index = |s| s.replacen("reference.digest\":\"sha256:", "reference.digest\":\"sha256:0", 1)
    }),
    ("diff-id-mismatch", &[], |r| {
        let tar = r.tars[0].clone();
        r.pack[0] = |tar| gzip(&[tar, &[0; 512]].concat());
        assert!(!tar.is_empty());
    }),
    ("diff-id-mismatch", &[], |r| r.pack[1] = |tar| zstd(&[tar, &[0; 512]].concat())),
    ("diff-id-mismatch", &[], |r| r.pack[2] = |tar| [tar, &[0; 512]].concat()),
    ("compression-mismatch", &[], |r| r.pack[0] = <[u8]>::to_vec),
    ("compression-mismatch", &[], |r| r.pack[0] = zstd),
    ("compression-mismatch", &[], |r| r.pack[1] = gzip),
    ("compression-mismatch", &[], |r| r.pack[2] = gzip),
    // What is not there, or is something else.
    ("blob-missing", &[], |r| r.files = |files, names| drop(files.remove(&names.layers[1].blob_path()))),
    ("blob-missing", &[], |r| r.files = |files, names| drop(files.remove(&names.config.blob_path()))),
    ("blob-missing", &[], |r| r.files = |files, names| drop(files.remove(&names.manifest.blob_path()))),
    ("blob-missing", &[], |r| r.files = |files, names| drop(files.remove(&names.index.blob_path()))),
    ("foreign-layer-absent", &[], |r| {
        r.layer = |at, s| if at == 0 { s.replace("layer.v1", "layer.nondistributable.v1") } else { s };
        r.files = |files, names| drop(files.remove(&names.layers[0].blob_path()));
    }),
    ("size-mismatch", &[], |r| r.layer = |_, s| s.replacen("\"size\":", "\"size\":1", 1)),
    ("size-mismatch", &[], |r| r.manifest = |s| s.replacen("\"size\":", "\"size\":4611686018427387", 1)),
    ("size-mismatch", &[], |r| {
        r.files = |files, names| files.get_mut(&names.layers[0].blob_path()).unwrap().truncate(99)
    }),
    ("size-mismatch", &[], |r| r.files = |files, names| files.get_mut(&names.index.blob_path()).unwrap().push(b' ')),
    ("digest-mismatch", &[], |r| {
        r.files = |files, names| files.get_mut(&names.layers[0].blob_path()).unwrap()[50] ^= 1
    }),
    ("digest-mismatch", &[], |r| r.files = |files, names| files.get_mut(&names.layers[1].blob_path()).unwrap()[0] ^= 1),
    ("digest-mismatch", &[], |r| r.files = |files, names| files.get_mut(&names.layers[2].blob_path()).unwrap()[0] ^= 1),
    ("digest-mismatch", &[], |r| r.files = |files, names| files.get_mut(&names.config.blob_path()).unwrap()[9] ^= 1),
    ("digest-mismatch", &[], |r| r.files = |files, names| files.get_mut(&names.manifest.blob_path()).unwrap()[9] ^= 1),
    ("content-missing", &[], |r| r.top = |_| r#"{"schemaVersion":2,"manifests":[]}"#.into()),
    ("unsupported", &[], |r| r.top = |s| s.replacen(":2,", ":1,", 1)),
    ("limit-depth", &[], |r| {
        r.files = |files, names| {
            let (mut digest, mut size) = (names.index.to_string(), files[&names.index.blob_path()].len());
            for _ in 0..6 {
                let text = format!(
                    r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{digest}","size":{size}}}]}}"#,
                    media_type::INDEX
                );
                files.insert(Digest::of(text.as_bytes()).blob_path(), text.clone().into_bytes());
                files.insert("index.json".into(), text.clone().into_bytes());
                (digest, size) = (Digest::of(text.as_bytes()).to_string(), text.len());
            }
        }
    }),
];

#[test]
fn every_fault_is_found() {
    for (at, (code, also, plant)) in FAULTS.iter().enumerate() {
        let mut recipe = Recipe::good();
        plant(&mut recipe);
        let report = in_layout(&make(&recipe), Limits::default());
        expect(&report, code, also, &format!("{at} {code}"));
    }
}

/// A fault in one layer keeps no other from being found.
#[test]
fn the_first_fault_does_not_end_it() {
    let mut recipe = Recipe::good();
    recipe.files = |files, names| {
        files.get_mut(&names.layers[0].blob_path()).unwrap()[50] ^= 1;
        files.remove(&names.layers[1].blob_path());
    };
    recipe.pack[2] = gzip;
    recipe.index = |s| s.replacen("amd64", "riscv64", 1);
    let report = in_layout(&make(&recipe), Limits::default());
    assert_eq!(report.verdict, Verdict::Broken);
    let found = codes(&report, Severity::Warning);
    assert_eq!(found, ["blob-missing", "compression-mismatch", "digest-mismatch", "platform-mismatch"]);
}
