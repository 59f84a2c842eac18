//! What the tests stand on: a scratch folder, the command line under test, other people's programs, a registry.
//!
//! The tests themselves are in `tests/`, by subject; `cases/` has those that are data (`cases/README.md`). Nothing here knows how ocix
//! works: it is run as users run it, and what it leaves is read with this crate's own eyes or with other people's programs.
//!
//! ```
//! let scratch = ocix_tests::Scratch::new();
//! scratch.write("site/index.html", "<p>hello</p>");
//! assert_eq!(ocix_tests::Tree::read(&scratch.path("site")).names(), ["index.html"]);
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod broken;
pub mod cases;
pub mod certificates;
pub mod containerd;
pub mod docker;
pub mod golden;
pub mod handmade;
pub mod http;
pub mod layout;
pub mod need;
pub mod podman;
pub mod proxy;
pub mod registry;
pub mod run;
pub mod scratch;
pub mod served;
pub mod token;
pub mod tree;

mod noise;
mod text;
mod turns;
mod wait;

pub use cases::Case;
pub use certificates::Authority;
pub use containerd::Containerd;
pub use docker::Docker;
pub use layout::Layout;
pub use noise::Noise;
pub use podman::Podman;
pub use proxy::{Gateway, Passed, Plan, Tunnel};
pub use registry::{Auth, Registry, Setup};
pub use run::{Run, cargo, program};
pub use scratch::Scratch;
pub use served::Served;
pub use text::{base64, sha256};
pub use tree::Tree;
pub use turns::by_turns;
pub use wait::wait;
