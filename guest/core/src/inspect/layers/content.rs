//! The content of a file, part by part. A plain tar is read where the file is; of an eStargz layer, chunks are read by its table of contents,
//! each verified before its bytes are given; any other layer is decompressed from where it can be read on before the file.
//!
//! How far a table is to be trusted: its digest stands in the manifest, and the digests of all chunks stand in it. When one of these is not
//! right, or a file is not found by it, the tar is what counts.

use std::ops::Range;
use std::rc::Rc;

use super::kinds::FileKind;
use super::listing::Kind;
use super::merged::Merged;
use super::node::{At, Key, key, path};
use super::table::{NOWHERE, Table};
use super::{missing, one, range};
use crate::error::{Code, Error, Fault, Result};
use crate::inspect::{Image, Layer, Stack, Walk};
use crate::layer::decode::Decoder;
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

/// A sparse file whose next bytes are at hand.
pub struct Open<'a, M: Media> {
    layer: u32,
    number: u64,
    walk: Walk<'a, M>,
    /// Of the next byte.
    offset: u64,
    /// Bytes from there on that were read already.
    held: Vec<u8>,
}

/// A chunk of a file that was verified.
pub struct Chunk {
    layer: u32,
    /// Its number in the layer's table.
    number: usize,
    bytes: Rc<[u8]>,
}

/// A file that was found.
struct Found {
    key: Key,
    size: u64,
    at: At,
    /// Whether the number is that of a table's entry.
    by_table: bool,
}

impl<'a, M: Media> Image<'a, M> {
    /// A part of a file of all layers together, or of one: at most `max` bytes, and at most 4 MiB. Links are followed within the root.
    ///
    /// # Errors
    /// `not-found`; of the fault `request` for what is no file; what is wrong with the layer, or a limit.
    pub async fn read(&self, layer: Option<usize>, path: &[u8], offset: u64, max: u32) -> Result<Content> {
        let (tree, by_tables) = self.index(layer).await?;
        let part = match find(&tree, &key(path)) {
            Ok(found) => self.content(found, offset, max).await,
            Err(error) => Err(error),
        };
        if part.is_ok() || !by_tables {
            return part;
        }
        // What a table says counts only as long as nothing is wrong.
        let stack = self.layers().await?;
        self.distrust(range(&stack, layer)?);
        let tree = self.merged(layer).await?;
        let found = find(&tree, &key(path))?;
        self.content(found, offset, max).await
    }

    async fn content(&self, found: Found, offset: u64, max: u32) -> Result<Content> {
        let most = found.size.saturating_sub(offset).min(max.min(MOST).into());
        let bytes = match usize::try_from(most).unwrap_or_default() {
            0 => Vec::new(),
            most => self.part(&found, offset, most).await?,
        };
        Ok(Content { size: found.size, kind: FileKind::of(&bytes), path: path(&found.key), bytes })
    }

    /// So many bytes, which are there.
    async fn part(&self, found: &Found, offset: u64, most: usize) -> Result<Vec<u8>> {
        let stack = self.layers().await?;
        let number = usize::try_from(found.at.layer).unwrap_or(usize::MAX);
        let layer = one(&stack, number)?;
        let table = self.table(&stack, number).await?;
        if found.by_table {
            let table = table.ok_or_else(shorter)?;
            return self.chunks(layer, found.at.layer, &table, found.at.number, offset, most).await;
        }
        if let Some(table) = table
            && let Some(file) = table.find(&found.key, found.size)
        {
            match self.chunks(layer, found.at.layer, &table, file, offset, most).await {
                Ok(part) => return Ok(part),
                Err(_) => self.distrust(number..number.saturating_add(1)),
            }
        }
        let Some(start) = found.at.offset.map(|start| start.saturating_add(offset)) else {
            return self.walked(layer, found.at, offset, most).await;
        };
        match plain(layer).await? {
            true => at_rest(layer, start, most).await,
            false => self.run(layer, number, start, most).await,
        }
    }

    /// The table of contents of a layer, when it has a good one.
    pub(super) async fn table(&self, stack: &Stack<'a, M>, layer: usize) -> Result<Option<Rc<Table>>> {
        if let Some(table) = self.cache.tables.borrow().get(&layer) {
            return Ok(table.clone());
        }
        // Without one, the tar says what is wrong.
        let table = Table::of(one(stack, layer)?, &self.limits).await.ok().flatten().map(Rc::new);
        self.cache.tables.borrow_mut().insert(layer, table.clone());
        Ok(table)
    }

    /// The tables of contents of these layers do not count any more.
    fn distrust(&self, layers: Range<usize>) {
        self.cache.indexes.borrow_mut().clear();
        self.cache.chunk.borrow_mut().take();
        self.cache.tables.borrow_mut().extend(layers.map(|layer| (layer, None)));
    }

