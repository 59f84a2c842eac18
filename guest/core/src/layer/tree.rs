//! The tar of a file tree: headers, contents, padding, in the order of the walk.
//!
//! Small files are read ahead, several at a time, and batched, because what crosses the seam costs by the call; a large file is read in
//! pieces, one ahead. What is read must be what the walk said: a file that changes meanwhile is an error.

use std::collections::VecDeque;

use futures_util::future::join_all;

use super::tar;
use super::write::{Contents, PIECE};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Entry, Event, File, Kind, Media, Tree};
use crate::text::shown_bytes;

/// The tar of a tree, to be read once.
pub struct TreeTar<'a, M, T: Tree> {
    media: &'a M,
    tree: T,
    xattrs: bool,
    /// Entries that were walked and not yet written.
    walked: VecDeque<Entry>,
    /// The file that is being written in pieces.
    open: Option<Open<T::File>>,
    state: State,
}

/// A large file, part of which is written.
struct Open<F> {
    file: F,
    path: Vec<u8>,
    offset: u64,
    size: u64,
}

#[derive(PartialEq)]
enum State {
    Walking,
    Ending,
    Done,
}

impl<'a, M: Media, T: Tree> TreeTar<'a, M, T> {
    /// Nothing is read yet. `xattrs` keeps all extended attributes, else only `security.capability`.
    pub fn new(media: &'a M, tree: T, xattrs: bool) -> Self {
        Self { media, tree, xattrs, walked: VecDeque::new(), open: None, state: State::Walking }
    }

    /// The next entries, as long as they are small: their headers and contents in one piece.
    async fn batch(&mut self) -> Result<Vec<u8>> {
        let mut entries = Vec::new();
        let mut bytes: u64 = 0;
        while bytes < u64::from(PIECE) && entries.len() < AHEAD {
            if self.walked.is_empty() {
                self.walked = self.tree.walk(WALK).await?.into();
            }
            match self.walked.front() {
                None => {
                    self.state = State::Ending;
                    break;
                }
                // A large file starts a batch of its own, so that its header stands right before it.
                Some(entry) if size(entry) > SMALL && !entries.is_empty() => break,
                Some(entry) => bytes = bytes.saturating_add(size(entry)).saturating_add(tar::BLOCK as u64),
            }
            let large = self.walked.front().is_some_and(|entry| size(entry) > SMALL);
            entries.extend(self.walked.pop_front());
            if large {
                break;
            }
        }
        let tree = &self.tree;
        let contents = join_all(entries.iter().map(async |entry| match entry.kind {
            Kind::Regular(size) if size <= SMALL => small(tree, entry, size).await,
            _ => Ok(Vec::new()),
        }));
        let contents = contents.await;
        let mut piece = Vec::new();
        for (entry, content) in entries.into_iter().zip(contents) {
            if entry.kind == Kind::Socket {
                let path = shown_bytes(&entry.path);
                self.media.emit(Event::Warning(format!("socket `{path}` is skipped: a layer cannot hold one")));
                continue;
            }
            piece.extend(tar::header(&entry, self.xattrs)?);
            let content = content?;
            let padded = piece.len().saturating_add(content.len()).saturating_add(tar::padding(content.len() as u64));
            piece.extend(content);
            piece.resize(padded, 0);
            if size(&entry) > SMALL {
                let file = self.tree.open(&entry.path).await?;
                self.open = Some(Open { file, size: size(&entry), path: entry.path, offset: 0 });
            }
        }
        Ok(piece)
    }
}

impl<M: Media, T: Tree> Contents for TreeTar<'_, M, T> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(open) = &mut self.open {
                let piece = open.next().await?;
                if open.offset == open.size {
                    self.open = None;
                }
                return Ok(Some(piece));
            }
            match self.state {
                State::Walking => {
                    let piece = self.batch().await?;
                    if !piece.is_empty() {
                        return Ok(Some(piece));
                    }
                }
                State::Ending => {
                    self.state = State::Done;
                    return Ok(Some(tar::END.to_vec()));
                }
                State::Done => return Ok(None),
            }
        }
    }
}

impl<F: File> Open<F> {
    async fn next(&mut self) -> Result<Vec<u8>> {
        let rest = self.size.saturating_sub(self.offset);
        // One byte more than there should be, so that growth shows.
        let wanted = u32::try_from(rest.saturating_add(1)).unwrap_or(u32::MAX).min(PIECE);
        let mut piece = self.file.read_at(self.offset, wanted).await?;
        let length = piece.len() as u64;
        if length == 0 || length > rest {
            return Err(changed(&self.path, self.size, length > rest));
        }
        self.offset = self.offset.saturating_add(length);
        if self.offset == self.size {
            if !self.file.read_at(self.size, 1).await?.is_empty() {
                return Err(changed(&self.path, self.size, true));
            }
            piece.resize(piece.len().saturating_add(tar::padding(self.size)), 0);
        }
        Ok(piece)
    }
}

/// All of a small file.
async fn small<T: Tree>(tree: &T, entry: &Entry, size: u64) -> Result<Vec<u8>> {
    let file = tree.open(&entry.path).await?;
    let mut content = Vec::new();
    loop {
        // One byte more than there should be, so that growth shows without asking again.
        let wanted = size.saturating_sub(content.len() as u64).saturating_add(1);
        let piece = file.read_at(content.len() as u64, u32::try_from(wanted).unwrap_or(u32::MAX)).await?;
        let end = piece.is_empty() || (piece.len() as u64).saturating_add(1) == wanted;
        content.extend(piece);
        match (content.len() as u64).cmp(&size) {
            std::cmp::Ordering::Greater => return Err(changed(&entry.path, size, true)),
            std::cmp::Ordering::Less if end => return Err(changed(&entry.path, size, false)),
            _ if end => return Ok(content),
            _ => {}
        }
    }
}

fn size(entry: &Entry) -> u64 {
    if let Kind::Regular(size) = entry.kind { size } else { 0 }
}

fn changed(path: &[u8], size: u64, grew: bool) -> Error {
    let (path, how) = (shown_bytes(path), if grew { "grew" } else { "became shorter" });
    let message = format!("`{path}` {how} while it was read, it had {size} bytes: export again when nothing writes there");
    Error::new(Fault::Source, Code::SizeMismatch(size), message)
}

/// Files up to this many bytes are read whole.
const SMALL: u64 = 128 << 10;

/// Entries that are read at the same time.
const AHEAD: usize = 64;

/// Entries that are asked for at once.
const WALK: u32 = 256;
