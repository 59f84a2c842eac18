//! The entries of a tar as its bytes pass, for the table of contents of an eStargz layer.
//!
//! Every byte comes out again, in order. What a tar may be was checked before (`framing`); what no table can list is an error here.

use std::collections::BTreeMap;

use super::toc::Item;
use super::write::{Contents, next};
use super::{header, pax, tar};
use crate::error::{Error, Result};
use crate::media::{Device, Media};
use crate::text::shown_bytes;

/// What comes next in a tar.
pub enum Step {
    /// All headers of an entry, and what they say.
    Entry(Vec<u8>, Box<Item>),
    /// Some of its content.
    Content(Vec<u8>),
    /// Zeros behind its content.
    Padding(Vec<u8>),
    /// Of no entry: the end of the tar.
    Rest(Vec<u8>),
}

/// A tar that is walked.
pub struct Walk<'a, M, C> {
    media: &'a M,
    contents: &'a mut C,
    /// What was read; its bytes from `taken` on are still to come out.
    held: Vec<u8>,
    taken: usize,
    /// Content that is still to come, and the padding behind it.
    content: u64,
    padding: usize,
    ended: bool,
}

/// The headers of one entry, as far as they were read.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<'a, M: Media, C: Contents> Walk<'a, M, C> {
    /// From the first byte on.
    pub fn new(media: &'a M, contents: &'a mut C) -> Self {
        Self { media, contents, held: Vec::new(), taken: 0, content: 0, padding: 0, ended: false }
    }

    /// `None` at the end.
    ///
    /// # Errors
    /// The contents'; `unsupported` for sparse files and kinds of entries that layers do not have.
    pub async fn next(&mut self) -> Result<Option<Step>> {
        if self.content > 0 {
            self.fill(1).await?;
            let most = usize::try_from(self.content).unwrap_or(usize::MAX);
            let bytes = self.take(most);
            self.content = self.content.saturating_sub(bytes.len() as u64);
            return Ok(Some(Step::Content(bytes)).filter(|step| !step.is_empty()));
        }
        if self.padding > 0 {
            self.fill(self.padding).await?;
            let bytes = self.take(self.padding);
            self.padding = 0;
            return Ok(Some(Step::Padding(bytes)));
        }
        let mut head = Head::default();
        while !self.ended {
            self.fill(tar::BLOCK).await?;
            let block = self.take(tar::BLOCK);
            head.bytes.extend_from_slice(&block);
            if block.len() < tar::BLOCK || !header::sealed(&block) {
                // The first block of zeros.
                self.ended = true;
                return Ok(Some(Step::Rest(head.bytes)).filter(|step| !step.is_empty()));
            }
            let flag = block.get(156).copied().unwrap_or_default();
            if !matches!(flag, b'x' | b'g' | b'L' | b'K') {
                let item = head.item(&block, flag)?;
                self.content = item.size;
                self.padding = tar::padding(item.size);
                return Ok(Some(Step::Entry(head.bytes, Box::new(item))));
            }
            let size = field(&block, 124, 136).and_then(|size| usize::try_from(size).ok()).unwrap_or(0).min(pax::LIMIT);
            let padded = size.saturating_add(tar::padding(size as u64));
            self.fill(padded).await?;
            let content = self.take(padded);
            head.bytes.extend_from_slice(&content);
            head.extend(flag, content.get(..size).unwrap_or_default());
        }
        self.fill(1).await?;
        let rest = self.take(usize::MAX);
        Ok(Some(Step::Rest(rest)).filter(|step| !step.is_empty()))
    }

    /// Reads until so many bytes are there, or no more.
    async fn fill(&mut self, wanted: usize) -> Result<()> {
        while self.held.len().saturating_sub(self.taken) < wanted {
            let Some(piece) = next(self.media, self.contents).await? else { break };
            self.held.drain(..std::mem::take(&mut self.taken));
            if self.held.is_empty() {
                self.held = piece;
            } else {
                self.held.extend(piece);
            }
        }
        Ok(())
    }

    /// So many bytes, or what is there.
    fn take(&mut self, most: usize) -> Vec<u8> {
        let rest = self.held.get(self.taken..).unwrap_or_default();
        if self.taken == 0 && most >= rest.len() {
            return std::mem::take(&mut self.held);
        }
        let bytes = rest.get(..most).unwrap_or(rest).to_vec();
        self.taken = self.taken.saturating_add(bytes.len());
        bytes
    }
}

