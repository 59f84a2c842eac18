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
    /// Where else the blob lies; a layer that must not be distributed lies only there.
    pub urls: Vec<String>,
    /// In byte order of their keys, as documents have them.
    pub annotations: BTreeMap<String, String>,
    /// The blob itself, when it is small enough to stand in a document.
    pub data: Option<Vec<u8>>,
    /// Set on manifests in an index only.
    pub platform: Option<Platform>,
    /// What kind of artifact a manifest is; images have none.
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Of media type, digest and size alone.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// Of a document that is in memory.
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }
}
