//! The layers of one side that the other does not have, read once and merged: every path with what the topmost of them says of it.
//!
//! What lies beneath in layers that both have is not known here. As long as there are such layers, whiteouts stay in the result under their
//! own names, since they may hide something there.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::super::meter::Meter;
use super::super::payload::Until;
use super::layers::START;
use super::record::{Kind, Record, clean};
use crate::contents::Bytes;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::layer::entries::{Entries, Header};
use crate::layer::{Archive, Contents, Limits};
use crate::media::{HashAlgorithm, Hasher, Input, Media};
use crate::store::PIECE;

/// What may still be remembered of entries, of both sides together.
pub struct Budget {
    left: u64,
    limit: u64,
}

/// The merged layers.
pub struct Tree {
    /// By path; the root is empty.
    pub records: BTreeMap<Vec<u8>, Record>,
    /// Entries that show in no merged file: what upper layers cover, whiteouts with nothing beneath.
    pub covered: u64,
    /// Whether layers that were not read may lie beneath.
    beneath: bool,
    inodes: u32,
}

/// A layer that is read.
pub struct Source<'a, M: Media> {
    /// Hashers.
    pub media: &'a M,
    /// What it is called where the reading of it is told.
    pub subject: String,
    /// The blob.
    pub bytes: Bytes<'a, M>,
    /// Its number in the image.
    pub layer: usize,
    /// Of an eStargz layer: how many bytes of the blob stand before its table of contents.
    pub payload: Option<u64>,
    /// Whether digest and diff ID are not known before.
    pub hashed: bool,
    /// Of the layer.
    pub limits: Limits,
}

/// Digest and diff ID.
pub type Hashes = (String, Option<String>);

/// What was seen of a layer on the way.
pub struct Seen {
    /// The first bytes of the blob.
    pub start: Vec<u8>,
    /// Where they were not known: the digest and, but for eStargz, the diff ID.
    pub hashes: Option<Hashes>,
}

impl Budget {
    /// So many bytes.
    pub fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    fn take(&mut self, count: u64) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            let most = self.limit;
            Error::limit("index", format!("names and hashes of the files that differ need more than {most} bytes"))
        })?;
        Ok(())
    }
}

impl Tree {
    /// Of no layers yet.
    pub fn new(beneath: bool) -> Self {
        Self { records: BTreeMap::new(), covered: 0, beneath, inodes: 0 }
    }

    /// Reads the next layer, above those before.
    ///
    /// # Errors
    /// `limit-exceeded` with `index`; those of the layer.
    pub async fn add<M: Media>(&mut self, source: Source<'_, M>, budget: &mut Budget) -> Result<Seen> {
        let tap = || {
            let hash = source.hashed.then(|| source.media.hasher(HashAlgorithm::Sha256));
            Rc::new(Cell::new(Tap { start: Vec::new(), hash }))
        };
        let (blob, tar) = (tap(), tap());
        let meter = Meter::new(source.media, source.subject.clone(), source.bytes.size());
        let from = Until::new(source.bytes.open().await?, source.payload, Some(meter));
        let input = Tapped { from, tap: Rc::clone(&blob) };
        let archive = match source.payload {
            Some(_) => Archive::open_payload(input).await?,
            None => Archive::open(input).await?,
        };
        let archive = archive.within(source.limits);
        let mut entries = Entries::new(Tapped { from: archive, tap: Rc::clone(&tar) }).within(source.limits);
        let mut upper = Upper::default();
        let mut number = 0_u64;
        while let Some(header) = entries.next().await? {
            if header.flag == b'g' {
                continue;
            }
            let path = clean(&header.name);
            if source.payload.is_some() && LANDMARKS.contains(&path.as_slice()) {
                continue;
            }
            let mut record = Record::of(&header, source.layer, number);
            number = number.saturating_add(1);
            budget.take(record.weight(path.len()))?;
            if matches!(record.kind, Kind::File | Kind::Other) {
                record.content = Some(content(source.media, &mut entries).await?);
            }
            self.enter(&mut upper, path, record, &header);
        }
        self.finish(upper);
        let (blob, tar) = (blob.take(), tar.take());
        let hashes = match (blob.hash, tar.hash) {
            (Some(mut blob), Some(mut tar)) => {
                // A table of contents belongs to the blob, and to a tar that was not read.
                if let Some(payload) = source.payload {
                    let mut rest = source.bytes.open_at(payload).await?;
                    loop {
                        let piece = rest.read(PIECE).await?;
                        if piece.is_empty() {
                            break;
                        }
                        blob.update(piece).await;
                    }
                }
                let diff_id = if source.payload.is_some() { None } else { Some(digest(&mut tar).await) };
                Some((digest(&mut blob).await, diff_id))
            }
            _ => None,
        };
        Ok(Seen { start: blob.start, hashes })
    }

    /// Puts to each name of an inode but the first which that is.
    pub fn link(&mut self, budget: &mut Budget) -> Result<()> {
        let mut first: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for (path, record) in self.records.iter_mut().filter(|(_, record)| record.inode > 0) {
            budget.take(path.len() as u64)?;
            match first.get(&record.inode) {
                Some(first) => record.extra.get_or_insert_default().hard_link.clone_from(first),
                None => drop(first.insert(record.inode, path.clone())),
            }
        }
        Ok(())
    }

