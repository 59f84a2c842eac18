//! Manifests of attestations: what is known of an image, in a manifest beside it in the image's index.
//!
//! BuildKit has two shapes, and both are written and read here: an artifact whose `subject` is the image, and an older one that looks
//! like an image. An index lists either as an image for the platform `unknown/unknown`, with annotations that name the image. The
//! layers are in-toto statements: `statement`.

use super::descriptor;
use super::json::Value;
use super::manifest::Manifest;
use super::{MAX_WRITTEN, within};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::media_type;
use crate::platform::Platform;

/// How a manifest of attestations looks: option `oci-artifact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An artifact about the image (OCI manifest.md, "Guidelines for Artifact Usage").
    Artifact,
    /// An image with a config that says nothing but the layers.
    Legacy,
}

/// A manifest of attestations that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Its config's descriptor and bytes. The artifact's is the empty object, which stands in the manifest too.
    pub config: (Descriptor, Vec<u8>),
    /// As the image's index lists it.
    pub descriptor: Descriptor,
    /// The manifest.
    pub manifest: Vec<u8>,
}

/// A source's manifest of attestations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// How it looks.
    pub shape: Shape,
    /// The image that it is about.
    pub image: Digest,
    /// Its statements, and what else it holds; the annotation [`PREDICATE_TYPE`] says what a statement is of.
    pub layers: Vec<Descriptor>,
}

impl Attestation {
    /// About an image, whose annotations and platform do not matter.
    ///
    /// # Errors
    /// `limit-exceeded` over [`MAX_WRITTEN`] bytes.
    pub fn new(shape: Shape, image: &Descriptor, layers: &[Descriptor]) -> Result<Self> {
        let subject = Descriptor::new(image.media_type.as_str(), image.digest.clone(), image.size);
        let config = match shape {
            Shape::Artifact => EMPTY.to_vec(),
            Shape::Legacy => legacy_config(layers).into_bytes(),
        };
        let mut listed = Descriptor::of(media_type::CONFIG, &config);
        let mut members = vec![("schemaVersion", Value::Number(2)), ("mediaType", media_type::MANIFEST.into())];
        if shape == Shape::Artifact {
            listed.media_type = media_type::EMPTY.into();
            listed.data = Some(config.clone());
            members.push(("artifactType", media_type::ATTESTATION.into()));
        }
        members.push(("config", descriptor::value(&listed)));
        members.push(("layers", Value::Array(layers.iter().map(descriptor::value).collect())));
        if shape == Shape::Artifact {
            members.push(("subject", descriptor::value(&subject)));
        }
        let manifest = within(Value::Object(members).indented(), MAX_WRITTEN, "attestation manifest")?;
        let mut descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
        descriptor.platform = Some(Platform::new("unknown", "unknown", None));
        descriptor.annotations.insert(TYPE.into(), MANIFEST.into());
        descriptor.annotations.insert(DIGEST.into(), image.digest.to_string());
        Ok(Self { config: (listed, config), descriptor, manifest })
    }
}

impl Attested {
    /// From the manifest's bytes and the descriptor in the index that led to it.
    ///
    /// # Errors
    /// `malformed` for what is not a manifest, says nowhere which image it is about, or says it in two ways; `limit-exceeded` for a statement of
    /// more than [`MAX_STATEMENT`](super::statement::MAX_STATEMENT) bytes.
    pub fn parse(bytes: &[u8], listed: &Descriptor) -> Result<Self> {
        let manifest = Manifest::parse(bytes, &listed.media_type)?;
        let refuse =
            |why: &str| Error::malformed("attestation", format!("the attestation manifest {} {why}", listed.digest));
        let image = match (image_of(listed), manifest.subject.map(|subject| subject.digest)) {
            (Some(annotation), Some(subject)) if annotation != subject => {
                return Err(refuse("is about one image by its index and about another by its subject"));
            }
            (Some(image), _) | (None, Some(image)) => image,
            (None, None) => return Err(refuse("does not say which image it is about")),
        };
        if let Some(layer) = manifest.layers.iter().find(|layer| layer.size > super::statement::MAX_STATEMENT as u64) {
            return Err(super::statement::too_large(&layer.digest.to_string(), layer.size));
        }
        let shape = if manifest.artifact_type.is_some() { Shape::Artifact } else { Shape::Legacy };
        Ok(Self { shape, image, layers: manifest.layers })
    }
}

