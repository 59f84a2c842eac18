//! The one pump: a tar's bytes to its diff ID and, through the codec, to a blob and its digest.
//!
//! Everything that decides what a layer's bytes are, given its tar, is here and in `deflate`. Two halves run at the same time, joined by
//! a short queue: one hashes and cuts, the other compresses several chunks at once and writes them in order.

use futures_channel::mpsc;
use futures_util::future::{join, try_join};
use futures_util::{SinkExt, StreamExt};

use super::deflate::{self, Cutter};
use super::{Codec, Layer};
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::Result;
use crate::media::{Action, Chunk, Event, HashAlgorithm, Hasher, Media, Step, Writer};
use crate::media_type;

/// The bytes of a tar, once, in pieces.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Contents {
    /// The next piece, at least 1 byte; `None` at the end and ever after.
    async fn next(&mut self) -> Result<Option<Vec<u8>>>;
}

/// The usual size of a piece, in bytes.
pub const PIECE: u32 = 1 << 20;

/// Writes the layer's blob, unpublished, and says what it is. The bytes do not depend on how many workers there are.
///
/// # Errors
/// Those of the contents, the workers and the writer, as they are.
pub async fn write<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    codec: Codec,
    subject: &str,
    writer: &mut W,
) -> Result<Layer> {
    let progress = Progress { media, subject, said: 0 };
    let (digest, size, diff_id) = match codec {
        Codec::Uncompressed => plain(media, contents, progress, writer).await?,
        Codec::Gzip { level } => gzip(media, contents, level, progress, writer).await?,
    };
    let descriptor = Descriptor::new(media_type::layer(codec.packing()), digest, size);
    Ok(Layer { descriptor, diff_id: DiffId(diff_id) })
}

async fn plain<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    mut progress: Progress<'_, M>,
    writer: &mut W,
) -> Result<(Digest, u64, Digest)> {
    let mut blob = Blob::new(media, writer);
    while let Some(piece) = contents.next().await? {
        progress.add(piece.len());
        blob.write(piece).await?;
    }
    progress.end();
    let (digest, size) = blob.finish().await;
    Ok((digest.clone(), size, digest))
}

async fn gzip<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    level: u8,
    mut progress: Progress<'_, M>,
    writer: &mut W,
) -> Result<(Digest, u64, Digest)> {
    // A closed queue means that the other half has failed: its error is the one that counts.
    let (mut queue, chunks) = mpsc::channel::<Chunk>(1);
    let cut = async move {
        let mut hasher = media.hasher(HashAlgorithm::Sha256);
        let mut cutter = Cutter::new(level);
        while let Some(piece) = contents.next().await? {
            progress.add(piece.len());
            let chunks = cutter.push(&piece);
            hasher.update(piece).await;
            for chunk in chunks {
                if queue.send(chunk).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
        progress.end();
        if queue.send(cutter.finish()).await.is_err() {
            std::future::pending::<()>().await;
        }
        drop(queue);
        Ok(Digest::from_hash(HashAlgorithm::Sha256, &hasher.finish().await))
    };
    let pack = async {
        let mut blob = Blob::new(media, writer);
        blob.write(deflate::HEADER.to_vec()).await?;
        let mut trailer = deflate::Trailer::default();
        let in_flight = (media.parallelism() as usize).saturating_mul(2);
        let mut packed = chunks
            .map(async |chunk| {
                let length = chunk.bytes.len() as u64;
                media.compress(chunk).await.map(|packed| (packed, length))
            })
            .buffered(in_flight);
        while let Some(done) = packed.next().await {
            let (packed, length) = done?;
            trailer.add(packed.crc32, length);
            blob.write(packed.bytes).await?;
        }
        blob.write(trailer.bytes().to_vec()).await?;
        Ok(blob.finish().await)
    };
    let (diff_id, (digest, size)) = try_join(cut, pack).await?;
    Ok((digest, size, diff_id))
}

/// A blob in the making: hashed while it is written.
struct Blob<'a, M: Media, W> {
    hasher: M::Hasher,
    writer: &'a mut W,
    size: u64,
}

impl<'a, M: Media, W: Writer> Blob<'a, M, W> {
    fn new(media: &M, writer: &'a mut W) -> Self {
        Self { hasher: media.hasher(HashAlgorithm::Sha256), writer, size: 0 }
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        let ((), written) = join(self.hasher.update(bytes.clone()), self.writer.write(bytes)).await;
        written
    }

    async fn finish(self) -> (Digest, u64) {
        (Digest::from_hash(HashAlgorithm::Sha256, &self.hasher.finish().await), self.size)
    }
}

/// Bytes of the uncompressed layer, told now and then.
struct Progress<'a, M> {
    media: &'a M,
    subject: &'a str,
    said: u64,
}

impl<M: Media> Progress<'_, M> {
    fn add(&mut self, bytes: usize) {
        let before = self.said / EVERY;
        self.said = self.said.saturating_add(bytes as u64);
        if self.said / EVERY != before {
            self.say(false);
        }
    }

    fn end(&self) {
        self.say(true);
    }

    fn say(&self, finished: bool) {
        let (id, subject) = (self.subject.to_owned(), self.subject.to_owned());
        let step = Step { id, action: Action::Layer, subject, done: self.said, total: None, note: None, finished };
        self.media.emit(Event::Step(step));
    }
}

/// Progress is told once in so many bytes.
const EVERY: u64 = 4 << 20;
