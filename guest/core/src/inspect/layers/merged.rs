//! What several layers give together: every path once, whiteouts applied (OCI image spec, layer.md, "Applying Changesets"), and what each of
//! them did to what was there.
//!
//! Nothing is refused here: a name that leads out of the root stands where it leads to within, what stands below a file replaces the file. It
//! takes memory for each path, which is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{Device, Kind, Listed, OPAQUE, WHITEOUT, clean, mode, shown, xattrs};
use crate::error::{Error, Result};
use crate::inspect::{Item, path_text};

/// A tree in the making, and when it is done.
#[derive(Debug, Default)]
pub struct Merged {
    /// By their keys: parents come before what is in them, and all that is in them directly behind.
    nodes: BTreeMap<Key, Node>,
    /// Bytes of memory, about.
    used: u64,
}

/// A path, its slashes as zeros: in this order a directory's content stands behind it.
pub type Key = Vec<u8>;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Bytes of its content; of a hard link, of what it is another name of.
    pub size: u64,
    /// The layer and the number of the entry that has the content.
    pub content: Option<(usize, u64)>,
    /// The layer that the entry is in.
    pub layer: usize,
    /// A symlink's text, a hard link's target.
    pub link: Box<[u8]>,
    mode: u16,
    uid: i64,
    gid: i64,
    modified: (i64, u32),
    extra: Option<Box<Extra>>,
}

/// What few entries have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extra {
    user: String,
    group: String,
    device: Option<Device>,
    xattrs: BTreeMap<String, String>,
}

/// A layer that is being put on top.
#[derive(Debug, Default)]
pub struct Upper {
    nodes: BTreeMap<Key, Node>,
    whiteouts: BTreeSet<Key>,
    opaque: BTreeSet<Key>,
    used: u64,
}

/// What a layer did at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub key: Key,
    /// What stood there before, and what stands there now.
    pub before: Option<Node>,
    /// See `before`.
    pub after: Option<Node>,
    /// Bytes of all files that are gone with it, those in a directory too.
    pub gone: u64,
}

impl Merged {
    /// What stands at a key.
    pub fn get(&self, key: &[u8]) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// Everything beneath a directory, from the root when the key is empty.
    pub fn beneath<'m>(&'m self, key: &[u8]) -> impl Iterator<Item = (&'m Key, &'m Node)> + use<'m> {
        let start = inside(key);
        let of = start.clone();
        self.nodes.range(start..).take_while(move |(key, _)| key.starts_with(&of))
    }

    /// Puts a layer on top, and says what that did, in order of keys. `each` may see as many steps as there are paths.
    pub fn put(&mut self, upper: Upper, mut each: impl FnMut(Step)) {
        let Upper { nodes, whiteouts, opaque, used } = upper;
        self.used = self.used.saturating_add(used);
        for key in whiteouts {
            let gone = self.remove(&key);
            if let Some(before) = gone.0 {
                each(Step { key, before: Some(before), after: None, gone: gone.1 });
            }
        }
        for key in opaque {
            let children: Vec<Key> = self.beneath(&key).map(|(key, _)| key.clone()).collect();
            for child in children {
                // Those of a directory that has gone have gone with it.
                if let (Some(before), gone) = self.remove(&child) {
                    each(Step { key: child, before: Some(before), after: None, gone });
                }
            }
        }
        for (key, node) in nodes {
            self.parents(&key, node.layer);
            let before = self.nodes.get(&key).cloned();
            let gone = match &before {
                Some(before) if before.kind == Kind::Directory && node.kind == Kind::Directory => 0,
                Some(_) => self.remove(&key).1,
                None => 0,
            };
            self.nodes.insert(key.clone(), node.clone());
            each(Step { key, before, after: Some(node), gone });
        }
    }

    /// Takes out what stands at a key and beneath it: it, and the bytes of all files among them.
    fn remove(&mut self, key: &[u8]) -> (Option<Node>, u64) {
        let beneath: Vec<Key> = self.beneath(key).map(|(key, _)| key.clone()).collect();
        let mut bytes = 0_u64;
        for key in &beneath {
            bytes = bytes.saturating_add(self.nodes.remove(key).map_or(0, |node| node.own_size()));
        }
        let node = self.nodes.remove(key);
        bytes = bytes.saturating_add(node.as_ref().map_or(0, Node::own_size));
        (node, bytes)
    }

    /// Makes the directories on the way that are not there.
    fn parents(&mut self, key: &[u8], layer: usize) {
        for (at, _) in key.iter().enumerate().filter(|(_, byte)| **byte == 0) {
            let parent = key.get(..at).unwrap_or_default();
            if self.nodes.get(parent).is_none_or(|node| node.kind != Kind::Directory) {
                self.nodes.insert(parent.to_vec(), Node::implied(layer));
            }
        }
    }
}

