//! What a tar is taken for, and that the rest of a root file system that is piped in is not read for it.

use super::{Way, all, config, gzip, open, pack, pack_members, wait, zstd};
use crate::contents::{Archived, Form};
use crate::error::Code;
use crate::layer::tar;
use crate::media::Kind;
use crate::memory::Memory;

/// `manifest.json` of one image.
const MANIFEST: &[u8] = br#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}]"#;

const INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}]}"#;

fn is_images(bytes: &[u8], way: Way, form: Form) -> bool {
    let media = Memory::default();
    match open(&media, bytes, way, form) {
        Ok(Archived::Images(_)) => true,
        Ok(Archived::RootFilesystem(opened)) => {
            assert!(all(opened) == bytes);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_first_name_and_the_documents_decide() {
    let hex = "0f".repeat(32);
    let (blob, layer, json) = (format!("blobs/sha256/{hex}"), format!("{hex}/layer.tar"), format!("sha256:{hex}"));
    let (layout, index, docker) = (("oci-layout", &b"{}"[..]), ("index.json", INDEX), ("manifest.json", MANIFEST));
    for (files, expected) in [
        (vec![(&*blob, &b"x"[..]), index, layout], true),
        (vec![layout, index], true),
        (vec![index, layout], true),
        (vec![("./oci-layout", b"{}"), ("./index.json", INDEX)], true),
        (vec![(&*layer, b"x"), docker], true),
        (vec![(&*json, b"x"), docker], true),
        (vec![docker], true),
        (vec![("repositories", b"{}"), docker], true),
        // An index that lists nothing beside a docker archive's manifest, and alone.
        (vec![layout, ("index.json", br#"{"schemaVersion":2,"manifests":[]}"#), docker], true),
        (vec![layout, ("index.json", br#"{"schemaVersion":2,"manifests":[]}"#)], true),
        // Files of these names in a root file system.
        (vec![("bin/sh", b"x"), layout, index, docker], false),
        (vec![("a", b""), ("manifest.json", MANIFEST)], false),
        (vec![(&*blob, b"x")], false),
        (vec![index], false),
        (vec![layout], false),
        (vec![("repositories", b"")], false),
        (vec![("manifest.json", br#"{"name":"an app"}"#), index], false),
        (vec![("manifest.json", b"")], false),
        (vec![("index.json", b"x"), ("index.json", b"y")], false),
        (vec![("blobs", b"x"), ("../x", b"y")], false),
        (vec![("/oci-layout", b"{}"), ("/index.json", INDEX)], false),
        (vec![("oci-layout/x", b"{}"), ("index.json", INDEX)], false),
        (vec![], false),
    ] {
        let bytes = pack(&files);
        for packed in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
            // One that had to be put aside comes back plain.
            let plain = packed == bytes;
            for way in [Way::AtRest, Way::Piped] {
                if expected || plain {
                    assert_eq!(is_images(&packed, way, Form::Detect), expected, "{files:?} {way:?}");
                }
                assert!(!is_images(&packed, way, Form::RootFilesystem));
            }
        }
    }
}

/// The entry of the root, folders and extended headers do not hide the first name.
#[test]
fn what_stands_before_the_first_name() {
    let long = format!("blobs/{}", "d/".repeat(200));
    for first in [vec!["."], vec!["blobs", "blobs/sha256"], vec![long.trim_end_matches('/')]] {
        let mut members: Vec<_> = first.iter().map(|name| (*name, Kind::Directory, &b""[..])).collect();
        members.push(("oci-layout", Kind::Regular(2), b"{}"));
        members.push(("index.json", Kind::Regular(INDEX.len() as u64), INDEX));
        assert!(is_images(&pack_members(&members), Way::Piped, Form::Detect), "{first:?}");
    }
}

/// Damage behind the start is found by whoever reads the tar: it is handed on as it is.
#[test]
fn a_piped_root_file_system_is_only_looked_at() {
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 253) as u8).collect();
    let mut damaged = tar::plain("etc/file", 0o644, content.len() as u64).unwrap();
    damaged.extend(content);
    damaged.extend(b"no header");
    for packed in [damaged.clone(), gzip(&damaged), zstd(&damaged)] {
        assert!(!is_images(&packed, Way::Piped, Form::Detect));
        assert!(!is_images(&packed[..packed.len() - 100], Way::AtRest, Form::Detect));
    }
    for bytes in [&b""[..], b"x", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", &[0; 1024], &[b'x'; 100_000]] {
        assert!(!is_images(bytes, Way::Piped, Form::Detect) && !is_images(bytes, Way::AtRest, Form::Detect));
    }
}

#[test]
fn what_was_said_is_not_guessed() {
    let media = Memory::default();
    // Its first name says nothing, its documents do.
    let layer = pack(&[("etc/x", b"x")]);
    let docker = pack(&[("x", b""), ("c.json", &config(&[&layer])), ("l.tar", &layer), ("manifest.json", MANIFEST)]);
    for way in [Way::AtRest, Way::Piped] {
        assert!(!is_images(&docker, way, Form::Detect) && is_images(&gzip(&docker), way, Form::Image));
        let error = open(&media, &layer, way, Form::Image).err().expect("no images");
        assert_eq!(error.code, Code::Unsupported("archive".into()));
    }
    let Ok(Archived::Images(images)) = open(&media, &docker, Way::AtRest, Form::Image) else { panic!("images") };
    assert_eq!(wait(images.roots(Some("docker.io/library/a:1"))).map(|roots| roots.len()), Ok(1));
}
