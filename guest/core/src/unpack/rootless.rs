//! A root file system for a user without rights: everything is that user's, who it belongs to in truth stands in an extended attribute, and
//! devices are left out.
//!
//! The attribute is the one of the rootless containers project, which umoci and others read when they pack such a tree: a protobuf message
//! `Resource` with `uint32 uid = 1` and `uint32 gid = 2`, 4,294,967,295 for an owner that is root, and no attribute where both are.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::layer::merged::Sink;
use crate::media::{Entry, Kind, NOBODY};
use crate::text::shown_bytes;

/// Entries as such a user may have them.
pub struct Rootless<'s, S> {
    sink: &'s mut S,
    left_out: BTreeSet<Vec<u8>>,
}

impl<'s, S: Sink> Rootless<'s, S> {
    /// On their way to a sink.
    pub fn new(sink: &'s mut S) -> Self {
        Self { sink, left_out: BTreeSet::new() }
    }

    /// What the user should know.
    pub fn warning(&self) -> Option<String> {
        let first = shown_bytes(self.left_out.first()?);
        Some(match self.left_out.len() {
            1 => format!("the device `{first}` was left out: only root makes devices"),
            count => format!("{count} devices were left out, `{first}` the first of them: only root makes devices"),
        })
    }
}

impl<S: Sink> Sink for Rootless<'_, S> {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        let out = match &entry.kind {
            Kind::Character(_) | Kind::Block(_) => true,
            Kind::HardLink(first) => self.left_out.contains(first),
            _ => false,
        };
        if out {
            self.left_out.insert(entry.path);
            return Ok(());
        }
        self.sink.entry(owned(entry)).await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        self.sink.content(piece).await
    }
}

/// The entry as whoever writes it owns it.
fn owned(mut entry: Entry) -> Entry {
    entry.xattrs.retain(|(name, _)| name != OWNER);
    // Nothing else may have attributes of a user's.
    if matches!(entry.kind, Kind::Regular(_) | Kind::Directory) && (entry.uid, entry.gid) != (0, 0) {
        entry.xattrs.push((OWNER.into(), resource(entry.uid, entry.gid)));
        entry.xattrs.sort();
    }
    Entry { uid: NOBODY, gid: NOBODY, ..entry }
}

fn resource(uid: u32, gid: u32) -> Vec<u8> {
    let mut message = Vec::new();
    // The field's number, and that a varint follows.
    for (field, id) in [(0x08, uid), (0x10, gid)] {
        message.push(field);
        let mut rest = if id == 0 { NOBODY } else { id };
        while rest > 0x7f {
            message.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        message.push(rest as u8);
    }
    message
}

const OWNER: &str = "user.rootlesscontainers";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::{entry, wait};

    #[derive(Default)]
    struct Listed(Vec<Entry>);

    impl Sink for Listed {
        async fn entry(&mut self, entry: Entry) -> Result<()> {
            self.0.push(entry);
            Ok(())
        }

        async fn content(&mut self, _: Vec<u8>) -> Result<()> {
            Ok(())
        }
    }

    /// As umoci 0.4.7 writes it.
    #[test]
    fn owners_are_kept_in_an_attribute() {
        let root: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f];
        for (uid, gid, bytes) in [
            (1, 2, [&[8, 1, 16, 2][..]].concat()),
            (1000, 0, [&[8, 0xe8, 7, 16], root].concat()),
            (0, 3_000_000, [&[8], root, &[16, 0xc0, 0x8d, 0xb7, 1]].concat()),
        ] {
            let file = Entry { uid, gid, xattrs: vec![("z".into(), Vec::new())], ..entry("f", Kind::Regular(0)) };
            let owned = owned(file);
            assert_eq!((owned.uid, owned.gid), (NOBODY, NOBODY));
            assert_eq!(owned.xattrs, [(OWNER.to_owned(), bytes), ("z".to_owned(), Vec::new())]);
        }
        let lie = vec![(OWNER.to_owned(), vec![1])];
        for kind in [Kind::Regular(0), Kind::Symlink(b"x".into())] {
            let uid = u32::from(kind != Kind::Regular(0));
            assert_eq!(owned(Entry { uid, gid: 0, xattrs: lie.clone(), ..entry("f", kind) }).xattrs, []);
        }
    }

    #[test]
    fn devices_and_their_links_are_left_out() {
        let device = crate::media::Device { major: 1, minor: 3 };
        let mut listed = Listed::default();
        let mut rootless = Rootless::new(&mut listed);
        for (path, kind) in [
            ("a", Kind::Character(device)),
            ("b", Kind::HardLink(b"a".into())),
            ("c", Kind::Regular(0)),
            ("d", Kind::HardLink(b"c".into())),
        ] {
            wait(rootless.entry(entry(path, kind))).unwrap();
        }
        let warning = rootless.warning().unwrap();
        assert_eq!(warning, "2 devices were left out, `a` the first of them: only root makes devices");
        assert_eq!(listed.0.iter().map(|entry| entry.path[0]).collect::<Vec<_>>(), b"cd");
    }
}
