//! A foreign tar as a layer's contents: decoded, its frame checked, its bytes as they are.

use super::decode::Decoder;
use super::framing::Framing;
use super::limits::Limits;
use super::resume::{Mark, Marks};
use super::tar;
use super::write::{Contents, PIECE};
use crate::error::Result;
use crate::media::{File, Input};

/// The tar in an input, plain, gzip or zstd, to be read once.
pub struct Archive<I> {
    input: I,
    /// None for a plain tar.
    decoder: Option<Decoder>,
    framing: Framing,
    /// Bytes that were read and not yet decoded, from `taken` on.
    held: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Whether the tar may lack its end.
    completes: bool,
    /// What was looked at ahead.
    ahead: Option<Vec<u8>>,
}

impl<I: Input> Archive<I> {
    /// Reads as much as tells the compressions apart.
    ///
    /// # Errors
    /// The input's.
    pub async fn open(mut input: I) -> Result<Self> {
        let mut held = input.read(PIECE).await?;
        while !held.is_empty() && held.len() < 4 {
            let piece = input.read(PIECE).await?;
            if piece.is_empty() {
                break;
            }
            held.extend(piece);
        }
        let decoder = Decoder::of(&held);
        Ok(Self {
            input,
            decoder,
            framing: Framing::default(),
            held,
            taken: 0,
            ended: false,
            completes: false,
            ahead: None,
        })
    }

    /// The decompressed bytes behind a place in a stream, of which `input` is what stands there.
    pub fn at(mark: &Mark, input: I) -> Self {
        Self {
            input,
            decoder: Some(Decoder::at(mark)),
            framing: Framing::default(),
            held: Vec::new(),
            taken: 0,
            ended: false,
            completes: false,
            ahead: None,
        }
    }

    /// Where a compressed one notes the places from which it can be read on, if somewhere: to be given before anything was read.
    pub fn marks(&mut self) -> Option<&mut Option<Marks>> {
        self.decoder.as_mut().map(Decoder::marks)
    }

    /// With these limits instead of the usual ones; before anything was read of the tar.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        let decoder = self.decoder.map(|decoder| decoder.within(limits));
        Self { decoder, framing: Framing::within(limits), ..self }
    }

    /// As [`Archive::open`], for what stands before the table of contents of an eStargz layer ([`super::payload`]): not every tool
    /// ends the tar there. An end that is missing is added.
    ///
    /// # Errors
    /// The input's.
    pub async fn open_payload(input: I) -> Result<Self> {
        Ok(Self { completes: true, ..Self::open(input).await? })
    }

    /// The first bytes of the tar, not yet checked, which stay to be read.
    ///
    /// # Errors
    /// The input's, and what cannot be decoded.
    pub async fn peek(&mut self) -> Result<&[u8]> {
        if self.ahead.is_none() {
            self.ahead = Some(self.decoded().await?);
        }
        Ok(self.ahead.as_deref().unwrap_or_default())
    }

    /// The next bytes of the tar, not checked; none at the end.
    ///
    /// # Errors
    /// The input's, and what cannot be decoded.
    pub async fn decoded(&mut self) -> Result<Vec<u8>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(ahead);
        }
        loop {
            let Some(decoder) = &mut self.decoder else {
                let held = std::mem::take(&mut self.held);
                return if held.is_empty() { self.input.read(PIECE).await } else { Ok(held) };
            };
            let (taken, out) = decoder.push(self.held.get(self.taken..).unwrap_or_default())?;
            self.taken = self.taken.saturating_add(taken);
            if !out.is_empty() {
                return Ok(out);
            }
            if taken == 0 {
                // What a decoder leaves is the start of something that needs more.
                let mut held = self.held.split_off(self.taken.min(self.held.len()));
                let more = self.input.read(PIECE).await?;
                if more.is_empty() {
                    decoder.finish()?;
                    return Ok(Vec::new());
                }
                if held.is_empty() {
                    held = more;
                } else {
                    held.extend(more);
                }
                (self.held, self.taken) = (held, 0);
            }
        }
    }
}

impl<I: Input> Contents for Archive<I> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let piece = self.decoded().await?;
        if piece.is_empty() {
            self.ended = true;
            let finished = self.framing.finish();
            if finished.is_err()
                && self.completes
                && self.framing.push(&tar::END).is_ok()
                && self.framing.finish().is_ok()
            {
                return Ok(Some(tar::END.to_vec()));
            }
            return finished.map(|()| None);
        }
        self.framing.push(&piece)?;
        Ok(Some(piece))
    }

    fn warning(&mut self) -> Option<String> {
        self.framing.warning().or_else(|| self.decoder.as_mut()?.warning())
    }
}

/// Bytes at rest, as bytes that come once.
pub struct FileInput<F> {
    file: F,
    offset: u64,
    end: u64,
}

impl<F: File> FileInput<F> {
    /// From the first byte on.
    pub fn new(file: F) -> Self {
        Self::until(file, u64::MAX)
    }

    /// From the first byte on, at most so many.
    pub fn until(file: F, end: u64) -> Self {
        Self { file, offset: 0, end }
    }
}

impl<F: File> Input for FileInput<F> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let rest = self.end.saturating_sub(self.offset);
        if rest == 0 {
            return Ok(Vec::new());
        }
        let piece = self.file.read_at(self.offset, u32::try_from(rest).unwrap_or(max).min(max)).await?;
        self.offset = self.offset.saturating_add(piece.len() as u64);
        Ok(piece)
    }
}

#[cfg(test)]
mod tests;
