//! Image manifests (OCI manifest.md): written as BuildKit writes them, read from OCI's and Docker's.

use std::collections::BTreeMap;

use super::descriptor::{self, Listed};
use super::json::Value;
use super::read::{self, Object};
use super::{MAX_WRITTEN, within};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::media_type::{self, Family};
use crate::text::shown;

/// A manifest in these media types: indented; `layers` null when there are none; `annotations` only when there are some. The layers are
/// written as they are given: [`layer`] makes them fit.
///
/// # Errors
/// `limit-exceeded` over [`MAX_WRITTEN`] bytes.
pub fn manifest(
    family: Family,
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let layers = match layers {
        [] => Value::Null,
        _ => Value::Array(layers.iter().map(descriptor::value).collect()),
    };
    let mut members = vec![
        ("schemaVersion", Value::Number(2)),
        ("mediaType", family.manifest().into()),
        ("config", descriptor::value(config)),
        ("layers", layers),
    ];
    if !annotations.is_empty() {
        members.push(("annotations", Value::texts(annotations)));
    }
    within(Value::Object(members).indented(), MAX_WRITTEN, "manifest")
}

/// A layer as a manifest in these media types lists it. It becomes distributable and loses its URLs, unless `keep_foreign` (option
/// `prefer-nondist-layers`) is set and there are URLs. Docker's manifests have no annotations on layers, the OCI's not those that only
/// mean something where the layer was made. A media type that is not a tar layer's stays.
pub fn layer(layer: &Descriptor, family: Family, keep_foreign: bool) -> Descriptor {
    let foreign = keep_foreign && !media_type::is_distributable(&layer.media_type) && !layer.urls.is_empty();
    let media_type = match media_type::packing(&layer.media_type) {
        Some(packing) => family.layer(packing, !foreign),
        None => &layer.media_type,
    };
    let mut listed = Descriptor::new(media_type, layer.digest.clone(), layer.size);
    if foreign {
        listed.urls.clone_from(&layer.urls);
    }
    if family == Family::Oci {
        let known = layer.annotations.iter().filter(|(key, _)| !is_local(key));
        listed.annotations = known.map(|(key, text)| (key.clone(), text.clone())).collect();
    }
    listed
}

/// A layer of a base image: of its annotations only those of estargz stay, as in BuildKit, which remembers no other.
pub fn base_layer(mut layer: Descriptor) -> Descriptor {
    layer.annotations.retain(|key, _| ESTARGZ.contains(&key.as_str()));
    layer
}

/// A source image's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// OCI's or Docker's: what the document says, or its descriptor when it says nothing.
    pub media_type: String,
    /// The image's config.
    pub config: Descriptor,
    /// The bottom one first.
    pub layers: Vec<Descriptor>,
    /// Of the manifest itself.
    pub annotations: BTreeMap<String, String>,
    /// What it is, when it is not an image.
    pub artifact_type: Option<String>,
    /// What it says something about.
    pub subject: Option<Descriptor>,
}

impl Manifest {
    /// OCI's, or Docker's of schema 2. `media_type` is what the descriptor says that led to it.
    ///
    /// # Errors
    /// `malformed` for what is not an image manifest, says that it is something else, or could be read as something else too;
    /// `unsupported` for digests other than sha256 and sha512.
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Self> {
        let object = read::document(bytes, "manifest")?.known(&KNOWN)?;
        only(&object, &["manifests", "fsLayers"])?;
        let media_type = kind(&object, Some(media_type))?.unwrap_or_default();
        if !media_type::is_manifest(&media_type) {
            return Err(object.malformed(format!("is a `{}`, not an image manifest", shown(&media_type))));
        }
        let subject = object.object("subject")?.map(|subject| Listed::read(subject)?.into_descriptor()).transpose()?;
        let config = object.need("config", object.object("config")?)?;
        if !object.has("layers") {
            return Err(object.malformed("has no `layers`"));
        }
        let layers = object.objects("layers", "layer")?.unwrap_or_default().into_iter();
        Ok(Self {
            config: Listed::read(config)?.into_descriptor()?,
            layers: layers.map(|(layer, _)| Listed::read(layer)?.into_descriptor()).collect::<Result<_>>()?,
            annotations: object.map("annotations")?,
            artifact_type: object.text("artifactType")?.filter(|kind| !kind.is_empty()),
            subject,
            media_type,
        })
    }
}

/// Refuses a document with members of another kind of document: readers would disagree on what it is (CVE-2021-41190).
pub(super) fn only(object: &Object<'_>, foreign: &[&str]) -> Result<()> {
    match foreign.iter().find(|name| object.has(name)) {
        Some(name) => {
            Err(object.malformed(format!("also has `{name}`, so that some readers take it for something else")))
        }
        None => Ok(()),
    }
}

/// The document's own media type, else `expected`. They must not contradict each other, and the schema version must be 2.
pub(super) fn kind(object: &Object<'_>, expected: Option<&str>) -> Result<Option<String>> {
    match object.size("schemaVersion")? {
        Some(2) => {}
        Some(1) => {
            return Err(Error::unsupported(
                "schema version",
                "the image is in Docker's first format, schema version 1: convert it first",
            ));
        }
        _ => return Err(object.malformed("has no `schemaVersion` of 2")),
    }
    match (object.text("mediaType")?.filter(|own| !own.is_empty()), expected) {
        (Some(own), Some(expected)) if own != expected => {
            let (own, expected) = (shown(&own), shown(expected));
            Err(object.malformed(format!("says that it is a `{own}`, its descriptor says `{expected}`")))
        }
        (Some(own), _) => Ok(Some(own)),
        (None, expected) => Ok(expected.map(str::to_owned)),
    }
}

