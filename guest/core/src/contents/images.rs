//! Images at rest or in a registry: their documents and blobs, whatever holds them.

use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::{self, Index};
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::reference::Reference;
use crate::registry::Repository;
use crate::store::{self, Layout, MAX_DOCUMENT};
use crate::text::shown;

use super::bytes::Bytes;
use super::docker;
use super::members::Members;

/// Where images are.
pub enum Images<'a, M: Media> {
    /// In an OCI layout.
    Layout(Layout<M::Directory>),
    /// In the embedded store: the one of this name.
    Stored(&'a Layout<M::Directory>, String),
    /// In an OCI layout in a tar.
    Archive(Members<M::File>, Index),
    /// In a docker archive.
    Docker(docker::Archive<'a, M>),
    /// In a registry: the one with this root.
    Registry(Rc<Repository<'a, M>>, Box<Root>),
}

/// An image's root document in a registry.
pub struct Root {
    /// As the user gave it.
    name: String,
    descriptor: Descriptor,
    bytes: Vec<u8>,
}

impl<'a, M: Media> Images<'a, M> {
    /// Of a layout.
    pub fn layout(directory: M::Directory) -> Self {
        Self::Layout(Layout::source(directory))
    }

    /// The image of a name in the embedded store.
    pub fn stored(store: &'a Layout<M::Directory>, name: &Reference) -> Self {
        Self::Stored(store, name.clone().with_default_tag().to_string())
    }

    /// The image of a reference in its registry. Asks for its root document.
    ///
    /// # Errors
    /// The registry's; a root document that is none.
    pub async fn registry(media: &'a M, name: &Reference, insecure: bool) -> Result<Self> {
        let name = name.clone().with_default_tag();
        let repository = Repository::open(media, &name, insecure)?;
        let (descriptor, bytes) = repository.resolve().await?;
        let root = Root { name: name.as_given().to_owned(), descriptor, bytes };
        Ok(Self::Registry(Rc::new(repository), Box::new(root)))
    }

    /// Of a tar, if it holds any; else the tar again.
    ///
    /// # Errors
    /// What claims to hold images and contradicts itself.
    pub async fn archive(media: &'a M, members: Members<M::File>) -> Result<Result<Self, Members<M::File>>> {
        if members.has("oci-layout")
            && let Some(listing) = members.document("index.json", MAX_DOCUMENT).await?
        {
            let index =
                Index::parse(&listing, None).map_err(|error| error.within("cannot read index.json of the archive"))?;
            return Ok(Ok(Self::Archive(members, index)));
        }
        if members.has("manifest.json") {
            return Ok(Ok(Self::Docker(docker::Archive::open(media, &members).await?)));
        }
        Ok(Err(members))
    }

    /// Descriptors at the top: of the image that `name` means, which is a whole reference or a tag, else all.
    ///
    /// # Errors
    /// `not-found` for a name that is not there.
    pub async fn roots(&self, name: Option<&str>) -> Result<Vec<Descriptor>> {
        match self {
            Self::Layout(layout) => named(&layout.index().await?, name, Fault::Source),
            Self::Stored(store, full) => named(&store.index().await?, Some(full), Fault::Request),
            Self::Archive(_, index) => named(index, name, Fault::Source),
            Self::Docker(archive) => archive.roots(name),
            Self::Registry(_, root) => Ok(vec![root.descriptor.clone()]),
        }
    }

    /// A manifest, index or config: its size and digest are checked.
    ///
    /// # Errors
    /// When it is not there, is not what its descriptor says, or has more than [`MAX_DOCUMENT`] bytes.
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        match self {
            Self::Layout(layout) => layout.document(descriptor).await,
            Self::Stored(store, _) => store.document(descriptor).await,
            Self::Archive(members, _) => {
                let found = members.document(&descriptor.digest.blob_path(), MAX_DOCUMENT).await?;
                let bytes = found.ok_or_else(|| missing(&descriptor.digest))?;
                let is = Digest::by(descriptor.digest.algorithm(), &bytes);
                store::verify(descriptor, is, Fault::Source).map(|()| bytes)
            }
            Self::Docker(archive) => archive.document(descriptor).ok_or_else(|| missing(&descriptor.digest)),
            Self::Registry(_, root) if root.descriptor.digest == descriptor.digest => Ok(root.bytes.clone()),
            Self::Registry(repository, _) => repository.document(descriptor).await,
        }
    }

    /// A layer: that it is there and its size are checked, as far as that is known without reading it. Its digest is not.
    ///
    /// # Errors
    /// When it is not there, or has another size.
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>> {
        let bytes = match self {
            Self::Layout(layout) => Some(Bytes::file(layout.blob(descriptor).await?)),
            Self::Stored(store, _) => Some(Bytes::file(store.blob(descriptor).await?)),
            Self::Archive(members, _) => members.bytes(&descriptor.digest.blob_path()),
            Self::Docker(archive) => archive.layer(descriptor),
            Self::Registry(repository, _) => {
                Some(Bytes::Remote { repository: repository.clone(), descriptor: Rc::new(descriptor.clone()) })
            }
        };
        let bytes = bytes.ok_or_else(|| missing(&descriptor.digest))?;
        if bytes.size() == descriptor.size {
            return Ok(bytes);
        }
        let (digest, is, said) = (&descriptor.digest, bytes.size(), descriptor.size);
        let message = format!("blob {digest} has {is} bytes where its descriptor says {said}");
        Err(Error::new(Fault::Source, Code::SizeMismatch(is), message))
    }

    /// The name that the image which `name` means has by itself, if any.
    ///
    /// # Errors
    /// What cannot be read.
    pub async fn name(&self, name: Option<&str>) -> Result<Option<String>> {
        Ok(match self {
            Self::Layout(_) | Self::Archive(..) => {
                let roots = self.roots(name).await?;
                roots.iter().find_map(index::name_of).map(str::to_owned)
            }
            Self::Stored(_, full) => Some(full.clone()),
            Self::Docker(archive) => archive.name(name),
            Self::Registry(_, root) => Some(root.name.clone()),
        })
    }
}

/// What an index lists under a name.
fn named(index: &Index, name: Option<&str>, fault: Fault) -> Result<Vec<Descriptor>> {
    let Some(name) = name else { return Ok(index.manifests().cloned().collect()) };
    let normal = name.parse::<Reference>().ok().map(|name| name.with_default_tag().to_string());
    let is = |listed: &&Descriptor| {
        let full = index::name_of(listed);
        full == Some(name) || (full.is_some() && full == normal.as_deref()) || index::tag_of(listed) == Some(name)
    };
    let found: Vec<Descriptor> = index.manifests().filter(is).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names = index.manifests().filter_map(|listed| index::name_of(listed).or(index::tag_of(listed)));
    let there = shown(&names.collect::<Vec<_>>().join(", "));
    let there = if there.is_empty() { "none has a name".into() } else { format!("there are {there}") };
    Err(Error::new(fault, Code::NotFound, format!("there is no image `{}`; {there}", shown(name))))
}

fn missing(digest: &Digest) -> Error {
    Error::new(Fault::Source, Code::NotFound, format!("blob {digest} is missing from the archive"))
}
