//! OCI layouts (OCI image-layout.md), in a directory or in a tar.

use super::members::Members;
use super::{Bytes, names};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::Index;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::reference::Reference;
use crate::store::{self, Layout, MAX_DOCUMENT};
use crate::text::shown;

/// A layout in a directory, or one image of it.
pub struct LayoutDirectory<M: Media> {
    layout: Layout<M::Directory>,
    chosen: Option<Descriptor>,
}

/// A layout in a tar.
pub struct LayoutArchive<M: Media> {
    members: Members<M>,
    index: Index,
}

impl<M: Media> LayoutDirectory<M> {
    /// All images of a layout.
    pub fn new(layout: Layout<M::Directory>) -> Self {
        Self { layout, chosen: None }
    }

    /// The image of this name, or of the name's digest.
    pub async fn named(layout: Layout<M::Directory>, name: &Reference) -> Result<Self> {
        let index = layout.index().await?;
        let full = name.clone().with_default_tag().to_string();
        let chosen = match name.digest() {
            Some(digest) => index.manifests().find(|image| image.digest == *digest),
            None => index.named(&full),
        };
        let Some(chosen) = chosen.cloned() else {
            let message =
                format!("there is no image `{}` in the store: check the name, or store it first", shown(&full));
            return Err(Error::new(Fault::Request, Code::NotFound, message));
        };
        Ok(Self { layout, chosen: Some(chosen) })
    }

    /// As [`super::Images::roots`].
    pub async fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        match &self.chosen {
            Some(chosen) => Ok(vec![chosen.clone()]),
            None => roots(&self.layout.index().await?, name),
        }
    }

    /// All that is listed, artifacts too, whatever was chosen.
    pub async fn manifests(&self) -> Result<Vec<Descriptor>> {
        Ok(self.layout.index().await?.entries()?.into_iter().map(|(entry, _)| entry).collect())
    }

    /// As [`super::Images::document`].
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        self.layout.document(descriptor).await
    }

    /// As [`super::Images::blob`].
    pub async fn blob<'a>(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>>
    where
        M: 'a,
    {
        self.layout.blob(descriptor).await.map(Bytes::file)
    }
}

impl<M: Media> LayoutArchive<M> {
    /// Reads `index.json`.
    pub async fn open(members: Members<M>) -> Result<Self> {
        // Nobody may take another one for it.
        members.bytes("oci-layout")?;
        let bytes = members.bytes("index.json")?.whole("index.json", MAX_DOCUMENT).await?;
        let index = Index::parse(&bytes, None)
            .map_err(|error| error.within("cannot read index.json of the layout in the archive"))?;
        Ok(Self { members, index })
    }

    /// Whether it lists no image.
    pub fn is_empty(&self) -> bool {
        self.index.manifests().next().is_none()
    }

    /// What it was read from.
    pub fn into_members(self) -> Members<M> {
        self.members
    }

    /// All that is listed, artifacts too.
    pub fn manifests(&self) -> Result<Vec<Descriptor>> {
        Ok(self.index.entries()?.into_iter().map(|(entry, _)| entry).collect())
    }

    /// As [`super::Images::roots`].
    pub fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        roots(&self.index, name)
    }

    /// As [`super::Images::document`].
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let bytes = self.blob(descriptor)?.whole(descriptor.digest.as_str(), MAX_DOCUMENT).await?;
        let is = Digest::by(descriptor.digest.algorithm(), &bytes);
        store::verify(descriptor, is, Fault::Source).map(|()| bytes)
    }

    /// As [`super::Images::blob`].
    pub fn blob<'a>(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>>
    where
        M: 'a,
    {
        let bytes = self.members.bytes(&descriptor.digest.blob_path())?;
        sized(descriptor, bytes)
    }
}

/// Checks the size.
pub fn sized<'a, M: Media>(descriptor: &Descriptor, bytes: Bytes<'a, M>) -> Result<Bytes<'a, M>> {
    let (is, said) = (bytes.size(), descriptor.size);
    if is == said {
        return Ok(bytes);
    }
    let message = format!("blob {} has {is} bytes where its descriptor says {said}", descriptor.digest);
    Err(Error::new(Fault::Source, Code::SizeMismatch(is), message))
}

fn roots(index: &Index, name: Option<&str>) -> Result<Vec<Descriptor>> {
    let all: Vec<Descriptor> = index.manifests().cloned().collect();
    if all.is_empty() {
        let message = "there is no image in the layout, at least none that can be read here";
        return Err(Error::new(Fault::Source, Code::NotFound, message));
    }
    match name {
        None => Ok(all),
        Some(name) => names::choose(&all, names::of, name).map(|chosen| chosen.into_iter().cloned().collect()),
    }
}
