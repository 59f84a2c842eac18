//! A directory that fails once, on a call that is chosen: before it does anything, or after all of it.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::{Code, Error, Fault, Result};
use crate::media::{self, Media};
use crate::memory::{self, Memory};

/// When to fail, and how many calls there were.
#[derive(Clone, Default)]
pub struct Plan {
    /// The number of the call, from 0; none never.
    fail: Option<usize>,
    /// Whether the call has done its work when it fails.
    late: bool,
    calls: Rc<Cell<usize>>,
}

/// A directory with a plan.
#[derive(Clone)]
pub struct Directory(pub memory::Directory, pub Plan);
/// Its writer.
pub struct Writer(memory::Writer, Plan);
/// Media whose directory is this one.
pub struct Double(pub Memory, pub Directory);

impl Plan {
    /// Fails on this call.
    pub fn failing(fail: usize, late: bool) -> Self {
        Self { fail: Some(fail), late, ..Self::default() }
    }

    /// Whether the call that was to fail came.
    pub fn came(&self) -> bool {
        self.fail.is_some_and(|fail| self.calls.get() > fail)
    }

    async fn call<T>(&self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fails = self.fail == Some(self.calls.replace(self.calls.get() + 1));
        let error = || Err(Error::new(Fault::Store, Code::OutOfSpace, format!("cannot {what}: no space is left")));
        if fails && !self.late {
            return error();
        }
        let done = work.await;
        if fails { error() } else { done }
    }
}

impl media::Directory for Directory {
    type File = memory::File;
    type Writer = Writer;
    type Lock = ();

    async fn open(&self, path: &str) -> Result<Option<memory::File>> {
        self.1.call("open", self.0.open(path)).await
    }

    async fn create(&self) -> Result<Writer> {
        Ok(Writer(self.1.call("create", self.0.create()).await?, self.1.clone()))
    }

    async fn lock(&self) -> Result<()> {
        self.1.call("lock", self.0.lock()).await
    }
}

impl media::Kept for Directory {
    async fn names(&self, folder: &str) -> Result<Vec<String>> {
        self.1.call("list", self.0.names(folder)).await
    }

    async fn remove(&self, lock: &(), path: &str) -> Result<Option<u64>> {
        self.1.call("remove", self.0.remove(lock, path)).await
    }
}

impl media::Writer for Writer {
    type File = memory::File;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.1.call("write", self.0.write(bytes)).await
    }

    async fn reader(&self) -> Result<memory::File> {
        self.0.reader().await
    }

    async fn publish(self, path: &str) -> Result<memory::File> {
        self.1.call("publish", self.0.publish(path)).await
    }
}

impl Media for Double {
    type File = memory::File;
    type Input = memory::Input;
    type Tree = memory::Tree;
    type Directory = Directory;
    type Sink = memory::Sink;
    type TreeWriter = memory::TreeWriter;
    type Exchange = memory::Exchange;
    type Hasher = memory::Hasher;

    fn parallelism(&self) -> u32 {
        1
    }

    async fn compress(&self, chunk: media::Chunk) -> Result<media::Packed> {
        self.0.compress(chunk).await
    }

    fn hasher(&self, algorithm: media::HashAlgorithm) -> memory::Hasher {
        self.0.hasher(algorithm)
    }

    async fn archive(&self, dest: &str) -> Result<memory::Sink> {
        self.0.archive(dest).await
    }

    async fn layout(&self, _: &str) -> Result<Directory> {
        Ok(self.1.clone())
    }

    async fn root_filesystem(&self, dest: &str) -> Result<memory::TreeWriter> {
        self.0.root_filesystem(dest).await
    }

    async fn exchange(&self, request: media::Request) -> Result<memory::Exchange> {
        self.0.exchange(request).await
    }

    async fn credential(&self, repository: &str) -> Result<Option<media::Credential>> {
        self.0.credential(repository).await
    }

    fn wall(&self) -> i64 {
        0
    }

    async fn sleep(&self, _: u64) {}

    async fn cancelled(&self) {
        std::future::pending().await
    }

    fn emit(&self, event: media::Event) {
        self.0.emit(event);
    }
}
