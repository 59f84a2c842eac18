//! The layer that the codec profile is proved with: the tree of `codecs/profile-1.txt`, its tar, and what every codec makes of it.

use std::path::PathBuf;

use ocix_core::layer::{self, Archive, Codec, Layer, TreeTar};
use ocix_core::media::{Directory as _, Entry, File as _, Kind, Timestamp, Writer as _};
use ocix_core::memory::{Directory, Input, Memory, Tree};
use ocix_tests::wait;

/// Every codec at every level.
pub fn codecs() -> Vec<Codec> {
    let gzip = (0..=9).map(|level| Codec::Gzip { level });
    let zstd = (1..=22).map(|level| Codec::Zstd { level });
    let estargz = (0..=9).map(|level| Codec::Estargz { level });
    std::iter::once(Codec::Uncompressed).chain(gzip).chain(zstd).chain(estargz).collect()
}

/// The tar of the tree, as the core writes it.
pub fn tar() -> Vec<u8> {
    let media = Memory::default();
    let mut tar = TreeTar::new(&media, tree(), false);
    let mut writer = wait(Directory::default().create()).unwrap();
    wait(layer::write(&media, &mut tar, Codec::Uncompressed, "tree", &mut writer, None)).unwrap();
    read(&writer)
}

/// The layer of a tar and its blob, by so many workers.
pub fn packed(tar: &[u8], codec: Codec, parallelism: u32) -> (Layer, Vec<u8>) {
    let media = Memory { parallelism, ..Memory::default() };
    let mut writer = wait(Directory::default().create()).unwrap();
    let mut tar = wait(Archive::open(Input::from(tar.to_vec()))).unwrap();
    let (layer, _) = wait(layer::write(&media, &mut tar, codec, "tree", &mut writer, None)).unwrap();
    (layer, read(&writer))
}

/// Bytes without any order, the same for the same length.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

/// Numbers, a line each.
pub fn numbers(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

/// A file beside the tests.
pub fn file(name: &str) -> PathBuf {
    ocix_tests::scratch::repository().join("tests/codecs").join(name)
}

fn tree() -> Tree {
    let mut tree = Tree::default();
    let text = std::fs::read_to_string(file("profile-1.txt")).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(' ').collect();
        let rest = fields.get(6).copied().unwrap_or_default();
        let count = || rest.parse().unwrap();
        let (kind, content) = match fields[0] {
            "d" => (Kind::Directory, Vec::new()),
            "h" => (Kind::HardLink(rest.into()), Vec::new()),
            "l" => (Kind::Symlink(rest.into()), Vec::new()),
            "f" => (Kind::Regular(rest.len() as u64), rest.into()),
            "n" => regular(numbers(count())),
            "r" => regular(noise(count())),
            "z" => regular(vec![0; count()]),
            other => panic!("{other}: {line}"),
        };
        let number = |place: usize| fields[place].parse::<u32>().unwrap();
        let modified = Timestamp { seconds: number(4).into(), nanoseconds: 0 };
        let mode = u32::from_str_radix(fields[1], 8).unwrap();
        let (path, uid, gid) = (fields[5].into(), number(2), number(3));
        tree.push(Entry { path, kind, mode, uid, gid, modified, xattrs: Vec::new() }, content);
    }
    tree
}

fn regular(content: Vec<u8>) -> (Kind, Vec<u8>) {
    (Kind::Regular(content.len() as u64), content)
}

fn read(writer: &ocix_core::memory::Writer) -> Vec<u8> {
    wait(wait(writer.reader()).unwrap().read_at(0, u32::MAX)).unwrap()
}
