//! The codec profile's gzip (wit/README.md, "The codec profile"): one member, cut into chunks that compress apart from each other.
//!
//! A chunk is raw DEFLATE primed with what stands before it and ended on a byte border, so that the chunks' bytes, one after the
//! other, are one stream, whoever compressed them.

use super::chunk::{Cutter, no_level, too_large};
use super::flate::deflate;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Chunk, Compression, Packed};

/// The member's header (RFC 1952, 2.3): no name, no time, no extra flags, unknown system.
pub const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The profile's cutter.
pub fn cutter(level: u8) -> Cutter {
    Cutter::new(Compression::Deflate(level), CHUNK, DICTIONARY)
}

/// Compresses one chunk to raw DEFLATE, flushed or, at the end of the layer, finished.
pub fn compress(chunk: &Chunk, level: u8) -> Result<Packed> {
    check(level)?;
    if chunk.bytes.len() > MAX_CHUNK || chunk.dictionary.len() > DICTIONARY {
        return Err(too_large(MAX_CHUNK));
    }
    let bytes = deflate(level, &chunk.dictionary, &chunk.bytes, chunk.last);
    Ok(Packed { bytes, parts: Vec::new(), crc32: crc32fast::hash(&chunk.bytes) })
}

/// Compresses each part of a chunk to a gzip member of its own.
pub fn members(chunk: &Chunk, level: u8) -> Result<Packed> {
    check(level)?;
    if chunk.bytes.len() > MAX_MEMBERS || !chunk.dictionary.is_empty() {
        return Err(too_large(MAX_MEMBERS));
    }
    let wrong = || Error::new(Fault::Host, Code::Malformed("chunk".into()), "the parts of a chunk are not all of it");
    let mut packed = Packed { bytes: Vec::new(), parts: Vec::with_capacity(chunk.parts.len()), crc32: 0 };
    let mut rest = chunk.bytes.as_slice();
    for length in &chunk.parts {
        let (part, later) = rest.split_at_checked(*length as usize).ok_or_else(wrong)?;
        rest = later;
        let body = deflate(level, &[], part, true);
        let mut trailer = Trailer::default();
        trailer.add(crc32fast::hash(part), part.len() as u64);
        let length = HEADER.len().saturating_add(body.len()).saturating_add(8);
        packed.parts.push(u32::try_from(length).unwrap_or(u32::MAX));
        packed.bytes.extend_from_slice(&HEADER);
        packed.bytes.extend_from_slice(&body);
        packed.bytes.extend_from_slice(&trailer.bytes());
    }
    if rest.is_empty() { Ok(packed) } else { Err(wrong()) }
}

fn check(level: u8) -> Result<()> {
    if level > 9 { Err(no_level(level, "gzip", "0 to 9")) } else { Ok(()) }
}

/// What ends the member: the CRC-32 of all chunks, and how many bytes they were, modulo 2^32.
#[derive(Default)]
pub struct Trailer {
    crc32: crc32fast::Hasher,
    length: u64,
}

impl Trailer {
    /// The next chunk's CRC-32 and length.
    pub fn add(&mut self, crc32: u32, length: u64) {
        self.crc32.combine(&crc32fast::Hasher::new_with_initial_len(crc32, length));
        self.length = self.length.saturating_add(length);
    }

    /// Eight bytes.
    pub fn bytes(self) -> [u8; 8] {
        let [a, b, c, d] = self.crc32.finalize().to_le_bytes();
        let [e, f, g, h] = (self.length as u32).to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

/// Bytes of a chunk: part of the codec profile.
pub const CHUNK: usize = 1 << 20;

/// Bytes before a chunk that prime it: part of the codec profile, and DEFLATE's window.
const DICTIONARY: usize = 32 << 10;

/// What a worker takes at most, in bytes.
const MAX_CHUNK: usize = 4 << 20;

/// What a worker takes at most in all members of a chunk, in bytes.
const MAX_MEMBERS: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::text;

    #[test]
    fn chunks_of_any_content_join() {
        let mut noise = text(100_000);
        noise.iter_mut().zip(text(300_000).chunks(3)).for_each(|(byte, other)| {
            *byte = crc32fast::hash(other) as u8;
        });
        for bytes in [Vec::new(), vec![0; 70_000], text(70_000), noise] {
            for level in 0..=9 {
                let compression = Compression::Deflate(level);
                let (first, second) = bytes.split_at(bytes.len() / 2);
                let chunk = |dictionary: &[u8], bytes: &[u8], last| {
                    let (dictionary, bytes) = (dictionary.to_vec(), bytes.to_vec());
                    compress(&Chunk { compression, dictionary, bytes, parts: Vec::new(), last }, level).unwrap()
                };
                let start = chunk(&[], first, false);
                let end = chunk(&first[first.len().saturating_sub(DICTIONARY)..], second, true);
                assert_eq!((start.crc32, end.crc32), (crc32fast::hash(first), crc32fast::hash(second)));
                let joined = [&start.bytes[..], &end.bytes].concat();
                assert!(miniz_oxide::inflate::decompress_to_vec(&joined).unwrap() == bytes, "{level}");
            }
        }
    }

    #[test]
    fn members_do_not_know_of_each_other() {
        let contents = [text(0), text(700), vec![0; 200_000], text(90_000), text(1)];
        for level in 0..=9 {
            let make = |contents: &[Vec<u8>]| {
                let parts = contents.iter().map(|content| content.len() as u32).collect();
                let (compression, dictionary) = (Compression::Gzip(level), Vec::new());
                members(&Chunk { compression, dictionary, bytes: contents.concat(), parts, last: false }, level)
                    .unwrap()
            };
            let together = make(&contents);
            let mut rest = together.bytes.as_slice();
            for (content, length) in contents.iter().zip(&together.parts) {
                let (member, later) = rest.split_at(*length as usize);
                rest = later;
                assert!(make(std::slice::from_ref(content)).bytes == member);
                let (body, trailer) = member[HEADER.len()..].split_at(member.len() - HEADER.len() - 8);
                assert!(miniz_oxide::inflate::decompress_to_vec(body).unwrap() == *content);
                let length = (content.len() as u32).to_le_bytes();
                assert_eq!(trailer, [crc32fast::hash(content).to_le_bytes(), length].concat());
            }
            assert!(rest.is_empty());
        }
    }

    /// Another number here is another profile: blobs would no longer be the same as before.
    #[test]
    fn the_bytes_of_profile_1() {
        let tar = text(400_000);
        let (dictionary, bytes) = (tar[..DICTIONARY].to_vec(), tar[DICTIONARY..].to_vec());
        let compression = Compression::Deflate(0);
        let chunk = Chunk { compression, dictionary, bytes, parts: Vec::new(), last: true };
        let mut sums = Vec::new();
        for level in 0..=9 {
            let bytes = compress(&chunk, level).unwrap().bytes;
            sums.push((bytes.len(), crc32fast::hash(&bytes)));
        }
        let expected = [
            (367_262, 3_457_410_916),
            (159_738, 710_229_823),
            (158_876, 137_965_678),
            (158_785, 2_734_365_449),
            (158_367, 2_942_847_845),
            (157_905, 3_409_590_926),
            (158_610, 1_284_625_053),
            (158_399, 3_151_812_582),
            (157_321, 1_020_019_233),
            (156_700, 3_167_000_836),
        ];
        assert_eq!(sums, expected);
    }
}