    fn enter(&mut self, upper: &mut Upper, path: Vec<u8>, mut record: Record, header: &Header) {
        let at = path.iter().rposition(|byte| *byte == b'/');
        let directory = at.and_then(|at| path.get(..at)).unwrap_or_default();
        let name = at.and_then(|at| path.get(at.checked_add(1)?..)).unwrap_or(&path);
        if record.kind == Kind::File
            && header.size == 0
            && let Some(hidden) = name.strip_prefix(WHITEOUT)
        {
            if name == OPAQUE {
                upper.opaque.insert(directory.to_vec());
            } else if !name.starts_with(META) {
                upper.whiteouts.insert(clean(&[directory, b"/", hidden].concat()));
            }
            record.kind = Kind::Whiteout;
            record.content = None;
            match self.beneath {
                true => drop(upper.records.insert(path, record)),
                false => self.covered = self.covered.saturating_add(1),
            }
            return;
        }
        if record.kind == Kind::HardLink {
            let target = record.extra.as_ref().map(|extra| extra.link.clone()).unwrap_or_default();
            if target == path {
                return;
            }
            let found = match upper.records.get_mut(&target) {
                Some(found) => Some(found),
                None => self.records.get_mut(&target),
            };
            if let Some(found) = found.filter(|found| !matches!(found.kind, Kind::Directory | Kind::Whiteout)) {
                if found.inode == 0 {
                    self.inodes = self.inodes.saturating_add(1);
                    found.inode = self.inodes;
                }
                record.become_name_of(found);
            }
        }
        if upper.records.insert(path, record).is_some() {
            self.covered = self.covered.saturating_add(1);
        }
    }

    fn finish(&mut self, upper: Upper) {
        for path in &upper.whiteouts {
            self.hide(path, true);
        }
        for path in &upper.opaque {
            self.hide(path, false);
        }
        for (path, record) in upper.records {
            if record.kind != Kind::Directory {
                self.hide(&path, false);
            }
            if let Some(before) = self.records.insert(path, record)
                && before.kind != Kind::Directory
            {
                self.covered = self.covered.saturating_add(1);
            }
        }
    }

    /// Removes what is in a directory, and the path itself if `all`.
    fn hide(&mut self, path: &[u8], all: bool) {
        let before = self.records.len();
        if all {
            self.records.remove(path);
        }
        if path.is_empty() {
            self.records.clear();
        } else {
            // In byte order `0` is next to `/`.
            let range = [path, b"/"].concat()..[path, b"0"].concat();
            self.records.extract_if(range, |_, _| true).for_each(drop);
        }
        self.covered = self.covered.saturating_add(before.saturating_sub(self.records.len()) as u64);
    }
}

/// A layer until it is whole.
#[derive(Default)]
struct Upper {
    records: BTreeMap<Vec<u8>, Record>,
    /// Paths that are hidden below this layer, with all in them.
    whiteouts: BTreeSet<Vec<u8>>,
    /// Directories of which that is so for all in them.
    opaque: BTreeSet<Vec<u8>>,
}

/// What is read, looked at on its way.
struct Tapped<T, H> {
    from: T,
    tap: Rc<Cell<Tap<H>>>,
}

struct Tap<H> {
    start: Vec<u8>,
    hash: Option<H>,
}

impl<H> Default for Tap<H> {
    fn default() -> Self {
        Self { start: Vec::new(), hash: None }
    }
}

impl<T, H: Hasher> Tapped<T, H> {
    async fn tap(&self, piece: &[u8]) {
        let mut tap = self.tap.take();
        let missing = (START as usize).saturating_sub(tap.start.len());
        tap.start.extend(piece.iter().take(missing));
        if let Some(hash) = &mut tap.hash {
            hash.update(piece.to_vec()).await;
        }
        self.tap.set(tap);
    }
}

impl<I: Input, H: Hasher> Input for Tapped<I, H> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let piece = self.from.read(max).await?;
        self.tap(&piece).await;
        Ok(piece)
    }
}

impl<C: Contents, H: Hasher> Contents for Tapped<C, H> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = self.from.next().await?;
        self.tap(piece.as_deref().unwrap_or_default()).await;
        Ok(piece)
    }

    fn warning(&mut self) -> Option<String> {
        self.from.warning()
    }
}

/// SHA-256 of an entry's content. A short one is hashed here: a host's hash would take longer to begin.
async fn content<M: Media, C: Contents>(media: &M, entries: &mut Entries<C>) -> Result<[u8; 32]> {
    let first = entries.content().await?.unwrap_or_default();
    let mut next = if first.is_empty() { None } else { entries.content().await? };
    if next.is_none() && first.len() <= SHORT {
        return Ok(Sha256::digest(&first).into());
    }
    let mut hasher = media.hasher(HashAlgorithm::Sha256);
    hasher.update(first).await;
    while let Some(piece) = next {
        hasher.update(piece).await;
        next = entries.content().await?;
    }
    Ok(hasher.sum().await.try_into().unwrap_or_default())
}

async fn digest(hasher: &mut impl Hasher) -> String {
    Digest::from_hash(HashAlgorithm::Sha256, &hasher.sum().await).to_string()
}

const WHITEOUT: &[u8] = b".wh.";
const META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Bytes of content that are hashed here.
const SHORT: usize = 16 << 10;
/// Entries that eStargz puts among the files.
const LANDMARKS: [&[u8]; 2] = [b".prefetch.landmark", b".no.prefetch.landmark"];
