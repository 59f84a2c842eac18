//! What stands at a path of a tree, in as little memory as will do: an image may have a million of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::listing::{Device, Kind, Listed, clean, mode, shown, xattrs};
use crate::inspect::{Item, path_text};
use crate::layer::entries::Header;

/// A path, its slashes as zeros: in this order a directory's content stands right behind it.
pub type Key = Box<[u8]>;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Bytes of its content; of a hard link, of what it is another name of.
    pub size: u64,
    /// Where that is. Files have one, hard links to files too.
    pub content: Option<At>,
    /// What it is.
    pub kind: Kind,
    /// The layer that the entry is in.
    pub layer: u32,
    mode: u16,
    uid: u32,
    gid: u32,
    seconds: i64,
    nanoseconds: u32,
    link: Option<Box<[u8]>>,
    extra: Option<Rc<Extra>>,
}

/// Where a file's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// In this layer.
    pub layer: u32,
    /// The entry's number in it.
    pub number: u64,
    /// Where in the tar, unless the file is sparse.
    pub offset: Option<u64>,
}

/// What few entries have, or many the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    user: String,
    group: String,
    device: Option<Device>,
    xattrs: BTreeMap<String, String>,
    /// Owner and group, when one of them is none that a file system has.
    owners: Option<(i64, i64)>,
}

impl Node {
    /// Of an entry of a layer whose content, if it has some, begins at `offset` of the tar. `before` is the extra of the entry before,
    /// which most share.
    pub fn of(item: &Item, kind: Kind, layer: u32, offset: u64, before: &mut Option<Rc<Extra>>) -> Self {
        let header = &item.header;
        let time = header.modified.unwrap_or_default();
        let link = match kind {
            Kind::Symlink => Some(header.link.clone()),
            Kind::HardLink => Some(clean(&header.link).0),
            _ => None,
        };
        let is_file = kind == Kind::File;
        let offset = (!header.sparse).then_some(offset);
        Self {
            size: if is_file { header.size } else { 0 },
            content: is_file.then_some(At { layer, number: item.number, offset }),
            kind,
            layer,
            mode: u16::try_from(mode(header)).unwrap_or_default(),
            uid: u32::try_from(header.uid).unwrap_or_default(),
            gid: u32::try_from(header.gid).unwrap_or_default(),
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
            link: link.map(Vec::into_boxed_slice),
            extra: Extra::of(header, kind, before),
        }
    }

    /// A directory that no entry is about.
    pub fn implied(layer: u32) -> Self {
        Self {
            size: 0,
            content: None,
            kind: Kind::Directory,
            layer,
            mode: 0o755,
            uid: 0,
            gid: 0,
            seconds: 0,
            nanoseconds: 0,
            link: None,
            extra: None,
        }
    }

    /// A symlink's text, a hard link's target.
    pub fn link(&self) -> &[u8] {
        self.link.as_deref().unwrap_or_default()
    }

    /// Bytes that it adds to a layer: further names of a file add none.
    pub fn own_size(&self) -> u64 {
        if self.kind == Kind::File { self.size } else { 0 }
    }

    /// Whether both are directories that look the same.
    pub fn is_same_directory(&self, other: &Self) -> bool {
        let both = self.kind == Kind::Directory && other.kind == Kind::Directory;
        both && *self == Self { layer: self.layer, ..other.clone() }
    }

    /// Bytes of memory that it takes at a key, about; in a B-tree half of the places may be empty. Without what it may share.
    pub fn memory(&self, key: &[u8]) -> u64 {
        let lengths = (key.len() as u64).saturating_add(self.link().len() as u64);
        PLACE.saturating_add(ALLOCATION).saturating_add(lengths)
    }

    /// As it is listed.
    pub fn listed(&self, key: &[u8]) -> Listed {
        let extra = self.extra.as_deref().cloned().unwrap_or_default();
        let (uid, gid) = extra.owners.unwrap_or((self.uid.into(), self.gid.into()));
        Listed {
            path: shown(&path(key)),
            raw: None,
            kind: self.kind,
            mode: self.mode.into(),
            uid,
            gid,
            user: extra.user,
            group: extra.group,
            size: self.size,
            modified: self.seconds,
            nanoseconds: self.nanoseconds,
            link: match self.kind {
                Kind::Symlink => Some(path_text(self.link())),
                Kind::HardLink => Some(shown(self.link())),
                _ => None,
            },
            device: extra.device,
            xattrs: extra.xattrs,
            layer: usize::try_from(self.layer).ok(),
        }
    }
}

impl Extra {
    fn of(header: &Header, kind: Kind, before: &mut Option<Rc<Self>>) -> Option<Rc<Self>> {
        let fits = u32::try_from(header.uid).is_ok() && u32::try_from(header.gid).is_ok();
        let extra = Self {
            user: path_text(&header.uname),
            group: path_text(&header.gname),
            device: matches!(kind, Kind::Character | Kind::Block)
                .then_some(Device { major: header.major, minor: header.minor }),
            xattrs: xattrs(header),
            owners: (!fits).then_some((header.uid, header.gid)),
        };
        if extra == Self::default() {
            return None;
        }
        if before.as_deref() != Some(&extra) {
            *before = Some(Rc::new(extra));
        }
        before.clone()
    }

    /// Bytes of memory, about.
    pub fn memory(&self) -> u64 {
        let xattr =
            |(name, value): (&String, &String)| (name.len().saturating_add(value.len()) as u64).saturating_add(PLACE);
        let names = self.user.len().saturating_add(self.group.len()) as u64;
        self.xattrs.iter().map(xattr).fold(PLACE.saturating_add(names), u64::saturating_add)
    }
}

/// The key of a clean path.
pub fn key(path: &[u8]) -> Key {
    path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

/// The path of a key.
pub fn path(key: &[u8]) -> Vec<u8> {
    key.iter().map(|byte| if *byte == 0 { b'/' } else { *byte }).collect()
}

/// The key of the directory that it is in; none of the root and what is in it.
pub fn parent(key: &[u8]) -> Option<&[u8]> {
    key.iter().rposition(|byte| *byte == 0).and_then(|at| key.get(..at))
}

/// What the keys of all that is in a directory begin with.
pub fn inside(key: &[u8]) -> Vec<u8> {
    if key.is_empty() { Vec::new() } else { [key, b"\0"].concat() }
}

/// Bytes of a place in a B-tree, twice.
const PLACE: u64 = 2 * (size_of::<Node>() + size_of::<Key>()) as u64;
/// Bytes that an allocation takes more than it has.
pub const ALLOCATION: u64 = 16;
