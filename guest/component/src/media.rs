//! The world's imports as the core's media: one type a resource, each a new type around the generated one.

use ocix_core::error::{Code, Error, Fault, Result};
use ocix_core::media::{
    self, Chunk, Credential, Device, Entry, Event, Ground, HashAlgorithm, Kind, Packed, Request, Response,
};

use crate::bindings::ocix::image::{
    clock, control, credentials, destinations, directories, files, http, progress, trees, types, workers,
};
use crate::engines::Engine;
use crate::stores::Store;

/// Everything that is ambient in the world.
pub struct Seam;

/// `files.file`.
pub struct File(pub files::File);
/// `files.input`.
pub struct Input(pub files::Input);
/// `trees.tree`.
pub struct Tree(pub trees::Tree);
/// `directories.directory`.
pub struct Directory(pub directories::Directory);
/// `directories.writer`.
pub struct Writer(directories::Writer);
/// `destinations.sink`.
pub struct Sink(pub destinations::Sink);
/// `destinations.tree-writer`.
pub struct TreeWriter(destinations::TreeWriter);
/// `http.exchange`.
pub struct Exchange(http::Exchange);
/// `workers.hasher`.
pub struct Hasher(workers::Hasher);

impl media::File for File {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        self.0.read_at(offset, max).await.map_err(inward)
    }
}

impl media::Input for Input {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        self.0.read(max).await.map_err(inward)
    }
}

impl media::Tree for Tree {
    type File = File;

    async fn walk(&mut self, max: u32, whole: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        let found = self.0.walk(max, whole).await.map_err(inward)?;
        Ok(found.into_iter().map(|(found, content)| (entry(found), content)).collect())
    }

    async fn open(&self, path: &[u8]) -> Result<File> {
        self.0.open(path.to_vec()).await.map(File).map_err(inward)
    }
}

impl media::Directory for Directory {
    type File = File;
    type Writer = Writer;
    type Lock = directories::Lock;

    async fn open(&self, path: &str) -> Result<Option<File>> {
        Ok(self.0.open(path.to_owned()).await.map_err(inward)?.map(File))
    }

    async fn sizes(&self, paths: Vec<String>) -> Result<Vec<Option<u64>>> {
        self.0.sizes(paths).await.map_err(inward)
    }

    async fn create(&self) -> Result<Writer> {
        self.0.create().await.map(Writer).map_err(inward)
    }

    async fn lock(&self) -> Result<directories::Lock> {
        self.0.lock().await.map_err(inward)
    }
}

impl media::Kept for Directory {
    async fn names(&self, folder: &str) -> Result<Vec<String>> {
        self.0.names(folder.to_owned()).await.map_err(inward)
    }

    async fn remove(&self, lock: &directories::Lock, path: &str) -> Result<Option<u64>> {
        lock.remove(path.to_owned()).await.map_err(inward)
    }
}

impl media::Writer for Writer {
    type File = File;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await.map_err(inward)
    }

    async fn reader(&self) -> Result<File> {
        self.0.reader().await.map(File).map_err(inward)
    }

    async fn publish(self, path: &str) -> Result<File> {
        self.0.publish(path.to_owned()).await.map(File).map_err(inward)
    }
}

impl media::Sink for Sink {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await.map_err(inward)
    }

    async fn finish(self) -> Result<()> {
        self.0.finish().await.map_err(inward)
    }
}

impl media::TreeWriter for TreeWriter {
    async fn put(&mut self, entries: Vec<(Entry, Vec<u8>)>) -> Result<()> {
        let entries = entries.into_iter().map(|(entry, content)| (outward(entry), content));
        self.0.put(entries.collect()).await.map_err(inward)
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await.map_err(inward)
    }

    async fn finish(self) -> Result<()> {
        self.0.finish().await.map_err(inward)
    }
}

impl media::Exchange for Exchange {
    type Body = Input;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await.map_err(inward)
    }

    async fn finish(self) -> Result<Response<Input>> {
        let http::Response { status, headers, body } = self.0.finish().await.map_err(inward)?;
        Ok(Response { status, headers, body: Input(body) })
    }
}

