//! zstd (RFC 8878) over ruzstd: any number of frames, skippable ones among them; headers are read here, so that no frame gets memory that it
//! may not have.
//!
//! ruzstd reads whole blocks. So a block is held until it is whole, 128 KiB at most.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Budget, Flaw, OUT, codes, flaw, limited};
use crate::error::Result;
use crate::layer::Limits;

/// A zstd stream.
pub struct Zstd {
    part: Part,
    /// What is held of the part.
    held: Vec<u8>,
    frame: Option<Frame>,
    limits: Limits,
    budget: Budget,
    failed: Option<Flaw>,
    /// The first window that not every decoder gives, in bytes.
    wide: Option<u64>,
}

#[derive(Clone, Copy)]
enum Part {
    Header,
    /// So many bytes more that are skipped.
    Skipped(u64),
    Block,
}

struct Frame {
    decoder: Box<FrameDecoder>,
    checksum: bool,
    /// Bytes that the header says.
    size: Option<u64>,
    /// Bytes that came out.
    made: u64,
}

impl Zstd {
    /// Before the first frame.
    pub fn new(limits: Limits) -> Self {
        let budget = Budget::new(limits);
        Self { part: Part::Header, held: Vec::new(), frame: None, limits, budget, failed: None, wide: None }
    }

