//! All logic of ocix, and none of its I/O.
//!
//! The core turns options and contents into layers, documents, an OCI layout and registry requests. What it reads, writes, sends
//! and asks comes through the traits of [`media`]; it has no file system, clock, randomness, threads or sockets of its own.

#![forbid(unsafe_code)]

pub mod descriptor;
pub mod digest;
pub mod documents;
pub mod error;
pub mod layer;
pub mod media;
pub mod media_type;
pub mod platform;
pub mod text;
