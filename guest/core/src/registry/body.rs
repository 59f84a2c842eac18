//! A request's body: bytes that are opened anew for each attempt. Those of another registry are verified before the last of them are sent.

use std::mem;

use crate::contents::{Bytes, Reader};
use crate::digest::Digest;
use crate::error::{Fault, Result};
use crate::media::{Exchange, Hasher, Input, Media};
use crate::store::{self, PIECE};

/// A request's body, and who is told how many of its bytes were written.
pub struct Body<'a, M: Media> {
    /// Where they are.
    pub bytes: Bytes<'a, M>,
    /// Told about once a [`PIECE`] of a blob.
    pub told: &'a dyn Fn(u64),
}

impl<'a, M: Media> Body<'a, M> {
    /// A document.
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: Bytes::Memory(bytes.into()), told: &|_| () }
    }

    /// No body.
    pub fn none() -> Self {
        Self::of(&[])
    }

    /// Writes all that `reader` has. `false` when the peer stopped taking it: its answer, or what became of the connection, says why.
    ///
    /// # Errors
    /// What reading says; of the fault `source` when a remote blob has another digest: then its last bytes were not sent.
    pub async fn write(&self, media: &M, mut reader: Reader<'a, M>, to: &mut M::Exchange) -> Result<bool> {
        // What is kept at hand was hashed when it was made.
        let remote = match &self.bytes {
            Bytes::Remote { descriptor, .. } => Some(descriptor),
            Bytes::Memory(_) | Bytes::File { .. } => None,
        };
        let mut check = remote.map(|blob| (blob, media.hasher(blob.digest.algorithm())));
        let (mut held, mut done, mut told) = (Vec::new(), 0_u64, 0_u64);
        loop {
            let mut piece = reader.read(PIECE).await?;
            let ends = piece.is_empty();
            if ends {
                if let Some((blob, mut hasher)) = check.take() {
                    let is = Digest::from_hash(blob.digest.algorithm(), &hasher.sum().await);
                    store::verify(blob, is, Fault::Source)?;
                    piece = mem::take(&mut held);
                }
            } else if let Some((_, hasher)) = &mut check {
                hasher.update(piece.clone()).await;
                piece = mem::replace(&mut held, piece);
            }
            let size = piece.len() as u64;
            if size > 0 && to.write(piece).await.is_err() {
                return Ok(false);
            }
            done = done.saturating_add(size);
            if done.saturating_sub(told) >= u64::from(PIECE) {
                told = done;
                (self.told)(done);
            }
            if ends {
                return Ok(true);
            }
        }
    }
}
