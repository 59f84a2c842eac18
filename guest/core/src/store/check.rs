//! Whether the store is sound: every document and every blob against its digest, and what is there that nobody needs.
//!
//! Reads without the lock, so that nobody waits. What a name needs is judged by the names that there are at the end: what was taken away
//! meanwhile is not missed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::known::KNOWN;
use super::reach::{Reached, is_needed};
use super::trees::UNPACKED;
use super::{BLOBS, INDEX_PATH, LAYOUT_PATH, Layout, PIECE};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::{Index, name_of, tag_of};
use crate::error::{Code, Error, Result};
use crate::inspect::meter::Meter;
use crate::media::{File, Hasher, Kept, Media};

/// What was found; docs/stores.md describes it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing is broken, or is broken any more.
    pub sound: bool,
    /// Entries of `index.json`.
    pub images: u64,
    /// Blobs that were read, documents among them.
    pub blobs: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// What is broken first.
    pub findings: Vec<Finding>,
}

/// Something about the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Whether it makes the store broken.
    pub broken: bool,
    /// In kebab-case.
    pub code: &'static str,
    /// A digest, or a path in the store.
    pub subject: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// The images that need it: names, or the digests of those that have none.
    pub images: Vec<String>,
    /// What was done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<String>,
}

/// What was seen of a blob.
pub(super) enum Seen {
    /// Its bytes are what its name says; how many.
    Sound(u64),
    /// They have this digest.
    Damaged(Digest),
    /// It is gone, or it is no file.
    Absent(Error),
}

