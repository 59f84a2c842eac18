//! The lengths of a block's codes, in the code for such lengths (RFC 1951, 3.2.7).

use super::bits::Bits;
use super::huffman;
use super::symbols::{DISTANCES, END, LITERALS};

/// What stands before the symbols of a block with its own codes.
pub struct Header {
    /// Symbols, and what their extra bits are.
    runs: Vec<(u8, u8)>,
    lengths: [u8; 19],
    literals: usize,
    distances: usize,
    order: usize,
}

impl Header {
    /// For codes of these lengths.
    pub fn new(literals: &[u8; LITERALS], distances: &[u8; DISTANCES]) -> Self {
        let used = |lengths: &[u8]| lengths.iter().rposition(|length| *length > 0).map_or(0, |last| last + 1);
        let (own, far) = (used(literals).max(END + 1), used(distances).max(1));
        let mut all = [0; LITERALS + DISTANCES];
        all[..own].copy_from_slice(&literals[..own]);
        all[own..own + far].copy_from_slice(&distances[..far]);
        let mut runs = Vec::with_capacity(own + far);
        for run in all[..own + far].chunk_by(|a, b| a == b) {
            repeat(run[0], run.len(), &mut runs);
        }
        let mut counts = [0; 19];
        runs.iter().for_each(|(symbol, _)| counts[usize::from(*symbol)] += 1);
        let lengths = huffman::lengths(&counts, 7);
        let order = ORDER.iter().rposition(|symbol| lengths[*symbol] > 0).map_or(4, |last| (last + 1).max(4));
        Self { runs, lengths, literals: own, distances: far, order }
    }

    /// How many bits it takes.
    pub fn bits(&self) -> u32 {
        let runs = self.runs.iter().map(|(symbol, _)| u32::from(self.lengths[usize::from(*symbol)]) + extra(*symbol));
        14 + 3 * self.order as u32 + runs.sum::<u32>()
    }

    /// Writes it.
    pub fn write(&self, bits: &mut Bits<'_>) {
        bits.put((self.literals - END - 1) as u32, 5);
        bits.put((self.distances - 1) as u32, 5);
        bits.put((self.order - 4) as u32, 4);
        for symbol in &ORDER[..self.order] {
            bits.put(u32::from(self.lengths[*symbol]), 3);
        }
        let code = huffman::code(&self.lengths);
        for &(symbol, more) in &self.runs {
            let entry = code[usize::from(symbol)];
            bits.put(entry & 0xff_ffff, entry >> 24);
            bits.put(u32::from(more), extra(symbol));
        }
    }
}

/// A length that occurs so many times in a row.
fn repeat(length: u8, mut left: usize, runs: &mut Vec<(u8, u8)>) {
    if length == 0 {
        while left >= 11 {
            let now = left.min(138);
            runs.push((18, (now - 11) as u8));
            left -= now;
        }
        if left >= 3 {
            runs.push((17, (left - 3) as u8));
            left = 0;
        }
    } else {
        runs.push((length, 0));
        left -= 1;
        while left >= 3 {
            let now = left.min(6);
            runs.push((16, (now - 3) as u8));
            left -= now;
        }
    }
    runs.extend(std::iter::repeat_n((length, 0), left));
}

fn extra(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
