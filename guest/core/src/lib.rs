//! All logic of ocix, and none of its I/O.
//!
//! The core turns options and contents into layers, documents, an OCI layout and registry requests. What it reads, writes, sends
//! and asks comes through the traits of [`media`]; it has no file system, clock, randomness, threads or sockets of its own. Every
//! host runs this code: the command line and other wasmtime hosts as a component, pages through wasm-bindgen.
//!
//! Modules stand in the order of the data's way: [`options`] say what is wanted, [`contents`] become [`layer`]s, layers become
//! [`documents`], both go into a [`store`] or through the [`registry`] protocol; [`export`] is the whole way, and
//! [`copy`] the way of images that stay as they are.
//!
//! ```
//! use futures_util::FutureExt;
//! use ocix_core::export::{self, Job, Source};
//! use ocix_core::media::{Entry, Kind, Timestamp};
//! use ocix_core::memory::{Directory, Memory, Tree};
//!
//! let content = b"hello\n".to_vec();
//! let mut tree = Tree::default();
//! tree.push(
//!     Entry {
//!         path: b"hello.txt".to_vec(),
//!         kind: Kind::Regular(content.len() as u64),
//!         mode: 0o644,
//!         uid: 0,
//!         gid: 0,
//!         modified: Timestamp { seconds: 1_700_000_000, nanoseconds: 0 },
//!         xattrs: Vec::new(),
//!     },
//!     content,
//! );
//! let outputs = vec!["type=image,name=hello:v1".into()];
//! let job = Job {
//!     epoch: Some(1_700_000_000),
//!     ..Job::new(Source::Files(tree), "linux/amd64".parse()?, outputs)
//! };
//! let store = Directory::default();
//! // In memory nothing ever waits, so the future is ready at once.
//! let results = export::run(&Memory::default(), job, store.clone()).now_or_never().expect("ready")?;
//! let digest = results.reports[0].targets[0].outcome.clone()?.expect("an image has one");
//! assert!(store.files().iter().any(|(path, _)| *path == digest.blob_path()));
//! # Ok::<(), ocix_core::error::Error>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

mod base64;
pub mod contents;
pub mod copy;
pub mod descriptor;
pub mod digest;
pub mod documents;
pub mod error;
pub mod export;
pub mod inspect;
pub mod layer;
pub mod media;
pub mod media_type;
pub mod memory;
pub mod options;
pub mod platform;
pub mod reference;
pub mod registry;
pub mod store;
pub mod text;
pub mod unpack;
