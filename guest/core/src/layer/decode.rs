//! Reading compressed tars: gzip (RFC 1952) of any number of members, zstd (RFC 8878) of any number of frames, in bounded memory.
//!
//! What an encoder may legally write is read; what is cut short, damaged or followed by something else is an error. Output is
//! limited, so that a small file cannot become an endless one.

use flate2::{Decompress, FlushDecompress, Status};
use rust_zstd::Decompressor;

use crate::error::{Error, Result};

/// A stream's decoder, told apart by its first bytes.
pub enum Decoder {
    /// The bytes as they are.
    Plain,
    /// gzip.
    Gzip(Box<Gzip>),
    /// zstd.
    Zstd(Box<Zstd>),
}

/// How much came in and out, against the limits.
#[derive(Default)]
struct Budget {
    read: u64,
    made: u64,
}

/// What a gzip stream is in the middle of.
pub struct Gzip {
    state: Member,
    inflate: Decompress,
    crc32: crc32fast::Hasher,
    length: u32,
    /// Bytes of a header or trailer, until it is whole.
    held: Vec<u8>,
    budget: Budget,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Header,
    Body,
    Trailer,
    /// Behind a member: another one, or zeros.
    Between,
    Padding,
}

/// What a zstd stream is in the middle of.
pub struct Zstd {
    state: Decompressor,
    budget: Budget,
}

impl Decoder {
    /// For a stream that starts with these bytes.
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip(Box::new(Gzip {
                state: Member::Header,
                inflate: Decompress::new(false),
                crc32: crc32fast::Hasher::new(),
                length: 0,
                held: Vec::new(),
                budget: Budget::default(),
            })),
            // A frame, or a skippable one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                let mut state = Decompressor::new();
                state.set_window_log_max(WINDOW_LOG);
                Self::Zstd(Box::new(Zstd { state, budget: Budget::default() }))
            }
            _ => Self::Plain,
        }
    }

    /// Decodes some of `input`: how many of its bytes were taken, and at most [`OUT`] bytes that they became. Taking none and making
    /// none means that more input is needed.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        match self {
            Self::Plain => Ok((input.len(), input.to_vec())),
            Self::Gzip(gzip) => gzip.push(input),
            Self::Zstd(zstd) => zstd.push(input),
        }
    }

    /// The stream must end here.
    pub fn finish(&self) -> Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Gzip(gzip) if matches!(gzip.state, Member::Between | Member::Padding) => Ok(()),
            Self::Gzip(_) => Err(Error::malformed("gzip", "the gzip stream is cut short: copy the file again")),
            Self::Zstd(zstd) => {
                zstd.state.finish().map_err(|why| Error::malformed("zstd", "the zstd stream is cut short: copy the file again").because(why))
            }
        }
    }
}

impl Budget {
    fn add(&mut self, read: usize, made: usize) -> Result<()> {
        self.read = self.read.saturating_add(read as u64);
        self.made = self.made.saturating_add(made as u64);
        if self.made > MOST {
            return Err(Error::limit("decompressed size", "the layer decompresses to more than 64 GiB"));
        }
        if self.made > FREE && self.made / RATIO > self.read {
            return Err(Error::limit("compression ratio", "the layer decompresses to more than 1000 times its size"));
        }
        Ok(())
    }
}

