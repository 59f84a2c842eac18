//! The content of a file, part by part. Parts that are asked for in order are read on; any other begins at the layer's start.

use std::fmt;

use super::super::{Image, Walk};
use super::merged::{Key, Merged, key, path};
use super::{Kind, missing, one};
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::text::shown_bytes;

/// Part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Fewer than asked for only at the file's end.
    pub bytes: Vec<u8>,
    /// Bytes of the whole file.
    pub size: u64,
    /// What the part looks like, when it is the first one.
    pub kind: FileKind,
    /// Where the file is, links followed.
    pub path: Vec<u8>,
}

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing.
    Empty,
    /// UTF-8 without control characters but those of lines.
    Text,
    /// Text that begins as an object or a list.
    Json,
    /// One of the formats that are told by their first bytes: its name.
    Known(&'static str),
    /// Anything else.
    Binary,
}

/// A file whose next bytes are at hand.
pub struct Open<'a, M: Media> {
    layer: usize,
    number: u64,
    walk: Walk<'a, M>,
    /// Of the next byte.
    offset: u64,
    /// Bytes from there on that were read already.
    held: Vec<u8>,
}

impl<'a, M: Media> Image<'a, M> {
    /// A part of a file of all layers together, or of one: at most `max` bytes, and at most 4 MiB. Links are followed within the root.
    ///
    /// # Errors
    /// `not-found`; of the fault `request` for what is no file; what is wrong with the layer, or a limit.
    pub async fn read(&self, layer: Option<usize>, path: &[u8], offset: u64, max: u32) -> Result<Content> {
        let tree = self.merged(layer).await?;
        let found = resolve(&tree, &key(path))?;
        let node = tree.get(&found).ok_or_else(|| missing(path))?;
        let place = self::path(&found);
        let refuse = |what: &str| {
            let message = format!("`/{}` is {what}, not a file", shown_bytes(&place));
            Error::new(Fault::Request, Code::Unsupported("not a file".into()), message)
        };
        match node.kind {
            Kind::File | Kind::HardLink => {}
            Kind::Directory => return Err(refuse("a directory")),
            Kind::Symlink => return Err(refuse("a link that leads nowhere")),
            _ => return Err(refuse("something special")),
        }
        let (layer, number) =
            node.content.ok_or_else(|| refuse("a link to what is not in the layers that were read"))?;
        let most = node.size.saturating_sub(offset).min(max.min(MOST).into());
        let bytes = match usize::try_from(most).unwrap_or_default() {
            0 => Vec::new(),
            most => self.part(layer, number, offset, most).await?,
        };
        Ok(Content { size: node.size, kind: FileKind::of(&bytes), path: place, bytes })
    }

    async fn part(&self, layer: usize, number: u64, offset: u64, most: usize) -> Result<Vec<u8>> {
        let kept = self.cache.open.borrow_mut().take();
        let mut open = match kept {
            Some(open) if (open.layer, open.number) == (layer, number) && open.offset <= offset => open,
            _ => {
                let stack = self.layers().await?;
                let mut walk = Walk::new(one(&stack, layer)?, &self.limits).await?;
                while walk.next().await?.ok_or_else(shorter)?.number < number {}
                Open { layer, number, walk, offset: 0, held: Vec::new() }
            }
        };
        while open.offset < offset {
            let ahead = usize::try_from(offset.saturating_sub(open.offset)).unwrap_or(usize::MAX);
            open.take(ahead).await?;
        }
        let mut part = Vec::new();
        while part.len() < most {
            part.extend(open.take(most.saturating_sub(part.len())).await?);
        }
        self.cache.open.replace(Some(open));
        Ok(part)
    }
}

impl<M: Media> Open<'_, M> {
    /// The next bytes, at least 1 and at most so many.
    async fn take(&mut self, most: usize) -> Result<Vec<u8>> {
        if self.held.is_empty() {
            self.held = self.walk.content().await?.ok_or_else(shorter)?;
        }
        let rest = self.held.split_off(most.min(self.held.len()));
        let taken = std::mem::replace(&mut self.held, rest);
        self.offset = self.offset.saturating_add(taken.len() as u64);
        Ok(taken)
    }
}

/// Where a path leads, links followed: those of directories on the way and its own. Nothing leads out of the root.
///
/// # Errors
/// `not-found`; for links that lead around.
pub fn resolve(tree: &Merged, wanted: &[u8]) -> Result<Key> {
    let mut rest: Vec<Vec<u8>> = wanted.split(|byte| *byte == 0).rev().map(<[u8]>::to_vec).collect();
    let mut here = Key::new();
    let mut links = 0_usize;
    while let Some(part) = rest.pop() {
        match part.as_slice() {
            b"" | b"." => continue,
            b".." => {
                let parent = here.iter().rposition(|byte| *byte == 0).unwrap_or_default();
                here.truncate(parent);
                continue;
            }
            _ => {}
        }
        let mut next = here.clone();
        if !next.is_empty() {
            next.push(0);
        }
        next.extend(&part);
        let node = tree.get(&next).ok_or_else(|| missing(&path(wanted)))?;
        if node.kind != Kind::Symlink {
            here = next;
            continue;
        }
        links = links.saturating_add(1);
        if links > LINKS {
            let message = format!("`/{}` has more than {LINKS} links on its way", shown_bytes(&path(wanted)));
            return Err(Error::new(Fault::Request, Code::Unsupported("links".into()), message));
        }
        if node.link.starts_with(b"/") {
            here.clear();
        }
        rest.extend(node.link.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
    }
    Ok(here)
}

impl FileKind {
    /// Of a file's first bytes.
    pub fn of(start: &[u8]) -> Self {
        if start.is_empty() {
            return Self::Empty;
        }
        if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Self::Known(name);
        }
        let text = match std::str::from_utf8(start) {
            Ok(text) => text,
            // A character may be cut off at the end.
            Err(error) if error.error_len().is_none() => {
                start.get(..error.valid_up_to()).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
            }
            Err(_) => return Self::Binary,
        };
        if text.is_empty() || text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
            return Self::Binary;
        }
        if text.trim_start().starts_with(['{', '[']) { Self::Json } else { Self::Text }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Json => "json",
            Self::Known(name) => name,
            Self::Binary => "binary",
        })
    }
}

fn shorter() -> Error {
    Error::malformed("layer", "a layer is shorter when it is read again: open it again")
}

/// Bytes of a part at most.
const MOST: u32 = 4 << 20;

/// Links on the way of one path, as Linux has it.
const LINKS: usize = 40;

/// How well-known formats begin.
const KNOWN: [(&[u8], &str); 14] = [
    (b"\x7fELF", "elf"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
    (b"\0asm", "wasm"),
    (b"MZ", "pe"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\xca\xfe\xba\xbe", "class"),
];
