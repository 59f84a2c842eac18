//! Places in a compressed stream from which it can be read on, so that what stands before a file is not decompressed again for each.
//!
//! zstd begins anew with each frame, gzip with each member. Within a member DEFLATE can be read on behind a block by whoever has the 32 KiB
//! that came before it and knows at which bit the next block begins. The decoder stops behind a block, and does not say at which of the eight
//! bits of the last byte that it took; so each is tried on the bytes that follow, and must give what the decoder gives. Where more than one
//! does, the place is not kept: none is ever a guess.

use zlib_rs::{Inflate, InflateFlush};

/// A place in a stream.
#[derive(Clone)]
pub struct Mark {
    /// Bytes of the stream before it.
    pub stream: u64,
    /// Bytes before it in what the stream decompresses to.
    pub content: u64,
    /// What stands there.
    pub(super) state: State,
}

/// What stands at a place.
#[derive(Clone)]
pub(super) enum State {
    /// A block within a member.
    Block(Block),
    /// A frame of zstd.
    Frame,
    /// A member of gzip.
    Member,
}

/// A block of DEFLATE data that is not the first one.
#[derive(Clone)]
pub(super) struct Block {
    /// Up to 32 KiB that came before it, of its member.
    window: Vec<u8>,
    /// What a decoder gets before the next byte of the stream: nothing that shows, and the bits of the block in the byte before.
    start: Vec<u8>,
    /// Of the member's content so far.
    pub crc32: crc32fast::Hasher,
    /// The same, modulo 2^32.
    pub length: u32,
}

/// The places of one stream, in order.
pub struct Marks {
    list: Vec<Mark>,
    apart: u64,
    most: u64,
    used: u64,
    /// The last bytes that came out of a member, at least 32 KiB of them when there are so many.
    trail: Vec<u8>,
}

/// A place behind a block, until it is known at which bit the next one begins.
pub(super) struct Place {
    stream: u64,
    content: u64,
    window: Vec<u8>,
    /// The last byte that the block before took.
    last: u8,
    crc32: crc32fast::Hasher,
    length: u32,
}

impl Marks {
    /// Places so many bytes of content apart, farther when they would take more than `most` bytes of memory.
    pub fn new(apart: u64, most: u64) -> Self {
        Self { list: Vec::new(), apart, most, used: 0, trail: Vec::new() }
    }

    /// The last place that is not behind so many bytes of content; none when that is the stream's start.
    pub fn before(&self, content: u64) -> Option<&Mark> {
        self.list.iter().rfind(|mark| mark.content <= content)
    }

    /// Every place.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.list.iter()
    }

    /// Whether one is wanted behind so many bytes of content.
    pub(super) fn due(&self, content: u64) -> bool {
        self.left(content) == 0
    }

    /// Bytes of content until one is wanted.
    pub(super) fn left(&self, content: u64) -> usize {
        let behind = content.saturating_sub(self.list.last().map_or(0, |mark| mark.content));
        usize::try_from(self.apart.saturating_sub(behind)).unwrap_or(usize::MAX)
    }

    /// A frame or a member starts.
    pub(super) fn starts(&mut self, stream: u64, content: u64, state: State) {
        self.trail.clear();
        if self.due(content) {
            self.keep(Mark { stream, content, state });
        }
    }

    /// A block of a member ended with the byte `last`.
    pub(super) fn block_ends(
        &self,
        (stream, content): (u64, u64),
        last: u8,
        crc32: &crc32fast::Hasher,
        length: u32,
    ) -> Place {
        let from = self.trail.len().saturating_sub(WINDOW);
        let window = self.trail.get(from..).unwrap_or_default().to_vec();
        Place { stream, content, window, last, crc32: crc32.clone(), length }
    }

    /// Keeps a place when it is clear at which bit its block begins: from there, `input` became `made`.
    pub(super) fn settle(&mut self, place: Place, input: &[u8], made: &[u8]) {
        let made = made.get(..PROOF).unwrap_or(made);
        let mut fitting = BITS.filter_map(|used| {
            let start = start(used, place.last);
            let mut out = vec![0; made.len()];
            let mut inflate = inflate(&place.window, &start)?;
            inflate.decompress(input, &mut out, InflateFlush::NoFlush).ok()?;
            (out == made && inflate.total_out() == made.len() as u64).then_some(start)
        });
        if let (Some(start), None) = (fitting.next(), fitting.next()) {
            let Place { stream, content, window, last: _, crc32, length } = place;
            self.keep(Mark { stream, content, state: State::Block(Block { window, start, crc32, length }) });
        }
    }

    /// These bytes came out of a member.
    pub(super) fn made(&mut self, bytes: &[u8]) {
        self.trail.extend(bytes.get(bytes.len().saturating_sub(WINDOW)..).unwrap_or_default());
        if self.trail.len() > WINDOW.saturating_mul(4) {
            self.trail.drain(..self.trail.len().saturating_sub(WINDOW));
        }
    }

    fn keep(&mut self, mark: Mark) {
        self.used = self.used.saturating_add(mark.memory());
        self.list.push(mark);
        while self.used > self.most && !self.list.is_empty() {
            self.apart = self.apart.saturating_mul(2);
            let mut second = true;
            self.list.retain(|_| {
                second = !second;
                second
            });
            self.used = self.list.iter().map(Mark::memory).sum();
        }
    }
}

