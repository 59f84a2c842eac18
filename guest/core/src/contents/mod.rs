//! Where images and root file systems come from: layouts in directories and tars, docker archives, registries, tars.
//!
//! What is read here is the source as it is. Which image of a source is exported, and what becomes of it, is decided elsewhere.

mod archive;
mod bytes;
mod docker;
mod headers;
mod layout;
mod members;
pub(crate) mod names;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::referrer::referrer;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::media_type;
use crate::reference::Reference;
use crate::registry::Repository;
use crate::store::Layout;
use crate::text::shown;

pub use archive::{Opened, archive};
pub use bytes::{Bytes, Reader};
pub use docker::Docker;
pub use layout::{LayoutArchive, LayoutDirectory};

/// Images at rest or in a registry.
pub enum Images<'a, M: Media> {
    /// An OCI layout in a tar. Its blobs can be read as long as this lives.
    Archive(LayoutArchive<M>),
    /// A docker archive. Its blobs can be read as long as this lives.
    Docker(Docker<'a, M>),
    /// An OCI layout in a directory, or one image of it.
    Layout(LayoutDirectory<M>),
    /// One image of a registry.
    Registry(Pulled<'a, M>),
}

/// One image of a registry, its root document at hand.
pub struct Pulled<'a, M: Media> {
    repository: Rc<Repository<'a, M>>,
    root: Descriptor,
    bytes: Vec<u8>,
}

/// A tar that was handed in; it may be compressed.
pub enum Tar<M: Media> {
    /// To be read anywhere, as often as needed.
    AtRest(M::File),
    /// To be read once.
    Piped(M::Input),
}

/// What the user said that a tar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: find out.
    Detect,
    /// An archive of images.
    Image,
    /// A root file system, whatever its entries are.
    RootFilesystem,
}

/// What a tar turned out to be.
pub enum Archived<'a, M: Media> {
    /// An archive of images.
    Images(Images<'a, M>),
    /// A root file system.
    RootFilesystem(Opened<M>),
}

impl<'a, M: Media> Images<'a, M> {
    /// The images of an OCI layout; what is wrong in it is the source's fault.
    pub fn layout(directory: M::Directory) -> Self {
        Self::Layout(LayoutDirectory::new(Layout::source(directory)))
    }

    /// The image of this name in the embedded store, an OCI layout; what is wrong in it is the store's fault. A name with a digest is the
    /// image of that digest, whatever it is called.
    ///
    /// # Errors
    /// `not-found`, of the fault `request`.
    pub async fn stored(store: Layout<M::Directory>, name: &Reference) -> Result<Self> {
        LayoutDirectory::named(store, name).await.map(Self::Layout)
    }

    /// The image of this name in its registry: asks for the root document. `insecure` as in [`crate::registry::Target`].
    ///
    /// # Errors
    /// As [`Repository::resolve`].
    pub async fn registry(media: &'a M, reference: &Reference, insecure: bool) -> Result<Self> {
        let repository = Rc::new(Repository::open(media, reference, insecure)?);
        let (mut root, bytes) = repository.resolve().await?;
        root.annotations.insert(names::NAME.into(), reference.clone().with_default_tag().to_string());
        Ok(Self::Registry(Pulled { repository, root, bytes }))
    }

    /// The same. Where that fails and the store has an image of this name, the error says so.
    ///
    /// # Errors
    /// As [`Repository::resolve`]; `malformed` for what is no reference.
    pub async fn pulled(media: &'a M, name: &str, store: &Layout<M::Directory>, insecure: bool) -> Result<Self> {
        let reference = name.parse()?;
        match Self::registry(media, &reference, insecure).await {
            Err(error) if Self::stored(store.clone(), &reference).await.is_ok() => {
                let name = shown(name);
                Err(error
                    .within(format!("`{name}` is looked for in its registry; the one in the store is `store:{name}`")))
            }
            found => found,
        }
    }

    /// The image of this name in the store when that has one, else in its registry.
    ///
    /// # Errors
    /// As [`Repository::resolve`]; those of the store; `malformed` for what is no reference.
    pub async fn named(media: &'a M, name: &str, store: &Layout<M::Directory>, insecure: bool) -> Result<Self> {
        let reference = name.parse()?;
        match Self::stored(store.clone(), &reference).await {
            Err(Error { code: Code::NotFound, fault: Fault::Request, .. }) => {
                let neither = || format!("`{}` is not in the store, and its registry does not give it", shown(name));
                Self::registry(media, &reference, insecure).await.map_err(|error| error.within(neither()))
            }
            found => found,
        }
    }

