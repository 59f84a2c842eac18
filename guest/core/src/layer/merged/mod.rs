//! The root file system that a stack of layers gives: whiteouts applied, every path once (OCI image spec, layer.md, "Applying
//! Changesets").
//!
//! Layers are read twice. The first pass makes a [`Plan`] of which entry of which layer stands where, as large as there are entries;
//! the second hands the entries to a [`Sink`], contents as they come: in the order of a walk ([`Plan::walk`]), or all directories in byte
//! order of their paths, then everything else layer by layer as it stands in the tars ([`Plan::write`]). Only what has just been
//! written is linked to, and every parent is there. A sink that can be thrown away gets most layers while they are read for the first time ([`once`]).

mod files;
mod once;
mod placed;
mod plan;
mod tar;
#[cfg(test)]
mod tests;
mod walk;

use self::plan::{Stack, Step};
use super::entries::Entries;
use super::write::Contents;
use crate::error::{Error, Result};
use crate::media::{Entry, Kind};
use crate::text::shown_bytes;

pub use files::Files;
pub use once::once;
pub use placed::Placed;
pub use tar::Tar;

/// Layers, the lowest first, that can be opened more than once.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Layers {
    /// A layer's tar.
    type Contents: Contents;
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them, counted from 0, from its first byte.
    async fn open(&self, number: usize) -> Result<Self::Contents>;
}

/// Where a root file system goes.
#[allow(async_fn_in_trait, reason = "one job is one thread: no future here needs to be Send")]
pub trait Sink {
    /// The next entry. Its parent and, for a hard link, the path it names were there before; all extended attributes are. A directory may come
    /// again: then it is like the last one.
    async fn entry(&mut self, entry: Entry) -> Result<()>;
    /// More of the content of the regular file that was last: in all as many bytes as it said.
    async fn content(&mut self, piece: Vec<u8>) -> Result<()>;
}

/// What of which layer is in the root file system.
pub struct Plan {
    root: Entry,
    directories: Vec<Entry>,
    /// By layer, in the order of its entries.
    steps: Vec<Vec<Step>>,
    bytes: u64,
}

impl Plan {
    /// The first pass, over all bytes of all layers. `warn` is told what the layers' contents warn of.
    ///
    /// # Errors
    /// Those of the layers and of [`Entries`]. `malformed` for an absolute name or one with `..`, an entry below what is no directory in
    /// its own layer, and a hard link to what is not there; `unsupported` for an entry of an unknown type.
    pub async fn new<L: Layers>(layers: &L, mut warn: impl FnMut(String)) -> Result<Self> {
        let mut stack = Stack::default();
        for layer in 0..layers.count() {
            stack.read(layers, layer, &mut warn).await.map_err(|error| within(error, layer, layers))?;
        }
        Ok(stack.finish(layers.count()))
    }

    /// The root itself, with an empty path, which the second pass leaves out: what the highest layer that says anything of it says.
    pub fn root(&self) -> &Entry {
        &self.root
    }

    /// Bytes of all regular files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many entries the root file system has.
    pub fn entries(&self) -> usize {
        self.steps.iter().map(Vec::len).fold(self.directories.len(), usize::saturating_add)
    }

    /// The second pass; the layers must be those of the first. A layer is read no further than is needed.
    ///
    /// # Errors
    /// Those of the layers and the sink.
    pub async fn write<L: Layers>(&self, layers: &L, sink: &mut impl Sink) -> Result<()> {
        for directory in &self.directories {
            sink.entry(directory.clone()).await?;
        }
        for (layer, steps) in self.steps.iter().enumerate().filter(|(_, steps)| !steps.is_empty()) {
            let mut cursor = Reader::open(layers, layer).await?;
            for step in steps {
                cursor.give(step, sink).await?;
            }
        }
        Ok(())
    }
}

/// A layer that is being read.
struct Reader<C> {
    entries: Entries<C>,
    /// Of the next entry.
    number: u64,
}

impl<C: Contents> Reader<C> {
    async fn open<L: Layers<Contents = C>>(layers: &L, layer: usize) -> Result<Self> {
        Ok(Self { entries: Entries::new(layers.open(layer).await?), number: 0 })
    }

    /// The next entry that stands for something, and its number among all.
    async fn next(&mut self, warn: &mut impl FnMut(String)) -> Result<Option<(Entry, u64)>> {
        loop {
            let header = self.entries.next().await?;
            while let Some(warning) = self.entries.warning() {
                warn(warning);
            }
            let Some(header) = header else { return Ok(None) };
            let number = self.number;
            self.number = self.number.saturating_add(1);
            if header.flag == b'g' {
                continue;
            }
            let entry = header.entry()?;
            if header.name.starts_with(b"/") && !entry.path.is_empty() {
                let name = shown_bytes(&header.name);
                return Err(Error::malformed(
                    "layer",
                    format!("`{name}` is an absolute name, which no layer may have"),
                ));
            }
            return Ok(Some((entry, number)));
        }
    }

    /// More of the content of the entry that was last.
    async fn content(&mut self) -> Result<Option<Vec<u8>>> {
        self.entries.content().await
    }

    /// Hands over the entry of a step, none of whose number or a later one was handed over before.
    async fn give(&mut self, step: &Step, sink: &mut impl Sink) -> Result<()> {
        let mut header = self.entries.next().await?;
        while self.number < step.number && header.is_some() {
            self.number = self.number.saturating_add(1);
            header = self.entries.next().await?;
        }
        self.number = self.number.saturating_add(1);
        let changed = || Error::malformed("layer", "a layer is shorter when it is read again: export it again");
        let mut entry = header.ok_or_else(changed)?.entry()?;
        entry.path.clone_from(&step.path);
        if let Some(first) = &step.link {
            entry.kind = Kind::HardLink(first.clone());
        }
        let regular = matches!(entry.kind, Kind::Regular(_));
        sink.entry(entry).await?;
        while regular && let Some(piece) = self.content().await? {
            sink.content(piece).await?;
        }
        Ok(())
    }
}

impl Stack {
    /// The next layer, which is read for the first time.
    async fn read<L: Layers>(&mut self, layers: &L, layer: usize, warn: &mut impl FnMut(String)) -> Result<()> {
        let mut reader = Reader::open(layers, layer).await?;
        let mut upper = self.layer(layer);
        while let Some((entry, number)) = reader.next(warn).await? {
            upper.add(entry, number)?;
        }
        upper.finish();
        Ok(())
    }
}

fn within<L: Layers>(error: Error, layer: usize, layers: &L) -> Error {
    let (number, count) = (layer.saturating_add(1), layers.count());
    error.within(format!("layer {number} of {count} cannot be put into a root file system"))
}
