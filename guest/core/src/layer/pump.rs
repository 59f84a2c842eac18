//! The one pump: what is cut from a tar, hashed into its diff ID and, through the workers, written into a blob.
//!
//! Two halves run at the same time, joined by a short queue: one hashes and cuts, the other compresses several chunks at once and writes
//! them in order.

use futures_channel::mpsc;
use futures_util::future::{join, try_join};
use futures_util::{SinkExt, StreamExt};

use super::memo::{Fate, Memo, Trail, sum};
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Action, Chunk, Event, File, HashAlgorithm, Hasher, Media, Outcome, Packed, Step, Writer};
use crate::store::PIECE;
use crate::store::known::{Known, Piece};

/// A tar that is cut into chunks while it is read; together the chunks are the tar.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Cuts {
    /// The chunks that the next bytes complete; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Chunk>>>;
}

/// What there is to remember when a layer is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It was made before, and nothing was written.
    Known(Known),
    /// Its pieces; none when nobody remembers anything.
    New(Vec<Piece>),
}

/// What goes from one half to the other.
enum Work {
    /// To be copied from a blob that is there.
    Known(Known),
    /// To be compressed; with the hash of the tar up to its end, if that is to be remembered.
    Chunk(Chunk, Option<String>),
}

/// The same, done.
enum Done {
    Known(Known),
    Packed { packed: Packed, length: u64, last: bool, tar: Option<String> },
}

/// Moves a tar into a blob, and tells `sink` of each compressed chunk, in order, how long it is and how long it was. `size` is about how
/// many bytes a chunk has. With `memo` what was made before is not made again.
///
/// # Errors
/// Those of the tar, the workers, the sink and the blob, as they are; `digest-mismatch` when a blob that was made before is damaged.
pub async fn pump<M: Media, W: Writer>(
    tar: &mut Tar<'_, M>,
    cuts: &mut impl Cuts,
    size: usize,
    blob: &mut Blob<'_, M, W>,
    memo: Option<Memo<'_, M::Directory>>,
    mut sink: impl FnMut(&Packed, u64, u64) -> Result<()>,
) -> Result<Memory> {
    let media = tar.media;
    let mut trail = memo.clone().map_or(Trail::Off, Trail::Start);
    let remembers = memo.is_some();
    let (mut queue, work) = mpsc::channel::<Work>(1);
    let cut = async move {
        let mut next = cuts.next().await?;
        while let Some(chunks) = next {
            let (queue, trail, tar) = (&mut queue, &mut trail, &mut *tar);
            let pass = async {
                for chunk in chunks {
                    tar.add(&chunk.bytes).await;
                    let sum = if remembers { Some(sum(&mut tar.hasher).await) } else { None };
                    match trail.step(&chunk, sum.as_deref().unwrap_or_default()).await {
                        Fate::Known => continue,
                        Fate::New(Some(known)) => enqueue(queue, Work::Known(known)).await,
                        Fate::New(None) => {}
                    }
                    enqueue(queue, Work::Chunk(chunk, sum)).await;
                }
                Ok(())
            };
            // The next piece is read while this one is worked on.
            (next, ()) = try_join(cuts.next(), pass).await?;
        }
        let (all, some) = trail.end();
        if let Some(some) = some {
            enqueue(&mut queue, Work::Known(some)).await;
        }
        Ok(all)
    };
    let pack = async {
        let mut pieces = Vec::new();
        let done = work.map(async |work| match work {
            Work::Known(known) => Ok(Done::Known(known)),
            Work::Chunk(chunk, tar) => {
                let (length, last) = (chunk.bytes.len() as u64, chunk.last);
                media.compress(chunk).await.map(|packed| Done::Packed { packed, length, last, tar })
            }
        });
        let mut done = done.buffered(in_flight(media, size));
        while let Some(done) = done.next().await {
            match (done?, &memo) {
                (Done::Packed { packed, length, last, tar }, _) => {
                    let size = packed.bytes.len() as u64;
                    sink(&packed, size, length)?;
                    let Packed { bytes, parts, crc32 } = packed;
                    blob.write(bytes).await?;
                    if let Some(tar) = tar {
                        let blob = sum(&mut blob.hasher).await;
                        pieces.push(Piece { tar, blob, length, packed: size, parts, crc32, last });
                    }
                }
                (Done::Known(known), Some(memo)) => {
                    copy(memo, &known, blob).await?;
                    for piece in &known.pieces {
                        let packed = Packed { bytes: Vec::new(), parts: piece.parts.clone(), crc32: piece.crc32 };
                        sink(&packed, piece.packed, piece.length)?;
                    }
                    pieces = known.pieces;
                }
                (Done::Known(_), None) => {}
            }
        }
        Ok(pieces)
    };
    let (known, pieces) = try_join(cut, pack).await?;
    Ok(known.map_or(Memory::New(pieces), Memory::Known))
}

