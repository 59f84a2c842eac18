//! The files of two sides beside each other, by path: only of layers that one side has and the other has not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::read::Tree;
use super::record::{Kind, Record, What};
use super::verdict::{Cause, Causes};
use crate::digest::Digest;
use crate::inspect::path_text;
use crate::media::HashAlgorithm;

/// In what the files differ.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// Whether there are layers that both sides have. They were not read: then a path that only one side's own layers have may be beneath or
    /// above on both.
    pub shared_layers: bool,
    /// Exact, however many there are.
    pub counts: Counts,
    /// The first [`MAX_CHANGES`] paths that differ, in byte order.
    pub changes: Vec<Change>,
}

/// How many paths there are of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Paths that do not differ.
    pub same: u64,
    /// As [`Changed::Added`].
    pub added: u64,
    /// As [`Changed::Removed`].
    pub removed: u64,
    /// As [`Changed::OnlyA`].
    pub only_a: u64,
    /// As [`Changed::OnlyB`].
    pub only_b: u64,
    /// As [`Changed::Changed`].
    pub changed: u64,
    /// Of those that changed: in their times alone.
    pub times_only: u64,
}

/// A path that differs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// As [`path_text`] writes it; `/` for the root.
    pub path: String,
    /// How.
    pub change: Changed,
    /// In what, when both have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<What>,
    /// What the first side's own layers say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<FileState>,
    /// What the second side's own layers say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<FileState>,
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// The second side has it, the first has not: all layers were read.
    Added,
    /// The first side has it, the second has not: all layers were read.
    Removed,
    /// Only layers of the first side say something of it. The second side may have it all the same, as a layer has it that both share and
    /// that was not read.
    OnlyA,
    /// Only layers of the second side say something of it. The first side may have it all the same, as above.
    OnlyB,
    /// Both have it, with different values.
    Changed,
}

/// What stands at a path.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileState {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The 12 low bits.
    pub mode: u32,
    /// Owner.
    pub uid: i64,
    /// Group.
    pub gid: i64,
    /// In bytes; 0 of what has no content.
    pub size: u64,
    /// Last change, in seconds since 1970.
    pub modified: i64,
    /// Of the last change.
    #[serde(skip_serializing_if = "is_zero")]
    pub nanoseconds: u32,
    /// Of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What a symlink says, or a hard link to what is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The first path of the same inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard_link: Option<String>,
    /// Which layer says it, from 0.
    pub layer: usize,
}

/// Where an own layer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of its pair; layers of both sides that belong together have the same.
    pub slot: usize,
    /// How many layers are beneath it that both sides have.
    pub level: usize,
}

/// By the layer's number in its image.
pub type Places = BTreeMap<usize, Place>;

/// Compares the merged own layers of both sides; with why they differ, if anything that shows in a file or its tar does.
pub fn compare(a: (Tree, Places), b: (Tree, Places), shared_layers: bool) -> (Files, Causes) {
    let ((a, places_a), (b, places_b)) = (a, b);
    let covered = a.covered > 0 || b.covered > 0;
    let mut files = Files { shared_layers, ..Files::default() };
    let (mut facts, mut causes) = (Facts::default(), Causes::default());
    let (mut a, mut b) = (a.records.into_iter().peekable(), b.records.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        let one = if order.is_le() { a.next() } else { None };
        let other = if order.is_ge() { b.next() } else { None };
        match (one, other) {
            (Some((path, one)), Some((_, other))) => {
                facts.see(&one, &other, places_a.get(&one.layer), places_b.get(&other.layer));
                files.both(&path, &one, &other, &mut causes);
            }
            (Some((path, one)), None) => files.alone(&path, Some(&one), None, &mut causes, &mut facts),
            (None, Some((path, other))) => files.alone(&path, None, Some(&other), &mut causes, &mut facts),
            (None, None) => break,
        }
    }
    causes.add(Cause::TarHeaders, facts.headers);
    causes.add(Cause::LayerOrder, facts.levels);
    causes.add(Cause::EntryOrder, facts.disordered());
    let cut = facts.cut > 0 || !places_a.values().map(|place| place.slot).eq(places_b.values().map(|place| place.slot));
    causes.add(Cause::LayerCut, u64::from(cut));
    if covered && causes.is_empty() {
        causes.add(Cause::LayerCut, 1);
    }
    (files, causes)
}

