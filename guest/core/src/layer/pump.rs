//! The one pump: what is cut from a tar, hashed into its diff ID and, through the workers, written into a blob.
//!
//! Two halves run at the same time, joined by a short queue: one hashes and cuts, the other compresses several chunks at once and writes
//! them in order.

use futures_channel::mpsc;
use futures_util::future::{join, try_join};
use futures_util::{SinkExt, StreamExt};

use crate::digest::Digest;
use crate::error::Result;
use crate::media::{Action, Chunk, Event, HashAlgorithm, Hasher, Media, Packed, Step, Writer};

/// The next bytes of a tar, and the chunks that they complete.
pub struct Cut {
    /// What the diff ID is of.
    pub bytes: Vec<u8>,
    /// What the blob is of.
    pub chunks: Vec<Chunk>,
}

/// A tar that is cut while it is read.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Cuts {
    /// `None` at the end.
    async fn next(&mut self) -> Result<Option<Cut>>;
}

/// Moves a tar into a blob, and hands each compressed chunk, with the length that it had, to `sink` on its way there. `size` is about how
/// many bytes a chunk has.
///
/// # Errors
/// Those of the tar, the workers, the sink and the blob, as they are.
pub async fn pump<M: Media, W: Writer>(
    tar: &mut Tar<'_, M>,
    cuts: &mut impl Cuts,
    size: usize,
    blob: &mut Blob<'_, M, W>,
    mut sink: impl FnMut(&Packed, u64) -> Result<()>,
) -> Result<()> {
    let media = tar.media;
    let (mut queue, chunks) = mpsc::channel::<Chunk>(1);
    let cut = async move {
        let mut cut = cuts.next().await?;
        while let Some(Cut { bytes, chunks }) = cut {
            let queue = &mut queue;
            let work = async {
                tar.add(bytes).await;
                for chunk in chunks {
                    enqueue(queue, chunk).await;
                }
                Ok(())
            };
            // The next piece is read while this one is worked on.
            (cut, ()) = try_join(cuts.next(), work).await?;
        }
        drop(queue);
        Ok(())
    };
    let pack = async {
        let compressed = chunks.map(async |chunk| {
            let length = chunk.bytes.len() as u64;
            media.compress(chunk).await.map(|packed| (packed, length))
        });
        let mut compressed = compressed.buffered(in_flight(media, size));
        while let Some(done) = compressed.next().await {
            let (packed, length) = done?;
            sink(&packed, length)?;
            blob.write(packed.bytes).await?;
        }
        Ok(())
    };
    try_join(cut, pack).await.map(|((), ())| ())
}

/// How many chunks of so many bytes are compressed at the same time: enough that no worker waits, and no more memory than that takes.
fn in_flight<M: Media>(media: &M, size: usize) -> usize {
    let workers = media.parallelism().max(1) as usize;
    let wanted = if size < LARGE { workers.saturating_mul(2) } else { workers.saturating_add(1) };
    wanted.min(MEMORY.checked_div(size).unwrap_or(1)).max(1)
}

/// A closed queue means that the other half has failed: its error is the one that counts, and ends this half.
async fn enqueue(queue: &mut mpsc::Sender<Chunk>, chunk: Chunk) {
    if queue.feed(chunk).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A tar on its way: hashed and counted, which is told now and then.
pub struct Tar<'a, M: Media> {
    /// What it is hashed with.
    pub media: &'a M,
    subject: &'a str,
    hasher: M::Hasher,
    size: u64,
}

impl<'a, M: Media> Tar<'a, M> {
    /// Before the first byte; `subject` is what progress calls it.
    pub fn new(media: &'a M, subject: &'a str) -> Self {
        Self { media, subject, hasher: media.hasher(HashAlgorithm::Sha256), size: 0 }
    }

    /// The next bytes.
    pub async fn add(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.count(bytes.len());
            self.hasher.update(bytes).await;
        }
    }

    /// The next bytes are so many, and hashed elsewhere.
    pub fn count(&mut self, bytes: usize) {
        let before = self.size / EVERY;
        self.size = self.size.saturating_add(bytes as u64);
        if self.size / EVERY != before {
            self.say(false);
        }
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest of all bytes that were added.
    pub async fn finish(self) -> Digest {
        self.say(true);
        Digest::from_hash(HashAlgorithm::Sha256, &self.hasher.finish().await)
    }

    fn say(&self, finished: bool) {
        let (id, subject) = (self.subject.to_owned(), self.subject.to_owned());
        let step = Step { id, action: Action::Layer, subject, done: self.size, total: None, note: None, finished };
        self.media.emit(Event::Step(step));
    }
}

/// A blob in the making: hashed while it is written.
pub struct Blob<'a, M: Media, W> {
    hasher: M::Hasher,
    writer: &'a mut W,
    size: u64,
}

impl<'a, M: Media, W: Writer> Blob<'a, M, W> {
    /// Before the first byte.
    pub fn new(media: &M, writer: &'a mut W) -> Self {
        Self { hasher: media.hasher(HashAlgorithm::Sha256), writer, size: 0 }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// The writer's.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        let ((), written) = join(self.hasher.update(bytes.clone()), self.writer.write(bytes)).await;
        written
    }

    /// The digest and size of all bytes.
    pub async fn finish(self) -> (Digest, u64) {
        (Digest::from_hash(HashAlgorithm::Sha256, &self.hasher.finish().await), self.size)
    }
}

/// From this size on a chunk takes so long that one that waits for each worker would only be memory.
const LARGE: usize = 4 << 20;

/// Bytes that are compressed at the same time at most.
const MEMORY: usize = 192 << 20;

/// Progress is told once in so many bytes.
const EVERY: u64 = 4 << 20;
