//! Garbage: blobs and unpacked trees that no name reaches go, but for those that a running job holds.
//!
//! What names reach is found out without the lock. Blobs are removed a few at a time under the lock, each time after a look at what was named
//! meanwhile; between the times others get the lock. docs/stores.md says why nothing is lost.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Layout;
use super::reach::Reached;
use super::trees::Needed;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::Seen;
use crate::documents::referrer::referrer;
use crate::error::{Error, Result};
use crate::media::{Directory, File, Kept, Media};
use crate::media_type;

/// What went, or would go; docs/stores.md describes it as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Digests of the images without a name that are listed no more.
    pub images: Vec<String>,
    /// Digests of the blobs, documents among them.
    pub blobs: Vec<String>,
    /// Bytes of those.
    pub bytes: u64,
    /// Blobs and trees that no name reaches, but which running jobs need.
    pub held: u64,
    /// Chain IDs of the unpacked root file systems that no image needs.
    pub trees: Vec<String>,
    /// What was remembered of blobs that are gone.
    pub records: u64,
}

/// Removes what no name reaches. Images without a name are kept unless they are to go, too, and stay even then when they say something about
/// one that is kept.
///
/// # Errors
/// When it is not known what names reach, since a document is missing or damaged: then nothing is removed. Those of the medium.
pub async fn collect<M: Media<Directory: Kept>>(
    media: &M,
    store: &Layout<M::Directory>,
    untagged: bool,
    dry_run: bool,
) -> Result<Collection> {
    let mut done = Collection { dry_run, ..Collection::default() };
    if store.directory.names("").await?.is_empty() {
        return Ok(done);
    }
    let mut live = Live { untagged, ..Live::default() };
    if dry_run {
        let trees = live.lone_trees(store).await?;
        done.trees = trees.iter().map(Digest::to_string).collect();
        let garbage = live.garbage(store).await?;
        done.images = live.gone.iter().map(Digest::to_string).collect();
        for digest in garbage {
            let size = store.directory.open(&digest.blob_path()).await?.map_or(0, |file| file.size());
            done.bytes = done.bytes.saturating_add(size);
            done.blobs.push(digest.to_string());
        }
        return Ok(done);
    }
    if untagged {
        let _lock = store.directory.lock().await?;
        live.look(store).await?;
        if !live.gone.is_empty() {
            done.images = live.gone.iter().map(Digest::to_string).collect();
            let mut index = store.index().await?;
            let gone = |entry: Seen<'_>| entry.descriptor().is_some_and(|own| live.gone.contains(&own.digest));
            index.retain(|entry| entry.called().is_some() || !gone(entry));
            store.write(&index).await?;
        }
    }
    for tree in live.lone_trees(store).await? {
        let lock = store.directory.lock().await?;
        live.look(store).await?;
        if !live.needs_tree(store, &tree).await? {
            match store.remove_tree(&lock, &tree).await? {
                true => done.trees.push(tree.to_string()),
                false => done.held = done.held.saturating_add(1),
            }
        }
        drop(lock);
        media.sleep(PAUSE).await;
    }
    let garbage = live.garbage(store).await?;
    // Even when there is none: whoever has the lock sweeps.
    let mut batches = garbage.chunks(BATCH);
    loop {
        let lock = store.directory.lock().await?;
        let Some(batch) = batches.next() else { break };
        live.look(store).await?;
        for digest in batch.iter().filter(|digest| !live.reached.has(digest)) {
            match store.directory.remove(&lock, &digest.blob_path()).await? {
                None if store.directory.open(&digest.blob_path()).await?.is_none() => {}
                None => done.held = done.held.saturating_add(1),
                Some(size) => {
                    done.bytes = done.bytes.saturating_add(size);
                    done.blobs.push(digest.to_string());
                }
            }
        }
        drop(lock);
        media.sleep(PAUSE).await;
    }
    if !done.blobs.is_empty() {
        done.records = forget(store).await?;
    }
    Ok(done)
}

