//! Archives of every format, read entry by entry; what other readers say of other projects' archives.

use std::path::Path;

use super::*;
use crate::layer::Archive;
use crate::layer::trial::{Given, Pieces, wait};
use crate::media::{Device, Kind, Timestamp};

/// All entries with their contents, read in pieces of this size.
fn read(tar: &[u8], size: usize) -> Result<Vec<(Header, Vec<u8>)>> {
    let mut entries = Entries::new(Given(tar, size, None));
    let mut all = Vec::new();
    while let Some(header) = wait(entries.next())? {
        let mut content = Vec::new();
        while let Some(piece) = wait(entries.content())? {
            assert!(!piece.is_empty() && piece.len() <= PIECE as usize);
            content.extend(piece);
        }
        all.push((header, content));
    }
    assert_eq!(wait(entries.next()), Ok(None));
    Ok(all)
}

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/tar"))
}

fn from_corpus(name: &str) -> Vec<(Header, Vec<u8>)> {
    read(&std::fs::read(corpus().join(name)).unwrap(), 1000).unwrap()
}

#[test]
fn as_python_lists_other_projects_archives() {
    let oracles: serde_json::Value =
        serde_json::from_slice(&std::fs::read(corpus().join("oracles.json")).unwrap()).unwrap();
    let (mut seen, mut others) = (0, Vec::new());
    for (name, verdicts) in oracles.as_object().unwrap() {
        let bytes = std::fs::read(corpus().join(name)).unwrap();
        let Ok(archive) = wait(Archive::open(Pieces(&bytes, 1 << 20))) else { continue };
        let mut entries = Entries::new(archive);
        let mut listed = Vec::new();
        let listed = loop {
            match wait(entries.next()) {
                Ok(Some(header)) if header.flag == b'g' => {}
                Ok(Some(header)) => listed.push(serde_json::json!([
                    shown(&header.name, header.records.contains_key(&b"path"[..])),
                    String::from(if header.flag == b'S' { '0' } else { header.flag as char }),
                    if header.has_content() { header.size } else { 0 },
                    String::from_utf8_lossy(&header.link),
                ])),
                Ok(None) => break Some(listed),
                Err(_) => break None,
            }
        };
        let Some(listed) = listed else { continue };
        let mut expected = verdicts["python"]["entries"].as_array().cloned().unwrap_or_default();
        for entry in &mut expected {
            if entry[1] == "\0" || entry[1] == "S" {
                entry[1] = "0".into();
            }
            entry[0] = entry[0].as_str().unwrap().trim_end_matches('/').into();
        }
        seen += 1;
        if listed != expected {
            others.push(name.as_str());
        }
    }
    assert_eq!((seen, others), (46, vec!["tar-split-pax-sparse-big.tar"]));
    // There Python says what is stored.
    let bytes = std::fs::read(corpus().join("tar-split-pax-sparse-big.tar")).unwrap();
    let header = wait(Entries::new(Given(&bytes, 512, None)).next()).unwrap().unwrap();
    assert_eq!((header.name.as_slice(), header.size, header.sparse), (&b"pax-sparse"[..], 60_000_000_000, true));
}

/// A name as Python decodes it.
fn shown(name: &[u8], record: bool) -> String {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if record { String::from_utf8_lossy(name).into() } else { name.iter().map(|byte| *byte as char).collect() }
}

#[test]
fn what_every_format_says() {
    let v7 = &from_corpus("tar-split-v7.tar")[0];
    assert_eq!((v7.0.flag, v7.0.format, v7.0.mode, v7.1.len()), (b'0', Format::Unknown, 0o444, 5));
    let star = &from_corpus("tar-split-star.tar")[0].0;
    let time = |seconds, nanoseconds| Some(Timestamp { seconds, nanoseconds });
    assert_eq!((star.format, &star.uname[..]), (Format::Unknown, &b"dsymonds"[..]));
    let times = (star.modified, star.accessed, star.changed);
    assert_eq!(times, (time(1_244_592_783, 0), time(1_244_592_783, 0), time(1_244_592_783, 0)));
    let gnu = &from_corpus("tar-split-gnu.tar")[0].0;
    assert_eq!((gnu.format, gnu.accessed, &gnu.gname[..]), (Format::Gnu, None, &b"eng"[..]));
    let pax = &from_corpus("tar-split-pax.tar")[0].0;
    let times = (pax.modified, pax.accessed, pax.changed);
    assert_eq!(
        times,
        (time(1_350_244_992, 23_960_108), time(1_350_244_992, 23_960_108), time(1_350_244_992, 23_960_108))
    );
    assert_eq!((pax.format, pax.records[&b"mtime"[..]].as_slice()), (Format::Pax, &b"1350244992.023960108"[..]));
    let xattrs = from_corpus("tar-split-xattrs.tar")[0].0.entry().unwrap().xattrs;
    assert_eq!(xattrs.len(), 3);
    assert_eq!(xattrs[0], ("security.selinux".into(), b"unconfined_u:object_r:default_t:s0\0".to_vec()));
    assert_eq!(from_corpus("tar-rs-biguid_gnu.tar")[0].0.uid, 4_294_967_294);
    assert_eq!(from_corpus("tar-rs-biguid_pax.tar")[0].0.entry().unwrap().uid, 4_294_967_294);
    let ustar = &from_corpus("tar-split-ustar-file-devs.tar");
    assert_eq!((ustar.len(), ustar[0].0.format), (1, Format::Ustar));
}

