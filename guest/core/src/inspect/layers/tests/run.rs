//! Files of compressed layers that are longer than what is decompressed for each of them.

use super::*;

const SIZE: usize = 3 << 20;
const FILES: usize = 6;

/// What is in a file: lines that tell where they are.
fn content(file: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..SIZE / 12).flat_map(|line| format!("{file:03} {line:07}\n").into_bytes()).collect();
    bytes.truncate(SIZE);
    bytes
}

fn files() -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in 0..FILES {
        let content = content(file);
        tar::append(&mut bytes, &entry(&format!("f{file}"), What::Regular(content.len() as u64)), true).unwrap();
        bytes.extend(&content);
        tar::pad(&mut bytes, content.len() as u64);
    }
    bytes.extend(tar::END);
    bytes
}

/// In any order, and across the places from which a layer is read on, they are what they are.
#[test]
fn files_are_read_from_near_places() {
    let tar = files();
    let frames = tar.chunks(2 << 20).flat_map(rust_zstd::compress_to_vec).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(3));
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    let whole = encoder.finish().unwrap();
    for (how, packed) in [("gzip", whole), ("members", gzip(&tar, 100_000)), ("zstd", frames)] {
        let image = open(packed, Limits::default());
        wait(image.tree(b"", true, 0, 1)).unwrap();
        let places = image.cache.marks.borrow()[&0].iter().count();
        assert!(places >= 3, "{how}: {places} places");
        for file in [5, 0, 3, 3, 2, 4, 1] {
            let whole = content(file);
            for (offset, most) in [(2_900_000, 400_000), (0, 1000), (1_000_000, 1_500_000), (10, 0), (1_000_001, 5)] {
                let part = wait(image.read(None, format!("f{file}").as_bytes(), offset as u64, most as u32)).unwrap();
                let end = (offset + most).min(whole.len());
                assert!(part.bytes == whole[offset..end], "{how}: f{file} from {offset}");
            }
        }
    }
}

/// A plain layer is read where the file is.
#[test]
fn plain_layers_need_no_places() {
    let image = open(archive(&[files()]), Limits::default());
    wait(image.tree(b"", true, 0, 1)).unwrap();
    assert!(image.cache.marks.borrow().is_empty());
    assert_eq!(wait(image.read(Some(0), b"f2", 24, 12)).unwrap().bytes, b"002 0000002\n");
}
