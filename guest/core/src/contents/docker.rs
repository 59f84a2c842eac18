//! A docker archive (`docker save`): its `manifest.json`, and the OCI manifests that its images would have.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::config::Config;
use crate::documents::manifest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{File, Input, Media};
use crate::media_type::{self, Family, Packing};
use crate::reference::Reference;
use crate::store::{MAX_DOCUMENT, PIECE};
use crate::text::shown;

use super::bytes::Bytes;
use super::members::Members;

/// The images of an archive.
pub struct Archive<'a, M: Media> {
    images: Vec<Image>,
    /// Configs, and manifests that were made up.
    documents: BTreeMap<Digest, Vec<u8>>,
    layers: BTreeMap<Digest, Bytes<'a, M>>,
}

/// One of them.
struct Image {
    /// As the archive has them.
    tags: Vec<String>,
    manifest: Descriptor,
}

impl<'a, M: Media> Archive<'a, M> {
    /// Reads `manifest.json` and the configs. A layer that is packed is read to know its digest.
    ///
    /// # Errors
    /// `malformed` for what contradicts itself or names what is not there.
    pub async fn open(media: &'a M, members: &Members<M::File>) -> Result<Self> {
        let listing = document(members, "manifest.json").await?;
        let listing: Value = serde_json::from_slice(&listing)
            .map_err(|why| malformed(format!("has a manifest.json that is not JSON: {why}")))?;
        let entries = listing.as_array().filter(|entries| !entries.is_empty());
        let entries = entries.ok_or_else(|| malformed("has a manifest.json without images".into()))?;
        let mut archive = Self { images: Vec::new(), documents: BTreeMap::new(), layers: BTreeMap::new() };
        for entry in entries {
            archive.add(media, members, entry).await?;
        }
        Ok(archive)
    }

    /// The manifests of the image of this name, or of all.
    ///
    /// # Errors
    /// `not-found` for a name that no image has; when there are several images and no name.
    pub fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        let images: Vec<&Image> = match name {
            Some(name) => self.images.iter().filter(|image| image.is(name)).collect(),
            None => self.images.iter().collect(),
        };
        let tags: Vec<&str> = self.images.iter().flat_map(|image| &image.tags).map(String::as_str).collect();
        let there = shown(&tags.join(", "));
        match (images.as_slice(), name) {
            ([image], _) => Ok(vec![image.manifest.clone()]),
            ([], Some(name)) => {
                let message = format!("the archive has no image `{}`; it has {there}", shown(name));
                Err(Error::new(Fault::Request, Code::NotFound, message))
            }
            _ => {
                let message = format!(
                    "the archive has {} images: choose one as in docker-archive:PATH#NAME; there are {there}",
                    self.images.len()
                );
                Err(Error::new(Fault::Request, Code::Unsupported("several images".into()), message))
            }
        }
    }

    /// The first name of the only image, or of the image that `name` means.
    pub fn name(&self, name: Option<&str>) -> Option<String> {
        self.images.iter().find(|image| name.is_none_or(|name| image.is(name)))?.tags.first().cloned()
    }

    /// A manifest or config.
    pub fn document(&self, descriptor: &Descriptor) -> Option<Vec<u8>> {
        self.documents.get(&descriptor.digest).cloned()
    }

    /// A layer.
    pub fn layer(&self, descriptor: &Descriptor) -> Option<Bytes<'a, M>> {
        self.layers.get(&descriptor.digest).cloned()
    }

    async fn add(&mut self, media: &'a M, members: &Members<M::File>, entry: &Value) -> Result<()> {
        let texts = |key: &str| -> Result<Vec<String>> {
            let wrong = || malformed(format!("has a manifest.json whose `{key}` is not a list of texts"));
            match entry.get(key) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::Array(texts)) => {
                    texts.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
                }
                Some(_) => Err(wrong()),
            }
        };
        let path = entry.get("Config").and_then(Value::as_str);
        let path = path.ok_or_else(|| malformed("has a manifest.json without a config".into()))?;
        let config = document(members, path).await?;
        let diff_ids = Config::parse(&config)?.diff_ids().to_vec();
        let layers = texts("Layers")?;
        if diff_ids.len() != layers.len() {
            let (layers, ids) = (layers.len(), diff_ids.len());
            return Err(malformed(format!("has an image of {layers} layers whose config has {ids} diff IDs")));
        }
        let mut listed = Vec::new();
        for (path, diff_id) in layers.iter().zip(diff_ids) {
            let bytes: Bytes<'a, M> = members.bytes(path).ok_or_else(|| missing(path))?;
            let packing = packing(&File::read_at(&bytes, 0, 4).await?);
            let digest = match packing {
                Packing::Plain => diff_id.0,
                Packing::Gzip | Packing::Zstd => hashed(media, &bytes).await?,
            };
            listed.push(Descriptor::new(Family::Oci.layer(packing, true), digest.clone(), bytes.size()));
            self.layers.insert(digest, bytes);
        }
        let config_descriptor = Descriptor::of(media_type::CONFIG, &config);
        let manifest = manifest::manifest(Family::Oci, &config_descriptor, &listed, &BTreeMap::new())?;
        let descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
        self.documents.insert(config_descriptor.digest, config);
        self.documents.insert(descriptor.digest.clone(), manifest);
        self.images.push(Image { tags: texts("RepoTags")?, manifest: descriptor });
        Ok(())
    }
}

impl Image {
    /// Whether a name means this image: a tag of it in whole, or in normal form.
    fn is(&self, name: &str) -> bool {
        let normal = |text: &str| text.parse::<Reference>().ok().map(|name| name.with_default_tag().to_string());
        self.tags.iter().any(|tag| tag == name || (normal(tag).is_some() && normal(tag) == normal(name)))
    }
}

async fn document<F: File>(members: &Members<F>, path: &str) -> Result<Vec<u8>> {
    members.document(path, MAX_DOCUMENT).await?.ok_or_else(|| missing(path))
}

async fn hashed<'a, M: Media>(media: &'a M, bytes: &Bytes<'a, M>) -> Result<Digest> {
    let mut reader = bytes.open().await?;
    let mut hasher = media.hasher(crate::media::HashAlgorithm::Sha256);
    loop {
        let piece = reader.read(PIECE).await?;
        if piece.is_empty() {
            let hash = crate::media::Hasher::finish(hasher).await;
            return Ok(Digest::from_hash(crate::media::HashAlgorithm::Sha256, &hash));
        }
        crate::media::Hasher::update(&mut hasher, piece).await;
    }
}

fn packing(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

fn missing(path: &str) -> Error {
    malformed(format!("names `{}`, which is not in it", shown(path)))
}

fn malformed(what: String) -> Error {
    Error::malformed("docker archive", format!("the archive {what}"))
}
