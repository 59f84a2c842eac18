//! The layers of one image: their entries, the tree that they give together, what each of them did, and the content of files.
//!
//! Layers are streams: what is asked for in order is read on, and nothing is read twice that can be kept small. Trees are kept once they are
//! built; their memory is limited.

mod changes;
mod content;
mod listing;
mod merged;
#[cfg(test)]
mod tests;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Image, Item, Stack, Walk};
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::text::shown_bytes;

use content::Open;
use merged::{Key, Merged, Upper, key};

pub use changes::{Change, Changed, Changes, Efficiency, LayerChanges, LayerDeeds, Tally, Wasted};
pub use content::{Content, FileKind};
pub use listing::{Device, Kind, Listed, Listing};

/// What was found out about an image's layers, for the next question.
pub struct Cache<'a, M: Media> {
    stack: RefCell<Option<Rc<Stack<'a, M>>>>,
    /// Where the last page of entries ended.
    page: RefCell<Option<Page<'a, M>>>,
    /// Of all layers together, or of one.
    trees: RefCell<BTreeMap<Option<usize>, Rc<Merged>>>,
    /// Where the last part of a file ended.
    open: RefCell<Option<Open<'a, M>>>,
}

/// A layer whose entries are being listed.
struct Page<'a, M: Media> {
    layer: usize,
    walk: Walk<'a, M>,
    /// The next one, which was read already.
    next: Option<Item>,
}

impl<M: Media> Default for Cache<'_, M> {
    fn default() -> Self {
        Self {
            stack: RefCell::default(),
            page: RefCell::default(),
            trees: RefCell::default(),
            open: RefCell::default(),
        }
    }
}

impl<'a, M: Media> Image<'a, M> {
    /// Entries of one layer as they stand in its tar, at most `max` from the `first` one, numbered from 0.
    ///
    /// # Errors
    /// `not-found` for a layer that there is not; what is wrong with the layer, or a limit.
    pub async fn entries(&self, layer: usize, first: u64, max: u32) -> Result<Listing> {
        let kept = self.cache.page.borrow_mut().take();
        let mut page = match kept {
            Some(page) if page.layer == layer && page.next.as_ref().is_some_and(|next| next.number == first) => page,
            _ => {
                let (stack, mut next) = (self.layers().await?, None);
                let mut walk = Walk::new(one(&stack, layer)?, &self.limits).await?;
                while let Some(item) = walk.next().await? {
                    if item.number == first {
                        next = Some(item);
                        break;
                    }
                }
                Page { layer, walk, next }
            }
        };
        let mut listing = Listing::default();
        while let Some(item) = page.next.take() {
            if listing.entries.len() >= max as usize {
                page.next = Some(item);
                break;
            }
            listing.entries.push(Listed::of(&item));
            page.next = page.walk.next().await?;
        }
        listing.more = page.next.is_some();
        if listing.more {
            self.cache.page.replace(Some(page));
        }
        Ok(listing)
    }

    /// What all layers give together beneath a directory, empty for the root: everything, or what is directly in it. Parents first, siblings in
    /// byte order of their names; at most `max` from the `first` one, numbered from 0.
    ///
    /// # Errors
    /// `not-found` when nothing is there; what is wrong with a layer, or a limit.
    pub async fn tree(&self, under: &[u8], recursive: bool, first: u64, max: u32) -> Result<Listing> {
        let tree = self.merged(None).await?;
        let (start, _) = listing::clean(under);
        let start = key(&start);
        let start = if start.is_empty() { start } else { content::resolve(&tree, &start)? };
        if let Some(node) = tree.get(&start).filter(|node| node.kind != Kind::Directory) {
            let entries = if first == 0 && max > 0 { vec![node.listed(&start)] } else { Vec::new() };
            return Ok(Listing { entries, more: false });
        }
        let depth = if start.is_empty() { 0 } else { start.len().saturating_add(1) };
        let direct = |key: &Key| recursive || !key.get(depth..).unwrap_or_default().contains(&0);
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let mut listed = tree.beneath(&start).filter(|(key, _)| direct(key)).skip(first);
        let entries = listed.by_ref().take(max as usize).map(|(key, node)| node.listed(key)).collect();
        Ok(Listing { entries, more: listed.next().is_some() })
    }

    /// The one image that is meant.
    async fn layers(&self) -> Result<Rc<Stack<'a, M>>> {
        if let Some(stack) = &*self.cache.stack.borrow() {
            return Ok(Rc::clone(stack));
        }
        let stack = Rc::new(self.stack().await?);
        self.cache.stack.replace(Some(Rc::clone(&stack)));
        Ok(stack)
    }

    /// The tree of all layers, or of one.
    async fn merged(&self, only: Option<usize>) -> Result<Rc<Merged>> {
        if let Some(tree) = self.cache.trees.borrow().get(&only) {
            return Ok(Rc::clone(tree));
        }
        let stack = self.layers().await?;
        let layers = match only {
            Some(layer) => layer..one(&stack, layer).map(|_| layer.saturating_add(1))?,
            None => 0..stack.layers.len(),
        };
        let mut tree = Merged::default();
        for layer in layers {
            let upper = self.upper(&stack, layer, &tree).await?;
            tree.put(upper, |_| {});
        }
        let tree = Rc::new(tree);
        // One tree is enough to have in memory, beside that of all layers.
        let mut trees = self.cache.trees.borrow_mut();
        trees.retain(|kept, _| kept.is_none());
        trees.insert(only, Rc::clone(&tree));
        Ok(tree)
    }

    /// A layer that is about to be put on others.
    async fn upper(&self, stack: &Stack<'a, M>, layer: usize, beneath: &Merged) -> Result<Upper> {
        let mut upper = Upper::default();
        let mut walk = Walk::told(one(stack, layer)?, &self.limits, self.media).await?;
        while let Some(item) = walk.next().await? {
            upper.add(&item, layer, beneath, self.limits.index)?;
        }
        Ok(upper)
    }
}

fn one<'s, 'a, M: Media>(stack: &'s Stack<'a, M>, layer: usize) -> Result<&'s super::Layer<'a, M>> {
    stack.layers.get(layer).ok_or_else(|| {
        let message = format!("there is no layer {layer}: the image has {}, numbered from 0", stack.layers.len());
        Error::new(Fault::Request, Code::NotFound, message)
    })
}

/// Nothing is at a path.
fn missing(path: &[u8]) -> Error {
    let message = format!("there is no `/{}` in the image", shown_bytes(path));
    Error::new(Fault::Request, Code::NotFound, message)
}
