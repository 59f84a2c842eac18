//! The codec profile's gzip (wit/README.md, "The codec profile"): one member, cut into chunks that compress apart from each other.
//!
//! A chunk is raw DEFLATE primed with what stands before it and ended on a byte border, so that the chunks' bytes, one after the
//! other, are one stream, whoever compressed them.

use flate2::{Compress, Compression as Level, FlushCompress, Status};

use crate::error::{Code, Error, Fault, Result};
use crate::media::{Chunk, Compression, Packed};

/// The member's header (RFC 1952, 2.3): no name, no time, no extra flags, unknown system.
pub const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses one chunk: what a worker does.
///
/// # Errors
/// `invalid-option` for a level out of range, `limit-exceeded` for a chunk or dictionary over its size.
pub fn compress(chunk: &Chunk) -> Result<Packed> {
    let Compression::Deflate(level) = chunk.compression;
    if level > 9 {
        return Err(Error::invalid_option("compression-level", format!("level {level} is not one of gzip's: 0 to 9")));
    }
    if chunk.bytes.len() > MAX_CHUNK || chunk.dictionary.len() > DICTIONARY {
        let message = format!("a chunk is at most {MAX_CHUNK} bytes and its dictionary {DICTIONARY}");
        return Err(Error::new(Fault::Host, Code::LimitExceeded("chunk size".into()), message));
    }
    let mut state = Compress::new(Level::new(u32::from(level)), false);
    if !chunk.dictionary.is_empty() {
        state.set_dictionary(&chunk.dictionary).map_err(|_| broken("the dictionary was refused"))?;
    }
    let flush = if chunk.last { FlushCompress::Finish } else { FlushCompress::Sync };
    // Room for all that it can become: how DEFLATE stores what does not compress depends on the room that it is given.
    let mut bytes = Vec::with_capacity(chunk.bytes.len().saturating_add(chunk.bytes.len() / 8).saturating_add(1024));
    loop {
        let done = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let rest = chunk.bytes.get(done..).unwrap_or_default();
        let status = state.compress_vec(rest, &mut bytes, flush).map_err(|_| broken("the stream broke"))?;
        let finished = match status {
            Status::StreamEnd => true,
            // A flush is complete when there is room left behind it.
            Status::Ok | Status::BufError => !chunk.last && bytes.len() < bytes.capacity(),
        };
        if finished {
            bytes.shrink_to_fit();
            return Ok(Packed { bytes, crc32: crc32fast::hash(&chunk.bytes) });
        }
        bytes.reserve((chunk.bytes.len() / 4).saturating_add(1024));
    }
}

/// Cuts a tar into the profile's chunks.
pub struct Cutter {
    level: u8,
    dictionary: Vec<u8>,
    bytes: Vec<u8>,
}

impl Cutter {
    /// Before the first byte.
    pub fn new(level: u8) -> Self {
        Self { level, dictionary: Vec::new(), bytes: Vec::with_capacity(CHUNK) }
    }

    /// The chunks that this piece completes. A chunk is complete when a byte follows it, because the last one ends differently.
    pub fn push(&mut self, mut piece: &[u8]) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        while !piece.is_empty() {
            if self.bytes.len() == CHUNK {
                chunks.push(self.cut(false));
            }
            let room = CHUNK.saturating_sub(self.bytes.len()).min(piece.len());
            let (now, later) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            self.bytes.extend_from_slice(now);
            piece = later;
        }
        chunks
    }

    /// The last chunk.
    pub fn finish(mut self) -> Chunk {
        self.cut(true)
    }

    fn cut(&mut self, last: bool) -> Chunk {
        let from = self.bytes.len().saturating_sub(DICTIONARY);
        let next = self.bytes.get(from..).unwrap_or_default().to_vec();
        let dictionary = std::mem::replace(&mut self.dictionary, next);
        let room = if last { 0 } else { CHUNK };
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        Chunk { compression: Compression::Deflate(self.level), dictionary, bytes, last }
    }
}

/// What ends the member: the CRC-32 of all chunks, and how many bytes they were, modulo 2^32.
#[derive(Default)]
pub struct Trailer {
    crc32: crc32fast::Hasher,
    length: u64,
}

impl Trailer {
    /// The next chunk's CRC-32 and length.
    pub fn add(&mut self, crc32: u32, length: u64) {
        self.crc32.combine(&crc32fast::Hasher::new_with_initial_len(crc32, length));
        self.length = self.length.saturating_add(length);
    }

