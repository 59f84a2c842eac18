//! The entries of a tar, one after the other, with their contents: v7, POSIX, GNU and star, read as Go's reader does.
//!
//! Extended headers and long names are put into the entry that they belong to; a global extended header is an entry of its own (flag
//! `g`) and changes no other. Contents of sparse files come whole, their holes as zeros. Where readers differ on what an archive means
//! it is refused, as in `framing`.

mod bytes;
mod header;
mod sparse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::bytes::Bytes;
use self::sparse::Segment;
use super::limits::Limits;
use super::pax;
use super::tar::{BLOCK, padding};
use super::write::{Contents, PIECE};
use crate::error::{Error, Result};

pub use header::{Format, Formats, Header, NANOSECONDS};

/// A tar, read entry by entry.
pub struct Entries<C> {
    bytes: Bytes<C>,
    /// What is left of the current entry's content.
    content: sparse::Content,
    /// Zeros behind it.
    padding: u64,
    count: u64,
    limits: Limits,
    ended: bool,
}

/// What stands before an entry and belongs to it.
struct Ahead {
    formats: Formats,
    records: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    name: Vec<u8>,
    link: Vec<u8>,
}

impl<C: Contents> Entries<C> {
    /// Before the first entry.
    pub fn new(contents: C) -> Self {
        let content = sparse::Content::default();
        Self { bytes: Bytes::new(contents), content, padding: 0, count: 0, limits: Limits::default(), ended: false }
    }

    /// With these limits instead of the usual ones.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The next entry's header; what was not read of the content before it is skipped. `None` at the end and ever after; the contents
    /// are then read to their end.
    ///
    /// # Errors
    /// `malformed` for what is no tar, `limit-exceeded` for what no entry needs; those of the contents.
    pub async fn next(&mut self) -> Result<Option<Header>> {
        if self.ended {
            return Ok(None);
        }
        let rest = self.content.stored().saturating_add(self.padding);
        self.content = sparse::Content::default();
        self.padding = 0;
        self.skip(rest).await?;
        let mut ahead = Ahead { formats: Formats::ALL, records: None, name: Vec::new(), link: Vec::new() };
        loop {
            let block = self.block().await?;
            if block.iter().all(|byte| *byte == 0) {
                if ahead.any() {
                    return Err(self.damaged("is an extended header that belongs to no entry"));
                }
                return self.end().await;
            }
            let (mut header, formats) = Header::read(&block).map_err(|why| self.damaged(why))?;
            ahead.formats = ahead.formats.and(formats);
            match header.flag {
                b'x' | b'g' => {
                    let global = header.flag == b'g';
                    if global && ahead.any() {
                        return Err(self.damaged("is a global extended header behind an extended header"));
                    }
                    ahead.formats = ahead.formats.and(Formats::PAX);
                    let content = self.extension(header.size).await?;
                    let records = sparse::joined(pax::records(&content)?).map_err(|why| self.damaged(why))?;
                    if global {
                        header.globally(records, ahead.formats);
                        return self.counted(header).map(Some);
                    }
                    ahead.records = Some(records);
                }
                b'L' | b'K' => {
                    ahead.formats = ahead.formats.and(Formats::GNU);
                    let mut text = self.extension(header.size).await?;
                    text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
                    if header.flag == b'L' { ahead.name = text } else { ahead.link = text }
                }
                _ => return self.entry(header, ahead, &block).await.map(Some),
            }
        }
    }

    /// The next piece of the current entry's content, at least 1 byte; `None` at its end.
    ///
    /// # Errors
    /// `malformed` when the tar ends before it does; those of the contents.
    pub async fn content(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(match self.content.next(u64::from(PIECE)) {
            None => None,
            Some(Segment::Hole(size)) => Some(vec![0; usize::try_from(size).unwrap_or_default()]),
            Some(Segment::Data(size)) => {
                let piece = self.bytes.some(size).await?;
                if piece.is_empty() {
                    return Err(self.damaged("is cut short"));
                }
                self.content.taken(piece.len() as u64);
                Some(piece)
            }
        })
    }

    /// Where in the tar the next byte stands: behind an entry's header, that is its content, unless it is sparse.
    pub fn position(&self) -> u64 {
        self.bytes.position()
    }

    /// What is read.
    pub fn contents(&mut self) -> &mut C {
        &mut self.bytes.contents
    }

    /// Something to know about the contents, as [`Contents::warning`].
    pub fn warning(&mut self) -> Option<String> {
        self.bytes.contents.warning()
    }

