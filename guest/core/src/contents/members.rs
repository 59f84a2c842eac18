//! The members of a plain tar at rest: where each one's bytes are, found by its headers alone.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::{Error, Fault, Result};
use crate::layer::header;
use crate::layer::pax;
use crate::layer::tar::{BLOCK, padding};
use crate::media::{File, Media};
use crate::text::shown;

use super::bytes::Bytes;

/// The members of a tar, by their names without `./` and `/` at the ends.
pub struct Members<F> {
    file: Rc<F>,
    members: BTreeMap<String, Member>,
}

#[derive(Clone)]
enum Member {
    /// Where its content is.
    File { offset: u64, size: u64 },
    /// Another member, by a hard link or a link within the archive.
    Link(String),
}

impl<F: File> Members<F> {
    /// Reads every header, and no content.
    ///
    /// # Errors
    /// `malformed` for what is not a whole tar, or holds two files of one name.
    pub async fn index(file: F) -> Result<Self> {
        let mut scan = Scan { file: &file, at: 0, held: Vec::new(), from: 0 };
        let mut members = BTreeMap::new();
        let mut count = 0_u64;
        while let Some(Found { name, flag, link, offset, size }) = scan.next().await? {
            count = count.saturating_add(1);
            if count > MOST {
                return Err(Error::limit("entries", format!("the archive has more than {MOST} entries")));
            }
            let Some(name) = plain(&name) else { continue };
            let member = match flag {
                b'0' | 0 | b'7' => Member::File { offset, size },
                b'1' => Member::Link(link),
                b'2' => Member::Link(resolved(&name, &link)),
                _ => continue,
            };
            if members.insert(name.clone(), member).is_some() {
                return Err(malformed(format!(
                    "has two members `{}`, which readers understand differently",
                    shown(&name)
                )));
            }
        }
        Ok(Self { file: Rc::new(file), members })
    }

    /// Whether a file of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The content of a member, by way of at most one link.
    pub fn bytes<'a, M: Media<File = F>>(&self, name: &str) -> Option<Bytes<'a, M>> {
        let (offset, size) = self.place(name)?;
        Some(Bytes::File { file: self.file.clone(), offset, size })
    }

    /// A member in memory, at most `most` bytes.
    ///
    /// # Errors
    /// `limit-exceeded` for a larger one; when the file cannot be read or became shorter.
    pub async fn document(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let Some((offset, size)) = self.place(name) else { return Ok(None) };
        if size > most {
            let message = format!("`{}` of the archive has {size} bytes; at most {most} are read", shown(name));
            return Err(Error::limit("document size", message));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let rest = u32::try_from(size.saturating_sub(bytes.len() as u64)).unwrap_or(u32::MAX);
            let piece = self.file.read_at(offset.saturating_add(bytes.len() as u64), rest).await?;
            if piece.is_empty() {
                return Err(malformed("became shorter while it was read".into()));
            }
            bytes.extend(piece);
        }
        Ok(Some(bytes))
    }

    /// The whole tar again.
    pub fn tar<'a, M: Media<File = F>>(&self) -> Bytes<'a, M> {
        Bytes::File { file: self.file.clone(), offset: 0, size: self.file.size() }
    }

    fn place(&self, name: &str) -> Option<(u64, u64)> {
        match self.members.get(name)? {
            Member::File { offset, size } => Some((*offset, *size)),
            Member::Link(other) => match self.members.get(&plain(other.as_bytes())?)? {
                Member::File { offset, size } => Some((*offset, *size)),
                Member::Link(_) => None,
            },
        }
    }
}

/// Whether the start of a tar is that of an archive of images: its first entry has a name that such archives begin with.
pub fn may_be_images(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK).filter(|block| header::sealed(block)) else { return false };
    let name = String::from_utf8_lossy(&header::name(block)).into_owned();
    let first = name.trim_start_matches("./").split('/').next().unwrap_or_default();
    let id = first.strip_suffix(".json").unwrap_or(first);
    let is_id = id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Some writers begin with the folder itself.
    let bare = matches!(name.as_str(), "./" | ".") && head.get(BLOCK..).is_some_and(may_be_images);
    is_id || bare || matches!(first, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "repositories")
}