/// Annotations that say where a blob came from on one machine.
fn is_local(key: &str) -> bool {
    matches!(key, "containerd.io/uncompressed" | "buildkit/createdat")
        || key.starts_with("containerd.io/distribution.source.")
}

/// The annotations of a layer in estargz.
const ESTARGZ: [&str; 2] = ["containerd.io/snapshot/stargz/toc.digest", "io.containers.estargz.uncompressed-size"];

/// The members of manifests and indexes, and those that tell other documents from them.
pub(crate) const KNOWN: [&str; 9] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "subject",
    "annotations",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const DESCRIPTOR: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;

    fn parse(members: &str) -> Result<Manifest> {
        let text = format!("{{{}}}", members.replace('$', DESCRIPTOR));
        Manifest::parse(text.as_bytes(), media_type::MANIFEST)
    }

    #[test]
    fn the_body_and_its_descriptor_agree() {
        let plain = r#""schemaVersion":2,"config":$,"layers":null"#;
        let typed = |kind: &str| format!(r#"{plain},"mediaType":"{kind}""#);
        assert!(
            parse(plain)
                .is_ok_and(|manifest| manifest.media_type == media_type::MANIFEST && manifest.layers.is_empty())
        );
        assert!(parse(&typed(media_type::MANIFEST)).is_ok());
        for kind in [media_type::INDEX, media_type::DOCKER_MANIFEST, "text/plain"] {
            assert!(parse(&typed(kind)).is_err(), "{kind}");
        }
        let docker = format!("{{{}}}", typed(media_type::DOCKER_MANIFEST).replace('$', DESCRIPTOR));
        assert!(Manifest::parse(docker.as_bytes(), media_type::DOCKER_MANIFEST).is_ok());
        assert!(Manifest::parse(docker.as_bytes(), media_type::INDEX).is_err());
    }

    #[test]
    fn documents_of_two_kinds_are_refused() {
        for extra in
            [r#""manifests":[]"#, r#""manifests":null"#, r#""fsLayers":[]"#, r#""Layers":[]"#, r#""CONFIG":{}"#]
        {
            assert!(parse(&format!(r#""schemaVersion":2,"config":$,"layers":[$],{extra}"#)).is_err(), "{extra}");
        }
        assert!(parse(r#""schemaVersion":2,"config":$,"layers":[$],"unknown":{"manifests":[]}"#).is_ok());
    }

    #[test]
    fn what_is_missing_or_foreign_is_said() {
        for (members, said) in [
            (r#""schemaVersion":2,"layers":[]"#, "the manifest has no `config`"),
            (r#""schemaVersion":2,"config":$"#, "the manifest has no `layers`"),
            (r#""config":$,"layers":[]"#, "the manifest has no `schemaVersion` of 2"),
            (r#""schemaVersion":2,"config":$,"layers":{}"#, "the manifest has a `layers` that is not a list"),
            (r#""schemaVersion":2,"config":$,"layers":[$,1]"#, "the manifest's layer 2 is not an object"),
            (
                r#""schemaVersion":2,"config":{"mediaType":"a/b","digest":"x"},"layers":[]"#,
                "the manifest's config has `x` where a digest belongs",
            ),
        ] {
            assert_eq!(parse(members).map_err(|error| error.message), Err(said.to_owned()));
        }
        let blake = r#""schemaVersion":2,"config":{"mediaType":"a/b","digest":"blake3:00","size":1},"layers":[]"#;
        assert_eq!(parse(blake).map_err(|error| error.code), Err(Code::Unsupported("digest algorithm".into())));
    }

    #[test]
    fn a_manifest_that_no_registry_takes_is_not_written() {
        let config = Descriptor::of(media_type::CONFIG, b"{}");
        let annotations = BTreeMap::from([("k".to_owned(), "v".repeat(MAX_WRITTEN))]);
        assert!(manifest(Family::Oci, &config, &[], &annotations).is_err());
    }

    #[test]
    fn a_layer_fits_its_manifest() {
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let open = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let closed = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
        let (docker, oci) = (Family::Docker, Family::Oci);
        for (media_type, urls, family, keep, expected, has_urls) in [
            (foreign, true, oci, true, closed, true),
            (foreign, true, docker, true, foreign, true),
            (foreign, true, oci, false, media_type::LAYER_GZIP, false),
            (foreign, false, oci, true, media_type::LAYER_GZIP, false),
            (open, true, oci, true, media_type::LAYER_GZIP, false),
            (media_type::LAYER_GZIP, false, docker, false, open, false),
            ("text/plain", true, docker, true, "text/plain", false),
        ] {
            let mut own = Descriptor::of(media_type, b"layer");
            own.urls.extend(urls.then(|| "https://example.com/layer".to_owned()));
            for key in ["containerd.io/uncompressed", "containerd.io/distribution.source.docker.io", "k"] {
                own.annotations.insert(key.into(), "v".into());
            }
            let listed = layer(&own, family, keep);
            assert_eq!((listed.media_type.as_str(), !listed.urls.is_empty()), (expected, has_urls), "{media_type}");
            let keys: Vec<&str> = listed.annotations.keys().map(String::as_str).collect();
            assert_eq!(keys, if family == oci { vec!["k"] } else { vec![] });
        }
    }

    #[test]
    fn a_base_layer_keeps_what_estargz_needs() {
        let mut own = Descriptor::of(media_type::LAYER_GZIP, b"layer");
        for key in ESTARGZ.into_iter().chain(["my.layer.annotation", "buildkit/rewritten-timestamp"]) {
            own.annotations.insert(key.into(), "v".into());
        }
        assert!(base_layer(own).annotations.keys().eq(ESTARGZ.iter()));
    }
}