impl Gzip {
    fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let mut at = 0;
        let mut out = Vec::new();
        while let Some(&byte) = input.get(at) {
            match self.state {
                Member::Header => {
                    self.held.push(byte);
                    at = at.saturating_add(1);
                    if header_ends(&self.held)? {
                        self.held.clear();
                        self.state = Member::Body;
                    }
                }
                Member::Body => {
                    out.reserve(OUT);
                    let (read, made) = (self.inflate.total_in(), out.len());
                    let rest = input.get(at..).unwrap_or_default();
                    let status = self.inflate.decompress_vec(rest, &mut out, FlushDecompress::None);
                    let status = status.map_err(|_| Error::malformed("gzip", "the gzip stream is damaged: its DEFLATE data is not valid"))?;
                    let taken = self.inflate.total_in().saturating_sub(read) as usize;
                    let new = out.get(made..).unwrap_or_default();
                    self.crc32.update(new);
                    self.length = self.length.wrapping_add(new.len() as u32);
                    self.budget.add(taken, new.len())?;
                    at = at.saturating_add(taken);
                    if status == Status::StreamEnd {
                        self.state = Member::Trailer;
                    } else {
                        break;
                    }
                }
                Member::Trailer => {
                    self.held.push(byte);
                    at = at.saturating_add(1);
                    if self.held.len() == 8 {
                        self.member_ends()?;
                    }
                }
                Member::Between if byte == 0x1f => self.state = Member::Header,
                Member::Between | Member::Padding if byte == 0 => {
                    self.state = Member::Padding;
                    at = at.saturating_add(1);
                }
                Member::Between | Member::Padding => {
                    return Err(Error::malformed("gzip", "the gzip stream is followed by bytes that are none of it"));
                }
            }
        }
        Ok((at, out))
    }

    fn member_ends(&mut self) -> Result<()> {
        let sum = std::mem::take(&mut self.crc32).finalize().to_le_bytes();
        let is = [sum, self.length.to_le_bytes()].concat();
        if is != self.held {
            return Err(Error::malformed("gzip", "the gzip stream is damaged: its checksum or length does not match"));
        }
        self.held.clear();
        self.length = 0;
        self.inflate.reset(false);
        self.state = Member::Between;
        Ok(())
    }
}

impl Zstd {
    fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let mut out = vec![0; OUT];
        let (mut read, mut made) = (0, 0);
        self.state.decompress_stream(input, &mut read, &mut out, &mut made).map_err(|why| {
            if why.to_lowercase().contains("window") {
                Error::limit("zstd window", "the zstd stream asks for a window of more than 8 MiB").because(why)
            } else {
                Error::malformed("zstd", "the zstd stream is damaged").because(why)
            }
        })?;
        out.truncate(made);
        self.budget.add(read, made)?;
        Ok((read, out))
    }
}

/// Whether a member's header is whole (RFC 1952, 2.3).
fn header_ends(held: &[u8]) -> Result<bool> {
    let wrong = |why: &str| Error::malformed("gzip", format!("the gzip header is damaged: {why}"));
    if held.len() > HEADER_LIMIT {
        return Err(Error::limit("gzip header", "a gzip header has more than 64 KiB"));
    }
    if held.iter().zip([0x1f, 0x8b, 8]).any(|(is, should)| *is != should) {
        return Err(wrong("it is not one, or not DEFLATE"));
    }
    let Some(&flags) = held.get(3) else { return Ok(false) };
    if flags & 0xe0 != 0 {
        return Err(wrong("reserved flags are set"));
    }
    let mut at: usize = 10;
    if flags & 4 != 0 {
        let (Some(&low), Some(&high)) = (held.get(at), held.get(at.saturating_add(1))) else { return Ok(false) };
        at = at.saturating_add(2).saturating_add(usize::from(u16::from_le_bytes([low, high])));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(end) = held.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) else { return Ok(false) };
            at = at.saturating_add(end).saturating_add(1);
        }
    }
    if flags & 2 != 0 {
        let (Some(checked), Some(sum)) = (held.get(..at), held.get(at..at.saturating_add(2))) else { return Ok(false) };
        let [low, high, ..] = crc32fast::hash(checked).to_le_bytes();
        if sum != [low, high] {
            return Err(wrong("its checksum does not match"));
        }
        at = at.saturating_add(2);
    }
    Ok(held.len() >= at)
}

/// Bytes that one call makes at most.
pub const OUT: usize = 1 << 20;

const WINDOW_LOG: u32 = 23;
const MOST: u64 = 64 << 30;
const FREE: u64 = 64 << 20;
const RATIO: u64 = 1000;
const HEADER_LIMIT: usize = 64 << 10;
