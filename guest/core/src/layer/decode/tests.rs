//! What is read and what is refused, in pieces of every size. Other projects' frames: `tests/tests/corpora.rs`.

use super::*;
use crate::error::Code;
use crate::error::Error;
use crate::layer::trial::text;
use crate::layer::{chunk, deflate};
use crate::media::{Chunk, Compression};

/// What a stream holds, or the message and code of its refusal, when it comes in these pieces.
fn pieces<'a>(start: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, (Code, String)> {
    let refused = |error: Error| (error.code, error.message);
    let mut decoder = Decoder::of(start).unwrap();
    let mut out = Vec::new();
    for mut piece in pieces {
        loop {
            let (taken, made) = decoder.push(piece).map_err(refused)?;
            piece = &piece[taken..];
            if taken == 0 && made.is_empty() {
                assert!(piece.is_empty());
                break;
            }
            out.extend(made);
        }
    }
    decoder.finish().map_err(refused).map(|()| out)
}

/// The same for all pieces that a stream can come in: whole, in single bytes, and in two halves of any length.
fn decode(bytes: &[u8]) -> Result<Vec<u8>, (Code, String)> {
    let whole = pieces(bytes, [bytes]);
    assert!(pieces(bytes, bytes.chunks(1)) == whole, "{whole:?}");
    for at in 0..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert!(pieces(bytes, [first, second]) == whole, "{at}: {whole:?}");
    }
    whole
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let (compression, parts) = (Compression::Gzip(6), vec![content.len() as u32]);
    let chunk = Chunk { compression, dictionary: Vec::new(), bytes: content.to_vec(), parts, last: false };
    chunk::compress(&chunk).unwrap().bytes
}

fn zstd(content: &[u8]) -> Vec<u8> {
    crate::layer::zstd::tests::packed(3, content.to_vec())
}

/// A frame with a window by this descriptor and, if it is known, this content size: one block of `!`, repeated.
fn frame(descriptor: u8, size: Option<u32>) -> Vec<u8> {
    let flags = if size.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, flags, descriptor];
    frame.extend(size.into_iter().flat_map(u32::to_le_bytes));
    // The last block, of one byte said five times.
    frame.extend([1 | (1 << 1) | (5 << 3), 0, 0, b'!']);
    frame
}

const SKIPPABLE: &[u8] = &[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
const NOTHING_SKIPPED: &[u8] = &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];

#[test]
fn what_encoders_may_write_is_read_in_any_pieces() {
    let content = text(700);
    let (first, second) = content.split_at(300);
    let fields = b"\x1f\x8b\x08\x1e\x01\x02\x03\x04\x02\x03\x03\0\x01\0\x02name\0comment\0";
    let sum = crc32fast::hash(fields).to_le_bytes();
    let with_fields = [&fields[..], &sum[..2], &gzip(second)[deflate::HEADER.len()..]].concat();
    let streams = [
        gzip(&content),
        [gzip(first), gzip(b""), with_fields.clone()].concat(),
        [gzip(first), with_fields, vec![0; 600]].concat(),
        zstd(&content),
        [zstd(first), zstd(b""), zstd(second)].concat(),
        [SKIPPABLE, &zstd(first), NOTHING_SKIPPED, SKIPPABLE, &zstd(second), SKIPPABLE].concat(),
        rust_zstd::compress_to_vec(&content),
    ];
    for (at, stream) in streams.iter().enumerate() {
        assert!(decode(stream).unwrap() == content, "{at}");
    }
}

