//! The layers of one image: their entries, the tree that they give together, what each of them did, and the content of files.
//!
//! Layers are streams: what is asked for in order is read on, and nothing is read twice that can be kept small. Trees are kept once they are
//! built; their memory is limited.

mod changes;
mod content;
mod kinds;
mod listing;
mod merged;
mod node;
mod pages;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod waste;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Image, Layer, Stack, Walk};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::Marks;
use crate::media::Media;
use crate::text::shown_bytes;

use changes::Deeds;
use content::{Chunk, Open};
use merged::{Merged, Upper};
use pages::{InLayer, InTree};
use run::Run;
use table::Table;

pub use changes::{Change, Changed, Changes, LayerChanges, LayerDeeds, Tally};
pub use content::Content;
pub use kinds::FileKind;
pub use listing::{Device, Kind, Listed, Listing};
pub use waste::{Efficiency, Wasted};

/// What was found out about an image's layers, for the next question.
pub struct Cache<'a, M: Media> {
    stack: RefCell<Option<Rc<Stack<'a, M>>>>,
    /// Where the last page of entries ended, and that of a tree.
    in_layer: RefCell<Option<InLayer<'a, M>>>,
    in_tree: RefCell<Option<InTree>>,
    /// Of all layers together, or of one.
    trees: RefCell<BTreeMap<Option<usize>, Rc<Merged>>>,
    /// The same where tables of contents stand for layers: good to find files in.
    indexes: RefCell<BTreeMap<Option<usize>, Rc<Merged>>>,
    /// Of layers that were asked for theirs; none where there is no good one.
    tables: RefCell<BTreeMap<usize, Option<Rc<Table>>>>,
    changes: RefCell<Option<Changes>>,
    deeds: RefCell<Option<Rc<Deeds>>>,
    /// Of compressed layers that were read: where they can be read on.
    marks: RefCell<BTreeMap<usize, Rc<Marks>>>,
    /// Where the last part of a file ended, of a sparse one too, and the last chunk that was verified.
    run: RefCell<Option<Run<'a, M>>>,
    open: RefCell<Option<Open<'a, M>>>,
    chunk: RefCell<Option<Chunk>>,
}

impl<M: Media> Default for Cache<'_, M> {
    fn default() -> Self {
        Self {
            stack: RefCell::default(),
            in_layer: RefCell::default(),
            in_tree: RefCell::default(),
            trees: RefCell::default(),
            indexes: RefCell::default(),
            tables: RefCell::default(),
            changes: RefCell::default(),
            deeds: RefCell::default(),
            marks: RefCell::default(),
            run: RefCell::default(),
            open: RefCell::default(),
            chunk: RefCell::default(),
        }
    }
}

impl<'a, M: Media> Image<'a, M> {
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
        let mut tree = Merged::default();
        for layer in range(&stack, only)? {
            let upper = self.upper(&stack, layer, &tree).await?.0;
            tree.put(upper, |_| {});
        }
        let tree = Rc::new(tree);
        keep(&mut self.cache.trees.borrow_mut(), only, &tree);
        Ok(tree)
    }

    /// The same to find a file in: where a layer has a good table of contents that is enough, and the layer is not read.
    /// Says also whether there is one.
    async fn index(&self, only: Option<usize>) -> Result<(Rc<Merged>, bool)> {
        let stack = self.layers().await?;
        let layers = range(&stack, only)?;
        let mut tables = Vec::new();
        for layer in layers.clone() {
            tables.push(self.table(&stack, layer).await?);
        }
        if self.cache.trees.borrow().contains_key(&only) || tables.iter().all(Option::is_none) {
            return Ok((self.merged(only).await?, false));
        }
        if let Some(tree) = self.cache.indexes.borrow().get(&only) {
            return Ok((Rc::clone(tree), true));
        }
        let mut tree = Merged::default();
        for (layer, table) in layers.zip(tables) {
            let upper = match table {
                Some(table) => table.upper(number(layer), &tree, self.limits.index)?,
                None => self.upper(&stack, layer, &tree).await?.0,
            };
            tree.put(upper, |_| {});
        }
        let tree = Rc::new(tree);
        keep(&mut self.cache.indexes.borrow_mut(), only, &tree);
        Ok((tree, true))
    }

    /// A layer that is about to be put on others, and the bytes of its tar.
    async fn upper(&self, stack: &Stack<'a, M>, layer: usize, beneath: &Merged) -> Result<(Upper, u64)> {
        let mut upper = Upper::default();
        let mut walk = Walk::told(one(stack, layer)?, &self.limits, self.media).await?;
        let most = MARKS.checked_div(stack.layers.len() as u64).unwrap_or_default();
        if let Some(marks) = walk.marks() {
            *marks = Some(Marks::new(APART, most));
        }
        while let Some(item) = walk.next().await? {
            upper.add(&item, number(layer), walk.position(), beneath, self.limits.index)?;
        }
        if let Some(marks) = walk.marks().and_then(Option::take) {
            self.cache.marks.borrow_mut().insert(layer, Rc::new(marks));
        }
        Ok((upper, walk.position()))
    }
}

fn one<'s, 'a, M: Media>(stack: &'s Stack<'a, M>, layer: usize) -> Result<&'s Layer<'a, M>> {
    stack.layers.get(layer).ok_or_else(|| {
        let message = format!("there is no layer {layer}: the image has {}, numbered from 0", stack.layers.len());
        Error::new(Fault::Request, Code::NotFound, message)
    })
}

/// All layers, or the one.
fn range<M: Media>(stack: &Stack<'_, M>, only: Option<usize>) -> Result<std::ops::Range<usize>> {
    match only {
        Some(layer) => one(stack, layer).map(|_| layer..layer.saturating_add(1)),
        None => Ok(0..stack.layers.len()),
    }
}

/// One tree is enough to have in memory, beside that of all layers.
fn keep(trees: &mut BTreeMap<Option<usize>, Rc<Merged>>, only: Option<usize>, tree: &Rc<Merged>) {
    trees.retain(|kept, _| kept.is_none());
    trees.insert(only, Rc::clone(tree));
}

/// A layer's number as trees have it.
fn number(layer: usize) -> u32 {
    u32::try_from(layer).unwrap_or(u32::MAX)
}

/// Nothing is at a path.
fn missing(path: &[u8]) -> Error {
    let message = format!("there is no `/{}` in the image", shown_bytes(path));
    Error::new(Fault::Request, Code::NotFound, message)
}

/// Bytes of tar between two places from which a layer can be read on.
const APART: u64 = 4 << 20;
/// Bytes of memory that such places take in an image.
const MARKS: u64 = 32 << 20;
