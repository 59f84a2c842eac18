//! Reading compressed tars, gzip and zstd, in bounded memory.
//!
//! What an encoder may legally write is read; what is cut short, damaged or followed by something else is an error. Output is
//! limited, so that a small file cannot become an endless one. gzip takes 32 KiB. How much memory zstd takes is in the header of each
//! frame: a window of 8 MiB or less, unless the encoder was told otherwise, of 128 MiB at most, and no more than has come out so far.

mod zstd;

use self::zstd::Zstd;
use super::gzip::Gzip;
use super::limits::Limits;
use super::resume::{Mark, Marks, State};
use crate::error::Result;

/// A stream's decoder, told apart by its first bytes.
pub enum Decoder {
    /// gzip.
    Gzip(Box<Gzip>),
    /// zstd.
    Zstd(Box<Zstd>),
}

/// How much came in and out, against the limits.
#[derive(Default)]
pub struct Budget {
    read: u64,
    made: u64,
    limits: Limits,
}

impl Decoder {
    /// For a stream that starts with these bytes; `None` when it is neither.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip(Box::new(Gzip::new()))),
            // A frame, or a skippable one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstd(Box::new(Zstd::new())))
            }
            _ => None,
        }
    }

    /// With these limits instead of the usual ones.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        match &mut self {
            Self::Gzip(gzip) => gzip.budget().limits = limits,
            Self::Zstd(zstd) => zstd.budget().limits = limits,
        }
        self
    }

    /// At a place in a stream: what stands behind it is decoded.
    pub fn at(mark: &Mark) -> Self {
        match mark.state {
            State::Block(_) | State::Member => Self::Gzip(Box::new(Gzip::at(mark))),
            State::Frame => Self::Zstd(Box::new(Zstd::at(mark))),
        }
    }

    /// Where it notes the places from which it can be read on, if somewhere: to be given before the first byte.
    pub fn marks(&mut self) -> &mut Option<Marks> {
        match self {
            Self::Gzip(gzip) => gzip.marks(),
            Self::Zstd(zstd) => zstd.marks(),
        }
    }

    /// Decodes some of `input`: how many of its bytes were taken, and at most [`OUT`] bytes that they became. Taking none and making
    /// none means that more input is needed.
    ///
    /// # Errors
    /// `malformed` for damaged bytes and for what follows the stream, `unsupported` for a dictionary, `limit-exceeded` for a window
    /// over 128 MiB, more than 64 GiB in all, or more than 1000 times the input after 64 MiB.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        match self {
            Self::Gzip(gzip) => gzip.push(input),
            Self::Zstd(zstd) => zstd.push(input),
        }
    }

    /// The stream must end here.
    ///
    /// # Errors
    /// `malformed` when it is cut short.
    pub fn finish(&self) -> Result<()> {
        match self {
            Self::Gzip(gzip) => gzip.finish(),
            Self::Zstd(zstd) => zstd.finish(),
        }
    }

    /// Something to know about the stream so far, told once: what it has is legal, and not every decoder reads it.
    pub fn warning(&mut self) -> Option<String> {
        match self {
            Self::Gzip(gzip) => gzip.warning(),
            Self::Zstd(zstd) => zstd.warning(),
        }
    }
}

impl Budget {
    /// Bytes that came out so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// What came before a place counts as if it had been decoded.
    pub fn at(&mut self, mark: &Mark) {
        (self.read, self.made) = (mark.stream, mark.content);
    }

    /// Counts so many bytes more.
    pub fn add(&mut self, read: usize, made: usize) -> Result<()> {
        self.read = self.read.saturating_add(read as u64);
        self.made = self.made.saturating_add(made as u64);
        self.limits.decompressed(self.read, self.made)
    }
}

/// Bytes that one call makes at most.
pub const OUT: usize = 1 << 20;

#[cfg(test)]
mod tests;
