//! What each layer did to what was there before it.

use std::rc::Rc;

use serde::Serialize;

use super::listing::{Listed, shown};
use super::merged::{Merged, Step, too_much};
use super::node::{Key, Node, path};
use super::waste::{Efficiency, Waste};
use super::{keep, one};
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
    /// Of the blob, as the manifest says; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
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
    /// Bytes of the tar, without an eStargz layer's table of contents.
    pub tar: u64,
    /// Entries but whiteouts, and bytes of files.
    pub entries: Tally,
    /// Paths that were not there before.
    pub added: Tally,
    /// Paths that were there before, but for directories that look the same; bytes of what stands there now.
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

/// What one layer did, kept for the next page.
pub struct Deeds {
    layer: usize,
    changes: Vec<(Key, Option<Node>, Option<Node>)>,
}

impl<M: Media> Image<'_, M> {
    /// What each layer did, and what is wasted. Reads all layers, once.
    ///
    /// # Errors
    /// What is wrong with a layer, or a limit.
    pub async fn changes(&self) -> Result<Changes> {
        if let Some(changes) = &*self.cache.changes.borrow() {
            return Ok(changes.clone());
        }
        let stack = self.layers().await?;
        let (mut tree, mut waste) = (Merged::default(), Waste::default());
        let (mut layers, mut user_bytes) = (Vec::new(), 0_u64);
        for (number, layer) in stack.layers.iter().enumerate() {
            let (upper, tar) = self.upper(&stack, number, &tree).await?;
            waste.add(&upper, self.limits.index)?;
            let (count, bytes) = upper.entries;
            if number > 0 {
                user_bytes = user_bytes.saturating_add(bytes);
            }
            let descriptor = layer.descriptor.as_ref();
            let mut deeds = LayerDeeds {
                layer: number,
                media_type: descriptor.map(|descriptor| descriptor.media_type.clone()),
                digest: descriptor.map(|descriptor| descriptor.digest.to_string()),
                diff_id: layer.diff_id.as_ref().map(|diff_id| diff_id.0.to_string()),
                created_by: layer.history.as_ref().map(|line| line.created_by().to_owned()).filter(|by| !by.is_empty()),
                size: layer.bytes.size(),
                tar,
                entries: Tally { count, bytes },
                added: Tally::default(),
                changed: Tally::default(),
                removed: Tally::default(),
            };
            tree.put(upper, |step| deeds.count(step));
            layers.push(deeds);
        }
        let changes = Changes { layers, efficiency: waste.efficiency(user_bytes) };
        self.cache.changes.replace(Some(changes.clone()));
        // It was made on the way.
        keep(&mut self.cache.trees.borrow_mut(), None, &Rc::new(tree));
        Ok(changes)
    }

    /// What one layer did to what lower ones give, path by path: first what it hides, then what it has; at most `max` from the `first` one.
    ///
    /// # Errors
    /// As [`Image::changes`]; `not-found` for a layer that there is not.
    pub async fn layer_changes(&self, layer: usize, first: u64, max: u32) -> Result<LayerChanges> {
        let deeds = self.deeds(layer).await?;
        let rest = usize::try_from(first).ok().and_then(|first| deeds.changes.get(first..)).unwrap_or_default();
        let changes = rest.iter().take(max as usize).map(Change::of).collect();
        Ok(LayerChanges { changes, more: rest.len() > max as usize })
    }

    async fn deeds(&self, layer: usize) -> Result<Rc<Deeds>> {
        if let Some(deeds) = self.cache.deeds.borrow().as_ref().filter(|deeds| deeds.layer == layer) {
            return Ok(Rc::clone(deeds));
        }
        let stack = self.layers().await?;
        one(&stack, layer)?;
        let mut tree = Merged::default();
        for beneath in 0..layer {
            let upper = self.upper(&stack, beneath, &tree).await?.0;
            tree.put(upper, |_| {});
        }
        let upper = self.upper(&stack, layer, &tree).await?.0;
        let (mut changes, mut used) = (Vec::new(), 0_u64);
        tree.put(upper, |step| {
            used = used.saturating_add(step.before.or(step.after).map_or(0, |node| node.memory(step.key)));
            if used <= self.limits.index {
                changes.push((step.key.into(), step.before.cloned(), step.after.cloned()));
            }
        });
        if used > self.limits.index {
            return Err(too_much());
        }
        let deeds = Rc::new(Deeds { layer, changes });
        self.cache.deeds.replace(Some(Rc::clone(&deeds)));
        Ok(deeds)
    }
}

impl LayerDeeds {
    fn count(&mut self, step: &Step<'_>) {
        let (tally, bytes) = match (step.before, step.after) {
            (_, None) => (&mut self.removed, step.gone),
            (None, Some(after)) => (&mut self.added, after.own_size()),
            (Some(_), Some(after)) => (&mut self.changed, after.own_size()),
        };
        tally.count = tally.count.saturating_add(1);
        tally.bytes = tally.bytes.saturating_add(bytes);
    }
}

impl Change {
    fn of((key, before, after): &(Key, Option<Node>, Option<Node>)) -> Self {
        let listed = |node: &Option<Node>| node.as_ref().map(|node| node.listed(key));
        Self {
            path: shown(&path(key)),
            change: match (before, after) {
                (_, None) => Changed::Removed,
                (None, Some(_)) => Changed::Added,
                (Some(_), Some(_)) => Changed::Changed,
            },
            before: listed(before),
            after: listed(after),
        }
    }
}
