//! Tokens, while they are found: matches with the literals before them, and how often each symbol occurs.

use super::entropy::{Least, SHORTEST};
use super::symbols::{self, DISTANCES, LITERALS};

/// How often each symbol occurs.
#[derive(Clone)]
pub struct Counts {
    /// Literals, the end of a block, lengths.
    pub literals: [u32; LITERALS],
    /// Distances.
    pub distances: [u32; DISTANCES],
}

impl Counts {
    /// Of nothing.
    pub const NONE: Self = Self { literals: [0; LITERALS], distances: [0; DISTANCES] };

    /// These and the other ones.
    pub fn add(&mut self, other: &Self) {
        self.literals.iter_mut().zip(&other.literals).for_each(|(sum, more)| *sum += more);
        self.distances.iter_mut().zip(&other.distances).for_each(|(sum, more)| *sum += more);
    }
}

/// Tokens in a list of fixed size. Each is a number of literals (lowest 9 bits), then a match of this length less 3 (8 bits) and
/// distance less 1 (15 bits); with [`NONE`] there is no match.
pub struct Tokens {
    tokens: [u32; TOKENS],
    len: usize,
    /// The position behind the last token.
    anchor: usize,
    /// Of what was found in this segment.
    pub counts: Counts,
    /// As is best for the segment before.
    pub least: Least,
}

impl Tokens {
    /// To be opened.
    pub const NONE: Self = Self { tokens: [0; TOKENS], len: 0, anchor: 0, counts: Counts::NONE, least: [0; 33] };

    /// Starts over at this position.
    pub fn open(&mut self, at: usize) {
        self.len = 0;
        self.anchor = at;
        self.counts = Counts::NONE;
        self.least = SHORTEST;
    }

    /// A byte stays as it is.
    #[inline(always)]
    pub fn literal(&mut self, byte: u8) {
        let count = &mut self.counts.literals[usize::from(byte)];
        *count = count.wrapping_add(1);
    }

    /// A match at this position: 3 to 258 bytes, 1 to 32,767 back.
    #[inline(always)]
    pub fn matched(&mut self, at: usize, length: usize, distance: u32) {
        let mut run = at.wrapping_sub(self.anchor);
        if run > RUN as usize {
            run = self.long(run);
        }
        self.anchor = at.wrapping_add(length);
        let length = length.wrapping_sub(3) as u8;
        let distance = distance.wrapping_sub(1);
        let count = &mut self.counts.literals[symbols::length(length)];
        *count = count.wrapping_add(1);
        let count = &mut self.counts.distances[symbols::distance(distance).0 & 31];
        *count = count.wrapping_add(1);
        self.push(run as u32 | u32::from(length) << 9 | distance << 17);
    }

    /// Whether such a match is shorter than its literals.
    #[inline(always)]
    pub fn suits(&self, length: usize, distance: u32) -> bool {
        length >= usize::from(self.least[distance.leading_zeros() as usize])
    }

    /// Ends a run of literals here.
    pub fn close(&mut self, at: usize) {
        let run = at - self.anchor;
        if run > 0 {
            let run = self.long(run);
            self.push(run as u32 | NONE << 17);
            self.anchor = at;
        }
    }

    /// Where the next token will be.
    pub fn mark(&self) -> usize {
        self.len
    }

    /// The first tokens.
    pub fn first(&self, count: usize) -> &[u32] {
        &self.tokens[..count]
    }

    /// Drops the first tokens.
    pub fn forget(&mut self, count: usize) {
        self.tokens.copy_within(count..self.len, 0);
        self.len -= count;
    }

    #[inline(always)]
    fn push(&mut self, token: u32) {
        if let Some(place) = self.tokens.get_mut(self.len) {
            *place = token;
            self.len = self.len.wrapping_add(1);
        }
    }

    #[cold]
    #[inline(never)]
    fn long(&mut self, mut run: usize) -> usize {
        while run > RUN as usize {
            self.push(RUN | NONE << 17);
            run -= RUN as usize;
        }
        run
    }
}

/// The most literals in a token, and the mask of their number.
pub const RUN: u32 = 511;

/// No match.
pub const NONE: u32 = 0x7fff;

/// How many there may be: a block ends before.
pub const TOKENS: usize = 40 << 10;
