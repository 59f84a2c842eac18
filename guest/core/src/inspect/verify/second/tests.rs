//! The second opinion agrees with the first, on what is good and on what is not.

use super::Decoder;
use crate::layer;
use crate::layer::trial::text;

/// What comes out of a stream in pieces of a size; `None` when it is refused.
fn second(bytes: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::of(bytes, layer::Limits::default())?;
    let mut out = Vec::new();
    for mut piece in bytes.chunks(size) {
        loop {
            let (taken, made) = decoder.push(piece).ok()?;
            piece = &piece[taken..];
            if taken == 0 && made.is_empty() {
                break;
            }
            out.extend(made);
        }
    }
    decoder.finish().ok().map(|()| out)
}

fn first(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = layer::decode::Decoder::of(bytes)?;
    let (mut out, mut rest) = (Vec::new(), bytes);
    loop {
        let (taken, made) = decoder.push(rest).ok()?;
        rest = &rest[taken..];
        if taken == 0 && made.is_empty() {
            return decoder.finish().ok().map(|()| out);
        }
        out.extend(made);
    }
}

fn streams() -> Vec<Vec<u8>> {
    use super::super::tests::{gzip, zstd};
    let content = text(300_000);
    let (some, more) = content.split_at(100_000);
    let skippable =
        [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat();
    vec![
        gzip(&content),
        [gzip(some), gzip(b""), gzip(more)].concat(),
        [gzip(some), vec![0; 600]].concat(),
        zstd(&content),
        [zstd(some), zstd(b""), skippable.clone(), zstd(more)].concat(),
        [skippable.clone(), zstd(some), skippable].concat(),
    ]
}

#[test]
fn both_read_the_same() {
    for (at, stream) in streams().iter().enumerate() {
        let content = first(stream);
        assert!(content.is_some(), "{at}");
        for size in [1, 1000, stream.len()] {
            assert!(second(stream, size) == content, "{at} in pieces of {size}");
        }
    }
}

#[test]
fn both_refuse_the_same() {
    for (number, stream) in streams().iter().enumerate() {
        for at in (0..stream.len()).step_by(stream.len() / 60 + 1) {
            assert_eq!(
                second(&stream[..at], at.max(1)).is_some(),
                first(&stream[..at]).is_some(),
                "{number} cut at {at}"
            );
            let mut damaged = stream.clone();
            damaged[at] ^= 0x24;
            assert_eq!(second(&damaged, 4096), first(&damaged), "{number} damaged at {at}");
        }
    }
}
