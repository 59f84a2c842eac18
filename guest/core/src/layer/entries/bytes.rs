//! The bytes of contents, taken in the amounts that are asked for.

use crate::error::Result;
use crate::layer::write::Contents;

/// Contents with a place in them.
pub struct Bytes<C> {
    /// Where they come from.
    pub contents: C,
    piece: Vec<u8>,
    /// What of `piece` is taken.
    at: usize,
    /// Bytes of all pieces before it.
    before: u64,
}

impl<C: Contents> Bytes<C> {
    /// At their start.
    pub fn new(contents: C) -> Self {
        Self { contents, piece: Vec::new(), at: 0, before: 0 }
    }

    /// How many bytes were taken so far.
    pub fn position(&self) -> u64 {
        self.before.saturating_add(self.at as u64)
    }

    /// The next 1 to `most` bytes; none at the end.
    pub async fn some(&mut self, most: u64) -> Result<Vec<u8>> {
        let count = self.ready(most).await?;
        if self.at == 0 && count == self.piece.len() {
            self.before = self.before.saturating_add(count as u64);
            return Ok(std::mem::take(&mut self.piece));
        }
        Ok(self.take(count).to_vec())
    }

    /// The next `count` bytes; fewer only at the end.
    pub async fn exactly(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let now = self.ready(count.saturating_sub(bytes.len()) as u64).await?;
            if now == 0 {
                break;
            }
            bytes.extend_from_slice(self.take(now));
        }
        Ok(bytes)
    }

    /// Passes over 1 to `most` bytes and says how many; 0 at the end.
    pub async fn skip(&mut self, most: u64) -> Result<u64> {
        let count = self.ready(most).await?;
        Ok(self.take(count).len() as u64)
    }

    /// How many of the next `most` bytes are here; 0 at the end.
    async fn ready(&mut self, most: u64) -> Result<usize> {
        while self.at >= self.piece.len() {
            let Some(piece) = self.contents.next().await? else { return Ok(0) };
            self.before = self.before.saturating_add(self.piece.len() as u64);
            (self.piece, self.at) = (piece, 0);
        }
        let here = self.piece.len().saturating_sub(self.at);
        Ok(usize::try_from(most).unwrap_or(usize::MAX).min(here))
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let end = self.at.saturating_add(count);
        let taken = self.piece.get(self.at..end).unwrap_or_default();
        self.at = end;
        taken
    }
}