/// The pieces of a layer that was made before, out of its blob.
async fn copy<M: Media, W: Writer>(
    memo: &Memo<'_, M::Directory>,
    known: &Known,
    blob: &mut Blob<'_, M, W>,
) -> Result<()> {
    let descriptor = &known.layer.descriptor;
    let file = memo.store().blob(descriptor).await?;
    // A header is in both blobs already.
    let end = known.pieces.iter().fold(blob.size, |end, piece| end.saturating_add(piece.packed));
    while blob.size < end {
        let room = end.saturating_sub(blob.size).min(u64::from(PIECE));
        let piece = file.read_at(blob.size, u32::try_from(room).unwrap_or(PIECE)).await?;
        if piece.is_empty() {
            break;
        }
        blob.write(piece).await?;
    }
    let is = sum(&mut blob.hasher).await;
    if known.pieces.last().is_some_and(|piece| piece.blob == is) {
        return Ok(());
    }
    let digest = &descriptor.digest;
    let message = format!("blob {digest} in the store is damaged: remove the images that have it, and export again");
    Err(Error::new(Fault::Store, Code::Malformed("blob".into()), message))
}

/// How many chunks of so many bytes are compressed at the same time: enough that no worker waits, and no more memory than that takes.
fn in_flight<M: Media>(media: &M, size: usize) -> usize {
    let workers = media.parallelism().max(1) as usize;
    let wanted = if size < LARGE { workers.saturating_mul(2) } else { workers.saturating_add(1) };
    wanted.min(MEMORY.checked_div(size).unwrap_or(1)).max(1)
}

/// A closed queue means that the other half has failed: its error is the one that counts, and ends this half.
async fn enqueue(queue: &mut mpsc::Sender<Work>, work: Work) {
    if queue.feed(work).await.is_err() {
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
    async fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE as usize) {
            self.count(piece.len());
            self.hasher.update(piece.to_vec()).await;
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
    pub async fn finish(mut self) -> Digest {
        self.say(true);
        Digest::from_hash(HashAlgorithm::Sha256, &self.hasher.sum().await)
    }

    fn say(&self, finished: bool) {
        let (id, subject) = (self.subject.to_owned(), self.subject.to_owned());
        let (done, outcome) = (self.size, finished.then_some(Outcome::Done));
        let step = Step { id, action: Action::Layer, subject, target: None, done, total: None, outcome };
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
    pub async fn finish(mut self) -> (Digest, u64) {
        (Digest::from_hash(HashAlgorithm::Sha256, &self.hasher.sum().await), self.size)
    }
}

/// From this size on a chunk takes so long that one that waits for each worker would only be memory.
const LARGE: usize = 4 << 20;

/// Bytes that are compressed at the same time at most.
const MEMORY: usize = 192 << 20;

/// Progress is told once in so many bytes.
const EVERY: u64 = 4 << 20;
