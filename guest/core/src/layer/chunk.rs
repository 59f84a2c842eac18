//! Chunks: what workers compress, and where a tar is cut into them (wit/README.md, "The codec profile").
//!
//! Borders depend on the codec and its level alone, and a chunk's bytes on the chunk alone: so blobs are the same on every host and
//! with any number of workers.

use super::{deflate, zstd};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Chunk, Compression, Packed};

/// Compresses one chunk: what a worker does.
///
/// # Errors
/// `invalid-option` for a level out of range, `limit-exceeded` for a chunk or dictionary over its size, `malformed` for parts that do
/// not add up.
pub fn compress(chunk: &Chunk) -> Result<Packed> {
    match chunk.compression {
        Compression::Deflate(level) => deflate::compress(chunk, level),
        Compression::Gzip(level) => deflate::members(chunk, level),
        Compression::Zstd(level) => zstd::compress(chunk, level),
    }
}

/// Cuts a tar into chunks of one size.
pub struct Cutter {
    compression: Compression,
    /// Bytes of a chunk.
    size: usize,
    /// Bytes before a chunk that prime it.
    primer: usize,
    dictionary: Vec<u8>,
    bytes: Vec<u8>,
}

impl Cutter {
    /// Before the first byte. Chunks have `size` bytes each, and for dictionary the `primer` bytes before them.
    pub fn new(compression: Compression, size: usize, primer: usize) -> Self {
        Self { compression, size, primer, dictionary: Vec::new(), bytes: Vec::with_capacity(size) }
    }

    /// The chunks that this piece completes. A chunk is complete when a byte follows it, because the last one ends differently.
    pub fn push(&mut self, mut piece: &[u8]) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        while !piece.is_empty() {
            if self.bytes.len() == self.size {
                chunks.push(self.cut(false));
            }
            let room = self.size.saturating_sub(self.bytes.len()).min(piece.len());
            let (now, later) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            self.bytes.extend_from_slice(now);
            piece = later;
        }
        chunks
    }

    /// The last chunk; empty when there were no bytes at all.
    pub fn finish(mut self) -> Chunk {
        self.cut(true)
    }

    fn cut(&mut self, last: bool) -> Chunk {
        let from = self.bytes.len().saturating_sub(self.primer);
        let next = self.bytes.get(from..).unwrap_or_default().to_vec();
        let dictionary = std::mem::replace(&mut self.dictionary, next);
        let room = if last { 0 } else { self.size };
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        Chunk { compression: self.compression, dictionary, bytes, parts: Vec::new(), last }
    }
}

/// A chunk that is not what a worker takes: its host's fault.
pub fn too_large(bytes: usize) -> Error {
    let message = format!("a chunk or its dictionary is larger than the codec takes: at most {bytes} bytes");
    Error::new(Fault::Host, Code::LimitExceeded("chunk size".into()), message)
}

/// A level that the codec does not have.
pub fn no_level(level: u8, codec: &str, range: &str) -> Error {
    Error::invalid_option("compression-level", format!("level {level} is not one of {codec}'s: {range}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::text;

    #[test]
    fn chunks_are_cut_at_every_border() {
        const SIZE: usize = 100_000;
        for primer in [0, 7, 32 << 10] {
            let mut cutter = Cutter::new(Compression::Deflate(4), SIZE, primer);
            let tar = text(2 * SIZE + 5);
            let mut chunks = cutter.push(&tar[..SIZE]);
            assert!(chunks.is_empty());
            chunks.extend(cutter.push(&tar[SIZE..]));
            chunks.push(cutter.finish());
            let mut at = 0;
            for (chunk, (length, last)) in chunks.iter().zip([(SIZE, false), (SIZE, false), (5, true)]) {
                assert!(chunk.dictionary == tar[at - at.min(primer)..at] && chunk.bytes == tar[at..at + length]);
                assert_eq!(chunk.last, last);
                at += length;
            }
            assert_eq!((chunks.len(), at), (3, tar.len()));
        }
    }

    #[test]
    fn what_a_worker_does_not_take() {
        let chunk = |compression, dictionary, bytes, parts: &[u32]| {
            let dictionary = vec![0; dictionary];
            let chunk = Chunk { compression, dictionary, bytes: vec![0; bytes], parts: parts.to_vec(), last: true };
            compress(&chunk).map_err(|error| error.code)
        };
        use Compression::{Deflate, Gzip, Zstd};
        assert!(chunk(Deflate(9), 32 << 10, 4 << 20, &[]).is_ok());
        assert!(chunk(Gzip(9), 0, 8 << 20, &[0, 8 << 20, 0]).is_ok());
        assert!(chunk(Zstd(1), 0, 16 << 20, &[]).is_ok());
        let level = Err(Code::InvalidOption("compression-level".into()));
        for compression in [Deflate(10), Gzip(10), Zstd(0), Zstd(23)] {
            assert_eq!(chunk(compression, 0, 0, &[]), level, "{compression:?}");
        }
        let size = Err(Code::LimitExceeded("chunk size".into()));
        for (compression, dictionary, bytes) in [
            (Deflate(9), (32 << 10) + 1, 0),
            (Deflate(9), 0, (4 << 20) + 1),
            (Gzip(9), 1, 0),
            (Gzip(9), 0, (8 << 20) + 1),
            (Zstd(3), 1, 0),
            (Zstd(3), 0, (16 << 20) + 1),
        ] {
            assert_eq!(chunk(compression, dictionary, bytes, &[]), size, "{compression:?}");
        }
        for parts in [&[][..], &[3], &[5], &[3, 2], &[u32::MAX, 5]] {
            assert_eq!(chunk(Gzip(9), 0, 4, parts), Err(Code::Malformed("chunk".into())), "{parts:?}");
        }
    }
}
