//! What passes and what is refused, by damage of our own. Other projects' archives: `tests/tests/corpora.rs`.

use super::*;
use crate::error::{Code, Error};
use crate::layer::trial::{Pieces, all, entry, text, wait};
use crate::layer::{compress, deflate};
use crate::media::{Chunk, Compression, Kind};

fn read(bytes: &[u8], piece: usize) -> Result<Vec<u8>> {
    let mut archive = wait(Archive::open(Pieces(bytes, piece)))?;
    all(&mut archive).map(|(bytes, _)| bytes)
}

fn small() -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in [("a", text(700)), ("b/c", text(1)), ("d", text(512))] {
        tar::append(&mut out, &entry(name, Kind::Regular(content.len() as u64)), false).unwrap();
        out.extend(&content);
        tar::pad(&mut out, content.len() as u64);
    }
    out.extend(tar::END);
    out
}

/// One member with this header; its flags byte is the fourth.
fn member(header: &[u8], bytes: &[u8]) -> Vec<u8> {
    let compression = Compression::Deflate(9);
    let mut out = header.to_vec();
    let mut trailer = deflate::Trailer::default();
    let count = bytes.len() >> 22;
    for at in 0..=count {
        let piece = &bytes[at << 22..bytes.len().min((at + 1) << 22)];
        let chunk =
            Chunk { compression, dictionary: Vec::new(), bytes: piece.to_vec(), parts: Vec::new(), last: at == count };
        let packed = compress(&chunk).unwrap();
        trailer.add(packed.crc32, piece.len() as u64);
        out.extend(packed.bytes);
    }
    out.extend(trailer.bytes());
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    member(&deflate::HEADER, bytes)
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    rust_zstd::compress_to_vec(bytes)
}

