//! Where contents are.

use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{File, Input, Media};
use crate::reference::Reference;
use crate::store::Layout;

/// What a tar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Told by its content.
    Detect,
    /// A root file system, whatever it looks like.
    RootFilesystem,
    /// Images; another tar is an error.
    Image,
}

/// Where a blob's bytes are.
pub enum Bytes<'a, M: Media> {
    /// In memory.
    Memory(Rc<[u8]>),
    /// In a file.
    File {
        /// Which.
        file: Rc<M::File>,
        /// Of the first byte.
        offset: u64,
        /// Bytes.
        size: u64,
    },
    /// x
    Never(std::marker::PhantomData<&'a M>, std::convert::Infallible),
}

impl<M: Media> Clone for Bytes<'_, M> {
    fn clone(&self) -> Self {
        match self {
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
            Self::File { file, offset, size } => Self::File { file: file.clone(), offset: *offset, size: *size },
            Self::Never(_, never) => match *never {},
        }
    }
}

impl<'a, M: Media> Bytes<'a, M> {
    /// All of a file.
    pub fn file(file: M::File) -> Self {
        let size = file.size();
        Self::File { file: Rc::new(file), offset: 0, size }
    }

    /// How many.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
            Self::Never(_, never) => match *never {},
        }
    }

    /// x
    pub fn is_remote(&self) -> bool {
        false
    }

    /// From the start.
    pub async fn open(&self) -> Result<Reader<'a, M>> {
        Ok(Reader { bytes: self.clone(), at: 0 })
    }
}

/// x
pub struct Reader<'a, M: Media> {
    bytes: Bytes<'a, M>,
    at: u64,
}

impl<M: Media> Input for Reader<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let left = self.bytes.size().saturating_sub(self.at).min(u64::from(max));
        let piece = match &self.bytes {
            Bytes::Memory(bytes) => bytes.get(self.at as usize..).and_then(|b| b.get(..left as usize)).unwrap_or_default().to_vec(),
            Bytes::File { file, offset, .. } => file.read_at(offset.saturating_add(self.at), left as u32).await?,
            Bytes::Never(_, never) => match *never {},
        };
        self.at = self.at.saturating_add(piece.len() as u64);
        Ok(piece)
    }
}

/// x
pub enum Images<'a, M: Media> {
    /// x
    Layout(Layout<M::Directory>, std::marker::PhantomData<&'a M>),
}

impl<'a, M: Media> Images<'a, M> {
    /// x
    pub fn layout(directory: M::Directory) -> Self {
        Self::Layout(Layout::source(directory), std::marker::PhantomData)
    }
    /// x
    pub async fn stored(_: &Layout<M::Directory>, _: &Reference) -> Result<Self> {
        Err(no())
    }
    /// x
    pub async fn registry(_: &'a M, _: &Reference, _: bool) -> Result<Self> {
        Err(no())
    }
    /// x
    pub async fn roots(&self, _: Option<&str>) -> Result<Vec<Descriptor>> {
        let Self::Layout(layout, _) = self;
        Ok(layout.index().await?.manifests().cloned().collect())
    }
    /// x
    pub async fn document(&self, d: &Descriptor) -> Result<Vec<u8>> {
        let Self::Layout(layout, _) = self;
        layout.document(d).await
    }
    /// x
    pub async fn blob(&self, d: &Descriptor) -> Result<Bytes<'a, M>> {
        let Self::Layout(layout, _) = self;
        Ok(Bytes::file(layout.blob(d).await?))
    }
    /// x
    pub async fn name(&self, _: Option<&str>) -> Result<Option<String>> {
        Ok(None)
    }
}

fn no() -> Error {
    Error::new(Fault::Host, Code::Unsupported("x".into()), "x")
}

/// x
pub type Tarred<'a, M> = Either<M>;

/// x
pub enum Either<M: Media> {
    /// x
    File(crate::layer::FileInput<M::File>),
    /// x
    Input(M::Input),
}

impl<M: Media> Input for Either<M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        match self {
            Self::File(f) => f.read(max).await,
            Self::Input(i) => i.read(max).await,
        }
    }
}

/// x
pub enum Archived<'a, M: Media> {
    /// x
    RootFilesystem(Tarred<'a, M>),
    /// x
    Images(Images<'a, M>),
}

impl<'a, M: Media> Archived<'a, M> {
    /// x
    pub async fn at_rest(_: &'a M, f: M::File, _: &Layout<M::Directory>, _: Form) -> Result<Self> {
        Ok(Self::RootFilesystem(Either::File(crate::layer::FileInput::new(f))))
    }
    /// x
    pub async fn piped(_: &'a M, f: M::Input, _: &Layout<M::Directory>, _: Form) -> Result<Self> {
        Ok(Self::RootFilesystem(Either::Input(f)))
    }
}
