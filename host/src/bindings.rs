//! What wasmtime's `bindgen!` makes of the two worlds in `wit/`. Nothing else stands here.

#![expect(missing_docs, reason = "generated; the WIT is documented")]

/// The world `images`: whole jobs.
pub mod images {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "images",
        imports: { default: trappable },
        with: {
            "ocix:image/files.file": crate::files::File,
            "ocix:image/files.input": crate::files::Input,
            "ocix:image/trees.tree": crate::trees::Tree,
            "ocix:image/directories.directory": crate::directories::Directory,
            "ocix:image/directories.writer": crate::writers::Writer,
            "ocix:image/directories.lock": crate::locks::Lock,
            "ocix:image/destinations.sink": crate::sinks::Sink,
            "ocix:image/destinations.tree-writer": crate::tree_writers::TreeWriter,
            "ocix:image/engines.engine": crate::engines::Connected,
            "ocix:image/stores.store": crate::containerd::Session,
            "ocix:image/stores.ingest": crate::containerd::Ingest,
            "ocix:image/http.exchange": crate::http::Exchange,
            "ocix:image/workers.hasher": crate::hashers::Hasher,
        },
    });
}

/// The world `toolkit`: the work per byte.
pub mod toolkit {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "toolkit",
        with: { "ocix:image/types": super::images::ocix::image::types },
    });
}
