//! A container runtime's own store: the nouns of `wit/stores.wit`.

use std::collections::BTreeMap;

use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::Result;

/// What a blob is labelled with: keys and values.
pub type Labels = BTreeMap<String, String>;

/// Keeps images for a container runtime. While the job is at work, nothing of it is collected.
pub trait Store {
    /// A blob on its way in.
    type Ingest: Ingest;
    /// What a blob is labelled with; `None` when it is not there.
    async fn labels(&self, blob: &Digest) -> Result<Option<Labels>>;
    /// Begins a blob, which is labelled so when it is committed; `None` when it is there already, and has these labels too from now on.
    async fn create(&self, expected: &Descriptor, labels: &Labels) -> Result<Option<Self::Ingest>>;
    /// Points a name, which may be any text, at an image. With an epoch, in seconds since 1970, that is when it was made.
    async fn tag(&self, name: &str, target: &Descriptor, epoch: Option<i64>) -> Result<()>;
    /// Makes a layer of the store ready to run on top of what has the chain ID `parent`, as `chain`; answers what the runtime calls the place.
    async fn unpack(
        &self,
        layer: &Descriptor,
        diff_id: &DiffId,
        chain: &Digest,
        parent: Option<&Digest>,
    ) -> Result<String>;
}

/// A blob on its way in; gone when dropped before it is committed.
pub trait Ingest {
    /// Bytes that are there already.
    fn offset(&self) -> u64;
    /// Appends.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;
    /// Checks the digest; durable, and visible at once and whole.
    async fn commit(self) -> Result<()>;
}