impl media::Hasher for Hasher {
    async fn update(&mut self, bytes: Vec<u8>) {
        self.0.update(bytes).await;
    }

    async fn sum(&mut self) -> Vec<u8> {
        self.0.sum().await
    }
}

impl media::Media for Seam {
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
        workers::parallelism()
    }

    async fn compress(&self, chunk: Chunk) -> Result<Packed> {
        let Chunk { compression, dictionary, bytes, parts, last } = chunk;
        let compression = match compression {
            media::Compression::Deflate(level) => types::Compression::Deflate(level),
            media::Compression::Gzip(level) => types::Compression::Gzip(level),
            media::Compression::Zstd(level) => types::Compression::Zstd(level),
        };
        let chunk = types::Chunk { compression, dictionary, bytes, parts, last };
        let types::Packed { bytes, parts, crc32 } = workers::compress(chunk).await.map_err(inward)?;
        Ok(Packed { bytes, parts, crc32 })
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher(workers::Hasher::new(match algorithm {
            HashAlgorithm::Sha256 => types::HashAlgorithm::Sha256,
            HashAlgorithm::Sha512 => types::HashAlgorithm::Sha512,
        }))
    }

    async fn archive(&self, dest: &str) -> Result<Sink> {
        destinations::archive(dest.to_owned()).await.map(Sink).map_err(inward)
    }

    async fn layout(&self, dest: &str) -> Result<Directory> {
        destinations::layout(dest.to_owned()).await.map(Directory).map_err(inward)
    }

    async fn root_filesystem(&self, dest: &str, ground: Ground) -> Result<TreeWriter> {
        let ground = match ground {
            Ground::Shared => destinations::Ground::Shared,
            Ground::Bare => destinations::Ground::Bare,
        };
        destinations::root_filesystem(dest.to_owned(), ground).await.map(TreeWriter).map_err(inward)
    }

    async fn kept(&self, place: &Directory, path: &str) -> Result<Option<TreeWriter>> {
        Ok(destinations::kept(&place.0, path.to_owned()).await.map_err(inward)?.map(TreeWriter))
    }

    async fn exchange(&self, request: Request) -> Result<Exchange> {
        let Request { method, url, headers, content_length, insecure } = request;
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let request = http::Request { method, url, headers, content_length, insecure };
        http::Exchange::open(request).await.map(Exchange).map_err(inward)
    }

    async fn credential(&self, repository: &str) -> Result<Option<Credential>> {
        let found = credentials::lookup(repository.to_owned()).await.map_err(inward)?;
        Ok(found.map(|credential| match credential {
            credentials::Credential::Basic((user, password)) => Credential::Basic(user, password),
            credentials::Credential::IdentityToken(token) => Credential::IdentityToken(token),
            credentials::Credential::RegistryToken(token) => Credential::RegistryToken(token),
        }))
    }

    fn wall(&self) -> i64 {
        clock::wall()
    }

    async fn sleep(&self, milliseconds: u64) {
        clock::sleep(milliseconds).await;
    }

    async fn cancelled(&self) {
        control::cancelled().await;
    }

    fn emit(&self, event: Event) {
        progress::emit(&match event {
            Event::Warning(text) => progress::Event::Warning(text),
            Event::Retry(media::Retry { target, tried, why, wait }) => {
                progress::Event::Retry(progress::Retry { target, tried, why, wait })
            }
            Event::Step(media::Step { id, action, subject, target, done, total, outcome }) => {
                let action = match action {
                    media::Action::Layer => progress::Action::Layer,
                    media::Action::Copy => progress::Action::Copy,
                    media::Action::Tag => progress::Action::Tag,
                    media::Action::Upload => progress::Action::Upload,
                    media::Action::Write => progress::Action::Write,
                    media::Action::Read => progress::Action::Read,
                };
                let outcome = outcome.map(|outcome| match outcome {
                    media::Outcome::Done => progress::Outcome::Done,
                    media::Outcome::Stored => progress::Outcome::Stored,
                    media::Outcome::Uploaded => progress::Outcome::Uploaded,
                    media::Outcome::Mounted(from) => progress::Outcome::Mounted(from),
                    media::Outcome::AlreadyThere => progress::Outcome::AlreadyThere,
                });
                progress::Event::Step(progress::Step { id, action, subject, target, done, total, outcome })
            }
        });
    }
}

