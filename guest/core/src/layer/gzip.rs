//! Reading gzip (RFC 1952): any number of members, with any header, zeros behind the last; checksum and length count.
//!
//! A state machine without I/O that keeps DEFLATE's window, and places to read on from when it is told to.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::decode::{Budget, OUT};
use super::resume::{Mark, Marks, PROOF, Place, State};
use crate::error::{Error, Result};

/// What a gzip stream is in the middle of.
pub struct Gzip {
    next: Next,
    inflate: Inflate,
    crc32: crc32fast::Hasher,
    /// Of the member's content, modulo 2^32.
    length: u32,
    flags: u8,
    /// Of the header so far.
    header_crc32: crc32fast::Hasher,
    /// Bytes of a field, until it is whole.
    held: Vec<u8>,
    budget: Budget,
    warned: bool,
    /// Bytes of the stream that were taken before this call.
    taken: u64,
    marks: Option<Marks>,
}

/// What comes next (RFC 1952, 2.3).
#[derive(Clone, Copy)]
enum Next {
    Fixed,
    ExtraLength,
    Extra(u16),
    Name,
    Comment,
    HeaderSum,
    Body,
    Trailer,
    /// Behind a member: another one, or zeros.
    Between,
    Padding,
}

impl Gzip {
    /// What counts its bytes.
    pub fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// Before the first member.
    pub fn new() -> Self {
        Self {
            next: Next::Fixed,
            inflate: Inflate::new(false, 15),
            crc32: crc32fast::Hasher::new(),
            length: 0,
            flags: 0,
            header_crc32: crc32fast::Hasher::new(),
            held: Vec::new(),
            budget: Budget::default(),
            warned: false,
            taken: 0,
            marks: None,
        }
    }

    /// At a place in a stream.
    pub fn at(mark: &Mark) -> Self {
        let mut gzip = Self { taken: mark.stream, ..Self::new() };
        gzip.budget.at(mark);
        if let State::Block(block) = &mark.state
            && let Some(inflate) = block.inflate()
        {
            (gzip.inflate, gzip.crc32, gzip.length) = (inflate, block.crc32.clone(), block.length);
            gzip.next = Next::Body;
        }
        gzip
    }

    /// As [`Decoder::marks`](super::decode::Decoder::marks).
    pub fn marks(&mut self) -> &mut Option<Marks> {
        &mut self.marks
    }

