//! Blobs of images, read with their digests checked.

use crate::contents::{Bytes, Reader};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Fault, Result};
use crate::media::{Hasher, Input, Media};
use crate::store;

/// A blob, whose digest is checked as it is read: the end is only told when it is right.
pub struct Checked<'a, M: Media> {
    reader: Reader<'a, M>,
    hasher: Option<M::Hasher>,
    descriptor: Descriptor,
}

impl<'a, M: Media> Checked<'a, M> {
    /// From its start.
    pub async fn open(media: &M, descriptor: &Descriptor, bytes: &Bytes<'a, M>) -> Result<Self> {
        let hasher = Some(media.hasher(descriptor.digest.algorithm()));
        Ok(Self { reader: bytes.open().await?, hasher, descriptor: descriptor.clone() })
    }
}

impl<M: Media> Input for Checked<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let piece = self.reader.read(max).await?;
        match &mut self.hasher {
            Some(hasher) if !piece.is_empty() => hasher.update(piece.clone()).await,
            _ => {
                if let Some(mut hasher) = self.hasher.take() {
                    let is = Digest::from_hash(self.descriptor.digest.algorithm(), &hasher.sum().await);
                    store::verify(&self.descriptor, is, Fault::Source)?;
                }
            }
        }
        Ok(piece)
    }
}
