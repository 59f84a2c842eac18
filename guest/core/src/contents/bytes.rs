//! Where a blob's bytes are, and reading them: from memory, from a part of a file, from a registry.

use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{File, Input, Media};
use crate::registry::{Download, Repository};
use crate::store::PIECE;

/// Where a blob's bytes are, to be read from the start as often as needed. Cheap to clone.
pub enum Bytes<'a, M: Media> {
    /// A document.
    Memory(Rc<[u8]>),
    /// A part of a file.
    File {
        /// The file.
        file: Rc<M::File>,
        /// Of the first byte.
        offset: u64,
        /// Bytes of the part.
        size: u64,
    },
    /// A blob of a repository, asked for anew whenever it is opened.
    Remote {
        /// Where it is.
        repository: Rc<Repository<'a, M>>,
        /// What it is.
        descriptor: Descriptor,
    },
}

/// A blob's bytes, once, in order. Ends after exactly as many as [`Bytes::size`] said; an earlier end is an error.
pub struct Reader<'a, M: Media> {
    from: Place<'a, M>,
    done: u64,
    size: u64,
}

enum Place<'a, M: Media> {
    Memory(Rc<[u8]>),
    File(Rc<M::File>, u64),
    Remote(Box<Download<'a, M>>),
}

impl<'a, M: Media> Bytes<'a, M> {
    /// A whole file.
    pub fn file(file: impl Into<Rc<M::File>>) -> Self {
        let file = file.into();
        let size = file.size();
        Self::File { file, offset: 0, size }
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
            Self::Remote { descriptor, .. } => descriptor.size,
        }
    }

    /// Whether they are far away: reading them twice is asking for them twice.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. })
    }

    /// Begins to read at the first byte. Asks the registry for a remote blob.
    ///
    /// # Errors
    /// The registry's, also when it has the blob in another size.
    pub async fn open(&self) -> Result<Reader<'a, M>> {
        self.open_at(0).await
    }

    /// Begins to read at an offset within the blob.
    ///
    /// # Errors
    /// As [`Bytes::open`]; of a registry that does not give parts.
    pub async fn open_at(&self, from: u64) -> Result<Reader<'a, M>> {
        let done = from;
        let from = match self {
            Self::Memory(bytes) => Place::Memory(Rc::clone(bytes)),
            Self::File { file, offset, .. } => Place::File(Rc::clone(file), *offset),
            // Boxed, since a request may have a body, which is read like this one.
            Self::Remote { repository, descriptor } => {
                Place::Remote(Box::new(Box::pin(repository.blob(descriptor, done)).await?))
            }
        };
        Ok(Reader { from, done, size: self.size() })
    }

    /// Up to `max` bytes from `offset`, as [`File::read_at`] gives them; `None` for a remote blob, which has no random access.
    pub async fn read_at(&self, offset: u64, max: u32) -> Option<Result<Vec<u8>>> {
        let max = at_most(max, self.size().saturating_sub(offset));
        match self {
            Self::Memory(bytes) => Some(Ok(slice(bytes, offset, max))),
            Self::File { file, offset: start, .. } => Some(file.read_at(start.saturating_add(offset), max).await),
            Self::Remote { .. } => None,
        }
    }

    /// All bytes of a document.
    ///
    /// # Errors
    /// `limit-exceeded` over `most` bytes; what reading says.
    pub(crate) async fn whole(&self, what: &str, most: u64) -> Result<Vec<u8>> {
        let size = self.size();
        if size > most {
            return Err(Error::limit("document size", format!("{what} has {size} bytes; at most {most} are read")));
        }
        let mut reader = self.open().await?;
        let mut bytes = Vec::new();
        loop {
            let piece = reader.read(PIECE).await?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(piece);
        }
    }
}

/// A remote blob has no random access: nothing of it is ever there.
impl<M: Media> File for Bytes<'_, M> {
    fn size(&self) -> u64 {
        Bytes::size(self)
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        Bytes::read_at(self, offset, max).await.unwrap_or(Ok(Vec::new()))
    }
}

impl<M: Media> Clone for Bytes<'_, M> {
    fn clone(&self) -> Self {
        match self {
            Self::Memory(bytes) => Self::Memory(Rc::clone(bytes)),
            Self::File { file, offset, size } => Self::File { file: Rc::clone(file), offset: *offset, size: *size },
            Self::Remote { repository, descriptor } => {
                Self::Remote { repository: Rc::clone(repository), descriptor: descriptor.clone() }
            }
        }
    }
}

impl<M: Media> Input for Reader<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let max = at_most(max, self.size.saturating_sub(self.done));
        if max == 0 {
            return Ok(Vec::new());
        }
        let piece = match &mut self.from {
            Place::Memory(bytes) => slice(bytes, self.done, max),
            Place::File(file, offset) => file.read_at(offset.saturating_add(self.done), max).await?,
            Place::Remote(download) => download.read(max).await?,
        };
        if piece.is_empty() {
            let message = "a blob became shorter while it was read; check the place where it is kept, and try again";
            return Err(Error::new(Fault::Store, Code::SizeMismatch(self.done), message));
        }
        self.done = self.done.saturating_add(piece.len() as u64);
        Ok(piece)
    }
}

fn at_most(max: u32, rest: u64) -> u32 {
    max.min(u32::try_from(rest).unwrap_or(u32::MAX))
}

fn slice(bytes: &[u8], offset: u64, max: u32) -> Vec<u8> {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
    rest.get(..max as usize).unwrap_or(rest).to_vec()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::memory::{self, Memory};

    type Part = Bytes<'static, Memory>;

    fn all(bytes: &Bytes<'_, Memory>, piece: u32) -> Result<Vec<u8>> {
        let read = async {
            let mut reader = bytes.open().await?;
            let mut all = Vec::new();
            loop {
                let piece = reader.read(piece).await?;
                if piece.is_empty() {
                    return Ok(all);
                }
                all.extend(piece);
            }
        };
        read.now_or_never().unwrap()
    }

    #[test]
    fn parts_of_files_are_read_as_often_as_needed() {
        let file = Rc::new(memory::File::from(b"0123456789".to_vec()));
        let part = |offset, size| Part::File { file: Rc::clone(&file), offset, size };
        for (bytes, expected) in [
            (part(2, 5), &b"23456"[..]),
            (part(10, 0), b""),
            (Bytes::file(Rc::clone(&file)), b"0123456789"),
            (Bytes::Memory(b"abc"[..].into()), b"abc"),
        ] {
            for piece in [1, 3, 100] {
                assert_eq!(all(&bytes, piece).unwrap(), expected);
            }
            let clone = bytes.clone();
            let at = |offset, max| clone.read_at(offset, max).now_or_never().unwrap().unwrap().unwrap();
            assert_eq!(at(0, 100), expected);
            assert_eq!(at(1, 1), expected.get(1..2).unwrap_or_default());
            assert_eq!(at(99, 1), b"");
        }
    }

    #[test]
    fn an_early_end_is_an_error() {
        let file = Rc::new(memory::File::from(b"0123456789".to_vec()));
        let bytes = Part::File { file, offset: 8, size: 3 };
        assert_eq!(all(&bytes, 100).unwrap_err().code, Code::SizeMismatch(2));
    }
}
