//! A blob's bytes as an upload needs them: from any offset, again and again. What comes from afar is verified on its way, before the last
//! of it is given.

use crate::contents::{Bytes, Reader};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Fault, Result};
use crate::media::{Hasher, Input, Media};
use crate::store;

/// Reads one blob.
pub struct Feed<'a, M: Media> {
    bytes: Bytes<'a, M>,
    blob: Descriptor,
    reader: Option<Reader<'a, M>>,
    /// What the reader gives next.
    at: u64,
    given: u64,
    /// Of what nobody has hashed yet: the hash of everything before an offset.
    check: Option<(M::Hasher, u64)>,
}

impl<'a, M: Media> Feed<'a, M> {
    /// Reads nothing yet.
    pub fn new(media: &M, blob: &Descriptor, bytes: &Bytes<'a, M>) -> Self {
        // What is kept at hand was hashed when it was made.
        let check = bytes.is_remote().then(|| (media.hasher(blob.digest.algorithm()), 0));
        Self { bytes: bytes.clone(), blob: blob.clone(), reader: None, at: 0, given: 0, check }
    }

    /// How many bytes from the start were read at most.
    pub fn given(&self) -> u64 {
        self.given
    }

    /// Between 1 and `max` bytes from an offset, which is not behind what was read before.
    ///
    /// # Errors
    /// What reading says; of the fault `source` when a remote blob has another digest: then its last bytes are not given.
    pub async fn read(&mut self, from: u64, max: u32) -> Result<Vec<u8>> {
        let mut reader = match self.reader.take() {
            Some(reader) if self.at == from => reader,
            _ => self.bytes.open_at(from).await?,
        };
        let piece = reader.read(max).await?;
        self.reader = Some(reader);
        self.at = from.saturating_add(piece.len() as u64);
        self.given = self.given.max(self.at);
        if let Some((hasher, hashed)) = &mut self.check {
            let known = usize::try_from(hashed.saturating_sub(from)).unwrap_or(usize::MAX);
            if let Some(new) = piece.get(known..).filter(|new| !new.is_empty()) {
                hasher.update(new.to_vec()).await;
                *hashed = self.at;
            }
            if self.at >= self.blob.size {
                let is = Digest::from_hash(self.blob.digest.algorithm(), &hasher.sum().await);
                store::verify(&self.blob, is, Fault::Source)?;
            }
        }
        Ok(piece)
    }
}
