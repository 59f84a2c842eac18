//! A root file system as a file tree.

use super::Sink;
use crate::error::Result;
use crate::media::{Entry, TreeWriter};

/// Hands entries to a tree writer, many small ones with their contents at once. `told` of every piece of content how long it is.
pub struct Files<W, F> {
    writer: W,
    told: F,
    held: Vec<(Entry, Vec<u8>)>,
    /// Bytes of their contents.
    size: usize,
    /// Whether the last entry was handed over, so that its content follows it.
    open: bool,
}

impl<W: TreeWriter, F: FnMut(usize)> Files<W, F> {
    /// Before the first entry.
    pub fn new(writer: W, told: F) -> Self {
        Self { writer, told, held: Vec::new(), size: 0, open: false }
    }

    /// Ends the tree.
    ///
    /// # Errors
    /// Those of the writer.
    pub async fn finish(mut self) -> Result<()> {
        self.flush().await?;
        self.writer.finish().await
    }

    async fn flush(&mut self) -> Result<()> {
        self.size = 0;
        if self.held.is_empty() { Ok(()) } else { self.writer.put(std::mem::take(&mut self.held)).await }
    }
}

impl<W: TreeWriter, F: FnMut(usize)> Sink for Files<W, F> {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        if self.held.len() >= MANY {
            self.flush().await?;
        }
        self.held.push((entry, Vec::new()));
        self.open = false;
        Ok(())
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        (self.told)(piece.len());
        let Some((_, content)) = self.held.last_mut().filter(|_| !self.open) else {
            return self.writer.write(piece).await;
        };
        self.size = self.size.saturating_add(piece.len());
        if content.is_empty() {
            *content = piece;
        } else {
            content.extend(piece);
        }
        if self.size >= ENOUGH {
            self.open = true;
            self.flush().await?;
        }
        Ok(())
    }
}

/// Entries that are handed over at once.
const MANY: usize = 1024;
/// Bytes of content that are.
const ENOUGH: usize = 1 << 20;
