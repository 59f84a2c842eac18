//! One side of a comparison: which images it has, and the documents of one of them.

use super::super::Image;
use crate::contents::Bytes;
use crate::copy;
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::documents::config::Config;
use crate::documents::index::{self, Index};
use crate::documents::manifest::Manifest;
use crate::error::{Error, Result};
use crate::media::Media;
use crate::media_type;
use crate::platform::Platform;
use crate::store::MAX_DOCUMENT;

/// A document with what led to it.
pub type Read = (Descriptor, Vec<u8>);

/// What is to be compared of one side.
pub struct Listed {
    /// In the order in which they are met.
    pub indexes: Vec<Read>,
    /// At least one.
    pub images: Vec<Found>,
}

/// An image.
pub struct Found {
    /// As an index says.
    pub platform: Option<Platform>,
    /// None of a lone layer.
    pub manifest: Option<Descriptor>,
}

/// The documents of an image.
pub struct Side<'a, M: Media> {
    /// None of a lone layer.
    pub manifest: Option<Read>,
    /// None of a lone layer, and of an artifact whose config says nothing about layers.
    pub config: Option<Read>,
    /// The bottom one first.
    pub layers: Vec<Member<'a, M>>,
}

/// A layer of an image.
pub struct Member<'a, M: Media> {
    /// None of a lone layer.
    pub descriptor: Option<Descriptor>,
    /// As the config says.
    pub diff_id: Option<DiffId>,
    /// The command that made it, as the history says.
    pub created_by: Option<String>,
    /// Only of a lone layer.
    pub bytes: Option<Bytes<'a, M>>,
}

/// The images that are meant: the one for the platform that was asked for, else all.
pub async fn list<M: Media>(image: &Image<'_, M>) -> Result<Listed> {
    let mut listed = Listed { indexes: Vec::new(), images: Vec::new() };
    if image.roots.is_empty() || image.platform().is_some() {
        let manifest = image.manifest().await?;
        listed.images.push(Found { platform: image.platform().cloned(), manifest });
        return Ok(listed);
    }
    let ahead = |listed: Vec<&Descriptor>, depth: usize| {
        listed.into_iter().rev().map(|descriptor| (descriptor.clone(), depth)).collect::<Vec<_>>()
    };
    let mut next = ahead(index::images(image.roots.iter()), 1);
    let mut nodes = 0_usize;
    while let Some((descriptor, depth)) = next.pop() {
        nodes = nodes.saturating_add(1);
        if nodes > image.limits.nodes {
            let most = image.limits.nodes;
            return Err(Error::limit("nodes", format!("the indexes list more than {most} images: ask for a platform")));
        }
        if !media_type::is_index(&descriptor.media_type) {
            listed.images.push(Found { platform: descriptor.platform.clone(), manifest: Some(descriptor) });
            continue;
        }
        if depth >= image.limits.depth {
            return Err(copy::too_deep());
        }
        let bytes = image.document(&descriptor).await?;
        let index = Index::parse(&bytes, Some(&descriptor.media_type))?;
        next.extend(ahead(index::images(index.manifests()), depth.saturating_add(1)));
        listed.indexes.push((descriptor, bytes));
    }
    if listed.images.is_empty() {
        // An artifact, or the error that says that there is nothing.
        listed.images.push(Found { platform: None, manifest: image.manifest().await? });
    }
    Ok(listed)
}

/// Puts what configs say where no index says a platform.
pub async fn name_platforms<M: Media>(image: &Image<'_, M>, listed: &mut Listed) -> Result<()> {
    for found in listed.images.iter_mut().filter(|found| found.platform.is_none()) {
        let Some(descriptor) = &found.manifest else { continue };
        let manifest = Manifest::parse(&image.document(descriptor).await?, &descriptor.media_type)?;
        found.platform = config(image, &manifest).await?.map(|(config, _)| config.platform());
    }
    Ok(())
}

/// Reads the documents of an image; no layer.
pub async fn load<'a, M: Media>(image: &Image<'a, M>, found: Found) -> Result<Side<'a, M>> {
    let Some(descriptor) = found.manifest else {
        let members = image.stack().await?.layers.into_iter();
        let member = |bytes| Member { descriptor: None, diff_id: None, created_by: None, bytes: Some(bytes) };
        return Ok(Side { manifest: None, config: None, layers: members.map(|layer| member(layer.bytes)).collect() });
    };
    let bytes = image.document(&descriptor).await?;
    let manifest = Manifest::parse(&bytes, &descriptor.media_type)?;
    if manifest.layers.len() > image.limits.nodes {
        let (count, most) = (manifest.layers.len(), image.limits.nodes);
        return Err(Error::limit("nodes", format!("the manifest lists {count} layers, more than {most}")));
    }
    let config = config(image, &manifest).await?;
    let parsed = config.as_ref().map(|(config, _)| config);
    let mut diff_ids = parsed.map(Config::diff_ids).unwrap_or_default().iter();
    let mut lines = parsed.map(Config::history).unwrap_or_default().iter().filter(|line| !line.is_empty_layer());
    let layers = manifest.layers.into_iter().map(|descriptor| Member {
        descriptor: Some(descriptor),
        diff_id: diff_ids.next().cloned(),
        created_by: lines.next().map(|line| line.created_by().to_owned()).filter(|text| !text.is_empty()),
        bytes: None,
    });
    let layers = layers.collect();
    Ok(Side { manifest: Some((descriptor, bytes)), config: config.map(|(_, bytes)| (manifest.config, bytes)), layers })
}

impl<'a, M: Media> Member<'a, M> {
    /// Whether it is a tar, as far as its media type says.
    pub fn is_layer(&self) -> bool {
        self.descriptor.as_ref().is_none_or(|descriptor| media_type::packing(&descriptor.media_type).is_some())
    }

    /// Of the blob, as the manifest says.
    pub fn digest(&self) -> Option<&Digest> {
        self.descriptor.as_ref().map(|descriptor| &descriptor.digest)
    }

    /// The blob.
    pub async fn bytes(&self, image: &Image<'a, M>) -> Result<Bytes<'a, M>> {
        match (&self.bytes, &self.descriptor) {
            (Some(bytes), _) => Ok(bytes.clone()),
            (None, Some(descriptor)) => image.blob(descriptor).await,
            (None, None) => Ok(Bytes::Memory([].into())),
        }
    }
}

/// A manifest's config with its bytes; none when it is an artifact's and says nothing of an image.
async fn config<M: Media>(image: &Image<'_, M>, manifest: &Manifest) -> Result<Option<(Config, Vec<u8>)>> {
    let kind = manifest.config.media_type.as_str();
    let known = matches!(kind, media_type::CONFIG | media_type::DOCKER_CONFIG);
    if !known && (manifest.artifact_type.is_some() || manifest.config.size > MAX_DOCUMENT) {
        return Ok(None);
    }
    let bytes = image.document(&manifest.config).await?;
    match Config::parse(&bytes) {
        Ok(config) => Ok(Some((config, bytes))),
        Err(error) if known => Err(error),
        Err(_) => Ok(None),
    }
}
