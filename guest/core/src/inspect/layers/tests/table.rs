//! Files of eStargz layers: found by the table of contents when that is the one that the manifest means, and by the tar whenever it is not.

use serde_json::{Value, json};

use super::*;
use crate::layer::{Codec, TOC_DIGEST, payload, write};
use crate::media::{Directory as _, File as _, Writer as _};
use crate::media_type;

const SMALL: &str = "small content";

/// A layer with a large file between two small ones: the blob, its table, and where that starts.
fn blob() -> (Vec<u8>, Value, usize) {
    let large: String = (0..5_000_000).map(|number: u32| char::from(b'a' + (number / 7 % 23) as u8)).collect();
    let tar = layer(
        &format!("first=one large={large} dir/ dir/small=SMALL h:first s>dir/small")
            .replace("SMALL", &SMALL.replace(' ', "_")),
    );
    let media = Memory::default();
    let mut writer = wait(Directory::default().create()).unwrap();
    let mut contents = crate::layer::trial::Given(&tar, 100_000, None);
    wait(write(&media, &mut contents, Codec::Estargz { level: 4 }, "t", &mut writer, None)).unwrap();
    let file = wait(writer.reader()).unwrap();
    let start = wait(payload(&file)).unwrap().unwrap() as usize;
    let blob = wait(file.read_at(0, u32::MAX)).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&blob[start..]), &mut tar).unwrap();
    let size = crate::layer::header::number(&tar[124..136]).unwrap() as usize;
    let table = serde_json::from_slice(&tar[512..512 + size]).unwrap();
    (blob, table, start)
}

/// The same with another table.
fn with(blob: &[u8], start: usize, table: &Value) -> (Vec<u8>, String) {
    let json = table.to_string().into_bytes();
    let mut tar = Vec::new();
    tar::append(&mut tar, &entry("stargz.index.json", What::Regular(json.len() as u64)), true).unwrap();
    tar.extend(&json);
    tar::pad(&mut tar, json.len() as u64);
    tar.extend(tar::END);
    let hex = format!("{start:016x}");
    let footer = [
        &b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0"[..],
        hex.as_bytes(),
        b"STARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0",
    ];
    ([&blob[..start], &gzip(&tar, usize::MAX), &footer.concat()].concat(), Digest::of(&json).to_string())
}

/// An image of this one layer, with the digest of its table.
fn image(blob: &[u8], table: &str) -> Image<'static, Memory> {
    let directory = Directory::default();
    let put = |path: &str, bytes: &[u8]| {
        let mut writer = wait(directory.create()).unwrap();
        wait(writer.write(bytes.to_vec())).unwrap();
        wait(writer.publish(path)).unwrap();
    };
    let kept = |media_type: &str, bytes: &[u8]| {
        let digest = Digest::of(bytes);
        put(&digest.blob_path(), bytes);
        json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
    };
    let mut layer = kept(&format!("{}+gzip", media_type::LAYER), blob);
    layer["annotations"] = json!({ TOC_DIGEST: table });
    let id = Digest::of(b"");
    let config =
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [id.as_str()] } });
    let config = kept(media_type::CONFIG, config.to_string().as_bytes());
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let manifest = kept(media_type::MANIFEST, manifest.to_string().as_bytes());
    put("index.json", json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string().as_bytes());
    put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    looked_at(Source::Layout(directory), Limits::default())
}

#[test]
fn a_file_is_read_without_the_rest() {
    let (blob, table, start) = blob();
    let (good, named) = with(&blob, start, &table);
    let small = SMALL.replace(' ', "_");
    let sound = image(&good, &named);
    // In any order, across the border of its chunks, and what other names it has.
    let large = wait(sound.read(None, b"large", 0, u32::MAX)).unwrap();
    assert_eq!((large.bytes.len(), large.size), (4 << 20, 5_000_000));
    for offset in [(4 << 20) - 10, 4_999_990, 7, (4 << 20) + 1] {
        let part = wait(sound.read(Some(0), b"large", offset, 20)).unwrap().bytes;
        let expected: Vec<u8> = (offset..5_000_000).take(20).map(|number| b'a' + (number / 7 % 23) as u8).collect();
        assert_eq!(part, expected, "{offset}");
    }
    for (path, content) in [("first", "one"), ("h", "one"), ("s", &small), ("/dir/../dir/small", &small)] {
        assert_eq!(text(&sound, path).unwrap(), content, "{path}");
    }
    // What is damaged elsewhere does not matter to the table, and does to the tar.
    let mut damaged = good.clone();
    let entries = table["entries"].as_array().unwrap();
    let at = entries.iter().find(|entry| entry["name"] == "large").unwrap()["offset"].as_u64().unwrap() as usize;
    damaged[at + 1000] ^= 0x55;
    let image_of = |table: &str| image(&damaged, table);
    assert_eq!(text(&image_of(&named), "dir/small").unwrap(), small);
    assert!(text(&image_of(&named), "large").is_err());
    assert!(wait(image_of(&named).tree(b"", true, 0, 10)).is_err());
    let other = Digest::of(b"other").to_string();
    for annotation in ["", "none", &other] {
        assert!(text(&image_of(annotation), "dir/small").is_err(), "{annotation}");
    }
}

#[test]
fn a_table_that_lies_does_not_count() {
    let (blob, table, start) = blob();
    let small = SMALL.replace(' ', "_");
    let at = |name: &str| table["entries"].as_array().unwrap().iter().position(|entry| entry["name"] == name).unwrap();
    let (first, inner) = (at("first"), at("dir/small"));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut table = table.clone();
        change(&mut table["entries"]);
        let (blob, named) = with(&blob, start, &table);
        image(&blob, &named)
    };
    let lies: [&dyn Fn(&mut Value); 9] = [
        &|entries| entries[inner]["chunkDigest"] = entries[first]["chunkDigest"].clone(),
        &|entries| entries[inner]["offset"] = entries[first]["offset"].clone(),
        &|entries| entries[inner]["offset"] = json!(1_u64 << 60),
        &|entries| entries[inner]["innerOffset"] = json!(1_u64 << 60),
        &|entries| entries[inner]["chunkOffset"] = json!(3),
        &|entries| entries[inner]["size"] = json!(1000),
        &|entries| entries[inner]["chunkDigest"] = json!("none"),
        &|entries| entries[inner]["type"] = json!("odd"),
        &|entries| {
            entries.as_array_mut().unwrap().remove(inner);
        },
    ];
    for (number, lie) in lies.iter().enumerate() {
        let image = changed(lie);
        assert_eq!(text(&image, "dir/small").unwrap(), small, "{number}");
        assert_eq!(text(&image, "first").unwrap(), "one", "{number}");
        // When the tree is there already, too.
        let image = changed(lie);
        assert_eq!(tree(&image), "dir dir/small first h large s", "{number}");
        assert_eq!(text(&image, "dir/small").unwrap(), small, "{number}");
    }
}
