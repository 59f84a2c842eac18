//! Images at a glance: what they run on, how large they are and when they were made. The store remembers that, so that a list of many
//! images reads no documents; as with all that is remembered, nothing depends on it.
//!
//! A record has a line for each image: its digest, its bytes, when it was made or `-`, and its platforms with commas between them. It is read
//! where somebody asks for an image, so that many of them cost little.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use futures_util::{StreamExt, stream};
use memchr::memchr;

use super::reach::Reached;
use super::{Layout, MAX_INDEX, known};
use crate::descriptor::Descriptor;
use crate::documents::config::Config;
use crate::documents::index::Seen;
use crate::documents::manifest::Manifest;
use crate::error::{Error, Result};
use crate::media::Directory;
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
    /// The record.
    record: String,
    /// Where its lines stand, in their order.
    lines: Vec<(Start, Range<usize>)>,
    /// Which of them is about an image, in the order of images.
    places: Vec<Option<usize>>,
    /// Why others cannot be read.
    broken: HashMap<String, Error>,
}

/// How the hex of a digest starts: mostly enough to find it by. Lines are in this order, and of the same start in that of their digests.
type Start = u128;

impl Glances {
    /// A record that is not in order, or has other lines, is as good as none.
    fn parse(record: String) -> Self {
        let mut lines = Vec::with_capacity(record.len() / SHORT);
        let mut at = 0_usize;
        for line in record.lines() {
            let end = at.saturating_add(line.len());
            lines.push((start(line), at..end));
            at = end.saturating_add(1);
        }
        let spaces = record.bytes().fold(0_usize, |spaces, byte| spaces.wrapping_add(usize::from(byte == b' ')));
        let glances = Self { record, lines, ..Self::default() };
        let sorted = glances.lines.is_sorted_by(|(before, line), (behind, next)| {
            before.cmp(behind).then_with(|| glances.digest(line).cmp(glances.digest(next))).is_lt()
        });
        if sorted && spaces == glances.lines.len().saturating_mul(SPACES) { glances } else { Self::default() }
    }

    /// Of the image of this number, counted from 0, and digest; when it cannot be read, why.
    pub fn of(&self, number: usize, digest: &str) -> Option<std::result::Result<Glance<'_>, &Error>> {
        let line = self.places.get(number).copied().flatten().and_then(|place| self.line(place));
        let glance = line.and_then(|line| glance(line.get(digest.len()..)?.get(1..)?)).map(Ok);
        glance.or_else(|| self.broken.get(digest).map(Err))
    }

    /// The number of the line that is about a digest.
    fn place(&self, digest: &str) -> Option<usize> {
        let wanted = start(digest);
        let order =
            |(start, line): &(Start, Range<usize>)| start.cmp(&wanted).then_with(|| self.digest(line).cmp(digest));
        self.lines.binary_search_by(order).ok()
    }

    /// That a line is about.
    fn digest(&self, line: &Range<usize>) -> &str {
        self.record.get(line.clone()).and_then(cut).unwrap_or_default().0
    }

    fn line(&self, place: usize) -> Option<&str> {
        self.record.get(self.lines.get(place)?.1.clone())
    }

    /// The digests, and what stands behind each.
    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.record.lines().filter_map(|line| line.split_once(' '))
    }

    /// With these too.
    fn with(self, read: Vec<(String, Result<String>)>) -> Self {
        let read_now = read.iter().filter_map(|(digest, line)| Some((digest.as_str(), line.as_deref().ok()?)));
        let lines: BTreeMap<_, _> =
            self.all().chain(read_now).map(|(digest, line)| ((start(digest), digest), line)).collect();
        let record = lines.into_iter().flat_map(|((_, digest), line)| [digest, " ", line, "\n"]).collect();
        let broken = read.into_iter().filter_map(|(digest, line)| Some((digest, line.err()?))).collect();
        Self { broken, ..Self::parse(record) }
    }
}

