//! A good image in an OCI layout, for two platforms, with layers of each compression and an attestation; and where a fault can be put in.

use std::io::Write;

use super::Files;
use super::tars::{file, tar};
use crate::digest::Digest;
use crate::layer::tar::END;
use crate::media_type;

/// How the image is made. All that can be changed is of its first platform, `linux/amd64`, whose layers are gzip, zstd, and plain.
pub struct Recipe {
    /// Each layer's tar.
    pub tars: [Vec<u8>; 3],
    /// Each layer's blob, as it is packed.
    pub pack: [Pack; 3],
    /// Each layer's descriptor.
    pub layer: fn(usize, String) -> String,
    pub config: fn(String) -> String,
    pub manifest: fn(String) -> String,
    pub index: fn(String) -> String,
    /// The layout's own index.
    pub top: fn(String) -> String,
    /// The files of the layout, at the end.
    pub files: fn(&mut Files, &Names),
}

/// From a tar to a blob.
pub type Pack = fn(&[u8]) -> Vec<u8>;

/// What the image consists of.
pub struct Names {
    pub layers: Vec<Digest>,
    pub config: Digest,
    pub manifest: Digest,
    pub index: Digest,
}

impl Recipe {
    /// Of the image without a fault.
    pub fn good() -> Self {
        Self {
            tars: [tar(&[]), [file("usr", b"2"), END.to_vec()].concat(), [file("var", b"3"), END.to_vec()].concat()],
            pack: [gzip, zstd, <[u8]>::to_vec],
            layer: |_, text| text,
            config: |text| text,
            manifest: |text| text,
            index: |text| text,
            top: |text| text,
            files: |_, _| {},
        }
    }
}

/// The layout.
pub fn make(recipe: &Recipe) -> Files {
    let mut files = Files::new();
    let mut put = |bytes: &[u8]| {
        files.insert(Digest::of(bytes).blob_path(), bytes.to_vec());
        Digest::of(bytes)
    };
    let kinds = [media_type::LAYER_GZIP, media_type::LAYER_ZSTD, media_type::LAYER];
    let mut image = |number: usize, platform: &str, recipe: &Recipe| {
        let mut names = Vec::new();
        let (mut layers, mut ids) = (Vec::new(), Vec::new());
        for (at, tar) in recipe.tars.iter().enumerate().take(number) {
            let blob = recipe.pack[at](tar);
            names.push(put(&blob));
            layers.push((recipe.layer)(at, listed(kinds[at], &blob, "")));
            ids.push(format!("\"{}\"", Digest::of(tar)));
        }
        let lines = ids.iter().map(|_| r#"{"created":"2023-01-01T00:00:00Z"}"#).collect::<Vec<_>>().join(",");
        let config = (recipe.config)(format!(
            r#"{{"architecture":"{platform}","created":"2023-01-01T00:00:00Z","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}},"history":[{lines},{{"empty_layer":true}}]}}"#,
            ids.join(",")
        ));
        let manifest = (recipe.manifest)(format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
            media_type::MANIFEST,
            listed(media_type::CONFIG, config.as_bytes(), ""),
            layers.join(",")
        ));
        let config = put(config.as_bytes());
        let digest = put(manifest.as_bytes());
        let extra = format!(r#","platform":{{"architecture":"{platform}","os":"linux"}}"#);
        (
            listed(media_type::MANIFEST, manifest.as_bytes(), &extra),
            Names { layers: names, config, manifest: digest.clone(), index: digest },
        )
    };
    let (first, names) = image(3, "amd64", recipe);
    let other = Recipe { tars: [tar(&[file("opt", b"arm")]), vec![], vec![]], ..Recipe::good() };
    let (second, _) = image(1, "arm64", &other);
    let statement = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;
    put(statement);
    put(b"{}");
    let attestation = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"{}","config":{},"layers":[{}]}}"#,
        media_type::MANIFEST,
        media_type::ATTESTATION,
        listed(media_type::EMPTY, b"{}", r#","data":"e30=""#),
        listed(media_type::STATEMENT, statement, "")
    );
    put(attestation.as_bytes());
    let about = format!(
        r#","annotations":{{"vnd.docker.reference.digest":"{}","vnd.docker.reference.type":"attestation-manifest"}},"platform":{{"architecture":"unknown","os":"unknown"}}"#,
        names.manifest
    );
    let third = listed(media_type::MANIFEST, attestation.as_bytes(), &about);
    let index = (recipe.index)(format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{first},{second},{third}]}}"#,
        media_type::INDEX
    ));
    let names = Names { index: put(index.as_bytes()), ..names };
    let top = listed(media_type::INDEX, index.as_bytes(), "");
    let top = (recipe.top)(format!(r#"{{"schemaVersion":2,"manifests":[{top}]}}"#));
    files.insert("index.json".into(), top.into_bytes());
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    (recipe.files)(&mut files, &names);
    files
}

/// A descriptor.
pub fn listed(media_type: &str, bytes: &[u8], more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}{more}}}"#, Digest::of(bytes), bytes.len())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    rust_zstd::compress_to_vec(bytes)
}
