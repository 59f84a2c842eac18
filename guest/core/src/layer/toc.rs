//! The table of contents of an eStargz layer: JSON as containerd's stargz-snapshotter writes it, key for key and tab for tab.
//!
//! stargz-estargz.md of that project, "TOC". Where a member starts in the blob is known only when all before it are written, so offsets
//! are filled in at the end; all else is kept as the text that it becomes.

use std::collections::BTreeMap;

use crate::base64;
use crate::digest::Digest;
use crate::documents::json::Value;
use crate::documents::time::rfc3339;
use crate::error::{Error, Result};
use crate::media::Device;

/// The name of the table's entry in the tar.
pub const NAME: &str = "stargz.index.json";

/// What the table says of one entry of the tar. What is empty, 0 or `None` is left out.
#[derive(Debug, Default)]
pub struct Item {
    /// As in the tar.
    pub name: Vec<u8>,
    /// `dir`, `reg`, `symlink`, `hardlink`, `char`, `block` or `fifo`.
    pub kind: &'static str,
    /// Bytes of a regular file.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Where a link points.
    pub link: Vec<u8>,
    /// As in the tar.
    pub mode: u64,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// The owner's name.
    pub user: Vec<u8>,
    /// The group's name.
    pub group: Vec<u8>,
    /// Of a device.
    pub device: Option<Device>,
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Of a regular file's content.
    pub digest: Option<Digest>,
    /// Of a regular file's content, in order.
    pub chunks: Vec<Piece>,
}

/// A chunk of a file's content, which starts a member.
#[derive(Debug)]
pub struct Piece {
    /// Which one, from 0.
    pub member: usize,
    /// Where in the file.
    pub offset: u64,
    /// Whether it is as long as chunks are; the last one of a file may be shorter, and then says no size.
    pub whole: bool,
    /// Of its bytes.
    pub digest: Digest,
}

/// The table in the making.
#[derive(Default)]
pub struct Toc {
    text: String,
    /// Where in `text` an offset goes, and of which member.
    gaps: Vec<(usize, usize)>,
    /// The names last said of each owner and group: they are not said again.
    users: BTreeMap<u64, Vec<u8>>,
    groups: BTreeMap<u64, Vec<u8>>,
}

impl Toc {
    /// One more entry.
    ///
    /// # Errors
    /// `limit-exceeded` for a table of more than 256 MiB.
    pub fn add(&mut self, item: &Item, chunk: u64) -> Result<()> {
        let mut chunks = item.chunks.iter();
        let first = chunks.next();
        self.open(&item.name, item.kind);
        self.number("size", item.size);
        if let Some(time) = rfc3339(item.modified).ok().filter(|_| item.modified != 0) {
            self.text("modtime", time.as_bytes());
        }
        self.text("linkName", &item.link);
        self.number("mode", item.mode);
        self.number("uid", item.uid);
        self.number("gid", item.gid);
        let user = changed(&mut self.users, item.uid, &item.user);
        self.text("userName", user);
        let group = changed(&mut self.groups, item.gid, &item.group);
        self.text("groupName", group);
        self.offset(first);
        if let Some(Device { major, minor }) = item.device {
            self.number("devMajor", major.into());
            self.number("devMinor", minor.into());
        }
        self.xattrs(&item.xattrs);
        if let Some(digest) = &item.digest {
            self.text("digest", digest.as_str().as_bytes());
        }
        self.chunk(first, chunk);
        for piece in chunks {
            self.open(&item.name, "chunk");
            self.offset(Some(piece));
            self.chunk(Some(piece), chunk);
        }
        if self.text.len() > MOST {
            return Err(Error::limit("table of contents", "the table of contents of the layer has more than 256 MiB"));
        }
        Ok(())
    }

    /// The table's text in pieces, given where each member starts in the blob.
    pub fn pieces<'a>(&'a self, offsets: &'a [u64]) -> impl Iterator<Item = Vec<u8>> + 'a {
        let (head, tail) = match self.text.is_empty() {
            true => (format!("{HEAD}null"), "\n}"),
            false => (format!("{HEAD}["), "\n\t\t}\n\t]\n}"),
        };
        let ends = self.gaps.iter().map(|gap| gap.0).chain([self.text.len()]);
        let starts = std::iter::once(0).chain(self.gaps.iter().map(|gap| gap.0));
        let numbers = self.gaps.iter().map(|gap| offsets.get(gap.1).copied().unwrap_or_default().to_string());
        let parts = starts.zip(ends).zip(numbers.chain([String::new()]));
        let body = parts.map(|((from, to), number)| [self.text.get(from..to).unwrap_or_default(), &number].concat());
        std::iter::once(head).chain(body).chain([tail.to_owned()]).map(String::into_bytes)
    }

    fn open(&mut self, name: &[u8], kind: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\n\t\t},");
        }
        self.text.push_str("\n\t\t{\n\t\t\t\"name\": ");
        self.text.push_str(&Value::Text(name).compact());
        self.text("type", kind.as_bytes());
    }

    fn key(&mut self, key: &str) {
        self.text.push_str(",\n\t\t\t\"");
        self.text.push_str(key);
        self.text.push_str("\": ");
    }

    fn text(&mut self, key: &str, text: &[u8]) {
        if !text.is_empty() {
            self.key(key);
            self.text.push_str(&Value::Text(text).compact());
        }
    }

    fn number(&mut self, key: &str, number: u64) {
        if number != 0 {
            self.key(key);
            self.text.push_str(&number.to_string());
        }
    }

    fn offset(&mut self, piece: Option<&Piece>) {
        if let Some(piece) = piece {
            self.key("offset");
            self.gaps.push((self.text.len(), piece.member));
        }
    }

    fn xattrs(&mut self, xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) {
        for (number, (name, value)) in xattrs.iter().enumerate() {
            if number == 0 {
                self.key("xattrs");
            }
            self.text.push_str(if number == 0 { "{\n\t\t\t\t" } else { ",\n\t\t\t\t" });
            self.text.push_str(&Value::Text(name).compact());
            self.text.push_str(": \"");
            self.text.push_str(&base64::encode(value));
            self.text.push('"');
        }
        if !xattrs.is_empty() {
            self.text.push_str("\n\t\t\t}");
        }
    }

    fn chunk(&mut self, piece: Option<&Piece>, size: u64) {
        if let Some(piece) = piece {
            self.number("chunkOffset", piece.offset);
            self.number("chunkSize", if piece.whole { size } else { 0 });
            self.text("chunkDigest", piece.digest.as_str().as_bytes());
        }
    }
}

/// The name, unless it is the one that was last said of this number.
fn changed<'a>(names: &mut BTreeMap<u64, Vec<u8>>, number: u64, name: &'a [u8]) -> &'a [u8] {
    if name.is_empty() || names.get(&number).is_some_and(|before| before == name) {
        return b"";
    }
    names.insert(number, name.to_vec());
    name
}

const HEAD: &str = "{\n\t\"version\": 1,\n\t\"entries\": ";

/// Bytes.
const MOST: usize = 256 << 20;