fn entry(entry: trees::Entry) -> Entry {
    let trees::Entry { path, kind, mode, uid, gid, modified, xattrs } = entry;
    let device = |trees::Device { major, minor }| Device { major, minor };
    let kind = match kind {
        trees::Kind::Regular(size) => Kind::Regular(size),
        trees::Kind::Directory => Kind::Directory,
        trees::Kind::Symlink(text) => Kind::Symlink(text),
        trees::Kind::HardLink(path) => Kind::HardLink(path),
        trees::Kind::Character(number) => Kind::Character(device(number)),
        trees::Kind::Block(number) => Kind::Block(device(number)),
        trees::Kind::Fifo => Kind::Fifo,
        trees::Kind::Socket => Kind::Socket,
    };
    let modified = media::Timestamp { seconds: modified.seconds, nanoseconds: modified.nanoseconds };
    Entry { path, kind, mode, uid, gid, modified, xattrs }
}

fn outward(entry: Entry) -> trees::Entry {
    let Entry { path, kind, mode, uid, gid, modified, xattrs } = entry;
    let device = |Device { major, minor }| trees::Device { major, minor };
    let kind = match kind {
        Kind::Regular(size) => trees::Kind::Regular(size),
        Kind::Directory => trees::Kind::Directory,
        Kind::Symlink(text) => trees::Kind::Symlink(text),
        Kind::HardLink(path) => trees::Kind::HardLink(path),
        Kind::Character(number) => trees::Kind::Character(device(number)),
        Kind::Block(number) => trees::Kind::Block(device(number)),
        Kind::Fifo => trees::Kind::Fifo,
        Kind::Socket => trees::Kind::Socket,
    };
    let modified = trees::Timestamp { seconds: modified.seconds, nanoseconds: modified.nanoseconds };
    trees::Entry { path, kind, mode, uid, gid, modified, xattrs }
}

/// A host's error, as the core has it. A digest that does not parse is the host's fault and becomes text.
pub fn inward(error: types::Error) -> Error {
    let code = match error.code {
        types::ErrorCode::InvalidOption(key) => Code::InvalidOption(key),
        types::ErrorCode::Conflict((one, other)) => Code::Conflict(one, other),
        types::ErrorCode::NotFound => Code::NotFound,
        types::ErrorCode::Denied => Code::Denied,
        types::ErrorCode::AlreadyExists => Code::AlreadyExists,
        types::ErrorCode::OutOfSpace => Code::OutOfSpace,
        types::ErrorCode::Cancelled => Code::Cancelled,
        types::ErrorCode::DigestMismatch(digest) => match digest.parse() {
            Ok(digest) => Code::DigestMismatch(digest),
            Err(_) => Code::Other("digest mismatch".into()),
        },
        types::ErrorCode::SizeMismatch(size) => Code::SizeMismatch(size),
        types::ErrorCode::LimitExceeded(limit) => Code::LimitExceeded(limit),
        types::ErrorCode::Malformed(format) => Code::Malformed(format),
        types::ErrorCode::Registry((status, code)) => Code::Registry(status, code),
        types::ErrorCode::Unsupported(what) => Code::Unsupported(what),
        types::ErrorCode::Other(text) => Code::Other(text),
    };
    let fault = match error.fault {
        types::Fault::Request => Fault::Request,
        types::Fault::Source => Fault::Source,
        types::Fault::Store => Fault::Store,
        types::Fault::Registry => Fault::Registry,
        types::Fault::Host => Fault::Host,
        types::Fault::Component => Fault::Component,
    };
    Error { code, fault, message: error.message, causes: error.causes }
}
