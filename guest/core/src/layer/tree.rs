//! The tar of a file tree: headers, contents, padding, in the order of the walk.
//!
//! What crosses the seam costs by the call, so small files are read several at a time and leave in one piece, a large file leaves in
//! pieces as it was read. What is read must be what the walk said: a file that changes meanwhile is an error.

use std::collections::{BTreeSet, VecDeque};

use futures_util::future::try_join;
use futures_util::{StreamExt, stream};

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
    /// Sockets so far: other names of theirs are skipped too.
    skipped: BTreeSet<Vec<u8>>,
    state: State<T::File>,
}

enum State<F> {
    /// Between entries; the padding of the last content is not yet written.
    Entries(usize),
    /// In the content of a large file.
    Content(Open<F>),
    Done,
}

/// A large file, part of which is written.
struct Open<F> {
    file: F,
    path: Vec<u8>,
    size: u64,
    offset: u64,
}

/// What one piece is made of.
struct Batch {
    entries: Vec<Entry>,
    /// Whether the last entry is a large file, whose content follows in pieces of its own.
    large: bool,
    /// Whether the walk is over.
    last: bool,
}

impl<'a, M: Media, T: Tree> TreeTar<'a, M, T> {
    /// Nothing is read yet. `xattrs` keeps all extended attributes, else only `security.capability`.
    pub fn new(media: &'a M, tree: T, xattrs: bool) -> Self {
        let state = State::Entries(0);
        Self { media, tree, xattrs, walked: VecDeque::new(), skipped: BTreeSet::new(), state }
    }

    /// The next entries, as many as fit into a piece.
    async fn batch(&mut self) -> Result<Batch> {
        let mut batch = Batch { entries: Vec::new(), large: false, last: false };
        let mut bytes: u64 = 0;
        while !batch.large && batch.entries.len() < BATCH {
            if self.walked.is_empty() {
                self.walked = self.tree.walk(WALK).await?.into();
                if self.walked.is_empty() {
                    batch.last = true;
                    break;
                }
            }
            let size = self.walked.front().map_or(0, size);
            batch.large = size > SMALL;
            // A large file only adds its header.
            let content = if batch.large { 0 } else { size.saturating_add(tar::padding(size) as u64) };
            bytes = bytes.saturating_add(self.walked.front().map_or(0, headers)).saturating_add(content);
            if bytes > u64::from(PIECE) && !batch.entries.is_empty() {
                batch.large = false;
                break;
            }
            batch.entries.extend(self.walked.pop_front().filter(|entry| !self.skips(entry)));
        }
        Ok(batch)
    }

    /// Whether a layer cannot hold this entry; it says so.
    fn skips(&mut self, entry: &Entry) -> bool {
        let socket = match &entry.kind {
            Kind::Socket => true,
            Kind::HardLink(first) => self.skipped.contains(first),
            _ => false,
        };
        if socket {
            let path = shown_bytes(&entry.path);
            self.media.emit(Event::Warning(format!("socket `{path}` is skipped: a layer cannot hold one")));
            self.skipped.insert(entry.path.clone());
        }
        socket
    }

    /// The piece of a batch, behind what is still due, and the large file that follows it.
    async fn piece(&self, batch: &Batch, due: usize) -> Result<(Vec<u8>, Option<Open<T::File>>)> {
        let tree = &self.tree;
        let small = async {
            let mut piece = Vec::with_capacity(PIECE as usize / 4);
            piece.resize(due, 0);
            let mut contents = stream::iter(&batch.entries)
                .map(async |entry| match entry.kind {
                    Kind::Regular(1..=SMALL) => content(tree, entry).await.map(|content| (entry, content)),
                    _ => Ok((entry, Vec::new())),
                })
                .buffered(AHEAD);
            while let Some(read) = contents.next().await {
                let (entry, content) = read?;
                tar::append(&mut piece, entry, self.xattrs)?;
                piece.extend_from_slice(&content);
                tar::pad(&mut piece, content.len() as u64);
            }
            if batch.last {
                piece.extend_from_slice(&tar::END);
            }
            Ok(piece)
        };
        let large = async {
            let Some(entry) = batch.entries.last().filter(|_| batch.large) else { return Ok(None) };
            let file = tree.open(&entry.path).await?;
            Ok(Some(Open { file, path: entry.path.clone(), size: size(entry), offset: 0 }))
        };
        try_join(small, large).await
    }
}

