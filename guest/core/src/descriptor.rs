//! Descriptors: what a blob or document is, and by which digest it is found (OCI image spec, descriptor.md).

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::platform::Platform;

/// What a blob or document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Never empty.
    pub media_type: String,
    /// Of the bytes as stored.
    pub digest: Digest,
    /// Bytes as stored.
    pub size: u64,
    /// In byte order of their keys, as documents have them.
    pub annotations: BTreeMap<String, String>,
    /// Set on manifests in an index only.
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Without annotations and platform.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self { media_type: media_type.into(), digest, size, annotations: BTreeMap::new(), platform: None }
    }

    /// Of a document that is in memory.
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }
}
