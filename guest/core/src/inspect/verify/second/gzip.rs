//! gzip (RFC 1952) over miniz_oxide: any number of members, checksums and lengths, zeros behind the last.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::{Budget, Flaw, Member, OUT, codes, flaw};
use crate::error::Result;
use crate::layer::Limits;

/// A gzip stream.
pub struct Gzip {
    part: Part,
    /// What is held of the part.
    held: Vec<u8>,
    flags: u8,
    header_sum: crc32fast::Hasher,
    inflate: DecompressorOxide,
    /// The last bytes that came out, a ring; the next one goes to `at`.
    ring: Vec<u8>,
    at: usize,
    sum: crc32fast::Hasher,
    /// Of the member's content, modulo 2^32.
    length: u32,
    budget: Budget,
    failed: Option<Flaw>,
    /// The time of the first header that has one.
    time: u32,
    named: bool,
    /// Bytes taken in all.
    taken: u64,
    members: Option<Vec<Member>>,
    /// The extra field of the last member.
    extra: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    ExtraSize,
    Extra(usize),
    Name,
    Comment,
    Sum,
    Content,
    Trailer,
    Behind,
    Zeros,
}

impl Gzip {
    /// Before the first member.
    pub fn new(limits: Limits) -> Self {
        Self {
            part: Part::Start,
            held: Vec::new(),
            flags: 0,
            header_sum: crc32fast::Hasher::new(),
            inflate: DecompressorOxide::new(),
            ring: vec![0; RING],
            at: 0,
            sum: crc32fast::Hasher::new(),
            length: 0,
            budget: Budget::new(limits),
            failed: None,
            time: 0,
            named: false,
            taken: 0,
            members: None,
            extra: Vec::new(),
        }
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
            Part::Behind | Part::Zeros => Ok(()),
            _ => flaw(codes::GZIP_SHORT, "the gzip stream is cut short: copy the layer again, or build it again"),
        }
    }

    /// As [`super::Decoder::oddities`].
    pub fn oddities(&self) -> Vec<Flaw> {
        let mut odd = Vec::new();
        if self.part == Part::Zeros {
            odd.push(Flaw::new(codes::GZIP_PADDING, "zeros stand behind the gzip stream: compress the layer again"));
        }
        if self.time != 0 {
            let message = format!("the gzip header has the time {}: compress with `gzip -n`", self.time);
            odd.push(Flaw::new(codes::GZIP_TIME, message));
        }
        if self.named {
            odd.push(Flaw::new(codes::GZIP_NAME, "the gzip header has a name or comment: compress with `gzip -n`"));
        }
        odd
    }

    /// As [`super::Decoder::remember_members`].
    pub fn remember_members(&mut self) {
        self.members = Some(vec![Member { at: self.taken, content: self.budget.made }]);
    }

    /// As [`super::Decoder::members`].
    pub fn members(&self) -> (&[Member], &[u8]) {
        (self.members.as_deref().unwrap_or_default(), &self.extra)
    }

    fn decode(&mut self, input: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
        loop {
            if self.part == Part::Content {
                let ended = self.content(input, at, out)?;
                if !ended {
                    return Ok(());
                }
                continue;
            }
            let Some(&byte) = input.get(*at) else { return Ok(()) };
            match self.part {
                Part::Behind if byte == 0x1f => {
                    self.part = Part::Start;
                    if let Some(members) = self.members.as_mut().filter(|members| members.len() < MEMBERS) {
                        members.push(Member { at: self.taken, content: self.budget.made });
                    }
                    self.extra.clear();
                }
                Part::Behind | Part::Zeros if byte == 0 => self.part = Part::Zeros,
                Part::Behind | Part::Zeros => {
                    let message = "bytes that are no gzip stand behind the gzip stream: cut them off";
                    return flaw(codes::GZIP_TRAILING, message);
                }
                _ => {}
            }
            if self.part != Part::Zeros {
                self.byte(byte)?;
            }
            *at = at.saturating_add(1);
            self.taken = self.taken.saturating_add(1);
            self.budget.add(1, 0)?;
        }
    }

    /// More of a member's content; whether it ended. When it did not, there is no more input, or enough came out.
    fn content(&mut self, input: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Result<bool, Flaw> {
        while out.len() < OUT {
            let rest = input.get(*at..).unwrap_or_default();
            let (status, taken, made) =
                decompress(&mut self.inflate, rest, &mut self.ring, self.at, TINFL_FLAG_HAS_MORE_INPUT);
            let new = self.ring.get(self.at..self.at.saturating_add(made)).unwrap_or_default();
            self.sum.update(new);
            out.extend_from_slice(new);
            self.at = self.at.saturating_add(made) & RING.saturating_sub(1);
            self.length = self.length.wrapping_add(made as u32);
            *at = at.saturating_add(taken);
            self.taken = self.taken.saturating_add(taken as u64);
            self.budget.add(taken, made)?;
            match status {
                TINFLStatus::Done => {
                    self.part = Part::Trailer;
                    return Ok(true);
                }
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => return Ok(false),
                _ => {
                    let message =
                        "the gzip stream's DEFLATE data is not valid: copy the layer again, or build it again";
                    return flaw(codes::GZIP_DAMAGED, message);
                }
            }
        }
        Ok(false)
    }

    /// One byte of a header or trailer.
    fn byte(&mut self, byte: u8) -> Result<(), Flaw> {
        if !matches!(self.part, Part::Sum | Part::Trailer) {
            self.header_sum.update(&[byte]);
        }
        self.held.push(byte);
        let held = self.held.as_slice();
        self.part = match (self.part, held) {
            (Part::Start, [0x1f] | [0x1f, 0x8b] | [0x1f, 0x8b, 8]) => return Ok(()),
            (Part::Start, [0x1f, 0x8b, 8, flags, rest @ ..]) if flags & 0xe0 == 0 => {
                let [a, b, c, d, _, _] = rest else { return Ok(()) };
                self.flags = *flags;
                if self.time == 0 {
                    self.time = u32::from_le_bytes([*a, *b, *c, *d]);
                }
                self.named |= flags & 0x18 != 0;
                self.next(EXTRA)
            }
            (Part::Start, _) => {
                return flaw(codes::GZIP_DAMAGED, "a member of the gzip stream has a header that is none of RFC 1952");
            }
            (Part::ExtraSize, [low, high]) => match u16::from_le_bytes([*low, *high]) {
                0 => self.next(NAME),
                size => Part::Extra(size.into()),
            },
            (Part::Extra(size), held) if held.len() == size => {
                self.extra = held.to_vec();
                self.next(NAME)
            }
            (Part::Name, [.., 0]) => self.next(COMMENT),
            (Part::Comment, [.., 0]) => self.next(SUM),
            (Part::Name | Part::Comment, held) if held.len() >= TEXT => {
                return flaw(codes::GZIP_DAMAGED, "a member of the gzip stream has a name without an end");
            }
            (Part::Sum, [low, high]) => {
                if self.header_sum.clone().finalize().to_le_bytes().get(..2) != Some(&[*low, *high]) {
                    return flaw(codes::GZIP_CHECKSUM, "a header in the gzip stream has another checksum than it says");
                }
                Part::Content
            }
            (Part::Trailer, held @ [_, _, _, _, _, _, _, _]) => {
                let sum = std::mem::take(&mut self.sum).finalize().to_le_bytes();
                if [sum, self.length.to_le_bytes()].concat() != held {
                    let message = "a member of the gzip stream has another checksum or length than it says: copy the layer \
                                   again, or build it again";
                    return flaw(codes::GZIP_CHECKSUM, message);
                }
                Part::Behind
            }
            _ => return Ok(()),
        };
        self.held.clear();
        if self.part == Part::Content {
            self.header_sum = crc32fast::Hasher::new();
            self.inflate.init();
            (self.at, self.length) = (0, 0);
        }
        Ok(())
    }

    /// The first part of the header from `from` on that the flags announce.
    fn next(&self, from: usize) -> Part {
        let parts = [(4, Part::ExtraSize), (8, Part::Name), (16, Part::Comment), (2, Part::Sum)];
        let there = parts.into_iter().skip(from).find(|(flag, _)| self.flags & flag != 0);
        there.map_or(Part::Content, |(_, part)| part)
    }
}

/// The optional parts of a header, in order.
const EXTRA: usize = 0;
const NAME: usize = 1;
const COMMENT: usize = 2;
const SUM: usize = 3;

/// Bytes; a power of two, DEFLATE's window at least.
const RING: usize = 256 << 10;
/// Bytes of a name or comment, at most.
const TEXT: usize = 64 << 10;
/// Members that are remembered, at most.
const MEMBERS: usize = 1 << 20;
