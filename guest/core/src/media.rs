//! What a host hands to the core: the same nouns as `wit/media.wit`, one trait a resource.
//!
//! The core awaits these and nothing else. It never asks for `Send`: one job is one thread. Shells translate each trait to their
//! world; [`crate::memory`] has them all in memory, for pages and tests.

#![allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]

mod engines;
mod progress;
mod stores;

use crate::error::Result;

pub use engines::{About, Engine};
pub use progress::{Action, Event, Outcome, Retry, Step};
pub use stores::{Ingest, Labels, Store};

/// Bytes at rest.
pub trait File {
    /// Bytes, when it was opened.
    fn size(&self) -> u64;
    /// Up to `max` bytes from `offset`, fewer only at the end or when the host answers in smaller pieces; empty at the end.
    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>>;
}

/// Bytes that come once.
pub trait Input {
    /// Between 1 and `max` bytes; empty at the end and ever after.
    async fn read(&mut self, max: u32) -> Result<Vec<u8>>;
}

/// A file tree to read.
pub trait Tree {
    /// The content of a regular file.
    type File: File;
    /// The next 1 to `max` entries, parents first, siblings in byte order; empty at the end. With a regular file of at most `whole`
    /// bytes comes its content, where it may be read; with everything else nothing.
    async fn walk(&mut self, max: u32, whole: u32) -> Result<Vec<(Entry, Vec<u8>)>>;
    /// The content of a regular file that `walk` reported without it.
    async fn open(&self, path: &[u8]) -> Result<Self::File>;
}

/// A directory that the core may write, or read as a layout.
pub trait Directory {
    /// A published file.
    type File: File;
    /// An unpublished one.
    type Writer: Writer<File = Self::File>;
    /// Held until dropped.
    type Lock;
    /// `None` when nothing is there. As long as what is opened lives, nobody removes it.
    async fn open(&self, path: &str) -> Result<Option<Self::File>>;
    /// The sizes of published files, in bytes and in the order of their paths, `None` where nothing is there. They are not opened: unless the lock
    /// is held, they may be gone.
    async fn sizes(&self, paths: Vec<String>) -> Result<Vec<Option<u64>>> {
        let mut sizes = Vec::new();
        for path in paths {
            sizes.push(self.open(&path).await?.map(|file| file.size()));
        }
        Ok(sizes)
    }
    /// A new, empty, unpublished file.
    async fn create(&self) -> Result<Self::Writer>;
    /// Exclusive among processes.
    async fn lock(&self) -> Result<Self::Lock>;
}

/// A directory that is kept for long, so that what is in it has to be looked after.
pub trait Kept: Directory {
    /// What is in a folder, empty for the directory itself: files by their names, folders with a slash behind. None when nothing is there.
    async fn names(&self, folder: &str) -> Result<Vec<String>>;
    /// Removes a published file while the lock is held, unless somebody holds the file, or a folder. The bytes that the file had, for a folder 0;
    /// `None` when it stays, or nothing was there.
    async fn remove(&self, lock: &Self::Lock, path: &str) -> Result<Option<u64>>;
}

/// Bytes that nobody sees until they are published, gone when dropped before.
pub trait Writer {
    /// For reading back.
    type File: File;
    /// Appends.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;
    /// What was written so far.
    async fn reader(&self) -> Result<Self::File>;
    /// Durable, then visible under `path` at once and whole. As long as what is published lives as a file, nobody removes it.
    async fn publish(self, path: &str) -> Result<Self::File>;
}

/// Bytes on their way out, in order; as if nothing had been when dropped before the end.
pub trait Sink {
    /// Appends.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;
    /// Durable, and visible at once and whole.
    async fn finish(self) -> Result<()>;
}

/// A file tree on its way out.
pub trait TreeWriter {
    /// The next entries: parents first, a hard link after what it links to. With a regular file comes its content, of the last one perhaps only the
    /// first bytes. A directory with an empty path is the root; one that comes again is as it was the last time. May return early: failures are told
    /// by later calls.
    async fn put(&mut self, entries: Vec<(Entry, Vec<u8>)>) -> Result<()>;
    /// The next bytes of the regular file that was put last.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;
    /// What had to wait, such as the times of directories; on bare ground the tree is visible only then.
    async fn finish(self) -> Result<()>;
}

/// What a file tree finds in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Whatever is there: it stays but for what is replaced.
    Shared,
    /// Nothing, or an empty folder.
    Bare,
}

/// One HTTP exchange.
pub trait Exchange {
    /// The response's body.
    type Body: Input;
    /// The next bytes of the request's body.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;
    /// Waits for the response's head.
    async fn finish(self) -> Result<Response<Self::Body>>;
}

/// A running hash.
pub trait Hasher {
    /// The next bytes. May return before they are hashed.
    async fn update(&mut self, bytes: Vec<u8>);
    /// The raw bytes of the hash of everything so far; more may follow.
    async fn sum(&mut self) -> Vec<u8>;
}

