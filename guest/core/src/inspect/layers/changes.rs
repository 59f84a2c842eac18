//! What each layer did to what was there before it, and what of an image's bytes no container sees.
//!
//! The numbers of waste are those of dive: a path that several layers have is inefficient, its bytes in all of them count as wasted, and the
//! efficiency is what would do, each path at its smallest, over what there is. Of each layer only leaves count: entries with nothing beneath
//! them in that layer. A whiteout counts the files beneath a directory that it hides, and nothing when it hides a file.

use std::collections::BTreeMap;

use serde::Serialize;

use super::listing::{Kind, Listed, shown};
use super::merged::{Key, Merged, Node, Step, Upper, path};
use super::one;
use crate::error::Result;
use crate::inspect::Image;
use crate::media::Media;

/// What the layers of an image did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The bottom one first.
    pub layers: Vec<LayerDeeds>,
    /// What is wasted.
    pub efficiency: Efficiency,
}

/// What a layer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerDeeds {
    /// From 0, at the bottom.
    pub layer: usize,
    /// Of the blob; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the tar, as the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// The command that made it, as the history has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Bytes as stored.
    pub size: u64,
    /// Entries, and bytes of files.
    pub entries: Tally,
    /// Paths that were not there before.
    pub added: Tally,
    /// Paths that were there before; bytes of what stands there now.
    pub changed: Tally,
    /// Paths that are gone; bytes of all files that are gone with them.
    pub removed: Tally,
}

/// So many paths, with so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Paths.
    pub count: u64,
    /// Bytes of files.
    pub bytes: u64,
}

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

/// What one layer did, path by path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerChanges {
    /// In order.
    pub changes: Vec<Change>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// What a layer did at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Where.
    pub path: String,
    /// What.
    pub change: Changed,
    /// What stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Listed>,
    /// What stands there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Listed>,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// Nothing was there.
    Added,
    /// Something was.
    Changed,
    /// Nothing is there any more.
    Removed,
}

/// A path in all layers.
#[derive(Clone, Copy)]
struct Seen {
    count: u64,
    sum: u64,
    least: u64,
}

impl<M: Media> Image<'_, M> {
    /// What each layer did, and what is wasted. Reads all layers.
    ///
    /// # Errors
    /// What is wrong with a layer, or a limit.
    pub async fn changes(&self) -> Result<Changes> {
        let stack = self.layers().await?;
        let (mut tree, mut seen) = (Merged::default(), BTreeMap::new());
        let mut layers = Vec::new();
        for (number, layer) in stack.layers.iter().enumerate() {
            let upper = self.upper(&stack, number, &tree).await?;
            see(&upper, &tree, &mut seen);
            let mut deeds = LayerDeeds {
                layer: number,
                digest: layer.descriptor.as_ref().map(|descriptor| descriptor.digest.to_string()),
                diff_id: layer.diff_id.as_ref().map(|diff_id| diff_id.0.to_string()),
                created_by: layer.history.as_ref().map(|line| line.created_by().to_owned()),
                size: layer.bytes.size(),
                entries: upper.tally(),
                added: Tally::default(),
                changed: Tally::default(),
                removed: Tally::default(),
            };
            tree.put(upper, |step| deeds.count(&step));
            layers.push(deeds);
        }
        let user_bytes = layers.iter().skip(1).map(|layer| layer.entries.bytes).fold(0, u64::saturating_add);
        Ok(Changes { layers, efficiency: Efficiency::of(&seen, user_bytes) })
    }

    /// What one layer did to what lower ones give, path by path: first what it hides, then what it has; at most `max` from the `first` one.
    ///
    /// # Errors
    /// As [`Image::changes`]; `not-found` for a layer that there is not.
    pub async fn layer_changes(&self, layer: usize, first: u64, max: u32) -> Result<LayerChanges> {
        let stack = self.layers().await?;
        one(&stack, layer)?;
        let mut tree = Merged::default();
        for beneath in 0..layer {
            let upper = self.upper(&stack, beneath, &tree).await?;
            tree.put(upper, |_| {});
        }
        let upper = self.upper(&stack, layer, &tree).await?;
        let (mut changes, mut number, mut more) = (Vec::new(), 0_u64, false);
        tree.put(upper, |step| {
            if number >= first && changes.len() < max as usize {
                changes.push(Change::of(&step));
            } else if number >= first {
                more = true;
            }
            number = number.saturating_add(1);
        });
        Ok(LayerChanges { changes, more })
    }
}

impl LayerDeeds {
    fn count(&mut self, step: &Step) {
        let (tally, bytes) = match (&step.before, &step.after) {
            (_, None) => (&mut self.removed, step.gone),
            (None, Some(after)) => (&mut self.added, after.own_size()),
            (Some(_), Some(after)) => (&mut self.changed, after.own_size()),
        };
        tally.add(bytes);
    }
}

impl Upper {
    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.nodes().for_each(|node| tally.add(node.own_size()));
        tally
    }
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Change {
    fn of(step: &Step) -> Self {
        let listed = |node: &Option<Node>| node.as_ref().map(|node| node.listed(&step.key));
        Self {
            path: shown(&path(&step.key)),
            change: match (&step.before, &step.after) {
                (_, None) => Changed::Removed,
                (None, Some(_)) => Changed::Added,
                (Some(_), Some(_)) => Changed::Changed,
            },
            before: listed(&step.before),
            after: listed(&step.after),
        }
    }
}

/// Counts what a layer has, before it is put on the tree.
fn see(upper: &Upper, tree: &Merged, seen: &mut BTreeMap<Key, Seen>) {
    for (key, node) in upper.leaves() {
        let hidden = || match tree.get(key) {
            Some(node) if node.kind == Kind::Directory => {
                tree.beneath(key).map(|(_, node)| node.own_size()).fold(0, u64::saturating_add)
            }
            _ => 0,
        };
        let size = node.map_or_else(hidden, Node::own_size);
        let path = seen.entry(key.clone()).or_insert(Seen { count: 0, sum: 0, least: u64::MAX });
        path.count = path.count.saturating_add(1);
        path.sum = path.sum.saturating_add(size);
        path.least = path.least.min(size);
    }
}

impl Efficiency {
    fn of(seen: &BTreeMap<Key, Seen>, user_bytes: u64) -> Self {
        let sum = |of: fn(&Seen) -> u64| seen.values().map(of).fold(0, u64::saturating_add);
        let mut wasted: Vec<(&Key, &Seen)> = seen.iter().filter(|(_, path)| path.count > 1).collect();
        let wasted_bytes = wasted.iter().map(|(_, path)| path.sum).fold(0, u64::saturating_add);
        wasted.sort_by_key(|(_, path)| std::cmp::Reverse(path.sum));
        wasted.truncate(MOST);
        let share = |part: u64, whole: u64, none: f64| if whole == 0 { none } else { part as f64 / whole as f64 };
        Self {
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
}

/// Paths that are told.
const MOST: usize = 100;
