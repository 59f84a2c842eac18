//! Everything beneath a document: the documents that it lists, and theirs, and all blobs.

use std::collections::BTreeSet;

use crate::contents::{Bytes, Images};
use crate::descriptor::Descriptor;
use crate::documents::index::Index;
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Result};
use crate::media::Media;
use crate::media_type;

/// Documents and blobs, each once.
pub struct Graph<'a, M: Media> {
    /// With their bytes, which were checked; what a document lists comes before it.
    pub manifests: Vec<(Descriptor, Vec<u8>)>,
    /// Configs, layers and whatever else is listed and is no manifest.
    pub blobs: Vec<(Descriptor, Bytes<'a, M>)>,
    seen: BTreeSet<(bool, String)>,
    room: u64,
}

/// A step of the walk.
enum Visit {
    /// To what is listed, so many levels deep.
    Enter(Descriptor, usize),
    /// From a document, all that it lists being done.
    Leave(Descriptor, Vec<u8>),
}

impl<M: Media> Default for Graph<'_, M> {
    fn default() -> Self {
        Self { manifests: Vec::new(), blobs: Vec::new(), seen: BTreeSet::new(), room: MAX_DOCUMENTS }
    }
}

impl<'a, M: Media> Graph<'a, M> {
    /// What is beneath a document, without the document.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub async fn beneath(images: &Images<'a, M>, root: &Descriptor, bytes: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        graph.add(images, &listed(root, bytes)?).await?;
        Ok(graph)
    }

    /// Adds these, and all that is beneath them.
    ///
    /// # Errors
    /// What is missing, damaged or cannot be understood; `limit-exceeded` for more than [`MAX_DEPTH`] levels, [`MAX_NODES`] documents and blobs,
    /// or [`MAX_DOCUMENTS`] bytes of documents.
    pub async fn add(&mut self, images: &Images<'a, M>, tops: &[Descriptor]) -> Result<()> {
        let enter = |tops: &[Descriptor], depth| -> Vec<Visit> {
            tops.iter().rev().map(|top| Visit::Enter(top.clone(), depth)).collect()
        };
        let mut visits = enter(tops, 1);
        while let Some(visit) = visits.pop() {
            match visit {
                Visit::Leave(descriptor, bytes) => self.manifests.push((descriptor, bytes)),
                Visit::Enter(descriptor, depth) => {
                    let is_document = is_document(&descriptor);
                    if !self.seen.insert((is_document, descriptor.digest.to_string())) {
                        continue;
                    }
                    if self.seen.len() > MAX_NODES {
                        let message = format!("the image has more than {MAX_NODES} documents and blobs");
                        return Err(Error::limit("image size", message));
                    }
                    if !is_document {
                        self.blob(images, descriptor).await?;
                        continue;
                    }
                    if depth >= MAX_DEPTH {
                        return Err(too_deep());
                    }
                    let bytes = images.document(&descriptor).await?;
                    self.room = self.room.checked_sub(bytes.len() as u64).ok_or_else(|| {
                        let message = format!("the documents of the image have more than {MAX_DOCUMENTS} bytes");
                        Error::limit("image size", message)
                    })?;
                    let beneath = enter(&listed(&descriptor, &bytes)?, depth.saturating_add(1));
                    visits.push(Visit::Leave(descriptor, bytes));
                    visits.extend(beneath);
                }
            }
        }
        Ok(())
    }

    async fn blob(&mut self, images: &Images<'a, M>, descriptor: Descriptor) -> Result<()> {
        let foreign = !media_type::is_distributable(&descriptor.media_type);
        match images.blob(&descriptor).await {
            // Such a layer need not be anywhere but at its own place, and no registry is asked for it.
            Ok(bytes) if foreign && bytes.is_remote() => {}
            Err(Error { code: Code::NotFound, .. }) if foreign => {}
            bytes => self.blobs.push((descriptor, bytes?)),
        }
        Ok(())
    }
}

/// What a document lists, in order: a manifest its config, then its layers.
pub fn listed(descriptor: &Descriptor, bytes: &[u8]) -> Result<Vec<Descriptor>> {
    if media_type::is_index(&descriptor.media_type) {
        let index = Index::parse(bytes, Some(&descriptor.media_type))?;
        return Ok(index.entries()?.into_iter().map(|(entry, _)| entry).collect());
    }
    let Manifest { config, mut layers, .. } = Manifest::parse(bytes, &descriptor.media_type)?;
    layers.insert(0, config);
    Ok(layers)
}

/// Whether it is read as a document: an index, or a manifest.
pub fn is_document(descriptor: &Descriptor) -> bool {
    media_type::is_index(&descriptor.media_type) || media_type::is_manifest(&descriptor.media_type)
}

/// An image whose indexes stand in each other too deep.
pub fn too_deep() -> Error {
    Error::limit("image depth", format!("the image has more than {MAX_DEPTH} levels of documents"))
}

/// Levels of documents, the root being one.
pub const MAX_DEPTH: usize = 4;
/// Documents and blobs of one image.
pub const MAX_NODES: usize = 10_000;
/// Bytes of all documents of one image: they are in memory together.
pub const MAX_DOCUMENTS: u64 = 64 << 20;
