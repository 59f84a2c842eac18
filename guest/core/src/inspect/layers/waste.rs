//! What of an image's bytes no container sees, in the numbers of dive (its `filetree/efficiency.go` and `image/analysis.go`).
//!
//! A path that several layers have is inefficient, and its bytes in all of them count as wasted; the efficiency is what would do, each path at
//! its smallest, over what there is. Of each layer only leaves count: what has nothing beneath it in that layer. A whiteout counts what lower
//! layers have beneath a directory that it hides, and nothing when it hides a file. Dive knows no opaque directories, leaves what is beneath a
//! directory that becomes a file, and takes a directory for one only where the last layer with something in it says so; so do its numbers.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;

use super::listing::{Kind, shown};
use super::merged::{Upper, too_much};
use super::node::{ALLOCATION, Key, inside, path};
use crate::error::Result;

/// What is wasted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Efficiency {
    /// Bytes that would do over bytes that there are; 1 when nothing is wasted.
    pub score: f64,
    /// Bytes of all paths that several layers have.
    pub wasted_bytes: u64,
    /// Bytes of the files of all layers but the lowest.
    pub user_bytes: u64,
    /// Wasted bytes over those; 0 when there are none.
    pub wasted_of_user: f64,
    /// The paths that waste most, at most 100 of them.
    pub wasted: Vec<Wasted>,
}

/// A path that several layers have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wasted {
    /// Where.
    pub path: String,
    /// Layers that have it.
    pub count: u64,
    /// Bytes in all of them.
    pub bytes: u64,
}

/// The layers so far.
#[derive(Debug, Default)]
pub struct Waste {
    seen: BTreeMap<Key, Seen>,
    used: u64,
}

/// A path in all layers.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    count: u64,
    sum: u64,
    least: u64,
    /// What stands there now, and whether anything does.
    size: u64,
    there: bool,
    directory: bool,
}

impl Waste {
    /// One more layer.
    ///
    /// # Errors
    /// `limit-exceeded` when all paths together take more than `most` bytes of memory.
    pub fn add(&mut self, upper: &Upper, most: u64) -> Result<()> {
        for (key, node) in upper.nodes().filter(|(key, _)| !upper.has_beneath(key)) {
            self.at(key).count(node.own_size());
        }
        for key in upper.whiteouts() {
            let size =
                if self.seen.get(key).is_some_and(|seen| seen.there && seen.directory) { self.beneath(key) } else { 0 };
            self.at(key).count(size);
        }
        // Only now does it change what is there: whiteouts hide what lower layers have.
        for key in upper.whiteouts() {
            self.remove(key);
        }
        for key in upper.implied() {
            let seen = self.at(key);
            (seen.there, seen.directory, seen.size) = (true, false, 0);
        }
        for (key, node) in upper.nodes() {
            let seen = self.at(key);
            (seen.there, seen.directory, seen.size) = (true, node.kind == Kind::Directory, node.own_size());
        }
        if self.used > most { Err(too_much()) } else { Ok(()) }
    }

    /// The numbers; `user_bytes` are those of the files of all layers but the lowest.
    pub fn efficiency(&self, user_bytes: u64) -> Efficiency {
        let sum = |of: fn(&Seen) -> u64| self.seen.values().map(of).fold(0, u64::saturating_add);
        let mut wasted: Vec<(&Key, &Seen)> = self.seen.iter().filter(|(_, path)| path.count > 1).collect();
        let wasted_bytes = wasted.iter().map(|(_, path)| path.sum).fold(0, u64::saturating_add);
        wasted.sort_by_key(|(_, path)| std::cmp::Reverse(path.sum));
        wasted.truncate(MOST);
        let share = |part: u64, whole: u64, none: f64| if whole == 0 { none } else { part as f64 / whole as f64 };
        Efficiency {
            score: share(sum(|path| path.least), sum(|path| path.sum), 1.0),
            wasted_bytes,
            user_bytes,
            wasted_of_user: share(wasted_bytes, user_bytes, 0.0),
            wasted: wasted
                .into_iter()
                .map(|(key, path)| Wasted { path: shown(&self::path(key)), count: path.count, bytes: path.sum })
                .collect(),
        }
    }

    fn at(&mut self, key: &Key) -> &mut Seen {
        self.seen.entry(key.clone()).or_insert_with_key(|key| {
            self.used = self.used.saturating_add((key.len() as u64).saturating_add(PLACE).saturating_add(ALLOCATION));
            Seen::default()
        })
    }

    /// Bytes of all that is beneath a directory.
    fn beneath(&self, key: &[u8]) -> u64 {
        let of = inside(key);
        let all = self.seen.range::<[u8], _>((Bound::Included(of.as_slice()), Bound::Unbounded));
        let all = all.take_while(|(key, _)| key.starts_with(&of)).filter(|(_, seen)| seen.there);
        all.map(|(_, seen)| seen.size).fold(0, u64::saturating_add)
    }

    fn remove(&mut self, key: &[u8]) {
        let of = inside(key);
        if let Some(seen) = self.seen.get_mut(key) {
            seen.there = false;
        }
        let all = self.seen.range_mut::<[u8], _>((Bound::Included(of.as_slice()), Bound::Unbounded));
        all.take_while(|(key, _)| key.starts_with(&of)).for_each(|(_, seen)| seen.there = false);
    }
}

impl Seen {
    fn count(&mut self, size: u64) {
        self.least = if self.count == 0 { size } else { self.least.min(size) };
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(size);
    }
}

/// Paths that are told.
const MOST: usize = 100;
/// Bytes of a place in the tree, twice.
const PLACE: u64 = 2 * (size_of::<Key>() + size_of::<Seen>()) as u64;