    /// As [`Decoder::push`](super::decode::Decoder::push).
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let (mut at, mut made) = (0_usize, 0_usize);
        let mut out = Vec::new();
        let mut place = None;
        while let Some(&byte) = input.get(at) {
            match self.next {
                Next::Body => {
                    if out.is_empty() {
                        out.resize(input.len().saturating_mul(8).clamp(LEAST, OUT), 0);
                    }
                    let (rest, room) = (input.get(at..).unwrap_or_default(), out.get_mut(made..).unwrap_or_default());
                    let (taken, new) = self.body(rest, room, &mut place, at)?;
                    at = at.saturating_add(taken);
                    made = made.saturating_add(new);
                    if let (Next::Body, true) = (self.next, taken == 0 || made == out.len()) {
                        break;
                    }
                    continue;
                }
                Next::Trailer => {
                    self.held.push(byte);
                    if self.held.len() == 8 {
                        self.member_ends()?;
                    }
                }
                Next::Between if byte == HEADER[0] => {
                    let stream = self.taken.saturating_add(at as u64);
                    if let Some(marks) = &mut self.marks {
                        marks.starts(stream, self.budget.made(), State::Member);
                    }
                    self.next = Next::Fixed;
                    continue;
                }
                Next::Between | Next::Padding if byte == 0 => self.next = Next::Padding,
                Next::Between | Next::Padding => return Err(malformed("is followed by bytes that are none of it")),
                _ => self.header(byte)?,
            }
            at = at.saturating_add(1);
        }
        self.taken = self.taken.saturating_add(at as u64);
        out.truncate(made);
        Ok((at, out))
    }

    /// The stream must end here.
    pub fn finish(&self) -> Result<()> {
        match self.next {
            Next::Between | Next::Padding => Ok(()),
            _ => Err(malformed("is cut short: copy it again")),
        }
    }

    /// As [`Decoder::warning`](super::decode::Decoder::warning).
    pub fn warning(&mut self) -> Option<String> {
        let padded = matches!(self.next, Next::Padding) && !std::mem::replace(&mut self.warned, true);
        padded.then(|| "zeros stand behind the gzip stream, which some decoders refuse: they are left out".into())
    }

    /// Some of a member's content: how many bytes it took, which come behind `before` others of this call, and how many it made. A place
    /// behind a block of before is settled by that; where one is wanted it stops behind the next block.
    fn body(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        place: &mut Option<Place>,
        before: usize,
    ) -> Result<(usize, usize)> {
        let settled = place.take();
        let stops = settled.is_none() && self.marks.as_ref().is_some_and(|marks| marks.due(self.budget.made()));
        let flush = if stops { InflateFlush::Block } else { InflateFlush::NoFlush };
        let most = match (&settled, &self.marks) {
            // What settles a place need not be much.
            (Some(_), _) => PROOF,
            (None, Some(marks)) if !stops => marks.left(self.budget.made()),
            (None, _) => usize::MAX,
        };
        let room = out.len().min(most);
        let out = out.get_mut(..room).unwrap_or_default();
        let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, out, flush);
        let status = status.map_err(|_| malformed("is damaged: its DEFLATE data is not valid"))?;
        let count = |now: u64, then: u64| usize::try_from(now.saturating_sub(then)).unwrap_or(usize::MAX);
        let (taken, made) = (count(self.inflate.total_in(), read), count(self.inflate.total_out(), made));
        let new = out.get(..made).unwrap_or_default();
        self.crc32.update(new);
        self.length = self.length.wrapping_add(new.len() as u32);
        self.budget.add(taken, new.len())?;
        if status == Status::StreamEnd {
            self.next = Next::Trailer;
        }
        if let Some(marks) = &mut self.marks {
            if let Some(place) = settled {
                marks.settle(place, input.get(..taken).unwrap_or_default(), new);
            }
            marks.made(new);
            let last = taken.checked_sub(1).and_then(|last| input.get(last));
            if let (true, Status::Ok, Some(last)) = (stops && taken < input.len() && made < out.len(), status, last) {
                let stream = self.taken.saturating_add(before as u64).saturating_add(taken as u64);
                *place = Some(marks.block_ends((stream, self.budget.made()), *last, &self.crc32, self.length));
            }
        }
        Ok((taken, made))
    }

    fn member_ends(&mut self) -> Result<()> {
        let sum = std::mem::take(&mut self.crc32).finalize().to_le_bytes();
        if [sum, self.length.to_le_bytes()].concat() != self.held {
            return Err(malformed("is damaged: its checksum or length does not match"));
        }
        self.held.clear();
        self.length = 0;
        self.inflate.reset(false);
        self.next = Next::Between;
        Ok(())
    }

    /// One byte of a member's header.
    fn header(&mut self, byte: u8) -> Result<()> {
        if !matches!(self.next, Next::HeaderSum) {
            self.header_crc32.update(&[byte]);
        }
        self.held.push(byte);
        self.next = match (self.next, self.held.as_slice()) {
            (Next::Fixed, [magic @ .., flags, _, _, _, _, _, _]) if magic.len() == HEADER.len() => {
                if magic != HEADER {
                    return Err(malformed("is damaged: no header stands where a member starts"));
                }
                if flags & 0xe0 != 0 {
                    return Err(malformed("is damaged: reserved flags are set"));
                }
                self.flags = *flags;
                self.part(0)
            }
            (Next::ExtraLength, [low, high]) => match u16::from_le_bytes([*low, *high]) {
                0 => self.part(1),
                length => Next::Extra(length),
            },
            (Next::Extra(1), _) => self.part(1),
            (Next::Extra(rest), _) => Next::Extra(rest.saturating_sub(1)),
            (Next::Name, [0]) => self.part(2),
            (Next::Comment, [0]) => self.part(3),
            (Next::HeaderSum, sum @ [_, _]) => {
                let [low, high, ..] = self.header_crc32.clone().finalize().to_le_bytes();
                if *sum != [low, high] {
                    return Err(malformed("is damaged: its header's checksum does not match"));
                }
                Next::Body
            }
            (Next::Name | Next::Comment, _) => self.next,
            // More of the same field.
            _ => return Ok(()),
        };
        self.held.clear();
        if let Next::Body = self.next {
            self.header_crc32.reset();
        }
        Ok(())
    }

    /// The next part of the header that is there, behind the first so many optional ones.
    fn part(&self, behind: usize) -> Next {
        let parts = [(4, Next::ExtraLength), (8, Next::Name), (16, Next::Comment), (2, Next::HeaderSum)];
        let there = parts.into_iter().skip(behind).find(|(flag, _)| self.flags & flag != 0);
        there.map_or(Next::Body, |(_, part)| part)
    }
}

fn malformed(what: &str) -> Error {
    Error::malformed("gzip", format!("the gzip stream {what}"))
}

/// Bytes that there is room for at least, whatever comes in.
const LEAST: usize = 64 << 10;
/// What each member starts with: the format's magic, and DEFLATE.
const HEADER: [u8; 3] = [0x1f, 0x8b, 8];
