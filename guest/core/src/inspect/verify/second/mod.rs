//! A second opinion on compressed layers: gzip over miniz_oxide, zstd over ruzstd, with the interface and the limits of
//! [`crate::layer::decode`], which uses neither.
//!
//! What was decoded before a flaw comes out before the flaw does, so that what is found does not depend on the pieces that come in.

mod gzip;
#[cfg(test)]
mod tests;
mod zstd;

use self::gzip::Gzip;
use self::zstd::Zstd;
use super::codes::{self, Code};
use super::finding::Flaw;
use crate::error::Result;
use crate::layer::Limits;

/// A stream's decoder, told apart by its first bytes.
pub enum Decoder {
    /// gzip.
    Gzip(Box<Gzip>),
    /// zstd.
    Zstd(Box<Zstd>),
}

/// How much came in and out, against the limits.
pub struct Budget {
    read: u64,
    made: u64,
    limits: Limits,
}

/// A member of a gzip stream: where it starts in the stream, and where its content starts in all that comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub at: u64,
    pub content: u64,
}

impl Decoder {
    /// For a stream that starts with these bytes; `None` when it is neither.
    pub fn of(start: &[u8], limits: Limits) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip(Box::new(Gzip::new(limits)))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstd(Box::new(Zstd::new(limits))))
            }
            _ => None,
        }
    }

    /// Decodes some of `input`: how many of its bytes were taken, and what they became. Taking none and making none means that more input is
    /// needed. After a flaw nothing more comes.
    ///
    /// # Errors
    /// What is wrong with the stream, and limits.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>), Flaw> {
        match self {
            Self::Gzip(gzip) => gzip.push(input),
            Self::Zstd(zstd) => zstd.push(input),
        }
    }

    /// The stream must end here.
    ///
    /// # Errors
    /// That it is cut short.
    pub fn finish(&self) -> Result<(), Flaw> {
        match self {
            Self::Gzip(gzip) => gzip.finish(),
            Self::Zstd(zstd) => zstd.finish(),
        }
    }

    /// What is odd about the stream.
    pub fn oddities(&self) -> Vec<Flaw> {
        match self {
            Self::Gzip(gzip) => gzip.oddities(),
            Self::Zstd(zstd) => zstd.oddities(),
        }
    }

    /// From now on remembers where gzip members start.
    pub fn remember_members(&mut self) {
        if let Self::Gzip(gzip) = self {
            gzip.remember_members();
        }
    }

    /// Where they start, and the extra field of the last one.
    pub fn members(&self) -> (&[Member], &[u8]) {
        match self {
            Self::Gzip(gzip) => gzip.members(),
            Self::Zstd(_) => (&[], &[]),
        }
    }
}

impl Budget {
    fn new(limits: Limits) -> Self {
        Self { read: 0, made: 0, limits }
    }

    fn add(&mut self, read: usize, made: usize) -> Result<(), Flaw> {
        self.read = self.read.saturating_add(read as u64);
        self.made = self.made.saturating_add(made as u64);
        limited(self.limits.decompressed(self.read, self.made))
    }
}

/// A limit as a flaw.
pub fn limited(met: Result<()>) -> Result<(), Flaw> {
    met.map_err(|error| {
        let message = error.to_string();
        Flaw::of(error).unwrap_or_else(|_| Flaw::new(codes::LIMIT_SIZE, message))
    })
}

fn flaw<T>(code: &'static Code, message: &str) -> Result<T, Flaw> {
    Err(Flaw::new(code, message))
}

/// Bytes that one call makes at least, when there are so many.
const OUT: usize = 1 << 20;
