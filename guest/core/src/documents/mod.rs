//! Documents: configs, manifests and indexes, byte for byte as BuildKit writes them.
//!
//! Readers accept what the OCI image spec allows and refuse what two readers could understand differently. They blame the source
//! ([`crate::error::Fault::Source`]); who reads from elsewhere sets the fault. Unknown fields survive where a document is rewritten.

pub mod attestation;
pub mod config;
mod cursor;
pub(crate) mod descriptor;
pub mod docker_archive;
mod entry;
mod execution;
pub mod flaw;
mod healthcheck;
pub mod history;
pub mod index;
pub mod json;
pub mod manifest;
pub mod metadata;
pub mod naming;
pub mod pieces;
mod quick;
pub mod read;
pub mod referrer;
pub mod runtime;
mod select;
mod shape;
pub mod statement;
pub mod time;

#[cfg(test)]
mod golden;

use crate::error::{Code, Error, Fault, Result};

/// The largest document that is written for a registry, in bytes: all of them take 4 MiB (distribution spec, "Pushing Manifests").
pub const MAX_WRITTEN: usize = 4 << 20;

/// A document of `what`, which is refused when it has more than `most` bytes.
fn within(document: String, most: usize, what: &str) -> Result<Vec<u8>> {
    fits(document.len(), most, what).map(|()| document.into_bytes())
}

/// The same of so many bytes.
pub(crate) fn fits(bytes: usize, most: usize, what: &str) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    let message = format!(
        "the {what} would have {bytes} bytes, and {most} is the most: use fewer or shorter annotations, layers or names"
    );
    Err(Error::new(Fault::Request, Code::LimitExceeded("document size".into()), message))
}
