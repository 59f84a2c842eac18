//! A tar's bytes to its diff ID and, through the codec, to a blob and its digest.
//!
//! Everything that decides what a layer's bytes are, given its tar, is here and in the codecs' files.

use futures_util::future::try_join;

use super::chunk::Cutter;
use super::memo::Memo;
use super::pump::{Blob, Cuts, Memory, Tar, pump};
use super::{Codec, Layer, deflate, estargz, zstd};
use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::error::Result;
use crate::media::{Chunk, Event, Media, Writer};
use crate::media_type::Family;

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

impl<C: Contents> Contents for &mut C {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        (**self).next().await
    }

    fn warning(&mut self) -> Option<String> {
        (**self).warning()
    }
}

/// The usual size of a piece, in bytes.
pub const PIECE: u32 = 1 << 20;

/// Writes the layer's blob, unpublished, and says what it is, and what there is to remember of it. When all of it is known already,
/// nothing needs to be written. The bytes do not depend on how many workers there are.
///
/// # Errors
/// Those of the contents, the workers and the writer, as they are; for eStargz also `malformed` and `unsupported` for entries that its
/// table of contents cannot list.
pub async fn write<M: Media, W: Writer>(
    media: &M,
    contents: &mut impl Contents,
    codec: Codec,
    subject: &str,
    writer: &mut W,
    memo: Option<Memo<'_, M::Directory>>,
) -> Result<(Layer, Memory)> {
    let mut tar = Tar::new(media, subject);
    let mut blob = Blob::new(media, writer);
    let mut annotations = Default::default();
    let memory = match codec {
        Codec::Uncompressed => plain(&mut tar, contents, &mut blob).await?,
        Codec::Gzip { level } => gzip(&mut tar, contents, level, &mut blob, memo).await?,
        Codec::Zstd { level } => {
            let mut cuts = Chunks::new(media, contents, zstd::cutter(level));
            pump(&mut tar, &mut cuts, zstd::frame(level), &mut blob, memo, |_, _, _| Ok(())).await?
        }
        Codec::Estargz { level } => {
            let (said, memory) = estargz::write(&mut tar, contents, level, &mut blob, memo).await?;
            annotations = said;
            memory
        }
    };
    if let Memory::Known(known) = &memory {
        return Ok((known.layer.clone(), memory));
    }
    let diff_id = tar.finish().await;
    let (digest, size) = blob.finish().await;
    let diff_id = if codec == Codec::Uncompressed { digest.clone() } else { diff_id };
    let mut descriptor = Descriptor::new(Family::Oci.layer(codec.packing(), true), digest, size);
    descriptor.annotations = annotations;
    Ok((Layer { descriptor, diff_id: DiffId(diff_id) }, memory))
}

/// A tar as it is: its bytes are hashed once, as the blob's.
async fn plain<M: Media, W: Writer>(
    tar: &mut Tar<'_, M>,
    contents: &mut impl Contents,
    blob: &mut Blob<'_, M, W>,
) -> Result<Memory> {
    let media = tar.media;
    let mut piece = next(media, contents).await?;
    while let Some(now) = piece {
        tar.count(now.len());
        // The next piece is read while this one is written.
        (piece, ()) = try_join(next(media, contents), blob.write(now)).await?;
    }
    Ok(Memory::New(Vec::new()))
}

/// One gzip member, at the end of what is in the blob.
pub async fn gzip<M: Media, W: Writer>(
    tar: &mut Tar<'_, M>,
    contents: &mut impl Contents,
    level: u8,
    blob: &mut Blob<'_, M, W>,
    memo: Option<Memo<'_, M::Directory>>,
) -> Result<Memory> {
    blob.write(deflate::HEADER.to_vec()).await?;
    let mut trailer = deflate::Trailer::default();
    let mut cuts = Chunks::new(tar.media, contents, deflate::cutter(level));
    let memory = pump(tar, &mut cuts, deflate::CHUNK, blob, memo, |packed, _, length| {
        trailer.add(packed.crc32, length);
        Ok(())
    })
    .await?;
    blob.write(trailer.bytes().to_vec()).await?;
    Ok(memory)
}

/// The next piece; what there is to know about the contents is told.
pub async fn next<M: Media>(media: &M, contents: &mut impl Contents) -> Result<Option<Vec<u8>>> {
    let piece = contents.next().await?;
    if let Some(warning) = contents.warning() {
        media.emit(Event::Warning(warning));
    }
    Ok(piece)
}

/// A tar cut into chunks of one size.
struct Chunks<'a, M, C> {
    media: &'a M,
    contents: &'a mut C,
    /// `None` behind the end.
    cutter: Option<Cutter>,
}

impl<'a, M, C> Chunks<'a, M, C> {
    fn new(media: &'a M, contents: &'a mut C, cutter: Cutter) -> Self {
        Self { media, contents, cutter: Some(cutter) }
    }
}

