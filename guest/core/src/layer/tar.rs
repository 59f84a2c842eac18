//! The headers of a layer's tar, byte for byte as BuildKit writes them.
//!
//! POSIX.1-2001 pax interchange format: a USTAR block, and before it an extended header only where a value does not fit. Names are
//! never split into the prefix field, owners have no names, times are whole seconds. Nothing here reads or pads contents. What Go's
//! `archive/tar` does with names that are too long is kept, since the bytes are compared with BuildKit's.

use super::block::{Block, GID, LINK, MAJOR, MINOR, MODE, MTIME, NAME, SIZE, UID};
use super::pax;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Entry, Kind};
use crate::text::shown_bytes;

pub use super::block::BLOCK;

/// What ends a tar.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Appends the headers of one entry: what stands before its content. `xattrs` keeps all extended attributes, else only
/// `security.capability`.
///
/// # Errors
/// What no header can hold: a NUL byte in a name, a device number over 2^21, an attribute with `=` in its name, more than 1 MiB of
/// attributes.
pub fn append(out: &mut Vec<u8>, entry: &Entry, xattrs: bool) -> Result<()> {
    let (flag, size, link) = match &entry.kind {
        Kind::Regular(size) => (b'0', *size, &[][..]),
        Kind::HardLink(path) => (b'1', 0, path.as_slice()),
        Kind::Symlink(text) => (b'2', 0, text.as_slice()),
        Kind::Character(_) => (b'3', 0, &[][..]),
        Kind::Block(_) => (b'4', 0, &[][..]),
        Kind::Directory => (b'5', 0, &[][..]),
        Kind::Fifo => (b'6', 0, &[][..]),
        Kind::Socket => return Err(unfit(entry, "is a socket")),
    };
    let slashed: Vec<u8>;
    let name = match flag {
        b'5' => {
            slashed = [&entry.path[..], b"/"].concat();
            &slashed
        }
        _ => &entry.path,
    };
    if name.contains(&0) || link.contains(&0) {
        return Err(unfit(entry, "has a NUL byte in its name or link"));
    }
    let mut records = pax::Records::default();
    let mut block = Block::new(flag);
    if !block.text(NAME, name) {
        records.add("path", name);
    }
    if !block.text(LINK, link) {
        records.add("linkpath", link);
    }
    block.octal(MODE, u64::from(entry.mode & 0o7777));
    for (field, key, value) in
        [(UID, "uid", u64::from(entry.uid)), (GID, "gid", u64::from(entry.gid)), (SIZE, "size", size)]
    {
        if !block.octal(field, value) {
            records.add(key, value.to_string().as_bytes());
        }
    }
    let seconds = entry.modified.seconds;
    if !u64::try_from(seconds).is_ok_and(|seconds| block.octal(MTIME, seconds)) {
        block.octal(MTIME, 0);
        records.add("mtime", seconds.to_string().as_bytes());
    }
    let (major, minor) = match &entry.kind {
        Kind::Character(device) | Kind::Block(device) => (device.major, device.minor),
        _ => (0, 0),
    };
    if !block.octal(MAJOR, u64::from(major)) || !block.octal(MINOR, u64::from(minor)) {
        return Err(unfit(entry, "is a device with a number over 2097151"));
    }
    for (key, value) in entry.xattrs.iter().filter(|(key, _)| xattrs || key == CAPABILITY) {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(unfit(entry, "has an extended attribute with an empty name or `=` in it"));
        }
        records.add(format!("SCHILY.xattr.{key}"), value);
    }
    if let Some(content) = records.content() {
        if content.len() > pax::LIMIT {
            return Err(unfit(entry, "has more than 1 MiB of extended attributes"));
        }
        Block::extension(b'x', &pax::name(name), &content).seal(out);
        out.extend_from_slice(&content);
        pad(out, content.len() as u64);
    }
    block.seal(out);
    Ok(())
}

