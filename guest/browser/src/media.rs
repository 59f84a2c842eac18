//! The objects of `web/media` as the core's media: one type a resource, each a new type around the JavaScript one, which is told when it is
//! dropped.

use js_sys::{Array, Object, Uint8Array, Uint32Array};
use wasm_bindgen::{JsCast, JsValue};

use ocix_core::error::{Code, Error, Fault, Result};
use ocix_core::media::{self, Chunk, Compression, Credential, Entry, Ground, HashAlgorithm, Packed, Request, Response};
use ocix_core::memory;

use crate::errors::inward;
use crate::seam::{
    JsDirectory, JsExchange, JsFile, JsHasher, JsInput, JsMedia, JsSink, JsTree, JsTreeWriter, JsWriter,
};
use crate::value::{self, set};
use crate::{entries, progress};

/// Everything that is ambient.
pub struct Seam(pub JsMedia);

/// `files.file`.
pub struct File(pub JsFile);
/// `files.input`.
pub struct Input(pub JsInput);
/// `trees.tree`.
pub struct Tree(pub JsTree);
/// `directories.directory`.
pub struct Directory(pub JsDirectory);
/// `directories.writer`.
pub struct Writer(JsWriter);
/// `destinations.sink`.
pub struct Sink(JsSink);
/// `destinations.tree-writer`.
pub struct TreeWriter(JsTreeWriter);
/// `http.exchange`.
pub struct Exchange(JsExchange);
/// `workers.hasher`.
pub struct Hasher(JsHasher);

/// Tells the JavaScript object that nobody needs it any more.
macro_rules! dropped {
    ($($resource:ident),*) => {
        $(impl Drop for $resource {
            fn drop(&mut self) {
                self.0.drop();
            }
        })*
    };
}

dropped!(File, Input, Writer, Sink, TreeWriter, Exchange, Hasher);

impl media::File for File {
    fn size(&self) -> u64 {
        self.0.size() as u64
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        self.0.read_at(offset as f64, max).await.map(bytes).map_err(inward)
    }
}

impl media::Input for Input {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        self.0.read(max).await.map(bytes).map_err(inward)
    }
}

impl media::Tree for Tree {
    type File = File;

    async fn walk(&mut self, max: u32, whole: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        let found: Array = self.0.walk(max, whole).await.map_err(inward)?.unchecked_into();
        let pair = |pair: JsValue| {
            let pair: Array = pair.unchecked_into();
            Ok((entries::inward(&pair.get(0))?, bytes(pair.get(1))))
        };
        found.iter().map(pair).collect()
    }

    async fn open(&self, path: &[u8]) -> Result<File> {
        self.0.open(path.into()).await.map(|file| File(file.unchecked_into())).map_err(inward)
    }
}

impl media::Directory for Directory {
    type File = File;
    type Writer = Writer;
    /// A directory of JavaScript is one job's alone.
    type Lock = ();

    async fn open(&self, path: &str) -> Result<Option<File>> {
        let file = self.0.open(path).await.map_err(inward)?;
        Ok((!file.is_null() && !file.is_undefined()).then(|| File(file.unchecked_into())))
    }

    async fn create(&self) -> Result<Writer> {
        self.0.create().await.map(|writer| Writer(writer.unchecked_into())).map_err(inward)
    }

    async fn lock(&self) -> Result<()> {
        Ok(())
    }
}

impl media::Writer for Writer {
    type File = File;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes.as_slice().into()).await.map(drop).map_err(inward)
    }

    async fn reader(&self) -> Result<File> {
        self.0.reader().await.map(|file| File(file.unchecked_into())).map_err(inward)
    }

    async fn publish(self, path: &str) -> Result<File> {
        self.0.publish(path).await.map(|file| File(file.unchecked_into())).map_err(inward)
    }
}

impl media::Sink for Sink {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes.as_slice().into()).await.map(drop).map_err(inward)
    }

    async fn finish(self) -> Result<()> {
        self.0.finish().await.map(drop).map_err(inward)
    }
}

impl media::TreeWriter for TreeWriter {
    /// One after the other: a JavaScript host has no calls to save.
    async fn put(&mut self, next: Vec<(Entry, Vec<u8>)>) -> Result<()> {
        for (entry, content) in next {
            self.0.put(entries::outward(entry)).await.map(drop).map_err(inward)?;
            if !content.is_empty() {
                self.write(content).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes.as_slice().into()).await.map(drop).map_err(inward)
    }

    async fn finish(self) -> Result<()> {
        self.0.finish().await.map(drop).map_err(inward)
    }
}

impl media::Exchange for Exchange {
    type Body = Input;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes.as_slice().into()).await.map(drop).map_err(inward)
    }

    async fn finish(self) -> Result<Response<Input>> {
        let response = self.0.finish().await.map_err(inward)?;
        let status = value::count(&response, "status")?.and_then(|status| u16::try_from(status).ok());
        let mut headers = Vec::new();
        for pair in value::list(&response, "headers")?.unwrap_or_default().iter() {
            let text = |at| Ok(value::text(&pair, at)?.unwrap_or_default());
            headers.push((text("0")?, text("1")?.into_bytes()));
        }
        let body = value::field(&response, "body").ok_or_else(|| value::wrong("body", "is missing"))?;
        let status = status.ok_or_else(|| value::wrong("status", "is no status"))?;
        Ok(Response { status, headers, body: Input(body.unchecked_into()) })
    }
}

