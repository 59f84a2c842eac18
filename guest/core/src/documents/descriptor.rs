//! Descriptors inside documents (OCI descriptor.md): read strictly, written in Go's order of members.

use std::collections::BTreeMap;

use super::json::Value;
use super::read::Object;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::text::shown;

/// A descriptor as a document lists it: its digest may be of an algorithm that ocix does not know.
pub struct Listed {
    media_type: String,
    artifact_type: Option<String>,
    algorithm: Algorithm,
    size: u64,
    annotations: BTreeMap<String, String>,
    platform: Option<Platform>,
}

enum Algorithm {
    Known(Digest),
    /// The whole digest, which is well-formed.
    Unknown(String),
}

impl Listed {
    /// Reads the object.
    ///
    /// # Errors
    /// `malformed` for what is not a descriptor, or not unambiguously one.
    pub fn read(object: Object<'_>) -> Result<Self> {
        let object = object.known(&KNOWN)?;
        let media_type = object.need("mediaType", object.text("mediaType")?)?;
        let artifact_type = object.text("artifactType")?.filter(|artifact_type| !artifact_type.is_empty());
        if let Some(wrong) =
            [Some(&media_type), artifact_type.as_ref()].into_iter().flatten().find(|text| !is_media_type(text))
        {
            return Err(object.malformed(format!("has `{}` where a media type belongs", shown(wrong))));
        }
        if object.texts("urls")?.is_some_and(|urls| !urls.iter().all(|url| is_absolute(url))) {
            return Err(object.malformed("has a `urls` with something that is not an absolute URL"));
        }
        // The data is never used; it is looked at so that nobody meets it first somewhere else.
        if object.text("data")?.is_some_and(|data| !is_base64(&data)) {
            return Err(object.malformed("has a `data` that is not base64"));
        }
        Ok(Self {
            algorithm: algorithm(&object)?,
            size: object.need("size", object.size("size")?)?,
            annotations: object.map("annotations")?,
            platform: object.object("platform")?.map(platform).transpose()?,
            media_type,
            artifact_type,
        })
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Whether it says that it is an artifact, which an image is not.
    pub fn is_artifact(&self) -> bool {
        self.artifact_type.is_some()
    }

    /// As a noun of the core.
    ///
    /// # Errors
    /// `unsupported` for a digest whose algorithm is neither sha256 nor sha512.
    pub fn into_descriptor(self) -> Result<Descriptor> {
        let Self { media_type, size, annotations, platform, .. } = self;
        match self.algorithm {
            Algorithm::Known(digest) => Ok(Descriptor { media_type, digest, size, annotations, platform }),
            Algorithm::Unknown(digest) => {
                let message =
                    format!("the digest `{}` has an algorithm that is neither sha256 nor sha512", shown(&digest));
                Err(Error::unsupported("digest algorithm", message))
            }
        }
    }
}

/// What documents hold of a descriptor; annotations and platform only when there are any.
pub fn value(descriptor: &Descriptor) -> Value<'_> {
    let mut members = vec![
        ("mediaType", descriptor.media_type.as_str().into()),
        ("digest", descriptor.digest.as_str().into()),
        ("size", Value::Number(descriptor.size)),
    ];
    if !descriptor.annotations.is_empty() {
        members.push(("annotations", Value::texts(&descriptor.annotations)));
    }
    if let Some(platform) = &descriptor.platform {
        let mut inner =
            vec![("architecture", platform.architecture.as_str().into()), ("os", platform.os.as_str().into())];
        inner.extend(platform.variant.iter().map(|variant| ("variant", variant.as_str().into())));
        members.push(("platform", Value::Object(inner)));
    }
    Value::Object(members)
}

fn platform(object: Object<'_>) -> Result<Platform> {
    let object = object.known(&["architecture", "os", "os.version", "os.features", "variant"])?;
    let architecture = object.need("architecture", object.text("architecture")?)?;
    let os = object.need("os", object.text("os")?)?;
    Ok(Platform::new(&os, &architecture, object.text("variant")?.as_deref()))
}

fn algorithm(object: &Object<'_>) -> Result<Algorithm> {
    let text = object.need("digest", object.text("digest")?)?;
    let (algorithm, encoded) = text.split_once(':').unwrap_or((&text, ""));
    if matches!(algorithm, "sha256" | "sha512") {
        return text
            .parse()
            .map(Algorithm::Known)
            .map_err(|error: Error| object.malformed("has a wrong digest").within(error.message));
    }
    let component = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let sound = algorithm.split(['+', '.', '_', '-']).all(component)
        && !encoded.is_empty()
        && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'));
    if sound {
        Ok(Algorithm::Unknown(text))
    } else {
        Err(object.malformed(format!("has `{}` where a digest belongs", shown(&text))))
    }
}

/// RFC 6838, section 4.2: type and subtype of 1 to 127 characters each.
fn is_media_type(text: &str) -> bool {
    let sound = |name: &str| {
        name.len() <= 127
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| sound(kind) && sound(subtype))
}

fn is_absolute(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn is_base64(data: &str) -> bool {
    let body = data.trim_end_matches('=');
    data.len().is_multiple_of(4)
        && data.len().saturating_sub(body.len()) <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// The members of a descriptor.
const KNOWN: [&str; 8] = ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
