//! Descriptors inside documents (OCI descriptor.md): read strictly, written in Go's order of members.

use std::collections::BTreeMap;

use super::json::Value;
use super::read::Object;
use crate::base64;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::text::shown;

/// A descriptor as a document lists it: its digest may be of an algorithm that ocix does not know.
pub struct Listed {
    media_type: String,
    algorithm: Algorithm,
    size: u64,
    urls: Vec<String>,
    annotations: BTreeMap<String, String>,
    data: Option<Vec<u8>>,
    platform: Option<Platform>,
    artifact_type: Option<String>,
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
        let urls = object.texts("urls")?.unwrap_or_default();
        if !urls.iter().all(|url| is_absolute(url)) {
            return Err(object.malformed("has a `urls` with something that is not an absolute URL"));
        }
        let data = object
            .text("data")?
            .map(|data| base64::decode(&data).ok_or_else(|| object.malformed("has a `data` that is not base64")));
        Ok(Self {
            algorithm: algorithm(&object)?,
            size: object.need("size", object.size("size")?)?,
            urls,
            annotations: object.map("annotations")?,
            data: data.transpose()?,
            platform: object.object("platform")?.map(platform).transpose()?,
            media_type,
            artifact_type,
        })
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// As a noun of the core.
    ///
    /// # Errors
    /// `unsupported` for a digest whose algorithm is neither sha256 nor sha512.
    pub fn into_descriptor(self) -> Result<Descriptor> {
        let Self { media_type, algorithm, size, urls, annotations, data, platform, artifact_type } = self;
        match algorithm {
            Algorithm::Known(digest) => {
                Ok(Descriptor { media_type, digest, size, urls, annotations, data, platform, artifact_type })
            }
            Algorithm::Unknown(digest) => {
                let message =
                    format!("the digest `{}` has an algorithm that is neither sha256 nor sha512", shown(&digest));
                Err(Error::unsupported("digest algorithm", message))
            }
        }
    }
}

/// Its JSON text without white space, as an `index.json` lists it.
pub fn compact(descriptor: &Descriptor) -> String {
    value(descriptor).compact()
}

/// What documents hold of a descriptor; all but media type, digest and size only when there is any.
pub fn value(descriptor: &Descriptor) -> Value<'_> {
    let mut members = vec![
        ("mediaType", descriptor.media_type.as_str().into()),
        ("digest", descriptor.digest.as_str().into()),
        ("size", Value::Number(descriptor.size)),
    ];
    if !descriptor.urls.is_empty() {
        members.push(("urls", Value::list(&descriptor.urls)));
    }
    if !descriptor.annotations.is_empty() {
        members.push(("annotations", Value::texts(&descriptor.annotations)));
    }
    members.extend(descriptor.data.as_deref().map(|data| ("data", Value::Base64(data))));
    members.extend(descriptor.platform.as_ref().map(|platform| ("platform", platform_value(platform))));
    members.extend(descriptor.artifact_type.as_deref().map(|kind| ("artifactType", kind.into())));
    Value::Object(members)
}

fn platform_value(platform: &Platform) -> Value<'_> {
    let mut members =
        vec![("architecture", platform.architecture.as_str().into()), ("os", platform.os.as_str().into())];
    members.extend(platform.os_version.as_deref().map(|version| ("os.version", version.into())));
    if !platform.os_features.is_empty() {
        members.push(("os.features", Value::list(&platform.os_features)));
    }
    members.extend(platform.variant.as_deref().map(|variant| ("variant", variant.into())));
    Value::Object(members)
}

fn platform(object: Object<'_>) -> Result<Platform> {
    read_platform(&object.known(&["architecture", "os", "os.version", "os.features", "variant"])?)
}

/// Of a descriptor's platform or of a config.
pub fn read_platform(object: &Object<'_>) -> Result<Platform> {
    let architecture = object.need("architecture", object.text("architecture")?)?;
    let os = object.need("os", object.text("os")?)?;
    let platform = Platform::new(&os, &architecture, object.text("variant")?.as_deref());
    let mut platform = platform.with_os_version(object.text("os.version")?.as_deref());
    platform.os_features = object.texts("os.features")?.unwrap_or_default();
    Ok(platform)
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
pub fn is_media_type(text: &str) -> bool {
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

/// The members of a descriptor.
pub const KNOWN: [&str; 8] = ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