/// Everything that one job is handed besides its source and store.
pub trait Media {
    /// Bytes at rest, wherever they lie.
    type File: File;
    /// Bytes that come once.
    type Input: Input;
    /// The tree to read.
    type Tree: Tree<File = Self::File>;
    /// A layout, or the embedded store.
    type Directory: Directory<File = Self::File>;
    /// A container runtime's own store.
    type Store: Store;
    /// An archive on its way out.
    type Sink: Sink;
    /// A file tree on its way out.
    type TreeWriter: TreeWriter;
    /// One HTTP exchange.
    type Exchange: Exchange;
    /// A running hash.
    type Hasher: Hasher;
    /// A container engine.
    type Engine: Engine;

    /// How many chunks the host works on at once, at least 1.
    fn parallelism(&self) -> u32;
    /// Compresses one chunk, elsewhere and at the same time where the host can.
    async fn compress(&self, chunk: Chunk) -> Result<Packed>;
    /// A new hash.
    fn hasher(&self, algorithm: HashAlgorithm) -> Self::Hasher;
    /// A file that an output named with `dest=…`, or `-` for standard output.
    async fn archive(&self, dest: &str) -> Result<Self::Sink>;
    /// A folder for a layout that an output named.
    async fn layout(&self, dest: &str) -> Result<Self::Directory>;
    /// A folder for a root file system that the user named.
    async fn root_filesystem(&self, dest: &str, ground: Ground) -> Result<Self::TreeWriter>;
    /// A file tree that a directory is to keep; `None` when something stands there already.
    async fn kept(&self, place: &Self::Directory, path: &str) -> Result<Option<Self::TreeWriter>>;
    /// Starts a request.
    async fn exchange(&self, request: Request) -> Result<Self::Exchange>;
    /// What the user keeps for a repository, with its registry as in `example.com/team/site`, or for what is above it.
    async fn credential(&self, repository: &str) -> Result<Option<Credential>>;
    /// Seconds since 1970.
    fn wall(&self) -> i64;
    /// Returns after this many milliseconds.
    async fn sleep(&self, milliseconds: u64);
    /// Returns when the job is to stop.
    async fn cancelled(&self);
    /// What is going on.
    fn emit(&self, event: Event);
}

/// One thing in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, `/` between components, none at the ends.
    pub path: Vec<u8>,
    /// What stands there.
    pub kind: Kind,
    /// The 12 low bits of st_mode.
    pub mode: u32,
    /// Owner; [`NOBODY`] for whoever writes it.
    pub uid: u32,
    /// Group; likewise.
    pub gid: u32,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Names unique and in byte order.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// The owner and group that no file has.
pub const NOBODY: u32 = u32::MAX;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With its size in bytes.
    Regular(u64),
    /// A directory.
    Directory,
    /// With the link's text.
    Symlink(Vec<u8>),
    /// With the path, earlier in the walk, of the same inode.
    HardLink(Vec<u8>),
    /// A character device.
    Character(Device),
    /// A block device.
    Block(Device),
    /// A named pipe.
    Fifo,
    /// Cannot be in a layer.
    Socket,
}

/// Of a character or block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// Time since 1970; nanoseconds count forward, also before 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: i64,
    /// Below 10^9.
    pub nanoseconds: u32,
}

/// Digest algorithms of the OCI image spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// 32 bytes.
    Sha256,
    /// 64 bytes.
    Sha512,
}

/// A codec of the codec profile with its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Raw DEFLATE that ends on a byte border; level 0 to 9.
    Deflate(u8),
    /// Whole gzip members, one for each of the chunk's parts; level 0 to 9.
    Gzip(u8),
    /// A whole zstd frame; level 1 to 22.
    Zstd(u8),
}

/// A piece of a layer; the same piece gives the same bytes everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How.
    pub compression: Compression,
    /// For DEFLATE, the up to 32 KiB before `bytes`; else empty.
    pub dictionary: Vec<u8>,
    /// What to compress: at most 4 MiB for DEFLATE, 8 MiB for gzip, 16 MiB for zstd.
    pub bytes: Vec<u8>,
    /// For gzip, how many of the bytes each member has, which is all of them; else empty.
    pub parts: Vec<u32>,
    /// Whether the layer ends here.
    pub last: bool,
}

/// A compressed chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// What goes into the blob.
    pub bytes: Vec<u8>,
    /// For gzip, how many of the bytes each member has; else empty.
    pub parts: Vec<u32>,
    /// For DEFLATE, CRC-32 of the uncompressed bytes; else 0.
    pub crc32: u32,
}

/// The head of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For example `PUT`.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub content_length: u64,
    /// The user said so for this registry: certificates are not verified, and plain http is allowed.
    pub insecure: bool,
}

/// The head of an HTTP response, and its body to read.
#[derive(Debug)]
pub struct Response<B> {
    /// 200 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// As it came.
    pub body: B,
}

/// What the user is, to a registry. Not `Debug`: it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// User and password.
    Basic(String, String),
    /// An OAuth2 refresh token.
    IdentityToken(String),
    /// A bearer token to be sent as it is.
    RegistryToken(String),
}