/// What the entries of paths that both have say of the layers.
#[derive(Default)]
struct Facts {
    /// Paths in layers that do not belong together.
    cut: u64,
    /// Of these, with another number of shared layers beneath.
    levels: u64,
    /// Entries with other headers.
    headers: u64,
    /// Of layers that belong together: the slot, and the entry's number on both sides.
    numbers: Vec<(usize, u64, u64)>,
}

impl Facts {
    fn see(&mut self, a: &Record, b: &Record, at: Option<&Place>, bt: Option<&Place>) {
        let (Some(at), Some(bt)) = (at, bt) else { return };
        if at.slot == bt.slot {
            self.numbers.push((at.slot, a.number, b.number));
        } else {
            self.cut = self.cut.saturating_add(1);
        }
        self.levels = self.levels.saturating_add(u64::from(at.level != bt.level));
        self.headers = self.headers.saturating_add(u64::from(a.form != b.form));
    }

    /// How many layers have their entries in another order.
    fn disordered(&mut self) -> u64 {
        self.numbers.sort_unstable();
        let mut slots: Vec<usize> = Vec::new();
        for pair in self.numbers.windows(2) {
            let [(slot, _, before), (next, _, after)] = pair else { continue };
            if slot == next && after < before && slots.last() != Some(slot) {
                slots.push(*slot);
            }
        }
        slots.len() as u64
    }
}

impl Files {
    fn both(&mut self, path: &[u8], a: &Record, b: &Record, causes: &mut Causes) {
        let differs = a.against(b);
        if differs.is_empty() {
            self.counts.same = self.counts.same.saturating_add(1);
            return;
        }
        self.counts.changed = self.counts.changed.saturating_add(1);
        if differs.contains(&What::Time) {
            causes.add(Cause::Times, 1);
            causes.epoch(a.epoch(b));
        }
        if differs == [What::Time] {
            self.counts.times_only = self.counts.times_only.saturating_add(1);
        } else {
            causes.add(Cause::Files, 1);
        }
        self.tell(path, Changed::Changed, differs, Some(a), Some(b));
    }

    fn alone(&mut self, path: &[u8], a: Option<&Record>, b: Option<&Record>, causes: &mut Causes, facts: &mut Facts) {
        if path.is_empty() {
            // Not every tool writes the root.
            facts.headers = facts.headers.saturating_add(1);
            return;
        }
        let (change, count) = match (self.shared_layers, a.is_some()) {
            (false, true) => (Changed::Removed, &mut self.counts.removed),
            (false, false) => (Changed::Added, &mut self.counts.added),
            (true, true) => (Changed::OnlyA, &mut self.counts.only_a),
            (true, false) => (Changed::OnlyB, &mut self.counts.only_b),
        };
        *count = count.saturating_add(1);
        causes.add(Cause::Files, 1);
        self.tell(path, change, Vec::new(), a, b);
    }

    fn tell(&mut self, path: &[u8], change: Changed, differs: Vec<What>, a: Option<&Record>, b: Option<&Record>) {
        if self.changes.len() < MAX_CHANGES {
            let path = if path.is_empty() { "/".to_owned() } else { path_text(path) };
            let (a, b) = (a.map(FileState::of), b.map(FileState::of));
            self.changes.push(Change { path, change, differs, a, b });
        }
    }
}

impl FileState {
    fn of(record: &Record) -> Self {
        let extra = record.extra.as_deref();
        let text = |bytes: &[u8]| if bytes.is_empty() { None } else { Some(path_text(bytes)) };
        Self {
            kind: record.kind,
            mode: record.mode,
            uid: record.uid,
            gid: record.gid,
            size: record.size,
            modified: record.modified.seconds,
            nanoseconds: record.modified.nanoseconds,
            digest: record.content.map(|hash| Digest::from_hash(HashAlgorithm::Sha256, &hash).to_string()),
            link: extra.and_then(|extra| text(&extra.link)),
            hard_link: extra.and_then(|extra| text(&extra.hard_link)),
            layer: record.layer,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Paths that are listed at most; all are counted.
pub const MAX_CHANGES: usize = 100_000;
