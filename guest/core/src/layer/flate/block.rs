//! One block, written as is shortest (RFC 1951, 3.2.3): stored, with the fixed codes, or with its own.

use super::bits::Bits;
use super::header::Header;
use super::huffman::{self, Code};
use super::symbols::{self, DISTANCES, END, LENGTHS, LITERALS};
use super::tokens::{Counts, NONE, RUN};

/// Writes a block of these tokens, that stand for these bytes; the counts are of their symbols.
pub fn write(tokens: &[u32], counts: &mut Counts, bytes: &[u8], last: bool, bits: &mut Bits<'_>) {
    counts.literals[END] = 1;
    let own = Lengths {
        literals: huffman::lengths(&counts.literals, LITERAL_BITS),
        distances: huffman::lengths(&counts.distances, 15),
    };
    let header = Header::new(&own.literals, &own.distances);
    let dynamic = header.bits() + own.bits(counts);
    let fixed = FIXED.bits(counts);
    // At worst seven bits go before the first length.
    if stored(bytes.len()) as u32 * 8 + 7 <= dynamic.min(fixed) + 3 {
        return store(bytes, last, bits);
    }
    bits.put(u32::from(last), 1);
    if fixed <= dynamic {
        bits.put(1, 2);
        encode(tokens, bytes, &FIXED, bits);
    } else {
        bits.put(2, 2);
        header.write(bits);
        encode(tokens, bytes, &own, bits);
    }
}

/// Writes stored blocks: at least one, which may be empty.
pub fn store(bytes: &[u8], last: bool, bits: &mut Bits<'_>) {
    let mut rest = bytes;
    loop {
        let (now, later) = rest.split_at(rest.len().min(STORED));
        bits.put(u32::from(last && later.is_empty()), 3);
        bits.align();
        let length = now.len() as u16;
        bits.put(u32::from(length), 16);
        bits.put(u32::from(!length), 16);
        bits.bytes(now);
        if later.is_empty() {
            return;
        }
        rest = later;
    }
}

/// What stored blocks of so many bytes take, in bytes, when they begin at a byte.
pub fn stored(bytes: usize) -> usize {
    bytes + bytes.div_ceil(STORED).max(1) * 5
}

struct Lengths {
    literals: [u8; LITERALS],
    distances: [u8; DISTANCES],
}

impl Lengths {
    /// What symbols of these counts take in bits, with those that say what block it is.
    fn bits(&self, counts: &Counts) -> u32 {
        let literals = counts.literals.iter().zip(&self.literals).map(|(count, length)| count * u32::from(*length));
        let distances = counts.distances.iter().zip(&self.distances).enumerate();
        let distances = distances
            .map(|(symbol, (count, length))| count * (u32::from(*length) + (symbol as u32 / 2).saturating_sub(1)));
        let extra =
            counts.literals[END + 1..].iter().zip(&LENGTHS).map(|(count, (extra, _))| count * u32::from(*extra));
        3 + literals.sum::<u32>() + distances.sum::<u32>() + extra.sum::<u32>()
    }
}

#[inline(never)]
fn encode(tokens: &[u32], mut bytes: &[u8], lengths: &Lengths, bits: &mut Bits<'_>) {
    let literals: Code<LITERALS> = huffman::code(&lengths.literals);
    let distances: Code<DISTANCES> = huffman::code(&lengths.distances);
    // Codes of lengths, their extra bits with them.
    let matches: [u32; 256] = std::array::from_fn(|less| {
        let symbol = symbols::length(less as u8);
        let (extra, shortest) = LENGTHS[symbol - END - 1];
        let code = literals[symbol];
        let length = code >> 24;
        (code & 0xff_ffff) | (less as u32 - u32::from(shortest)) << length | (length + u32::from(extra)) << 24
    });
    let literal: &[u32; 256] = literals.first_chunk().unwrap_or(&[0; 256]);
    for &token in tokens {
        let mut run = (token & RUN) as usize;
        while run > 4 {
            if let Some((four, rest)) = bytes.split_first_chunk::<4>() {
                for &byte in four {
                    let code = literal[usize::from(byte)];
                    bits.add(code & 0xff_ffff, code >> 24);
                }
                bytes = rest;
            }
            bits.flush();
            run = run.wrapping_sub(4);
        }
        // Up to four literals are written without a branch, the others as no bits.
        if let Some(four) = bytes.first_chunk::<4>() {
            for (&byte, mask) in four.iter().zip(&MASKS[run & 7]) {
                let code = literal[usize::from(byte)] & mask;
                bits.add(code & 0xff_ffff, code >> 24);
            }
        } else {
            for &byte in &bytes[..run] {
                let code = literal[usize::from(byte)];
                bits.add(code & 0xff_ffff, code >> 24);
            }
        }
        bits.flush();
        let less = token >> 17;
        let mut past = run;
        if less != NONE {
            let length = (token >> 9 & 0xff) as u8;
            let code = matches[usize::from(length)];
            bits.add(code & 0xff_ffff, code >> 24);
            let (symbol, extra) = symbols::distance(less);
            let code = distances[symbol & 31];
            bits.add(code & 0xff_ffff, code >> 24);
            bits.add(less & !(u32::MAX << extra), extra);
            bits.flush();
            past = past.wrapping_add(usize::from(length)).wrapping_add(3);
        }
        bytes = bytes.get(past..).unwrap_or_default();
    }
    bits.put(literals[END] & 0xff_ffff, literals[END] >> 24);
}

static MASKS: [[u32; 4]; 8] = {
    let mut masks = [[0; 4]; 8];
    let mut run = 0;
    while run < 8 {
        let mut index = 0;
        while index < 4 {
            masks[run][index] = if index < run { u32::MAX } else { 0 };
            index += 1;
        }
        run += 1;
    }
    masks
};

static FIXED: Lengths = {
    let mut literals = [8; LITERALS];
    let mut symbol = 144;
    while symbol < 280 {
        literals[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    Lengths { literals, distances: [5; DISTANCES] }
};

/// The longest code of a literal: four of them are held before bits are flushed.
const LITERAL_BITS: usize = 14;

/// Bytes of a stored block.
const STORED: usize = 65_535;
