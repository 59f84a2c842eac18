//! Everything is decoded again by another implementation (miniz_oxide).

use super::*;
use crate::layer::trial::text;

/// Numbers that look random and are always the same (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Text, noise, runs, few symbols and repetitions from any distance, in pieces of any length.
    fn mixed(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let size = self.below(15);
            let piece = 1 + self.below(1 << size);
            match self.below(5) {
                0 => bytes.extend(text(piece)),
                1 => bytes.extend(self.noise(piece)),
                2 => bytes.resize(bytes.len() + piece, self.next() as u8),
                3 => bytes.extend((0..piece).map(|_| b"ab\0c"[self.below(4)])),
                _ => {
                    let back = 1 + self.below(bytes.len().clamp(1, 40_000));
                    for _ in 0..piece {
                        let byte = bytes.len().checked_sub(back).map_or(7, |from| bytes[from]);
                        bytes.push(byte);
                    }
                }
            }
        }
        bytes.truncate(length);
        bytes
    }

    /// Words and phrases, of which some are much more frequent than others.
    fn prose(&mut self, length: usize) -> Vec<u8> {
        let mut words = Vec::new();
        for _ in 0..3000 {
            let letters = 2 + self.below(8);
            words.push(
                (0..letters).map(|_| b"eeeetttaaaooiinnsshhrrddlcumwfgypbv k"[self.below(37)]).collect::<Vec<u8>>(),
            );
        }
        let mut bytes = Vec::new();
        while bytes.len() < length {
            // Phrases come again: the words of one follow each other from the same seed.
            let most = 1 + self.below(2000);
            let mut phrase = Random(self.below(most) as u64);
            for _ in 0..1 + phrase.below(6) {
                let most = 1 + phrase.below(words.len());
                bytes.extend_from_slice(&words[phrase.below(most)]);
                bytes.push(b' ');
            }
            bytes.extend_from_slice([", ", ". ", "\n"][self.below(3)].as_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// Compresses the bytes behind the dictionary, both as a layer's end and not, and decodes what comes out; the former.
fn check(level: u8, dictionary: &[u8], bytes: &[u8]) -> Vec<u8> {
    let before = stored_blocks(dictionary);
    let ends = [false, true].map(|last| {
        let made = deflate(level, dictionary, bytes, last);
        let limit = bytes.len() + bytes.len().div_ceil(65_535).max(1) * 5 + if last { 0 } else { 5 };
        assert!(made.len() <= limit, "level {level}, {} bytes: {}", bytes.len(), made.len());
        let end: &[u8] = if last { &[] } else { &[1, 0, 0, 0xff, 0xff] };
        let content = miniz_oxide::inflate::decompress_to_vec(&[&before, &made[..], end].concat());
        assert!(content.ok() == Some([dictionary, bytes].concat()), "level {level}, {} bytes, {last}", bytes.len());
        made
    });
    let [open, last] = ends;
    assert!(open.ends_with(&[0, 0, 0xff, 0xff]));
    last
}

fn stored_blocks(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for piece in bytes.chunks(65_535) {
        let length = piece.len() as u16;
        stream.extend([&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), piece].concat());
    }
    stream
}

#[test]
fn every_level_takes_any_content() {
    let mut random = Random(1);
    let noise = random.noise(200_000);
    let mixed = random.mixed(400_000);
    for level in 0..=9 {
        for bytes in [&text(300_000), &noise, &vec![0; 300_000], &mixed, &[text(70_000), noise.clone()].concat()] {
            check(level, &[], bytes);
            let (dictionary, rest) = bytes.split_at(HISTORY);
            check(level, dictionary, rest);
            check(level, &dictionary[..1000], &rest[..100_000]);
        }
    }
}

#[test]
fn small_ones() {
    let mut random = Random(2);
    let (text, mixed) = (text(700), random.mixed(700));
    for level in 0..=9 {
        for length in 0..600 {
            check(level, &[], &text[..length]);
            check(level, &[], &vec![b'x'; length]);
            check(level, &mixed[..length], &mixed[length..]);
        }
    }
}

#[test]
fn made_up_ones() {
    let mut random = Random(3);
    for round in 0..300 {
        let length = random.below(1 << (4 + round % 14));
        let dictionary = random.mixed(length.min(HISTORY));
        let size = 4 + random.below(14);
        let length = random.below(1 << size);
        // What begins like its dictionary.
        let mut bytes = dictionary[..random.below(dictionary.len() + 1)].to_vec();
        bytes.extend(random.mixed(length));
        check(1 + round as u8 % 9, &dictionary, &bytes);
    }
}

#[test]
fn what_a_thread_encoded_before_changes_nothing() {
    let mut random = Random(4);
    let chunks: Vec<_> = [3, 20, 9_000, 70_000, 150_000].into_iter().map(|length| random.mixed(length)).collect();
    let fresh = |level, dictionary: &[u8], bytes: &[u8]| {
        let mut encoder = Box::new(Encoder::NONE);
        encoder.deflate(level, dictionary, bytes, true, &mut Vec::new())
    };
    for level in 0..=9 {
        let (mut used, mut out) = (Box::new(Encoder::NONE), Vec::new());
        for other in [1, 5, 9] {
            for bytes in &chunks {
                used.deflate(other, &[], bytes, false, &mut out);
                for (dictionary, bytes) in [(&chunks[2], bytes), (&chunks[0], bytes), (&Vec::new(), bytes)] {
                    assert!(
                        used.deflate(level, dictionary, bytes, true, &mut out) == fresh(level, dictionary, bytes),
                        "{level}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_higher_level_is_smaller() {
    let mut random = Random(5);
    let bytes = random.prose(1 << 20);
    let sizes: Vec<_> = (0..=9).map(|level| check(level, &[], &bytes).len()).collect();
    assert!(sizes.is_sorted_by(|lower, higher| lower > higher), "{sizes:?}");
}

/// Longer than a block, a run of literals, and the list of tokens.
#[test]
fn nothing_overflows() {
    let mut random = Random(6);
    let short: Vec<u8> =
        (0..700_000_u32).flat_map(|at| [(at % 251) as u8, (at % 241) as u8, random.below(3) as u8]).collect();
    let literals: Vec<u8> = (0..2 << 20).map(|_| (random.next() % 200) as u8).collect();
    for level in [1, 4, 6, 9] {
        check(level, &[], &short);
        assert!(check(level, &[], &literals).len() < literals.len());
    }
}
