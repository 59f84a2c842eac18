//! What is remembered of an entry of a layer, and in what two of them differ.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::layer::entries::{Format, Header};
use crate::media::Timestamp;

/// An entry.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Of its content, in bytes.
    pub size: u64,
    /// The 12 low bits.
    pub mode: u32,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// Last change.
    pub modified: Timestamp,
    /// SHA-256 of a regular file's content.
    pub content: Option<[u8; 32]>,
    /// What most entries have not.
    pub extra: Option<Box<Extra>>,
    /// A hash of how the header is written.
    pub form: u64,
    /// In the image, from 0.
    pub layer: usize,
    /// In the layer, global extended headers not counted.
    pub number: u64,
    /// The same for all names of an inode that has several; 0 of others.
    pub inode: u32,
}

/// What most entries have not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// A symlink's text, or what a hard link names that is not there.
    pub link: Vec<u8>,
    /// The first path of the same inode.
    pub hard_link: Vec<u8>,
    /// SHA-256 of all extended attributes.
    pub xattrs: Option<[u8; 32]>,
    /// Major and minor number.
    pub device: (i64, i64),
    /// Last access.
    pub accessed: Option<Timestamp>,
    /// Last change of the inode.
    pub changed: Option<Timestamp>,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file; also one that shares its inode with another path.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A hard link to what the layers that were read do not have.
    HardLink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A whiteout: it hides what layers beneath have.
    Whiteout,
    /// Of a type that nobody knows.
    Other,
}

/// In what two entries differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// What it is; then content, size, link and device are not compared.
    Type,
    /// Its bytes.
    Content,
    /// Its size.
    Size,
    /// The 12 low bits of its mode.
    Mode,
    /// Owner or group, as numbers.
    Owner,
    /// Last change; last access and change of the inode where both say them.
    Time,
    /// Extended attributes.
    Xattrs,
    /// What it links to, or with which path it shares its inode.
    Link,
    /// The device's numbers.
    Device,
}

impl Record {
    /// Of a header; `layer` and `number` say where it stands. Nothing is refused: what a file system would not take is compared too.
    pub fn of(header: &Header, layer: usize, number: u64) -> Self {
        let kind = match header.flag {
            b'0' | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharacterDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            _ => Kind::Other,
        };
        let (hard, link) = (kind == Kind::HardLink, matches!(kind, Kind::HardLink | Kind::Symlink));
        let device = matches!(kind, Kind::CharacterDevice | Kind::BlockDevice);
        let extra = Extra {
            link: if hard { clean(&header.link) } else { header.link.clone() }.into_iter().filter(|_| link).collect(),
            hard_link: Vec::new(),
            xattrs: xattrs(header),
            device: if device { (header.major, header.minor) } else { (0, 0) },
            accessed: header.accessed,
            changed: header.changed,
        };
        Self {
            kind,
            size: if header.has_content() && kind != Kind::Directory { header.size } else { 0 },
            mode: u32::try_from(header.mode & 0o7777).unwrap_or_default(),
            uid: header.uid,
            gid: header.gid,
            modified: header.modified.unwrap_or_default(),
            content: None,
            extra: Some(extra).filter(|extra| *extra != Extra::default()).map(Box::new),
            form: form(header),
            layer,
            number,
            inode: 0,
        }
    }

    /// In what two entries differ.
    pub fn against(&self, other: &Self) -> Vec<What> {
        let nothing = Extra::default();
        let (one, two) = (self.extra.as_deref().unwrap_or(&nothing), other.extra.as_deref().unwrap_or(&nothing));
        let same = self.kind == other.kind;
        let both = |a: Option<Timestamp>, b: Option<Timestamp>| a.zip(b).is_some_and(|(a, b)| a != b);
        let times =
            self.modified != other.modified || both(one.accessed, two.accessed) || both(one.changed, two.changed);
        [
            (What::Type, !same),
            (What::Content, same && self.content != other.content),
            (What::Size, same && self.size != other.size),
            (What::Mode, self.mode != other.mode),
            (What::Owner, (self.uid, self.gid) != (other.uid, other.gid)),
            (What::Time, times),
            (What::Xattrs, one.xattrs != two.xattrs),
            (What::Link, same && (&one.link, &one.hard_link) != (&two.link, &two.hard_link)),
            (What::Device, same && one.device != two.device),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(what, _)| what)
        .collect()
    }

