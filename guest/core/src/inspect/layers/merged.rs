//! What several layers give together: every path once, whiteouts applied (OCI image spec, layer.md, "Applying Changesets"), and what each of
//! them did to what was there.
//!
//! Nothing is refused here: a name that leads out of the root stands where it leads to within, what stands below a file replaces the file. All
//! memory is counted.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::rc::Rc;

use super::listing::{Kind, OPAQUE, WHITEOUT, clean};
use super::node::{ALLOCATION, Extra, Key, Node, inside, key, parent};
use crate::error::{Error, Result};
use crate::inspect::Item;

/// A tree in the making, and when it is done.
#[derive(Debug, Default)]
pub struct Merged {
    nodes: BTreeMap<Key, Node>,
    /// Bytes of memory, about: of the nodes, and of what they share.
    used: u64,
    shared: u64,
}

/// A layer that is being put on top.
#[derive(Debug, Default)]
pub struct Upper {
    /// With all directories on the way to what is in it.
    nodes: BTreeMap<Key, Node>,
    /// Those of which no entry says anything.
    implied: BTreeSet<Key>,
    whiteouts: BTreeSet<Key>,
    opaque: BTreeSet<Key>,
    before: Option<Rc<Extra>>,
    used: u64,
    shared: u64,
    /// Entries of files and all else, and their bytes.
    pub entries: (u64, u64),
}

/// What a layer did at a path.
#[derive(Debug)]
pub struct Step<'s> {
    /// Where.
    pub key: &'s [u8],
    /// What stood there before.
    pub before: Option<&'s Node>,
    /// What stands there now.
    pub after: Option<&'s Node>,
    /// Bytes of all files that are gone with it, those in a directory too.
    pub gone: u64,
}

impl Merged {
    /// What stands at a key.
    pub fn get(&self, key: &[u8]) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// Bytes of memory, about.
    pub fn memory(&self) -> u64 {
        self.used.saturating_add(self.shared)
    }

    /// Everything beneath a directory, from the root when its key is empty, and not before `from`.
    pub fn beneath<'m>(&'m self, key: &[u8], from: &[u8]) -> impl Iterator<Item = (&'m Key, &'m Node)> + use<'m> {
        let of = inside(key);
        let start = from.max(&of);
        self.nodes
            .range::<[u8], _>((Bound::Included(start), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(&of))
    }

    /// What is directly in a directory, and not before `from`.
    pub fn children<'m>(&'m self, key: &[u8], from: &[u8]) -> impl Iterator<Item = (&'m Key, &'m Node)> + use<'m> {
        let of = inside(key);
        let mut start = from.max(&of).to_vec();
        std::iter::from_fn(move || {
            let mut rest = self.nodes.range::<[u8], _>((Bound::Included(start.as_slice()), Bound::Unbounded));
            // What has no parent in between is a child: every directory on the way is there.
            let (key, node) = rest.next().filter(|(key, _)| key.starts_with(&of))?;
            start = [key, &b"\x01"[..]].concat();
            Some((key, node))
        })
    }

    /// Puts a layer on top, and tells `each` what that did: first what the layer hides, then what it has, in order of keys.
    pub fn put(&mut self, upper: Upper, mut each: impl FnMut(&Step<'_>)) {
        let Upper { nodes, implied, whiteouts, opaque, shared, .. } = upper;
        self.shared = self.shared.saturating_add(shared);
        let mut hide = |tree: &mut Self, key: &[u8]| {
            let (before, gone) = tree.remove(key);
            each(&Step { key, before: before.as_ref(), after: None, gone });
        };
        for key in whiteouts {
            if self.nodes.contains_key(&key) {
                hide(self, &key);
            }
        }
        for key in opaque {
            let children: Vec<Key> = self.children(&key, &[]).map(|(child, _)| child.clone()).collect();
            children.iter().for_each(|child| hide(self, child));
        }
        for (key, node) in nodes {
            let before = self.nodes.get(&key);
            let directories =
                node.kind == Kind::Directory && before.is_some_and(|before| before.kind == Kind::Directory);
            if implied.contains(&key) {
                if !directories {
                    let (before, gone) = self.remove(&key);
                    if before.is_some() {
                        each(&Step { key: &key, before: before.as_ref(), after: Some(&node), gone });
                    }
                    self.insert(key, node);
                }
                continue;
            }
            let (before, gone) = if directories { (self.take(&key), 0) } else { self.remove(&key) };
            if !before.as_ref().is_some_and(|before| before.is_same_directory(&node)) {
                each(&Step { key: &key, before: before.as_ref(), after: Some(&node), gone });
            }
            self.insert(key, node);
        }
    }

    fn insert(&mut self, key: Key, node: Node) {
        self.used = self.used.saturating_add(node.memory(&key));
        self.nodes.insert(key, node);
    }

    fn take(&mut self, key: &[u8]) -> Option<Node> {
        let node = self.nodes.remove(key)?;
        self.used = self.used.saturating_sub(node.memory(key));
        Some(node)
    }

    /// Takes out what stands at a key and beneath it: it, and the bytes of all files among them.
    fn remove(&mut self, key: &[u8]) -> (Option<Node>, u64) {
        let Some(node) = self.take(key) else { return (None, 0) };
        let mut bytes = node.own_size();
        if node.kind == Kind::Directory {
            for (key, node) in self.nodes.extract_if(between(key), |_, _| true) {
                self.used = self.used.saturating_sub(node.memory(&key));
                bytes = bytes.saturating_add(node.own_size());
            }
        }
        (Some(node), bytes)
    }
}

