//! BuildKit's own rewrites, archives that Go wrote, and one header in every format.

use std::path::Path;

use super::*;
use crate::layer::Archive;
use crate::layer::entries::Format;
use crate::layer::trial::{Given, Pieces, all, wait};

fn rewritten(tar: &[u8], epoch: i64) -> Result<Vec<u8>> {
    let again = |size| all(&mut Rewritten::new(Given(tar, size, None), epoch)).map(|(bytes, _)| bytes);
    let whole = again(1 << 20);
    assert!(whole == again(1000));
    whole
}

fn shared(path: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).join(path)
}

#[test]
fn as_buildkit_rewrote_it() {
    for name in ["hard-link-broken", "whiteouts", "whole-tree"] {
        let read = |kind| std::fs::read(shared("golden/layers").join(format!("{name}.{kind}.tar"))).unwrap();
        let golden = read("timestamps-rewritten");
        let as_built = read("as-built");
        assert!(rewritten(&as_built, 1_700_000_000).unwrap() == golden, "{name}");
        assert!(rewritten(&golden, 1_700_000_000).unwrap() == golden, "{name}");
        assert!(rewritten(&as_built, i64::MAX).unwrap() == as_built, "{name}");
    }
}

#[test]
fn other_projects_archives() {
    let mut same = Vec::new();
    for file in std::fs::read_dir(shared("corpora/tar")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        // The large ones are holes of many gigabytes.
        if name == "oracles.json" || name.contains("big.tar") || name.contains("large") {
            continue;
        }
        let open = || wait(Archive::open(Pieces(&bytes, 1 << 20)));
        let Ok((plain, _)) = open().and_then(|mut archive| all(&mut archive)) else { continue };
        let (first, _) = all(&mut Rewritten::new(open().unwrap(), i64::MAX)).unwrap();
        let end = plain.iter().rposition(|byte| *byte != 0).map_or(0, |at| (at + 1).next_multiple_of(512)) + 1024;
        if first == plain[..end.min(plain.len())] {
            same.push(name.clone());
        }
        assert!(rewritten(&first, i64::MAX).unwrap() == first, "{name}");
        let clamped = rewritten(&plain, 1000).unwrap();
        let (before, after) = (listed(&first), listed(&clamped));
        assert_eq!(before.len(), after.len(), "{name}");
        for ((before, content), (after, same)) in before.into_iter().zip(after) {
            assert!(content == same, "{name}");
            assert!(before.flag == b'g' || after.modified.unwrap().seconds <= 1000, "{name}");
            let named = |header: &Header| (header.name.clone(), header.link.clone(), header.size, header.flag);
            assert_eq!(named(&before), named(&after), "{name}");
        }
    }
    same.sort();
    assert_eq!(same, WRITTEN_BY_GO);
}

const WRITTEN_BY_GO: [&str; 12] = [
    "go-containerregistry-overwritten_file.tar",
    "go-containerregistry-source_image.tar",
    "go-containerregistry-whiteout_dir.tar",
    "go-containerregistry-whiteout_image.tar",
    "tar-split-file-and-dir.tar",
    "tar-split-gnu-not-utf8.tar",
    "tar-split-gnu-utf8.tar",
    "tar-split-hardlink.tar",
    "tar-split-trailing-slash.tar",
    "tar-split-ustar-file-devs.tar",
    "tar-split-ustar.tar",
    "tar-split-writer.tar",
];

fn listed(tar: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut entries = Entries::new(Given(tar, 1 << 20, None));
    let mut listed = Vec::new();
    while let Some(header) = wait(entries.next()).unwrap() {
        let mut content = Vec::new();
        while let Some(piece) = wait(entries.content()).unwrap() {
            content.extend(piece);
        }
        listed.push((header, content));
    }
    listed
}

fn header(format: Format, name: &str, records: &[(&str, &str)]) -> Header {
    let records = records.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let modified = Some(Timestamp { seconds: 8, nanoseconds: 0 });
    Header { flag: b'0', name: name.into(), format, records, modified, ..Header::default() }
}