impl Upper {
    /// One more entry of the layer, the `layer`th; `beneath` is what lower layers give.
    ///
    /// # Errors
    /// `limit-exceeded` when all paths together take more than `most` bytes of memory.
    pub fn add(&mut self, item: &Item, layer: usize, beneath: &Merged, most: u64) -> Result<()> {
        let (path, _) = clean(&item.header.name);
        let kind = Kind::of(&item.header, &path);
        // The root, and what AUFS keeps for itself.
        if path.is_empty() || kind == Kind::GlobalHeader || (path.starts_with(META) && path != OPAQUE) {
            return Ok(());
        }
        let place = key(&path);
        let at = place.iter().rposition(|byte| *byte == 0);
        let directory = at.and_then(|at| place.get(..at)).unwrap_or_default();
        match kind {
            Kind::Opaque => {
                self.opaque.insert(directory.to_vec());
                return Ok(());
            }
            Kind::Whiteout => {
                let name = place.get(at.map_or(0, |at| at.saturating_add(1))..).unwrap_or_default();
                let hidden = name.strip_prefix(WHITEOUT).unwrap_or_default();
                if !matches!(hidden, b"" | b"." | b"..") {
                    let between: &[u8] = if directory.is_empty() { b"" } else { b"\0" };
                    self.whiteouts.insert([directory, between, hidden].concat());
                }
                return Ok(());
            }
            _ => {}
        }
        let mut node = Node::of(item, kind, layer);
        if kind == Kind::HardLink {
            let target = key(&node.link);
            let found = self.nodes.get(&target).or_else(|| beneath.get(&target));
            (node.size, node.content) = found.map_or((0, None), |found| (found.size, found.content));
        }
        self.used = self.used.saturating_add((place.len() as u64).saturating_mul(2)).saturating_add(NODE);
        if self.used.saturating_add(beneath.used) > most {
            let message = format!("the names of the image's files take more than {most} bytes of memory");
            return Err(Error::limit("index", message));
        }
        if node.kind != Kind::Directory {
            let inside: Vec<Key> = self.beneath(&place).cloned().collect();
            inside.iter().for_each(|key| {
                self.nodes.remove(key);
            });
        }
        self.nodes.insert(place, node);
        Ok(())
    }

    /// What it has.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Every path that it has an entry for, and those that it hides.
    pub fn leaves(&self) -> impl Iterator<Item = (&Key, Option<&Node>)> {
        let leaf = |key: &Key| {
            let start = inside(key);
            let hidden = self.whiteouts.range(start.clone()..).next().is_some_and(|hidden| hidden.starts_with(&start));
            self.beneath(key).next().is_none() && !hidden
        };
        let nodes = self.nodes.iter().filter(move |(key, _)| leaf(key)).map(|(key, node)| (key, Some(node)));
        nodes.chain(self.whiteouts.iter().map(|key| (key, None)))
    }

    fn beneath(&self, key: &[u8]) -> impl Iterator<Item = &Key> {
        let start = inside(key);
        self.nodes.range(start.clone()..).map(|(key, _)| key).take_while(move |key| key.starts_with(&start))
    }
}

impl Node {
    fn of(item: &Item, kind: Kind, layer: usize) -> Self {
        let header = &item.header;
        let time = header.modified.unwrap_or_default();
        let extra = Extra {
            user: path_text(&header.uname),
            group: path_text(&header.gname),
            device: matches!(kind, Kind::Character | Kind::Block)
                .then_some(Device { major: header.major, minor: header.minor }),
            xattrs: xattrs(header),
        };
        let link = match kind {
            Kind::Symlink => header.link.clone(),
            Kind::HardLink => clean(&header.link).0,
            _ => Vec::new(),
        };
        let is_file = kind == Kind::File;
        Self {
            kind,
            size: if is_file { header.size } else { 0 },
            content: is_file.then_some((layer, item.number)),
            layer,
            link: link.into(),
            mode: u16::try_from(mode(header)).unwrap_or_default(),
            uid: header.uid,
            gid: header.gid,
            modified: (time.seconds, time.nanoseconds),
            extra: (extra != Extra::default()).then(|| Box::new(extra)),
        }
    }

    /// A directory that no entry is about.
    fn implied(layer: usize) -> Self {
        Self {
            kind: Kind::Directory,
            size: 0,
            content: None,
            layer,
            link: Box::default(),
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: (0, 0),
            extra: None,
        }
    }

    /// Bytes that it adds to a layer: further names of a file add none.
    pub fn own_size(&self) -> u64 {
        if self.kind == Kind::File { self.size } else { 0 }
    }

    /// As it is listed.
    pub fn listed(&self, key: &[u8]) -> Listed {
        let extra = self.extra.as_deref().cloned().unwrap_or_default();
        Listed {
            path: shown(&path(key)),
            raw: None,
            kind: self.kind,
            mode: self.mode.into(),
            uid: self.uid,
            gid: self.gid,
            user: extra.user,
            group: extra.group,
            size: self.size,
            modified: self.modified.0,
            nanoseconds: self.modified.1,
            link: match self.kind {
                Kind::Symlink => Some(path_text(&self.link)),
                Kind::HardLink => Some(shown(&self.link)),
                _ => None,
            },
            device: extra.device,
            xattrs: extra.xattrs,
            layer: Some(self.layer),
        }
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

/// What the keys of all that is in a directory begin with.
fn inside(key: &[u8]) -> Key {
    if key.is_empty() { Key::new() } else { [key, b"\0"].concat() }
}

/// What AUFS keeps for itself begins with.
const META: &[u8] = b".wh..wh.";
/// Bytes of memory that a path takes, but for its name.
const NODE: u64 = 192;