/// Checks everything, and changes nothing.
///
/// # Errors
/// Those of the medium. What is wrong with the store is in the report.
pub async fn check<M: Media<Directory: Kept>>(media: &M, store: &Layout<M::Directory>) -> Result<Report> {
    let mut report = Report { sound: true, images: 0, blobs: 0, bytes: 0, findings: Vec::new() };
    store.surroundings(&mut report).await?;
    let index = store.known_index(&mut report).await?;
    let mut reached = Reached::default();
    for entry in index.iter().flat_map(Index::listed) {
        reached.add(store, entry).await;
        report.images = report.images.saturating_add(1);
    }
    let there = store.blobs().await?;
    let seen = store.read_all(media, there).await?;
    // Digest, code and message of what an image may need.
    let mut wrong: BTreeMap<Digest, (&'static str, String)> = BTreeMap::new();
    for (digest, blob) in &seen {
        report.blobs = report.blobs.saturating_add(1);
        match blob {
            Seen::Sound(size) => report.bytes = report.bytes.saturating_add(*size),
            Seen::Damaged(is) => {
                wrong.insert(digest.clone(), (DAMAGED, format!("its bytes have the digest {is}")));
            }
            Seen::Absent(_) => {}
        }
    }
    for (document, flaw) in &reached.flaws {
        let code = if flaw.code == Code::NotFound { MISSING } else { UNREADABLE };
        wrong.entry(document.digest.clone()).or_insert_with(|| (code, flaw.to_string()));
    }
    for blob in reached.documents.iter().chain(&reached.blobs).filter(|blob| is_needed(blob)) {
        let why = match seen.get(&blob.digest) {
            Some(Seen::Sound(size)) if *size == blob.size => continue,
            Some(Seen::Sound(size)) => (SIZE, format!("it has {size} bytes where its descriptor says {}", blob.size)),
            Some(Seen::Damaged(_)) => continue,
            Some(Seen::Absent(why)) => (MISSING, why.to_string()),
            None => (MISSING, "it is not in the store".to_owned()),
        };
        wrong.entry(blob.digest.clone()).or_insert(why);
    }
    store.tell(&mut report, wrong).await?;
    if index.is_some() {
        let unreached = seen.iter().filter(|(digest, blob)| !reached.has(digest) && matches!(blob, Seen::Sound(_)));
        let sizes: Vec<u64> =
            unreached.filter_map(|(_, blob)| if let Seen::Sound(size) = blob { Some(*size) } else { None }).collect();
        if !sizes.is_empty() {
            let bytes = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
            let message =
                format!("{} blobs of {bytes} bytes are reached by no name: `ocix gc` removes them", sizes.len());
            report.add(false, UNREACHED, BLOBS, message);
        }
    }
    report.findings.sort_by_key(|finding| !finding.broken);
    report.judge();
    Ok(report)
}

impl<D: Kept> Layout<D> {
    /// What is there beside names and blobs.
    async fn surroundings(&self, report: &mut Report) -> Result<()> {
        for name in self.directory.names("").await? {
            let known = [BLOBS, INGEST, KNOWN.trim_end_matches('/'), SET_ASIDE, UNPACKED];
            let is_ours = match name.strip_suffix('/') {
                Some(folder) => known.contains(&folder),
                None => [INDEX_PATH, LAYOUT_PATH, LOCK].contains(&name.as_str()),
            };
            if !is_ours {
                report.add(false, STRAY, &name, "it is nothing that ocix keeps in a store".into());
            }
        }
        for folder in self.directory.names(BLOBS).await? {
            let algorithm = folder.trim_end_matches('/');
            for name in self.directory.names(&format!("{BLOBS}/{algorithm}")).await? {
                if format!("{algorithm}:{name}").parse::<Digest>().is_err() {
                    let path = format!("{BLOBS}/{algorithm}/{name}");
                    report.add(false, STRAY, &path, "its name is not a digest that ocix knows".into());
                }
            }
        }
        let drafts = self.directory.names(INGEST).await?.len();
        if drafts > 0 {
            let message = format!(
                "{drafts} files are not published: writers are at work, a crash left them, or a large one had its place taken; the next writer removes those"
            );
            report.add(false, DRAFT, INGEST, message);
        }
        for path in self.stale_records().await? {
            report.add(false, RECORD, &path, "it remembers a blob that is not there, or cannot be read".into());
        }
        Ok(())
    }

    /// `index.json`, when it can be read; empty in a store that is new.
    async fn known_index(&self, report: &mut Report) -> Result<Option<Index>> {
        let bytes = match self.index_bytes().await {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.code, Code::LimitExceeded(_) | Code::SizeMismatch(_)) => {
                report.add(true, INDEX, INDEX_PATH, error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if bytes.is_some() && !self.has_layout_file().await? {
            let message = "it is missing, or says another version than 1.0.0: `ocix store check --repair` writes it";
            report.add(true, LAYOUT, LAYOUT_PATH, message.into());
        }
        match bytes.map(|bytes| self.read_index(bytes)).transpose() {
            Ok(index) => Ok(Some(index.unwrap_or_default())),
            Err(error) => {
                let message =
                    format!("{error}: put an older one in its place, or store the images again in another store");
                report.add(true, INDEX, INDEX_PATH, message);
                Ok(None)
            }
        }
    }

    async fn has_layout_file(&self) -> Result<bool> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            image_layout_version: String,
        }
        let Some(file) = self.directory.open(LAYOUT_PATH).await? else { return Ok(false) };
        let bytes = self.whole(&file, LAYOUT_PATH).await.unwrap_or_default();
        Ok(serde_json::from_slice(&bytes).is_ok_and(|said: Version| said.image_layout_version == "1.0.0"))
    }

    /// Every blob against its digest, several at a time.
    async fn read_all<M: Media<Directory = D>>(
        &self,
        media: &M,
        digests: Vec<Digest>,
    ) -> Result<BTreeMap<Digest, Seen>> {
        let reading = digests.into_iter().map(async |digest| {
            let seen = self.see(media, &digest).await?;
            Ok::<_, Error>((digest, seen))
        });
        stream::iter(reading).buffer_unordered(AT_ONCE).try_collect().await
    }

    pub(super) async fn see<M: Media<Directory = D>>(&self, media: &M, digest: &Digest) -> Result<Seen> {
        let file = match self.directory.open(&digest.blob_path()).await {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Seen::Absent(Error::new(self.fault, Code::NotFound, "it was removed meanwhile"))),
            Err(error) => return Ok(Seen::Absent(error)),
        };
        let (size, algorithm) = (file.size(), digest.algorithm());
        // What is small is hashed here.
        if size <= u64::from(PIECE) {
            let is = Digest::by(algorithm, &self.within(&file, digest.as_str(), size).await?);
            return Ok(if is == *digest { Seen::Sound(size) } else { Seen::Damaged(is) });
        }
        let mut meter = Meter::new(media, digest.to_string(), size);
        let mut hasher = media.hasher(algorithm);
        let mut at = 0_u64;
        loop {
            let piece = file.read_at(at, PIECE).await?;
            meter.count(piece.len());
            if piece.is_empty() {
                break;
            }
            at = at.saturating_add(piece.len() as u64);
            hasher.update(piece).await;
        }
        let is = Digest::from_hash(algorithm, &hasher.sum().await);
        Ok(if is == *digest { Seen::Sound(at) } else { Seen::Damaged(is) })
    }

    /// Tells what is wrong with blobs, and which images need them: by the names that there are now.
    async fn tell(&self, report: &mut Report, wrong: BTreeMap<Digest, (&'static str, String)>) -> Result<()> {
        if wrong.is_empty() {
            return Ok(());
        }
        let needed = self.needed(&wrong.keys().collect()).await;
        for (digest, (code, message)) in wrong {
            let images = needed.get(&digest).cloned().unwrap_or_default();
            let todo = match (code, images.is_empty()) {
                (DAMAGED, true) => "no name needs it: `ocix store check --repair` removes it",
                // Who needed it is gone.
                (_, true) => continue,
                (DAMAGED, false) => {
                    "`ocix store check --repair` sets it aside; then store these images again, or remove their names"
                }
                (_, false) => "store these images again, or remove their names with `ocix rm`",
            };
            let message = format!("{message}; {todo}");
            let (subject, repaired) = (digest.to_string(), None);
            report.findings.push(Finding { broken: true, code, subject, message, images, repaired });
        }
        Ok(())
    }

    /// Which images need these, by the names that there are now.
    pub(super) async fn needed(&self, wrong: &BTreeSet<&Digest>) -> BTreeMap<Digest, Vec<String>> {
        let mut needed: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        let index = self.index().await.unwrap_or_default();
        for entry in index.listed() {
            let mut reached = Reached::default();
            reached.add(self, entry).await;
            for digest in wrong.iter().filter(|digest| reached.has(digest)) {
                needed.entry((*digest).clone()).or_default().push(called(entry));
            }
        }
        needed
    }
}

impl Report {
    pub(super) fn add(&mut self, broken: bool, code: &'static str, subject: &str, message: String) {
        let (subject, images) = (subject.to_owned(), Vec::new());
        self.findings.push(Finding { broken, code, subject, message, images, repaired: None });
    }

    /// Whether anything is still broken.
    pub(super) fn judge(&mut self) {
        self.sound = !self.findings.iter().any(|finding| finding.broken && finding.repaired.is_none());
    }
}

/// An entry's name, else its digest.
fn called(entry: &Descriptor) -> String {
    name_of(entry).or(tag_of(entry)).map_or_else(|| entry.digest.to_string(), str::to_owned)
}

/// A blob has other bytes than its name says.
pub(super) const DAMAGED: &str = "damaged";
/// Unpublished files.
const DRAFT: &str = "draft";
/// `index.json` cannot be read.
const INDEX: &str = "index";
/// `oci-layout` is missing, or of another version.
pub(super) const LAYOUT: &str = "layout";
/// An image needs a blob or document that is not there.
const MISSING: &str = "missing";
/// What is remembered is of no use.
pub(super) const RECORD: &str = "record";
/// A blob has another size than its descriptor says.
const SIZE: &str = "size";
/// A file that is none of the store's.
const STRAY: &str = "stray";
/// Blobs that no name needs.
const UNREACHED: &str = "unreached";
/// A document cannot be understood.
const UNREADABLE: &str = "unreadable";

/// Where unpublished files are.
const INGEST: &str = "ingest";
/// What the medium keeps its lock on.
const LOCK: &str = ".lock";
/// Where damaged blobs are set aside.
pub(super) const SET_ASIDE: &str = "damaged";

/// Blobs that are read at the same time.
const AT_ONCE: usize = 4;
