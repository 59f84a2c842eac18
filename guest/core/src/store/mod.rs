//! An OCI image layout (OCI image-layout.md) over the medium `directory`: the embedded store, and layouts to read.
//!
//! Everything that decides in which order a layout changes lives here: `oci-layout` once, blobs before the documents that name them,
//! `index.json` last and under the lock. What is published is whole, so a reader needs no lock.

pub mod archive;
pub mod known;
mod places;

use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::{Index, LAYOUT_FILE, Name};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Directory, File, Writer};

/// Documents larger than this are refused, in bytes (`reference` limits of the README).
pub const MAX_DOCUMENT: u64 = 8 << 20;

/// How many bytes of a blob are read at once.
pub const PIECE: u32 = 1 << 20;

/// A layout in a directory. Clones share it.
pub struct Layout<D> {
    directory: Rc<D>,
    fault: Fault,
}

impl<D> Clone for Layout<D> {
    fn clone(&self) -> Self {
        Self { directory: self.directory.clone(), fault: self.fault }
    }
}

impl<D: Directory> Layout<D> {
    /// The embedded store: what is wrong in it is the store's fault. It need not exist yet.
    pub fn store(directory: D) -> Self {
        Self { directory: Rc::new(directory), fault: Fault::Store }
    }

    /// A layout to export from: what is wrong in it is the source's fault.
    pub fn source(directory: D) -> Self {
        Self { directory: Rc::new(directory), fault: Fault::Source }
    }

    /// Where it is kept.
    pub fn directory(&self) -> &D {
        &self.directory
    }

    /// A new, unpublished file in the layout's folder.
    pub async fn create(&self) -> Result<D::Writer> {
        self.directory.create().await
    }

    /// `index.json`; empty when the layout is new.
    pub async fn index(&self) -> Result<Index> {
        match self.directory.open(INDEX_PATH).await? {
            None => Ok(Index::default()),
            Some(file) => {
                let bytes = self.whole(&file, "index.json").await?;
                Index::parse(&bytes, None)
                    .map_err(|error| self.own(error).within("cannot read index.json of the layout"))
            }
        }
    }

    /// A blob to read, its size checked. Its digest is not: whoever reads it to the end checks that.
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<D::File> {
        let digest = &descriptor.digest;
        let Some(file) = self.directory.open(&digest.blob_path()).await? else {
            return Err(Error::new(self.fault, Code::NotFound, format!("blob {digest} is missing from the layout")));
        };
        if file.size() == descriptor.size {
            return Ok(file);
        }
        let (is, said) = (file.size(), descriptor.size);
        let message = format!("blob {digest} has {is} bytes where its descriptor says {said}");
        Err(Error::new(self.fault, Code::SizeMismatch(is), message))
    }

    /// A document, its size and digest checked. Fails over [`MAX_DOCUMENT`] bytes.
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let file = self.blob(descriptor).await?;
        let bytes = self.whole(&file, descriptor.digest.as_str()).await?;
        verify(descriptor, Digest::by(descriptor.digest.algorithm(), &bytes), self.fault).map(|()| bytes)
    }

    /// Publishes a blob that was written and hashed, unless it is there with the same size.
    pub async fn publish(&self, writer: D::Writer, descriptor: &Descriptor) -> Result<()> {
        if self.has(descriptor).await? {
            return Ok(());
        }
        writer.publish(&descriptor.digest.blob_path()).await
    }

    /// Whether a blob is there with its size.
    pub async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let there = self.directory.open(&descriptor.digest.blob_path()).await?;
        Ok(there.is_some_and(|file| file.size() == descriptor.size))
    }

    /// Publishes a document under its digest.
    pub async fn put(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        let mut writer = self.directory.create().await?;
        writer.write(bytes.to_vec()).await?;
        self.publish(writer, descriptor).await
    }

    /// Points names at published manifests, all of them in one step; `None` keeps an image without a name.
    pub async fn tag(&self, names: &[(Option<Name>, Descriptor)]) -> Result<()> {
        let _lock = self.directory.lock().await?;
        if self.directory.open(LAYOUT_PATH).await?.is_none() {
            self.replace(LAYOUT_PATH, LAYOUT_FILE.to_vec()).await?;
        }
        let mut index = self.index().await?;
        for (name, descriptor) in names {
            index.put(name.as_ref(), descriptor.clone());
        }
        self.replace(INDEX_PATH, index.to_bytes()?).await
    }

    async fn replace(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let mut writer = self.directory.create().await?;
        writer.write(bytes).await?;
        writer.publish(path).await
    }

    async fn whole(&self, file: &D::File, name: &str) -> Result<Vec<u8>> {
        let size = file.size();
        if size > MAX_DOCUMENT {
            let message = format!("document {name} has {size} bytes; at most {MAX_DOCUMENT} are read");
            return Err(Error::new(self.fault, Code::LimitExceeded("document size".into()), message));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let piece = file.read_at(bytes.len() as u64, PIECE).await?;
            if piece.is_empty() {
                let message = format!("document {name} became shorter while it was read");
                return Err(Error::new(self.fault, Code::SizeMismatch(bytes.len() as u64), message));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn own(&self, mut error: Error) -> Error {
        error.fault = self.fault;
        error
    }
}

/// Whether bytes of the digest `is` are what the descriptor says; when not, it is the fault of whoever keeps them.
pub fn verify(descriptor: &Descriptor, is: Digest, fault: Fault) -> Result<()> {
    if is == descriptor.digest {
        return Ok(());
    }
    let message = format!("blob {} is damaged: its bytes have the digest {is}", descriptor.digest);
    Err(Error::new(fault, Code::DigestMismatch(is), message))
}

const INDEX_PATH: &str = "index.json";
const LAYOUT_PATH: &str = "oci-layout";
