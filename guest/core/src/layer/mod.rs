//! Layers: from entries or foreign tars to the tar, its diff ID, chunks, codec, digest.

mod archive;
pub(crate) mod decode;
mod deflate;
mod framing;
mod gzip;
pub mod hash;
pub(crate) mod header;
mod order;
pub(crate) mod pax;
pub mod tar;
mod tree;
#[cfg(test)]
mod trial;
mod write;

use std::fmt;

use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::media_type::Packing;

pub use archive::{Archive, FileInput};
pub use deflate::compress;
pub use order::Ordered;
pub use tree::TreeTar;
pub use write::{Contents, write};

/// How a new layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The tar as it is.
    Uncompressed,
    /// One gzip member (RFC 1952); level 0 to 9.
    Gzip {
        /// zlib-rs' level.
        level: u8,
    },
}

impl Codec {
    /// What the layer's media type says of it.
    pub fn packing(self) -> Packing {
        match self {
            Self::Uncompressed => Packing::Plain,
            Self::Gzip { .. } => Packing::Gzip,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncompressed => f.write_str("uncompressed"),
            Self::Gzip { level } => write!(f, "gzip {level}"),
        }
    }
}

/// The level of gzip when none is asked for: as small as BuildKit's default, and faster.
pub const DEFAULT_GZIP_LEVEL: u8 = 4;

/// A finished layer: its blob is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Of the blob.
    pub descriptor: Descriptor,
    /// Of the tar in it.
    pub diff_id: DiffId,
}
