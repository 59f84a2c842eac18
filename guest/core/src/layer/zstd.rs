//! The codec profile's zstd (wit/README.md, "The codec profile"): frames (RFC 8878) that know nothing of each other.
//!
//! Each has its content size and checksum in it and a window of 8 MiB at most, which is what every decoder must be able to read.

use rust_zstd::{CompressOptions, Compressor};

use super::chunk::{Cutter, no_level, too_large};
use crate::error::Result;
use crate::media::{Chunk, Compression, Packed};

/// The level of zstd when none is asked for.
pub const DEFAULT_ZSTD_LEVEL: u8 = 3;

/// The profile's cutter.
pub fn cutter(level: u8) -> Cutter {
    Cutter::new(Compression::Zstd(level), frame(level), 0)
}

/// Bytes of the tar in one frame: part of the codec profile.
///
/// Cutting costs up to a window of matches at each border (half a percent at level 3), so levels with long windows get long frames. From 20 on a window is as long as
/// its frame, which keeps those frames short.
pub fn frame(level: u8) -> usize {
    match level {
        0..=8 => 4 << 20,
        9..=19 => 16 << 20,
        _ => 8 << 20,
    }
}

/// Compresses one chunk to a whole frame.
pub fn compress(chunk: &Chunk, level: u8) -> Result<Packed> {
    if !(1..=22).contains(&level) {
        return Err(no_level(level, "zstd", "1 to 22"));
    }
    if chunk.bytes.len() > MAX_CHUNK || !chunk.dictionary.is_empty() {
        return Err(too_large(MAX_CHUNK));
    }
    let options = CompressOptions { level: i32::from(level), checksum: true, ..CompressOptions::default() };
    let mut bytes = Vec::new();
    Compressor::new(options).compress(&chunk.bytes, &mut bytes);
    bytes.shrink_to_fit();
    Ok(Packed { bytes, parts: Vec::new(), crc32: 0 })
}

/// What a worker takes at most, in bytes.
const MAX_CHUNK: usize = 16 << 20;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::layer::trial::{text, unzstd};

    /// One frame.
    pub fn packed(level: u8, bytes: Vec<u8>) -> Vec<u8> {
        let compression = Compression::Zstd(level);
        let chunk = Chunk { compression, dictionary: Vec::new(), bytes, parts: Vec::new(), last: false };
        compress(&chunk, level).unwrap().bytes
    }

    /// The content size and window of a frame with a checksum and no dictionary (RFC 8878, 3.1.1.1).
    fn header(frame: &[u8]) -> (u64, u64) {
        assert_eq!(frame[..4], [0x28, 0xb5, 0x2f, 0xfd]);
        let (flags, rest) = (frame[4], &frame[5..]);
        assert_eq!(flags & 0b1_1111, 0b0_0100, "a checksum, no dictionary");
        let single = flags & 0x20 != 0;
        let (window, rest) = if single { (0, rest) } else { (rest[0], &rest[1..]) };
        let size = match flags >> 6 {
            0 if single => u64::from(rest[0]),
            1 => u64::from(u16::from_le_bytes([rest[0], rest[1]])) + 256,
            2 => u64::from(u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]])),
            _ => panic!("no content size, or a huge one"),
        };
        let base = 1 << (10 + (window >> 3));
        (size, if single { size } else { base + base / 8 * u64::from(window & 7) })
    }

    #[test]
    fn a_frame_says_its_size_and_asks_for_8_mebibytes_at_most() {
        for level in 1..=22 {
            for size in [0, 1, 300, 100_000, frame(level)] {
                let frame = packed(level, vec![b'!'; size]);
                let (said, window) = header(&frame);
                assert_eq!(said, size as u64);
                assert!(window <= 8 << 20, "{level}: {window}");
                assert!(unzstd(&frame) == vec![b'!'; size]);
            }
        }
    }

    #[test]
    fn every_level_decodes() {
        let noise: Vec<u8> = text(900_000).chunks(3).map(|piece| crc32fast::hash(piece) as u8).collect();
        let content = [text(300_000), noise, vec![0; 200_000], text(300_000)].concat();
        for level in 1..=22 {
            assert!(unzstd(&packed(level, content.clone())) == content, "{level}");
        }
    }

    /// Another number here is another profile: blobs would no longer be the same as before.
    #[test]
    fn the_bytes_of_profile_1() {
        let tar = text(400_000);
        let sums = (1..=22).map(|level| {
            let bytes = packed(level, tar.clone());
            (bytes.len(), crc32fast::hash(&bytes))
        });
        assert_eq!(sums.collect::<Vec<_>>(), PROFILE);
    }

    const PROFILE: [(usize, u32); 22] = [
        (169_596, 2_864_471_879),
        (172_069, 3_876_505_577),
        (180_419, 1_864_056_345),
        (178_971, 3_824_295_546),
        (172_613, 400_811_635),
        (171_897, 1_221_761_696),
        (171_355, 2_476_923_708),
        (171_145, 58_646_155),
        (171_145, 58_646_155),
        (170_782, 4_008_941_338),
        (170_720, 1_733_000_506),
        (170_720, 1_733_000_506),
        (171_014, 3_937_518_233),
        (171_015, 2_402_224_514),
        (171_015, 2_402_224_514),
        (169_923, 4_228_249_147),
        (170_436, 173_599_106),
        (165_027, 3_303_407_641),
        (164_603, 2_529_701_169),
        (164_603, 2_529_701_169),
        (164_603, 2_529_701_169),
        (164_603, 2_529_701_169),
    ];
}
