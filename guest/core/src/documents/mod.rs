//! Documents: configs, manifests, indexes, byte for byte as BuildKit writes them.
//!
//! Readers accept what the OCI image spec allows and refuse what two readers could understand differently; unknown fields survive
//! where a document is rewritten.

pub mod config;
pub mod index;
pub mod json;
pub mod manifest;
pub mod read;
pub mod time;