impl<M: Media, C: Contents> Cuts for Chunks<'_, M, C> {
    async fn next(&mut self) -> Result<Option<Vec<Chunk>>> {
        let Some(cutter) = &mut self.cutter else { return Ok(None) };
        if let Some(bytes) = next(self.media, self.contents).await? {
            return Ok(Some(cutter.push(&bytes)));
        }
        let last = self.cutter.take().map(Cutter::finish);
        Ok(Some(last.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::error::{Code, Error, Fault};
    use crate::layer::trial::{Given, Late, text, unzstd, wait};
    use crate::media::{Directory as _, File as _};
    use crate::media_type;
    use crate::memory::{self, Directory, Memory};

    fn blob(writer: &memory::Writer) -> Vec<u8> {
        let file = wait(writer.reader()).unwrap();
        wait(file.read_at(0, u32::MAX)).unwrap()
    }

    fn make(parallelism: u32, tar: &[u8], piece: usize, codec: Codec) -> (Layer, Vec<u8>, Vec<Event>) {
        let media = Late(Memory { parallelism, ..Memory::default() });
        let mut writer = wait(Directory::default().create()).unwrap();
        let (layer, _) = wait(write(&media, &mut Given(tar, piece, None), codec, "tree", &mut writer, None)).unwrap();
        (layer, blob(&writer), media.0.events.into_inner())
    }

    /// Decodes one gzip member, or zstd frames, with another decoder.
    fn unpack(member: &[u8], codec: Codec) -> Vec<u8> {
        if let Codec::Zstd { .. } = codec {
            return unzstd(member);
        }
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
        let gzip = [0, 1, 4, 6, 9].map(|level| Codec::Gzip { level });
        let zstd = [1, 3, 6].map(|level| Codec::Zstd { level });
        for codec in gzip.into_iter().chain(zstd) {
            let one = make(1, &tar, 1 << 20, codec);
            assert!(unpack(&one.1, codec) == tar);
            assert_eq!(one.0.diff_id, DiffId(Digest::of(&tar)));
            let media_type = Family::Oci.layer(codec.packing(), true);
            assert_eq!(one.0.descriptor, Descriptor::new(media_type, Digest::of(&one.1), one.1.len() as u64));
            for (parallelism, piece) in [(2, 1 << 20), (7, 77_777), (3, 5 << 20)] {
                let other = make(parallelism, &tar, piece, codec);
                assert!(one.0 == other.0 && one.1 == other.1, "{codec} {parallelism}");
            }
        }
    }

    #[test]
    fn a_layer_of_any_length_is_one_member_or_some_frames() {
        for length in [0, 1, 1024, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20] {
            let tar = text(length);
            for codec in [Codec::Gzip { level: 4 }, Codec::Zstd { level: 3 }] {
                assert!(unpack(&make(2, &tar, 1 << 20, codec).1, codec) == tar, "{codec} {length}");
            }
        }
        let codec = Codec::Zstd { level: 1 };
        for (length, frames) in [(4 << 20, 1), ((4 << 20) + 1, 2), (8 << 20, 2)] {
            let blob = make(2, &vec![b'!'; length], 1 << 20, codec).1;
            assert_eq!(blob.windows(4).filter(|four| *four == [0x28, 0xb5, 0x2f, 0xfd]).count(), frames);
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
            Event::Step(step) => (step.subject.as_str(), step.done, step.outcome.is_some()),
            other => panic!("{other:?}"),
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

        async fn publish(self, _: &str) -> Result<memory::File> {
            Err(full())
        }
    }

    fn full() -> Error {
        Error::new(Fault::Store, Code::OutOfSpace, "no room")
    }

    #[test]
    fn either_half_may_fail() {
        let tar = text(40 << 20);
        for codec in [Codec::Uncompressed, Codec::Gzip { level: 1 }, Codec::Zstd { level: 1 }] {
            let media = Late(Memory::default());
            assert_eq!(wait(write(&media, &mut Given(&tar, 1 << 20, None), codec, "t", &mut Full, None)), Err(full()));
            let broken = Error::malformed("tar", "broken");
            let mut writer = wait(Directory::default().create()).unwrap();
            let mut contents = Given(&tar, 1 << 20, Some(broken.clone()));
            assert_eq!(wait(write(&media, &mut contents, codec, "t", &mut writer, None)), Err(broken));
        }
        let media = Late(Memory::default());
        let mut writer = wait(Directory::default().create()).unwrap();
        let layer =
            wait(write(&media, &mut Given(&tar, 1 << 20, None), Codec::Gzip { level: 10 }, "t", &mut writer, None));
        assert_eq!(layer.unwrap_err().code, Code::InvalidOption("compression-level".into()));
    }
}
