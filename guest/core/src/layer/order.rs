//! The order of a layer's entries: the walk's, but for whiteouts, which stand where the name that they hide would.
//!
//! BuildKit writes them so, because it walks both the names that are there and those that have gone.

use std::collections::{BTreeMap, VecDeque};

use crate::error::Result;
use crate::media::{Entry, Kind, Tree};

/// A tree whose whiteouts are told in their place.
pub struct Ordered<T> {
    tree: T,
    /// Whiteouts whose place is still to come, by the path that they hide.
    held: BTreeMap<Path, Entry>,
    /// With their contents, as they were told.
    ready: VecDeque<(Entry, Vec<u8>)>,
    ended: bool,
}

/// Compared component by component, so that what is in `a` comes before `a.b`.
type Path = Vec<Vec<u8>>;

impl<T> Ordered<T> {
    /// Before the walk.
    pub fn new(tree: T) -> Self {
        Self { tree, held: BTreeMap::new(), ready: VecDeque::new(), ended: false }
    }

    fn add(&mut self, entry: Entry, content: Vec<u8>) {
        if let Some(place) = hidden(&entry) {
            self.held.insert(place, entry);
            return;
        }
        if !self.held.is_empty() {
            let here = components(&entry.path);
            let later = self.held.split_off(&here);
            self.ready.extend(std::mem::replace(&mut self.held, later).into_values().map(empty));
        }
        self.ready.push_back((entry, content));
    }
}

impl<T: Tree> Tree for Ordered<T> {
    type File = T::File;

    async fn walk(&mut self, max: u32, whole: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        while self.ready.is_empty() && !self.ended {
            let found = self.tree.walk(max, whole).await?;
            self.ended = found.is_empty();
            found.into_iter().for_each(|(entry, content)| self.add(entry, content));
            if self.ended {
                self.ready.extend(std::mem::take(&mut self.held).into_values().map(empty));
            }
        }
        let most = self.ready.len().min(max as usize);
        Ok(self.ready.drain(..most).collect())
    }

    async fn open(&self, path: &[u8]) -> Result<T::File> {
        self.tree.open(path).await
    }
}

/// The path that a whiteout hides (OCI layer.md, "Whiteouts"). An opaque folder's marker hides no name, and a file with content is none.
fn hidden(entry: &Entry) -> Option<Path> {
    let mut path = components(&entry.path);
    let name = path.last_mut()?;
    let hidden =
        name.strip_prefix(b".wh.").filter(|hidden| !hidden.is_empty() && !hidden.starts_with(b".wh."))?.to_vec();
    *name = hidden;
    (entry.kind == Kind::Regular(0)).then_some(path)
}

fn empty(whiteout: Entry) -> (Entry, Vec<u8>) {
    (whiteout, Vec::new())
}

fn components(path: &[u8]) -> Path {
    path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::memory;

    #[test]
    fn whiteouts_stand_where_they_hide() {
        let mut tree = memory::Tree::default();
        for (path, content) in [
            ("a", None),
            ("a/.wh..wh..opq", Some("")),
            ("a/.wh.m", Some("")),
            ("a/.wh.z", Some("")),
            ("a/b", Some("")),
            ("a/n", Some("")),
            ("a.b", Some("")),
            (".wh.fake", Some("full")),
        ] {
            let kind = content.map_or(Kind::Directory, |content| Kind::Regular(content.len() as u64));
            let entry = Entry {
                path: path.into(),
                kind,
                mode: 0,
                uid: 0,
                gid: 0,
                modified: Default::default(),
                xattrs: Vec::new(),
            };
            tree.push(entry, content.unwrap_or_default().into());
        }
        let mut ordered = Ordered::new(tree);
        let mut paths = Vec::new();
        loop {
            let entries = ordered.walk(3, 9).now_or_never().unwrap().unwrap();
            if entries.is_empty() {
                break;
            }
            for (entry, content) in entries {
                assert_eq!(entry.kind == Kind::Directory || content.is_empty(), entry.path != b".wh.fake");
                paths.push(String::from_utf8(entry.path).unwrap());
            }
        }
        assert_eq!(paths, ["a", "a/.wh..wh..opq", "a/b", "a/.wh.m", "a/n", "a/.wh.z", "a.b", ".wh.fake"]);
    }
}
