//! Faults of a layer: of its entries, of its tar, of its compression. Each stands behind the entries of a good one.

use super::Fault;
use super::image::Edit::Bytes;
use super::image::Part::{Entries, Gzip, Tar, Zstd};
use super::image::{gzip, zstd};
use super::tar::{BLOCK, END, Head, extended, file, folder, link, record, seal};

/// An entry more.
macro_rules! more {
    ($($entry:expr),+) => {
        Bytes(|tar| tar.extend([$($entry),+].concat()))
    };
}

/// The table.
pub const FAULTS: &[Fault] = &[
    // Names.
    ("name-leads-out", "path-parent", &[], Entries, more!(file(b"../../etc/cron.d/x", b"x"))),
    ("name-absolute", "path-absolute", &[], Entries, more!(file(b"/etc/passwd", b"x"))),
    ("name-of-windows", "path-windows", &[], Entries, more!(file(b"C:\\x", b"x"))),
    ("name-empty", "path-empty", &[], Entries, more!(file(b"", b"x"))),
    ("name-with-nul", "path-nul", &[], Entries, more!(extended(b'x', &record("path", b"a\0b")), file(b"", b"x"))),
    ("name-steers-terminal", "path-control", &[], Entries, more!(file(b"a\x1b[2J\x1b]0;x\x07", b"x"))),
    ("name-turns-text", "path-control", &[], Entries, more!(file("gpj.\u{202e}exe".as_bytes(), b"x"))),
    ("name-of-no-text", "path-not-utf8", &[], Entries, more!(file(b"caf\xe9", b"x"))),
    (
        "name-long",
        "path-component",
        &[],
        Entries,
        more!(extended(b'x', &record("path", &[b'p'; 300])), file(b"x", b"x")),
    ),
    ("name-too-long", "limit-path", &[], Entries, more!(extended(b'L', &b"d/".repeat(2100)), file(b"x", b"x"))),
    ("name-in-capitals", "path-case", &[], Entries, more!(file(b"etc/HOSTS", b"x"))),
    (
        "name-composed-otherwise",
        "path-accents",
        &[],
        Entries,
        more!(file("caf\u{e9}".as_bytes(), b"x"), file("cafe\u{301}".as_bytes(), b"x")),
    ),
    ("name-twice", "entry-twice", &[], Entries, more!(file(b"./etc/hosts", b"x"))),
    ("root-is-a-link", "root-replaced", &[], Entries, more!(link(b"./", b'2', b"/etc"))),
    // What entries are.
    ("through-a-link", "entry-below-link", &[], Entries, more!(link(b"out", b'2', b"/etc"), file(b"out/passwd", b"x"))),
    ("link-leads-out", "hard-link-outside", &[], Entries, more!(link(b"x", b'1', b"../../etc/shadow"))),
    ("link-forward", "hard-link-forward", &[], Entries, more!(link(b"x", b'1', b"y"), file(b"y", b"x"))),
    ("link-to-nothing", "hard-link-dangling", &[], Entries, more!(link(b"x", b'1', b"etc/shadow"))),
    ("whiteout-of-no-name", "whiteout-of-nothing", &[], Entries, more!(file(b"etc/.wh.", b""))),
    ("whiteout-of-parent", "whiteout-of-directory", &[], Entries, more!(file(b"etc/.wh...", b""))),
    ("whiteout-with-content", "whiteout-kind", &[], Entries, more!(file(b"etc/.wh.x", b"x"))),
    ("whiteout-of-own-file", "whiteout-of-own", &[], Entries, more!(file(b"etc/.wh.hosts", b""))),
    ("aufs", "whiteout-aufs", &[], Entries, more!(folder(b".wh..wh.plnk"))),
    ("terminal", "device", &[], Entries, more!(Head { device: (5, 1), ..Head::of(b"tty", b'3') }.bytes())),
    ("device-0-0", "device-whiteout", &[], Entries, more!(Head::of(b"gone", b'3').bytes())),
    (
        "device-far",
        "device-number",
        &[],
        Entries,
        more!(Head { device: (0o777_7777, 0), ..Head::of(b"f", b'4') }.bytes()),
    ),
    ("pipe", "fifo", &[], Entries, more!(Head::of(b"pipe", b'6').bytes())),
    ("setuid", "special-mode", &[], Entries, more!(Head { mode: 0o4755, ..Head::of(b"su", b'0') }.bytes())),
    ("owner-far", "owner-range", &[], Entries, more!(Head { uid: 1 << 33, ..Head::of(b"u", b'0') }.bytes())),
    ("entry-of-no-kind", "entry-type", &[], Entries, more!(Head::of(b"x", b'D').bytes())),
    (
        "newer-than-image",
        "time-after-created",
        &[],
        Entries,
        more!(Head { time: 1_700_000_000, ..Head::of(b"n", b'0') }.bytes()),
    ),
    ("times-vary", "time-varies", &[], Entries, more!(Head { time: 5, ..Head::of(b"old", b'0') }.bytes())),
    // How entries are written.
    ("header-of-nonsense", "tar-extended-header", &[], Entries, more!(extended(b'x', b"nonsense"), file(b"x", b"x"))),
    ("header-of-nothing", "tar-extended-header", &[], Entries, more!(extended(b'x', &record("path", b"a")))),
    (
        "headers-stacked",
        "tar-stacked-headers",
        &[],
        Entries,
        more!(extended(b'x', &record("path", b"a")), extended(b'L', b"b\0"), file(b"x", b"x")),
    ),
    (
        "header-too-large",
        "limit-extended-header",
        &[],
        Entries,
        more!(Head { size: 2 << 20, ..Head::of(b"x", b'x') }.bytes()),
    ),
    ("size-for-all", "tar-ambiguous", &[], Entries, more!(extended(b'g', &record("size", b"1")), file(b"x", b"x"))),
    ("zeros-between", "tar-ambiguous", &[], Entries, more!(vec![0; BLOCK], file(b"x", b"x"))),
    (
        "header-flipped",
        "tar-damaged",
        &[],
        Entries,
        Bytes(|tar| {
            let at = tar.len();
            tar.extend(file(b"x", b"x"));
            tar[at] = b'y';
        }),
    ),
    (
        "size-of-no-number",
        "tar-damaged",
        &[],
        Entries,
        Bytes(|tar| {
            let at = tar.len();
            tar.extend(file(b"x", b"x"));
            tar[at + 124] = b'-';
            seal(&mut tar[at..at + BLOCK]);
        }),
    ),
    // Where the tar ends.
    ("text-for-tar", "tar-none", &[], Tar, Bytes(|tar| *tar = b"#!/bin/sh\n".repeat(99))),
    ("tar-without-end", "tar-end-missing", &[], Tar, Bytes(|tar| tar.truncate(tar.len() - END.len()))),
    ("tar-cut", "tar-cut-short", &[], Tar, Bytes(|tar| tar.truncate(BLOCK + BLOCK + 7))),
    (
        "tar-behind-tar",
        "tar-trailing-data",
        &[],
        Tar,
        Bytes(|tar| tar.extend([file(b"etc/shadow", b"x"), END.to_vec()].concat())),
    ),
    // Compression.
    ("gzip-flipped", "gzip-damaged", &[], Gzip, Bytes(|blob| blob[10] = 0xff)),
    ("gzip-of-other-sum", "gzip-checksum", &[], Gzip, Bytes(|blob| *blob.last_mut().unwrap() ^= 1)),
    ("gzip-cut", "gzip-cut-short", &[], Gzip, Bytes(|blob| blob.truncate(100))),
    ("gzip-and-more", "gzip-trailing-data", &[], Gzip, Bytes(|blob| blob.push(b'x'))),
    ("gzip-and-zeros", "gzip-padding", &[], Gzip, Bytes(|blob| blob.extend([0; 512]))),
    ("gzip-with-time", "gzip-time", &[], Gzip, Bytes(|blob| blob[4] = 1)),
    (
        "gzip-with-name",
        "gzip-name",
        &[],
        Gzip,
        Bytes(|blob| {
            blob[3] = 8;
            blob.splice(10..10, *b"layer.tar\0");
        }),
    ),
    ("zstd-of-other-sum", "zstd-checksum", &[], Zstd, Bytes(|blob| *blob.last_mut().unwrap() ^= 1)),
    ("zstd-cut", "zstd-cut-short", &[], Zstd, Bytes(|blob| blob.truncate(blob.len() - 5))),
    ("zstd-and-more", "zstd-trailing-data", &[], Zstd, Bytes(|blob| blob.extend([0; 512]))),
    (
        "zstd-with-dictionary",
        "zstd-dictionary",
        &[],
        Zstd,
        Bytes(|blob| *blob = vec![0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0]),
    ),
    (
        "zstd-of-a-terabyte",
        "limit-window",
        &[],
        Zstd,
        Bytes(|blob| *blob = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3, 1, 0, 0]),
    ),
    (
        "zstd-wide",
        "zstd-window",
        &[],
        Zstd,
        Bytes(|blob| {
            blob.splice(0..0, [0x28, 0xb5, 0x2f, 0xfd, 0, 15 << 3, 1, 0, 0]);
        }),
    ),
    ("gzip-bomb", "limit-compression-ratio", &[], Gzip, Bytes(|blob| *blob = gzip(&bomb()))),
    ("zstd-bomb", "limit-compression-ratio", &[], Zstd, Bytes(|blob| *blob = zstd(&bomb()))),
];

/// A file of nothing but zeros, and much of it.
fn bomb() -> Vec<u8> {
    let mut bytes = Head { size: 0o777_7777_7777, ..Head::of(b"zeros", b'0') }.bytes();
    bytes.resize(200 << 20, 0);
    bytes
}
