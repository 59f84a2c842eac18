//! What entries of `index.json` reach: every document, and every blob that documents list.

use std::collections::BTreeSet;

use super::Layout;
use crate::copy::{MAX_DEPTH, is_document, listed, too_deep};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Directory;
use crate::media_type;

/// Documents and blobs, each once.
#[derive(Default)]
pub struct Reached {
    /// Indexes and manifests that could be read.
    pub documents: Vec<Descriptor>,
    /// Configs, layers and whatever else is listed and is no document. They were not looked for.
    pub blobs: Vec<Descriptor>,
    /// Documents that could not be read, and why: what is beneath them is not known.
    pub flaws: Vec<(Descriptor, Error)>,
    seen: BTreeSet<(bool, Digest)>,
}

impl Reached {
    /// Adds an entry and all that is beneath it. What was added before is not looked at again.
    pub async fn add<D: Directory>(&mut self, layout: &Layout<D>, entry: &Descriptor) {
        let mut visits = vec![(entry.clone(), 1_usize)];
        while let Some((descriptor, depth)) = visits.pop() {
            let is_document = is_document(&descriptor);
            if !self.seen.insert((is_document, descriptor.digest.clone())) {
                continue;
            }
            if !is_document {
                self.blobs.push(descriptor);
                continue;
            }
            match beneath(layout, &descriptor, depth).await {
                Ok(found) => {
                    let deeper = depth.saturating_add(1);
                    visits.extend(found.into_iter().rev().map(|listed| (listed, deeper)));
                    self.documents.push(descriptor);
                }
                Err(flaw) => self.flaws.push((descriptor, flaw)),
            }
        }
    }

    /// Whether a digest is among them, readable or not.
    pub fn has(&self, digest: &Digest) -> bool {
        [true, false].into_iter().any(|is_document| self.seen.contains(&(is_document, digest.clone())))
    }

    /// Bytes of all of them, as their descriptors say.
    pub fn size(&self) -> u64 {
        self.documents.iter().chain(&self.blobs).fold(0, |sum, found| sum.saturating_add(found.size))
    }

    /// That all of it is there. The lock is held.
    ///
    /// # Errors
    /// The first document that could not be read; `not-found` for a blob.
    pub async fn whole<D: Directory>(&self, layout: &Layout<D>) -> Result<()> {
        if let Some((_, flaw)) = self.flaws.first() {
            return Err(flaw.clone());
        }
        let needed: Vec<_> = self.blobs.iter().filter(|blob| is_needed(blob)).collect();
        let sizes = layout.directory.sizes(needed.iter().map(|blob| blob.digest.blob_path()).collect()).await?;
        for (blob, size) in needed.iter().zip(sizes) {
            if size != Some(blob.size) {
                let message =
                    format!("blob {} is not in the store any more: it was removed meanwhile; do it again", blob.digest);
                return Err(Error::new(Fault::Store, Code::NotFound, message));
            }
        }
        Ok(())
    }
}

/// Whether a blob has to be there: a layer that must not be distributed may lie elsewhere.
pub fn is_needed(blob: &Descriptor) -> bool {
    media_type::is_distributable(&blob.media_type)
}

async fn beneath<D: Directory>(layout: &Layout<D>, document: &Descriptor, depth: usize) -> Result<Vec<Descriptor>> {
    if depth >= MAX_DEPTH && media_type::is_index(&document.media_type) {
        return Err(too_deep());
    }
    let bytes = layout.document(document).await?;
    listed(document, &bytes).map_err(|error| layout.own(error))
}
