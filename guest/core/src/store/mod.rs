//! An OCI image layout (OCI image-layout.md) over the medium `directory`: the embedded store, and layouts to read.
//!
//! Everything that decides in which order a layout changes lives here: `oci-layout` once, blobs before the documents that name them,
//! `index.json` last and under the lock. What is published is whole, so a reader needs no lock. A layout holds every blob that a job relies on
//! for as long as the job lasts, and looks for all that is beneath a name once more before it is written: docs/stores.md has the argument.

mod anew;
pub mod archive;
pub mod check;
pub mod collect;
pub mod images;
pub mod keeper;
pub mod known;
pub mod names;
mod places;
mod reach;
mod repair;
mod summaries;
mod trees;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::{Index, Name};
use crate::documents::naming::Naming;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Directory, File, Kept, Writer};

/// Documents larger than this are refused, in bytes (`reference` limits of the README).
pub const MAX_DOCUMENT: u64 = 8 << 20;

/// A larger `index.json` is neither read nor written, in bytes: some 180,000 names.
pub const MAX_INDEX: usize = 64 << 20;

/// How many bytes of a blob are read at once.
pub const PIECE: u32 = 1 << 20;

/// A layout in a directory. Clones share it.
pub struct Layout<D: Directory> {
    directory: Rc<D>,
    fault: Fault,
    /// Blobs that a job relies on, so that nobody removes them.
    held: Rc<RefCell<Vec<D::File>>>,
}

impl<D: Directory> Clone for Layout<D> {
    fn clone(&self) -> Self {
        Self { directory: self.directory.clone(), fault: self.fault, held: self.held.clone() }
    }
}

impl<D: Directory> Layout<D> {
    /// The embedded store: what is wrong in it is the store's fault. It need not exist yet.
    pub fn store(directory: D) -> Self {
        Self::new(directory, Fault::Store)
    }

    /// A layout to export from: what is wrong in it is the source's fault.
    pub fn source(directory: D) -> Self {
        Self::new(directory, Fault::Source)
    }

    fn new(directory: D, fault: Fault) -> Self {
        Self { directory: Rc::new(directory), fault, held: Rc::default() }
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
        match self.index_bytes().await? {
            None => Ok(Index::default()),
            Some(bytes) => self.read_index(bytes),
        }
    }

    /// The same as it is written.
    async fn index_bytes(&self) -> Result<Option<Vec<u8>>> {
        match self.directory.open(INDEX_PATH).await? {
            None => Ok(None),
            Some(file) => self.within(&file, INDEX_PATH, MAX_INDEX as u64).await.map(Some),
        }
    }

    fn read_index(&self, bytes: Vec<u8>) -> Result<Index> {
        Index::of_layout(bytes).map_err(|error| self.own(error).within("cannot read index.json of the layout"))
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

    /// Publishes a blob that was written and hashed, unless it is there with the same size. It is held.
    pub async fn publish(&self, writer: D::Writer, descriptor: &Descriptor) -> Result<()> {
        if !self.has(descriptor).await? {
            let published = writer.publish(&descriptor.digest.blob_path()).await?;
            self.held.borrow_mut().push(published);
        }
        Ok(())
    }

    /// Whether a blob is there with its size. From then on it is held: nobody removes it before this layout is dropped.
    pub async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let there = self.directory.open(&descriptor.digest.blob_path()).await?;
        let there = there.filter(|file| file.size() == descriptor.size);
        let has = there.is_some();
        self.held.borrow_mut().extend(there);
        Ok(has)
    }

    /// Publishes a document under its digest.
    pub async fn put(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        let mut writer = self.directory.create().await?;
        writer.write(bytes.to_vec()).await?;
        self.publish(writer, descriptor).await
    }

    /// Points names at published manifests, all of them in one step; `None` keeps an image without a name.
    ///
    /// # Errors
    /// Those of the medium; `not-found` when something beneath a manifest is not there any more: then no name is written.
    pub async fn tag(&self, listed: &[(Option<Name>, Descriptor)]) -> Result<()> {
        let _lock = self.directory.lock().await?;
        let mut naming = Naming::images(listed);
        let anew = self.anew(&mut naming, |_| {}).await?;
        self.name(anew, naming, listed).await
    }

    async fn replace<'p>(&self, path: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Result<()> {
        let mut writer = self.directory.create().await?;
        let mut piece = Vec::new();
        for part in parts.into_iter().flat_map(|part| part.chunks(PIECE as usize)) {
            if piece.len().saturating_add(part.len()) > PIECE as usize {
                writer.write(std::mem::take(&mut piece)).await?;
            }
            piece.extend(part);
        }
        writer.write(piece).await?;
        writer.publish(path).await.map(drop)
    }

    async fn whole(&self, file: &D::File, name: &str) -> Result<Vec<u8>> {
        self.within(file, name, MAX_DOCUMENT).await
    }

    async fn within(&self, file: &D::File, name: &str, most: u64) -> Result<Vec<u8>> {
        let size = file.size();
        if size > most {
            let message = format!("document {name} has {size} bytes; at most {most} are read");
            return Err(Error::new(self.fault, Code::LimitExceeded("document size".into()), message));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let left = size.saturating_sub(bytes.len() as u64);
            let piece = file.read_at(bytes.len() as u64, u32::try_from(left).unwrap_or(PIECE)).await?;
            if piece.is_empty() {
                let message = format!("document {name} became shorter while it was read");
                return Err(Error::new(self.fault, Code::SizeMismatch(bytes.len() as u64), message));
            }
            // All of most documents.
            if bytes.is_empty() {
                bytes = piece;
            } else {
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(bytes)
    }

    fn own(&self, mut error: Error) -> Error {
        error.fault = self.fault;
        error
    }
}

impl<D: Kept> Layout<D> {
    /// The digests of all blobs that are there, documents among them; what has another name than a digest is none.
    async fn blobs(&self) -> Result<Vec<Digest>> {
        self.digests(BLOBS, |name| name).await
    }

    /// What stands in `FOLDER/ALGORITHM` under a name in which `hex` finds the rest of a digest.
    async fn digests(&self, folder: &str, hex: fn(&str) -> &str) -> Result<Vec<Digest>> {
        let mut digests = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            let names = self.directory.names(&format!("{folder}/{algorithm}")).await?;
            digests.extend(names.iter().filter_map(|name| format!("{algorithm}:{}", hex(name)).parse::<Digest>().ok()));
        }
        Ok(digests)
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

const BLOBS: &str = "blobs";
const INDEX_PATH: &str = "index.json";
const LAYOUT_PATH: &str = "oci-layout";
