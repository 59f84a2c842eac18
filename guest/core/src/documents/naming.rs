//! Pointing names at images: which entries of an index go by that, and which come last.
//!
//! A name is one entry: put again, its old entry goes, wherever it pointed, and a new one comes. An image without a name gets an entry, unless
//! it has one without a name already; when it says a tag alone ([`tagged`](super::index::tagged)), in the place of the entry of this tag alone.

use std::collections::BTreeSet;

use super::entry::{NAME, TAG, name_of, tag_of};
use super::index::Name;
use crate::descriptor::Descriptor;

/// What is looked for in an index before it gets new entries.
#[derive(Default)]
pub struct Naming<'n> {
    names: BTreeSet<&'n str>,
    /// Without a name.
    tags: BTreeSet<&'n str>,
    /// The digests of images without name and tag that the index has.
    nameless: BTreeSet<String>,
}

/// What an entry is called, and what it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Called<'a> {
    /// The whole reference.
    pub name: Option<&'a str>,
    /// The tag beside the name, or alone.
    pub tag: Option<&'a str>,
    /// The digest of an image; none of an artifact.
    pub image: Option<&'a str>,
}

impl<'n> Naming<'n> {
    /// For these names, in whatever images they end.
    pub fn names(names: impl IntoIterator<Item = &'n Name>) -> Self {
        Self { names: names.into_iter().map(|name| name.full.as_str()).collect(), ..Self::default() }
    }

    /// For these images.
    pub fn images(listed: &'n [(Option<Name>, Descriptor)]) -> Self {
        let tags = listed.iter().filter(|(name, _)| name.is_none()).filter_map(|(_, image)| tag_of(image));
        Self { tags: tags.collect(), ..Self::names(listed.iter().filter_map(|(name, _)| name.as_ref())) }
    }

    /// Whether an entry of the index stays. Every one is to be asked about before what comes is.
    pub fn keeps(&mut self, entry: Called<'_>) -> bool {
        match (entry.name, entry.tag) {
            (Some(name), _) => !self.names.contains(name),
            (None, Some(tag)) => !self.tags.contains(tag),
            (None, None) => {
                self.nameless.extend(entry.image.map(str::to_owned));
                true
            }
        }
    }

    /// What comes behind all that stays.
    pub fn entries(mut self, listed: &[(Option<Name>, Descriptor)]) -> Vec<Descriptor> {
        let mut entries: Vec<Descriptor> = Vec::new();
        for (name, image) in listed {
            let mut image = image.clone();
            match (name, tag_of(&image)) {
                (Some(Name { full, tag }), _) => {
                    entries.retain(|entry| name_of(entry) != Some(full));
                    image.annotations.insert(NAME.into(), full.clone());
                    image.annotations.extend(tag.iter().map(|tag| (TAG.into(), tag.clone())));
                }
                (None, Some(tag)) => entries.retain(|entry| name_of(entry).is_some() || tag_of(entry) != Some(tag)),
                (None, None) if !self.nameless.insert(image.digest.to_string()) => continue,
                (None, None) => {}
            }
            entries.push(image);
        }
        entries
    }
}
