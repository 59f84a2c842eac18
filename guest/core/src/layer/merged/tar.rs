//! A root file system as a tar.

use super::{Layers, Plan, Sink};
use crate::error::Result;
use crate::layer::tar;
use crate::media::{Entry, Kind};

/// The second pass, as a tar with all extended attributes, in pieces, to `write`.
///
/// # Errors
/// Those of [`Plan::write`], of [`tar::append`] and of `write`.
pub async fn write_tar<L: Layers>(
    plan: &Plan,
    layers: &L,
    write: impl AsyncFnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    let mut tar = Tar { write, held: Vec::new(), size: 0 };
    plan.write(layers, &mut tar).await?;
    tar::pad(&mut tar.held, tar.size);
    tar.held.extend(tar::END);
    (tar.write)(tar.held).await
}

struct Tar<F> {
    write: F,
    held: Vec<u8>,
    /// Of the content that was last.
    size: u64,
}

impl<F: AsyncFnMut(Vec<u8>) -> Result<()>> Tar<F> {
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