impl Upper {
    /// One more entry of the layer, the `layer`th, whose content begins at `offset` of its tar; `beneath` is what lower layers give.
    ///
    /// # Errors
    /// `limit-exceeded` when all paths together take more than `most` bytes of memory.
    pub fn add(&mut self, item: &Item, layer: u32, offset: u64, beneath: &Merged, most: u64) -> Result<()> {
        let (path, _) = clean(&item.header.name);
        let kind = Kind::of(&item.header, &path);
        // The root, and what AUFS keeps for itself.
        if path.is_empty() || kind == Kind::GlobalHeader || (path.starts_with(META) && path != OPAQUE) {
            return Ok(());
        }
        let place = key(&path);
        let most = most.saturating_sub(beneath.memory());
        if let Some(directory) = parent(&place) {
            self.parents(directory, layer, most);
        }
        match kind {
            Kind::Opaque => self.hide(true, parent(&place).unwrap_or_default().into()),
            Kind::Whiteout => self.whiteout(&place),
            _ => self.node(item, kind, place, layer, offset, beneath),
        }
        if self.memory() > most { Err(too_much()) } else { Ok(()) }
    }

    fn node(&mut self, item: &Item, kind: Kind, place: Key, layer: u32, offset: u64, beneath: &Merged) {
        let before = self.before.clone();
        let mut node = Node::of(item, kind, layer, offset, &mut self.before);
        if let Some(extra) = &self.before
            && before.is_none_or(|before| !Rc::ptr_eq(&before, extra))
        {
            self.shared = self.shared.saturating_add(extra.memory());
        }
        if kind == Kind::HardLink {
            let target = key(node.link());
            let found = self.nodes.get(&target).or_else(|| beneath.get(&target));
            (node.size, node.content) = found.map_or((0, None), |found| (found.size, found.content));
        }
        self.entries = (self.entries.0.saturating_add(1), self.entries.1.saturating_add(node.own_size()));
        if node.kind != Kind::Directory && self.nodes.get(&place).is_some_and(|before| before.kind == Kind::Directory) {
            for (key, node) in self.nodes.extract_if(between(&place), |_, _| true) {
                self.used = self.used.saturating_sub(node.memory(&key));
                self.implied.remove(&key);
            }
        }
        self.implied.remove(&place);
        self.insert(place, node);
    }

    /// Makes a directory, and those that it is in, where the layer has none yet; not when that takes too much.
    fn parents(&mut self, directory: &[u8], layer: u32, most: u64) {
        let mut next = Some(directory);
        while let Some(directory) = next
            && self.memory() <= most
            && self.nodes.get(directory).is_none_or(|node| node.kind != Kind::Directory)
        {
            let node = Node::implied(layer);
            self.used = self.used.saturating_add(node.memory(directory));
            self.implied.insert(directory.into());
            self.insert(directory.into(), node);
            next = parent(directory);
        }
    }

    /// Bytes of memory, about.
    fn memory(&self) -> u64 {
        self.used.saturating_add(self.shared)
    }

    fn whiteout(&mut self, place: &[u8]) {
        let directory = parent(place).unwrap_or_default();
        let name = place.get(inside(directory).len()..).unwrap_or_default();
        let hidden = name.strip_prefix(WHITEOUT).unwrap_or_default();
        if !matches!(hidden, b"" | b"." | b"..") && !name.starts_with(META) {
            self.hide(false, [&inside(directory), hidden].concat().into());
        }
    }

    fn hide(&mut self, all_in: bool, key: Key) {
        let hidden = if all_in { &mut self.opaque } else { &mut self.whiteouts };
        let cost = (key.len() as u64).saturating_add(SET).saturating_add(ALLOCATION);
        if hidden.insert(key) {
            self.used = self.used.saturating_add(cost);
        }
    }

    fn insert(&mut self, key: Key, node: Node) {
        let added = node.memory(&key);
        let removed = match self.nodes.entry(key) {
            Entry::Occupied(mut there) => {
                let before = there.insert(node);
                before.memory(there.key())
            }
            Entry::Vacant(free) => {
                free.insert(node);
                0
            }
        };
        self.used = self.used.saturating_add(added).saturating_sub(removed);
    }

    /// Every path that it has an entry for.
    pub fn nodes(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.nodes.iter().filter(|(key, _)| !self.implied.contains(*key))
    }

    /// Directories that are only on the way to others.
    pub fn implied(&self) -> impl Iterator<Item = &Key> {
        self.implied.iter()
    }

    /// Paths that it hides in lower layers.
    pub fn whiteouts(&self) -> impl Iterator<Item = &Key> {
        self.whiteouts.iter()
    }

    /// Whether something of it is beneath a path, be it a whiteout.
    pub fn has_beneath(&self, key: &[u8]) -> bool {
        let start = inside(key);
        let from = (Bound::Included(start.as_slice()), Bound::Unbounded);
        self.nodes.range::<[u8], _>(from).next().is_some_and(|(key, _)| key.starts_with(&start))
            || self.whiteouts.range::<[u8], _>(from).next().is_some_and(|key| key.starts_with(&start))
    }
}

/// The limit `index` is met.
pub fn too_much() -> Error {
    Error::limit(
        "index",
        "the names of the image's files take more memory than they may: raise the limit `index` if they are real",
    )
}

/// The keys of all that is in a directory.
fn between(key: &[u8]) -> (Bound<Key>, Bound<Key>) {
    (Bound::Included(inside(key).into()), Bound::Excluded([key, &b"\x01"[..]].concat().into()))
}

/// What AUFS keeps for itself begins with.
const META: &[u8] = b".wh..wh.";
/// Bytes of a place in a set, twice.
const SET: u64 = 2 * size_of::<Key>() as u64;
