//! eStargz as its readers verify it (stargz-estargz.md and verification.md of containerd's stargz-snapshotter), with eyes of our own:
//! nothing of the core is asked.

use std::collections::BTreeMap;

use ocix_tests::layout::text;
use ocix_tests::{Scratch, sha256};
use serde_json::Value;

use super::gunzip::members;
use super::sample::tar;

#[test]
fn the_rules_of_the_format_hold() {
    let tar = tar();
    for level in [0, 4, 9] {
        let scratch = Scratch::new();
        scratch.write("sample.tar", &tar);
        let output = format!("type=image,name=example.com/sample:t,compression=estargz,compression-level={level}");
        let digest = scratch.export("tar:sample.tar", &output, &[]).ok().digest();
        let (manifest, config) = scratch.store().image(&digest);
        let layer = &manifest["layers"][0];
        let blob = scratch.store().blob(text(&layer["digest"]));
        let unpacked = verify(&blob, &layer["annotations"], &tar);
        assert_eq!(config["rootfs"]["diff_ids"][0], sha256(&unpacked), "the diff ID is of the whole tar");
    }
}

/// Checks a blob against its annotations and the tar that it was made from; gives what it decompresses to.
fn verify(blob: &[u8], annotations: &Value, tar: &[u8]) -> Vec<u8> {
    let members = members(blob);
    let unpacked: Vec<u8> = members.iter().flat_map(|(_, _, content)| content.clone()).collect();
    assert_eq!(annotations["io.containers.estargz.uncompressed-size"], unpacked.len().to_string());

    // The footer: the last 51 bytes, an empty member whose extra field says where the table starts.
    let (start, extra, nothing) = members.last().unwrap();
    assert!(*start == blob.len() - 51 && nothing.is_empty());
    assert!(extra.len() == 26 && extra.starts_with(b"SG\x16\0") && extra.ends_with(b"STARGZ"));
    let offset = usize::from_str_radix(std::str::from_utf8(&extra[4..20]).unwrap(), 16).unwrap();

    // The table: the last entry of the tar, a member of its own, with the digest of the annotation.
    let (start, _, last) = &members[members.len() - 2];
    assert_eq!(*start, offset);
    let table = entries(last);
    let [(header, json)] = table.as_slice() else { panic!("{} entries", table.len()) };
    assert_eq!(header.name, "stargz.index.json");
    assert_eq!(annotations["containerd.io/snapshot/stargz/toc.digest"], sha256(json));
    let toc: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(toc["version"], 1);

    // Every entry of the tar stands in the table, in its order, and no other; chunks stand behind their file. There is no landmark.
    let expected = entries(tar);
    assert!(unpacked.starts_with(tar));
    let listed: Vec<&Value> = toc["entries"].as_array().unwrap().iter().collect();
    let named: Vec<&Value> = listed.iter().copied().filter(|entry| entry["type"] != "chunk").collect();
    assert_eq!(named.len(), expected.len());
    let chunks = chunks(&listed);
    let contents: BTreeMap<usize, &Vec<u8>> = members.iter().map(|(start, _, content)| (*start, content)).collect();
    let mut seen = 0;
    for (entry, (header, content)) in named.iter().zip(&expected) {
        let name = text(&entry["name"]);
        assert!(!name.ends_with(".landmark"));
        assert_eq!((name, text(&entry["type"])), (header.name.as_str(), header.kind), "{entry}");
        let number = |key: &str| entry[key].as_u64().unwrap_or(0);
        assert_eq!(
            (number("mode") & 0o777, number("uid"), number("gid")),
            (header.mode, header.uid, header.gid),
            "{name}"
        );
        assert_eq!(
            (number("size"), entry["linkName"].as_str().unwrap_or("")),
            (content.len() as u64, header.link.as_str())
        );
        // What the digests are of: the chunks, one behind the other, and the whole.
        let mut whole = Vec::new();
        for chunk in chunks.get(name).into_iter().flatten() {
            assert_eq!(chunk["chunkOffset"].as_u64().unwrap_or(0), whole.len() as u64);
            // Without a size the chunk is the rest of the file.
            let size = chunk["chunkSize"].as_u64().map_or(content.len() - whole.len(), |size| size as usize);
            let member = contents[&(chunk["offset"].as_u64().unwrap() as usize)];
            assert_eq!(text(&chunk["chunkDigest"]), sha256(&member[..size]), "{name}");
            whole.extend_from_slice(&member[..size]);
            seen += 1;
        }
        assert!(whole == *content, "{name}");
        if header.kind == "reg" && !content.is_empty() {
            assert_eq!(entry["digest"], sha256(content), "{name}");
        }
    }
    assert!(seen > named.iter().filter(|entry| entry["type"] == "reg").count(), "a file of several chunks");
    unpacked
}

/// The entries that say chunks, by the name of their file.
fn chunks<'a>(listed: &[&'a Value]) -> BTreeMap<&'a str, Vec<&'a Value>> {
    let mut chunks: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for entry in listed.iter().filter(|entry| entry["chunkDigest"].is_string()) {
        chunks.entry(text(&entry["name"])).or_default().push(entry);
    }
    chunks
}

/// What a header block says.
struct Header {
    name: String,
    kind: &'static str,
    link: String,
    mode: u64,
    uid: u64,
    gid: u64,
}

/// The entries of a tar of plain USTAR headers, with their contents.
fn entries(mut tar: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut entries = Vec::new();
    while tar.first().is_some_and(|byte| *byte != 0) {
        let (block, rest) = tar.split_at(512);
        let field = |from: usize, to: usize| {
            let field = block[from..to].split(|byte| *byte == 0).next().unwrap();
            std::str::from_utf8(field).unwrap().trim().to_owned()
        };
        let number = |from, to| u64::from_str_radix(&field(from, to), 8).unwrap_or(0);
        let kind = match block[156] {
            b'0' => "reg",
            b'1' => "hardlink",
            b'2' => "symlink",
            b'5' => "dir",
            other => panic!("{other}"),
        };
        let (mode, uid, gid) = (number(100, 108), number(108, 116), number(116, 124));
        let header = Header { name: field(0, 100), kind, link: field(157, 257), mode, uid, gid };
        let size = number(124, 136) as usize;
        entries.push((header, rest[..size].to_vec()));
        tar = &rest[size.next_multiple_of(512)..];
    }
    entries
}
