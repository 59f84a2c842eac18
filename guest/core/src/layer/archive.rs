//! A foreign tar as a layer's contents: decoded, its frame checked, its bytes as they are.

use super::decode::Decoder;
use super::framing::Framing;
use super::write::{Contents, PIECE};
use crate::error::Result;
use crate::media::{File, Input};

/// The tar in an input, plain, gzip or zstd, to be read once.
pub struct Archive<I> {
    input: I,
    decoder: Decoder,
    framing: Framing,
    /// Bytes that were read and not yet decoded, from `taken` on.
    held: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<I: Input> Archive<I> {
    /// Reads as much as tells the compressions apart.
    pub async fn open(mut input: I) -> Result<Self> {
        let mut held = Vec::new();
        while held.len() < 4 {
            let piece = input.read(PIECE).await?;
            if piece.is_empty() {
                break;
            }
            held.extend(piece);
        }
        let decoder = Decoder::of(&held);
        Ok(Self { input, decoder, framing: Framing::default(), held, taken: 0, ended: false })
    }
}

impl<I: Input> Contents for Archive<I> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while !self.ended {
            let rest = self.held.get(self.taken..).unwrap_or_default();
            let (taken, out) = self.decoder.push(rest)?;
            self.taken = self.taken.saturating_add(taken);
            if !out.is_empty() {
                self.framing.push(&out)?;
                return Ok(Some(out));
            }
            if taken == 0 {
                // What a decoder leaves is the start of something that needs more.
                let mut held = self.held.split_off(self.taken.min(self.held.len()));
                let more = self.input.read(PIECE).await?;
                if more.is_empty() {
                    self.ended = true;
                    self.decoder.finish()?;
                    self.framing.finish()?;
                }
                held.extend(more);
                (self.held, self.taken) = (held, 0);
            }
        }
        Ok(None)
    }
}

/// Bytes at rest, as bytes that come once.
pub struct FileInput<F> {
    file: F,
    offset: u64,
}

impl<F: File> FileInput<F> {
    /// From the first byte on.
    pub fn new(file: F) -> Self {
        Self { file, offset: 0 }
    }
}

impl<F: File> Input for FileInput<F> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let piece = self.file.read_at(self.offset, max).await?;
        self.offset = self.offset.saturating_add(piece.len() as u64);
        Ok(piece)
    }
}
