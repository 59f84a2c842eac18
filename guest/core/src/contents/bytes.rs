//! A blob's bytes, wherever they are: to be read from the start as often as needed.

use std::marker::PhantomData;
use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, File, Input, Media};
use crate::registry::Repository;

/// Where a blob's bytes are. Clones share it.
pub enum Bytes<'a, M: Media> {
    /// In memory.
    Memory(Rc<[u8]>),
    /// In a file, or in a part of one.
    File {
        /// Which.
        file: Rc<M::File>,
        /// Of the first byte.
        offset: u64,
        /// How many bytes.
        size: u64,
    },
    /// In a registry: every reading is a request.
    Remote {
        /// Where.
        repository: Rc<Repository<'a, M>>,
        /// Of the blob.
        descriptor: Descriptor,
    },
}

impl<'a, M: Media> Bytes<'a, M> {
    /// All of a file.
    pub fn file(file: M::File) -> Self {
        let size = file.size();
        Self::File { file: Rc::new(file), offset: 0, size }
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
            Self::Remote { descriptor, .. } => descriptor.size,
        }
    }

    /// Whether they are far away: reading them twice is sending them twice.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. })
    }

    /// From the first byte on.
    pub async fn open(&self) -> Result<Reader<'a, M>> {
        let from = match self {
            Self::Memory(bytes) => From::Memory(bytes.clone()),
            Self::File { file, offset, .. } => From::File(file.clone(), *offset),
            Self::Remote { repository, descriptor } => {
                // Sending a blob may read it from another registry, which is sending too.
                From::Remote(Box::pin(repository.blob(descriptor)).await?, PhantomData)
            }
        };
        Ok(Reader { from, size: self.size(), at: 0 })
    }

    /// Up to `max` bytes from `offset` when they are at hand; nothing of what is far away.
    pub async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        let rest = self.size().saturating_sub(offset).min(u64::from(max));
        match self {
            Self::Memory(bytes) => Ok(part(bytes, offset, rest)),
            Self::File { file, offset: first, .. } => {
                file.read_at(first.saturating_add(offset), u32::try_from(rest).unwrap_or(max)).await
            }
            Self::Remote { .. } => Ok(Vec::new()),
        }
    }
}

impl<M: Media> Clone for Bytes<'_, M> {
    fn clone(&self) -> Self {
        match self {
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
            Self::File { file, offset, size } => Self::File { file: file.clone(), offset: *offset, size: *size },
            Self::Remote { repository, descriptor } => {
                Self::Remote { repository: repository.clone(), descriptor: descriptor.clone() }
            }
        }
    }
}

/// Bytes at hand, as a file.
impl<M: Media> File for Bytes<'_, M> {
    fn size(&self) -> u64 {
        Bytes::size(self)
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        Bytes::read_at(self, offset, max).await
    }
}

/// A blob's bytes on their way: exactly as many as it has.
pub struct Reader<'a, M: Media> {
    from: From<'a, M>,
    size: u64,
    at: u64,
}

enum From<'a, M: Media> {
    Memory(Rc<[u8]>),
    File(Rc<M::File>, u64),
    Remote(<M::Exchange as Exchange>::Body, PhantomData<&'a M>),
}

impl<M: Media> Input for Reader<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let rest = self.size.saturating_sub(self.at).min(u64::from(max));
        let most = u32::try_from(rest).unwrap_or(max);
        let piece = match &mut self.from {
            From::Memory(bytes) => part(bytes, self.at, rest),
            From::File(..) if rest == 0 => Vec::new(),
            From::File(file, first) => file.read_at(first.saturating_add(self.at), most).await?,
            // One byte more than is wanted tells a body that is too long.
            From::Remote(body, _) => body.read(most.max(1)).await?,
        };
        let now = self.at.saturating_add(piece.len() as u64);
        if now > self.size || (piece.is_empty() && now < self.size) {
            let message = format!("a blob has {now} bytes where its descriptor says {}", self.size);
            return Err(Error::new(Fault::Source, Code::SizeMismatch(now), message));
        }
        self.at = now;
        Ok(piece)
    }
}

fn part(bytes: &[u8], offset: u64, size: u64) -> Vec<u8> {
    let bounds = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(size)).ok());
    bounds.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default().to_vec()
}