/// A member's header, understood.
struct Found {
    name: Vec<u8>,
    flag: u8,
    link: String,
    offset: u64,
    size: u64,
}

/// A walk from header to header.
struct Scan<'f, F> {
    file: &'f F,
    at: u64,
    held: Vec<u8>,
    from: u64,
}

impl<F: File> Scan<'_, F> {
    async fn next(&mut self) -> Result<Option<Found>> {
        let (mut long_name, mut long_link, mut overrides) = (None, None, pax::Overrides::default());
        loop {
            let block = self.read(BLOCK).await?;
            if block.len() < BLOCK || block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            if !header::sealed(&block) {
                return Err(malformed(format!("is damaged at byte {}: no header stands there", self.at)));
            }
            let flag = block.get(156).copied().unwrap_or_default();
            let said = block.get(124..136).and_then(header::number);
            let said = said.ok_or_else(|| malformed("has an entry whose size is not a number".into()))?;
            let size = match flag {
                b'1'..=b'6' => 0,
                b'x' | b'g' | b'L' | b'K' => said,
                _ => overrides.size.unwrap_or(said),
            };
            let offset = self.at;
            let end = offset.checked_add(size).filter(|end| *end <= self.file.size());
            let end = end.ok_or_else(|| malformed("is cut short; copy or make it again".into()))?;
            if matches!(flag, b'x' | b'L' | b'K') && size > pax::LIMIT as u64 {
                return Err(Error::limit("extended header", "an extended header of the archive has more than 1 MiB"));
            }
            let text = |bytes: Vec<u8>| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            match flag {
                b'x' => overrides = pax::read(&self.read(usize::try_from(size).unwrap_or_default()).await?)?,
                b'L' => long_name = Some(text(self.read(usize::try_from(size).unwrap_or_default()).await?)),
                b'K' => long_link = Some(text(self.read(usize::try_from(size).unwrap_or_default()).await?)),
                _ => {}
            }
            self.at = end.saturating_add(padding(size) as u64);
            if matches!(flag, b'x' | b'g' | b'L' | b'K') {
                continue;
            }
            let name = long_name.or(overrides.path).unwrap_or_else(|| header::name(&block));
            let link = long_link.unwrap_or_else(|| header::text(&block, 157, 257).to_vec());
            return Ok(Some(Found { name, flag, link: String::from_utf8_lossy(&link).into_owned(), offset, size }));
        }
    }

    /// The next bytes, fewer only at the end; read ahead, since headers of small members stand together.
    async fn read(&mut self, bytes: usize) -> Result<Vec<u8>> {
        let within = |held: &[u8], from: u64, at: u64| -> Option<Vec<u8>> {
            let skip = usize::try_from(at.checked_sub(from)?).ok()?;
            Some(held.get(skip..skip.checked_add(bytes)?)?.to_vec())
        };
        if within(&self.held, self.from, self.at).is_none() {
            let most = u32::try_from(bytes.max(AHEAD)).unwrap_or(u32::MAX);
            (self.from, self.held) = (self.at, self.file.read_at(self.at, most).await?);
        }
        let found = within(&self.held, self.from, self.at).unwrap_or_default();
        self.at = self.at.saturating_add(found.len() as u64);
        Ok(found)
    }
}

/// A name without `./` and `/` at its ends; none for the folder itself, and for what is no text or leads outside.
fn plain(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let sound = !parts.is_empty() && !name.starts_with('/') && !parts.contains(&"..");
    sound.then(|| parts.join("/"))
}

/// Where a symbolic link of this name leads.
fn resolved(name: &str, link: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn malformed(what: String) -> Error {
    let mut error = Error::malformed("archive", format!("the archive {what}"));
    error.fault = Fault::Source;
    error
}

/// Entries of an archive.
const MOST: u64 = 100_000;
/// Bytes that are read ahead.
const AHEAD: usize = 64 << 10;