#[test]
fn what_is_wrong_says_what_in_any_pieces() {
    let flipped = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        bytes
    };
    let (g, z) = (gzip(&text(100)), zstd(&text(100)));
    let dictionary = [&[0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0][..]].concat();
    let cases = [
        (g[..g.len() - 1].to_vec(), "gzip stream is cut short"),
        (g[..5].to_vec(), "gzip stream is cut short"),
        ([&g[..], &g[..4]].concat(), "gzip stream is cut short"),
        (flipped(g.clone(), 1), "its checksum or length does not match"),
        (flipped(g.clone(), 8), "its checksum or length does not match"),
        ([&g[..], b"x"].concat(), "gzip stream is followed by bytes that are none of it"),
        ([&g[..], &[0; 512], b"x"].concat(), "gzip stream is followed by bytes"),
        ([&g[..], &[0; 512], &g].concat(), "gzip stream is followed by bytes"),
        ([&g[..], &z].concat(), "gzip stream is followed by bytes"),
        (z[..z.len() - 1].to_vec(), "zstd stream is cut short"),
        (z[..5].to_vec(), "zstd stream is cut short"),
        ([&z[..], &z[..3]].concat(), "zstd stream is cut short"),
        ([&z[..], &SKIPPABLE[..6]].concat(), "zstd stream is cut short"),
        ([&z[..], &SKIPPABLE[..9]].concat(), "zstd stream is cut short"),
        (flipped(z.clone(), 1), "zstd stream is damaged"),
        ([&z[..], b"x"].concat(), "zstd stream is followed by bytes that are none of it"),
        // Unlike gzip's, no decoder reads it.
        ([&z[..], &[0; 512]].concat(), "zstd stream is followed by bytes"),
        ([&z[..], &g].concat(), "zstd stream is followed by bytes"),
        (frame(13 << 3, Some(4)), "zstd stream is damaged"),
        (frame(13 << 3, Some(6)), "zstd stream is damaged"),
        (dictionary, "needs a dictionary"),
    ];
    for (bytes, expected) in cases {
        let (code, message) = decode(&bytes).unwrap_err();
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(matches!(code, Code::Malformed(_) | Code::Unsupported(_)), "{code:?}");
    }
}

#[test]
fn the_header_decides_on_the_window() {
    let single = |size: u64| [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &size.to_le_bytes(), &[1, 0, 0]].concat();
    let warned = |bytes: &[u8]| {
        let mut decoder = Decoder::of(bytes).unwrap();
        decoder.push(bytes).unwrap();
        let warning = decoder.warning();
        assert_eq!(decoder.warning(), None);
        warning
    };
    for size in [None, Some(5)] {
        for (log, wide) in [(10, None), (23, None), (24, Some("16 MiB")), (27, Some("128 MiB"))] {
            let frame = frame((log - 10) << 3, size);
            assert!(decode(&frame).unwrap() == b"!!!!!", "{log}");
            assert_eq!(warned(&frame).is_some(), wide.is_some());
            assert!(warned(&frame).unwrap_or_default().contains(wide.unwrap_or_default()));
        }
        for descriptor in [(17 << 3) + 1, 18 << 3, 21 << 3, 31 << 3, 255] {
            let (code, message) = decode(&frame(descriptor, size)).unwrap_err();
            assert_eq!(code, Code::LimitExceeded("window".into()), "{descriptor}");
            assert!(message.contains("128 MiB"), "{message}");
        }
    }
    // A single segment is its own window; this one has less in it than it says.
    assert_eq!(decode(&single(128 << 20)).unwrap_err().0, Code::Malformed("zstd".into()));
    for size in [(128 << 20) + 1, u64::MAX] {
        assert_eq!(decode(&single(size)).unwrap_err().0, Code::LimitExceeded("window".into()));
    }
}

#[test]
fn zeros_behind_gzip_are_told() {
    let mut decoder = Decoder::of(&gzip(b"")).unwrap();
    decoder.push(&gzip(b"x")).unwrap();
    assert_eq!(decoder.warning(), None);
    decoder.push(&[0; 10]).unwrap();
    assert!(decoder.warning().unwrap().contains("zeros stand behind"));
    assert_eq!(decoder.warning(), None);
}

#[test]
fn output_has_its_limits() {
    let limit = |name: &str| Err(Code::LimitExceeded(name.into()));
    let add = |read: usize, made: usize| Budget::default().add(read, made).map_err(|error| error.code);
    assert_eq!(add(0, 64 << 20), Ok(()));
    assert_eq!(add(67_108, (64 << 20) + 1), Ok(()));
    assert_eq!(add(67_107, 67_108_900), limit("compression ratio"));
    assert_eq!(add(64 << 30, 64 << 30), Ok(()));
    assert_eq!(add(64 << 30, (64 << 30) + 1), limit("decompressed size"));
}

#[test]
fn damage_never_panics() {
    for whole in [zstd(&text(3000)), rust_zstd::compress_to_vec(&text(3000)), gzip(&text(3000))] {
        for at in 4..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let _ = pieces(&damaged, [&damaged[..]]);
            }
        }
    }
}
