//! A file tree as it stands on disk: everything about every entry that a layer keeps, to compare two trees with, and the other way round,
//! a tree on disk from its description in a case (`cases/README.md`).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, makedev, mknodat, utimensat};

use crate::text::sha256;

/// Entries by path, each as one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads what is under `root`, which is no entry itself. Times are in whole seconds, as in a layer.
    pub fn read(root: &Path) -> Self {
        let mut lines = BTreeMap::new();
        let mut inodes = BTreeMap::new();
        walk(root, root, &mut inodes, &mut lines);
        Self(lines)
    }

    /// The paths, in byte order, odd bytes in octal.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Takes entries out by path.
    pub fn without(mut self, paths: &[&str]) -> Self {
        self.0.retain(|path, _| !paths.contains(&path.as_str()));
        self
    }

    /// Takes folders out by path, with all that is in them.
    pub fn without_beneath(mut self, folders: &[&str]) -> Self {
        let within = |path: &str, folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.retain(|path, _| !folders.iter().any(|folder| within(path, folder)));
        self
    }

    /// Both must be the same; the message has only what differs.
    pub fn assert_same(&self, other: &Self) {
        let mut story = String::new();
        for (path, line) in &self.0 {
            match other.0.get(path) {
                Some(same) if same == line => {}
                Some(changed) => writeln!(story, "{path}\n  - {line}\n  + {changed}").unwrap(),
                None => writeln!(story, "{path}\n  - {line}").unwrap(),
            }
        }
        for (path, line) in other.0.iter().filter(|(path, _)| !self.0.contains_key(*path)) {
            writeln!(story, "{path}\n  + {line}").unwrap();
        }
        assert!(story.is_empty(), "the trees differ:\n{story}");
    }
}

/// Makes the tree of a description: lines of `KIND MODE UID GID MTIME PATH [CONTENT]`.
pub fn make(root: &Path, description: &str) {
    let entries: Vec<_> =
        description.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    for line in &entries {
        let field =
            |place: usize| line.split(' ').nth(place).unwrap_or_else(|| panic!("field {place} is missing: {line}"));
        let number = |place: usize| field(place).parse::<u32>().unwrap_or_else(|error| panic!("{line}: {error}"));
        let path = root.join(path(field(5)));
        let content = || unescape(line.split(' ').nth(6).unwrap_or_default());
        let mode = Mode::from_raw_mode(u32::from_str_radix(field(1), 8).unwrap());
        let node = |kind, device| mknodat(CWD, &path, kind, Mode::RUSR, device).unwrap();
        let device = || {
            let (major, minor) = field(6).split_once(',').unwrap();
            makedev(major.parse().unwrap(), minor.parse().unwrap())
        };
        match field(0) {
            "d" => fs::create_dir(&path).unwrap(),
            "f" => fs::write(&path, content()).unwrap(),
            // Numbers, a line each: content of a size that would not be pleasant to read here.
            "n" => {
                fs::write(&path, (0..field(6).parse::<u32>().unwrap()).map(|n| format!("{n}\n")).collect::<String>())
                    .unwrap()
            }
            "l" => symlink(OsStr::from_bytes(&content()), &path).unwrap(),
            "h" => fs::hard_link(root.join(OsStr::from_bytes(&content())), &path).unwrap(),
            "p" => node(FileType::Fifo, 0),
            "c" => node(FileType::CharacterDevice, device()),
            "b" => node(FileType::BlockDevice, device()),
            other => panic!("unknown kind {other}: {line}"),
        }
        lchown(&path, Some(number(2)), Some(number(3))).unwrap();
        if field(0) != "l" {
            rustix::fs::chmod(&path, mode).unwrap();
        }
    }
    // Last, and from the bottom up, for making an entry touches its folder.
    for line in entries.iter().rev() {
        let field = |place: usize| line.split(' ').nth(place).unwrap();
        touch(&root.join(path(field(5))), field(4).parse().unwrap(), 0);
    }
}

/// Sets the time of last modification, of a link itself too.
pub fn touch(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn walk(root: &Path, folder: &Path, inodes: &mut BTreeMap<(u64, u64), String>, lines: &mut BTreeMap<String, String>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = escape(path.strip_prefix(root).unwrap().as_os_str().as_bytes());
        let meta = fs::symlink_metadata(&path).unwrap();
        let kind = meta.file_type();
        let first = inodes.entry((meta.dev(), meta.ino())).or_insert_with(|| name.clone());
        let device = || format!("{},{}", rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
        let what = if *first != name && !kind.is_dir() {
            format!("hard link to {first}")
        } else if kind.is_dir() {
            "directory".to_owned()
        } else if kind.is_symlink() {
            format!("symlink to {}", escape(fs::read_link(&path).unwrap().as_os_str().as_bytes()))
        } else if kind.is_file() {
            format!("{} bytes {}", meta.len(), sha256(&fs::read(&path).unwrap()))
        } else if kind.is_fifo() {
            "fifo".to_owned()
        } else if kind.is_char_device() {
            format!("character {}", device())
        } else if kind.is_block_device() {
            format!("block {}", device())
        } else {
            "socket".to_owned()
        };
        let mode = meta.mode() & 0o7777;
        let (uid, gid, mtime, xattrs) = (meta.uid(), meta.gid(), meta.mtime(), xattrs(&path));
        lines.insert(name, format!("{mode:04o} {uid}:{gid} {mtime} {what}{xattrs}"));
        if kind.is_dir() {
            walk(root, &path, inodes, lines);
        }
    }
}

/// Names and values, each after a space.
fn xattrs(path: &Path) -> String {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut names: Vec<_> = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    let mut out = String::new();
    for name in names {
        let mut value = vec![0; 65536];
        let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value[..]).unwrap();
        write!(out, " {}={}", escape(name), escape(&value[..length])).unwrap();
    }
    out
}

fn path(field: &str) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&unescape(field)))
}

/// Octal for what is not printable ASCII, and for space and backslash.
fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'!'..=b'[' | b']'..=b'~' => out.push(char::from(*byte)),
            _ => write!(out, "\\{byte:03o}").unwrap(),
        }
    }
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        if let (b'\\', Some(octal)) = (byte, tail.get(..3)) {
            out.push(u8::from_str_radix(std::str::from_utf8(octal).unwrap(), 8).unwrap());
            rest = &tail[3..];
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let name = b"a \\ \n\xff".as_slice();
        assert_eq!(escape(name), r"a\040\134\040\012\377");
        assert_eq!(unescape(&escape(name)), name);
    }
}
