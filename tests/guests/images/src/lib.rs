//! A component of the world `images` whose first output says what it does wrong. `work A B …` compresses the chunks `A/`, `B/`, …, one after
//! the other, and its metadata tells what became of each; `hash TEXT` hashes the text; `ask URL URL …` sends each a GET, as if the user had called it
//! insecure where the URL begins with a `!`.

mod bindings;
#[path = "../../faults.rs"]
mod faults;

use bindings::exports::ocix::image::exporter::{self, Content, Created, Delivery, Job, NewIndex, Results, Target};
use bindings::exports::ocix::image::inspector::{self, Image, ImageBorrow, Piece, Settings};
use bindings::exports::ocix::image::keeper::{self, Extent};
use bindings::exports::ocix::image::options::{self, OptionDoc};
use bindings::exports::ocix::image::unpacker::{self, Unpacked};
use bindings::ocix::image::directories::Directory;
use bindings::ocix::image::http::{Exchange, Request};
use bindings::ocix::image::types::{Chunk, Compression, Error, HashAlgorithm};
use bindings::ocix::image::workers;

/// What the world's exports are implemented on.
struct Misbehaving;

impl exporter::Guest for Misbehaving {
    async fn run(job: Job, _: Directory) -> Result<Results, Error> {
        let output = job.outputs.first().cloned().unwrap_or_default();
        let (verb, words) = output.split_once(' ').unwrap_or((&output, ""));
        faults::commit(verb);
        let mut told = Vec::new();
        for word in words.split(' ') {
            told.push(match verb {
                "work" => work(word).await,
                "hash" => hash(word).await,
                "ask" => ask(word).await.unwrap_or_else(|error| error.message),
                _ => String::new(),
            });
        }
        Ok(Results { reports: Vec::new(), metadata: told.join("\n"), image_id: None })
    }

    async fn copy(_: Content, _: Delivery, _: Directory) -> Result<Vec<Target>, Error> {
        Ok(Vec::new())
    }

    async fn create_index(_: NewIndex, _: Delivery, _: Directory) -> Result<Created, Error> {
        Ok(Created { index: Vec::new(), targets: Vec::new() })
    }
}

impl inspector::Guest for Misbehaving {
    type Image = Misbehaving;

    async fn verify(_: Content, _: Settings, _: Directory) -> Result<String, Error> {
        Ok(String::new())
    }
}

/// Asked for a document, it does what that is called.
impl inspector::GuestImage for Misbehaving {
    async fn open(_: Content, _: Settings, _: Directory) -> Result<Image, Error> {
        Ok(Image::new(Self))
    }

    async fn graph(&self, _: bool) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn summary(&self) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn document(&self, fault: String) -> Result<Vec<u8>, Error> {
        faults::commit(&fault);
        Ok(Vec::new())
    }

    async fn entries(&self, _: u32, _: u64, _: u32) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn tree(&self, _: String, _: bool, _: u64, _: u32) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn read(&self, _: Option<u32>, path: String, _: u64, _: u32) -> Result<Piece, Error> {
        Ok(Piece { bytes: Vec::new(), size: 0, kind: String::new(), path })
    }

    async fn changes(&self) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn layer_changes(&self, _: u32, _: u64, _: u32) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn compare(&self, _: ImageBorrow<'_>) -> Result<String, Error> {
        Ok(String::new())
    }
}

impl keeper::Guest for Misbehaving {
    async fn images(_: String, _: Directory) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn tag(_: String, _: Vec<String>, _: Directory) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn untag(_: Vec<String>, _: Directory) -> Result<Vec<Result<String, Error>>, Error> {
        Ok(Vec::new())
    }

    async fn collect(_: Extent, _: Directory) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn check(_: bool, _: Directory) -> Result<String, Error> {
        Ok(String::new())
    }
}

impl options::Guest for Misbehaving {
    fn describe() -> Vec<OptionDoc> {
        Vec::new()
    }

    fn markdown() -> String {
        String::new()
    }

    fn check(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl unpacker::Guest for Misbehaving {
    async fn unpack(_: Content, _: unpacker::Settings, _: Directory) -> Result<Unpacked, Error> {
        Ok(Unpacked { entries: 0, bytes: 0 })
    }
}

/// The bytes that a chunk became, or the error.
async fn work(word: &str) -> String {
    let bytes = format!("{word}/").into_bytes();
    let compression = Compression::Deflate(6);
    let chunk = Chunk { compression, dictionary: Vec::new(), bytes, parts: Vec::new(), last: true };
    match workers::compress(chunk).await {
        Ok(packed) => format!("{:?}", packed.bytes),
        Err(error) => error.message,
    }
}

async fn hash(word: &str) -> String {
    let hasher = workers::Hasher::new(HashAlgorithm::Sha256);
    hasher.update(word.into()).await;
    format!("{:?}", hasher.sum().await)
}

/// The status of the answer.
async fn ask(word: &str) -> Result<String, Error> {
    let url = word.trim_start_matches('!').to_owned();
    let insecure = word.starts_with('!');
    let request = Request { method: "GET".to_owned(), url, headers: Vec::new(), content_length: 0, insecure };
    Ok(Exchange::open(request).await?.finish().await?.status.to_string())
}
