//! Indexes (OCI image-index.md): the `index.json` of a layout, where each name is an entry, and the index of a multi-platform image.
//!
//! Entries keep what they hold, known or not, when a layout's index is rewritten.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::Value;
use super::manifest::{RawDescriptor, descriptor};
use super::read;
use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media_type;
use crate::platform::Platform;

/// The file `oci-layout` (image-layout.md), as BuildKit writes it.
pub const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An index.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    descriptor: Descriptor,
    /// As it was read; made anew for entries of our own.
    raw: Value,
}

/// A name in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The whole reference in normal form: `io.containerd.image.name`.
    pub full: String,
    /// Its tag, if it has one: `org.opencontainers.image.ref.name`.
    pub tag: Option<String>,
}

impl Index {
    /// From its document.
    ///
    /// # Errors
    /// `malformed` for what is not an index, or could be read as a manifest too.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let raw: RawIndex = read::document(bytes, "index")?;
        if raw.layers.is_some() || raw.config.is_some() || raw.fs_layers.is_some() {
            return Err(Error::malformed("index", "the index could also be read as a manifest"));
        }
        if raw.media_type.as_deref().is_some_and(|is| !media_type::is_index(is)) {
            return Err(Error::malformed("index", "the index says that it is something else"));
        }
        let entries = raw.manifests.unwrap_or_default().into_iter().map(|raw| {
            let parsed: RawDescriptor = read::document(raw.get().as_bytes(), "descriptor")?;
            Ok(Entry { descriptor: parsed.try_into()?, raw: Value::Raw(raw.get().to_owned()) })
        });
        Ok(Self { entries: entries.collect::<Result<_>>()? })
    }

    /// What it lists, in order.
    pub fn manifests(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().map(|entry| &entry.descriptor)
    }

    /// Points a name at an image: the entry of this name goes, wherever it pointed, and a new one comes last. Without a name the image gets an
    /// entry unless it has one already.
    pub fn put(&mut self, name: Option<&Name>, mut image: Descriptor) {
        match name {
            Some(name) => {
                self.entries.retain(|entry| entry.descriptor.annotations.get(NAME) != Some(&name.full));
                image.annotations.insert(NAME.into(), name.full.clone());
                image.annotations.extend(name.tag.iter().map(|tag| (TAG.into(), tag.clone())));
            }
            None if self.manifests().any(|known| known.digest == image.digest) => return,
            None => {}
        }
        self.entries.push(Entry { raw: descriptor(&image), descriptor: image });
    }

    /// The document: compact, as BuildKit writes a layout's.
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = vec![
            ("schemaVersion".into(), Value::Number(2)),
            ("mediaType".into(), media_type::INDEX.into()),
            ("manifests".into(), Value::Array(self.entries.iter().map(|entry| entry.raw.clone()).collect())),
        ];
        Value::Object(fields).compact().into_bytes()
    }
}

/// The one image among these for the platform. An entry without a platform is for any; attestations are none. One image that stands under
/// several names is one.
///
/// # Errors
/// `not-found` with the platforms that there are; `unsupported` when several images fit.
pub fn select<'a>(manifests: impl Iterator<Item = &'a Descriptor>, platform: &Platform) -> Result<Descriptor> {
    let images: Vec<&Descriptor> = manifests.filter(|image| !is_attestation(image)).collect();
    let fits = |image: &&&Descriptor| image.platform.as_ref().is_none_or(|is| is == platform);
    // A single image is taken whatever it runs on: nothing else can be meant.
    let single = images.iter().map(|image| &image.digest).collect::<BTreeSet<_>>().len() == 1;
    let chosen: Vec<&&Descriptor> = images.iter().filter(|image| single || fits(image)).collect();
    let distinct: BTreeSet<_> = chosen.iter().map(|image| &image.digest).collect();
    match (chosen.first(), distinct.len()) {
        (Some(image), 1) => Ok((**image).clone()),
        (None, _) if images.is_empty() => Err(Error::new(Fault::Source, Code::NotFound, "the layout has no image")),
        (None, _) => {
            let known: BTreeSet<String> = images.iter().filter_map(|image| image.platform.as_ref()).map(ToString::to_string).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("the layout has no image for {platform}; it has {known}: choose one with --platform");
            Err(Error::new(Fault::Request, Code::NotFound, message))
        }
        (Some(_), count) => {
            let message = format!("the layout has {count} images for {platform}, and this version cannot choose among names");
            Err(Error::unsupported("several images", message))
        }
    }
}

fn is_attestation(image: &Descriptor) -> bool {
    image.annotations.contains_key("vnd.docker.reference.type") || image.platform.as_ref().is_some_and(|is| is.os == "unknown")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIndex {
    media_type: Option<String>,
    manifests: Option<Vec<Box<RawValue>>>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

const NAME: &str = "io.containerd.image.name";
const TAG: &str = "org.opencontainers.image.ref.name";
