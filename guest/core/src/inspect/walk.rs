//! The entries of one layer, one after the other, as they stand in its tar. Of an eStargz layer, those that it was made from.

use super::meter::Meter;
use super::payload::{Until, payload};
use super::{Layer, Limits};
use crate::error::Result;
use crate::layer::entries::{Entries, Header};
use crate::layer::{Archive, Marks};
use crate::media::Media;

/// A layer that is being read.
pub struct Walk<'a, M: Media> {
    entries: Entries<Archive<Until<'a, M>>>,
    number: u64,
}

/// An entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number in the tar, from 0; global extended headers count.
    pub number: u64,
    /// Everything that the tar says of it, as it is written.
    pub header: Header,
}

impl<'a, M: Media> Walk<'a, M> {
    /// Before the first entry.
    ///
    /// # Errors
    /// What opening the blob says.
    pub async fn new(layer: &Layer<'a, M>, limits: &Limits) -> Result<Self> {
        Self::open(layer, limits, None).await
    }

    /// The same, and tells how far it is.
    ///
    /// # Errors
    /// As [`Walk::new`].
    pub async fn told(layer: &Layer<'a, M>, limits: &Limits, media: &'a M) -> Result<Self> {
        Self::open(layer, limits, Some(Meter::of(media, layer))).await
    }

    async fn open(layer: &Layer<'a, M>, limits: &Limits, meter: Option<Meter<'a, M>>) -> Result<Self> {
        let payload = payload(layer.descriptor.as_ref(), &layer.bytes).await?;
        let input = Until::new(layer.bytes.open().await?, payload, meter);
        let archive = match payload {
            Some(_) => Archive::open_payload(input).await?,
            None => Archive::open(input).await?,
        };
        let archive = archive.within(limits.layer);
        Ok(Self { entries: Entries::new(archive).within(limits.layer), number: 0 })
    }

    /// The next entry; the content of the one before it is skipped. `None` at the end: then the layer was read to its end and is a whole tar.
    ///
    /// # Errors
    /// `malformed`, `limit-exceeded`; those of the blob.
    pub async fn next(&mut self) -> Result<Option<Item>> {
        let Some(header) = self.entries.next().await? else { return Ok(None) };
        let number = self.number;
        self.number = self.number.saturating_add(1);
        Ok(Some(Item { number, header }))
    }

    /// The next bytes of the entry's content; `None` at its end.
    ///
    /// # Errors
    /// As [`Walk::next`].
    pub async fn content(&mut self) -> Result<Option<Vec<u8>>> {
        self.entries.content().await
    }

    /// Where in the tar the next byte stands.
    pub fn position(&self) -> u64 {
        self.entries.position()
    }

    /// Where a compressed layer notes the places from which it can be read on, if somewhere: to be given before the first entry.
    pub fn marks(&mut self) -> Option<&mut Option<Marks>> {
        self.entries.contents().marks()
    }

    /// Something to know about what was read so far; each is told once.
    pub fn warning(&mut self) -> Option<String> {
        self.entries.warning()
    }
}