    /// The latest epoch that makes the times of two entries equal.
    pub fn epoch(&self, other: &Self) -> i64 {
        let times = |extra: &Option<Box<Extra>>, of: fn(&Extra) -> Option<Timestamp>| extra.as_deref().and_then(of);
        let pairs = [
            Some((self.modified, other.modified)),
            times(&self.extra, |extra| extra.accessed).zip(times(&other.extra, |extra| extra.accessed)),
            times(&self.extra, |extra| extra.changed).zip(times(&other.extra, |extra| extra.changed)),
        ];
        let differing = pairs.into_iter().flatten().filter(|(a, b)| a != b);
        differing.map(|(a, b)| a.min(b).seconds).min().unwrap_or(self.modified.seconds)
    }

    /// A hard link turns out to be another name of this: what both share is the inode's.
    pub fn become_name_of(&mut self, other: &Self) {
        (self.kind, self.size, self.content, self.inode) = (other.kind, other.size, other.content, other.inode);
        let theirs = other.extra.as_deref();
        if let Some(own) = self.extra.as_deref_mut() {
            own.link = theirs.map(|extra| extra.link.clone()).unwrap_or_default();
            own.device = theirs.map_or((0, 0), |extra| extra.device);
            own.xattrs = theirs.and_then(|extra| extra.xattrs);
        }
    }

    /// Bytes of memory, with a path of this length.
    pub fn weight(&self, path: usize) -> u64 {
        let extra = self.extra.as_ref().map_or(0, |extra| extra.link.len().saturating_add(size_of::<Extra>()));
        let all = path.saturating_add(extra).saturating_add(size_of::<Self>()).saturating_add(AROUND);
        all as u64
    }
}

/// A path without `.`, empty parts and slashes at its ends; `..` stays.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.collect::<Vec<_>>().join(&b'/')
}

fn xattrs(header: &Header) -> Option<[u8; 32]> {
    let mut hash = None;
    for (key, value) in header.records.iter().filter(|(key, _)| key.starts_with(XATTR)) {
        let hash = hash.get_or_insert_with(Sha256::new);
        for part in [key, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.map(|hash| hash.finalize().into())
}

/// Of all that a header says without saying anything of the file: its format, names of owners, spelling of names, foreign records. An
/// extended header that is there for a time alone is a matter of the time.
fn form(header: &Header) -> u64 {
    let time = |key: &[u8]| matches!(key, b"mtime" | b"atime" | b"ctime");
    let format = match header.format {
        Format::Pax if header.records.keys().all(|key| time(key)) => Format::Ustar,
        format => format,
    };
    let hard = header.flag == b'1';
    let mut hash = DefaultHasher::new();
    (format as u8, if hard { b'0' } else { header.flag }, header.sparse).hash(&mut hash);
    (&header.name, &header.uname, &header.gname).hash(&mut hash);
    (header.accessed.is_some(), header.changed.is_some(), header.mode & !0o7777).hash(&mut hash);
    if !hard {
        header.link.hash(&mut hash);
    }
    for (key, value) in header.records.iter().filter(|(key, _)| !time(key)) {
        key.hash(&mut hash);
        let said = matches!(key.as_slice(), b"path" | b"linkpath" | b"uid" | b"gid" | b"size" | b"uname" | b"gname");
        if !said && !key.starts_with(XATTR) {
            value.hash(&mut hash);
        }
    }
    hash.finish()
}

/// What stands before an extended attribute's name in a record's key.
const XATTR: &[u8] = b"SCHILY.xattr.";
/// Bytes of memory around an entry and its path in a tree of them.
const AROUND: usize = 56;
