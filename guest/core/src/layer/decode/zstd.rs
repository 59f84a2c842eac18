//! Reading zstd (RFC 8878): any number of frames, skippable ones among them, and nothing behind the last.
//!
//! Whether a frame is decoded is decided from its header, which is held until it is whole: what a frame asks for must not depend on
//! the pieces that it comes in. Its window takes memory only as content fills it.

use rust_zstd::Decompressor;

use super::{Budget, OUT};
use crate::error::{Error, Result};
use crate::layer::resume::{Mark, Marks, State};

/// What a zstd stream is in the middle of.
pub struct Zstd {
    state: Decompressor,
    budget: Budget,
    /// Whether the header of the frame that is read was handed on.
    inside: bool,
    /// A frame's header, until it is whole.
    header: Vec<u8>,
    /// The first window, in bytes, that not every decoder reads.
    wide: Option<u64>,
    warned: bool,
    /// Bytes of the stream that were taken before this call.
    taken: u64,
    marks: Option<Marks>,
}

impl Zstd {
    /// What counts its bytes.
    pub fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// Before the first frame.
    pub fn new() -> Self {
        let (state, budget) = (Decompressor::new(), Budget::default());
        Self { state, budget, inside: false, header: Vec::new(), wide: None, warned: false, taken: 0, marks: None }
    }

    /// At the start of a frame.
    pub fn at(mark: &Mark) -> Self {
        let mut zstd = Self { taken: mark.stream, ..Self::new() };
        zstd.budget.at(mark);
        zstd
    }

    /// As [`Decoder::marks`](super::Decoder::marks).
    pub fn marks(&mut self) -> &mut Option<Marks> {
        &mut self.marks
    }

    /// As [`Decoder::push`](super::Decoder::push).
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let decoded = self.decode(input);
        if let Ok((taken, _)) = &decoded {
            self.taken = self.taken.saturating_add(*taken as u64);
        }
        decoded
    }

    fn decode(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let mut out = vec![0; OUT];
        let (mut read, mut made) = (0, 0);
        // A call of the decompressor ends with its frame, which may be small.
        loop {
            let before = (read, made);
            let ended = if self.inside {
                self.state.decompress_stream(input, &mut read, &mut out, &mut made)
            } else {
                if let (Some(marks), true) = (&mut self.marks, self.header.is_empty()) {
                    let stream = self.taken.saturating_add(read as u64);
                    marks.starts(stream, self.budget.made(), State::Frame);
                }
                while let Some(byte) = input.get(read).filter(|_| self.header.len() < length(&self.header)) {
                    self.header.push(*byte);
                    read = read.saturating_add(1);
                    self.starts()?;
                }
                if self.header.len() < length(&self.header) {
                    self.budget.add(read.saturating_sub(before.0), 0)?;
                    out.truncate(made);
                    return Ok((read, out));
                }
                self.admit()?;
                let header = std::mem::take(&mut self.header);
                self.state.decompress_stream(&header, &mut 0, &mut out, &mut made)
            };
            let ended = ended.map_err(|why| malformed("is damaged").because(why))? == 0;
            self.inside = !ended;
            self.budget.add(read.saturating_sub(before.0), made.saturating_sub(before.1))?;
            if made == out.len() || ((read, made) == before && !ended) {
                out.truncate(made);
                return Ok((read, out));
            }
        }
    }

    /// The stream must end here.
    pub fn finish(&self) -> Result<()> {
        if self.inside || !self.header.is_empty() {
            return Err(malformed("is cut short: copy it again"));
        }
        Ok(())
    }

    /// As [`Decoder::warning`](super::Decoder::warning).
    pub fn warning(&mut self) -> Option<String> {
        let window = self.wide.filter(|_| !self.warned)?.div_ceil(1 << 20);
        self.warned = true;
        Some(format!(
            "a zstd stream asks for a window of {window} MiB: decoders need not read more than 8; without `--long` it is smaller"
        ))
    }

    /// The header so far may be one.
    fn starts(&self) -> Result<()> {
        let start = self.header.get(..4).unwrap_or(&self.header);
        let skippable = matches!(start.split_first(), Some((0x50..=0x5f, rest)) if SKIPPABLE.starts_with(rest));
        if skippable || FRAME.starts_with(start) {
            return Ok(());
        }
        Err(malformed("is followed by bytes that are none of it"))
    }

    /// A whole header must not ask for what is not given.
    fn admit(&mut self) -> Result<()> {
        let Some(asked) = Asked::of(&self.header) else { return Ok(()) };
        if asked.dictionary {
            return Err(Error::unsupported(
                "zstd dictionary",
                "the zstd stream needs a dictionary, and layers have none: compress it without",
            ));
        }
        self.budget.limits.window(asked.window)?;
        if asked.window > EVERYWHERE {
            self.wide.get_or_insert(asked.window);
        }
        Ok(())
    }
}

/// What a frame's header asks of its decoder.
struct Asked {
    /// Bytes that stay at hand.
    window: u64,
    dictionary: bool,
}

impl Asked {
    /// By a whole header; `None` for a skippable frame.
    fn of(header: &[u8]) -> Option<Self> {
        let (flags, fields) = header.strip_prefix(FRAME)?.split_first()?;
        let sizes = Sizes::of(*flags);
        let (window, fields) = fields.split_at_checked(sizes.window)?;
        let (dictionary, content) = fields.split_at_checked(sizes.dictionary)?;
        let window = match window.first() {
            Some(byte) => {
                let base = 1_u64 << u32::from(byte >> 3).saturating_add(10);
                base.saturating_add((base / 8).saturating_mul(u64::from(byte & 7)))
            }
            // A single segment is its own window; two bytes count from 256 on.
            None => {
                let size = content.iter().rev().fold(0_u64, |size, byte| (size << 8) | u64::from(*byte));
                size.saturating_add(if content.len() == 2 { 256 } else { 0 })
            }
        };
        Some(Self { window, dictionary: dictionary.iter().any(|byte| *byte != 0) })
    }
}

/// Bytes of the fields of a frame's header (RFC 8878, 3.1.1.1.1).
struct Sizes {
    window: usize,
    dictionary: usize,
    content: usize,
}

impl Sizes {
    fn of(flags: u8) -> Self {
        let single = flags & 0x20 != 0;
        let dictionary = match flags & 3 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let content = match flags >> 6 {
            0 => usize::from(single),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        Self { window: usize::from(!single), dictionary, content }
    }
}

/// How long a header is, as far as its first bytes tell.
fn length(header: &[u8]) -> usize {
    match header {
        [0x50..=0x5f, ..] => 8,
        [_, _, _, _, flags, ..] => {
            let Sizes { window, dictionary, content } = Sizes::of(*flags);
            window.saturating_add(dictionary).saturating_add(content).saturating_add(5)
        }
        _ => 5,
    }
}

fn malformed(what: &str) -> Error {
    Error::malformed("zstd", format!("the zstd stream {what}"))
}

/// What a frame starts with.
const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// What a skippable frame starts with, behind its first byte.
const SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
/// The window that every decoder should read (RFC 8878, 3.1.1.1.2), in bytes.
const EVERYWHERE: u64 = 8 << 20;
