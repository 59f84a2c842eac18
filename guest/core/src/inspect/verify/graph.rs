//! The walk over everything beneath the roots: each document and blob once, however often it is listed, and what stands beside each other
//! compared.

use std::collections::{BTreeMap, BTreeSet};

use super::blob::{self, Asked, Checked};
use super::codes;
use super::documents::{self, Read, Said};
use super::finding::{Findings, Flaw};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Result};
use crate::inspect::Image;
use crate::media::{HashAlgorithm, Media};
use crate::media_type;
use crate::text::shown;

/// The walk.
pub struct Walk<'i, 'a, M: Media> {
    image: &'i Image<'a, M>,
    /// What was found.
    pub findings: Findings,
    /// Documents that were read.
    pub documents: u64,
    /// Layers that were read.
    pub layers: u64,
    /// Blobs that were read, layers among them.
    pub blobs: u64,
    /// Bytes that were read.
    pub bytes: u64,
    documents_seen: BTreeSet<String>,
    /// Blobs that were read; a layer's with what was found out, once for each algorithm of diff IDs.
    seen: BTreeMap<(String, bool), Option<Checked>>,
    nodes: usize,
}

impl<'i, 'a, M: Media> Walk<'i, 'a, M> {
    /// Before the first root.
    pub fn new(image: &'i Image<'a, M>) -> Self {
        Self {
            image,
            findings: Findings::default(),
            documents: 0,
            layers: 0,
            blobs: 0,
            bytes: 0,
            documents_seen: BTreeSet::new(),
            seen: BTreeMap::new(),
            nodes: 0,
        }
    }

    /// Walks all that is beneath these, themselves included.
    ///
    /// # Errors
    /// What keeps the walk from going on.
    pub async fn all(&mut self, roots: &[Descriptor]) -> Result<()> {
        let mut open: Vec<(Descriptor, usize)> = roots.iter().rev().map(|root| (root.clone(), 1)).collect();
        while let Some((descriptor, depth)) = open.pop() {
            if !is_document(&descriptor) {
                let message = format!("`{}` is no image: only its bytes are checked", shown(&descriptor.media_type));
                self.findings.add(codes::LISTED_OTHER, descriptor.digest.as_str(), None, message);
                self.blob(&descriptor, None, false).await?;
                continue;
            }
            if !self.documents_seen.insert(format!("{} {}", descriptor.digest, descriptor.media_type)) {
                continue;
            }
            if depth > self.image.limits.depth {
                let most = self.image.limits.depth;
                let message = format!("there are more than {most} levels of documents: raise the limit to read on");
                self.findings.add(codes::LIMIT_DEPTH, descriptor.digest.as_str(), None, message);
                continue;
            }
            if !self.room(descriptor.digest.as_str()) {
                break;
            }
            let Some(bytes) = self.document(&descriptor).await? else { continue };
            let read = documents::document(&bytes, &descriptor, &mut self.findings);
            if self.image.stands_alone() {
                let message = "what it lists is not here: verify the image in its layout, archive or registry";
                self.findings.add(codes::ALONE, descriptor.digest.as_str(), None, message);
                continue;
            }
            if read.is_manifest {
                self.manifest(&descriptor, read).await?;
                continue;
            }
            self.attestations(&descriptor, &read.manifests);
            open.extend(read.manifests.into_iter().rev().map(|listed| (listed, depth.saturating_add(1))));
        }
        Ok(())
    }

