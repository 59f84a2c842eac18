//! Media in memory: a tree of entries, a directory of files, no registry. For pages, examples and tests.
//!
//! Nothing here is durable and nothing waits. Compression and hashing run at once, on the one thread there is.

mod engines;
mod stores;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::rc::Rc;

use crate::error::{Code, Error, Fault, Result};
use crate::layer;
use crate::media::{self, Chunk, Credential, Entry, Event, Ground, HashAlgorithm, Kind, Packed, Request, Response};

pub use engines::{Engine, Load};
pub use stores::{Content, Ingest, Store};

/// All media of a job in memory.
#[derive(Default)]
pub struct Memory {
    /// What [`media::Media::wall`] answers: seconds since 1970.
    pub now: i64,
    /// What [`media::Media::parallelism`] answers, at least 1. The bytes do not depend on it.
    pub parallelism: u32,
    /// What was emitted so far.
    pub events: RefCell<Vec<Event>>,
    /// What outputs wrote to their destinations, by `dest`.
    pub destinations: Destinations,
}

/// Shared with what is being written.
pub type Destinations = Rc<RefCell<BTreeMap<String, Destination>>>;

/// What an output wrote.
#[derive(Clone, Debug)]
pub enum Destination {
    /// An archive.
    Archive(File),
    /// A layout.
    Layout(Directory),
    /// A root file system: each entry with its content. One that a directory keeps stands under its path.
    RootFilesystem(Vec<(Entry, Vec<u8>)>),
}

/// Bytes at rest, shared.
#[derive(Clone, Debug)]
pub struct File(Rc<[u8]>);

/// Bytes that come once.
#[derive(Clone, Debug)]
pub struct Input(VecDeque<u8>);

/// A tree whose entries were given in order.
#[derive(Debug, Default)]
pub struct Tree {
    entries: VecDeque<Entry>,
    contents: BTreeMap<Vec<u8>, File>,
}

/// A directory of published files, by path; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Directory(Rc<RefCell<BTreeMap<String, File>>>);

/// An unpublished file of a [`Directory`].
#[derive(Debug)]
pub struct Writer {
    directory: Directory,
    bytes: Vec<u8>,
}

/// A [`Destination::Archive`] in the making.
pub struct Sink {
    dest: String,
    destinations: Destinations,
    bytes: Vec<u8>,
}

/// A [`Destination::RootFilesystem`] in the making.
pub struct TreeWriter {
    dest: String,
    destinations: Destinations,
    entries: Vec<(Entry, Vec<u8>)>,
}

/// There is no network in memory, so there never is one.
#[derive(Debug)]
pub enum Exchange {}

/// A running hash.
pub struct Hasher(layer::hash::Running);

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl AsRef<[u8]> for File {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Tree {
    /// Adds the next entry of the walk: parents before children, siblings in byte order. `content` is a regular file's.
    pub fn push(&mut self, entry: Entry, content: Vec<u8>) {
        if let Kind::Regular(_) = entry.kind {
            self.contents.insert(entry.path.clone(), content.into());
        }
        self.entries.push_back(entry);
    }
}

impl Directory {
    /// Every published file, in byte order of its path.
    pub fn files(&self) -> Vec<(String, File)> {
        self.0.borrow().iter().map(|(path, file)| (path.clone(), file.clone())).collect()
    }
}

impl media::File for File {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        Ok(rest.get(..max as usize).unwrap_or(rest).to_vec())
    }
}

impl media::Input for Input {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let most = self.0.len().min(max as usize);
        Ok(self.0.drain(..most).collect())
    }
}

impl media::Tree for Tree {
    type File = File;

    async fn walk(&mut self, max: u32, whole: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        let most = self.entries.len().min(max as usize);
        let content = |entry: Entry| match self.contents.get(&entry.path) {
            Some(file) if file.0.len() <= whole as usize => (entry, file.0.to_vec()),
            _ => (entry, Vec::new()),
        };
        Ok(self.entries.drain(..most).map(content).collect())
    }

    async fn open(&self, path: &[u8]) -> Result<File> {
        self.contents.get(path).cloned().ok_or_else(|| {
            let path = crate::text::shown_bytes(path);
            Error::new(Fault::Source, Code::NotFound, format!("`{path}` is not a regular file of this tree"))
        })
    }
}

impl media::Directory for Directory {
    type File = File;
    type Writer = Writer;
    type Lock = ();

    async fn open(&self, path: &str) -> Result<Option<File>> {
        Ok(self.0.borrow().get(path).cloned())
    }

    async fn create(&self) -> Result<Writer> {
        Ok(Writer { directory: self.clone(), bytes: Vec::new() })
    }

    /// There is one process, which always gets it.
    async fn lock(&self) -> Result<()> {
        Ok(())
    }
}

