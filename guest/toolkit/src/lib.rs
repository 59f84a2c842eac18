//! The world `toolkit` of `wit/worlds.wit`: the core's option table, codec and hashes, pure and synchronous.
//!
//! A shell: it converts types and decides nothing. Hosts pool its instances as workers; `ocix::check` is the smallest program that asks it.

#![deny(unsafe_code)]

mod bindings;
#[path = "../../component/src/errors.rs"]
mod errors;
#[path = "../../component/src/options.rs"]
mod options;

use std::cell::RefCell;

use ocix_core::inspect::verify;
use ocix_core::{layer, media};

use bindings::exports::ocix::image::codec::{Guest, GuestHasher};
use bindings::exports::ocix::image::findings::{self, Code, Severity};
use bindings::ocix::image::types::{Chunk, Compression, Error, HashAlgorithm, Packed};

/// What the world's exports are implemented on.
struct Shell;

impl Guest for Shell {
    type Hasher = Hasher;

    fn compress(chunk: Chunk) -> Result<Packed, Error> {
        let compression = match chunk.compression {
            Compression::Deflate(level) => media::Compression::Deflate(level),
            Compression::Gzip(level) => media::Compression::Gzip(level),
            Compression::Zstd(level) => media::Compression::Zstd(level),
        };
        let Chunk { dictionary, bytes, parts, last, .. } = chunk;
        let chunk = media::Chunk { compression, dictionary, bytes, parts, last };
        let media::Packed { bytes, parts, crc32 } = layer::compress(&chunk).map_err(errors::outward)?;
        Ok(Packed { bytes, parts, crc32 })
    }
}

impl findings::Guest for Shell {
    fn codes() -> Vec<Code> {
        let code = |code: &&verify::Code| Code {
            name: code.name.to_owned(),
            severity: match code.severity {
                verify::Severity::Note => Severity::Note,
                verify::Severity::Warning => Severity::Warning,
                verify::Severity::Broken => Severity::Broken,
            },
            explanation: code.explanation.to_owned(),
        };
        verify::codes().iter().map(code).collect()
    }
}

/// The resource `codec.hasher`.
struct Hasher(RefCell<layer::hash::Running>);

impl GuestHasher for Hasher {
    fn new(algorithm: HashAlgorithm) -> Self {
        let algorithm = match algorithm {
            HashAlgorithm::Sha256 => media::HashAlgorithm::Sha256,
            HashAlgorithm::Sha512 => media::HashAlgorithm::Sha512,
        };
        Self(RefCell::new(layer::hash::Running::new(algorithm)))
    }

    fn update(&self, bytes: Vec<u8>) {
        self.0.borrow_mut().update(&bytes);
    }

    fn sum(&self) -> Vec<u8> {
        self.0.borrow().sum()
    }
}
