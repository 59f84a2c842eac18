//! Of an eStargz blob, the part that holds the tar it was made from: what stands behind is a table of contents that few readers expect.

use super::meter::Meter;
use crate::contents::{Bytes, Reader};
use crate::descriptor::Descriptor;
use crate::error::Result;
use crate::layer::{self, TOC_DIGEST};
use crate::media::{File, Input, Media};

/// The first part of a blob.
pub struct Until<'a, M: Media> {
    reader: Reader<'a, M>,
    left: u64,
    meter: Option<Meter<'a, M>>,
}

impl<'a, M: Media> Until<'a, M> {
    /// At most so many bytes, all when nothing is said.
    pub fn new(reader: Reader<'a, M>, left: Option<u64>, meter: Option<Meter<'a, M>>) -> Self {
        Self { reader, left: left.unwrap_or(u64::MAX), meter }
    }
}

impl<M: Media> Input for Until<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let max = max.min(u32::try_from(self.left).unwrap_or(u32::MAX));
        let piece = if max == 0 { Vec::new() } else { self.reader.read(max).await? };
        self.left = self.left.saturating_sub(piece.len() as u64);
        if let Some(meter) = &mut self.meter {
            meter.count(piece.len());
        }
        Ok(piece)
    }
}

/// How many bytes of an eStargz layer stand before its table of contents; none of any other. A remote one is asked for parts, when its
/// annotation says what it is.
pub async fn payload<M: Media>(descriptor: Option<&Descriptor>, bytes: &Bytes<'_, M>) -> Result<Option<u64>> {
    let annotated = descriptor.is_some_and(|own| own.annotations.contains_key(TOC_DIGEST));
    match bytes.is_remote() {
        true if annotated => layer::payload(&Parts(bytes)).await,
        true => Ok(None),
        false => layer::payload(bytes).await,
    }
}

/// A remote blob, a part a request.
struct Parts<'b, 'a, M: Media>(&'b Bytes<'a, M>);

impl<M: Media> File for Parts<'_, '_, M> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        self.0.open_at(offset).await?.read(max).await
    }
}