/// The blocks of a header: flag and magic of each; after an extended header, its name and content.
fn blocks(mut bytes: &[u8]) -> Vec<String> {
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let field = |from, to| crate::layer::header::text(bytes, from, to).escape_ascii().to_string();
        let mut block = format!("{} {:?}", bytes[156] as char, field(257, 265));
        let mut length = 0;
        if b"xgLK".contains(&bytes[156]) {
            length = usize::from_str_radix(&field(124, 136), 8).unwrap();
            block = format!("{block} {} {}", field(0, 100), bytes[512..512 + length].escape_ascii());
        }
        blocks.push(block);
        bytes = &bytes[512 + length.next_multiple_of(512)..];
    }
    blocks
}

#[test]
fn the_format_is_the_first_that_holds_all() {
    let (a, b) = ("a".repeat(60), "b".repeat(60));
    let long = format!("{a}/{b}");
    let whole = "c".repeat(101);
    let (ustar, gnu) = (r#"0 "ustar""#, r#"0 "ustar  ""#);
    let records = |content: &str| format!(r#"x "ustar" PaxHeaders.0/f {content}\n"#);
    let cases: [(Header, Vec<String>); 13] = [
        (header(Format::Ustar, "f", &[]), vec![ustar.into()]),
        (header(Format::Ustar, &long, &[]), vec![ustar.into()]),
        (header(Format::Pax, &long, &[]), vec![ustar.into()]),
        (
            header(Format::Pax, &long, &[("comment", "x")]),
            vec![
                format!(r#"x "ustar" {a}/PaxHeaders.0/{} 13 comment=x\n131 path={long}\n"#, "b".repeat(26)),
                ustar.into(),
            ],
        ),
        (
            header(Format::Unknown, &whole, &[]),
            vec![format!(r#"x "ustar" PaxHeaders.0/{} 111 path={whole}\n"#, "c".repeat(87)), ustar.into()],
        ),
        (header(Format::Gnu, &whole, &[]), vec![format!(r#"L "ustar  " ././@LongLink {whole}\x00"#), gnu.into()]),
        (
            Header { link: whole.clone().into(), ..header(Format::Gnu, "f", &[]) },
            vec![format!(r#"K "ustar  " ././@LongLink {whole}\x00"#), gnu.into()],
        ),
        // Stale and sparse records go, those that say what a field says stay, and so do empty ones of fields that are empty.
        (
            header(
                Format::Pax,
                "f",
                &[("mtime", "9"), ("uid", "0"), ("gid", "00"), ("uname", ""), ("GNU.sparse.major", "1"), ("A.b", "c")],
            ),
            vec![records(r"8 A.b=c\n8 uid=0\n9 uname="), ustar.into()],
        ),
        (
            Header {
                modified: Some(Timestamp { seconds: -2, nanoseconds: 750_000_000 }),
                accessed: Some(Timestamp { seconds: 1, nanoseconds: 0 }),
                uid: -1,
                size: 1 << 33,
                ..header(Format::Pax, "f", &[])
            },
            vec![records(r"11 atime=1\n15 mtime=-1.25\n19 size=8589934592\n9 uid=-1"), ustar.into()],
        ),
        (
            header(Format::Pax, "f", &[("SCHILY.xattr.a", "b"), ("SCHILY.xattr.c", "")]),
            vec![records(r"20 SCHILY.xattr.a=b\n19 SCHILY.xattr.c="), ustar.into()],
        ),
        // Too large a mode is GNU's alone.
        (Header { mode: 1 << 21, ..header(Format::Unknown, "f", &[]) }, vec![gnu.into()]),
        (
            Header { flag: b'g', modified: None, ..header(Format::Pax, "", &[("path", "x"), ("GNU.sparse.x", "y")]) },
            vec![r#"g "ustar" GlobalHead.0.0 18 GNU.sparse.x=y\n9 path=x\n"#.to_owned()],
        ),
        (
            Header { flag: b'g', modified: None, ..header(Format::Unknown, "g/", &[]) },
            vec![r#"g "ustar" g "#.to_owned()],
        ),
    ];
    for (header, expected) in cases {
        let bytes = headers::write(header.clone()).unwrap();
        assert_eq!(blocks(&bytes), expected, "{header:?}");
    }
}

#[test]
fn what_the_fields_hold() {
    let time = |seconds, nanoseconds| Some(Timestamp { seconds, nanoseconds });
    let field = |header: Header, from: usize, to: usize| {
        let bytes = headers::write(header).unwrap();
        bytes[bytes.len() - 512..][from..to].to_vec()
    };
    let (a, b) = ("a".repeat(60), "b".repeat(60));
    let split = header(Format::Ustar, &format!("{a}/{b}"), &[]);
    assert!(field(split.clone(), 0, 60) == b.as_bytes() && field(split, 345, 405) == a.as_bytes());
    let gnu = |uid, modified, accessed| Header { uid, modified, accessed, ..header(Format::Gnu, "f", &[]) };
    assert_eq!(field(gnu(0, time(1, 9), None), 257, 265), b"ustar  \0");
    assert_eq!(field(gnu(1 << 21, time(1, 9), None), 108, 116), [0x80, 0, 0, 0, 0, 0x20, 0, 0]);
    assert_eq!(field(gnu(-2, time(1, 9), None), 108, 116), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
    assert_eq!(field(gnu(0, time(-1, 9), None), 136, 148), [0xff; 12]);
    assert_eq!(field(gnu(0, time(1, 9), time(0, 0)), 345, 369), b"00000000000\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let latin = Header { uname: b"\xe4".into(), ..header(Format::Gnu, "f", &[]) };
    assert_eq!(field(latin, 265, 267), b"\xe4\0");
    // Without a format, times are rounded, halves up, and there is one.
    for (nanoseconds, expected) in [(499_999_999, b"00000000001\0"), (500_000_000, b"00000000002\0")] {
        let header =
            Header { modified: time(1, nanoseconds), changed: time(1, 0), ..header(Format::Unknown, "f", &[]) };
        assert_eq!(field(header.clone(), 136, 148), expected);
        assert_eq!(headers::write(header).unwrap().len(), 512);
    }
    let finer = Header { modified: time(1, 500_000_000), ..header(Format::Pax, "f", &[]) };
    assert_eq!(field(finer.clone(), 136, 148), b"00000000001\0");
    assert_eq!(headers::write(finer).unwrap().len(), 3 * 512);
    let never = Header { modified: time(-62_135_596_800, 0), ..header(Format::Ustar, "f", &[]) };
    assert_eq!(field(never, 136, 148), b"00000000000\0");
    // A directory's size stays in its header, without content.
    let directory = Header { flag: b'5', size: 8, ..header(Format::Ustar, "d/", &[]) };
    assert_eq!(field(directory, 124, 136), b"00000000010\0");
}

#[test]
fn what_cannot_be_written_names_the_entry() {
    let cases = [
        header(Format::Unknown, "f/", &[]),
        header(Format::Ustar, "\u{fc}", &[]),
        Header { mode: 1 << 21, ..header(Format::Pax, "f", &[]) },
        Header { uid: 1 << 21, ..header(Format::Ustar, "f", &[]) },
        Header { uname: [b'u'; 33].into(), ..header(Format::Gnu, "f", &[]) },
        Header { size: 1 << 33, ..header(Format::Ustar, "f", &[]) },
        Header { modified: Some(Timestamp { seconds: -1, nanoseconds: 0 }), ..header(Format::Ustar, "f", &[]) },
    ];
    for header in cases {
        let name = format!("`{}`", String::from_utf8_lossy(&header.name));
        let error = headers::write(header).unwrap_err();
        assert!(error.message.contains(&name), "{error}");
        assert_eq!(error.fault, crate::error::Fault::Source);
    }
}

#[test]
fn a_sparse_file_becomes_a_regular_one() {
    let tar = std::fs::read(shared("corpora/tar/tar-split-sparse-formats.tar")).unwrap();
    let tar = rewritten(&tar, 0).unwrap();
    let listed = listed(&tar);
    assert_eq!(listed.len(), 5);
    for (header, content) in &listed[..4] {
        assert!(!header.sparse && header.flag == b'0' && header.size == 200 && content == &listed[0].1);
        assert_eq!(header.modified, Some(Timestamp::default()));
    }
    assert_eq!(listed[0].0.format, Format::Gnu);
}
