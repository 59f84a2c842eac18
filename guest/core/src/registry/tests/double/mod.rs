//! A registry in memory, for tests: it behaves, unless its script says otherwise, and it remembers what it was asked.

mod clock;
mod exchange;
mod message;
mod sessions;
mod world;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::rc::Rc;

use super::never::Never;
use crate::digest::Digest;
use crate::error::Result;
use crate::layer::hash::Running;
use crate::media::{self, Chunk, Credential, Event, Ground, HashAlgorithm, Packed, Request};
use crate::memory;
use world::World;

pub use clock::{START, now, run, run_until};
pub use exchange::{Exchange, Input};
pub use message::{Answer, Asked, Does, Heard, Script};
pub use sessions::Rules;

/// The registry and all other media of a job that pushes.
pub struct Double {
    /// What the user keeps, by the name of a registry or of a part of it.
    pub credentials: BTreeMap<String, Credential>,
    /// What was emitted.
    pub events: RefCell<Vec<Event>>,
    world: Rc<World>,
}

impl Double {
    /// A registry that follows the script where it says something.
    pub fn new(script: impl Fn(&Asked) -> Option<Answer> + 'static) -> Self {
        let world = World::new(Box::new(script));
        Self { credentials: BTreeMap::new(), events: RefCell::default(), world: Rc::new(world) }
    }

    /// With a credential for a registry.
    pub fn knowing(mut self, registry: &str, credential: Credential) -> Self {
        self.credentials.insert(registry.into(), credential);
        self
    }

    /// What was asked so far, in the order in which requests were started.
    pub fn asked(&self) -> Vec<Asked> {
        self.world.asked.borrow().clone()
    }

    /// The lines of what was asked.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Gives the registry a blob.
    pub fn has_blob(self, bytes: &[u8]) -> Self {
        self.world.blobs.borrow_mut().insert(Digest::of(bytes).to_string(), bytes.to_vec());
        self
    }

    /// Gives it a blob in another of its repositories, from where it may be mounted.
    pub fn shares(self, repository: &str, bytes: &[u8]) -> Self {
        self.world.shared.borrow_mut().insert((repository.into(), Digest::of(bytes).to_string()));
        self
    }

    /// With uploads of this kind.
    pub fn with(self, rules: Rules) -> Self {
        self.world.sessions.borrow_mut().rules = rules;
        self
    }

    /// Uploads that have begun and not come to an end.
    pub fn open_uploads(&self) -> usize {
        self.world.sessions.borrow().open()
    }

    /// The blobs that the registry has.
    pub fn blobs(&self) -> BTreeSet<String> {
        self.world.blobs.borrow().keys().cloned().collect()
    }

    /// Manifests by path.
    pub fn manifests(&self) -> BTreeMap<String, Vec<u8>> {
        self.world.manifests.borrow().clone()
    }

    /// As many exchanges as were ever under way at once.
    pub fn most_open(&self) -> usize {
        self.world.most_open.get()
    }
}

/// A file in memory that claims a size. It answers in pieces of 400 KiB at most, as hosts may.
#[derive(Clone)]
pub struct File {
    /// What it has.
    pub bytes: Vec<u8>,
    /// What it says that it has.
    pub size: u64,
}

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        Self { bytes, size }
    }
}

impl media::File for File {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        Ok(self.bytes.iter().skip(offset as usize).take((max as usize).min(400 << 10)).copied().collect())
    }
}

/// The core's own hash.
pub struct Hasher(Running);

impl media::Hasher for Hasher {
    async fn update(&mut self, bytes: Vec<u8>) {
        self.0.update(&bytes);
    }

    async fn sum(&mut self) -> Vec<u8> {
        self.0.sum()
    }
}

impl media::Media for Double {
    type File = File;
    type Input = Input;
    type Tree = Never;
    type Directory = Never;
    type Store = memory::Store;
    type Sink = memory::Sink;
    type TreeWriter = memory::TreeWriter;
    type Exchange = Exchange;
    type Hasher = Hasher;
    type Engine = memory::Engine;

    async fn archive(&self, _: &str) -> Result<memory::Sink> {
        unreachable!("nothing is written here")
    }

    async fn layout(&self, _: &str) -> Result<Never> {
        unreachable!("nothing is written here")
    }

    async fn root_filesystem(&self, _: &str, _: Ground) -> Result<memory::TreeWriter> {
        unreachable!("nothing is written here")
    }

    async fn kept(&self, _: &Self::Directory, _: &str) -> Result<Option<memory::TreeWriter>> {
        unreachable!("nothing is written here")
    }

    async fn exchange(&self, request: Request) -> Result<Exchange> {
        let exchange = Exchange::start(&self.world, request);
        clock::once_round().await;
        Ok(exchange)
    }

    async fn credential(&self, place: &str) -> Result<Option<Credential>> {
        let within = |name: &str| place.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.credentials.iter().rev().find(|(name, _)| within(name));
        Ok(found.map(|(_, credential)| credential.clone()))
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    async fn cancelled(&self) {
        pending().await
    }

    fn parallelism(&self) -> u32 {
        1
    }

    async fn compress(&self, _: Chunk) -> Result<Packed> {
        unreachable!("nothing is compressed here")
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher(Running::new(algorithm))
    }

    fn wall(&self) -> i64 {
        START + (now() / 1000) as i64
    }

    async fn sleep(&self, milliseconds: u64) {
        clock::sleep(milliseconds).await;
    }
}