/// What is reached so far.
#[derive(Default)]
struct Live {
    untagged: bool,
    reached: Reached,
    /// Images without a name that are to go.
    gone: BTreeSet<Digest>,
    /// Trees of what is reached, when there are any.
    trees: Needed,
    /// As it was when it was looked at.
    index: Vec<u8>,
}

impl Live {
    /// At `index.json`, unless it has not changed since the last time.
    async fn look<D: Kept>(&mut self, store: &Layout<D>) -> Result<()> {
        let bytes = store.index_bytes().await?.unwrap_or_default();
        if bytes == self.index {
            return Ok(());
        }
        let index = store.read_index(bytes.clone())?;
        let (named, nameless): (Vec<Seen<'_>>, Vec<Seen<'_>>) =
            index.seen().partition(|entry| !self.untagged || entry.called().is_some());
        let mut nameless: Vec<_> = nameless.iter().filter_map(Seen::descriptor).collect();
        for entry in named.iter().filter_map(Seen::descriptor) {
            self.mark(store, &entry).await?;
        }
        // What says something about what is kept is kept.
        loop {
            let before = nameless.len();
            let mut rest = Vec::new();
            for entry in nameless {
                match about(store, &entry).await? {
                    Some(subject) if self.reached.has(&subject) => self.mark(store, &entry).await?,
                    _ => rest.push(entry),
                }
            }
            nameless = rest;
            if nameless.len() == before {
                break;
            }
        }
        self.gone = nameless.iter().map(|entry| entry.digest.clone()).filter(|own| !self.reached.has(own)).collect();
        self.index = bytes;
        Ok(())
    }

    /// What is not reached.
    async fn garbage<D: Kept>(&mut self, store: &Layout<D>) -> Result<Vec<Digest>> {
        self.look(store).await?;
        let mut garbage = store.blobs().await?;
        garbage.retain(|digest| !self.reached.has(digest));
        Ok(garbage)
    }

    /// The trees of no image that is reached.
    async fn lone_trees<D: Kept>(&mut self, store: &Layout<D>) -> Result<Vec<Digest>> {
        let all = store.trees().await?;
        let mut lone = Vec::new();
        if !all.is_empty() {
            self.look(store).await?;
        }
        for tree in all {
            if !self.needs_tree(store, &tree).await? {
                lone.push(tree);
            }
        }
        Ok(lone)
    }

    async fn needs_tree<D: Directory>(&mut self, store: &Layout<D>, tree: &Digest) -> Result<bool> {
        self.trees.look(store, &self.reached).await.map_err(unknown)?;
        Ok(self.trees.has(tree))
    }

    async fn mark<D: Directory>(&mut self, store: &Layout<D>, entry: &Descriptor) -> Result<()> {
        self.reached.add(store, entry).await;
        match self.reached.flaws.pop() {
            None => Ok(()),
            Some((_, flaw)) => Err(unknown(flaw)),
        }
    }
}

/// What a manifest without a name is about.
async fn about<D: Directory>(store: &Layout<D>, entry: &Descriptor) -> Result<Option<Digest>> {
    if !media_type::is_manifest(&entry.media_type) {
        return Ok(None);
    }
    let bytes = store.document(entry).await.map_err(unknown)?;
    Ok(referrer(&bytes, entry).map_err(unknown)?.map(|(subject, _)| subject))
}

/// Forgets what is remembered of blobs that are gone; how many records that were.
async fn forget<D: Kept>(store: &Layout<D>) -> Result<u64> {
    let stale = store.stale_records().await?;
    let mut records = 0_u64;
    let lock = store.directory.lock().await?;
    for path in stale {
        if store.directory.remove(&lock, &path).await?.is_some() {
            records = records.saturating_add(1);
        }
    }
    Ok(records)
}

fn unknown(flaw: Error) -> Error {
    flaw.within(
        "nothing was removed, since it is not known what all names need: `ocix store check` tells what is broken",
    )
}

/// Blobs that are removed while the lock is held once.
const BATCH: usize = 1000;

/// Milliseconds that others have to get the lock.
const PAUSE: u64 = 15;
