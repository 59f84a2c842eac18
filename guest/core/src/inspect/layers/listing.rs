//! An entry as it is listed: what a tar says of it, with a path that leads nowhere else.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::{Item, path_text};
use crate::base64;
use crate::layer::entries::Header;

/// Some of the entries of a layer, or of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// In order.
    pub entries: Vec<Listed>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Without `.`, `..`, empty parts and slashes at its ends; `.` for the root.
    pub path: String,
    /// The name as it is written, where that is absolute or has `..`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The 12 low bits.
    pub mode: u32,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// Owner's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Group's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Bytes of a file, holes included; 0 of all else.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Of the time, below 10^9.
    #[serde(skip_serializing_if = "is_zero")]
    pub nanoseconds: u32,
    /// A symlink's text; the path of a hard link's target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Extended attributes, their values in base64.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
    /// In a tree: the layer that it comes from, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A named pipe.
    Fifo,
    /// Hides a path of lower layers: OCI layer.md, "Whiteouts".
    Whiteout,
    /// Hides all that lower layers have in its directory.
    Opaque,
    /// Records for all that follows, which is no file.
    GlobalHeader,
    /// Something that no layer should have.
    Other,
}

/// A device's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Which driver.
    pub major: i64,
    /// Which of its devices.
    pub minor: i64,
}

impl Listed {
    /// An entry of a layer.
    pub fn of(item: &Item) -> Self {
        let header = &item.header;
        let (path, leads_out) = clean(&header.name);
        let kind = Kind::of(header, &path);
        let time = header.modified.unwrap_or_default();
        let text = |name: &[u8]| path_text(name);
        Self {
            path: shown(&path),
            raw: leads_out.then(|| text(&header.name)),
            kind,
            mode: mode(header),
            uid: header.uid,
            gid: header.gid,
            user: text(&header.uname),
            group: text(&header.gname),
            size: if kind == Kind::File { header.size } else { 0 },
            modified: time.seconds,
            nanoseconds: time.nanoseconds,
            link: match kind {
                Kind::Symlink => Some(text(&header.link)),
                Kind::HardLink => Some(shown(&clean(&header.link).0)),
                _ => None,
            },
            device: matches!(kind, Kind::Character | Kind::Block)
                .then_some(Device { major: header.major, minor: header.minor }),
            xattrs: xattrs(header),
            layer: None,
        }
    }
}

impl Kind {
    /// Of an entry at this path, which is clean.
    pub fn of(header: &Header, path: &[u8]) -> Self {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        match header.flag {
            b'0' | b'7' | b'S' if name == OPAQUE => Self::Opaque,
            b'0' | b'7' | b'S' if name.starts_with(WHITEOUT) => Self::Whiteout,
            b'0' | b'7' | b'S' => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::Symlink,
            b'3' => Self::Character,
            b'4' => Self::Block,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            b'g' => Self::GlobalHeader,
            _ => Self::Other,
        }
    }
}

/// The path that a name leads to, as seen from the root and never above it; and whether it is absolute or has `..`.
pub fn clean(name: &[u8]) -> (Vec<u8>, bool) {
    let mut leads_out = name.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                leads_out = true;
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (parts.join(&b'/'), leads_out)
}

/// A clean path as text; `.` for the root.
pub fn shown(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { path_text(path) }
}

/// The 12 low bits.
pub fn mode(header: &Header) -> u32 {
    u32::try_from(header.mode & 0o7777).unwrap_or_default()
}

/// Names and values, those in base64.
pub fn xattrs(header: &Header) -> BTreeMap<String, String> {
    let named = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        key.strip_prefix(XATTR).map(|name| (path_text(name), base64::encode(value)))
    };
    header.records.iter().filter_map(named).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a whiteout's name begins with.
pub const WHITEOUT: &[u8] = b".wh.";
/// The name of a whiteout of all that is beside it.
pub const OPAQUE: &[u8] = b".wh..wh..opq";
/// Where extended headers have extended attributes.
const XATTR: &[u8] = b"SCHILY.xattr.";
