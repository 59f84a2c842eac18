//! DEFLATE (RFC 1951), the encoder: for chunks that are whole in memory, each one primed with what stands before it.
//!
//! A chunk runs through a [`window`] in which a match finder ([`buckets`] for the faster levels, [`chains`] for the others) looks for
//! repetitions; [`parse`] decides which ones become [`tokens`]. Every few thousand bytes [`blocks`] decides whether what came is like
//! what came before and belongs to the same block, and [`block`] writes a block as is shortest: stored, with the fixed codes, or with
//! its own ([`huffman`], [`header`]). The bytes depend on the arguments only: not on the platform, and not on what was encoded before.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "positions, counts and costs are far below 2^31 for a chunk of a few MiB, and arrays are indexed by symbols that this \
              encoder makes itself, or behind a mask; checks that return instead would hide a fault and cost a fifth of the speed"
)]

mod bits;
mod block;
mod blocks;
mod buckets;
mod chains;
mod entropy;
mod header;
mod huffman;
mod parse;
mod symbols;
#[cfg(test)]
mod tests;
mod tokens;
mod window;

use std::cell::RefCell;

use bits::Bits;
use blocks::{Blocks, SEGMENT};
use buckets::{Buckets, Fast};
use chains::Chains;
use parse::{Finder, Habits, parse};
use window::{HISTORY, Window};

/// Compresses a chunk: whole bytes of raw DEFLATE that continue a stream whose content ends with the dictionary, of which the last
/// 32 KiB count. They end with the stream's last block, or with an empty stored block.
///
/// Level 0 stores, 1 is the fastest, 9 (and any above) the smallest. The result is never longer than the chunk, five bytes for each
/// 65,535 begun, and five for the end.
pub fn deflate(level: u8, dictionary: &[u8], bytes: &[u8], last: bool) -> Vec<u8> {
    thread_local!(static ENCODER: RefCell<(Box<Encoder>, Vec<u8>)> = RefCell::new((Box::new(Encoder::NONE), Vec::new())));
    ENCODER.with_borrow_mut(|(encoder, out)| encoder.deflate(level, dictionary, bytes, last, out))
}

/// What a thread keeps from chunk to chunk, so that it is allocated once: about 600 KiB. Beside it is room for the largest chunk.
struct Encoder {
    window: Window,
    buckets: Buckets,
    chains: Chains,
    blocks: Blocks,
}

impl Encoder {
    /// All of it zero, so that it is no part of a program's data.
    const NONE: Self =
        Self { window: Window::NONE, buckets: Buckets::NONE, chains: Chains::NONE, blocks: Blocks::NONE };

    fn deflate(&mut self, level: u8, dictionary: &[u8], bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Vec<u8> {
        // A block is never longer than stored, and only the last one has fewer bytes than a segment.
        let room = bytes.len() + bytes.len() / SEGMENT * 8 + 64;
        if out.len() < room {
            out.resize(room, 0);
        }
        let mut bits = Bits::new(out);
        if level > 0 && !bytes.is_empty() {
            self.compress(level, dictionary, bytes, last, &mut bits);
        }
        if bits.is_empty() || bits.written() >= block::stored(bytes.len()) {
            bits = Bits::new(out);
            block::store(bytes, last, &mut bits);
        }
        if last {
            bits.align();
        } else {
            block::store(&[], false, &mut bits);
        }
        let written = bits.written();
        out[..written].to_vec()
    }

    fn compress(&mut self, level: u8, dictionary: &[u8], bytes: &[u8], last: bool, bits: &mut Bits<'_>) {
        self.window.open(dictionary);
        let mut filled = self.window.fill(HISTORY, bytes);
        self.blocks.open(HISTORY);
        let (run, habits) = at_level(level);
        let mut at = HISTORY;
        loop {
            let end = self.window.end();
            let until = if filled { end } else { end - AHEAD };
            at = run(self, habits, at, until.min(HISTORY + self.blocks.until()));
            let ended = filled && at == end;
            if ended || at >= HISTORY + self.blocks.until() {
                self.blocks.close(at, at - HISTORY, bytes, bits);
            }
            if ended {
                return self.blocks.finish(bytes, last, bits);
            }
            if at >= until {
                filled = self.window.fill(at, bytes);
            }
        }
    }

    fn fast<
        const ALL: usize,
        const FOUR: usize,
        const SEVEN: usize,
        const THREE: usize,
        const LAZY: bool,
        const EDGE: usize,
    >(
        &mut self,
        habits: Habits,
        at: usize,
        until: usize,
    ) -> usize {
        let mut finder = Fast::<ALL, FOUR, SEVEN, THREE, LAZY, EDGE>(&mut self.buckets);
        if at == HISTORY {
            finder.open(&self.window, habits);
        }
        parse(&self.window, &mut finder, &mut self.blocks.tokens, habits, at, until)
    }

    fn thorough(&mut self, habits: Habits, at: usize, until: usize) -> usize {
        if at == HISTORY {
            self.chains.open(&self.window, habits);
        }
        parse(&self.window, &mut self.chains, &mut self.blocks.tokens, habits, at, until)
    }
}

/// How a level finds tokens, and how much it tries. The numbers of a fast one are those of [`Fast`].
fn at_level(level: u8) -> (Run, Habits) {
    let habits = |nice, skip| Habits { nice, skip, good: 0, places: 0 };
    match level {
        1 => (Encoder::fast::<1, 1, 0, 0, false, 1>, habits(0, 5)),
        2 => (Encoder::fast::<2, 1, 1, 0, false, 1>, habits(0, 6)),
        3 => (Encoder::fast::<2, 1, 1, 0, false, 3>, habits(0, 6)),
        4 => (Encoder::fast::<2, 1, 1, 0, true, 3>, habits(12, 6)),
        5 => (Encoder::fast::<3, 1, 2, 0, true, 8>, habits(16, 6)),
        6 => (Encoder::fast::<4, 2, 2, 1, true, 16>, habits(32, 7)),
        7 => (Encoder::fast::<6, 4, 2, 1, true, 129>, habits(64, 7)),
        8 => (Encoder::thorough, Habits { nice: 128, skip: 8, good: 16, places: 32 }),
        _ => (Encoder::thorough, Habits { nice: 258, skip: 9, good: 32, places: 1024 }),
    }
}

/// Finds tokens between two positions; at the first one, the finder starts over.
type Run = fn(&mut Encoder, Habits, usize, usize) -> usize;

/// The window's bytes behind a position that is looked at, except at the end: more than a match has.
const AHEAD: usize = 300;
