//! Faults in a layer's tar and in its compression, each in an otherwise good image.

use super::made::{Pack, Recipe, gzip, make, zstd};
use super::tars::{Head, extended, file, folder, link, record, seal, start, tar};
use super::{expect, in_layout};
use crate::inspect::Limits;
use crate::layer::tar::{BLOCK, END};

fn special(name: &str, flag: u8, device: (u32, u32)) -> Vec<u8> {
    Head { device, ..Head::of(name, flag) }.bytes()
}

/// Entries behind an ordinary layer's, and the code that must be found.
pub fn entries() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let named = |name: &[u8]| vec![file(name, b"x")];
    let long = vec![b'p'; 300];
    let deep = b"d/".repeat(2100);
    vec![
        ("path-parent", named(b"../x")),
        ("path-parent", named(b"a/../../x")),
        ("path-absolute", named(b"/x")),
        ("path-windows", named(b"..\\x")),
        ("path-windows", named(b"C:/x")),
        ("path-windows", named(b"C:..\\x")),
        ("path-empty", named(b"")),
        ("path-nul", vec![extended(b'x', &record("path", b"a\0b")), file("x", b"")]),
        ("path-control", named(b"a\x1b[2J")),
        ("path-control", named("a\u{202e}b".as_bytes())),
        ("path-not-utf8", named(b"caf\xe9")),
        ("path-component", vec![extended(b'x', &record("path", &long)), file("x", b"")]),
        ("limit-path", vec![extended(b'L', &deep), file("x", b"")]),
        ("path-case", named(b"ETC/hosts")),
        ("path-case", named(b"BIN")),
        ("path-case", [named(b"Foo"), named(b"fOO")].concat()),
        ("path-accents", [named("caf\u{e9}".as_bytes()), named("cafe\u{301}".as_bytes())].concat()),
        ("root-replaced", vec![link("./", b'2', "/elsewhere")]),
        ("root-replaced", named(b"/.")),
        ("entry-twice", named(b"etc/hosts")),
        ("entry-twice", named(b"./etc//hosts")),
        ("entry-twice", vec![folder("etc/")]),
        ("entry-type", vec![Head::of("x", b'D').bytes()]),
        ("entry-below-link", vec![link("a", b'2', "/out"), file("a/x", b"x")]),
        ("entry-below-link", vec![link("d/a", b'2', "/out"), file("d/a/b/c", b"x")]),
        ("entry-below-link", vec![file("d/a", b""), file("d/a/b", b"x")]),
        ("hard-link-outside", vec![link("x", b'1', "../../etc/shadow")]),
        ("hard-link-forward", vec![link("x", b'1', "y"), file("y", b"")]),
        ("hard-link-forward", vec![link("x", b'1', "x")]),
        ("hard-link-dangling", vec![link("x", b'1', "/etc/passwd")]),
        ("whiteout-of-nothing", named(b"etc/.wh.")),
        ("whiteout-of-directory", vec![file("etc/.wh..", b"")]),
        ("whiteout-of-directory", vec![file("etc/.wh...", b"")]),
        ("whiteout-kind", named(b"etc/.wh.x")),
        ("whiteout-kind", vec![folder("etc/.wh.x")]),
        ("whiteout-kind", vec![link("etc/.wh..wh..opq", b'2', "x")]),
        ("whiteout-of-own", vec![file("etc/.wh.hosts", b"")]),
        ("whiteout-aufs", vec![folder(".wh..wh.plnk")]),
        ("device", vec![special("tty", b'3', (5, 1))]),
        ("device", vec![special("sda", b'4', (8, 0))]),
        ("device-whiteout", vec![special("gone", b'3', (0, 0))]),
        ("device-number", vec![special("far", b'3', (0o777_7777, 0))]),
        ("fifo", vec![special("pipe", b'6', (0, 0))]),
        ("special-mode", vec![Head { mode: 0o4755, ..Head::of("su", b'0') }.bytes()]),
        ("owner-range", vec![Head { uid: 1 << 33, ..Head::of("u", b'0') }.bytes()]),
        (
            "sparse-file",
            vec![
                extended(b'x', &[record("GNU.sparse.map", b"0,1"), record("GNU.sparse.size", b"9")].concat()),
                file("s", b"x"),
            ],
        ),
        (
            "tar-stacked-headers",
            vec![extended(b'x', &record("path", b"a")), extended(b'x', &record("path", b"b")), file("x", b"")],
        ),
        ("tar-stacked-headers", vec![extended(b'x', &record("path", b"a")), extended(b'L', b"b\0"), file("x", b"")]),
        ("tar-extended-header", vec![extended(b'x', b"nonsense"), file("x", b"")]),
        ("tar-extended-header", vec![extended(b'x', &record("mtime", b"now")), file("x", b"")]),
        ("tar-extended-header", vec![extended(b'x', &record("path", b"a"))]),
        ("tar-ambiguous", vec![extended(b'g', &record("size", b"1")), file("x", b"x")]),
        (
            "tar-ambiguous",
            vec![extended(b'x', &record("size", b"1")), extended(b'x', &record("size", b"2")), file("x", b"x")],
        ),
        ("tar-ambiguous", vec![vec![0; BLOCK], file("x", b"x")]),
        (
            "tar-damaged",
            vec![{
                let mut bytes = file("x", b"x");
                bytes[0] = b'y';
                bytes
            }],
        ),
        (
            "tar-damaged",
            vec![{
                let mut bytes = file("x", b"x");
                bytes[124] = b'-';
                seal(&mut bytes[..BLOCK]);
                bytes
            }],
        ),
        ("limit-extended-header", vec![Head { size: 2 << 20, ..Head::of("x", b'x') }.bytes()]),
        ("limit-extended-header", std::iter::repeat_n(extended(b'x', b""), 100).collect()),
        ("time-after-created", vec![Head { time: 1_700_000_000, ..Head::of("late", b'0') }.bytes()]),
        ("time-varies", vec![Head { time: 5, ..Head::of("early", b'0') }.bytes()]),
    ]
}