impl<D: Directory> Layout<D> {
    /// Of these images: what is remembered, and what has to be read for the rest.
    pub async fn glances<'i>(&self, images: impl Iterator<Item = Seen<'i>> + Clone) -> Glances {
        let mut glances = Glances::parse(self.recalled().await);
        let places = |glances: &Glances| images.clone().map(|image| glances.place(image.digest)).collect();
        glances.places = places(&glances);
        if !glances.places.contains(&None) {
            return glances;
        }
        let wanted = images.clone().zip(&glances.places).filter(|(_, place)| place.is_none()).map(|(image, _)| image);
        let wanted: BTreeMap<_, _> = wanted.filter_map(|image| Some((image.digest, image.descriptor()?))).collect();
        let reading = wanted.into_iter().map(async |(digest, image)| (digest.to_owned(), self.glance(&image).await));
        let read: Vec<_> = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
        let is_new = read.iter().any(|(_, line)| line.is_ok());
        let mut glances = glances.with(read);
        glances.places = places(&glances);
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

    async fn recalled(&self) -> String {
        let read = async {
            let file = self.directory.open(&path()).await.ok()??;
            String::from_utf8(self.within(&file, "record", MAX_INDEX as u64).await.ok()?).ok()
        };
        read.await.unwrap_or_default()
    }

    async fn note_glances(&self, Glances { record, .. }: &Glances) -> Result<()> {
        if record.len() > MAX_INDEX {
            return Ok(());
        }
        self.replace(&path(), [record.as_bytes()]).await
    }
}

/// Of a digest, or a line that begins with one.
fn start(text: &str) -> Start {
    let hex = text.as_bytes().get(ALGORITHM..).and_then(<[u8]>::first_chunk);
    Start::from_be_bytes(hex.copied().unwrap_or_default())
}

fn glance(rest: &str) -> Option<Glance<'_>> {
    let (size, rest) = cut(rest)?;
    let (created, platforms) = cut(rest)?;
    Some(Glance { platforms, size: size.parse().ok()?, created: Some(created).filter(|created| *created != "-") })
}

/// At a space: [`str::split_once`] takes longer.
fn cut(text: &str) -> Option<(&str, &str)> {
    let (before, behind) = text.split_at_checked(memchr(b' ', text.as_bytes())?)?;
    Some((before, behind.get(1..)?))
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

/// In a line.
const SPACES: usize = 3;
/// Bytes of a digest before its hex.
const ALGORITHM: usize = "sha256:".len();
/// Bytes of a shorter line than most.
const SHORT: usize = 100;
/// Images that are read at the same time.
const AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_any_algorithm_are_found_again() {
        let same = "0123456789abcdef";
        let digests = [
            format!("sha256:{}", "f".repeat(64)),
            format!("sha256:{same}{}", "1".repeat(48)),
            format!("sha256:{same}{}", "0".repeat(48)),
            format!("sha512:{same}{}", "0".repeat(112)),
            format!("sha512:{}", "0".repeat(128)),
        ];
        let line = |number: usize| format!("{number} - linux/amd64");
        let read = digests.iter().enumerate().map(|(number, digest)| (digest.clone(), Ok(line(number)))).collect();
        let mut glances = Glances::default().with(read);
        for again in [false, true] {
            glances.places = digests.iter().map(|digest| glances.place(digest)).collect();
            for (number, digest) in digests.iter().enumerate() {
                let found = glances.of(number, digest).unwrap().unwrap();
                assert_eq!((found.size, found.platforms), (number as u64, "linux/amd64"), "{again}");
            }
            glances = Glances::parse(glances.record);
        }
        assert_eq!(glances.place(&format!("sha256:{same}{}", "2".repeat(48))), None);
        // Out of order, or no line of ours.
        let lines: Vec<_> = glances.record.lines().collect();
        let swapped = [lines[1], lines[0], ""].join("\n");
        for other in [swapped, format!("{} 1\n", lines[0]), format!("{}\n{}\n", lines[0], lines[0])] {
            assert!(Glances::parse(other).lines.is_empty());
        }
    }
}
