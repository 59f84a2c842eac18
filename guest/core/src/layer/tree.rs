//! The tar of a file tree: headers, contents, padding, in the order of the walk.
//!
//! What crosses the seam costs by the call, so small files come with the walk and leave many in one piece; a large file leaves in
//! pieces as it was read. What is read must be what the walk said: a file that changes meanwhile is an error.

use std::collections::{BTreeSet, VecDeque};

use futures_util::future::try_join;

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
    /// Entries that were walked and not yet written, each with its content when it is a small file.
    walked: VecDeque<(Entry, Vec<u8>)>,
    /// Whether the walk is over.
    ended: bool,
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

/// A file, part of which is written.
struct Open<F> {
    file: F,
    path: Vec<u8>,
    size: u64,
    offset: u64,
}

/// What one piece is made of.
struct Batch {
    found: Vec<(Entry, Vec<u8>)>,
    /// Whether the last entry's content did not come with it, and follows in pieces of its own.
    large: bool,
    /// Whether the tar ends here.
    last: bool,
}

impl<'a, M: Media, T: Tree> TreeTar<'a, M, T> {
    /// Nothing is read yet. `xattrs` keeps all extended attributes, else only `security.capability`.
    pub fn new(media: &'a M, tree: T, xattrs: bool) -> Self {
        let state = State::Entries(0);
        Self { media, tree, xattrs, walked: VecDeque::new(), ended: false, skipped: BTreeSet::new(), state }
    }

    /// The next entries of those that were walked, as many as fit into a piece.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch { found: Vec::new(), large: false, last: false };
        let mut bytes: u64 = 0;
        while let Some((entry, content)) = self.walked.front()
            && !batch.large
        {
            let length = content.len();
            bytes = bytes.saturating_add(headers(entry)).saturating_add(length as u64);
            bytes = bytes.saturating_add(tar::padding(length as u64) as u64);
            if bytes > u64::from(PIECE) && !batch.found.is_empty() {
                return batch;
            }
            batch.large = length == 0 && size(entry) > 0;
            batch.found.extend(self.walked.pop_front().filter(|(entry, _)| !self.skips(entry)));
        }
        batch.last = self.ended && self.walked.is_empty() && !batch.large;
        batch
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

    /// The piece of a batch, behind what is still due, and the large file that follows it. Meanwhile the walk goes on.
    async fn piece(&mut self, batch: Batch, due: usize) -> Result<(Vec<u8>, Option<Open<T::File>>)> {
        let large = batch.found.last().filter(|_| batch.large).map(|(entry, _)| (entry.path.clone(), size(entry)));
        let opened = match &large {
            Some((path, _)) => Some(self.tree.open(path).await?),
            None => None,
        };
        let file = opened.zip(large).map(|(file, (path, size))| Open { file, path, size, offset: 0 });
        let walk = async {
            match self.walked.is_empty() && !self.ended {
                true => self.tree.walk(WALK, SMALL).await.map(Some),
                false => Ok(None),
            }
        };
        let assemble = async {
            let mut piece = Vec::with_capacity((PIECE as usize).saturating_add(tar::END.len()));
            piece.resize(due, 0);
            for (entry, content) in &batch.found {
                let (is, said) = (content.len() as u64, size(entry));
                if is != said && is != 0 {
                    return Err(changed(&entry.path, is > said));
                }
                tar::append(&mut piece, entry, self.xattrs)?;
                piece.extend_from_slice(content);
                tar::pad(&mut piece, is);
            }
            if batch.last {
                piece.extend_from_slice(&tar::END);
            }
            Ok(piece)
        };
        let (walked, piece) = try_join(walk, assemble).await?;
        if let Some(walked) = walked {
            self.ended = walked.is_empty();
            self.walked = walked.into();
        }
        Ok((piece, file))
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
                    let batch = self.batch();
                    let last = batch.last;
                    let (piece, large) = self.piece(batch, due).await?;
                    self.state = match large {
                        _ if last => State::Done,
                        Some(open) => State::Content(open),
                        None => State::Entries(0),
                    };
                    // Before the first walk, and when there was nothing but sockets.
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

/// Files up to this many bytes come with the walk.
const SMALL: u32 = 128 << 10;

/// Entries that are asked for at once.
const WALK: u32 = 1024;

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
