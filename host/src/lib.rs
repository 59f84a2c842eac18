//! Container images without a daemon: BuildKit's image exporter as a WebAssembly component, and this host around it.
//!
//! The component decides every byte of an image; the host gives it files to read, a store and the places that outputs name to write,
//! registries to talk to and workers to compress with, and no more. Each import of `wit/` has a file here of its own name.
//!
//! ```
//! use ocix::{Components, Context, Job, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = std::env::temp_dir().join(format!("ocix-doc-{}", std::process::id()));
//! # let (site, store) = (scratch.join("site"), scratch.join("store"));
//! # std::fs::create_dir_all(&site)?;
//! std::fs::write(site.join("index.html"), "<p>hello</p>")?;
//! let job = Job {
//!     native: "linux/amd64".into(),
//!     epoch: Some(1_700_000_000),
//!     ..Job::new(Source::Directory(site), "type=image,name=site:latest")
//! };
//! let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! let results = runtime.block_on(Components::embedded()?.export(job, Context::new(&store)))?;
//! let digest = results.reports[0].targets[0].outcome.clone()?;
//! assert!(digest.expect("an image has one").starts_with("sha256:"));
//! # std::fs::remove_dir_all(scratch)?;
//! # Ok(())
//! # }
//! ```

mod addresses;
mod attributes;
mod beneath;
mod bindings;
mod certificates;
mod clients;
mod clock;
mod code;
mod components;
mod containerd;
mod control;
mod copy;
mod credentials;
mod destinations;
mod directories;
mod drafts;
mod engine;
mod engines;
mod error;
mod export;
mod failure;
mod files;
mod hashers;
mod http;
mod inspect;
mod job;
mod keeper;
mod limits;
mod locks;
mod login;
mod named;
mod options;
mod progress;
mod serve;
mod sinks;
mod source;
mod state;
mod stores;
mod transport;
mod tree_writers;
mod trees;
mod unpack;
mod workers;
mod writers;
mod xattrs;

pub use components::Components;
pub use containerd::Containerd;
pub use copy::{Copied, Copy, Created, Delivery, Destination, NewIndex, Place};
pub use credentials::{Credential, Credentials};
pub use engines::Engine;
pub use error::shown;
pub use export::Context;
pub use failure::{Error, ErrorCode, Fault, Planned, Pushed, Report, Results, Tally, Target};
pub use inspect::{Image, InspectLimits, Look, Piece};
pub use job::{Attestation, Content, Form, Job, Transfer};
pub use keeper::Extent;
pub use limits::Limits;
pub use login::verify;
pub use options::{Code, Kind, OptionDoc, Severity, check, finding_codes, markdown, options};
pub use progress::{Action, Event, Outcome, Retry, Step};
pub use serve::{Listening, Site};
pub use sinks::save;
pub use source::Source;
pub use transport::{Identity, Transport};
pub use unpack::{Unpack, Unpacked};