impl Step {
    fn is_empty(&self) -> bool {
        let (Self::Entry(bytes, _) | Self::Content(bytes) | Self::Padding(bytes) | Self::Rest(bytes)) = self;
        bytes.is_empty()
    }
}

impl Head {
    fn extend(&mut self, flag: u8, content: &[u8]) {
        let text = || content.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        match flag {
            b'L' => self.name = text(),
            b'K' => self.link = text(),
            b'x' => {
                // Go's reader forgets the first of two in a row.
                self.records.clear();
                let mut rest = content;
                while let Some((key, value, later)) = pax::split(rest) {
                    self.records.insert(key.to_vec(), value.to_vec());
                    rest = later;
                }
            }
            _ => {}
        }
    }

    /// What the entry's own block says, and the headers before it.
    fn item(&mut self, block: &[u8], flag: u8) -> Result<Item> {
        let text = |from, to| {
            let field: &[u8] = block.get(from..to).unwrap_or_default();
            field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
        };
        let name = self.text("path", self.name.clone()).unwrap_or_else(|| header::name(block));
        let kind = match flag {
            0 if name.ends_with(b"/") => "dir",
            b'0' | b'7' | 0 => "reg",
            b'1' => "hardlink",
            b'2' => "symlink",
            b'3' => "char",
            b'4' => "block",
            b'5' => "dir",
            b'6' => "fifo",
            _ => return Err(unlisted(&name, "an entry of a kind that layers do not have")),
        };
        if self.records.keys().any(|key| key.starts_with(b"GNU.sparse.")) {
            return Err(unlisted(&name, "a sparse file"));
        }
        let number = |key, from, to| self.number(key).or_else(|| field(block, from, to)).unwrap_or(0);
        let ustar = block.get(257..262) == Some(b"ustar");
        let named =
            |key, from, to| self.text(key, None).unwrap_or_else(|| if ustar { text(from, to) } else { Vec::new() });
        let device = |from, to| field(block, from, to).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let xattrs = self
            .records
            .iter()
            .filter_map(|(key, value)| key.strip_prefix(b"SCHILY.xattr.").map(|key| (key.to_vec(), value.clone())));
        Ok(Item {
            kind,
            size: if kind == "reg" { number("size", 124, 136) } else { 0 },
            modified: self.seconds().unwrap_or_else(|| i64::try_from(field(block, 136, 148).unwrap_or(0)).unwrap_or(0)),
            link: match kind {
                "hardlink" | "symlink" => self.text("linkpath", self.link.clone()).unwrap_or_else(|| text(157, 257)),
                _ => Vec::new(),
            },
            mode: field(block, 100, 108).unwrap_or(0),
            uid: number("uid", 108, 116),
            gid: number("gid", 116, 124),
            user: named("uname", 265, 297),
            group: named("gname", 297, 329),
            device: matches!(kind, "char" | "block")
                .then(|| Device { major: device(329, 337), minor: device(337, 345) }),
            xattrs: xattrs.collect(),
            name,
            ..Item::default()
        })
    }

    /// A record, unless GNU's own header says otherwise; an empty one is none.
    fn text(&self, key: &str, gnu: Option<Vec<u8>>) -> Option<Vec<u8>> {
        gnu.or_else(|| self.records.get(key.as_bytes()).cloned()).filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> Option<u64> {
        std::str::from_utf8(self.records.get(key.as_bytes())?).ok()?.parse().ok()
    }

    /// The record of the time, rounded to the nearest second.
    fn seconds(&self) -> Option<i64> {
        let text = std::str::from_utf8(self.records.get(b"mtime".as_slice())?).ok()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().ok()?;
        let half = matches!(fraction.as_bytes(), [b'5'..=b'9', ..]);
        let away = if whole.starts_with('-') { -1 } else { 1 };
        Some(if half { seconds.saturating_add(away) } else { seconds })
    }
}

fn field(block: &[u8], from: usize, to: usize) -> Option<u64> {
    block.get(from..to).and_then(header::number)
}

fn unlisted(name: &[u8], what: &str) -> Error {
    let message =
        format!("`{}` is {what}, which an eStargz layer cannot list: choose another compression", shown_bytes(name));
    Error::unsupported("tar entry", message)
}
