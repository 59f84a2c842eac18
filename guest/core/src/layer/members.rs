//! The members of an eStargz blob in the making: where they end, and which of them go to a worker together.
//!
//! A member ends where it is told to, and where it is full; so borders depend on the tar alone. Small members are compressed several
//! at a time, which changes none of their bytes.

use crate::media::{Chunk, Compression};

/// What was not yet handed to a worker.
pub struct Members {
    level: u8,
    bytes: Vec<u8>,
    /// Bytes of each member in `bytes` that has ended.
    parts: Vec<u32>,
    /// Bytes of the member that has not.
    open: usize,
    /// Members that have ended, ever.
    ended: usize,
    ready: Vec<Chunk>,
}

impl Members {
    /// Before the first one.
    pub fn new(level: u8) -> Self {
        Self { level, bytes: Vec::new(), parts: Vec::new(), open: 0, ended: 0, ready: Vec::new() }
    }

    /// The next bytes of the tar.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = FULL.saturating_sub(self.open).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.bytes.extend_from_slice(now);
            self.open = self.open.saturating_add(now.len());
            bytes = later;
            if self.open == FULL {
                self.end();
            }
        }
    }

    /// Ends the member, unless it is empty, and says which one is next, from 0.
    pub fn end(&mut self) -> usize {
        if self.open > 0 {
            self.parts.push(u32::try_from(self.open).unwrap_or(u32::MAX));
            self.ended = self.ended.saturating_add(1);
            self.open = 0;
            if self.bytes.len() >= TOGETHER {
                self.hand_over();
            }
        }
        self.ended
    }

    /// The chunks that are complete.
    pub fn ready(&mut self) -> Vec<Chunk> {
        std::mem::take(&mut self.ready)
    }

    /// The last chunks.
    pub fn finish(mut self) -> Vec<Chunk> {
        self.end();
        if !self.parts.is_empty() {
            self.hand_over();
        }
        self.ready
    }

    fn hand_over(&mut self) {
        let (bytes, parts) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.parts));
        let compression = Compression::Gzip(self.level);
        self.ready.push(Chunk { compression, dictionary: Vec::new(), bytes, parts, last: false });
    }
}

/// Bytes of a chunk of a file: part of the codec profile.
pub const CHUNK: u64 = 4 << 20;

/// Bytes of a member at most, a chunk and the headers behind it: part of the codec profile.
const FULL: usize = 5 << 20;

/// From so many bytes on, members go to a worker.
pub const TOGETHER: usize = 1 << 20;
