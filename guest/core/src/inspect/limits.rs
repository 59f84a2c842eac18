//! What is read of an image at most. Each limit that is met is an error `limit-exceeded` with its name, or a finding.

use crate::copy;
use crate::layer;

/// The limits, all of them adjustable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each layer.
    pub layer: layer::Limits,
    /// Bytes of memory for names and what belongs to them, of all layers of an image together.
    pub index: u64,
    /// Levels of documents, the root being one.
    pub depth: usize,
    /// Documents and blobs of an image.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { layer: layer::Limits::default(), index: 128 << 20, depth: copy::MAX_DEPTH, nodes: copy::MAX_NODES }
    }
}
