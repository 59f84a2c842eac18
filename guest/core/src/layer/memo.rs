//! Layers that were made before, recognised while their tar is read again: what is known is not compressed twice.
//!
//! A tar's chunks are compared by the hash of everything up to their ends, so that the first one that differs ends the recognition, and
//! what stands before it can be taken from the blob that is there.

use crate::digest::Digest;
use crate::media::{Chunk, Directory, HashAlgorithm, Hasher};
use crate::store::Layout;
use crate::store::known::Known;

use super::{Codec, PROFILE};

/// Where layers are remembered, and how this one is to be made.
pub struct Memo<'s, D: Directory> {
    store: &'s Layout<D>,
    codec: Codec,
}

impl<D: Directory> Clone for Memo<'_, D> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// How far a tar was recognised.
pub enum Trail<'s, D: Directory> {
    /// Nobody remembers anything.
    Off,
    /// Nothing was read.
    Start(Memo<'s, D>),
    /// So many chunks are those of a layer that is known.
    On(Known, usize),
    /// It is another tar, from here on.
    Lost,
}

/// What is to be done with a chunk.
pub enum Fate {
    /// Nothing: its compressed form is known.
    Known,
    /// It is compressed; before it comes what is known, if anything is.
    New(Option<Known>),
}

impl<'s, D: Directory> Memo<'s, D> {
    /// For a layer that is made with this codec.
    pub fn new(store: &'s Layout<D>, codec: Codec) -> Self {
        Self { store, codec }
    }

    /// Where known blobs are.
    pub fn store(&self) -> &'s Layout<D> {
        self.store
    }

    /// Under which a tar is remembered whose first chunk has this hash.
    pub fn key(&self, first: &str) -> String {
        format!("profile {PROFILE} {}, tar that starts with {first}", self.codec)
    }
}

impl<D: Directory> Trail<'_, D> {
    /// The next chunk; `tar` is the hash of everything up to its end.
    pub async fn step(&mut self, chunk: &Chunk, tar: &str) -> Fate {
        if let Self::Start(memo) = self {
            *self = match memo.store.recall(&memo.key(tar)).await {
                Some(known) => Self::On(known, 0),
                None => Self::Lost,
            };
        }
        let Self::On(known, at) = self else { return Fate::New(None) };
        if known.pieces.get(*at).is_some_and(|piece| piece.tar == tar && piece.last == chunk.last) {
            *at = at.saturating_add(1);
            return Fate::Known;
        }
        Fate::New(self.leave())
    }

    /// At the end of the tar: the layer, when all of it is known; or what is known of it.
    pub fn end(&mut self) -> (Option<Known>, Option<Known>) {
        match self {
            Self::On(known, at) if *at == known.pieces.len() => (Some(known.clone()), None),
            _ => (None, self.leave()),
        }
    }

    /// What is known so far, if anything is.
    fn leave(&mut self) -> Option<Known> {
        match std::mem::replace(self, Self::Lost) {
            Self::On(mut known, at) if at > 0 => {
                known.pieces.truncate(at);
                Some(known)
            }
            _ => None,
        }
    }
}

/// The hash of everything so far, in hex.
pub async fn sum(hasher: &mut impl Hasher) -> String {
    Digest::from_hash(HashAlgorithm::Sha256, &hasher.sum().await).hex().to_owned()
}

#[cfg(test)]
mod tests;