#[test]
fn every_entry_is_judged() {
    for (at, (code, entries)) in entries().iter().enumerate() {
        let mut recipe = Recipe::good();
        recipe.tars[0] = tar(entries);
        expect(&in_layout(&make(&recipe), Limits::default()), code, &[], &format!("{at} {code}"));
    }
    // Above another layer a target may be below.
    let mut recipe = Recipe::good();
    recipe.tars[1] = tar(&[link("x", b'1', "var")]);
    expect(&in_layout(&make(&recipe), Limits::default()), "hard-link-below", &[], "above");
}

#[test]
fn every_end_is_judged() {
    let start = start();
    for (code, tar) in [
        ("tar-none", b"no tar".to_vec()),
        ("tar-none", vec![b'a'; 4096]),
        ("tar-end-missing", vec![]),
        ("tar-end-missing", start.clone()),
        ("tar-end-missing", [&start, &END[..BLOCK]].concat()),
        ("tar-cut-short", start[..start.len() - 100].to_vec()),
        ("tar-cut-short", start[..600 + BLOCK].to_vec()),
        ("tar-trailing-data", [&start, &END[..], &[0; 5000], &start].concat()),
        ("tar-trailing-data", [&start, &END[..], b"x"].concat()),
    ] {
        for at in [0, 2] {
            let mut recipe = Recipe::good();
            recipe.tars[at] = tar.clone();
            expect(&in_layout(&make(&recipe), Limits::default()), code, &[], code);
        }
    }
}

#[test]
fn every_compression_is_judged() {
    let cases: [(&str, usize, Pack); 17] = [
        ("gzip-damaged", 0, |tar| {
            let mut packed = gzip(tar);
            packed[10] = 0xff;
            packed
        }),
        ("gzip-damaged", 0, |tar| {
            let mut packed = gzip(tar);
            packed[3] = 0x80;
            packed
        }),
        ("gzip-checksum", 0, |tar| {
            let mut packed = gzip(tar);
            let at = packed.len() - 1;
            packed[at] ^= 1;
            packed
        }),
        ("gzip-checksum", 0, |tar| {
            let mut packed = gzip(tar);
            packed[3] = 2;
            packed.splice(10..10, [1, 2]);
            packed
        }),
        ("gzip-cut-short", 0, |tar| gzip(tar)[..100].to_vec()),
        ("gzip-cut-short", 0, |tar| [gzip(tar), gzip(b"")[..5].to_vec()].concat()),
        ("gzip-trailing-data", 0, |tar| [gzip(tar), b"x".to_vec()].concat()),
        ("gzip-trailing-data", 0, |tar| [gzip(tar), vec![0; 9], gzip(tar)].concat()),
        ("gzip-padding", 0, |tar| [gzip(tar), vec![0; 512]].concat()),
        ("zstd-damaged", 1, |tar| {
            let mut packed = zstd(tar);
            let at = packed.iter().position(|byte| *byte == 0x28).unwrap() + 4;
            packed[at] |= 8;
            packed
        }),
        ("zstd-checksum", 1, |_| vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x58, 6, 0, 0, 0, 1 | 2 | 5 << 3, 0, 0, b'!']),
        ("zstd-checksum", 1, |_| vec![0x28, 0xb5, 0x2f, 0xfd, 4, 0x58, 1 | 2 | 5 << 3, 0, 0, b'!', 1, 2, 3, 4]),
        ("zstd-cut-short", 1, |tar| {
            let packed = zstd(tar);
            packed[..packed.len() - 1].to_vec()
        }),
        ("zstd-trailing-data", 1, |tar| [zstd(tar), vec![0; 512]].concat()),
        ("zstd-dictionary", 1, |_| vec![0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0]),
        ("limit-window", 1, |_| vec![0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3, 1, 0, 0]),
        ("zstd-window", 1, |tar| [&[0x28, 0xb5, 0x2f, 0xfd, 0, 15 << 3, 1, 0, 0][..], &zstd(tar)].concat()),
    ];
    for (code, at, pack) in cases {
        let mut recipe = Recipe::good();
        recipe.pack[at] = pack;
        expect(&in_layout(&make(&recipe), Limits::default()), code, &[], code);
    }
}
