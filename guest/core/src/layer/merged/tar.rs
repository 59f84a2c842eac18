//! A root file system as a tar.

use super::Sink;
use crate::error::Result;
use crate::layer::tar;
use crate::media::{Entry, Kind};

/// Writes entries as a tar with all extended attributes, in pieces, to `write`.
pub struct Tar<F> {
    write: F,
    held: Vec<u8>,
    /// Of the content that was last.
    size: u64,
}

impl<F: AsyncFnMut(Vec<u8>) -> Result<()>> Tar<F> {
    /// Before the first entry.
    pub fn new(write: F) -> Self {
        Self { write, held: Vec::new(), size: 0 }
    }

    /// Ends the tar.
    ///
    /// # Errors
    /// Those of `write`.
    pub async fn finish(mut self) -> Result<()> {
        tar::pad(&mut self.held, self.size);
        self.held.extend(tar::END);
        (self.write)(self.held).await
    }

    async fn flush(&mut self) -> Result<()> {
        if self.held.len() < ENOUGH { Ok(()) } else { (self.write)(std::mem::take(&mut self.held)).await }
    }
}

impl<F: AsyncFnMut(Vec<u8>) -> Result<()>> Sink for Tar<F> {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        tar::pad(&mut self.held, self.size);
        self.size = if let Kind::Regular(size) = entry.kind { size } else { 0 };
        tar::append(&mut self.held, &entry, true)?;
        self.flush().await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        if self.held.is_empty() {
            self.held = piece;
        } else {
            self.held.extend(piece);
        }
        self.flush().await
    }
}

/// Bytes of a piece that is not worth waiting for more.
const ENOUGH: usize = 64 << 10;