impl<M: Media, T: Tree> Contents for TreeTar<'_, M, T> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match &mut self.state {
                State::Done => return Ok(None),
                State::Content(open) => {
                    let piece = open.next().await?;
                    if open.offset == open.size {
                        self.state = State::Entries(tar::padding(open.size));
                    }
                    return Ok(Some(piece));
                }
                State::Entries(due) => {
                    let due = *due;
                    let batch = self.batch().await?;
                    let (piece, large) = self.piece(&batch, due).await?;
                    self.state = match large {
                        _ if batch.last => State::Done,
                        Some(open) => State::Content(open),
                        None => State::Entries(0),
                    };
                    // A batch of nothing but sockets is empty.
                    if !piece.is_empty() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

impl<F: File> Open<F> {
    async fn next(&mut self) -> Result<Vec<u8>> {
        let rest = self.size.saturating_sub(self.offset);
        let piece = self.file.read_at(self.offset, wanted(rest)).await?;
        let length = piece.len() as u64;
        if length == 0 || length > rest {
            return Err(changed(&self.path, length > rest));
        }
        self.offset = self.offset.saturating_add(length);
        Ok(piece)
    }
}

/// All of a small file.
async fn content<T: Tree>(tree: &T, entry: &Entry) -> Result<Vec<u8>> {
    let file = tree.open(&entry.path).await?;
    let mut open = Open { file, path: entry.path.clone(), size: size(entry), offset: 0 };
    let mut content = open.next().await?;
    while open.offset < open.size {
        content.extend(open.next().await?);
    }
    Ok(content)
}

/// How much to ask for: at the end one byte more than there should be, so that growth shows without asking again.
fn wanted(rest: u64) -> u32 {
    match u32::try_from(rest) {
        Ok(rest) if rest <= PIECE => rest.saturating_add(1),
        _ => PIECE,
    }
}

fn size(entry: &Entry) -> u64 {
    if let Kind::Regular(size) = entry.kind { size } else { 0 }
}

/// About how many bytes of headers an entry has.
fn headers(entry: &Entry) -> u64 {
    let link = if let Kind::HardLink(link) | Kind::Symlink(link) = &entry.kind { link.len() } else { 0 };
    let xattrs: usize = entry.xattrs.iter().map(|(key, value)| key.len().saturating_add(value.len())).sum();
    let text = entry.path.len().saturating_add(link).saturating_add(xattrs);
    let blocks = if text < 100 { 1 } else { 3 };
    tar::BLOCK.saturating_mul(blocks).saturating_add(text) as u64
}

fn changed(path: &[u8], grew: bool) -> Error {
    let (path, how) = (shown_bytes(path), if grew { "grew" } else { "became shorter" });
    let message = format!("`{path}` {how} while it was read; export again when nothing writes there");
    Error::new(Fault::Source, Code::Other("changed".into()), message)
}

/// Files up to this many bytes are read whole.
const SMALL: u64 = 128 << 10;

/// Files that are read at the same time.
const AHEAD: usize = 16;

/// Entries of one piece at most.
const BATCH: usize = 1024;

/// Entries that are asked for at once.
const WALK: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::{all, entry, text};
    use crate::memory::{self, Memory};

    fn tar(entries: &[Entry], contents: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for (entry, content) in entries.iter().zip(contents) {
            tar::append(&mut out, entry, false).unwrap();
            out.extend(content);
            tar::pad(&mut out, content.len() as u64);
        }
        out.extend(tar::END);
        out
    }

    fn tree(entries: &[Entry], contents: &[Vec<u8>]) -> memory::Tree {
        let mut tree = memory::Tree::default();
        for (entry, content) in entries.iter().zip(contents) {
            tree.push(entry.clone(), content.clone());
        }
        tree
    }

    #[test]
    fn entries_stay_in_order_in_pieces_of_a_mebibyte() {
        let sizes = [0, 1, 511, 512, 513, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 3 << 20, 0, 100_000, 7, 131_072];
        let mut entries = Vec::new();
        let mut contents = Vec::new();
        for round in 0..200 {
            let path = format!("{round:03}{}", "/deep".repeat(round));
            entries.push(entry(&path, Kind::Directory));
            contents.push(Vec::new());
            let large = round % 40 == 0;
            for size in sizes.iter().filter(|size| large || **size < 600) {
                let path = format!("{path}/{}", entries.len());
                entries.push(entry(&path, Kind::Regular(*size as u64)));
                contents.push(text(*size));
            }
        }
        let media = Memory::default();
        let (bytes, sizes) = all(&mut TreeTar::new(&media, tree(&entries, &contents), false)).unwrap();
        assert!(bytes == tar(&entries, &contents));
        assert!(sizes.iter().all(|size| *size <= (1 << 20) + tar::END.len()), "{sizes:?}");
        assert!(sizes.len() < 70, "{sizes:?}");
    }

    #[test]
    fn an_empty_tree_is_an_empty_tar() {
        let media = Memory::default();
        assert_eq!(all(&mut TreeTar::new(&media, memory::Tree::default(), false)), Ok((tar::END.to_vec(), vec![1024])));
    }

    #[test]
    fn a_file_that_changes_is_an_error() {
        for size in [1_u64, 512, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 5 << 20] {
            for is in [0, size - 1, size + 1, size + 4096] {
                let entries = [entry("f", Kind::Regular(size))];
                let media = Memory::default();
                let error = all(&mut TreeTar::new(&media, tree(&entries, &[text(is as usize)]), false)).unwrap_err();
                let how = if is > size { "grew" } else { "became shorter" };
                let expected = format!("`f` {how} while it was read; export again when nothing writes there");
                assert_eq!(error.message, expected, "{size} {is}");
            }
        }
    }

    #[test]
    fn sockets_are_skipped_under_every_name() {
        let entries = [
            entry("a", Kind::Socket),
            entry("b", Kind::Regular(1)),
            entry("c", Kind::HardLink(b"a".to_vec())),
            entry("d", Kind::HardLink(b"b".to_vec())),
        ];
        let contents = [vec![], vec![1], vec![], vec![]];
        let media = Memory::default();
        let (bytes, _) = all(&mut TreeTar::new(&media, tree(&entries, &contents), false)).unwrap();
        let [_, b, _, d] = entries;
        assert_eq!(bytes, tar(&[b, d], &[vec![1], vec![]]));
        let told = |path| Event::Warning(format!("socket `{path}` is skipped: a layer cannot hold one"));
        assert_eq!(*media.events.borrow(), [told("a"), told("c")]);
    }
}
