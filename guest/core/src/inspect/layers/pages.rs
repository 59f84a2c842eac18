//! Entries a page at a time: of one layer as they stand in its tar, or of the tree that all give together. Pages in order are read on.

use super::content::resolve;
use super::listing::{Kind, Listed, Listing};
use super::node::{Key, Node, inside, key};
use super::one;
use crate::error::Result;
use crate::inspect::{Image, Item, Walk};
use crate::media::Media;

/// A layer whose entries are being listed.
pub struct InLayer<'a, M: Media> {
    layer: usize,
    walk: Walk<'a, M>,
    /// The next one, which was read already, or why there is none.
    next: Result<Option<Item>>,
    number: u64,
}

/// A directory that is being listed.
pub struct InTree {
    directory: Key,
    recursive: bool,
    /// The next one's number, and its key.
    number: u64,
    next: Key,
}

impl<M: Media> Image<'_, M> {
    /// Entries of one layer as they stand in its tar, at most `max` from the `first` one, numbered from 0. When the layer is damaged, what stands
    /// before the damage is listed first.
    ///
    /// # Errors
    /// `not-found` for a layer that there is not; what is wrong with the layer, or a limit.
    pub async fn entries(&self, layer: usize, first: u64, max: u32) -> Result<Listing> {
        let kept = self.cache.in_layer.borrow_mut().take();
        let mut page = match kept {
            Some(page) if page.layer == layer && page.number <= first => page,
            _ => {
                let stack = self.layers().await?;
                let mut walk = Walk::new(one(&stack, layer)?, &self.limits).await?;
                let next = walk.next().await;
                InLayer { layer, walk, next, number: 0 }
            }
        };
        while page.number < first && matches!(page.next, Ok(Some(_))) {
            page.step().await;
        }
        let mut listing = Listing::default();
        while listing.entries.len() < max as usize
            && let Ok(Some(item)) = &page.next
        {
            listing.entries.push(Listed::of(item));
            page.step().await;
        }
        match page.next {
            Err(error) if listing.entries.is_empty() => return Err(error),
            Ok(None) => {}
            _ => {
                listing.more = true;
                self.cache.in_layer.replace(Some(page));
            }
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
        let directory = resolve(&tree, &key(under))?;
        if let Some(node) = tree.get(&directory).filter(|node| node.kind != Kind::Directory) {
            let entries = if first == 0 && max > 0 { vec![node.listed(&directory)] } else { Vec::new() };
            return Ok(Listing { entries, more: false });
        }
        let kept = self.cache.in_tree.borrow_mut().take();
        let kept =
            kept.filter(|kept| kept.directory == directory && kept.recursive == recursive && kept.number <= first);
        let (from, passed) = kept.map_or((inside(&directory).into(), 0), |kept| (kept.next, kept.number));
        let mut all = Vec::new();
        let mut nodes: Box<dyn Iterator<Item = (&Key, &Node)>> = match recursive {
            true => Box::new(tree.beneath(&directory, &from)),
            false => Box::new(tree.children(&directory, &from)),
        };
        let skipped = usize::try_from(first.saturating_sub(passed)).unwrap_or(usize::MAX);
        let mut nodes = nodes.by_ref().skip(skipped);
        all.extend(nodes.by_ref().take(max as usize).map(|(key, node)| node.listed(key)));
        let next = nodes.next().map(|(key, _)| key.clone());
        let more = next.is_some();
        if let Some(next) = next {
            let number = first.saturating_add(all.len() as u64);
            self.cache.in_tree.replace(Some(InTree { directory, recursive, number, next }));
        }
        Ok(Listing { entries: all, more })
    }
}

impl<M: Media> InLayer<'_, M> {
    async fn step(&mut self) {
        self.next = self.walk.next().await;
        self.number = self.number.saturating_add(1);
    }
}
