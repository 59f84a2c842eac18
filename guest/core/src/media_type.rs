//! Media types of manifests, configs and layers (OCI media-types.md; Docker's image manifest v2, schema 2).
//!
//! Only what ocix writes or tells apart is an item here; foreign ones travel as text.

/// An image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer: a plain tar.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer: a gzip tar.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer: a zstd tar.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's image index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// How a layer's tar is packed, as its media type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A plain tar.
    Plain,
    /// A gzip tar.
    Gzip,
    /// A zstd tar.
    Zstd,
}

/// The packing of a layer of this media type, OCI's or Docker's, distributable or not; `None` when it is not a tar layer.
pub fn packing(media_type: &str) -> Option<Packing> {
    Some(match media_type {
        LAYER
        | "application/vnd.oci.image.layer.nondistributable.v1.tar"
        | "application/vnd.docker.image.rootfs.diff.tar"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar" => Packing::Plain,
        LAYER_GZIP
        | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Packing::Gzip,
        LAYER_ZSTD
        | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Packing::Zstd,
        _ => return None,
    })
}

/// The OCI media type of a layer packed this way.
pub fn layer(packing: Packing) -> &'static str {
    match packing {
        Packing::Plain => LAYER,
        Packing::Gzip => LAYER_GZIP,
        Packing::Zstd => LAYER_ZSTD,
    }
}

/// Whether this is an index, OCI's or Docker's.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// Whether this is an image manifest, OCI's or Docker's.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}
