//! What a tar says of one entry: the fields of its header block, with what extended headers put in their place.

use std::collections::BTreeMap;

use crate::error::{Code, Error, Fault, Result};
use crate::layer::header::{sealed, signed, text};
use crate::media::{Device, Entry, Kind, Timestamp};
use crate::text::shown_bytes;

/// An entry's header, as Go's `archive/tar` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The type flag; a NUL has become `0` or `5`.
    pub flag: u8,
    /// As it is written, with `./`, `/` and what else there may be.
    pub name: Vec<u8>,
    /// Of a hard link or symlink.
    pub link: Vec<u8>,
    /// In bytes, holes included; also where the flag allows no content.
    pub size: u64,
    /// All bits that are there.
    pub mode: i64,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// Owner's name.
    pub uname: Vec<u8>,
    /// Group's name.
    pub gname: Vec<u8>,
    /// `None` for global extended headers alone.
    pub modified: Option<Timestamp>,
    /// Last access.
    pub accessed: Option<Timestamp>,
    /// Last change of the inode.
    pub changed: Option<Timestamp>,
    /// Of a device.
    pub major: i64,
    /// Of a device.
    pub minor: i64,
    /// All records of the extended header, by key.
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Go's best guess.
    pub format: Format,
    /// Whether the file was stored with holes.
    pub sparse: bool,
}

/// Which format a header is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// GNU's.
    Gnu,
    /// POSIX.1-2001, with an extended header.
    Pax,
    /// v7, star, a mix, or one that breaks its format's rules.
    #[default]
    Unknown,
    /// POSIX.1-1988.
    Ustar,
}

/// The formats that a header may be in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Formats(u8);