impl Mark {
    /// Bytes of memory, about.
    fn memory(&self) -> u64 {
        let own = size_of::<Self>() as u64;
        match &self.state {
            State::Block(block) => own.saturating_add(block.window.len() as u64).saturating_add(64),
            State::Frame | State::Member => own,
        }
    }
}

impl Block {
    /// A decoder that goes on here.
    pub fn inflate(&self) -> Option<Inflate> {
        inflate(&self.window, &self.start)
    }
}

/// A decoder of DEFLATE data behind a window and the first bytes, which become nothing.
fn inflate(window: &[u8], start: &[u8]) -> Option<Inflate> {
    let mut inflate = Inflate::new(false, WINDOW_BITS);
    if !window.is_empty() {
        inflate.set_dictionary(window).ok()?;
    }
    inflate.decompress(start, &mut [], InflateFlush::NoFlush).ok()?;
    (inflate.total_in() == start.len() as u64).then_some(inflate)
}

/// Empty blocks, and then those bits of a byte of which so many are not `used`. In all that is whole bytes: where a decoder is when it has read
/// them, it is in the byte itself.
fn start(used: u32, last: u8) -> Vec<u8> {
    if used == u8::BITS {
        return Vec::new();
    }
    let (mut bits, mut count) = if used.is_multiple_of(2) { (0, 0) } else { (ODD.0, ODD.1) };
    while count % u8::BITS != used {
        bits |= EVEN.0 << count;
        count = count.saturating_add(EVEN.1);
    }
    bits |= u128::from(last >> used) << count;
    bits.to_le_bytes().into_iter().take(count.div_ceil(u8::BITS) as usize).collect()
}

/// How many bits of its last byte a block can have taken.
const BITS: std::ops::RangeInclusive<u32> = 1..=u8::BITS;
/// An empty block with fixed codes, as a number whose lowest bit comes first, and how many bits it has.
const EVEN: (u128, u32) = (2, 10);
/// An empty block with codes of its own: 257 for literals and lengths, of which only the end of the block has one, and none for distances.
const ODD: (u128, u32) = {
    // The lengths of 19 codes for lengths, three bits each: 1 for `18`, which says many zeros; 2 for `0` and for `1`.
    let codes = 1 << 6 | 2 << 9 | 2 << 51;
    // 138 zeros, 118 zeros, a one, a zero; then the end of the block.
    let lengths = 127 << 1 | 107 << 9 | 3 << 16 | 1 << 18;
    (4 | 15 << 13 | codes << 17 | lengths << 74, 95)
};
/// Bytes that DEFLATE looks back at most, and their number's logarithm.
const WINDOW: usize = 1 << WINDOW_BITS;
const WINDOW_BITS: u8 = 15;
/// Bytes that are compared at most.
pub(super) const PROOF: usize = 64 << 10;

#[cfg(test)]
mod tests;