    /// A part out of verified chunks.
    async fn chunks(
        &self,
        layer: &Layer<'a, M>,
        number: u32,
        table: &Table,
        file: u64,
        offset: u64,
        most: usize,
    ) -> Result<Vec<u8>> {
        let mut part = Vec::new();
        while part.len() < most {
            let at = offset.saturating_add(part.len() as u64);
            let (chunk, start) = table.chunk(file, at).ok_or_else(shorter)?;
            let kept = self.cache.chunk.borrow_mut().take().filter(|kept| (kept.layer, kept.number) == (number, chunk));
            let bytes = match kept {
                Some(kept) => kept.bytes,
                None => table.read(self.media, layer, &self.limits, chunk).await?.into(),
            };
            let from = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
            let rest = bytes.get(from..).filter(|rest| !rest.is_empty()).ok_or_else(shorter)?;
            part.extend(rest.iter().take(most.saturating_sub(part.len())));
            self.cache.chunk.replace(Some(Chunk { layer: number, number: chunk, bytes }));
        }
        Ok(part)
    }

    /// A part of a sparse file, on from where the last one ended if that is before it.
    async fn walked(&self, layer: &Layer<'a, M>, at: At, offset: u64, most: usize) -> Result<Vec<u8>> {
        let kept = self.cache.open.borrow_mut().take().filter(|open| open.layer == at.layer);
        let mut open = match kept {
            Some(open) if open.number == at.number && open.offset <= offset => open,
            kept => {
                let walk = match kept {
                    Some(open) if open.number < at.number => open.walk,
                    _ => Walk::new(layer, &self.limits).await?,
                };
                let mut open = Open { layer: at.layer, number: at.number, walk, offset: 0, held: Vec::new() };
                while open.walk.next().await?.ok_or_else(shorter)?.number < at.number {}
                open
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

fn find(tree: &Merged, wanted: &[u8]) -> Result<Found> {
    let found = resolve(tree, wanted)?;
    let place = path(&found);
    let refuse = |what: &str| {
        let message = format!("`/{}` is {what}, not a file", shown_bytes(&place));
        Error::new(Fault::Request, Code::Unsupported("not a file".into()), message)
    };
    // The root has no node.
    let node = tree.get(&found).ok_or_else(|| refuse("a directory"))?;
    match (node.kind, node.content) {
        (Kind::File | Kind::HardLink, Some(at)) => {
            let by_table = at.offset == Some(NOWHERE);
            Ok(Found { key: found, size: node.size, at, by_table })
        }
        (Kind::Directory, _) => Err(refuse("a directory")),
        _ => Err(refuse("something special")),
    }
}

/// Whether a layer is a plain tar at rest.
async fn plain<M: Media>(layer: &Layer<'_, M>) -> Result<bool> {
    let Some(start) = layer.bytes.read_at(0, 4).await else { return Ok(false) };
    let start = start?;
    Ok(start.len() == 4 && Decoder::of(&start).is_none())
}

async fn at_rest<M: Media>(layer: &Layer<'_, M>, start: u64, most: usize) -> Result<Vec<u8>> {
    let mut part = Vec::new();
    while part.len() < most {
        let rest = u32::try_from(most.saturating_sub(part.len())).unwrap_or(MOST);
        let piece =
            layer.bytes.read_at(start.saturating_add(part.len() as u64), rest).await.unwrap_or(Ok(Vec::new()))?;
        if piece.is_empty() {
            return Err(shorter());
        }
        part.extend(piece);
    }
    Ok(part)
}

/// Where a path leads, links followed: those of directories on the way and its own. Nothing leads out of the root.
///
/// # Errors
/// `not-found`; for links that lead around.
pub fn resolve(tree: &Merged, wanted: &[u8]) -> Result<Key> {
    let mut rest: Vec<Vec<u8>> = wanted.split(|byte| *byte == 0).rev().map(<[u8]>::to_vec).collect();
    let mut here = Vec::new();
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
        // A hard link to a symlink is one.
        let hard = node.kind == Kind::HardLink && node.content.is_none();
        if node.kind != Kind::Symlink && !hard {
            here = next;
            continue;
        }
        links = links.saturating_add(1);
        if links > LINKS {
            let message = format!("`/{}` has more than {LINKS} links on its way", shown_bytes(&path(wanted)));
            return Err(Error::new(Fault::Request, Code::Unsupported("links".into()), message));
        }
        if hard || node.link().starts_with(b"/") {
            here.clear();
        }
        rest.extend(node.link().split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
    }
    Ok(here.into())
}

pub fn shorter() -> Error {
    Error::malformed("layer", "a layer is not what it was when it was read before: open it again")
}

/// Bytes of a part at most.
const MOST: u32 = 4 << 20;

/// Links on the way of one path, as Linux has it.
const LINKS: usize = 40;
