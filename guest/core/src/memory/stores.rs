//! A runtime's store in memory: what was asked of it can be looked at.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{self, Labels};

/// Blobs, names and unpacked layers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Store(Rc<RefCell<Content>>);

/// What a [`Store`] has.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Bytes and labels, by digest.
    pub blobs: BTreeMap<String, (Vec<u8>, Labels)>,
    /// What names point at, and when it was made.
    pub names: BTreeMap<String, (Descriptor, Option<i64>)>,
    /// Chain IDs of unpacked layers, in the order in which they came, each with its parent's.
    pub unpacked: Vec<(String, Option<String>)>,
    /// Bytes that a job left which was cut off, by the digest that they were to have.
    pub begun: BTreeMap<String, Vec<u8>>,
}

/// A blob on its way into a [`Store`].
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    digest: Digest,
    labels: Labels,
    offset: u64,
    bytes: Vec<u8>,
}

impl Store {
    /// What it has now.
    pub fn content(&self) -> Content {
        self.0.borrow().clone()
    }

    /// One where a job was cut off, and left these bytes of a blob.
    pub fn cut_off(blob: &Digest, bytes: Vec<u8>) -> Self {
        let begun = BTreeMap::from([(blob.to_string(), bytes)]);
        Self(Rc::new(RefCell::new(Content { begun, ..Content::default() })))
    }
}

impl media::Store for Store {
    type Ingest = Ingest;

    async fn labels(&self, blob: &Digest) -> Result<Option<Labels>> {
        Ok(self.0.borrow().blobs.get(blob.as_str()).map(|(_, labels)| labels.clone()))
    }

    async fn create(&self, expected: &Descriptor, labels: &Labels) -> Result<Option<Ingest>> {
        let mut content = self.0.borrow_mut();
        if let Some((_, own)) = content.blobs.get_mut(expected.digest.as_str()) {
            own.extend(labels.clone());
            return Ok(None);
        }
        let bytes = content.begun.remove(expected.digest.as_str()).unwrap_or_default();
        let (store, digest, labels) = (self.clone(), expected.digest.clone(), labels.clone());
        Ok(Some(Ingest { store, digest, labels, offset: bytes.len() as u64, bytes }))
    }

    async fn tag(&self, name: &str, target: &Descriptor, epoch: Option<i64>) -> Result<()> {
        self.0.borrow_mut().names.insert(name.to_owned(), (target.clone(), epoch));
        Ok(())
    }

    async fn unpack(&self, layer: &Descriptor, _: &DiffId, chain: &Digest, parent: Option<&Digest>) -> Result<String> {
        let mut content = self.0.borrow_mut();
        if !content.blobs.contains_key(layer.digest.as_str()) {
            return Err(Error::new(Fault::Store, Code::NotFound, format!("layer {} is not here", layer.digest)));
        }
        content.unpacked.push((chain.to_string(), parent.map(Digest::to_string)));
        Ok("memory".into())
    }
}

impl media::Ingest for Ingest {
    fn offset(&self) -> u64 {
        self.offset
    }

    async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        self.bytes.append(&mut bytes);
        Ok(())
    }

    async fn commit(self) -> Result<()> {
        let is = Digest::by(self.digest.algorithm(), &self.bytes);
        if is != self.digest {
            let message = format!("blob {} has the digest {is}", self.digest);
            return Err(Error::new(Fault::Store, Code::DigestMismatch(is), message));
        }
        self.store.0.borrow_mut().blobs.insert(self.digest.to_string(), (self.bytes, self.labels));
        Ok(())
    }
}
