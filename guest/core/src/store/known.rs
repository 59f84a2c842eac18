//! What a layout remembers of the layers that were made for it, so that none is made twice.
//!
//! A record says which blob came of which bytes. It holds no blob and keeps none alive: one whose blob has gone, or that cannot be read,
//! is as good as none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Layout, MAX_DOCUMENT, places, summaries};
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::Result;
use crate::layer::Layer;
use crate::media::{Directory, Kept};

/// A layer that was made before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What came of it.
    pub layer: Layer,
    /// How, when it was packed from a tar in chunks.
    pub pieces: Vec<Piece>,
}

/// One chunk of a tar, and where it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// SHA-256 of the tar up to the chunk's end, in hex.
    pub tar: String,
    /// SHA-256 of the blob up to where the compressed chunk ends, in hex.
    pub blob: String,
    /// Bytes of the chunk.
    pub length: u64,
    /// Bytes of the compressed chunk.
    pub packed: u64,
    /// Bytes of each part of the compressed chunk, when it has parts.
    pub parts: Vec<u32>,
    /// CRC-32 of the chunk.
    pub crc32: u32,
    /// Whether it was compressed as the last one.
    pub last: bool,
}

impl<D: Directory> Layout<D> {
    /// What is remembered under a key, and still here.
    pub async fn recall(&self, key: &str) -> Option<Known> {
        let file = self.directory.open(&path(key)).await.ok()??;
        let record: Record = serde_json::from_slice(&self.whole(&file, "record").await.ok()?).ok()?;
        let known = record.known(key)?;
        self.has(&known.layer.descriptor).await.ok()?.then_some(known)
    }

    /// Remembers a layer, whose blob is published, under a key.
    ///
    /// # Errors
    /// Those of the medium.
    pub async fn remember(&self, key: &str, known: &Known) -> Result<()> {
        let bytes = serde_json::to_vec(&Record::new(key, known)).unwrap_or_default();
        // What would not be read again need not be written.
        if bytes.is_empty() || bytes.len() as u64 > MAX_DOCUMENT {
            return Ok(());
        }
        self.replace(&path(key), [bytes.as_slice()]).await
    }
}

impl<D: Kept> Layout<D> {
    /// The paths of records that are of no use: of a blob that is not there, or not readable.
    ///
    /// # Errors
    /// Those of the medium.
    pub(super) async fn stale_records(&self) -> Result<Vec<String>> {
        let there: BTreeSet<Digest> = self.blobs().await?.into_iter().collect();
        let others: BTreeSet<String> = there.iter().map(|digest| places::path(digest.as_str())).collect();
        let mut stale = Vec::new();
        for name in self.directory.names(&format!("{KNOWN}sha256")).await? {
            let path = format!("{KNOWN}sha256/{name}");
            if others.contains(&path) || path == summaries::path() {
                continue;
            }
            let Some(file) = self.directory.open(&path).await? else { continue };
            let bytes = self.whole(&file, "record").await.unwrap_or_default();
            let record = serde_json::from_slice(&bytes).ok().and_then(|record: Record| {
                let key = record.key.clone();
                record.known(&key).filter(|_| self::path(&key) == path)
            });
            if record.is_none_or(|known| !there.contains(&known.layer.descriptor.digest)) {
                stale.push(path);
            }
        }
        Ok(stale)
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Record {
    key: String,
    media_type: String,
    digest: String,
    size: u64,
    annotations: BTreeMap<String, String>,
    diff_id: String,
    pieces: Vec<Piece>,
}

impl Record {
    fn new(key: &str, known: &Known) -> Self {
        let Layer { descriptor, diff_id } = &known.layer;
        Self {
            key: key.into(),
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.to_string(),
            size: descriptor.size,
            annotations: descriptor.annotations.clone(),
            diff_id: diff_id.0.to_string(),
            pieces: known.pieces.clone(),
        }
    }

    fn known(self, key: &str) -> Option<Known> {
        let mut descriptor = Descriptor::new(&self.media_type, self.digest.parse().ok()?, self.size);
        descriptor.annotations = self.annotations;
        let diff_id = DiffId(self.diff_id.parse().ok()?);
        (self.key == key).then_some(Known { layer: Layer { descriptor, diff_id }, pieces: self.pieces })
    }
}

/// Where what is remembered under a key stands.
pub(super) fn path(key: &str) -> String {
    format!("{KNOWN}sha256/{}", Digest::of(key.as_bytes()).hex())
}

/// The folder of all records.
pub const KNOWN: &str = "known/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::wait;
    use crate::media::Writer as _;
    use crate::media_type;
    use crate::memory;

    #[test]
    fn what_is_here_is_recalled() {
        let layout = Layout::store(memory::Directory::default());
        let descriptor = Descriptor::of(media_type::LAYER, b"blob");
        let piece =
            Piece { tar: "t".into(), blob: "b".into(), length: 1, packed: 2, parts: vec![3], crc32: 4, last: true };
        let layer = Layer { descriptor: descriptor.clone(), diff_id: DiffId(Digest::of(b"tar")) };
        let known = Known { layer, pieces: vec![piece] };
        wait(layout.remember("key", &known)).unwrap();
        assert_eq!(wait(layout.recall("key")), None, "its blob is not here");
        wait(layout.put(&descriptor, b"blob")).unwrap();
        assert_eq!(wait(layout.recall("key")), Some(known));
        assert_eq!(wait(layout.recall("other")), None);
        let mut damaged = wait(layout.create()).unwrap();
        wait(damaged.write(b"{".to_vec())).unwrap();
        wait(damaged.publish(&path("key"))).unwrap();
        assert_eq!(wait(layout.recall("key")), None);
    }
}
