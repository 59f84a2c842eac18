//! Images at a glance: what they run on, how large they are and when they were made. The store remembers that, so that a list of many
//! images reads no documents; as with all that is remembered, nothing depends on it.
//!
//! A record has a line for each image: its digest, its bytes, when it was made or `-`, and its platforms with commas between them. It is read
//! where somebody asks for an image, so that many of them cost little.

use std::collections::{BTreeMap, HashMap};

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

/// Of several images, by digest.
#[derive(Debug, Default)]
pub struct Glances {
    /// What stands behind the digest in a line of the record.
    lines: HashMap<String, String>,
    /// Why others cannot be read.
    broken: HashMap<String, Error>,
}

impl Glances {
    /// Of an image; when it cannot be read, why.
    pub fn of(&self, digest: &str) -> Option<std::result::Result<Glance<'_>, &Error>> {
        let glance = self.lines.get(digest).and_then(|line| glance(line)).map(Ok);
        glance.or_else(|| self.broken.get(digest).map(Err))
    }

    fn record(&self) -> String {
        let all: BTreeMap<&String, &String> = self.lines.iter().collect();
        all.into_iter().flat_map(|(digest, line)| [digest, " ", line, "\n"]).collect()
    }
}

impl<D: Directory> Layout<D> {
    /// Of these images: what is remembered, and what has to be read for the rest.
    pub async fn glances<'i>(&self, images: impl Iterator<Item = Seen<'i>>) -> Glances {
        let mut glances = Glances { lines: self.recalled().await, broken: HashMap::new() };
        let wanted = images.filter(|image| glances.of(image.digest).is_none());
        let wanted: BTreeMap<_, _> = wanted.filter_map(|image| Some((image.digest, image.descriptor()?))).collect();
        let reading = wanted.into_iter().map(async |(digest, image)| (digest.to_owned(), self.glance(image).await));
        let read: Vec<_> = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
        let mut is_new = false;
        for (digest, line) in read {
            match line {
                Ok(line) => {
                    glances.lines.insert(digest, line);
                    is_new = true;
                }
                Err(why) => drop(glances.broken.insert(digest, why)),
            }
        }
        if is_new {
            // A store that cannot be written to is read again the next time.
            let _ = self.note_glances(&glances).await;
        }
        glances
    }

    /// As a line has it.
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

    async fn recalled(&self) -> HashMap<String, String> {
        let read = async {
            let file = self.directory.open(&path()).await.ok()??;
            String::from_utf8(self.within(&file, "record", MAX_INDEX as u64).await.ok()?).ok()
        };
        let record = read.await.unwrap_or_default();
        let lines = record.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(digest, line)| (digest.to_owned(), line.to_owned())).collect()
    }

    async fn note_glances(&self, glances: &Glances) -> Result<()> {
        let record = glances.record();
        if record.len() > MAX_INDEX {
            return Ok(());
        }
        let mut writer = self.directory.create().await?;
        writer.write(record.into_bytes()).await?;
        writer.publish(&path()).await.map(drop)
    }
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