    async fn entry(&mut self, mut header: Header, ahead: Ahead, block: &[u8]) -> Result<Header> {
        header.merge(ahead.records.unwrap_or_default()).map_err(|why| self.damaged(why))?;
        if !ahead.name.is_empty() {
            header.name = ahead.name;
        }
        if !ahead.link.is_empty() {
            header.link = ahead.link;
        }
        // Old archives tell directories by a slash.
        if header.flag == 0 {
            header.flag = if header.name.ends_with(b"/") { b'5' } else { b'0' };
        }
        header.format = ahead.formats.best();
        let mut stored = if header.has_content() { header.size } else { 0 };
        self.padding = padding(stored) as u64;
        let map = if header.flag == b'S' {
            let (size, mut map, mut more) = sparse::old(block).map_err(|why| self.damaged(why))?;
            header.size = size;
            while more {
                let block = self.block().await?;
                more = sparse::more(&block, &mut map).map_err(|why| self.damaged(why))?;
            }
            Some(map)
        } else {
            match sparse::version(&mut header).map_err(|why| self.damaged(why))? {
                sparse::Version::None => None,
                sparse::Version::Records => Some(sparse::recorded(&header.records).map_err(|why| self.damaged(why))?),
                sparse::Version::Content => Some(self.map(&mut stored).await?),
            }
        };
        header.sparse = map.is_some();
        self.content = match map {
            None => sparse::Content::plain(stored),
            Some(_) if !header.has_content() => return Err(self.damaged("is sparse and has no content")),
            Some(map) => sparse::Content::sparse(&map, header.size, stored).map_err(|why| self.damaged(why))?,
        };
        self.counted(header)
    }

    /// The map of a sparse file that stands before its data: decimal numbers, a line each, padded to whole blocks.
    async fn map(&mut self, stored: &mut u64) -> Result<sparse::Map> {
        let (mut text, mut lines, mut wanted) = (Vec::new(), 0_usize, None);
        while wanted.is_none_or(|wanted| lines < wanted) {
            *stored =
                stored.checked_sub(BLOCK as u64).ok_or_else(|| self.damaged("has a sparse map that is cut short"))?;
            let block = self.block().await?;
            lines = lines.saturating_add(block.iter().filter(|byte| **byte == b'\n').count());
            text.extend(block);
            if text.len() > pax::LIMIT {
                return Err(sparse::too_long());
            }
            if wanted.is_none() && lines > 0 {
                let count = sparse::first(&text).ok_or_else(|| self.damaged("has a sparse map that is not one"))?;
                wanted = Some(count.saturating_mul(2).saturating_add(1));
            }
        }
        sparse::written(&text).map_err(|why| self.damaged(why))
    }

    async fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        let size = usize::try_from(size).ok().filter(|size| *size <= pax::LIMIT);
        let size =
            size.ok_or_else(|| Error::limit("extended header", "an extended header of the tar has more than 1 MiB"))?;
        let mut content = self.bytes.exactly(size.saturating_add(padding(size as u64))).await?;
        if content.len() < size {
            return Err(self.damaged("is cut short"));
        }
        content.truncate(size);
        Ok(content)
    }

    async fn block(&mut self) -> Result<Vec<u8>> {
        let block = self.bytes.exactly(BLOCK).await?;
        if block.len() < BLOCK { Err(self.damaged("is missing: the tar is cut short")) } else { Ok(block) }
    }

    async fn skip(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let skipped = self.bytes.skip(count).await?;
            if skipped == 0 {
                return Err(self.damaged("is cut short"));
            }
            count = count.saturating_sub(skipped);
        }
        Ok(())
    }

    /// Behind the first of the blocks of zeros.
    async fn end(&mut self) -> Result<Option<Header>> {
        if self.block().await?.iter().any(|byte| *byte != 0) {
            return Err(self.damaged("stands behind a single block of zeros"));
        }
        while self.bytes.skip(u64::MAX).await? > 0 {}
        self.ended = true;
        Ok(None)
    }

    fn counted(&mut self, header: Header) -> Result<Header> {
        self.count = self.count.saturating_add(1);
        self.limits.entries(self.count)?;
        self.limits.path(header.name.len())?;
        Ok(header)
    }

    fn damaged(&self, why: &str) -> Error {
        let number = self.count.saturating_add(1);
        Error::malformed("tar", format!("the tar is damaged: its entry {number} {why}"))
    }
}

impl Ahead {
    fn any(&self) -> bool {
        self.records.is_some() || !self.name.is_empty() || !self.link.is_empty()
    }
}