impl media::Hasher for Hasher {
    async fn update(&mut self, bytes: Vec<u8>) {
        let room = self.0.room(length(&bytes));
        room.copy_from(&bytes);
        // A worker that is gone ends the whole job.
        let _ = self.0.update(room).await;
    }

    async fn sum(&mut self) -> Vec<u8> {
        self.0.sum().await.map(bytes).unwrap_or_default()
    }
}

impl media::Media for Seam {
    type File = File;
    type Input = Input;
    type Tree = Tree;
    type Directory = Directory;
    // A page has no runtime whose store it could be given.
    type Store = memory::Store;
    type Sink = Sink;
    type TreeWriter = TreeWriter;
    type Exchange = Exchange;
    type Hasher = Hasher;
    /// Pages have none.
    type Engine = memory::Engine;

    fn parallelism(&self) -> u32 {
        self.0.parallelism()
    }

    async fn compress(&self, chunk: Chunk) -> Result<Packed> {
        let Chunk { compression, dictionary, bytes, parts, last } = chunk;
        let (codec, level) = match compression {
            Compression::Deflate(level) => ("deflate", level),
            Compression::Gzip(level) => ("gzip", level),
            Compression::Zstd(level) => ("zstd", level),
        };
        let parts = Uint32Array::from(parts.as_slice());
        let (dictionary, room) = (Uint8Array::from(dictionary.as_slice()), self.0.room(length(&bytes)));
        room.copy_from(&bytes);
        drop(bytes);
        let packed = self.0.compress(codec, level, dictionary, room, parts, last).await.map_err(inward)?;
        let parts = value::field(&packed, "parts").map(|parts| Uint32Array::new(&parts).to_vec());
        Ok(Packed {
            bytes: value::bytes(&packed, "bytes")?.unwrap_or_default(),
            parts: parts.unwrap_or_default(),
            crc32: value::count(&packed, "crc32")?.unwrap_or_default(),
        })
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher(self.0.hasher(match algorithm {
            HashAlgorithm::Sha256 => "sha256",
            HashAlgorithm::Sha512 => "sha512",
        }))
    }

    async fn archive(&self, dest: &str) -> Result<Sink> {
        self.0.archive(dest).await.map(|sink| Sink(sink.unchecked_into())).map_err(inward)
    }

    async fn layout(&self, dest: &str) -> Result<Directory> {
        self.0.layout(dest).await.map(|directory| Directory(directory.unchecked_into())).map_err(inward)
    }

    async fn root_filesystem(&self, dest: &str, _: Ground) -> Result<TreeWriter> {
        self.0.root_filesystem(dest).await.map(|writer| TreeWriter(writer.unchecked_into())).map_err(inward)
    }

    async fn kept(&self, _: &Directory, _: &str) -> Result<Option<TreeWriter>> {
        let message =
            "the store of a page or of Node keeps no unpacked images: leave out unpack=true, or use the command line";
        Err(Error::new(Fault::Host, Code::Unsupported("unpack".into()), message))
    }

    async fn exchange(&self, request: Request) -> Result<Exchange> {
        let object = Object::new();
        let header = |(name, value): (String, String)| JsValue::from(Array::of2(&name.into(), &value.into()));
        set(&object, "method", &request.method.into());
        set(&object, "url", &request.url.into());
        set(&object, "headers", &request.headers.into_iter().map(header).collect::<Array>());
        set(&object, "contentLength", &(request.content_length as f64).into());
        set(&object, "insecure", &request.insecure.into());
        self.0.exchange(object.into()).await.map(|exchange| Exchange(exchange.unchecked_into())).map_err(inward)
    }

    async fn credential(&self, repository: &str) -> Result<Option<Credential>> {
        let found = self.0.credential(repository).await.map_err(inward)?;
        let text = |name| value::text(&found, name);
        if let Some(token) = text("identityToken")? {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let Some(token) = text("registryToken")? {
            return Ok(Some(Credential::RegistryToken(token)));
        }
        let pair = text("username")?.zip(text("password")?);
        Ok(pair.map(|(user, password)| Credential::Basic(user, password)))
    }

    fn wall(&self) -> i64 {
        self.0.wall() as i64
    }

    async fn sleep(&self, milliseconds: u64) {
        let _ = self.0.sleep(milliseconds as f64).await;
    }

    async fn cancelled(&self) {
        let _ = self.0.cancelled().await;
    }

    fn emit(&self, event: media::Event) {
        self.0.emit(progress::outward(event));
    }
}

/// What a host has read.
fn bytes(read: JsValue) -> Vec<u8> {
    // `new` would make one more copy, which stays until the engine looks for garbage.
    read.dyn_into::<Uint8Array>().unwrap_or_else(|other| Uint8Array::new(&other)).to_vec()
}

/// Of a piece: never as long as all memory that there is.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
