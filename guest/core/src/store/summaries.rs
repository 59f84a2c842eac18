//! Images at a glance: what they run on, how large they are and when they were made. The store remembers that, so that a list of many
//! images reads no documents; as with all that is remembered, nothing depends on it.
//!
//! A record has a line for each image: its digest, its bytes, when it was made or `-`, and its platforms with commas between them. It is read
//! where somebody asks for an image, so that many of them cost little.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use futures_util::{StreamExt, stream};

use super::reach::Reached;
use super::{Layout, MAX_INDEX, known};
use crate::descriptor::Descriptor;
use crate::documents::config::Config;
use crate::documents::index::Seen;
use crate::documents::manifest::Manifest;
use crate::error::{Error, Result};
use crate::media::{Directory, Writer};
use crate::media_type;

/// Of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    /// What its configs say, each once, in byte order, with commas between them.
    pub platforms: &'a str,
    /// Bytes of all documents and blobs beneath it and of itself, each counted once.
    pub size: u64,
    /// The latest time that its configs say (RFC 3339).
    pub created: Option<&'a str>,
}

/// Of several images: a line of the record by digest, and what had to be read now, or why it cannot be.
#[derive(Debug, Default)]
pub struct Glances {
    record: String,
    read: BTreeMap<String, Result<String>>,
}

/// To be asked for many of them.
pub struct Known<'a> {
    lines: HashMap<&'a str, &'a str>,
    read: &'a BTreeMap<String, Result<String>>,
}

impl Glances {
    /// What there is.
    pub fn known(&self) -> Known<'_> {
        Known { lines: lines(&self.record).collect(), read: &self.read }
    }
}

impl<'a> Known<'a> {
    /// Of an image; when it cannot be read, why.
    pub fn of(&self, digest: &str) -> Option<std::result::Result<Glance<'a>, &'a Error>> {
        match self.lines.get(digest).and_then(|rest| glance(rest)) {
            Some(glance) => Some(Ok(glance)),
            None => match self.read.get(digest)? {
                Ok(line) => glance(line).map(Ok),
                Err(why) => Some(Err(why)),
            },
        }
    }
}

impl<D: Directory> Layout<D> {
    /// Of these images: what is remembered, and what has to be read for the rest.
    pub async fn glances<'i>(&self, images: impl Iterator<Item = Seen<'i>>) -> Glances {
        let mut glances = Glances { record: self.recalled().await, read: BTreeMap::new() };
        let known = glances.known();
        let wanted = images.filter(|image| known.of(image.digest).is_none());
        let wanted: BTreeMap<_, _> = wanted.filter_map(|image| Some((image.digest, image.descriptor()?))).collect();
        if wanted.is_empty() {
            return glances;
        }
        let reading = wanted.into_iter().map(async |(digest, image)| (digest.to_owned(), self.glance(image).await));
        glances.read = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
        // A store that cannot be written to is read again the next time.
        let _ = self.note_glances(&glances).await;
        glances
    }

    /// A line's end, behind the digest.
    async fn glance(&self, image: &Descriptor) -> Result<String> {
        let mut reached = Reached::default();
        reached.add(self, image).await;
        if let Some((_, flaw)) = reached.flaws.first() {
            return Err(flaw.clone());
        }
        let (mut platforms, mut latest) = (Vec::new(), None);
        for document in reached.documents.iter().filter(|document| media_type::is_manifest(&document.media_type)) {
            let manifest = Manifest::parse(&self.document(document).await?, &document.media_type)?;
            if !media_type::is_config(&manifest.config.media_type) {
                continue;
            }
            let config = Config::parse(&self.document(&manifest.config).await?).map_err(|error| self.own(error))?;
            // Attestations have a config too.
            let platform = config.platform();
            if platform.os != "unknown" {
                platforms.push(word(&platform.to_string()));
                latest = latest.max(config.created().map(word));
            }
        }
        platforms.sort();
        platforms.dedup();
        Ok(format!("{} {} {}", reached.size(), latest.as_deref().unwrap_or("-"), platforms.join(",")))
    }

    async fn recalled(&self) -> String {
        let read = async {
            let file = self.directory.open(&path()).await.ok()??;
            String::from_utf8(self.within(&file, "record", MAX_INDEX as u64).await.ok()?).ok()
        };
        read.await.unwrap_or_default()
    }

    async fn note_glances(&self, glances: &Glances) -> Result<()> {
        let new = glances.read.iter().filter_map(|(digest, line)| Some((digest.as_str(), line.as_deref().ok()?)));
        let all: BTreeMap<&str, &str> = lines(&glances.record).chain(new).collect();
        let mut record = String::new();
        for (digest, rest) in all {
            let _ = writeln!(record, "{digest} {rest}");
        }
        if record.len() > MAX_INDEX {
            return Ok(());
        }
        let mut writer = self.directory.create().await?;
        writer.write(record.into_bytes()).await?;
        writer.publish(&path()).await.map(drop)
    }
}

fn lines(record: &str) -> impl Iterator<Item = (&str, &str)> {
    record.lines().filter_map(|line| line.split_once(' '))
}

fn glance(rest: &str) -> Option<Glance<'_>> {
    let (size, rest) = rest.split_once(' ')?;
    let (created, platforms) = rest.split_once(' ')?;
    Some(Glance { platforms, size: size.parse().ok()?, created: Some(created).filter(|created| *created != "-") })
}

/// What a config says, as a word of a line.
fn word(text: &str) -> String {
    let parts = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    text.replace(parts, "_")
}

/// Where they stand.
pub fn path() -> String {
    known::path("images at a glance, by lines")
}

/// Images that are read at the same time.
const AT_ONCE: usize = 16;