    /// The descriptors at the top: of all images, or of those named `name`, which is a whole reference, its normal form, or a tag. At least
    /// one; several when a layout lists several, or a name stands on several. Annotations are the source's own, with its names. An image that was chosen when
    /// this was made is the only one, whatever `name` says.
    ///
    /// # Errors
    /// `not-found` with the names that there are; `unsupported` for several images in a docker archive and no name, both of the fault `request`;
    /// what is wrong with the documents.
    pub async fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        match self {
            Self::Archive(archive) => archive.roots(name),
            Self::Docker(docker) => docker.roots(name).await,
            Self::Layout(layout) => layout.roots(name).await,
            Self::Registry(pulled) => Ok(vec![pulled.root.clone()]),
        }
    }

    /// The same without a name, of a docker archive too.
    ///
    /// # Errors
    /// What is wrong with the documents.
    pub async fn every_root(&self) -> Result<Vec<Descriptor>> {
        match self {
            Self::Docker(docker) => docker.every_root().await,
            _ => self.roots(None).await,
        }
    }

    /// A manifest, index or config, its size and digest checked. A docker archive has those of the roots that were asked for.
    ///
    /// # Errors
    /// `not-found`, `size-mismatch`, `digest-mismatch`; `limit-exceeded` over [`crate::store::MAX_DOCUMENT`] bytes.
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        match self {
            Self::Archive(archive) => archive.document(descriptor).await,
            Self::Docker(docker) => docker.document(descriptor).await,
            Self::Layout(layout) => layout.document(descriptor).await,
            Self::Registry(pulled) if pulled.root.digest == descriptor.digest => Ok(pulled.bytes.clone()),
            Self::Registry(pulled) => pulled.repository.document(descriptor).await,
        }
    }

    /// A layer, or any other blob. That it is there and its size are checked, of a registry's when it is opened; its digest is not.
    ///
    /// # Errors
    /// `not-found`, `size-mismatch`.
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>> {
        match self {
            Self::Archive(archive) => archive.blob(descriptor),
            Self::Docker(docker) => docker.blob(descriptor),
            Self::Layout(layout) => layout.blob(descriptor).await,
            Self::Registry(pulled) => {
                Ok(Bytes::Remote { repository: Rc::clone(&pulled.repository), descriptor: descriptor.clone() })
            }
        }
    }

    /// What refers to a document: what stands beside it in a layout, and what its registry knows.
    ///
    /// # Errors
    /// The registry's; what is wrong with the layout's `index.json`.
    pub async fn referrers(&self, of: &Digest) -> Result<Vec<Descriptor>> {
        let beside = match self {
            Self::Archive(archive) => archive.manifests()?,
            Self::Docker(_) => Vec::new(),
            Self::Layout(layout) => layout.manifests().await?,
            Self::Registry(pulled) => return pulled.repository.referrers(of).await,
        };
        let mut found = Vec::new();
        for listed in beside.iter().filter(|listed| media_type::is_manifest(&listed.media_type)) {
            // What cannot be read refers to nothing.
            if let Ok(bytes) = self.document(listed).await
                && let Ok(Some((subject, manifest))) = referrer(&bytes, listed)
                && subject == *of
            {
                found.push(manifest);
            }
        }
        Ok(found)
    }

    /// The repository that it is in, with its registry; none of what is in no registry.
    pub fn repository(&self) -> Option<String> {
        match self {
            Self::Registry(pulled) => Some(pulled.repository.name()),
            Self::Archive(_) | Self::Docker(_) | Self::Layout(_) => None,
        }
    }

    /// The name that the source itself has for one of its roots, as it is written there: `io.containerd.image.name` of a layout's entry, or a
    /// reference in `org.opencontainers.image.ref.name`; the first of a docker archive's `RepoTags`; a registry's reference.
    pub fn name(&self, root: &Descriptor) -> Option<String> {
        names::full(root).cloned()
    }
}
