//! eStargz (stargz-estargz.md of containerd's stargz-snapshotter): a gzip layer of which single files can be read.
//!
//! Every chunk of a file starts a gzip member; the table of contents, the last entry of the tar, says which. As BuildKit does it, the tar
//! stays what it is, its end included, and the table comes behind it. A table or landmark that was in the tar before is left out.

use std::collections::BTreeMap;
use std::iter::{Peekable, once};

use super::footer::footer;
use super::members::{CHUNK, Members, TOGETHER};
use super::memo::Memo;
use super::pump::{Blob, Cuts, Memory, Tar, pump};
use super::tar;
use super::toc::{self, Item, Piece, Toc};
use super::walk::{Step, Walk};
use super::write::{self, Contents, PIECE};
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Chunk, HashAlgorithm, Hasher, Media, Writer};

/// Writes the blob, and says what its descriptor says of the table.
///
/// # Errors
/// As [`write::write`].
pub async fn write<M: Media, W: Writer>(
    tar: &mut Tar<'_, M>,
    contents: &mut impl Contents,
    level: u8,
    blob: &mut Blob<'_, M, W>,
    memo: Option<Memo<'_, M::Directory>>,
) -> Result<(BTreeMap<String, String>, Memory)> {
    let media = tar.media;
    let members = Some(Members::new(level));
    let walk = Walk::new(media, contents);
    let mut files = Files { media, walk, members, toc: Toc::default(), file: None, drops: false };
    let (mut offsets, mut at) = (Vec::new(), 0_u64);
    let memory = pump(tar, &mut files, TOGETHER, blob, memo, |packed, size, _| {
        let before = at;
        for part in &packed.parts {
            offsets.push(at);
            at = at.saturating_add(u64::from(*part));
        }
        if at.saturating_sub(before) == size { Ok(()) } else { Err(wrong_parts()) }
    })
    .await?;
    if let Memory::Known(_) = memory {
        return Ok((BTreeMap::new(), memory));
    }
    let toc = files.toc;
    let mut hasher = media.hasher(HashAlgorithm::Sha256);
    let mut size: u64 = 0;
    let mut pieces = Pieces(toc.pieces(&offsets).peekable());
    while let Some(piece) = pieces.next().await? {
        size = size.saturating_add(piece.len() as u64);
        hasher.update(piece).await;
    }
    let digest = Digest::from_hash(HashAlgorithm::Sha256, &hasher.sum().await);
    let mut end = vec![0; tar::padding(size)];
    end.extend_from_slice(&tar::END);
    let table = once(tar::plain(toc::NAME, 0, size)?).chain(toc.pieces(&offsets)).chain(once(end));
    write::gzip(tar, &mut Pieces(table.peekable()), level, blob, None).await?;
    blob.write(footer(at)).await?;
    let said = [(TOC_DIGEST.into(), digest.as_str().into()), (TAR_SIZE.into(), tar.size().to_string())];
    Ok((BTreeMap::from(said), memory))
}

/// The tar of the files, cut into members, and its table.
struct Files<'a, M: Media, C> {
    media: &'a M,
    walk: Walk<'a, M, C>,
    /// `None` behind the end.
    members: Option<Members>,
    toc: Toc,
    file: Option<File<M>>,
    /// Whether the entry is left out.
    drops: bool,
}

/// A regular file, part of which has passed.
struct File<M: Media> {
    item: Item,
    /// Bytes that have passed.
    done: u64,
    /// Of the whole file, when it is longer than a chunk.
    whole: Option<M::Hasher>,
    chunk: M::Hasher,
    /// The member of the chunk.
    member: usize,
    /// Where the chunk starts.
    start: u64,
}

impl<M: Media, C: Contents> Cuts for Files<'_, M, C> {
    async fn next(&mut self) -> Result<Option<Vec<Chunk>>> {
        let Some(mut members) = self.members.take() else { return Ok(None) };
        let mut bytes: usize = 0;
        while bytes < GATHERED {
            let Some(step) = self.walk.next().await? else {
                return Ok(Some(members.finish()));
            };
            match step {
                Step::Entry(head, item) => {
                    self.drops = reserved(&item.name);
                    if !self.drops {
                        members.push(&head);
                        bytes = bytes.saturating_add(head.len());
                        self.entry(*item).await?;
                    }
                }
                Step::Content(_) | Step::Padding(_) if self.drops => {}
                Step::Content(content) => {
                    self.content(&mut members, &content).await?;
                    bytes = bytes.saturating_add(content.len());
                }
                Step::Padding(zeros) | Step::Rest(zeros) => {
                    members.push(&zeros);
                    bytes = bytes.saturating_add(zeros.len());
                }
            }
        }
        let chunks = members.ready();
        self.members = Some(members);
        Ok(Some(chunks))
    }
}