    /// Eight bytes.
    pub fn bytes(self) -> [u8; 8] {
        let [a, b, c, d] = self.crc32.finalize().to_le_bytes();
        let [e, f, g, h] = (self.length as u32).to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

fn broken(why: &str) -> Error {
    Error::new(Fault::Component, Code::Other("deflate".into()), format!("compressing a chunk failed: {why}"))
}

/// Bytes of a chunk: part of the codec profile.
pub const CHUNK: usize = 1 << 20;

/// Bytes before a chunk that prime it: part of the codec profile, and DEFLATE's window.
const DICTIONARY: usize = 32 << 10;

/// What a worker takes at most, in bytes.
const MAX_CHUNK: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::text;

    #[test]
    fn chunks_of_any_content_join() {
        let mut noise = text(100_000);
        noise.iter_mut().zip(text(300_000).chunks(3)).for_each(|(byte, other)| {
            *byte = crc32fast::hash(other) as u8;
        });
        for bytes in [Vec::new(), vec![0; 70_000], text(70_000), noise] {
            for level in 0..=9 {
                let compression = Compression::Deflate(level);
                let (first, second) = bytes.split_at(bytes.len() / 2);
                let chunk = Chunk { compression, dictionary: Vec::new(), bytes: first.to_vec(), last: false };
                let start = compress(&chunk).unwrap();
                let dictionary = first[first.len().saturating_sub(DICTIONARY)..].to_vec();
                let end = compress(&Chunk { compression, dictionary, bytes: second.to_vec(), last: true }).unwrap();
                assert_eq!((start.crc32, end.crc32), (crc32fast::hash(first), crc32fast::hash(second)));
                let joined = [&start.bytes[..], &end.bytes].concat();
                assert!(miniz_oxide::inflate::decompress_to_vec(&joined).unwrap() == bytes, "{level}");
            }
        }
    }

    #[test]
    fn what_a_worker_does_not_take() {
        let chunk = |level, dictionary, bytes| {
            let compression = Compression::Deflate(level);
            compress(&Chunk { compression, dictionary: vec![0; dictionary], bytes: vec![0; bytes], last: true })
        };
        assert!(chunk(9, 32 << 10, 4 << 20).is_ok());
        assert_eq!(chunk(10, 0, 0).unwrap_err().code, Code::InvalidOption("compression-level".into()));
        assert_eq!(chunk(9, (32 << 10) + 1, 0).unwrap_err().code, Code::LimitExceeded("chunk size".into()));
        assert_eq!(chunk(9, 0, (4 << 20) + 1).unwrap_err().code, Code::LimitExceeded("chunk size".into()));
    }

    /// Another number here is another profile: blobs would no longer be the same as before.
    #[test]
    fn the_bytes_of_profile_1() {
        let tar = text(400_000);
        let (dictionary, bytes) = (tar[..DICTIONARY].to_vec(), tar[DICTIONARY..].to_vec());
        let mut chunk = Chunk { compression: Compression::Deflate(0), dictionary, bytes, last: true };
        let mut sums = Vec::new();
        for level in 0..=9 {
            chunk.compression = Compression::Deflate(level);
            let bytes = compress(&chunk).unwrap().bytes;
            sums.push((bytes.len(), crc32fast::hash(&bytes)));
        }
        let expected = [
            (367_262, 3_457_410_916),
            (255_325, 2_956_500_333),
            (168_739, 1_134_428_010),
            (164_458, 3_668_293_240),
            (162_732, 1_351_042_570),
            (162_586, 2_696_481_106),
            (162_533, 3_536_122_681),
            (159_520, 968_905_664),
            (159_520, 968_905_664),
            (159_611, 316_254_768),
        ];
        assert_eq!(sums, expected);
    }

    #[test]
    fn chunks_are_cut_at_every_mebibyte() {
        let mut cutter = Cutter::new(4);
        let tar = text(2 * CHUNK + 5);
        let mut chunks = cutter.push(&tar[..CHUNK]);
        assert!(chunks.is_empty());
        chunks.extend(cutter.push(&tar[CHUNK..]));
        chunks.push(cutter.finish());
        let mut at = 0;
        for (chunk, (length, last)) in chunks.iter().zip([(CHUNK, false), (CHUNK, false), (5, true)]) {
            assert!(chunk.dictionary == tar[at - at.min(DICTIONARY)..at] && chunk.bytes == tar[at..at + length]);
            assert_eq!(chunk.last, last);
            at += length;
        }
        assert_eq!((chunks.len(), at), (3, tar.len()));
    }
}
