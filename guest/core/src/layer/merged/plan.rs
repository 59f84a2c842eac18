//! Which paths are there, layer upon layer, as an overlay file system would show them. Nothing here reads or writes.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use super::Plan;
use crate::error::{Error, Result};
use crate::media::{Entry, Kind, Timestamp};
use crate::text::shown_bytes;

/// What the layers so far give.
#[derive(Default)]
pub struct Stack {
    nodes: BTreeMap<Path, Node>,
    inodes: Vec<Inode>,
    /// What the last layer that says anything of the root says.
    root: Option<Entry>,
}

/// Where an inode's content is.
struct Inode {
    layer: usize,
    /// The entry's, in the layer.
    number: u64,
    /// Bytes of a regular file.
    size: u64,
}

/// A layer in the making, on top of the others.
pub struct Upper<'a> {
    stack: &'a mut Stack,
    layer: usize,
    /// With all parents.
    nodes: BTreeMap<Path, Node>,
    /// A directory that is there with all that it is in.
    last: Path,
    /// Paths that are hidden below this layer, with all in them.
    whiteouts: BTreeSet<Path>,
    /// Directories of which that is so for all in them.
    opaque: BTreeSet<Path>,
}

/// What the second pass does with an entry of a layer that is not a directory.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The entry's, among all of the layer.
    pub number: u64,
    /// Where it goes.
    pub path: Path,
    /// The path it is a hard link to; without one it is the entry's own content.
    pub link: Option<Path>,
}

/// What an entry of a layer says.
pub enum Meaning<'e> {
    /// Something that is of no concern.
    Nothing,
    /// What the root itself is like.
    Root,
    /// Nothing of what lower layers have in this directory is there.
    Opaque(&'e [u8]),
    /// Nor this, which lower layers have, with all that is in it.
    Whiteout(Path),
    /// That it is there.
    Itself,
}

/// Without a slash at its ends; empty for the root.
pub type Path = Vec<u8>;

enum Node {
    /// Without an entry it is only implied by what is in it.
    Directory(Option<Box<Entry>>),
    /// One of the names of an inode, from this entry of this layer.
    Name { inode: usize, layer: usize, number: u64 },
}

impl Stack {
    /// The next layer.
    pub fn layer(&mut self, layer: usize) -> Upper<'_> {
        let (nodes, last, whiteouts, opaque) = Default::default();
        Upper { stack: self, layer, nodes, last, whiteouts, opaque }
    }

    /// What all `layers` give. The first of an inode's names that are left gets the content, the others are links to it.
    pub fn finish(self, layers: usize) -> Plan {
        let mut first: BTreeMap<usize, (usize, u64, &Path)> = BTreeMap::new();
        for (path, node) in &self.nodes {
            if let Node::Name { inode, layer, number } = node {
                let now = (*layer, *number, path);
                first.entry(*inode).and_modify(|before| *before = now.min(*before)).or_insert(now);
            }
        }
        let first: BTreeMap<usize, Path> =
            first.into_iter().map(|(inode, (_, _, path))| (inode, path.clone())).collect();
        let mut directories = Vec::new();
        let mut bytes = 0_u64;
        let mut steps: Vec<Vec<Step>> = std::iter::repeat_with(Vec::new).take(layers).collect();
        for (path, node) in self.nodes {
            let (layer, step) = match node {
                Node::Directory(entry) => {
                    let entry = entry.map_or_else(implied, |entry| *entry);
                    directories.push(Entry { path, ..entry });
                    continue;
                }
                Node::Name { inode, layer, number } => match first.get(&inode).filter(|first| **first != path) {
                    Some(first) => (layer, Step { number, path, link: Some(first.clone()) }),
                    None => {
                        let Inode { layer, number, size } =
                            *self.inodes.get(inode).unwrap_or(&Inode { layer, number, size: 0 });
                        bytes = bytes.saturating_add(size);
                        (layer, Step { number, path, link: None })
                    }
                },
            };
            if let Some(steps) = steps.get_mut(layer) {
                steps.push(step);
            }
        }
        steps.iter_mut().for_each(|steps| steps.sort_by_key(|step| step.number));
        let root = self.root.unwrap_or_else(implied);
        Plan { root, directories, steps, bytes }
    }
}