impl<M: Media, C> Files<'_, M, C> {
    async fn entry(&mut self, mut item: Item) -> Result<()> {
        let hasher = || self.media.hasher(HashAlgorithm::Sha256);
        match (item.kind, item.size) {
            ("reg", 0) => {
                item.digest = Some(Digest::of(b""));
                self.toc.add(&item, CHUNK)
            }
            ("reg", size) => {
                let whole = (size > CHUNK).then(hasher);
                self.file = Some(File { item, done: 0, whole, chunk: hasher(), member: 0, start: 0 });
                Ok(())
            }
            _ => self.toc.add(&item, CHUNK),
        }
    }

    /// Content of the file, cut where its chunks end.
    async fn content(&mut self, members: &mut Members, mut content: &[u8]) -> Result<()> {
        while let (Some(file), false) = (&mut self.file, content.is_empty()) {
            if file.done == file.start {
                file.member = members.end();
            }
            let end = file.start.saturating_add(CHUNK).min(file.item.size);
            let room = usize::try_from(end.saturating_sub(file.done)).unwrap_or(usize::MAX).min(content.len());
            let (now, later) = content.split_at_checked(room).unwrap_or((content, &[]));
            content = later;
            members.push(now);
            file.done = file.done.saturating_add(now.len() as u64);
            if let Some(whole) = &mut file.whole {
                whole.update(now.to_vec()).await;
            }
            file.chunk.update(now.to_vec()).await;
            if file.done == end {
                let next = self.media.hasher(HashAlgorithm::Sha256);
                file.chunk_ends(next).await;
            }
            if let Some(file) = self.file.take_if(|file| file.done == file.item.size) {
                self.toc.add(&file.finish().await, CHUNK)?;
            }
        }
        Ok(())
    }
}

impl<M: Media> File<M> {
    async fn chunk_ends(&mut self, next: M::Hasher) {
        let hash = std::mem::replace(&mut self.chunk, next).sum().await;
        let digest = Digest::from_hash(HashAlgorithm::Sha256, &hash);
        let whole = self.done.saturating_sub(self.start) == CHUNK;
        self.item.chunks.push(Piece { member: self.member, offset: self.start, whole, digest });
        self.start = self.done;
    }

    async fn finish(mut self) -> Item {
        self.item.digest = match self.whole {
            Some(mut whole) => Some(Digest::from_hash(HashAlgorithm::Sha256, &whole.sum().await)),
            None => self.item.chunks.first().map(|piece| piece.digest.clone()),
        };
        self.item
    }
}

/// Small pieces as larger ones.
struct Pieces<I: Iterator>(Peekable<I>);

impl<I: Iterator<Item = Vec<u8>>> Contents for Pieces<I> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while let Some(piece) =
            self.0.next_if(|piece| bytes.len().saturating_add(piece.len()) <= PIECE as usize || bytes.is_empty())
        {
            bytes.extend(piece);
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// Names that an eStargz layer has for itself, however they are written.
fn reserved(name: &[u8]) -> bool {
    let mut parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let first = parts.next().unwrap_or_default();
    parts.next().is_none() && [toc::NAME, PREFETCH, NO_PREFETCH].iter().any(|name| first == name.as_bytes())
}

fn wrong_parts() -> Error {
    Error::new(Fault::Host, Code::Malformed("chunk".into()), "the members of a compressed chunk are not all of it")
}

/// An annotation of the layer's descriptor: the digest of its table of contents.
pub const TOC_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";
/// Another one: bytes of the tar.
pub const TAR_SIZE: &str = "io.containers.estargz.uncompressed-size";

/// Landmarks: whether and until where the files are to be fetched ahead.
const PREFETCH: &str = ".prefetch.landmark";
const NO_PREFETCH: &str = ".no.prefetch.landmark";

/// Bytes that are looked at at once, about.
const GATHERED: usize = 256 << 10;

#[cfg(test)]
mod tests;
