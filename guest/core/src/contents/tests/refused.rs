//! Archives of images that are damaged, or that readers take differently.

use super::{Way, config, content, gzip, images, open, pack, pack_members, wait, zstd};
use crate::contents::{Archived, Form, Images};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::tar;
use crate::media::Kind;
use crate::memory::Memory;

const MANIFEST: &[u8] = br#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}]"#;

const EMPTY: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

const LAYER: &[u8] = b"not looked into here";

/// What becomes of reading everything of the one image.
fn read(bytes: &[u8], way: Way) -> Result<()> {
    let media = Memory::default();
    let Archived::Images(images) = open(&media, bytes, way, Form::Image)? else { panic!("the form was said") };
    let roots = wait(images.roots(None))?;
    wait(images.document(&roots[0])).map(|_| ())
}

fn docker(files: &[(&str, &[u8])]) -> Vec<u8> {
    let config = config(&[LAYER]);
    let base = [("c.json", config.as_slice()), ("l.tar", LAYER), ("manifest.json", MANIFEST)];
    pack(&[&base, files].concat())
}

fn refused(bytes: &[u8]) -> Error {
    let error = read(bytes, Way::AtRest).expect_err("refused");
    assert_eq!(error.fault, Fault::Source, "{error}");
    assert_eq!(read(bytes, Way::Piped), Err(error.clone()));
    error
}

#[test]
fn what_stands_twice() {
    read(&docker(&[("other", b"x"), ("other", b"x")]), Way::AtRest).expect("nobody asks for it");
    for name in ["manifest.json", "c.json", "l.tar", "./l.tar", "x/../l.tar"] {
        let error = refused(&docker(&[(name, b"x")]));
        assert!(error.message.contains("stands there twice") != name.contains(".."), "{name}: {error}");
    }
    for name in ["oci-layout", "index.json"] {
        let error = refused(&pack(&[("oci-layout", b"{}"), ("index.json", EMPTY), (name, EMPTY)]));
        assert!(error.message.contains("stands there twice"), "{name}: {error}");
    }
}

#[test]
fn members_outside() {
    for name in ["../x", "/etc/passwd", "a/../../x", "a/.."] {
        for bytes in [docker(&[(name, b"x")]), pack(&[("oci-layout", b"{}"), ("index.json", EMPTY), (name, b"x")])] {
            let error = refused(&bytes);
            assert!(error.message.contains("a member outside of it"), "{name}: {error}");
        }
    }
}

