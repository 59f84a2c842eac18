//! Where a block ends: it grows by segments as long as one code for all of it is shorter than two.

use super::bits::Bits;
use super::block;
use super::tokens::{Counts, TOKENS, Tokens};

/// The block that is not yet written.
pub struct Blocks {
    /// What was found and not yet written.
    pub tokens: Tokens,
    /// Of the block without its last segment.
    counts: Counts,
    cost: u32,
    /// How many literals and lengths the block has.
    symbols: u32,
    /// Where the block starts among the bytes.
    start: usize,
    /// Where its last segment starts, among the bytes and the tokens.
    segment: usize,
    mark: usize,
}

impl Blocks {
    /// To be opened.
    pub const NONE: Self =
        Self { tokens: Tokens::NONE, counts: Counts::NONE, cost: 0, symbols: 0, start: 0, segment: 0, mark: 0 };

    /// Starts over; the first byte is at this position.
    pub fn open(&mut self, at: usize) {
        self.tokens.open(at);
        self.counts = Counts::NONE;
        (self.cost, self.symbols, self.start, self.segment, self.mark) = (0, 0, 0, 0, 0);
    }

    /// The byte behind which the segment ends.
    pub fn until(&self) -> usize {
        self.segment + SEGMENT
    }

    /// Ends the segment at this position, before the byte `end`. Writes the block before the segment if both are shorter apart.
    pub fn close(&mut self, at: usize, end: usize, bytes: &[u8], bits: &mut Bits<'_>) {
        self.tokens.close(at);
        let own = self.tokens.counts.entropy();
        let mut both = self.counts.clone();
        both.add(&self.tokens.counts);
        let cost = both.entropy();
        let symbols = self.tokens.counts.literals.iter().sum::<u32>();
        let full = self.symbols + symbols > LARGEST || self.tokens.mark() > TOKENS - SEGMENT;
        if self.segment > self.start && (full || cost > self.cost + own + HEADER) {
            block::write(self.tokens.first(self.mark), &mut self.counts, &bytes[self.start..self.segment], false, bits);
            self.tokens.forget(self.mark);
            self.start = self.segment;
            (self.counts, self.cost, self.symbols) = (self.tokens.counts.clone(), own, symbols);
        } else {
            (self.counts, self.cost, self.symbols) = (both, cost, self.symbols + symbols);
        }
        self.tokens.least = self.tokens.counts.least();
        self.tokens.counts = Counts::NONE;
        self.segment = end;
        self.mark = self.tokens.mark();
    }

    /// Writes what is left, in one block.
    pub fn finish(&mut self, bytes: &[u8], last: bool, bits: &mut Bits<'_>) {
        block::write(self.tokens.first(self.mark), &mut self.counts, &bytes[self.start..], last, bits);
    }
}

/// Bytes of a segment, or a match more.
pub const SEGMENT: usize = 8 << 10;

/// What another block costs, in bits times 256.
const HEADER: u32 = 650 << 8;

/// The most literals and lengths of a block.
const LARGEST: u32 = 256 << 10;