impl media::Kept for Directory {
    async fn names(&self, folder: &str) -> Result<Vec<String>> {
        let all = self.0.borrow();
        let within = |path: &String| match folder {
            "" => Some(path.clone()),
            _ => Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned()),
        };
        let mut names: Vec<String> = all.keys().filter_map(within).collect();
        names.iter_mut().for_each(|name| name.truncate(name.find('/').map_or(name.len(), |at| at.saturating_add(1))));
        names.dedup();
        Ok(names)
    }

    async fn remove(&self, (): &(), path: &str) -> Result<Option<u64>> {
        let mut all = self.0.borrow_mut();
        // Whoever has it open shares it with the directory.
        let free = all.get(path).is_some_and(|file| Rc::strong_count(&file.0) == 1);
        Ok(if free { all.remove(path).map(|file| file.0.len() as u64) } else { None })
    }
}

impl media::Writer for Writer {
    type File = File;

    async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        self.bytes.append(&mut bytes);
        Ok(())
    }

    async fn reader(&self) -> Result<File> {
        Ok(self.bytes.clone().into())
    }

    async fn publish(self, path: &str) -> Result<File> {
        let file = File::from(self.bytes);
        self.directory.0.borrow_mut().insert(path.into(), file.clone());
        Ok(file)
    }
}

impl media::Sink for Sink {
    async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        self.bytes.append(&mut bytes);
        Ok(())
    }

    async fn finish(self) -> Result<()> {
        self.destinations.borrow_mut().insert(self.dest, Destination::Archive(self.bytes.into()));
        Ok(())
    }
}

impl media::TreeWriter for TreeWriter {
    async fn put(&mut self, entries: Vec<(Entry, Vec<u8>)>) -> Result<()> {
        for (entry, content) in entries {
            let again = |(there, _): &(Entry, Vec<u8>)| there.path == entry.path && there.kind == Kind::Directory;
            match self.entries.iter().position(again).and_then(|place| self.entries.get_mut(place)) {
                Some((there, _)) if entry.kind == Kind::Directory => *there = entry,
                _ => self.entries.push((entry, content)),
            }
        }
        Ok(())
    }

    async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        if let Some((_, content)) = self.entries.last_mut() {
            content.append(&mut bytes);
        }
        Ok(())
    }

    async fn finish(self) -> Result<()> {
        self.destinations.borrow_mut().insert(self.dest, Destination::RootFilesystem(self.entries));
        Ok(())
    }
}

impl media::Exchange for Exchange {
    type Body = Input;

    async fn write(&mut self, _: Vec<u8>) -> Result<()> {
        match *self {}
    }

    async fn finish(self) -> Result<Response<Input>> {
        match self {}
    }
}

impl media::Hasher for Hasher {
    async fn update(&mut self, bytes: Vec<u8>) {
        self.0.update(&bytes);
    }

    async fn sum(&mut self) -> Vec<u8> {
        self.0.sum()
    }
}

impl media::Media for Memory {
    type File = File;
    type Input = Input;
    type Tree = Tree;
    type Directory = Directory;
    type Store = Store;
    type Sink = Sink;
    type TreeWriter = TreeWriter;
    type Exchange = Exchange;
    type Hasher = Hasher;
    type Engine = Engine;

    fn parallelism(&self) -> u32 {
        self.parallelism.max(1)
    }

    async fn compress(&self, chunk: Chunk) -> Result<Packed> {
        layer::compress(&chunk)
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher(layer::hash::Running::new(algorithm))
    }

    async fn archive(&self, dest: &str) -> Result<Sink> {
        Ok(Sink { dest: dest.into(), destinations: self.destinations.clone(), bytes: Vec::new() })
    }

    async fn layout(&self, dest: &str) -> Result<Directory> {
        let directory = Directory::default();
        self.destinations.borrow_mut().insert(dest.into(), Destination::Layout(directory.clone()));
        Ok(directory)
    }

    async fn root_filesystem(&self, dest: &str, _: Ground) -> Result<TreeWriter> {
        Ok(TreeWriter { dest: dest.into(), destinations: self.destinations.clone(), entries: Vec::new() })
    }

    async fn kept(&self, _: &Directory, path: &str) -> Result<Option<TreeWriter>> {
        let there = self.destinations.borrow().contains_key(path);
        if there { Ok(None) } else { self.root_filesystem(path, Ground::Bare).await.map(Some) }
    }

    async fn exchange(&self, _: Request) -> Result<Exchange> {
        let message = "there is no network here: download the image, and push it with the command line";
        Err(Error::new(Fault::Host, Code::Unsupported("network".into()), message))
    }

    async fn credential(&self, _: &str) -> Result<Option<Credential>> {
        Ok(None)
    }

    fn wall(&self) -> i64 {
        self.now
    }

    /// Nothing here waits.
    async fn sleep(&self, _: u64) {}

    async fn cancelled(&self) {
        future::pending().await
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }
}