#[test]
fn listings_that_are_none() {
    let config = config(&[LAYER]);
    for (listing, words) in [
        ("", "cannot be read"),
        ("[]", "no image"),
        ("null", "no image"),
        ("{}", "not a list"),
        ("[1]", "not an object"),
        ("[{}]", "has no `Config`"),
        (r#"[{"Config":"c.json"}]"#, "has 0 layers where the config has 1 diff IDs"),
        (r#"[{"Config":"c.json","Layers":["l.tar","l.tar"]}]"#, "has 2 layers where the config has 1 diff IDs"),
        (r#"[{"Config":"c.json","Layers":["l.tar"],"layers":[]}]"#, "some readers take"),
        (r#"[{"Config":"c.json","Config":"c.json","Layers":["l.tar"]}]"#, "twice"),
        (r#"[{"Config":"c.json","Layers":["l.tar"]}],"x":[]"#, "cannot be read"),
        (r#"[{"Config":"l.tar","Layers":["l.tar"]}]"#, "cannot read `l.tar`"),
        (r#"[{"Config":"gone","Layers":["l.tar"]}]"#, "`gone` is missing"),
        (r#"[{"Config":"../c.json","Layers":["l.tar"]}]"#, "`../c.json` is missing"),
        (r#"[{"Config":"/c.json","Layers":["l.tar"]}]"#, "`/c.json` is missing"),
        (r#"[{"Config":"c.json","Layers":["gone\u001b[2J"]}]"#, "`gone\\u{1b}[2J` is missing"),
    ] {
        let error =
            refused(&pack(&[("c.json", &config), ("l.tar", LAYER), ("manifest.json", listing.as_bytes())])).to_string();
        assert!(error.contains(words), "{listing}: {error}");
    }
}

/// Wherever it is cut, and whatever follows it.
#[test]
fn no_part_of_an_archive_passes() {
    let whole = docker(&[]);
    read(&whole, Way::AtRest).expect("it is one");
    for cut in (0..whole.len()).step_by(7) {
        for form in [Form::Detect, Form::Image] {
            let media = Memory::default();
            let part = &whole[..cut];
            match open(&media, part, Way::AtRest, form) {
                Ok(Archived::Images(_)) => panic!("{cut} bytes are an archive"),
                // Its first name is not read yet, or is no name of images.
                Ok(Archived::RootFilesystem(_)) => assert_eq!(form, Form::Detect),
                Err(error) => assert_eq!(error.code, Code::Malformed("tar".into()), "{cut}: {error}"),
            }
        }
    }
    for (more, words) in [(&b"x"[..], "followed by bytes"), (&whole, "followed by bytes")] {
        assert!(refused(&[&whole, more].concat()).message.contains(words));
    }
    read(&[&whole[..], &[0; 9000]].concat(), Way::AtRest).expect("padded as tar does");
    for packed in [gzip(&whole), zstd(&whole)] {
        for cut in (20..packed.len()).step_by(11) {
            read(&packed[..cut], Way::Piped).expect_err("cut short");
        }
    }
}

/// Names, sizes and contents are where extended headers say.
#[test]
fn extended_headers_count() {
    let long = format!("{}.json", "c/".repeat(120));
    let (config, listing) =
        (config(&[LAYER]), format!(r#"[{{"Config":"{long}","RepoTags":null,"Layers":["l.tar"]}}]"#));
    let members = |middle: Vec<u8>| {
        let part = |files: &[(&str, &[u8])]| {
            let mut part = pack(files);
            part.truncate(part.len() - tar::END.len());
            part
        };
        let start = part(&[(&long, &config), ("manifest.json", listing.as_bytes())]);
        [start, middle, part(&[("last", b"x")]), tar::END.to_vec()].concat()
    };
    let block = |name: &str, flag: u8, size: usize| {
        let mut block = tar::plain(name, 0o644, size as u64).unwrap();
        block[156] = flag;
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    };
    let padded = |content: &[u8]| {
        let mut content = content.to_vec();
        let size = content.len() as u64;
        tar::pad(&mut content, size);
        content
    };
    let extended = |records: &[u8]| [block("x", b'x', records.len()), padded(records)].concat();
    let named = |flag: u8, name: &[u8]| [block("././@LongLink", flag, name.len()), padded(name)].concat();
    let (file, layer) = (block("l.tar", b'0', LAYER.len()), padded(LAYER));
    let small = block("other", b'0', 0);
    for (middle, good) in [
        ([file.clone(), layer.clone()].concat(), true),
        ([extended(b"14 path=l.tar\n"), block("y", b'0', LAYER.len()), layer.clone()].concat(), true),
        ([extended(b"11 size=20\n"), block("l.tar", b'0', 0), layer.clone()].concat(), true),
        ([named(b'L', b"l.tar\0"), block("y", b'0', LAYER.len()), layer.clone()].concat(), true),
        ([file.clone(), layer.clone(), named(b'K', b"../l.tar\0"), block("z/l", b'2', 0)].concat(), true),
        (
            [named(b'K', b"z/l\0"), block("l.tar", b'2', 0), block("z/l", b'0', LAYER.len()), layer.clone()].concat(),
            true,
        ),
        (
            [extended(b"16 linkpath=z/l\n"), block("l.tar", b'2', 0), block("z/l", b'0', 20), layer.clone()].concat(),
            false,
        ),
        ([extended(b"22 GNU.sparse.major=1\n"), file.clone(), layer.clone()].concat(), false),
        ([block("g", b'g', 11), padded(b"11 size=20\n"), file.clone(), layer.clone()].concat(), false),
        ([extended(b"11 size=20\n"), extended(b"11 size=21\n"), file.clone(), layer.clone()].concat(), false),
        ([extended(b"nonsense"), file.clone(), layer.clone()].concat(), false),
        ([file.clone(), layer.clone(), vec![0; 512], small].concat(), false),
    ] {
        let read = read(&members(middle), Way::AtRest);
        assert_eq!(read.is_ok(), good, "{read:?}");
    }
}

#[test]
fn more_members_than_any_image_has() {
    let names: Vec<String> = (0..=1 << 16).map(|number| format!("blobs/{number}")).collect();
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), Kind::Regular(0), &b""[..])).collect();
    let bytes = pack_members(&members);
    let media = Memory::default();
    assert!(matches!(open(&media, &bytes, Way::AtRest, Form::Detect), Ok(Archived::RootFilesystem(_))));
    assert!(open(&media, &bytes, Way::AtRest, Form::Image).is_err());
}

/// Blobs of a layout in a tar: there, of their size, and documents of their digest.
#[test]
fn blobs_of_a_layout() {
    let good = "blobs/sha256/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let index = |size: u64, digest: &str| {
        format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"sha256:{digest}","size":{size}}}]}}"#)
    };
    let hex = &good[13..];
    let other = "0".repeat(64);
    for (size, digest, expected) in
        [(1, hex, None), (2, hex, Some(Code::SizeMismatch(1))), (1, other.as_str(), Some(Code::NotFound))]
    {
        let index = index(size, digest);
        let bytes = pack(&[("oci-layout", b"{}"), ("index.json", index.as_bytes()), (good, b"x")]);
        let media = Memory::default();
        let images: Images<'_, Memory> = images(&media, &bytes).expect("a layout");
        let root = wait(images.roots(None)).expect("a root").remove(0);
        let (document, blob) = (wait(images.document(&root)), wait(images.blob(&root)));
        assert_eq!(document.err().map(|error| error.code), expected);
        assert_eq!(
            blob.map(|blob| content(&blob)).map_err(|error| Some(error.code)),
            expected.map_or(Ok(b"x".to_vec()), |code| Err(Some(code)))
        );
    }
    let bytes = pack(&[("oci-layout", b"{}"), ("index.json", index(1, hex).as_bytes()), (good, b"y")]);
    let media = Memory::default();
    let images = images(&media, &bytes).expect("a layout");
    let root = wait(images.roots(None)).expect("a root").remove(0);
    assert!(matches!(wait(images.document(&root)).map_err(|error| error.code), Err(Code::DigestMismatch(_))));
    assert!(wait(images.blob(&root)).is_ok(), "its digest is its reader's to check");
}
