//! eStargz against BuildKit's own layers, and against the format's rules for verifying a layer.

use std::fs;

use serde_json::Value;

use super::super::footer::{is_estargz, payload};
use super::super::trial::{Given, Late, Pieces, all, entry, text, wait};
use super::super::{Archive, Codec, FileInput, Layer, tar, write};
use super::*;
use crate::media::{Device, Directory as _, Entry, File as _, Kind};
use crate::memory::{self, Directory, Memory};

const LEVEL: u8 = 4;

fn make(parallelism: u32, tar: &[u8], piece: usize) -> (Layer, memory::File) {
    let media = Late(Memory { parallelism, ..Memory::default() });
    let mut writer = wait(Directory::default().create()).unwrap();
    let codec = Codec::Estargz { level: LEVEL };
    let (layer, _) = wait(write(&media, &mut Given(tar, piece, None), codec, "tree", &mut writer, None)).unwrap();
    let file = wait(writer.reader()).unwrap();
    (layer, file)
}

fn bytes(file: &memory::File) -> Vec<u8> {
    wait(file.read_at(0, u32::MAX)).unwrap()
}

/// Where each gzip member starts, and what is in it, as another decoder has it.
fn members(blob: &[u8]) -> Vec<(usize, Vec<u8>)> {
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
    let (mut at, mut members) = (0, Vec::new());
    while at < blob.len() {
        let head = &blob[at..];
        assert_eq!(head[..3], [0x1f, 0x8b, 8]);
        let extra = if head[3] == 4 { 2 + usize::from(u16::from_le_bytes([head[10], head[11]])) } else { 0 };
        let body = &head[10 + extra..];
        let mut out = vec![0; 8 << 20];
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (_, read, made) = decompress(&mut DecompressorOxide::new(), body, &mut out, 0, flags);
        out.truncate(made);
        let trailer = [crc32fast::hash(&out).to_le_bytes(), (made as u32).to_le_bytes()].concat();
        assert_eq!(body[read..read + 8], trailer);
        members.push((at, out));
        at += 10 + extra + read + 8;
    }
    members
}

/// What a tar of one entry holds, as text.
fn content(tar: &[u8]) -> &str {
    let size = super::super::header::number(&tar[124..136]).unwrap() as usize;
    std::str::from_utf8(&tar[512..512 + size]).unwrap()
}

/// Checks a layer as a reader of the format does, and returns its table.
fn verify(layer: &Layer, file: &memory::File, from: &[u8]) -> Value {
    let blob = bytes(file);
    assert_eq!((layer.descriptor.digest.clone(), layer.descriptor.size), (Digest::of(&blob), blob.len() as u64));
    let members = members(&blob);
    let tar: Vec<u8> = members.iter().flat_map(|(_, content)| content.clone()).collect();
    assert!(tar.starts_with(from));
    assert_eq!(layer.diff_id.0, Digest::of(&tar));
    let [.., (start, last), (_, footer)] = members.as_slice() else { panic!() };
    assert!(footer.is_empty() && blob.len() - start > 51);
    assert_eq!(wait(payload(file)), Ok(Some(*start as u64)));
    let json = content(last);
    let said = [TOC_DIGEST, TAR_SIZE].map(|key| layer.descriptor.annotations[key].clone());
    assert_eq!(said, [Digest::of(json.as_bytes()).as_str().to_owned(), tar.len().to_string()]);
    let toc: Value = serde_json::from_str(json).unwrap();
    let mut whole = Vec::new();
    let mut file = Value::Null;
    for entry in toc["entries"].as_array().into_iter().flatten() {
        let ends = |file: &Value, whole: &[u8]| {
            if let Some(digest) = file["digest"].as_str() {
                assert_eq!(digest, Digest::of(whole).as_str(), "{file}");
            }
        };
        if entry["type"] != "chunk" {
            ends(&file, &whole);
            (file, whole) = (entry.clone(), Vec::new());
        }
        let Some(digest) = entry["chunkDigest"].as_str() else { continue };
        let offset = entry["offset"].as_u64().unwrap() as usize;
        assert_eq!(entry["chunkOffset"].as_u64().unwrap_or(0), whole.len() as u64);
        let size = file["size"].as_u64().unwrap() as usize - whole.len();
        let size = entry["chunkSize"].as_u64().map_or(size, |size| size as usize);
        let (_, content) = members.iter().find(|(start, _)| *start == offset).unwrap();
        assert_eq!(digest, Digest::of(&content[..size]).as_str());
        whole.extend(&content[..size]);
    }
    toc
}

fn archive(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (entry, content) in entries {
        tar::append(&mut out, entry, true).unwrap();
        out.extend(content);
        tar::pad(&mut out, content.len() as u64);
    }
    out.extend(tar::END);
    out
}