#[test]
fn holes_are_zeros() {
    let all = from_corpus("tar-split-sparse-formats.tar");
    for (header, content) in &all[..4] {
        assert!(header.sparse && content.len() == 200 && content == &all[0].1, "{header:?}");
        assert!(content.starts_with(b"\0G\0o\0G\0o") && content.ends_with(b"\0"));
    }
    assert_eq!(all[4].1, b"end\n");
    let data = &from_corpus("tar-split-gnu-nil-sparse-data.tar")[0];
    assert!(data.0.size == 1000 && data.1 == b"0123456789".repeat(100));
    let hole = &from_corpus("tar-split-gnu-nil-sparse-hole.tar")[0];
    assert!(hole.0.size == 1000 && hole.1 == [0; 1000]);
}

#[test]
fn what_is_not_read_is_skipped() {
    for size in [1, 511, 512, 1 << 20] {
        let bytes = std::fs::read(corpus().join("tar-split-sparse-formats.tar")).unwrap();
        let mut entries = Entries::new(Given(&bytes, size, None));
        let mut names = Vec::new();
        while let Some(header) = wait(entries.next()).unwrap() {
            if names.len() % 2 == 1 {
                assert!(wait(entries.content()).unwrap().is_some());
            }
            names.push(String::from_utf8(header.name).unwrap());
        }
        assert_eq!(names, ["sparse-gnu", "sparse-posix-0.0", "sparse-posix-0.1", "sparse-posix-1.0", "end"]);
        assert_eq!(wait(entries.content()), Ok(None));
    }
}

#[test]
fn no_part_of_a_tar_is_a_tar() {
    for name in ["tar-split-sparse-formats.tar", "tar-split-pax.tar", "tokio-tar-sparse-1.tar"] {
        let bytes = std::fs::read(corpus().join(name)).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(BLOCK) + 2 * BLOCK;
        let whole = read(&bytes, 4096).unwrap();
        assert_eq!(read(&bytes[..end], 4096).unwrap(), whole);
        for cut in (0..end).step_by(100) {
            assert!(read(&bytes[..cut], 4096).is_err(), "{name} {cut}");
        }
    }
}

#[test]
fn times_of_records() {
    let cases: [(&str, Option<(i64, u32)>); 12] = [
        ("1350244992.023960108", Some((1_350_244_992, 23_960_108))),
        ("1.5", Some((1, 500_000_000))),
        ("1.", Some((1, 0))),
        ("1.0123456789", Some((1, 12_345_678))),
        ("-1", Some((-1, 0))),
        ("-1.25", Some((-2, 750_000_000))),
        ("-0.25", Some((-1, 750_000_000))),
        (".5", None),
        ("1.2.3", None),
        ("1.-2", None),
        ("1e3", None),
        ("-9223372036854775808.1", None),
    ];
    for (value, expected) in cases {
        let mut header = Header::default();
        let merged = header.merge(BTreeMap::from([(b"mtime".to_vec(), value.into())]));
        assert_eq!(merged.is_ok(), expected.is_some(), "{value}");
        let modified = header.modified.filter(|_| expected.is_some());
        assert_eq!(modified, expected.map(|(seconds, nanoseconds)| Timestamp { seconds, nanoseconds }), "{value}");
    }
}

#[test]
fn an_entry_as_a_tree_gives_it() {
    let header = |flag, name: &[u8], link: &[u8]| Header {
        flag,
        name: name.into(),
        link: link.into(),
        size: 3,
        mode: 0o100_755,
        major: 1,
        ..Header::default()
    };
    let cases = [
        (b'0', &b"./a//b"[..], &b""[..], &b"a/b"[..], Kind::Regular(3)),
        (b'7', &b"/a/./b"[..], &b""[..], &b"a/b"[..], Kind::Regular(3)),
        (b'1', &b"a"[..], &b"./b/c"[..], &b"a"[..], Kind::HardLink(b"b/c".into())),
        (b'2', &b"a"[..], &b"../b/"[..], &b"a"[..], Kind::Symlink(b"../b/".into())),
        (b'3', &b"a"[..], &b""[..], &b"a"[..], Kind::Character(Device { major: 1, minor: 0 })),
        (b'4', &b"a"[..], &b""[..], &b"a"[..], Kind::Block(Device { major: 1, minor: 0 })),
        (b'5', &b"./"[..], &b""[..], &b""[..], Kind::Directory),
        (b'6', &b"a"[..], &b""[..], &b"a"[..], Kind::Fifo),
    ];
    for (flag, name, link, path, kind) in cases {
        let entry = header(flag, name, link).entry().unwrap();
        assert_eq!((entry.path.as_slice(), &entry.kind, entry.mode), (path, &kind, 0o755));
    }
    let many = Header { uid: -1, ..header(b'0', b"a", b"") };
    for wrong in [header(b'0', b"a/../b", b""), header(b'1', b"a", b"../b"), header(b'g', b"a", b""), many] {
        assert!(wrong.entry().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_map_must_fit() {
    let sparse =
        |map: &[(u64, u64)], size, stored| sparse::Content::sparse(map, size, stored).map(|content| content.stored());
    assert_eq!(sparse(&[(0, 2), (5, 3), (10, 0)], 10, 5), Ok(5));
    assert_eq!(sparse(&[], 10, 0), Ok(0));
    for (map, size, stored) in [
        (&[(5, 3), (0, 2)][..], 10, 5),
        (&[(0, 3), (2, 2)], 10, 5),
        (&[(0, 11)], 10, 11),
        (&[(u64::MAX, 2)], 10, 2),
        (&[(0, 5)], 10, 4),
        (&[(0, 5)], 10, 6),
    ] {
        assert!(sparse(map, size, stored).is_err(), "{map:?}");
    }
}
