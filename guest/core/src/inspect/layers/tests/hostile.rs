//! Layers that would take all memory, and layers of other projects.

use super::*;
use crate::media::Timestamp;

fn packed(entries: &[crate::media::Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| tar::append(&mut bytes, entry, true).unwrap());
    bytes.extend(tar::END);
    bytes
}

#[test]
fn everything_that_grows_is_counted() {
    let plain = |path: String| entry(&path, What::Regular(0));
    let deep = (0..20).map(|number| plain(format!("{number}/{}x", "a/".repeat(1900)))).collect();
    let whiteouts = (0..2000).map(|number| plain(format!("{:0100}/.wh.{number}", 0))).collect();
    let opaque = (0..1000).map(|number| plain(format!("{number:0100}/.wh..wh..opq"))).collect();
    let links = (0..500).map(|number| entry(&number.to_string(), What::Symlink(vec![b'l'; 1000]))).collect();
    let xattrs = (0..100).map(|number| {
        let value = vec![number; 10_000];
        let xattrs = vec![("user.a".into(), value)];
        crate::media::Entry { xattrs, modified: Timestamp::default(), ..entry(&number.to_string(), What::Directory) }
    });
    let hostile: [Vec<_>; 5] = [deep, whiteouts, opaque, links, xattrs.collect()];
    for (number, entries) in hostile.iter().enumerate() {
        let image = open(packed(entries), Limits { index: 200_000, ..Limits::default() });
        for error in [
            wait(image.tree(b"", true, 0, 1)).unwrap_err(),
            wait(image.changes()).unwrap_err(),
            wait(image.layer_changes(0, 0, 1)).unwrap_err(),
            wait(image.read(None, b"x", 0, 1)).unwrap_err(),
        ] {
            assert_eq!(error.code, Code::LimitExceeded("index".into()), "{number}");
        }
        // A layer's entries take no memory.
        assert_eq!(wait(image.entries(0, 0, 3000)).unwrap().entries.len(), entries.len());
    }
    // What many share, and what is replaced, counts once.
    let same: String = (0..500).map(|_| "a/b ").collect();
    let image = open(layer(&same), Limits { index: 10_000, ..Limits::default() });
    assert_eq!(tree(&image), "a a/b");
    let again = vec![layer("a/ a/b"); 100];
    assert_eq!(tree(&open(archive(&again), Limits { index: 20_000, ..Limits::default() })), "a a/b");
}

/// Every file of every archive is found again, wherever its bytes stand: in holes, behind long names, in plain and compressed tars.
#[test]
fn other_projects_archives_are_read_alike() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/tar");
    let mut read = 0;
    for path in std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&path).unwrap();
        let image = open(bytes, Limits::default());
        let Ok(listing) = wait(image.tree(b"", true, 0, 1000)) else { continue };
        let stack = wait(image.stack()).unwrap();
        // Some are archives of images.
        if stack.manifest.is_some() {
            continue;
        }
        // Some are images.
        if stack.layers.len() != 1 {
            continue;
        }
        let mut contents = BTreeMap::new();
        let mut walk = wait(Walk::new(&stack.layers[0], &image.limits)).unwrap();
        while let Some(item) = wait(walk.next()).unwrap() {
            let mut content = Vec::new();
            while content.len() < 100_000
                && let Some(piece) = wait(walk.content()).unwrap()
            {
                content.extend(piece);
            }
            content.truncate(100_000);
            contents.insert(Listed::of(&item).path, content);
        }
        for file in listing.entries.iter().filter(|entry| entry.kind == Kind::File) {
            let content = wait(image.read(None, &crate::inspect::path_bytes(&file.path), 0, 100_000)).unwrap();
            let expected = contents.get(&file.path);
            assert!(expected == Some(&content.bytes), "{} {}", path.display(), file.path);
            assert_eq!(content.size, file.size);
            read += 1;
        }
    }
    assert!(read > 50, "{read}");
}

/// A layer whose bytes come in pieces of any size is the same layer.
#[test]
fn pieces_of_any_size_are_the_same() {
    let tar = layer("a=one b/ b/c=two s>b/c h:a b/.wh.x long/name=content");
    let seen = |bytes: Vec<u8>| {
        let image = open(bytes, Limits::default());
        let changes = wait(image.changes()).unwrap();
        let parts: Vec<_> = (0..7).map(|at| wait(image.read(None, b"long/name", at, 3)).unwrap().bytes).collect();
        let (entries, tree) = (wait(image.entries(0, 0, 99)).unwrap(), wait(image.tree(b"", true, 0, 99)).unwrap());
        let changes = (changes.layers[0].entries, changes.layers[0].tar, changes.efficiency);
        (entries, tree, parts, changes, wait(image.layer_changes(0, 0, 99)).unwrap())
    };
    let whole = seen(tar.clone());
    assert_eq!(whole.3.1, tar.len() as u64);
    for size in [1, 7, 100, 511, 512, 513, 1000, 1536] {
        assert!(seen(gzip(&tar, size)) == whole, "{size}");
    }
}