const SKIPPABLE: &[u8] = &[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

#[test]
fn the_tar_passes_whole_and_no_part_of_it_does() {
    let tar = small();
    for packed in [tar.clone(), gzip(&tar), zstd(&tar)] {
        for piece in [1, 7, 512, 1 << 20] {
            assert!(read(&packed, piece).unwrap() == tar);
        }
        for cut in 0..packed.len() {
            let error = read(&packed[..cut], 1 << 20).unwrap_err();
            assert!(matches!(error.code, Code::Malformed(_)), "{cut}: {error}");
        }
        let mut more = packed.clone();
        more.push(b'x');
        assert!(read(&more, 1 << 20).is_err());
    }
}

#[test]
fn a_large_tar_comes_in_pieces() {
    let content = text(5 << 20);
    let mut tar = Vec::new();
    tar::append(&mut tar, &entry("f", Kind::Regular(content.len() as u64)), false).unwrap();
    tar.extend(content);
    tar.extend(tar::END);
    for packed in [gzip(&tar), zstd(&tar)] {
        let mut archive = wait(Archive::open(Pieces(&packed, 1 << 20))).unwrap();
        let (bytes, sizes) = all(&mut archive).unwrap();
        assert!(bytes == tar);
        assert!(sizes.iter().all(|size| *size <= 1 << 20) && sizes.len() < 12, "{sizes:?}");
    }
}

#[test]
fn whatever_a_gzip_may_be() {
    let tar = small();
    let (first, second) = tar.split_at(1000);
    let all_fields = b"\x1f\x8b\x08\x1e\x01\x02\x03\x04\x02\x03\x03\0\x01\0\x02name\0comment\0";
    let sum = crc32fast::hash(all_fields).to_le_bytes();
    let full = [&all_fields[..], &sum[..2]].concat();
    let good = [
        [gzip(first), gzip(second)].concat(),
        [gzip(b""), gzip(&tar), gzip(b"")].concat(),
        [gzip(&tar), vec![0; 3000]].concat(),
        member(&full, &tar),
        [member(&full, first), member(&full, second)].concat(),
        member(b"\x1f\x8b\x08\x04\0\0\0\0\0\0\0\0", &tar),
    ];
    for (at, packed) in good.iter().enumerate() {
        for piece in [1, 1 << 20] {
            assert!(read(packed, piece).unwrap() == tar, "{at}");
        }
    }
    let whole = gzip(&tar);
    let flip = |at: usize| {
        let mut packed = whole.clone();
        packed[at] ^= 1;
        packed
    };
    let wrong_sum = [&all_fields[..], &[sum[0] ^ 1, sum[1]]].concat();
    let bad = [
        (flip(whole.len() - 1), "length does not match"),
        (flip(whole.len() - 8), "checksum or length does not match"),
        (flip(2), "no header stands where"),
        (member(b"\x1f\x8b\x08\x20\0\0\0\0\0\0", &tar), "reserved flags"),
        (member(&wrong_sum, &tar), "header's checksum"),
        ([&whole[..], b"\0x"].concat(), "followed by bytes"),
        ([&whole[..], &[0], &whole].concat(), "followed by bytes"),
        ([&whole[..], &whole].concat(), "the tar is followed by bytes"),
    ];
    for (packed, expected) in bad {
        let error = read(&packed, 1 << 20).unwrap_err();
        assert!(error.message.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn whatever_a_zstd_may_be() {
    let tar = small();
    let (first, second) = tar.split_at(1000);
    let good = [
        [&zstd(first)[..], &zstd(second)].concat(),
        [SKIPPABLE, &zstd(first), SKIPPABLE, &zstd(b""), &zstd(second), SKIPPABLE].concat(),
        tar.chunks(10).flat_map(zstd).collect(),
    ];
    for packed in good {
        for piece in [1, 1 << 20] {
            assert!(read(&packed, piece).unwrap() == tar);
        }
    }
    // Windows of 128 MiB, a little more, and 256 MiB, each with an empty last block.
    let window = |descriptor: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 1, 0, 0];
    assert!(read(&window(17 << 3), 1 << 20).unwrap_err().message.contains("the tar is empty"));
    for descriptor in [(17 << 3) + 1, 18 << 3] {
        let error = read(&window(descriptor), 1 << 20).unwrap_err();
        assert_eq!(error.code, Code::LimitExceeded("window".into()), "{error}");
    }
    let mut sum = crate::layer::zstd::tests::packed(3, tar.clone());
    assert!(read(&sum, 1 << 20).unwrap() == tar);
    *sum.last_mut().unwrap() ^= 1;
    assert_eq!(read(&sum, 1 << 20).unwrap_err().code, Code::Malformed("zstd".into()));
    let cut = [&zstd(&tar)[..], &SKIPPABLE[..9]].concat();
    assert!(read(&cut, 1 << 20).unwrap_err().message.contains("cut short"));
}

#[test]
fn what_becomes_far_too_much_is_stopped() {
    let zeros = vec![0; 80 << 20];
    for packed in [gzip(&zeros), zstd(&zeros)] {
        assert_eq!(read(&packed, 1 << 20).unwrap_err().code, Code::LimitExceeded("compression ratio".into()));
    }
}

#[test]
fn a_payload_gets_the_end_that_it_lacks() {
    let tar = small();
    let open = tar.len() - tar::END.len();
    for (cut, whole) in [(tar.len(), true), (open, true), (open + 512, false), (open - 1, false), (0, false)] {
        let packed = gzip(&tar[..cut]);
        let mut archive = wait(Archive::open_payload(Pieces(&packed, 1000))).unwrap();
        let read = all(&mut archive).map(|(bytes, _)| bytes);
        assert_eq!(read.is_ok_and(|read| read == tar), whole, "{cut}");
    }
}

#[test]
fn an_input_that_fails_says_so_itself() {
    struct Broken;
    impl Input for Broken {
        async fn read(&mut self, _: u32) -> Result<Vec<u8>> {
            Err(Error::malformed("input", "broken"))
        }
    }
    assert!(wait(Archive::open(Broken)).is_err_and(|error| error.message == "broken"));
}
