//! Media types of manifests, configs and layers (OCI media-types.md; Docker's image manifest v2, schema 2).
//!
//! Only what ocix writes or tells apart is an item here; foreign ones travel as text.

/// An image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty object, where an artifact has no config.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
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
/// Docker's image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// An attestation: an in-toto statement.
pub const STATEMENT: &str = "application/vnd.in-toto+json";
/// What kind of artifact a manifest of attestations is.
pub const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// Manifests and indexes, as a request accepts them.
pub const MANIFESTS: &str = concat!(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json",
);

/// Whose media types a document says: option `oci-mediatypes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Docker's, which old daemons and registries ask for. No annotations on layers.
    Docker,
    /// The OCI's.
    Oci,
}

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

impl Family {
    /// Of an image index.
    pub fn index(self) -> &'static str {
        match self {
            Self::Docker => DOCKER_LIST,
            Self::Oci => INDEX,
        }
    }

    /// Of an image manifest.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Docker => DOCKER_MANIFEST,
            Self::Oci => MANIFEST,
        }
    }

    /// Of an image config.
    pub fn config(self) -> &'static str {
        match self {
            Self::Docker => DOCKER_CONFIG,
            Self::Oci => CONFIG,
        }
    }

    /// Of a layer packed this way. `distributable` is false for a layer that may only be fetched from where it says.
    pub fn layer(self, packing: Packing, distributable: bool) -> &'static str {
        LAYERS
            .iter()
            .find(|(_, how, whose, open)| *how == packing && *whose == self && *open == distributable)
            .map_or(LAYER, |(media_type, ..)| media_type)
    }
}

/// The packing of a layer of this media type, OCI's or Docker's, distributable or not; `None` when it is not a tar layer.
pub fn packing(media_type: &str) -> Option<Packing> {
    LAYERS.iter().find(|(known, ..)| *known == media_type).map(|(_, packing, ..)| *packing)
}

/// Whether a layer of this media type may be put into any registry; true for what is not a tar layer.
pub fn is_distributable(media_type: &str) -> bool {
    LAYERS.iter().find(|(known, ..)| *known == media_type).is_none_or(|(_, _, _, distributable)| *distributable)
}

/// Whether this is an index, OCI's or Docker's.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// Whether this is an image manifest, OCI's or Docker's.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Of an image's config, OCI's or Docker's.
pub fn is_config(media_type: &str) -> bool {
    matches!(media_type, CONFIG | DOCKER_CONFIG)
}

/// What a document that stands alone says that it is; else an OCI index when it lists manifests, and an OCI manifest when it does not.
pub fn of_document(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind<'a> {
        #[serde(borrow)]
        media_type: Option<std::borrow::Cow<'a, str>>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice(bytes) {
        Ok(Kind { media_type: Some(media_type), .. }) => media_type.into_owned(),
        Ok(Kind { manifests: Some(_), .. }) => INDEX.to_owned(),
        _ => MANIFEST.to_owned(),
    }
}

/// Every media type of a layer: how it is packed, whose it is, whether it is distributable.
const LAYERS: [(&str, Packing, Family, bool); 12] = [
    (LAYER, Packing::Plain, Family::Oci, true),
    (LAYER_GZIP, Packing::Gzip, Family::Oci, true),
    (LAYER_ZSTD, Packing::Zstd, Family::Oci, true),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar", Packing::Plain, Family::Oci, false),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Packing::Gzip, Family::Oci, false),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Packing::Zstd, Family::Oci, false),
    ("application/vnd.docker.image.rootfs.diff.tar", Packing::Plain, Family::Docker, true),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", Packing::Gzip, Family::Docker, true),
    ("application/vnd.docker.image.rootfs.diff.tar.zstd", Packing::Zstd, Family::Docker, true),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar", Packing::Plain, Family::Docker, false),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Packing::Gzip, Family::Docker, false),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", Packing::Zstd, Family::Docker, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_type_maps_to_itself_and_to_its_twin() {
        for (media_type, how, family, distributable) in LAYERS {
            assert_eq!(packing(media_type), Some(how));
            assert_eq!(is_distributable(media_type), distributable);
            assert_eq!(family.layer(how, distributable), media_type);
        }
        assert_eq!(packing(MANIFEST), None);
        assert!(is_distributable(MANIFEST));
    }
}
