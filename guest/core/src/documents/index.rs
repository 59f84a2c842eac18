//! Indexes (OCI image-index.md): the `index.json` of a layout, where each name is an entry, and the index of an image for several platforms.
//!
//! Rewriting keeps every entry and member that is not ours as it was read, known or not; only white space and the escapes of `<`, `>` and
//! `&` change. Names are put as in BuildKit's layouts ([`super::naming`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::attestation;
use super::descriptor::{self, Listed};
use super::entry::{Entry, NAME, TAG};
use super::json::Value;
use super::manifest::{KNOWN, kind, only};
use super::naming::Naming;
use super::quick;
use super::read::{self, MAX_READ};
use super::{MAX_WRITTEN, fits, within};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::media_type::{self, Family};
use crate::text::shown;

pub use super::entry::{CREATED, Seen, name_of, tag_of};
pub use super::quick::{END, START};
pub use super::select::{images, select};

/// The file `oci-layout` (image-layout.md), as BuildKit writes it.
pub const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An index.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// Name and JSON text of the members that are written behind `manifests`.
    others: Vec<(String, String)>,
    /// Read from among those.
    annotations: BTreeMap<String, String>,
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
    /// From its document, OCI's or Docker's. `media_type` is what the descriptor says that led to it; `index.json` has none.
    ///
    /// # Errors
    /// `malformed` for what is not an index, says that it is something else, or could be read as a manifest too.
    pub fn parse(bytes: &[u8], media_type: Option<&str>) -> Result<Self> {
        Self::read(read::document(bytes, "index")?, media_type)
    }

    /// The `index.json` of a layout, of any size.
    ///
    /// # Errors
    /// As [`Index::parse`].
    pub fn of_layout(bytes: Vec<u8>) -> Result<Self> {
        let bytes = match String::from_utf8(bytes).map(Rc::new) {
            Ok(text) => match quick::entries(&text, |one, range| Entry::glanced(&one, &text, range)) {
                Some(entries) => return Ok(Self { entries, ..Self::default() }),
                None => Rc::unwrap_or_clone(text).into_bytes(),
            },
            Err(other) => other.into_bytes(),
        };
        Self::read(read::document_within(&bytes, "index", usize::MAX)?, None)
    }

    fn read(object: read::Object<'_>, media_type: Option<&str>) -> Result<Self> {
        let object = object.known(&KNOWN)?;
        only(&object, &["layers", "config", "fsLayers"])?;
        if let Some(other) = kind(&object, media_type)?.filter(|kind| !media_type::is_index(kind)) {
            return Err(object.malformed(format!("is a `{}`, not an index", shown(&other))));
        }
        if !object.has("manifests") {
            return Err(object.malformed("has no `manifests`"));
        }
        let annotations = object.map("annotations")?;
        object.object("subject")?.map(Listed::read).transpose()?;
        let entries = object.objects("manifests", "entry")?.unwrap_or_default().into_iter();
        let written = ["schemaVersion", "mediaType", "manifests"];
        let others = object.members().filter(|(name, _)| !written.contains(name));
        Ok(Self {
            entries: entries
                .map(|(entry, raw)| Listed::read(entry).map(|listed| Entry::read(listed, raw.get())))
                .collect::<Result<_>>()?,
            others: others.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect(),
            annotations,
        })
    }

    /// What it lists, in order, but artifacts and digests of unknown algorithms.
    pub fn manifests(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().filter_map(Entry::image)
    }

    /// The manifests of attestations, in order, and the images that they say they are about: artifacts too.
    pub fn attestations(&self) -> impl Iterator<Item = (Digest, &Descriptor)> {
        self.listed().filter_map(|listed| attestation::image_of(listed).map(|image| (image, listed)))
    }

    /// Everything that it lists, in order, artifacts too, each with its JSON text.
    ///
    /// # Errors
    /// `unsupported` for a digest of an algorithm that ocix does not know.
    pub fn entries(&self) -> Result<Vec<(Descriptor, &str)>> {
        let entries = self.entries.iter();
        entries.map(|entry| Ok((entry.listed().cloned().ok_or_else(unknown_algorithm)?, entry.raw()))).collect()
    }

    /// Everything that it lists, in order, artifacts too, but digests of unknown algorithms.
    pub fn listed(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().filter_map(Entry::listed)
    }

    /// The same at a glance.
    pub fn seen(&self) -> impl Iterator<Item = Seen<'_>> + Clone {
        self.entries.iter().filter_map(Entry::seen)
    }

    /// Takes away what is listed and `keep` does not want; digests of unknown algorithms stay.
    pub fn retain(&mut self, mut keep: impl FnMut(Seen<'_>) -> bool) {
        self.entries.retain(|entry| entry.seen().is_none_or(&mut keep));
    }

    /// Of the index itself.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The image of this name, which is a whole reference.
    pub fn named(&self, name: &str) -> Option<&Descriptor> {
        self.entries.iter().rev().find(|entry| entry.name() == Some(name))?.image()
    }

    /// Points names at images, all in order ([`Naming`]).
    pub fn put(&mut self, listed: &[(Option<Name>, Descriptor)]) {
        let mut naming = Naming::images(listed);
        self.make_room(&mut naming);
        self.append(naming.entries(listed));
    }

    /// Takes away what names replace.
    pub fn make_room(&mut self, naming: &mut Naming<'_>) {
        self.entries.retain(|entry| naming.keeps(entry.called()));
    }

    /// Lists these last.
    pub fn append(&mut self, entries: Vec<Descriptor>) {
        self.entries.extend(entries.into_iter().map(Entry::new));
    }

    /// Lists a manifest last, unless it is listed already. Whether it was not.
    pub fn add(&mut self, manifest: Descriptor) -> bool {
        let new = !self.seen().any(|entry| entry.digest == manifest.digest.as_str());
        if new {
            self.entries.push(Entry::new(manifest));
        }
        new
    }

    /// The document: compact, as BuildKit writes a layout's.
    ///
    /// # Errors
    /// `limit-exceeded` over [`MAX_READ`] bytes: nobody could read it again.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.parts_within(MAX_READ)?.concat().into_bytes())
    }

    /// The same of at most so many bytes, in parts: what was read is not copied.
    ///
    /// # Errors
    /// `limit-exceeded`.
    pub fn parts_within(&self, most: usize) -> Result<Vec<Cow<'_, str>>> {
        let mut parts: Vec<Cow<'_, str>> = vec![START.into()];
        let mut rest = self.entries.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            let (run, count) = first.run(behind);
            parts.push(run);
            rest = rest.get(count..).unwrap_or_default();
            parts.extend(rest.first().map(|_| ",".into()));
        }
        parts.push("]".into());
        for (name, raw) in &self.others {
            let [name, raw] = [name.as_str().into(), Value::Raw(raw)].map(|part| part.compact());
            parts.push(format!(",{name}:{raw}").into());
        }
        parts.push("}".into());
        let size = parts.iter().fold(0_usize, |size, part| size.saturating_add(part.len()));
        fits(size, most, "index").map(|()| parts)
    }
}

