//! From every place that is kept the rest of a stream is the same.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::layer::decode::Decoder;

/// Text in part, and in part what cannot be compressed.
fn content(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::new();
    while bytes.len() < size {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        match state >> 61 {
            0 => bytes.extend((0..2000_u64).map(|at| (state.wrapping_mul(at * at + 7) >> 33) as u8)),
            word => bytes.extend(format!("{:x} {word} ", state >> 40).repeat(1 + word as usize).bytes()),
        }
    }
    bytes.truncate(size);
    bytes
}

fn gzip(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What comes out behind `taken` bytes of a stream, in pieces.
fn decode(decoder: &mut Decoder, stream: &[u8], taken: u64, piece: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for mut part in stream[taken as usize..].chunks(piece) {
        loop {
            let (taken, made) = decoder.push(part).unwrap();
            part = &part[taken..];
            all.extend(&made);
            if taken == 0 && made.is_empty() {
                break;
            }
        }
        assert!(part.is_empty());
    }
    decoder.finish().unwrap();
    all
}

fn marked(stream: &[u8], content: &[u8], marks: Marks, piece: usize) -> Marks {
    let mut decoder = Decoder::of(stream).unwrap();
    *decoder.marks() = Some(marks);
    assert!(decode(&mut decoder, stream, 0, piece) == content);
    decoder.marks().take().unwrap()
}

#[test]
fn the_rest_is_the_same() {
    let content = content(700_000);
    let (first, second) = content.split_at(300_000);
    let members: Vec<u8> = content.chunks(9_000).flat_map(|part| gzip(6, part)).collect();
    let frames: Vec<u8> =
        content.chunks(50_000).flat_map(|part| crate::layer::zstd::tests::packed(3, part.to_vec())).collect();
    let mut flushed = GzEncoder::new(Vec::new(), Compression::new(4));
    for part in content.chunks(30_000) {
        flushed.write_all(part).unwrap();
        flushed.flush().unwrap();
    }
    let streams = [
        // One block, for all its length.
        (gzip(1, &content), 0),
        (gzip(2, &content), 3),
        (gzip(6, &content), 3),
        (gzip(9, &content), 3),
        ([gzip(6, first), gzip(9, second)].concat(), 3),
        (members, 15),
        (flushed.finish().unwrap(), 3),
        (frames, 12),
        // Stored blocks behind each other start where bytes do.
        (gzip(0, &content), 2),
    ];
    for (at, (stream, least)) in streams.iter().enumerate() {
        for piece in [1 << 20, 40_000, 1_000] {
            let marks = marked(stream, &content, Marks::new(20_000, u64::MAX), piece);
            let found = marks.iter().count();
            assert!(
                found >= if piece < 40_000 { (*least).min(1) } else { *least },
                "{at}: {found} places in pieces of {piece}"
            );
            for mark in marks.iter() {
                let rest = decode(&mut Decoder::at(mark), stream, mark.stream, piece);
                assert!(rest == content[mark.content as usize..], "{at}: behind {} bytes", mark.content);
                assert_eq!(marks.before(mark.content + 1).unwrap().stream, mark.stream);
            }
            assert!(marks.before(19_999).is_none());
        }
    }
}

/// What a decoder is given before a block becomes nothing, and leaves it where the block starts.
#[test]
fn nothing_shows_before_a_block() {
    // The last block, with fixed codes, and the letter `a` in it; a code has its highest bit first.
    let block = 3 | u64::from((0x30 + b'a').reverse_bits()) << 3;
    for used in BITS {
        let bits = block << (used % 8);
        let bytes = bits.to_le_bytes();
        let (last, rest) = if used == 8 { (0xff, &bytes[..]) } else { (bytes[0] | 0xff >> (8 - used), &bytes[1..]) };
        let mut inflate = inflate(b"", &start(used, last)).unwrap();
        let mut out = [0; 4];
        inflate.decompress(rest, &mut out, InflateFlush::NoFlush).unwrap();
        assert_eq!((inflate.total_out(), out[0]), (1, b'a'), "{used}");
    }
}

/// Memory is what it may be: places are farther from each other then.
#[test]
fn there_are_not_too_many() {
    let content = content(2_000_000);
    let stream = gzip(6, &content);
    let all = marked(&stream, &content, Marks::new(20_000, u64::MAX), 1 << 20);
    let few = marked(&stream, &content, Marks::new(20_000, 200_000), 1 << 20);
    assert!(few.used <= 200_000 && few.apart > 20_000, "{}", few.used);
    assert!(few.iter().count() >= 2 && few.iter().count() < all.iter().count() / 2);
    assert_eq!(marked(&stream, &content, Marks::new(20_000, 0), 1 << 20).iter().count(), 0);
    for mark in few.iter() {
        assert!(decode(&mut Decoder::at(mark), &stream, mark.stream, 1 << 20) == content[mark.content as usize..]);
    }
}
