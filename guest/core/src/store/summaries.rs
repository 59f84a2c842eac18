//! Images at a glance: what they run on, how large they are and when they were made. The store remembers that, so that a list of many
//! images reads no documents; as with all that is remembered, nothing depends on it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::reach::Reached;
use super::{Layout, MAX_INDEX, known};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::config::Config;
use crate::documents::manifest::Manifest;
use crate::error::{Error, Result};
use crate::media::{Directory, Writer};
use crate::media_type;

/// Of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// What its configs say, each once.
    pub platforms: BTreeSet<String>,
    /// Bytes of all documents and blobs beneath it and of itself, each counted once.
    pub size: u64,
    /// The latest time that its configs say (RFC 3339).
    pub created: Option<String>,
}

/// By digest.
type Glances = BTreeMap<String, Glance>;

/// Of several images.
pub struct Glanced {
    known: Glances,
    read: BTreeMap<String, Result<Glance>>,
}

impl Glanced {
    /// Of one of them; when it cannot be read, why.
    pub fn of(&self, digest: &Digest) -> Option<std::result::Result<&Glance, &Error>> {
        let digest = digest.as_str();
        self.known.get(digest).map(Ok).or_else(|| self.read.get(digest).map(Result::as_ref))
    }
}

impl<D: Directory> Layout<D> {
    /// Of these images: what is remembered, and what has to be read for the rest.
    pub async fn glances(&self, images: &[&Descriptor]) -> Glanced {
        let known = self.recalled().await;
        let wanted = images.iter().filter(|image| !known.contains_key(image.digest.as_str()));
        let wanted: BTreeMap<&str, &Descriptor> = wanted.map(|image| (image.digest.as_str(), *image)).collect();
        let reading = wanted.into_iter().map(async |(digest, image)| (digest.to_owned(), self.glance(image).await));
        let read: BTreeMap<_, _> = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
        let new = read.iter().filter_map(|(digest, glance)| Some((digest.as_str(), glance.as_ref().ok()?)));
        let new: Vec<_> = new.collect();
        if !new.is_empty() {
            // A store that cannot be written to is read again the next time.
            let _ = self.note_glances(&known, new).await;
        }
        Glanced { known, read }
    }

    async fn glance(&self, image: &Descriptor) -> Result<Glance> {
        let mut reached = Reached::default();
        reached.add(self, image).await;
        if let Some((_, flaw)) = reached.flaws.first() {
            return Err(flaw.clone());
        }
        let mut glance = Glance { size: reached.size(), ..Glance::default() };
        for document in reached.documents.iter().filter(|document| media_type::is_manifest(&document.media_type)) {
            let manifest = Manifest::parse(&self.document(document).await?, &document.media_type)?;
            if !media_type::is_config(&manifest.config.media_type) {
                continue;
            }
            let config = Config::parse(&self.document(&manifest.config).await?).map_err(|error| self.own(error))?;
            // Attestations have a config too.
            let platform = config.platform();
            if platform.os != "unknown" {
                glance.platforms.insert(platform.to_string());
                glance.created = glance.created.max(config.created().map(str::to_owned));
            }
        }
        Ok(glance)
    }

    async fn recalled(&self) -> Glances {
        let read = async {
            let file = self.directory.open(&path()).await.ok()??;
            serde_json::from_slice(&self.within(&file, "record", MAX_INDEX as u64).await.ok()?).ok()
        };
        read.await.unwrap_or_default()
    }

    async fn note_glances(&self, known: &Glances, new: Vec<(&str, &Glance)>) -> Result<()> {
        let all: BTreeMap<&str, &Glance> =
            known.iter().map(|(digest, glance)| (digest.as_str(), glance)).chain(new).collect();
        let bytes = serde_json::to_vec(&all).unwrap_or_default();
        if bytes.len() > MAX_INDEX {
            return Ok(());
        }
        let mut writer = self.directory.create().await?;
        writer.write(bytes).await?;
        writer.publish(&path()).await.map(drop)
    }
}

/// Where they stand.
pub fn path() -> String {
    known::path("images at a glance")
}

/// Images that are read at the same time.
const AT_ONCE: usize = 16;