/// The index of an image for several platforms or with attestations, in these media types: indented, the entries as given;
/// `annotations` only when there are some.
///
/// # Errors
/// `limit-exceeded` over [`MAX_WRITTEN`] bytes.
pub fn image_index(family: Family, entries: &[Descriptor], annotations: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    of_entries(family, entries.iter().map(descriptor::value).collect(), annotations)
}

/// The same of entries some of which come from other indexes: with their JSON text, which is kept.
///
/// # Errors
/// As [`image_index`].
pub fn combined(
    family: Family,
    entries: &[(Descriptor, Option<String>)],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let entries = entries.iter().map(|(entry, raw)| match raw {
        Some(raw) => Value::Raw(raw),
        None => descriptor::value(entry),
    });
    of_entries(family, entries.collect(), annotations)
}

fn of_entries(family: Family, entries: Vec<Value<'_>>, annotations: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut members = vec![
        ("schemaVersion", Value::Number(2)),
        ("mediaType", family.index().into()),
        ("manifests", Value::Array(entries)),
    ];
    if !annotations.is_empty() {
        members.push(("annotations", Value::texts(annotations)));
    }
    within(Value::Object(members).indented(), MAX_WRITTEN, "index")
}

/// An image as a layout lists it under a tag alone, or under no name at all.
pub fn tagged(mut image: Descriptor, tag: Option<&str>) -> Descriptor {
    image.annotations.retain(|key, _| key != NAME && key != TAG);
    image.annotations.extend(tag.map(|tag| (TAG.to_owned(), tag.to_owned())));
    image
}

fn unknown_algorithm() -> Error {
    let message = "an index lists something under a digest whose algorithm is neither sha256 nor sha512";
    Error::unsupported("digest algorithm", message)
}

#[cfg(test)]
mod tests;
