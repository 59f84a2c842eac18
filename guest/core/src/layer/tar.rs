//! The headers of a layer's tar, byte for byte as BuildKit writes them.
//!
//! POSIX.1-2001 pax interchange format: a USTAR block, before it an extended header only where a value does not fit. Names are never
//! split into the prefix field, owners have no names, times are whole seconds. Nothing here reads or pads contents.

use crate::error::{Code, Error, Fault, Result};
use crate::media::{Entry, Kind};

/// The size of a tar block, in bytes. Contents are padded with zeros to whole blocks.
pub const BLOCK: usize = 512;

/// What ends a tar.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The headers of one entry: what stands before its content. `xattrs` keeps all extended attributes, else only
/// `security.capability`.
///
/// # Errors
/// A name that no header can hold: one with a NUL byte.
pub fn header(entry: &Entry, xattrs: bool) -> Result<Vec<u8>> {
    let (flag, size, link, device) = match &entry.kind {
        Kind::Regular(size) => (b'0', *size, &[][..], None),
        Kind::HardLink(path) => (b'1', 0, path.as_slice(), None),
        Kind::Symlink(text) => (b'2', 0, text.as_slice(), None),
        Kind::Character(device) => (b'3', 0, &[][..], Some(device)),
        Kind::Block(device) => (b'4', 0, &[][..], Some(device)),
        Kind::Directory => (b'5', 0, &[][..], None),
        Kind::Fifo | Kind::Socket => (b'6', 0, &[][..], None),
    };
    let mut name = entry.path.clone();
    if flag == b'5' {
        name.push(b'/');
    }
    if name.contains(&0) || link.contains(&0) {
        let path = crate::text::shown_bytes(&entry.path);
        let message = format!("`{path}` has a NUL byte in its name or link, which no tar can hold");
        return Err(Error::new(Fault::Source, Code::Malformed("name".into()), message));
    }
    let mut records = Records::default();
    let mut block = Block::new();
    block.text(NAME, &name, "path", &mut records);
    block.number(MODE, i64::from(entry.mode & 0o7777), None, &mut records);
    block.number(UID, i64::from(entry.uid), Some("uid"), &mut records);
    block.number(GID, i64::from(entry.gid), Some("gid"), &mut records);
    block.number(SIZE, i64::try_from(size).unwrap_or(i64::MAX), Some("size"), &mut records);
    block.number(MTIME, entry.modified.seconds, Some("mtime"), &mut records);
    block.put(FLAG, &[flag]);
    block.text(LINK, link, "linkpath", &mut records);
    let (major, minor) = device.map_or((0, 0), |device| (device.major, device.minor));
    block.number(MAJOR, i64::from(major), None, &mut records);
    block.number(MINOR, i64::from(minor), None, &mut records);
    for (key, value) in &entry.xattrs {
        if xattrs || key == CAPABILITY {
            records.add(format!("SCHILY.xattr.{key}").as_bytes(), value);
        }
    }
    let mut bytes = records.header(&name);
    bytes.extend_from_slice(&block.sealed());
    Ok(bytes)
}

/// A header of a plain file or directory (a path that ends in `/`) of our own archives: owner 0, time 0.
pub fn plain(path: &str, mode: u32, size: u64) -> Result<Vec<u8>> {
    let kind = if path.ends_with('/') { Kind::Directory } else { Kind::Regular(size) };
    let path = path.trim_end_matches('/').as_bytes().to_vec();
    header(&Entry { path, kind, mode, uid: 0, gid: 0, modified: Default::default(), xattrs: Vec::new() }, false)
}

/// How many zeros follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { 0 } else { BLOCK.saturating_sub(over) }
}

