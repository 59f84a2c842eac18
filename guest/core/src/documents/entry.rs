//! Entries of an index: what they say of themselves, and their JSON text, which is kept as it was read.
//!
//! An entry of a layout's `index.json` that was read in one look ([`super::quick`]) says at once what it is called; the rest of it is read when somebody
//! wants it. A list of thousands of names costs little more than reading its text.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use super::descriptor::{self, Listed};
use super::json::Value;
use super::naming::Called;
use super::quick;
use crate::descriptor::Descriptor;

/// One of them.
#[derive(Clone, Debug)]
pub struct Entry {
    raw: Raw,
    content: Content,
}

/// What an entry says.
#[derive(Clone, Debug)]
enum Content {
    /// As the strict reader has it.
    Read(Descriptor),
    /// A digest of an algorithm that ocix does not know; its whole reference, when it has one.
    Unknown(Option<String>),
    /// Where its words stand in its text; all of it when somebody wants it.
    Seen(Words, OnceCell<Option<Box<Descriptor>>>),
}

/// Where in the text of all entries.
#[derive(Clone, Debug)]
struct Words {
    media_type: Range<usize>,
    digest: Range<usize>,
    artifact_type: Option<Range<usize>>,
    name: Option<Range<usize>>,
    tag: Option<Range<usize>>,
    created: Option<Range<usize>>,
}

/// What an entry says of itself that is no descriptor of an unknown algorithm, as far as a list shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Of what it stands for.
    pub media_type: &'a str,
    /// Well-formed.
    pub digest: &'a str,
    /// When it is an artifact.
    pub artifact_type: Option<&'a str>,
    /// The whole reference, when it has one.
    pub name: Option<&'a str>,
    /// The tag beside the name, or alone.
    pub tag: Option<&'a str>,
    /// When the image was made, in the words of whoever listed it.
    pub created: Option<&'a str>,
    all: All<'a>,
}

/// Where the rest of it is found.
#[derive(Clone, Copy, Debug)]
enum All<'a> {
    Entry(&'a Entry),
    /// Its JSON text, which [`quick`] takes.
    Text(&'a str),
}

/// An entry's JSON text, in that of all of them or alone.
#[derive(Clone, Debug)]
struct Raw {
    text: Rc<String>,
    range: Range<usize>,
}

impl Entry {
    /// That is listed now.
    pub fn new(listed: Descriptor) -> Self {
        Self { raw: descriptor::compact(&listed).into(), content: Content::Read(listed) }
    }

    /// That was read in one look out of `text`, and stands there.
    pub fn glanced(one: &quick::One<'_>, text: &Rc<String>, range: Range<usize>) -> Self {
        let raw = Raw { text: text.clone(), range };
        Self { raw, content: Content::Seen(Words::of(one, text), OnceCell::new()) }
    }

    /// That the strict reader has read.
    pub fn read(listed: Listed, raw: &str) -> Self {
        let name = listed.annotations().get(NAME).cloned();
        let content = listed.into_descriptor().map_or(Content::Unknown(name), Content::Read);
        Self { raw: raw.to_owned().into(), content }
    }

    /// `None` for a digest of an algorithm that ocix does not know.
    pub fn listed(&self) -> Option<&Descriptor> {
        match &self.content {
            Content::Read(listed) => Some(listed),
            Content::Unknown(_) => None,
            Content::Seen(_, listed) => {
                let read = || quick::entry(self.raw.get()).and_then(|one| one.descriptor()).map(Box::new);
                listed.get_or_init(read).as_deref()
            }
        }
    }

    /// The same at a glance.
    pub fn seen(&self) -> Option<Seen<'_>> {
        match &self.content {
            Content::Read(listed) => Some(Seen {
                media_type: &listed.media_type,
                digest: listed.digest.as_str(),
                artifact_type: listed.artifact_type.as_deref(),
                name: name_of(listed),
                tag: tag_of(listed),
                created: listed.annotations.get(CREATED).map(String::as_str),
                all: All::Entry(self),
            }),
            Content::Unknown(_) => None,
            Content::Seen(words, _) => {
                let Words { media_type, digest, artifact_type, name, tag, created } = words;
                let text = &self.raw.text;
                let word = |range: &Option<Range<usize>>| range.clone().and_then(|range| text.get(range));
                Some(Seen {
                    media_type: text.get(media_type.clone())?,
                    digest: text.get(digest.clone())?,
                    artifact_type: word(artifact_type),
                    name: word(name),
                    tag: word(tag),
                    created: word(created),
                    all: All::Entry(self),
                })
            }
        }
    }

    /// Its JSON text.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }

    /// The JSON text of this entry and those behind it that stand behind it in the same text too, with the commas between them, and
    /// how many they are: each as it is to be written again.
    pub fn run<'a>(&'a self, behind: &'a [Self]) -> (Cow<'a, str>, usize) {
        let Content::Seen(..) = self.content else { return (Value::Raw(self.raw.get()).compact().into(), 1) };
        let mut run = self.raw.range.clone();
        let mut count = 1_usize;
        for next in behind {
            let follows =
                Rc::ptr_eq(&self.raw.text, &next.raw.text) && run.end.checked_add(1) == Some(next.raw.range.start);
            if !follows || !matches!(next.content, Content::Seen(..)) {
                break;
            }
            run.end = next.raw.range.end;
            count = count.saturating_add(1);
        }
        (self.raw.text.get(run).unwrap_or_default().into(), count)
    }

    /// Unless it is an artifact.
    pub fn image(&self) -> Option<&Descriptor> {
        self.listed().filter(|listed| listed.artifact_type.is_none())
    }

    /// What it is called, also when its digest is of an unknown algorithm.
    pub fn called(&self) -> Called<'_> {
        self.seen().map_or(Called { name: self.name(), ..Called::default() }, |seen| seen.as_called())
    }

    /// The whole reference, when it has one.
    pub fn name(&self) -> Option<&str> {
        match &self.content {
            Content::Read(listed) => name_of(listed),
            Content::Unknown(name) => name.as_deref(),
            Content::Seen(words, _) => self.raw.text.get(words.name.clone()?),
        }
    }
}

