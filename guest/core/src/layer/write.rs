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
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Action, Chunk, Event, HashAlgorithm, Hasher, Media, Step, Writer};
use crate::media_type;

/// The bytes of a tar, once, in pieces.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Contents {
    /// The next piece, at least 1 byte; `None` at the end and ever after.
    async fn next(&mut self) -> Result<Option<Vec<u8>>>;

    /// Something to know about what was read so far that does not stop the job; each is told once.
    fn warning(&mut self) -> Option<String> {
        None
    }
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
    let mut progress = Progress { media, subject, done: 0 };
    let (digest, size, diff_id) = match codec {
        Codec::Uncompressed => plain(media, contents, &mut progress, writer).await?,
        Codec::Gzip { level } => gzip(media, contents, level, &mut progress, writer).await?,
        Codec::Estargz { .. } | Codec::Zstd { .. } => {
            let message = format!("layers cannot be compressed as {codec} in this version; use gzip or uncompressed");
            return Err(Error::new(Fault::Request, Code::Unsupported("compression".into()), message));
        }
    };
    progress.say(true);
    let descriptor = Descriptor::new(media_type::layer(codec.packing()), digest, size);
    Ok(Layer { descriptor, diff_id: DiffId(diff_id) })
}

async fn plain<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    progress: &mut Progress<'_, M>,
    writer: &mut W,
) -> Result<(Digest, u64, Digest)> {
    let mut blob = Blob::new(media, writer);
    let mut piece = next(media, contents).await?;
    while let Some(now) = piece {
        progress.add(now.len());
        // The next piece is read while this one is written.
        (piece, ()) = try_join(next(media, contents), blob.write(now)).await?;
    }
    let (digest, size) = blob.finish().await;
    Ok((digest.clone(), size, digest))
}

