//! The layers of an image, brought here where they are far away, and checked when they are read for the first time: each blob by its digest,
//! its tar by its diff ID.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::{Code, Error, Fault, Result};
use crate::export::Checked;
use crate::inspect::Layer;
use crate::inspect::meter::Meter;
use crate::layer::merged::Layers;
use crate::layer::{self, Archive, Contents, FileInput};
use crate::media::{Directory, HashAlgorithm, Hasher, Input, Media, Writer};
use crate::store::{Layout, PIECE};

/// Layers, the lowest first.
pub struct Stack<'a, M: Media> {
    media: &'a M,
    parts: Vec<Part<'a, M>>,
}

struct Part<'a, M: Media> {
    bytes: Bytes<'a, M>,
    /// Of an eStargz layer, the bytes before its table of contents, of which the tar has none.
    payload: Option<u64>,
    /// To check the blob with; none when that was done.
    descriptor: Option<Descriptor>,
    /// To check the tar with.
    diff_id: Option<DiffId>,
    /// Whether it was read to its end and found right.
    checked: Rc<Cell<bool>>,
    /// Keeps what was brought here.
    _brought: Option<<M::Directory as Directory>::Writer>,
}

impl<'a, M: Media> Stack<'a, M> {
    /// Brings what is far away into the store's ingest folder, several layers at a time.
    ///
    /// # Errors
    /// The registry's and the store's; `digest-mismatch`.
    pub async fn bring(media: &'a M, store: &Layout<M::Directory>, layers: Vec<Layer<'a, M>>) -> Result<Self> {
        let parts = stream::iter(layers).map(|layer| Part::bring(media, store, layer)).buffered(AT_ONCE);
        Ok(Self { media, parts: parts.try_collect().await? })
    }

    /// Of layers that are here and were checked.
    ///
    /// # Errors
    /// The medium's.
    pub async fn checked(media: &'a M, layers: impl Iterator<Item = Bytes<'a, M>>) -> Result<Self> {
        let mut parts = Vec::new();
        for bytes in layers {
            let payload = layer::payload(&bytes).await?;
            let checked = Rc::default();
            parts.push(Part { bytes, payload, descriptor: None, diff_id: None, checked, _brought: None });
        }
        Ok(Self { media, parts })
    }
}

impl<'a, M: Media> Part<'a, M> {
    async fn bring(media: &'a M, store: &Layout<M::Directory>, layer: Layer<'a, M>) -> Result<Self> {
        let Layer { mut descriptor, mut diff_id, mut bytes, .. } = layer;
        let mut brought = if bytes.is_remote() { Some(store.create().await?) } else { None };
        let mut payload = if brought.is_some() { None } else { layer::payload(&bytes).await? };
        // An eStargz layer is not read to its end later.
        if let Some(of) = descriptor.take_if(|_| brought.is_some() || payload.is_some()) {
            let mut meter = Meter::new(media, of.digest.to_string(), of.size);
            let mut blob = Checked::open(media, &of, &bytes).await?;
            loop {
                let piece = blob.read(PIECE).await?;
                meter.count(piece.len());
                if piece.is_empty() {
                    break;
                }
                if let Some(writer) = &mut brought {
                    writer.write(piece).await?;
                }
            }
        }
        if let Some(writer) = &brought {
            bytes = Bytes::file(writer.reader().await?);
            payload = layer::payload(&bytes).await?;
        }
        // A plain layer's digest is its tar's already.
        diff_id = diff_id.filter(|id| payload.is_none() && descriptor.as_ref().is_none_or(|of| of.digest != id.0));
        Ok(Self { bytes, payload, descriptor, diff_id, checked: Rc::default(), _brought: brought })
    }
}

impl<'a, M: Media> Layers for Stack<'a, M> {
    type Contents = Tar<'a, M>;

    fn count(&self) -> usize {
        self.parts.len()
    }

    async fn open(&self, number: usize) -> Result<Self::Contents> {
        let part = self.parts.get(number).ok_or_else(|| {
            Error::new(Fault::Component, Code::Other("bug".into()), "a layer that there is not was asked for")
        })?;
        let first = !part.checked.get();
        let plain = || match part.payload {
            Some(end) => FileInput::until(part.bytes.clone(), end),
            None => FileInput::new(part.bytes.clone()),
        };
        let blob = match part.descriptor.as_ref().filter(|_| first) {
            Some(descriptor) => {
                let meter = Meter::new(self.media, descriptor.digest.to_string(), descriptor.size);
                Blob::Unchecked(Checked::open(self.media, descriptor, &part.bytes).await?, meter)
            }
            None => Blob::Checked(plain()),
        };
        let archive = match part.payload {
            Some(_) => Archive::open_payload(blob).await?,
            None => Archive::open(blob).await?,
        };
        let diff_id = part.diff_id.clone().filter(|_| first);
        let check = diff_id.map(|diff_id| (self.media.hasher(algorithm(&diff_id)), diff_id));
        Ok(Tar { archive, check, checked: part.checked.clone() })
    }
}

/// A layer's tar. Its end is only told when its diff ID is right.
pub struct Tar<'a, M: Media> {
    archive: Archive<Blob<'a, M>>,
    check: Option<(M::Hasher, DiffId)>,
    checked: Rc<Cell<bool>>,
}

impl<M: Media> Contents for Tar<'_, M> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = self.archive.next().await?;
        match (&piece, &mut self.check) {
            (Some(piece), Some((hasher, _))) => hasher.update(piece.clone()).await,
            (None, check) => {
                if let Some((mut hasher, said)) = check.take() {
                    let is = Digest::from_hash(said.0.algorithm(), &hasher.sum().await);
                    if is != said.0 {
                        let message = format!("its tar has the diff ID {is}, and the image's config says {said}");
                        return Err(Error::new(Fault::Source, Code::DigestMismatch(is), message));
                    }
                }
                self.checked.set(true);
            }
            (Some(_), None) => {}
        }
        Ok(piece)
    }

    fn warning(&mut self) -> Option<String> {
        self.archive.warning()
    }
}

/// A layer's blob.
enum Blob<'a, M: Media> {
    Checked(FileInput<Bytes<'a, M>>),
    Unchecked(Checked<'a, M>, Meter<'a, M>),
}

impl<M: Media> Input for Blob<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        match self {
            Self::Checked(input) => input.read(max).await,
            Self::Unchecked(input, meter) => {
                let piece = input.read(max).await?;
                meter.count(piece.len());
                Ok(piece)
            }
        }
    }
}

fn algorithm(diff_id: &DiffId) -> HashAlgorithm {
    diff_id.0.algorithm()
}

/// Layers that are brought here at the same time.
const AT_ONCE: usize = 3;