impl Header {
    /// From a header block, with the formats that it may be in.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(block: &[u8]) -> Result<(Self, Formats), &'static str> {
        if !sealed(block) {
            return Err("has no header");
        }
        let number = |from, to| block.get(from..to).and_then(signed).ok_or("has a field that is not a number");
        let seconds = |seconds| Some(Timestamp { seconds, nanoseconds: 0 });
        let mut header = Self {
            flag: block.get(156).copied().unwrap_or_default(),
            name: text(block, 0, 100).to_vec(),
            link: text(block, 157, 257).to_vec(),
            size: u64::try_from(number(124, 136)?).map_err(|_| "has a size below 0")?,
            mode: number(100, 108)?,
            uid: number(108, 116)?,
            gid: number(116, 124)?,
            modified: seconds(number(136, 148)?),
            ..Self::default()
        };
        let (magic, version) = (block.get(257..263), block.get(263..265));
        let posix = magic == Some(b"ustar\0");
        let gnu = magic == Some(b"ustar ") && version == Some(b" \0");
        if !posix && !gnu {
            return Ok((header, Formats::NONE));
        }
        header.uname = text(block, 265, 297).to_vec();
        header.gname = text(block, 297, 329).to_vec();
        header.major = number(329, 337)?;
        header.minor = number(337, 345)?;
        let (mut prefix, mut formats) = (&b""[..], Formats::NONE);
        if posix && block.get(508..512) == Some(b"tar\0") {
            prefix = text(block, 345, 476);
            header.accessed = seconds(number(476, 488)?);
            header.changed = seconds(number(488, 500)?);
        } else if posix {
            prefix = text(block, 345, 500);
            // What POSIX allows is less than what is read.
            let ended = [107, 115, 123, 135, 147, 336, 344].iter().all(|at| block.get(*at) == Some(&0));
            if block.is_ascii() && ended {
                formats = Formats::POSIX;
            }
        } else {
            let time = |from, to| match block.get(from) {
                Some(0) => Ok(None),
                _ => number(from, to).map(seconds),
            };
            match (time(345, 357), time(357, 369)) {
                (Ok(accessed), Ok(changed)) => {
                    (header.accessed, header.changed) = (accessed, changed);
                    formats = Formats::GNU;
                }
                // Go's writer before 1.8 put a prefix there.
                _ => prefix = Some(text(block, 345, 500)).filter(|prefix| prefix.is_ascii()).unwrap_or_default(),
            }
        }
        if !prefix.is_empty() {
            header.name = [prefix, b"/", &header.name].concat();
        }
        Ok((header, formats))
    }

    /// The entry's extended header.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn merge(&mut self, records: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), &'static str> {
        let wrong = "has a record that is not a number";
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse::<i64>().ok();
        // An empty value leaves what the header block says.
        for (key, value) in records.iter().filter(|(_, value)| !value.is_empty()) {
            match key.as_slice() {
                b"path" => self.name.clone_from(value),
                b"linkpath" => self.link.clone_from(value),
                b"uname" => self.uname.clone_from(value),
                b"gname" => self.gname.clone_from(value),
                b"uid" => self.uid = number(value).ok_or(wrong)?,
                b"gid" => self.gid = number(value).ok_or(wrong)?,
                b"size" => self.size = number(value).and_then(|size| u64::try_from(size).ok()).ok_or(wrong)?,
                b"mtime" => self.modified = Some(time(value).ok_or(wrong)?),
                b"atime" => self.accessed = Some(time(value).ok_or(wrong)?),
                b"ctime" => self.changed = Some(time(value).ok_or(wrong)?),
                _ => {}
            }
        }
        self.records = records;
        Ok(())
    }

    /// Becomes a global extended header: a name, which a record may say, and records.
    pub fn globally(&mut self, records: BTreeMap<Vec<u8>, Vec<u8>>, formats: Formats) {
        let name = records.get(&b"path"[..]).filter(|name| !name.is_empty());
        let name = name.cloned().unwrap_or_else(|| std::mem::take(&mut self.name));
        *self = Self { flag: self.flag, name, records, format: formats.best(), ..Self::default() };
    }

    /// Whether its flag allows content.
    pub fn has_content(&self) -> bool {
        !matches!(self.flag, b'1'..=b'6')
    }

    /// The same as a tree would give it: a path without `.`, empty parts and slashes at its ends; empty for the root.
    ///
    /// # Errors
    /// `malformed` for `..` in its path or in a hard link's, and for numbers that no file system has; `unsupported` for an unknown
    /// type and for a global extended header, which is no entry.
    pub fn entry(&self) -> Result<Entry> {
        let wrong = |what: &str| {
            let message = format!("`{}` in the tar has {what}", shown_bytes(&self.name));
            Error::malformed("tar", message)
        };
        let clean = |path: &[u8]| {
            let parts: Vec<&[u8]> =
                path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
            if parts.contains(&&b".."[..]) {
                Err(wrong("a path or hard link with `..`"))
            } else {
                Ok(parts.join(&b'/'))
            }
        };
        let device = || {
            let number = |number| u32::try_from(number).map_err(|_| wrong("a device number that no device has"));
            Ok(Device { major: number(self.major)?, minor: number(self.minor)? })
        };
        let kind = match self.flag {
            b'0' | b'7' | b'S' => Kind::Regular(self.size),
            b'1' => Kind::HardLink(clean(&self.link)?),
            b'2' => Kind::Symlink(self.link.clone()),
            b'3' => Kind::Character(device()?),
            b'4' => Kind::Block(device()?),
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            flag => {
                let message =
                    format!("`{}` in the tar has the unknown type `{}`", shown_bytes(&self.name), flag.escape_ascii());
                return Err(Error::new(Fault::Source, Code::Unsupported("tar entry type".into()), message));
            }
        };
        let owner = |id| u32::try_from(id).map_err(|_| wrong("an owner or group that no file system has"));
        let mut xattrs = Vec::new();
        for (key, value) in &self.records {
            if let Some(name) = key.strip_prefix(XATTR) {
                let name =
                    std::str::from_utf8(name).map_err(|_| wrong("an extended attribute whose name is not text"))?;
                xattrs.push((name.to_owned(), value.clone()));
            }
        }
        Ok(Entry {
            path: clean(&self.name)?,
            kind,
            mode: u32::try_from(self.mode & 0o7777).unwrap_or_default(),
            uid: owner(self.uid)?,
            gid: owner(self.gid)?,
            modified: self.modified.unwrap_or_default(),
            xattrs,
        })
    }
}

impl Formats {
    /// Before anything was read.
    pub const ALL: Self = Self(7);
    /// Both of POSIX's.
    pub const POSIX: Self = Self(3);
    /// POSIX.1-1988.
    pub const USTAR: Self = Self(1);
    /// POSIX.1-2001.
    pub const PAX: Self = Self(2);
    /// GNU's.
    pub const GNU: Self = Self(4);
    /// Unknown.
    pub const NONE: Self = Self(0);

    /// Those in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// These without the others.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one of the others is among them.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The one that it is taken for: POSIX's without an extended header is USTAR.
    pub fn best(self) -> Format {
        match self {
            _ if self.has(Self::USTAR) => Format::Ustar,
            Self::PAX => Format::Pax,
            Self::GNU => Format::Gnu,
            _ => Format::Unknown,
        }
    }
}

/// `SECONDS` or `SECONDS.FRACTION`, of which nine digits count.
fn time(value: &[u8]) -> Option<Timestamp> {
    let (whole, fraction) = match std::str::from_utf8(value).ok()?.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (std::str::from_utf8(value).ok()?, ""),
    };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit & 15)));
    if whole.starts_with('-') && nanoseconds > 0 {
        // Below zero a fraction counts backwards.
        return Some(Timestamp {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: NANOSECONDS.saturating_sub(nanoseconds),
        });
    }
    Some(Timestamp { seconds, nanoseconds })
}

/// What stands before an extended attribute's name in a record's key.
const XATTR: &[u8] = b"SCHILY.xattr.";
/// In a second.
pub const NANOSECONDS: u32 = 1_000_000_000;