impl Upper<'_> {
    /// The layer's next entry, the `number`th.
    ///
    /// # Errors
    /// `malformed` when it cannot be where it wants to be.
    pub fn add(&mut self, mut entry: Entry, number: u64) -> Result<()> {
        match meaning(&entry)? {
            Meaning::Nothing => return Ok(()),
            Meaning::Root => {
                self.stack.root = Some(entry);
                return Ok(());
            }
            Meaning::Opaque(directory) => {
                self.parents(&entry.path)?;
                self.opaque.insert(directory.into());
                return Ok(());
            }
            Meaning::Whiteout(hidden) => {
                self.parents(&entry.path)?;
                self.whiteouts.insert(hidden);
                return Ok(());
            }
            Meaning::Itself => {}
        }
        let path = std::mem::take(&mut entry.path);
        self.parents(&path)?;
        if entry.kind == Kind::Directory {
            self.nodes.insert(path, Node::Directory(Some(Box::new(entry))));
            return Ok(());
        }
        let inode = match &entry.kind {
            Kind::HardLink(target) if *target == path => return Ok(()),
            Kind::HardLink(target) => self.inode(target, &path)?,
            kind => {
                let size = if let Kind::Regular(size) = kind { *size } else { 0 };
                self.stack.inodes.push(Inode { layer: self.layer, number, size });
                self.stack.inodes.len().saturating_sub(1)
            }
        };
        if let Some(Node::Directory(_)) = self.nodes.get(&path) {
            clear(&mut self.nodes, &path);
            self.last.clear();
        }
        self.nodes.insert(path, Node::Name { inode, layer: self.layer, number });
        Ok(())
    }

    /// The layer is whole: it hides and covers what is below.
    pub fn finish(self) {
        let below = &mut self.stack.nodes;
        if below.is_empty() {
            *below = self.nodes;
            return;
        }
        for path in self.whiteouts {
            if let Some(Node::Directory(_)) = below.remove(&path) {
                clear(below, &path);
            }
        }
        for path in self.opaque {
            clear(below, &path);
        }
        for (path, node) in self.nodes {
            let directory = matches!(below.get(&path), Some(Node::Directory(_)));
            match node {
                Node::Directory(None) if directory => continue,
                Node::Name { .. } if directory => clear(below, &path),
                _ => {}
            }
            below.insert(path, node);
        }
    }

    /// Makes the directories that a path is in, where the layer has none yet. What lower layers have there does not count: a link of
    /// theirs is covered, never followed.
    fn parents(&mut self, of: &[u8]) -> Result<()> {
        let directory = above(of);
        if self.last == directory {
            return Ok(());
        }
        self.last = directory.into();
        for directory in parents(of) {
            match self.nodes.get(directory) {
                Some(Node::Directory(_)) => break,
                Some(Node::Name { .. }) => {
                    let (of, directory) = (shown_bytes(of), shown_bytes(directory));
                    let message = format!("`{of}` is in `{directory}`, which is no directory in the same layer");
                    return Err(Error::malformed("layer", message));
                }
                None => self.nodes.insert(directory.into(), Node::Directory(None)),
            };
        }
        Ok(())
    }

    fn inode(&self, target: &[u8], of: &[u8]) -> Result<usize> {
        match self.nodes.get(target).or_else(|| self.stack.nodes.get(target)) {
            Some(Node::Name { inode, .. }) => Ok(*inode),
            other => {
                let why = if other.is_some() { "is a directory" } else { "is not there" };
                let (of, target) = (shown_bytes(of), shown_bytes(target));
                Err(Error::malformed("layer", format!("`{of}` is a hard link to `{target}`, which {why}")))
            }
        }
    }
}

/// What an entry says.
///
/// # Errors
/// `malformed` for a whiteout of nothing that a directory has.
pub fn meaning(entry: &Entry) -> Result<Meaning<'_>> {
    let path = &entry.path;
    if path.is_empty() {
        // It can be nothing but a directory.
        return Ok(if entry.kind == Kind::Directory { Meaning::Root } else { Meaning::Nothing });
    }
    // What AUFS kept for itself.
    if path.starts_with(META) && path != OPAQUE {
        return Ok(Meaning::Nothing);
    }
    let directory = above(path);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let Some(hidden) = name.strip_prefix(WHITEOUT).filter(|_| entry.kind == Kind::Regular(0)) else {
        return Ok(Meaning::Itself);
    };
    if matches!(hidden, b"" | b"." | b"..") {
        let message = format!("`{}` is a whiteout of nothing that a directory has", shown_bytes(path));
        return Err(Error::malformed("layer", message));
    }
    Ok(match name {
        OPAQUE => Meaning::Opaque(directory),
        _ if name.starts_with(META) => Meaning::Nothing,
        _ => Meaning::Whiteout(joined(directory, hidden)),
    })
}

/// The directory that a path is in.
pub fn above(path: &[u8]) -> &[u8] {
    let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..at).unwrap_or_default()
}

/// The directories that a path is in, the nearest first; the root is none of them.
pub fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    successors(Some(above(path)), |directory| Some(above(directory))).take_while(|directory| !directory.is_empty())
}

/// Removes all that is in a directory.
fn clear(nodes: &mut BTreeMap<Path, Node>, directory: &[u8]) {
    if directory.is_empty() {
        nodes.clear();
        return;
    }
    // In byte order `0` is next to `/`.
    let range = [directory, b"/"].concat()..[directory, b"0"].concat();
    nodes.extract_if(range, |_, _| true).for_each(drop);
}

fn joined(directory: &[u8], name: &[u8]) -> Path {
    if directory.is_empty() { name.into() } else { [directory, b"/", name].concat() }
}

/// A directory of which no layer says anything.
pub fn implied() -> Entry {
    let modified = Timestamp::default();
    Entry { path: Vec::new(), kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, modified, xattrs: Vec::new() }
}

const WHITEOUT: &[u8] = b".wh.";
const META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
