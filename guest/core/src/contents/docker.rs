//! Docker archives: what `docker save` wrote before it wrote OCI layouts too (Docker's image spec v1.2, "Combined Image JSON + Filesystem
//! Changeset Format"), and what others write in its place.
//!
//! An image there is a config and layers, without a manifest; one is made from them. A plain layer's digest is the diff ID that the config
//! says; a compressed one's is computed by reading it once, when its image is asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::layout::sized;
use super::members::Members;
use super::names::{self, Own};
use super::{Bytes, Form};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::config::Config;
use crate::documents::{manifest, read};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::decode::Decoder;
use crate::media::{HashAlgorithm, Hasher, Input, Media};
use crate::media_type::{self, Family, Packing};
use crate::store::{MAX_DOCUMENT, PIECE};
use crate::text::shown;

/// A docker archive.
pub struct Docker<'a, M: Media> {
    media: &'a M,
    members: Members<M>,
    images: Vec<Listed>,
    /// Of the images that were asked for: manifests, configs, layers.
    known: RefCell<BTreeMap<Digest, Bytes<'a, M>>>,
}

/// An entry of `manifest.json`.
struct Listed {
    names: Vec<String>,
    config: String,
    layers: Vec<String>,
}

impl<'a, M: Media> Docker<'a, M> {
    /// Reads `manifest.json`. With [`Form::Detect`] the members come back when it is something else: many programs have a file of that name.
    pub async fn open(media: &'a M, members: Members<M>, form: Form) -> Result<std::result::Result<Self, Members<M>>> {
        let bytes = members.bytes(MANIFEST)?.whole(MANIFEST, MAX_DOCUMENT).await?;
        if form == Form::Detect && !matches!(bytes.trim_ascii(), [b'[', ..] | b"null") {
            return Ok(Err(members));
        }
        members.refuse_outside()?;
        let images = listed(&bytes)?;
        if images.is_empty() {
            return Err(Error::new(Fault::Source, Code::NotFound, "there is no image in the archive's manifest.json"));
        }
        Ok(Ok(Self { media, members, images, known: RefCell::default() }))
    }

    /// As [`super::Images::roots`].
    pub async fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        let chosen = match (name, self.images.as_slice()) {
            (Some(name), images) => {
                names::choose(images, |image| image.names.iter().cloned().map(Own::Full).collect(), name)?
            }
            (None, [image]) => vec![image],
            (None, images) => {
                let all: Vec<String> = images.iter().flat_map(|image| image.names.clone()).collect();
                let message = format!(
                    "there are {} images in the archive: choose one with docker-archive:PATH#NAME; {}",
                    images.len(),
                    names::list(&all)
                );
                return Err(Error::new(Fault::Request, Code::Unsupported("several images".into()), message));
            }
        };
        self.all(chosen).await
    }

    /// As [`super::Images::every_root`].
    pub async fn every_root(&self) -> Result<Vec<Descriptor>> {
        self.all(&self.images).await
    }

    /// As [`super::Images::document`].
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        self.blob(descriptor)?.whole(descriptor.digest.as_str(), MAX_DOCUMENT).await
    }

    /// As [`super::Images::blob`].
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>> {
        let known = self.known.borrow().get(&descriptor.digest).cloned();
        let bytes = known.ok_or_else(|| {
            let message = format!("blob {} is missing from the archive", descriptor.digest);
            Error::new(Fault::Source, Code::NotFound, message)
        })?;
        sized(descriptor, bytes)
    }

    async fn all(&self, images: impl IntoIterator<Item = &Listed>) -> Result<Vec<Descriptor>> {
        let mut roots = Vec::new();
        for image in images {
            roots.push(self.root(image).await?);
        }
        Ok(roots)
    }

    /// Makes the image's manifest.
    async fn root(&self, image: &Listed) -> Result<Descriptor> {
        let config = self.members.bytes(&image.config)?.whole(&shown(&image.config), MAX_DOCUMENT).await?;
        let parsed = Config::parse(&config)
            .map_err(|error| error.within(format!("cannot read `{}` of the archive", shown(&image.config))))?;
        let (layers, ids) = (image.layers.len(), parsed.diff_ids().len());
        if layers != ids {
            let message =
                format!("the archive's manifest.json has {layers} layers where the config has {ids} diff IDs");
            return Err(Error::malformed("image", message));
        }
        let mut layers = Vec::new();
        for (path, diff_id) in image.layers.iter().zip(parsed.diff_ids()) {
            let bytes = self.members.bytes(path)?;
            let start = bytes.read_at(0, 4).await.transpose()?.unwrap_or_default();
            let (packing, digest) = match Decoder::of(&start) {
                None => (Packing::Plain, diff_id.0.clone()),
                Some(Decoder::Gzip(_)) => (Packing::Gzip, self.digest(&bytes).await?),
                Some(Decoder::Zstd(_)) => (Packing::Zstd, self.digest(&bytes).await?),
            };
            layers.push(Descriptor::new(Family::Oci.layer(packing, true), digest.clone(), bytes.size()));
            self.known.borrow_mut().insert(digest, bytes);
        }
        let config = self.keep(media_type::CONFIG, &config);
        let mut root =
            self.keep(media_type::MANIFEST, &manifest::manifest(Family::Oci, &config, &layers, &BTreeMap::new())?);
        root.annotations.extend(image.names.first().map(|name| (names::NAME.to_owned(), name.clone())));
        Ok(root)
    }

    fn keep(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(media_type, bytes);
        self.known.borrow_mut().insert(descriptor.digest.clone(), Bytes::Memory(bytes.into()));
        descriptor
    }

    async fn digest(&self, bytes: &Bytes<'a, M>) -> Result<Digest> {
        let (mut reader, mut hasher) = (bytes.open().await?, self.media.hasher(HashAlgorithm::Sha256));
        loop {
            let piece = reader.read(PIECE).await?;
            if piece.is_empty() {
                return Ok(Digest::from_hash(HashAlgorithm::Sha256, &hasher.sum().await));
            }
            hasher.update(piece).await;
        }
    }
}

/// The entries of `manifest.json`: a list, which is read as the one member of an object, as strictly as any document.
fn listed(bytes: &[u8]) -> Result<Vec<Listed>> {
    let list: &RawValue = serde_json::from_slice(bytes)
        .map_err(|error| Error::malformed(MANIFEST, format!("the archive's manifest.json cannot be read: {error}")))?;
    let document = format!("{{\"images\":{list}}}");
    let images = read::document(document.as_bytes(), MANIFEST)?.objects("images", "image")?.unwrap_or_default();
    let listed = images.into_iter().map(|(image, _)| {
        let image = image.known(&["Config", "RepoTags", "Layers"])?;
        Ok(Listed {
            names: image.texts("RepoTags")?.unwrap_or_default(),
            config: image.need("Config", image.text("Config")?)?,
            layers: image.texts("Layers")?.unwrap_or_default(),
        })
    });
    listed.collect()
}

const MANIFEST: &str = "manifest.json";