    /// As [`super::Decoder::push`].
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>), Flaw> {
        if let Some(flaw) = &self.failed {
            return Err(flaw.clone());
        }
        let (mut at, mut out) = (0, Vec::new());
        match self.decode(input, &mut at, &mut out) {
            Err(flaw) if out.is_empty() => Err(flaw),
            Err(flaw) => {
                self.failed = Some(flaw);
                Ok((at, out))
            }
            Ok(()) => Ok((at, out)),
        }
    }

    /// As [`super::Decoder::finish`].
    pub fn finish(&self) -> Result<(), Flaw> {
        match self.part {
            Part::Header if self.held.is_empty() => Ok(()),
            _ => flaw(codes::ZSTD_SHORT, "the zstd stream is cut short: copy the layer again, or build it again"),
        }
    }

    /// As [`super::Decoder::oddities`].
    pub fn oddities(&self) -> Vec<Flaw> {
        let told = |window: u64| {
            let window = window.div_ceil(1 << 20);
            let message = format!("a zstd frame asks for a window of {window} MiB: compress without `--long`");
            Flaw::new(codes::ZSTD_WINDOW, message)
        };
        self.wide.map(told).into_iter().collect()
    }

    fn decode(&mut self, input: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
        while out.len() < OUT {
            let rest = input.get(*at..).unwrap_or_default();
            if let Part::Skipped(size) = self.part {
                let now = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
                *at = at.saturating_add(now);
                self.budget.add(now, 0)?;
                let left = size.saturating_sub(now as u64);
                self.part = if left == 0 { Part::Header } else { Part::Skipped(left) };
                if rest.is_empty() {
                    return Ok(());
                }
                continue;
            }
            let wanted = match self.part {
                Part::Block => self.block_size()?,
                _ => header_size(&self.held)?,
            };
            if self.held.len() < wanted {
                let now = wanted.saturating_sub(self.held.len()).min(rest.len());
                self.held.extend_from_slice(rest.get(..now).unwrap_or_default());
                *at = at.saturating_add(now);
                self.budget.add(now, 0)?;
                if now == 0 {
                    return Ok(());
                }
                continue;
            }
            match self.part {
                Part::Block => self.block(out)?,
                _ => self.header()?,
            }
        }
        Ok(())
    }

    /// A whole header.
    fn header(&mut self) -> Result<(), Flaw> {
        if let [0x50..=0x5f, _, _, _, size @ ..] = self.held.as_slice() {
            let size = size.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            self.part = if size == 0 { Part::Header } else { Part::Skipped(size) };
            self.held.clear();
            return Ok(());
        }
        let flags = self.held.get(4).copied().unwrap_or_default();
        let (window, dictionary, content) = fields(flags);
        let number = |from: usize, size: usize| {
            let bytes = self.held.get(from..from.saturating_add(size)).unwrap_or_default();
            bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let behind = window.saturating_add(5);
        if number(behind, dictionary) != 0 {
            let message = "the zstd stream needs a dictionary, and layers have none: compress it without";
            return flaw(codes::ZSTD_DICTIONARY, message);
        }
        let size =
            number(behind.saturating_add(dictionary), content).saturating_add(if content == 2 { 256 } else { 0 });
        let asked = match self.held.get(5).filter(|_| window > 0) {
            Some(byte) => {
                let base = 1_u64 << u32::from(byte >> 3).saturating_add(10);
                base.saturating_add((base >> 3).saturating_mul(u64::from(byte & 7)))
            }
            None => size,
        };
        limited(self.limits.window(asked))?;
        if asked > EVERYWHERE {
            self.wide.get_or_insert(asked);
        }
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(self.limits.window);
        decoder.reset(self.held.as_slice()).or_else(|_| damaged())?;
        let size = Some(size).filter(|_| content > 0);
        self.frame = Some(Frame { decoder: Box::new(decoder), checksum: flags & 4 != 0, size, made: 0 });
        self.part = Part::Block;
        self.held.clear();
        Ok(())
    }

    /// Bytes of the block that is held, as far as can be told, with the checksum behind the last one.
    fn block_size(&self) -> Result<usize, Flaw> {
        let [low, middle, high, ..] = self.held.as_slice() else { return Ok(3) };
        let word = u32::from_le_bytes([*low, *middle, *high, 0]);
        let (last, kind, size) = (word & 1 != 0, word >> 1 & 3, (word >> 3) as usize);
        if kind == 3 || size > BLOCK {
            return damaged();
        }
        let stored = if kind == 1 { 1 } else { size };
        let sum = self.frame.as_ref().is_some_and(|frame| last && frame.checksum);
        Ok(stored.saturating_add(if sum { 7 } else { 3 }))
    }

    /// A whole block.
    fn block(&mut self, out: &mut Vec<u8>) -> Result<(), Flaw> {
        let Some(frame) = &mut self.frame else { return damaged() };
        let decoded = frame.decoder.decode_blocks(self.held.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
        let ended = decoded.or_else(|_| damaged())?;
        self.held.clear();
        let made = frame.decoder.collect_to_writer(&mut *out).or_else(|_| damaged())?;
        frame.made = frame.made.saturating_add(made as u64);
        self.budget.add(0, made)?;
        if frame.size.is_some_and(|size| frame.made > size || (ended && frame.made != size)) {
            return flaw(codes::ZSTD_CHECKSUM, "a zstd frame has more or fewer bytes than its header says");
        }
        if !ended {
            return Ok(());
        }
        if frame.checksum && frame.decoder.get_checksum_from_data() != frame.decoder.get_calculated_checksum() {
            let message = "a zstd frame has another checksum than it says: copy the layer again, or build it again";
            return flaw(codes::ZSTD_CHECKSUM, message);
        }
        (self.part, self.frame) = (Part::Header, None);
        Ok(())
    }
}

/// Bytes of the fields of a frame's header: window descriptor, dictionary, content size.
fn fields(flags: u8) -> (usize, usize, usize) {
    let single = flags & 0x20 != 0;
    let dictionary = match flags & 3 {
        3 => 4,
        size => usize::from(size),
    };
    let content = match flags >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    (usize::from(!single), dictionary, content)
}

/// Bytes of the header that begins with these, as far as they tell.
fn header_size(held: &[u8]) -> Result<usize, Flaw> {
    let magic = held.get(..4).unwrap_or(held);
    let skippable = matches!(magic, [0x50..=0x5f, rest @ ..] if SKIPPABLE.starts_with(rest));
    if !skippable && !FRAME.starts_with(magic) {
        return flaw(codes::ZSTD_TRAILING, "bytes that are no zstd stand behind the zstd stream: cut them off");
    }
    if skippable {
        return Ok(8);
    }
    let Some(flags) = held.get(4) else { return Ok(5) };
    if flags & 8 != 0 {
        return damaged();
    }
    let (window, dictionary, content) = fields(*flags);
    Ok(window.saturating_add(dictionary).saturating_add(content).saturating_add(5))
}

fn damaged<T>() -> Result<T, Flaw> {
    flaw(codes::ZSTD_DAMAGED, "the zstd stream is not valid: copy the layer again, or build it again")
}

const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Behind the first byte.
const SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
/// Bytes of a block at most.
const BLOCK: usize = 128 << 10;
/// Bytes of the window that every decoder should give (RFC 8878, 3.1.1.1.2).
const EVERYWHERE: u64 = 8 << 20;