    /// A layer without an image.
    ///
    /// # Errors
    /// As [`Walk::all`].
    pub async fn lone(&mut self, bytes: &Bytes<'a, M>) -> Result<()> {
        let layer = Some(HashAlgorithm::Sha256);
        let asked = Asked { descriptor: None, layer, bottom: false };
        let checked = blob::check(self.image.media, bytes, &asked, &self.image.limits, &mut self.findings).await?;
        self.layers = self.layers.saturating_add(1);
        self.blobs = self.blobs.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes.size());
        if let Some(flaw) = checked.and_then(|checked| blob::times(&checked, None::<fn(i64) -> bool>)) {
            self.findings.flaw(flaw, "layer", None);
        }
        Ok(())
    }

    /// Whether one more may be read.
    fn room(&mut self, scope: &str) -> bool {
        self.nodes = self.nodes.saturating_add(1);
        let most = self.image.limits.nodes;
        if self.nodes == most.saturating_add(1) {
            let message = format!("there are more than {most} documents and blobs: raise the limit to read on");
            self.findings.add(codes::LIMIT_NODES, scope, None, message);
        }
        self.nodes <= most
    }

    /// A document's bytes, which are what they should be.
    async fn document(&mut self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        match self.image.document(descriptor).await {
            Ok(bytes) => {
                self.documents = self.documents.saturating_add(1);
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                Ok(Some(bytes))
            }
            Err(error) => {
                self.findings.flaw(Flaw::of(error)?, descriptor.digest.as_str(), None);
                Ok(None)
            }
        }
    }

    fn attestations(&mut self, index: &Descriptor, entries: &[Descriptor]) {
        let there: BTreeSet<&Digest> = entries.iter().map(|entry| &entry.digest).collect();
        for entry in entries {
            let Some(about) = entry.annotations.get(ABOUT) else { continue };
            if !there.iter().any(|digest| digest.as_str() == about) {
                let message =
                    format!("it is about `{}`, which the index does not list: build the image again", shown(about));
                let part = entry.digest.as_str();
                self.findings.add(codes::ATTESTATION_ORPHAN, index.digest.as_str(), Some(part), message);
            }
        }
    }

    async fn manifest(&mut self, descriptor: &Descriptor, read: Read) -> Result<()> {
        let Read { config, layers, .. } = read;
        let scope = descriptor.digest.as_str();
        let is_image = config.as_ref().is_some_and(|config| is_config(&config.media_type));
        let mut said = None;
        if let Some(config) = config {
            if !is_image {
                self.blob(&config, None, false).await?;
            } else if self.room(scope)
                && let Some(bytes) = self.document(&config).await?
            {
                said = documents::config(&bytes, config.digest.as_str(), &mut self.findings);
            }
        }
        if let (Some(said), Some(layers)) = (&said, &layers) {
            self.compare(descriptor, said, layers.len());
        }
        let count = layers.as_ref().map(Vec::len);
        for (at, layer) in layers.iter().flatten().enumerate() {
            let Some(layer) = layer else { continue };
            // With more or fewer of them nobody knows which is whose.
            let ids = said.as_ref().map(|said| said.config.diff_ids()).filter(|ids| Some(ids.len()) == count);
            let diff_id = ids.and_then(|ids| ids.get(at)).map(|diff_id| &diff_id.0);
            self.layer(layer, diff_id, said.as_ref(), at == 0).await?;
        }
        Ok(())
    }

    /// The config beside the manifest and the index.
    fn compare(&mut self, descriptor: &Descriptor, said: &Said, count: usize) {
        let scope = descriptor.digest.as_str();
        let ids = said.config.diff_ids().len();
        if count != ids {
            let message = format!("the manifest has {count} layers, the config {ids} diff IDs: build the image again");
            self.findings.add(codes::LAYER_COUNT, scope, None, message);
        }
        let history = said.config.history();
        let made = history.iter().filter(|line| !line.is_empty_layer()).count();
        if !history.is_empty() && made != count {
            let message = format!("the history has {made} lines that made a layer, the manifest {count} layers");
            self.findings.add(codes::HISTORY_COUNT, scope, None, message);
        }
        let own = said.config.platform();
        if let Some(listed) = descriptor.platform.as_ref().filter(|listed| {
            let version =
                listed.os_version.is_some() && own.os_version.is_some() && listed.os_version != own.os_version;
            (&listed.os, &listed.architecture) != (&own.os, &own.architecture)
                || (listed.variant.is_some() && own.variant.is_some() && listed.variant != own.variant)
                || version
        }) {
            let (listed, own) = (shown(&listed.to_string()), shown(&own.to_string()));
            let message = format!("the index says {listed}, the config {own}: build the image again");
            self.findings.add(codes::PLATFORM, scope, None, message);
        }
    }

    /// A layer of an image, or a blob of an artifact.
    async fn layer(
        &mut self,
        layer: &Descriptor,
        diff_id: Option<&Digest>,
        said: Option<&Said>,
        bottom: bool,
    ) -> Result<()> {
        let packing = media_type::packing(&layer.media_type);
        let algorithm = diff_id.unwrap_or(&layer.digest).algorithm();
        let first = self.blob(layer, packing.map(|_| algorithm), bottom).await?;
        let key = (layer.digest.to_string(), algorithm == HashAlgorithm::Sha512);
        let (Some(packing), Some(Some(checked))) = (packing, self.seen.get(&key)) else { return Ok(()) };
        let scope = layer.digest.as_str();
        if checked.packing != packing {
            let message = format!(
                "its media type says {}, its bytes are {}: correct the media type",
                word(packing),
                word(checked.packing)
            );
            self.findings.add(codes::COMPRESSION, scope, None, message);
        }
        if let (Some(said), Some(is)) = (diff_id, &checked.diff_id)
            && said != is
        {
            let message = format!("its tar has the diff ID {is}, the config says {said}: build the image again");
            self.findings.add(codes::DIFF_ID, scope, None, message);
        }
        let created = said.and_then(|said| said.created.as_ref()).map(|time| |seconds| time.is_after(seconds));
        if let Some(flaw) = blob::times(checked, created).filter(|_| first) {
            self.findings.flaw(flaw, scope, None);
        }
        Ok(())
    }

    /// Reads a blob, unless it was read; whether it was not.
    async fn blob(&mut self, descriptor: &Descriptor, layer: Option<HashAlgorithm>, bottom: bool) -> Result<bool> {
        let scope = descriptor.digest.as_str();
        let key = (descriptor.digest.to_string(), layer == Some(HashAlgorithm::Sha512));
        if self.seen.contains_key(&key) || !self.room(scope) {
            return Ok(false);
        }
        let foreign = !media_type::is_distributable(&descriptor.media_type);
        let message = "it may not be distributed and lies elsewhere: it was not checked";
        let bytes = match self.image.blob(descriptor).await {
            Ok(bytes) if foreign && bytes.is_remote() => {
                self.findings.add(codes::FOREIGN_ABSENT, scope, None, message);
                return Ok(false);
            }
            Ok(bytes) => bytes,
            Err(error) if foreign && error.code == Code::NotFound => {
                self.findings.add(codes::FOREIGN_ABSENT, scope, None, message);
                return Ok(false);
            }
            Err(error) => {
                self.seen.insert(key, None);
                self.findings.flaw(Flaw::of(error)?, scope, None);
                return Ok(true);
            }
        };
        let asked = Asked { descriptor: Some(descriptor), layer, bottom };
        let checked = match blob::check(self.image.media, &bytes, &asked, &self.image.limits, &mut self.findings).await
        {
            Ok(checked) => checked,
            Err(error) => {
                self.findings.flaw(Flaw::of(error)?, scope, None);
                None
            }
        };
        self.blobs = self.blobs.saturating_add(1);
        self.layers = self.layers.saturating_add(u64::from(layer.is_some()));
        self.bytes = self.bytes.saturating_add(bytes.size());
        self.seen.insert(key, checked);
        Ok(true)
    }
}

fn is_document(descriptor: &Descriptor) -> bool {
    media_type::is_index(&descriptor.media_type) || media_type::is_manifest(&descriptor.media_type)
}

fn is_config(media_type: &str) -> bool {
    matches!(media_type, media_type::CONFIG | media_type::DOCKER_CONFIG)
}

fn word(packing: media_type::Packing) -> &'static str {
    match packing {
        media_type::Packing::Plain => "not compressed",
        media_type::Packing::Gzip => "gzip",
        media_type::Packing::Zstd => "zstd",
    }
}

/// The annotation of a manifest of attestations with the digest of its image.
const ABOUT: &str = "vnd.docker.reference.digest";
