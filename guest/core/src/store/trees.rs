//! Root file systems that the store keeps beside its images: `unpacked/ALGORITHM/HEX`, each under the chain ID of its layers, so that layers that are the
//! same are unpacked once. Beside each is an empty file `HEX.lock`: whoever relies on the tree has that open, and garbage is what nobody does.

use std::collections::BTreeSet;

use super::Layout;
use super::reach::Reached;
use crate::digest::{DiffId, Digest};
use crate::documents::config::Config;
use crate::documents::manifest::Manifest;
use crate::error::Result;
use crate::media::{Directory, Kept, Writer};
use crate::media_type;

impl<D: Directory> Layout<D> {
    /// Where the tree of a chain of layers stands, or will. It is held: nobody removes it before this layout is dropped.
    ///
    /// # Errors
    /// Those of the medium.
    pub async fn tree(&self, chain: &Digest) -> Result<String> {
        let (path, lock) = (path(chain), lock(chain));
        // Nobody else removes what stands there between the two.
        let _lock = self.directory.lock().await?;
        let held = match self.directory.open(&lock).await? {
            Some(file) => file,
            None => self.directory.create().await?.publish(&lock).await?,
        };
        self.held.borrow_mut().push(held);
        Ok(path)
    }
}

impl<D: Kept> Layout<D> {
    /// The chain IDs of all trees that are there, or that somebody wanted to make.
    pub(super) async fn trees(&self) -> Result<BTreeSet<Digest>> {
        // A folder has a slash behind its name.
        let both = self.digests(UNPACKED, |name| name.trim_end_matches('/').trim_end_matches(LOCK)).await?;
        Ok(both.into_iter().collect())
    }

    /// Removes a tree while the lock is held; false when somebody relies on it.
    pub(super) async fn remove_tree(&self, held: &D::Lock, chain: &Digest) -> Result<bool> {
        let lock = lock(chain);
        if self.directory.remove(held, &lock).await?.is_none() && self.directory.open(&lock).await?.is_some() {
            return Ok(false);
        }
        self.directory.remove(held, &path(chain)).await?;
        Ok(true)
    }
}

/// The trees of images that are reached.
#[derive(Default)]
pub struct Needed {
    chains: BTreeSet<Digest>,
    /// How many of the documents were looked at.
    seen: usize,
}

impl Needed {
    /// Adds those of all that was reached since the last time.
    ///
    /// # Errors
    /// When a config is missing or damaged: it is not known then which tree its image has.
    pub async fn look<D: Directory>(&mut self, store: &Layout<D>, reached: &Reached) -> Result<()> {
        for document in reached.documents.iter().skip(self.seen) {
            self.seen = self.seen.saturating_add(1);
            if !media_type::is_manifest(&document.media_type) {
                continue;
            }
            let manifest = Manifest::parse(&store.document(document).await?, &document.media_type)?;
            if !media_type::is_config(&manifest.config.media_type) {
                continue;
            }
            let config = Config::parse(&store.document(&manifest.config).await?).map_err(|error| store.own(error))?;
            self.chains.extend(DiffId::chain_of(config.diff_ids()));
        }
        Ok(())
    }

    /// Whether an image has this tree.
    pub fn has(&self, chain: &Digest) -> bool {
        self.chains.contains(chain)
    }
}

fn path(chain: &Digest) -> String {
    format!("{UNPACKED}/{}", chain.as_str().replace(':', "/"))
}

fn lock(chain: &Digest) -> String {
    path(chain) + LOCK
}

/// Of the store.
pub const UNPACKED: &str = "unpacked";
const LOCK: &str = ".lock";