fn file(path: &str, content: Vec<u8>) -> (Entry, Vec<u8>) {
    (entry(path, Kind::Regular(content.len() as u64)), content)
}

#[test]
fn members_and_table_are_buildkits() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/sources");
    let layers = |source: &str| {
        let read = |digest: &str| fs::read(format!("{sources}/{source}/blobs/{}", digest.replace(':', "/"))).unwrap();
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = parse(&fs::read(format!("{sources}/{source}/index.json")).unwrap());
        let manifest = parse(&read(index["manifests"][0]["digest"].as_str().unwrap()));
        let config = parse(&read(manifest["config"]["digest"].as_str().unwrap()));
        let layers = manifest["layers"]
            .as_array()
            .unwrap()
            .clone()
            .into_iter()
            .zip(config["rootfs"]["diff_ids"].as_array().unwrap().clone());
        layers.map(|(layer, id)| (read(layer["digest"].as_str().unwrap()), layer, id)).collect::<Vec<_>>()
    };
    let pairs: Vec<_> = layers("default").into_iter().zip(layers("base-estargz")).collect();
    assert_eq!(pairs.len(), 4);
    for ((plain, ..), (theirs, descriptor, diff_id)) in pairs {
        let (layer, file) = make(2, &plain, 1 << 20);
        verify(&layer, &file, &plain);
        let (ours, theirs) = (members(&bytes(&file)), members(&theirs));
        assert_eq!(ours.len(), theirs.len());
        let contents = |members: &[(usize, Vec<u8>)]| -> Vec<Vec<u8>> {
            members[..members.len() - 2].iter().map(|(_, content)| content.clone()).collect()
        };
        assert!(contents(&ours) == contents(&theirs));
        let table = |members: &[(usize, Vec<u8>)]| members[members.len() - 2].1.clone();
        let without_offsets = |tar: &[u8]| {
            content(tar).lines().filter(|line| !line.contains("\"offset\"")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(without_offsets(&table(&ours)), without_offsets(&table(&theirs)));
        assert_eq!(layer.descriptor.annotations[TAR_SIZE], descriptor["annotations"][TAR_SIZE]);
        if plain.len() == 1024 {
            // A layer of nothing has no offsets: all but the compressed bytes is BuildKit's.
            assert!(table(&ours) == table(&theirs));
            assert_eq!(layer.diff_id.0.as_str(), diff_id);
            assert_eq!(layer.descriptor.annotations[TOC_DIGEST], descriptor["annotations"][TOC_DIGEST]);
        }
    }
}

#[test]
fn large_files_are_cut_and_nothing_depends_on_workers() {
    let mut entries = vec![
        file("exact", text(4 << 20)),
        file("one more", text((4 << 20) + 1)),
        file("three", text(9 << 20)),
        file("empty", Vec::new()),
    ];
    entries.extend((0..12_000).map(|number| (entry(&format!("d{number}"), Kind::Directory), Vec::new())));
    entries.extend((0..300).map(|number| file(&format!("f{number}"), text(number * 50))));
    let tar = archive(&entries);
    let (layer, one) = make(1, &tar, 1 << 20);
    let toc = verify(&layer, &one, &tar);
    let sizes: Vec<_> =
        toc["entries"].as_array().unwrap()[..7].iter().map(|entry| entry["chunkSize"].as_u64()).collect();
    let chunk = Some(CHUNK);
    assert_eq!(sizes, [chunk, chunk, None, chunk, chunk, None, None]);
    for (parallelism, piece) in [(2, 1 << 20), (5, 77_777), (3, 6 << 20)] {
        let (other, blob) = make(parallelism, &tar, piece);
        assert!(layer == other && bytes(&one) == bytes(&blob), "{parallelism}");
    }
}

#[test]
fn every_kind_of_entry_is_listed() {
    let mut link = entry("l", Kind::Symlink(b"to <&>".to_vec()));
    link.modified.seconds = 1_700_000_000;
    link.uid = 7;
    let mut owned = file("x", b"content".to_vec());
    owned.0.xattrs = vec![("user.a".into(), b"\0\x01".to_vec()), ("user.b".into(), b"value".to_vec())];
    let tar = archive(&[
        (entry("c", Kind::Character(Device { major: 1, minor: 3 })), Vec::new()),
        (entry("b", Kind::Block(Device { major: 8, minor: 0 })), Vec::new()),
        (entry("p", Kind::Fifo), Vec::new()),
        (link, Vec::new()),
        owned,
        (entry("h", Kind::HardLink(b"x".to_vec())), Vec::new()),
        (entry(&"long".repeat(60), Kind::Directory), Vec::new()),
    ]);
    let (layer, blob) = make(2, &tar, 1000);
    let toc = verify(&layer, &blob, &tar);
    let entries = toc["entries"].as_array().unwrap();
    let expected = [
        serde_json::json!({"name": "c", "type": "char", "mode": 420, "devMajor": 1, "devMinor": 3}),
        serde_json::json!({"name": "b", "type": "block", "mode": 420, "devMajor": 8}),
        serde_json::json!({"name": "p", "type": "fifo", "mode": 420}),
        serde_json::json!({
            "name": "l", "type": "symlink", "modtime": "2023-11-14T22:13:20Z", "linkName": "to <&>", "mode": 420, "uid": 7
        }),
    ];
    assert_eq!(entries[..4], expected);
    assert_eq!(entries[4]["xattrs"], serde_json::json!({"user.a": "AAE=", "user.b": "dmFsdWU="}));
    assert_eq!((&entries[5]["type"], &entries[5]["linkName"]), (&"hardlink".into(), &"x".into()));
    assert_eq!(entries[6]["name"], "long".repeat(60) + "/");
}

#[test]
fn an_old_table_and_landmarks_are_left_out() {
    let kept = [file("a", text(700)), file("d/.prefetch.landmark", text(1))];
    let dropped = [file(".no.prefetch.landmark", text(1)), file("./stargz.index.json", text(5000))];
    let tar = archive(&[&kept[..1], &dropped[..], &kept[1..]].concat());
    let (layer, blob) = make(2, &tar, 1000);
    verify(&layer, &blob, &archive(&kept));
    assert_eq!((layer, bytes(&blob)), {
        let (layer, blob) = make(1, &archive(&kept), 1 << 20);
        (layer, bytes(&blob))
    });
}

/// Every archive of other projects that is read at all is listed, but for these.
#[test]
fn other_projects_archives_are_listed() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/tar");
    let (mut listed, mut unlisted) = (0, Vec::new());
    for path in fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()) {
        let packed = fs::read(&path).unwrap();
        let mut archive = wait(Archive::open(Pieces(&packed, 1 << 20))).unwrap();
        let Ok((tar, _)) = all(&mut archive) else { continue };
        let media = Memory::default();
        let mut writer = wait(Directory::default().create()).unwrap();
        let codec = Codec::Estargz { level: LEVEL };
        match wait(write(&media, &mut Given(&tar, 1000, None), codec, "t", &mut writer, None)) {
            Ok(layer) => {
                verify(&layer.0, &wait(writer.reader()).unwrap(), &tar);
                listed += 1;
            }
            Err(error) => {
                assert_eq!(error.code, Code::Unsupported("tar entry".into()), "{error}");
                unlisted.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    unlisted.sort();
    assert_eq!(unlisted, SPARSE);
    assert!(listed > 30, "{listed}");
}

/// A table has no way to say where the holes are.
const SPARSE: [&str; 6] = [
    "tar-split-gnu-nil-sparse-data.tar",
    "tar-split-gnu-nil-sparse-hole.tar",
    "tar-split-pax-sparse-big.tar",
    "tar-split-sparse-formats.tar",
    "tokio-tar-sparse-1.tar",
    "tokio-tar-sparse-large.tar",
];

#[test]
fn an_estargz_is_told_from_all_else() {
    let tar = archive(&[file("a", text(700))]);
    let (_, blob) = make(2, &tar, 1000);
    assert_eq!(wait(is_estargz(&blob)), Ok(true));
    let is = |bytes: Vec<u8>| {
        let mut writer = wait(Directory::default().create()).unwrap();
        wait(writer.write(bytes)).unwrap();
        wait(is_estargz(&wait(writer.reader()).unwrap())).unwrap()
    };
    let whole = bytes(&blob);
    let start = wait(payload(&blob)).unwrap().unwrap() as usize;
    assert!(is(whole.clone()));
    for cut in [0, 10, 51, whole.len() - 1] {
        assert!(!is(whole[..cut].to_vec()));
    }
    let foot = |offset: usize| [&whole[..whole.len() - 51], &footer(offset as u64)].concat();
    assert!(is(foot(start)));
    // The table is not there, not the last entry, behind the end, or another file.
    for offset in [0, start - 1, start + 1, whole.len()] {
        assert!(!is(foot(offset)), "{offset}");
    }
    let mut damaged = whole.clone();
    damaged[start + 40] ^= 1;
    assert!(!is(damaged));
    let media = Memory::default();
    let mut writer = wait(Directory::default().create()).unwrap();
    let codec = Codec::Gzip { level: LEVEL };
    wait(write(&media, &mut Given(&tar, 1000, None), codec, "t", &mut writer, None)).unwrap();
    assert_eq!(wait(is_estargz(&wait(writer.reader()).unwrap())), Ok(false));
    // What stands before the table is the tar that it was.
    let mut archive = wait(Archive::open_payload(FileInput::until(blob, start as u64))).unwrap();
    assert!(all(&mut archive).unwrap().0 == tar);
}
