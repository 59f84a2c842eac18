//! The zstd of the codec profile is libzstd's: rust-zstd, which makes it, gives the bytes of libzstd 1.5.7, but for [`DIFFER`].
//!
//! libzstd comes as a program of its own (`tests/libzstd`), built here: linked to the tests, it would have wasmtime compiled again.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ocix_core::layer::compress;
use ocix_core::media::{Chunk, Compression};
use ocix_tests::scratch::repository;
use ocix_tests::{Run, cargo};

use super::sample::{noise, numbers, tar};

#[test]
fn every_level_is_libzstds() {
    let libzstd = build();
    let all: Vec<u8> = (1..=22).collect();
    let tar = tar();
    // Some of everything that the sample has, borders of files included.
    let mixed = [&tar[..200_000], &tar[600_000..800_000], &tar[15_400_000..16_500_000]].concat();
    let contents: [(&str, Vec<u8>, &[u8]); 14] = [
        ("nothing", Vec::new(), &all),
        ("a byte", vec![b'x'], &all),
        ("a word", b"hello, hello".to_vec(), &all),
        ("a short text", numbers(50), &all),
        ("a text of 128 KiB, a block", numbers(30_000)[..128 << 10].to_vec(), &all),
        ("a text of 256 KiB and a byte", numbers(60_000)[..(256 << 10) + 1].to_vec(), &all),
        ("a text", numbers(150_000), &all),
        ("noise", noise(600_000), &all),
        ("zeros", vec![0; 3_000_000], &all),
        ("100 kB of zeros", vec![0; 100_000], &all),
        ("1 kB of zeros", vec![0; 1000], &all),
        ("a mixed tar", mixed, &all),
        ("a frame of 8 MiB", tar[tar.len() - (8 << 20)..].to_vec(), &[1, 2, 3, 4, 5, 6, 7, 8, 20]),
        ("a frame of 16 MiB", tar[tar.len() - (16 << 20)..].to_vec(), &[9, 10, 11, 12, 15, 17]),
    ];
    let differ: Vec<_> = std::thread::scope(|scope| {
        let compare = |(what, content, levels): &(&'static str, Vec<u8>, &[u8])| {
            let theirs = frames(&libzstd, content, levels);
            let differs = |(level, theirs): (&u8, Vec<u8>)| {
                let ours = ours(content, *level);
                assert!(ours.len() <= theirs.len(), "{what}, {level}");
                (ours != theirs).then_some(*level)
            };
            (*what, levels.iter().zip(theirs).filter_map(differs).collect::<Vec<_>>())
        };
        let threads: Vec<_> = contents.iter().map(|content| scope.spawn(move || compare(content))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|(_, levels)| !levels.is_empty()).collect()
    });
    assert_eq!(differ, DIFFER.map(|(what, levels)| (what, levels.to_vec())), "other bytes than libzstd's");
}

/// Where the bytes are others: the levels that search by `btlazy2` (13 to 15; up to 256 KiB also 11 and 12; up to 16 KiB 9 and 10
/// instead), when the frame's first bytes come again. libzstd finds no match with the very first byte there, rust-zstd does, and its frame
/// is a byte smaller.
const DIFFER: [(&str, &[u8]); 3] =
    [("zeros", &[13, 14, 15]), ("100 kB of zeros", &[11, 12]), ("1 kB of zeros", &[9, 10])];

fn ours(content: &[u8], level: u8) -> Vec<u8> {
    let compression = Compression::Zstd(level);
    let chunk = Chunk { compression, dictionary: Vec::new(), bytes: content.to_vec(), parts: Vec::new(), last: false };
    compress(&chunk).unwrap().bytes
}

/// libzstd's frame of the content at each level.
fn frames(libzstd: &PathBuf, content: &[u8], levels: &[u8]) -> Vec<Vec<u8>> {
    let mut child = Command::new(libzstd)
        .args(levels.iter().map(u8::to_string))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut rest = output.stdout.as_slice();
    let mut frames = Vec::new();
    while let Some((size, more)) = rest.split_first_chunk() {
        let (frame, later) = more.split_at(u64::from_le_bytes(*size) as usize);
        frames.push(frame.to_vec());
        rest = later;
    }
    assert_eq!(frames.len(), levels.len());
    frames
}

/// The program.
fn build() -> PathBuf {
    let target = repository().join("target/libzstd");
    let mut build = cargo("build");
    build.args(["--release", "--locked", "--quiet", "--manifest-path", "tests/libzstd/Cargo.toml", "--target-dir"]);
    Run::of(build.arg(&target)).ok();
    target.join("release/ocix-libzstd")
}
