//! Layers: from entries or foreign tars to the tar, its diff ID, chunks, codec, digest.

mod archive;
mod block;
mod chunk;
pub mod decode;
mod deflate;
pub mod entries;
mod estargz;
mod flate;
mod footer;
mod framing;
mod gzip;
pub mod hash;
pub(crate) mod header;
mod limits;
mod members;
mod memo;
pub mod merged;
mod order;
pub(crate) mod pax;
mod pump;
mod resume;
mod rewrite;
pub mod tar;
pub(crate) mod toc;
mod tree;
#[cfg(test)]
pub mod trial;
mod walk;
mod write;
mod zstd;

use std::fmt;

use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::media_type::Packing;

pub use archive::{Archive, FileInput};
pub use chunk::compress;
pub use estargz::{TAR_SIZE, TOC_DIGEST};
pub use footer::{is_estargz, payload};
pub use limits::Limits;
pub use memo::Memo;
pub use order::Ordered;
pub use pump::Memory;
pub use resume::{Mark, Marks};
pub use rewrite::Rewritten;
pub use tree::TreeTar;
pub use write::{Contents, write};
pub use zstd::DEFAULT_ZSTD_LEVEL;

/// How a new layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The tar as it is.
    Uncompressed,
    /// eStargz: gzip members, one for each chunk of a file, and their table of contents; level 0 to 9.
    Estargz {
        /// DEFLATE's level.
        level: u8,
    },
    /// One gzip member (RFC 1952); level 0 to 9.
    Gzip {
        /// DEFLATE's level.
        level: u8,
    },
    /// zstd frames (RFC 8878); level 1 to 22.
    Zstd {
        /// zstd's level.
        level: u8,
    },
}

impl Codec {
    /// What the layer's media type says of it.
    pub fn packing(self) -> Packing {
        match self {
            Self::Uncompressed => Packing::Plain,
            Self::Estargz { .. } | Self::Gzip { .. } => Packing::Gzip,
            Self::Zstd { .. } => Packing::Zstd,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncompressed => f.write_str("uncompressed"),
            Self::Estargz { level } => write!(f, "estargz {level}"),
            Self::Gzip { level } => write!(f, "gzip {level}"),
            Self::Zstd { level } => write!(f, "zstd {level}"),
        }
    }
}

/// The level of gzip and eStargz when none is asked for: as small as BuildKit's default, and faster.
pub const DEFAULT_GZIP_LEVEL: u8 = 4;

/// The number of the codec profile (wit/README.md, "The codec profile").
pub const PROFILE: u32 = 1;

/// A finished layer: its blob is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Of the blob.
    pub descriptor: Descriptor,
    /// Of the tar in it.
    pub diff_id: DiffId,
}