/// A header of a plain file or directory (a path that ends in `/`) of our own archives: owner 0, time 0.
///
/// # Errors
/// As [`append`].
pub fn plain(path: &str, mode: u32, size: u64) -> Result<Vec<u8>> {
    let kind = if path.ends_with('/') { Kind::Directory } else { Kind::Regular(size) };
    let path = path.trim_end_matches('/').as_bytes().to_vec();
    let mut out = Vec::with_capacity(BLOCK);
    append(
        &mut out,
        &Entry { path, kind, mode, uid: 0, gid: 0, modified: Default::default(), xattrs: Vec::new() },
        false,
    )?;
    Ok(out)
}

/// How many zeros follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    let whole = size.checked_next_multiple_of(BLOCK as u64).unwrap_or(size);
    whole.saturating_sub(size) as usize
}

/// Appends the zeros that follow `size` bytes of content.
pub fn pad(out: &mut Vec<u8>, size: u64) {
    out.resize(out.len().saturating_add(padding(size)), 0);
}

fn unfit(entry: &Entry, why: &str) -> Error {
    let message = format!("`{}` {why}, which a layer cannot hold: remove it from the tree", shown_bytes(&entry.path));
    Error::new(Fault::Source, Code::Unsupported("tar header".into()), message)
}

/// The one extended attribute that BuildKit keeps.
const CAPABILITY: &str = "security.capability";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::media::{Device, Timestamp};

    /// Entries with their contents, read without any of the code above.
    fn read(mut tar: &[u8]) -> Vec<(Entry, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut pax: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        while tar[0] != 0 {
            let text = |from: usize, to: usize| tar[from..to].split(|byte| *byte == 0).next().unwrap().to_vec();
            let number = |from, to| i64::from_str_radix(std::str::from_utf8(&text(from, to)).unwrap(), 8).unwrap();
            let own = |pax: &mut BTreeMap<_, _>, key: &str, number: i64| {
                pax.remove(key).map_or(number, |value: Vec<u8>| String::from_utf8(value).unwrap().parse().unwrap())
            };
            if tar[156] == b'x' {
                let mut records = &tar[512..512 + number(124, 136) as usize];
                tar = &tar[512 + (number(124, 136) as usize).next_multiple_of(512)..];
                while let Some(blank) = records.iter().position(|byte| *byte == b' ') {
                    let length: usize = std::str::from_utf8(&records[..blank]).unwrap().parse().unwrap();
                    let equals = records.iter().position(|byte| *byte == b'=').unwrap();
                    let key = String::from_utf8(records[blank + 1..equals].to_vec()).unwrap();
                    pax.insert(key, records[equals + 1..length - 1].to_vec());
                    records = &records[length..];
                }
                continue;
            }
            let mut path = pax.remove("path").unwrap_or_else(|| text(0, 100));
            let link = pax.remove("linkpath").unwrap_or_else(|| text(157, 257));
            let size = own(&mut pax, "size", number(124, 136)) as usize;
            let device = Device { major: number(329, 337) as u32, minor: number(337, 345) as u32 };
            let kind = match tar[156] {
                b'0' => Kind::Regular(size as u64),
                b'1' => Kind::HardLink(link),
                b'2' => Kind::Symlink(link),
                b'3' => Kind::Character(device),
                b'4' => Kind::Block(device),
                b'5' => Kind::Directory,
                b'6' => Kind::Fifo,
                flag => panic!("flag {flag}"),
            };
            if kind == Kind::Directory {
                assert_eq!(path.pop(), Some(b'/'));
            }
            let (mode, uid) = (number(100, 108) as u32, own(&mut pax, "uid", number(108, 116)) as u32);
            let gid = own(&mut pax, "gid", number(116, 124)) as u32;
            let modified = Timestamp { seconds: own(&mut pax, "mtime", number(136, 148)), nanoseconds: 5 };
            let xattrs = std::mem::take(&mut pax).into_iter();
            let xattrs = xattrs.map(|(key, value)| (key.strip_prefix("SCHILY.xattr.").unwrap().to_owned(), value));
            let entry = Entry { path, kind, mode, uid, gid, modified, xattrs: xattrs.collect() };
            entries.push((entry, tar[512..512 + size].to_vec()));
            tar = &tar[512 + size.next_multiple_of(512)..];
        }
        entries
    }

    #[test]
    fn what_buildkit_wrote_is_written_again() {
        let layers = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/layers");
        let mut seen = 0;
        for file in std::fs::read_dir(layers).unwrap() {
            let path = file.unwrap().path();
            let golden = std::fs::read(&path).unwrap();
            let mut again = Vec::new();
            for (entry, content) in read(&golden) {
                append(&mut again, &entry, false).unwrap();
                again.extend(&content);
                pad(&mut again, content.len() as u64);
                seen += 1;
            }
            again.extend(END);
            assert!(again == golden, "{}", path.display());
        }
        assert_eq!(seen, 128);
    }

    fn entry(path: &[u8], kind: Kind) -> Entry {
        Entry {
            path: path.into(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: Timestamp::default(),
            xattrs: Vec::new(),
        }
    }

    fn written(entry: &Entry, xattrs: bool) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, entry, xattrs).unwrap();
        out
    }

    #[test]
    fn what_does_not_fit_goes_into_records() {
        let mut huge = entry(b"f", Kind::Regular(1 << 33));
        (huge.uid, huge.gid, huge.modified.seconds) = (1 << 21, u32::MAX, 1 << 33);
        huge.xattrs = vec![("security.capability".into(), vec![0]), ("user.a".into(), b"\n".to_vec())];
        let out = written(&huge, true);
        let records: &[u8] = b"18 gid=4294967295\n20 mtime=8589934592\n19 size=8589934592\n15 uid=2097152\n\
            38 SCHILY.xattr.security.capability=\0\n25 SCHILY.xattr.user.a=\n\n";
        // Sorted in byte order: capitals first.
        let (low, high) = records.split_at(72);
        assert!(out[512..].starts_with(&[high, low].concat()), "{}", out[512..1024].escape_ascii());
        let main = &out[1024..];
        assert_eq!(&main[108..148], b"0000000\x000000000\x0000000000000\x0000000000000\0");
        assert!(!written(&huge, false).windows(6).any(|bytes| bytes == b"user.a"));

        let mut most = entry(b"f", Kind::Regular((1 << 33) - 1));
        (most.uid, most.gid, most.modified.seconds) = ((1 << 21) - 1, 0o7777777, (1 << 33) - 1);
        assert_eq!(written(&most, false).len(), 512);
        most.modified = Timestamp { seconds: -1, nanoseconds: 999_999_999 };
        assert!(written(&most, false)[512..].starts_with(b"12 mtime=-1\n"));
    }

    #[test]
    fn long_names_are_cut_as_go_does() {
        let cut = |path: &[u8]| {
            let out = written(&entry(path, Kind::Regular(0)), false);
            out[out.len() - 512..][..100].to_vec()
        };
        assert_eq!(written(&entry(&[b'a'; 100], Kind::Fifo), false).len(), 512);
        assert_eq!(written(&entry(&[b'a'; 100], Kind::Directory), false).len(), 3 * 512);
        assert_eq!(cut(&[b'a'; 101]), [b'a'; 100]);
        let at_slash = [&[b'a'; 99][..], b"/b"].concat();
        assert_eq!(cut(&at_slash), [&[b'a'; 99][..], b"\0"].concat());
        let slashes = [&[b'a'; 97][..], b"///b"].concat();
        assert_eq!(cut(&slashes), [&[b'a'; 97][..], b"\0//"].concat());
    }

    #[test]
    fn what_no_header_can_hold_is_an_error() {
        let far = Device { major: 1 << 21, minor: 0 };
        let mut equals = entry(b"f", Kind::Regular(0));
        equals.xattrs.push(("user.a=b".into(), Vec::new()));
        let mut large = entry(b"f", Kind::Regular(0));
        large.xattrs.push(("user.a".into(), vec![0; 1 << 20]));
        let cases = [
            entry(b"a\0b", Kind::Regular(0)),
            entry(b"l", Kind::Symlink(b"a\0".to_vec())),
            entry(b"d", Kind::Block(far)),
            entry(b"s", Kind::Socket),
            equals,
            large,
        ];
        for entry in cases {
            let error = append(&mut Vec::new(), &entry, true).unwrap_err();
            assert!(error.message.contains("which a layer cannot hold"), "{error}");
        }
    }
}
