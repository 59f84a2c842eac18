//! containerd as a store of images, over its socket: what the import `stores` asks for.
//!
//! All work of a job stands under one lease, so that nothing is collected before a name or a label holds it. The lease ends with the job; after a
//! crash it expires by itself within a day. What a job that ends has begun and not committed is aborted.

mod content;
mod images;
mod ingests;
mod refused;
mod session;
mod snapshots;

use std::path::PathBuf;

pub use ingests::Ingest;
pub use session::Session;

/// Which containerd, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containerd {
    /// The socket that it listens on.
    pub socket: PathBuf,
    /// Images of one namespace are not seen in another, but share their blobs.
    pub namespace: String,
    /// Keeps the layers that are ready to run.
    pub snapshotter: String,
}

impl Default for Containerd {
    /// As `ctr` has it.
    fn default() -> Self {
        let snapshotter = "overlayfs".into();
        Self { socket: "/run/containerd/containerd.sock".into(), namespace: "default".into(), snapshotter }
    }
}