impl Words {
    /// Of an entry that was read out of this text.
    fn of(one: &quick::One<'_>, text: &str) -> Self {
        let range = |word: &str| {
            let start = word.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            start..start.saturating_add(word.len())
        };
        Self {
            media_type: range(one.media_type),
            digest: range(one.digest),
            artifact_type: one.artifact_type.map(range),
            name: one.name.map(range),
            tag: one.tag.map(range),
            created: one.created.map(range),
        }
    }
}

impl<'a> Seen<'a> {
    /// What was read in one look out of this text.
    pub fn glanced(one: &quick::One<'a>, text: &'a str) -> Self {
        let quick::One { media_type, digest, artifact_type, name, tag, created, .. } = *one;
        Self { media_type, digest, artifact_type, name, tag, created, all: All::Text(text) }
    }

    /// All that it says.
    pub fn descriptor(&self) -> Option<Descriptor> {
        match self.all {
            All::Entry(entry) => entry.listed().cloned(),
            All::Text(text) => quick::entry(text)?.descriptor(),
        }
    }

    /// What it is called, and what it is.
    pub fn as_called(&self) -> Called<'a> {
        Called { name: self.name, tag: self.tag, image: Some(self.digest).filter(|_| self.artifact_type.is_none()) }
    }

    /// Its name, or its tag alone.
    pub fn called(&self) -> Option<&'a str> {
        self.name.or(self.tag)
    }
}

impl Raw {
    fn get(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }
}

impl From<String> for Raw {
    fn from(text: String) -> Self {
        Self { range: 0..text.len(), text: text.into() }
    }
}

/// The whole reference that a layout lists an image under.
pub fn name_of(listed: &Descriptor) -> Option<&str> {
    listed.annotations.get(NAME).map(String::as_str)
}

/// The tag that a layout lists an image under (OCI image-layout.md).
pub fn tag_of(listed: &Descriptor) -> Option<&str> {
    listed.annotations.get(TAG).map(String::as_str)
}

/// The whole reference.
pub const NAME: &str = "io.containerd.image.name";
/// OCI annotations.md.
pub const TAG: &str = "org.opencontainers.image.ref.name";
/// OCI annotations.md.
pub const CREATED: &str = "org.opencontainers.image.created";