/// Whether an index lists this as attestations rather than as an image.
pub fn is_attestation(listed: &Descriptor) -> bool {
    let unknown = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
    listed.annotations.contains_key(TYPE) || listed.platform.as_ref().is_some_and(unknown)
}

/// The image that this manifest of attestations is about, as the index says; `None` for what is none, and when it does not say.
pub fn image_of(listed: &Descriptor) -> Option<Digest> {
    let is_manifest = listed.annotations.get(TYPE).is_some_and(|kind| kind == MANIFEST);
    listed.annotations.get(DIGEST).filter(|_| is_manifest)?.parse().ok()
}

/// What looks like the config of an image for no system, whose layers are the statements.
fn legacy_config(layers: &[Descriptor]) -> String {
    let diff_ids = Value::Array(layers.iter().map(|layer| layer.digest.as_str().into()).collect());
    let rootfs = Value::Object(vec![("type", "layers".into()), ("diff_ids", diff_ids)]);
    let members = vec![
        ("architecture", "unknown".into()),
        ("os", "unknown".into()),
        ("config", Value::Object(Vec::new())),
        ("rootfs", rootfs),
    ];
    Value::Object(members).compact()
}

/// The annotation of a statement's layer that says its predicate's type.
pub const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
const TYPE: &str = "vnd.docker.reference.type";
const DIGEST: &str = "vnd.docker.reference.digest";
/// The type of a manifest of attestations.
const MANIFEST: &str = "attestation-manifest";
const EMPTY: &[u8] = b"{}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn image() -> Descriptor {
        let mut image = Descriptor::of(media_type::MANIFEST, b"image");
        image.annotations.insert("k".into(), "v".into());
        image.platform = "linux/amd64".parse().ok();
        image
    }

    #[test]
    fn both_shapes_are_read_again() -> Result<()> {
        let layers = [Descriptor::of(media_type::STATEMENT, b"statement")];
        for shape in [Shape::Artifact, Shape::Legacy] {
            let written = Attestation::new(shape, &image(), &layers)?;
            assert!(is_attestation(&written.descriptor));
            assert_eq!(image_of(&written.descriptor), Some(image().digest));
            let expected = Attested { shape, image: image().digest, layers: layers.to_vec() };
            assert_eq!(Attested::parse(&written.manifest, &written.descriptor), Ok(expected.clone()));
            // Found in another way than through an index, only the artifact says what it is about.
            let bare = Descriptor::of(media_type::MANIFEST, &written.manifest);
            let parsed = Attested::parse(&written.manifest, &bare);
            assert_eq!(parsed.ok(), (shape == Shape::Artifact).then_some(expected));
        }
        Ok(())
    }

    #[test]
    fn what_contradicts_itself_or_is_too_large_is_refused() -> Result<()> {
        let written = Attestation::new(Shape::Artifact, &image(), &[])?;
        let mut listed = written.descriptor.clone();
        listed.annotations.insert(DIGEST.into(), Digest::of(b"other").to_string());
        let code = Attested::parse(&written.manifest, &listed).map_err(|error| error.code);
        assert_eq!(code, Err(Code::Malformed("attestation".into())));
        let mut large = Descriptor::of(media_type::STATEMENT, b"");
        for (size, refused) in [(40 << 20, false), ((40 << 20) + 1, true)] {
            large.size = size;
            let written = Attestation::new(Shape::Artifact, &image(), std::slice::from_ref(&large))?;
            assert_eq!(Attested::parse(&written.manifest, &written.descriptor).is_err(), refused, "{size}");
        }
        Ok(())
    }
}