async fn gzip<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    level: u8,
    progress: &mut Progress<'_, M>,
    writer: &mut W,
) -> Result<(Digest, u64, Digest)> {
    let (mut queue, chunks) = mpsc::channel::<Chunk>(1);
    let cut = async move {
        let mut hasher = media.hasher(HashAlgorithm::Sha256);
        let mut cutter = Cutter::new(level);
        let mut piece = next(media, contents).await?;
        while let Some(now) = piece {
            progress.add(now.len());
            let chunks = cutter.push(&now);
            let queue = &mut queue;
            let work = async {
                hasher.update(now).await;
                for chunk in chunks {
                    enqueue(queue, chunk).await;
                }
                Ok(())
            };
            // The next piece is read while this one is worked on.
            (piece, ()) = try_join(next(media, contents), work).await?;
        }
        enqueue(&mut queue, cutter.finish()).await;
        drop(queue);
        Ok(Digest::from_hash(HashAlgorithm::Sha256, &hasher.finish().await))
    };
    let pack = async {
        let mut blob = Blob::new(media, writer);
        blob.write(deflate::HEADER.to_vec()).await?;
        let mut trailer = deflate::Trailer::default();
        let in_flight = (media.parallelism().max(1) as usize).saturating_mul(2);
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

/// The next piece; what there is to know about the contents is told.
async fn next<M: Media>(media: &M, contents: &mut impl Contents) -> Result<Option<Vec<u8>>> {
    let piece = contents.next().await?;
    if let Some(warning) = contents.warning() {
        media.emit(Event::Warning(warning));
    }
    Ok(piece)
}

/// A closed queue means that the other half has failed: its error is the one that counts, and ends this half.
async fn enqueue(queue: &mut mpsc::Sender<Chunk>, chunk: Chunk) {
    if queue.feed(chunk).await.is_err() {
        std::future::pending::<()>().await;
    }
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
    done: u64,
}

impl<M: Media> Progress<'_, M> {
    fn add(&mut self, bytes: usize) {
        let before = self.done / EVERY;
        self.done = self.done.saturating_add(bytes as u64);
        if self.done / EVERY != before {
            self.say(false);
        }
    }

    fn say(&self, finished: bool) {
        let (id, subject) = (self.subject.to_owned(), self.subject.to_owned());
        let step = Step { id, action: Action::Layer, subject, done: self.done, total: None, note: None, finished };
        self.media.emit(Event::Step(step));
    }
}

/// Progress is told once in so many bytes.
const EVERY: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::{Given, Late, text, wait};
    use crate::media::{Directory as _, File as _};
    use crate::memory::{self, Directory, Memory};

    fn blob(writer: &memory::Writer) -> Vec<u8> {
        let file = wait(writer.reader()).unwrap();
        wait(file.read_at(0, u32::MAX)).unwrap()
    }

    fn make(parallelism: u32, tar: &[u8], piece: usize, codec: Codec) -> (Layer, Vec<u8>, Vec<Event>) {
        let media = Late(Memory { parallelism, ..Memory::default() });
        let mut writer = wait(Directory::default().create()).unwrap();
        let layer = wait(write(&media, &mut Given(tar, piece, None), codec, "tree", &mut writer)).unwrap();
        (layer, blob(&writer), media.0.events.into_inner())
    }

    /// Decodes one gzip member with another decoder.
    fn unpack(member: &[u8]) -> Vec<u8> {
        let (head, rest) = member.split_at(10);
        let (body, trailer) = rest.split_at(rest.len() - 8);
        assert_eq!(head, deflate::HEADER);
        let tar = miniz_oxide::inflate::decompress_to_vec(body).unwrap();
        let sum = crc32fast::hash(&tar).to_le_bytes();
        assert_eq!(trailer, [sum, (tar.len() as u32).to_le_bytes()].concat());
        tar
    }

    #[test]
    fn the_same_bytes_with_any_number_of_workers() {
        let tar = text((9 << 20) + 4711);
        for level in [0, 1, 4, 6, 9] {
            let codec = Codec::Gzip { level };
            let one = make(1, &tar, 1 << 20, codec);
            assert!(unpack(&one.1) == tar);
            assert_eq!(one.0.diff_id, DiffId(Digest::of(&tar)));
            let descriptor = Descriptor::new(media_type::LAYER_GZIP, Digest::of(&one.1), one.1.len() as u64);
            assert_eq!(one.0.descriptor, descriptor);
            for (parallelism, piece) in [(2, 1 << 20), (7, 77_777), (3, 5 << 20)] {
                let other = make(parallelism, &tar, piece, codec);
                assert!(one.0 == other.0 && one.1 == other.1, "{level} {parallelism}");
            }
        }
    }

    #[test]
    fn a_layer_of_any_length_is_one_member() {
        for length in [0, 1, 1024, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20] {
            let tar = text(length);
            assert!(unpack(&make(2, &tar, 1 << 20, Codec::Gzip { level: 4 }).1) == tar, "{length}");
        }
    }

    #[test]
    fn an_uncompressed_layer_is_its_tar() {
        let tar = text(9 << 20);
        let (layer, blob, events) = make(1, &tar, 1 << 20, Codec::Uncompressed);
        assert!(blob == tar);
        assert_eq!(layer.diff_id.0, layer.descriptor.digest);
        assert_eq!(layer.descriptor, Descriptor::new(media_type::LAYER, Digest::of(&tar), 9 << 20));
        let steps = events.iter().map(|event| match event {
            Event::Step(step) => (step.subject.as_str(), step.done, step.finished),
            Event::Warning(warning) => panic!("{warning}"),
        });
        assert_eq!(
            steps.collect::<Vec<_>>(),
            [("tree", 4 << 20, false), ("tree", 8 << 20, false), ("tree", 9 << 20, true)]
        );
    }

    /// A writer for which the disk is full at once.
    struct Full;

    impl Writer for Full {
        type File = memory::File;

        async fn write(&mut self, _: Vec<u8>) -> Result<()> {
            Err(full())
        }

        async fn reader(&self) -> Result<memory::File> {
            Err(full())
        }

        async fn publish(self, _: &str) -> Result<()> {
            Err(full())
        }
    }

    fn full() -> Error {
        Error::new(Fault::Store, Code::OutOfSpace, "no room")
    }

    #[test]
    fn either_half_may_fail() {
        let tar = text(40 << 20);
        for codec in [Codec::Uncompressed, Codec::Gzip { level: 1 }] {
            let media = Late(Memory::default());
            assert_eq!(wait(write(&media, &mut Given(&tar, 1 << 20, None), codec, "t", &mut Full)), Err(full()));
            let broken = Error::malformed("tar", "broken");
            let mut writer = wait(Directory::default().create()).unwrap();
            let mut contents = Given(&tar, 1 << 20, Some(broken.clone()));
            assert_eq!(wait(write(&media, &mut contents, codec, "t", &mut writer)), Err(broken));
        }
        let media = Late(Memory::default());
        let mut writer = wait(Directory::default().create()).unwrap();
        let layer = wait(write(&media, &mut Given(&tar, 1 << 20, None), Codec::Gzip { level: 10 }, "t", &mut writer));
        assert_eq!(layer.unwrap_err().code, Code::InvalidOption("compression-level".into()));
    }
}
