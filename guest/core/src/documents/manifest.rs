//! Image manifests (OCI manifest.md): written as BuildKit writes them, read from OCI's and Docker's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::Value;
use super::read;
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::media_type;
use crate::platform::Platform;

/// The document: indented, `layers` null when there are none, no `annotations` when there are none.
pub fn manifest(config: &Descriptor, layers: &[Descriptor], annotations: &BTreeMap<String, String>) -> Vec<u8> {
    let layers = match layers {
        [] => Value::Null,
        _ => Value::Array(layers.iter().map(descriptor).collect()),
    };
    let mut fields = vec![
        ("schemaVersion".into(), Value::Number(2)),
        ("mediaType".into(), media_type::MANIFEST.into()),
        ("config".into(), descriptor(config)),
        ("layers".into(), layers),
    ];
    if !annotations.is_empty() {
        fields.push(("annotations".into(), Value::texts(annotations)));
    }
    Value::Object(fields).indented().into_bytes()
}

/// A descriptor as documents hold it.
pub fn descriptor(descriptor: &Descriptor) -> Value {
    let mut fields = vec![
        ("mediaType".into(), descriptor.media_type.as_str().into()),
        ("digest".into(), descriptor.digest.as_str().into()),
        ("size".into(), Value::Number(descriptor.size)),
    ];
    if !descriptor.annotations.is_empty() {
        fields.push(("annotations".into(), Value::texts(&descriptor.annotations)));
    }
    if let Some(Platform { os, architecture, variant }) = &descriptor.platform {
        let mut platform = vec![("architecture".into(), architecture.as_str().into()), ("os".into(), os.as_str().into())];
        platform.extend(variant.iter().map(|variant| ("variant".into(), variant.as_str().into())));
        fields.push(("platform".into(), Value::Object(platform)));
    }
    Value::Object(fields)
}

/// A source image's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The image's config.
    pub config: Descriptor,
    /// The bottom one first.
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    /// `expected` is the media type that its descriptor says.
    ///
    /// # Errors
    /// `malformed` for what is not a manifest, or could be read as something else too.
    pub fn parse(bytes: &[u8], expected: &str) -> Result<Self> {
        let raw: RawManifest = read::document(bytes, "manifest")?;
        if raw.manifests.is_some() || raw.fs_layers.is_some() {
            return Err(Error::malformed("manifest", "the manifest could also be read as an index or as Docker's first schema"));
        }
        if let Some(is) = raw.media_type.as_deref().filter(|is| *is != expected) {
            let is = crate::text::shown(is);
            return Err(Error::malformed("manifest", format!("the manifest says that it is a `{is}`, its descriptor says `{expected}`")));
        }
        let layers = raw.layers.unwrap_or_default().into_iter().map(Descriptor::try_from);
        Ok(Self { config: raw.config.try_into()?, layers: layers.collect::<Result<_>>()? })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    media_type: Option<String>,
    config: RawDescriptor,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

/// A descriptor as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    annotations: Option<BTreeMap<String, String>>,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl TryFrom<RawDescriptor> for Descriptor {
    type Error = Error;

    fn try_from(raw: RawDescriptor) -> Result<Self> {
        if i64::try_from(raw.size).is_err() {
            return Err(Error::malformed("descriptor", format!("a blob of {} bytes cannot be", raw.size)));
        }
        let platform = |raw: RawPlatform| Platform::new(&raw.os, &raw.architecture, raw.variant.as_deref());
        Ok(Self {
            media_type: raw.media_type,
            digest: raw.digest.parse()?,
            size: raw.size,
            annotations: raw.annotations.unwrap_or_default(),
            platform: raw.platform.map(platform),
        })
    }
}