/// The records of an extended header, in byte order of their keys.
#[derive(Default)]
struct Records(Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }

    /// The extended header's block and content; nothing when there are no records.
    fn header(mut self, name: &[u8]) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0.sort();
        let content: Vec<u8> = self.0.iter().flat_map(|(key, value)| record(key, value)).collect();
        let mut none = Self::default();
        let mut block = Block::new();
        block.put(NAME, &extended_name(name));
        for field in [MODE, UID, GID, MTIME, MAJOR, MINOR] {
            block.number(field, 0, None, &mut none);
        }
        block.number(SIZE, content.len() as i64, None, &mut none);
        block.put(FLAG, b"x");
        let mut bytes = block.sealed().to_vec();
        let padding = padding(content.len() as u64);
        bytes.extend(content);
        bytes.resize(bytes.len().saturating_add(padding), 0);
        bytes
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let with = |length: usize| rest.saturating_add(length.to_string().len());
    // Counting the digits may take one digit more, once.
    let length = with(with(rest));
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// `DIRECTORY/PaxHeaders.0/BASE`, ASCII only, cut to what fits.
fn extended_name(name: &[u8]) -> Vec<u8> {
    let at = name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.saturating_add(1));
    let (directory, base) = name.split_at_checked(at).unwrap_or((b"", name));
    let mut parts = Vec::new();
    for part in directory.split(|byte| *byte == b'/').chain([&b"PaxHeaders.0"[..], base]) {
        if !part.is_empty() {
            parts.push(part);
        }
    }
    let mut joined: Vec<u8> = parts.join(&b'/').into_iter().filter(u8::is_ascii).collect();
    joined.truncate(NAME.1);
    while joined.last() == Some(&b'/') {
        joined.pop();
    }
    joined
}

/// A header block in the making.
struct Block([u8; BLOCK]);

impl Block {
    fn new() -> Self {
        let mut block = Self([0; BLOCK]);
        block.put(MAGIC, b"ustar\x0000");
        block
    }

    /// A name: in full where it fits and is ASCII, else what is left of it here and all of it in a record.
    fn text(&mut self, field: Field, text: &[u8], key: &str, records: &mut Records) {
        if text.len() > field.1 || !text.is_ascii() {
            records.add(key.as_bytes(), text);
        }
        let ascii: Vec<u8> = text.iter().copied().filter(u8::is_ascii).collect();
        self.put(field, &ascii);
        // A cut name must not look like a directory's.
        let cut = ascii.get(..field.1).filter(|cut| ascii.len() > field.1 && cut.last() == Some(&b'/'));
        if let Some(cut) = cut {
            let kept = cut.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
            if let Some(byte) = self.0.get_mut(field.0.saturating_add(kept)) {
                *byte = 0;
            }
        }
    }

    /// A number in octal; what does not fit is 0 here and goes into a record.
    fn number(&mut self, field: Field, value: i64, key: Option<&str>, records: &mut Records) {
        let digits = field.1.saturating_sub(1);
        let fits = value >= 0 && (digits >= 21 || value < 1 << (3 * digits));
        if let (false, Some(key)) = (fits, key) {
            records.add(key.as_bytes(), value.to_string().as_bytes());
        }
        self.put(field, format!("{:0digits$o}", if fits { value } else { 0 }).as_bytes());
    }

    fn put(&mut self, Field(at, length): Field, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(at).take(length).zip(bytes) {
            *to = *from;
        }
    }

    /// With its checksum: the sum of all bytes, the checksum's own counted as blanks.
    fn sealed(mut self) -> [u8; BLOCK] {
        self.put(CHECKSUM, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.put(CHECKSUM, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Offset and length in the block (POSIX `ustar`).
#[derive(Clone, Copy)]
struct Field(usize, usize);

const NAME: Field = Field(0, 100);
const MODE: Field = Field(100, 8);
const UID: Field = Field(108, 8);
const GID: Field = Field(116, 8);
const SIZE: Field = Field(124, 12);
const MTIME: Field = Field(136, 12);
const CHECKSUM: Field = Field(148, 8);
const FLAG: Field = Field(156, 1);
const LINK: Field = Field(157, 100);
const MAGIC: Field = Field(257, 8);
const MAJOR: Field = Field(329, 8);
const MINOR: Field = Field(337, 8);

/// The one extended attribute that BuildKit keeps.
const CAPABILITY: &str = "security.capability";
