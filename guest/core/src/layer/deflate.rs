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
    let mut bytes = Vec::with_capacity(chunk.bytes.len() / 2 + 1024);
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
            return Ok(Packed { bytes, crc32: crc32fast::hash(&chunk.bytes) });
        }
        bytes.reserve(chunk.bytes.len() / 4 + 1024);
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
