//! Which repositories have a blob, as far as this layout's owner has pushed it there: a registry may take it from one of them for another.
//!
//! As with all that is remembered, nothing depends on it.

use std::collections::BTreeSet;

use super::{Layout, known};
use crate::digest::Digest;
use crate::error::Result;
use crate::media::Directory;

impl<D: Directory> Layout<D> {
    /// Repositories with their registries, as in `example.com/team/base`.
    pub async fn places(&self, digest: &Digest) -> BTreeSet<String> {
        let read = async {
            let file = self.directory.open(&path(digest.as_str())).await.ok()??;
            serde_json::from_slice(&self.whole(&file, "record").await.ok()?).ok()
        };
        read.await.unwrap_or_default()
    }

    /// Adds one to those that are known.
    ///
    /// # Errors
    /// Those of the medium.
    pub async fn note(&self, digest: &str, known: &BTreeSet<String>, place: &str) -> Result<()> {
        let all: BTreeSet<&str> = known.iter().take(MOST).map(String::as_str).chain([place]).collect();
        self.replace(&path(digest), [serde_json::to_vec(&all).unwrap_or_default().as_slice()]).await
    }
}

/// Where they stand.
pub(super) fn path(digest: &str) -> String {
    known::path(&format!("places of {digest}"))
}

/// More of them would not be tried.
const MOST: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::trial::wait;
    use crate::memory;

    #[test]
    fn places_are_added() {
        let layout = Layout::store(memory::Directory::default());
        let digest = Digest::of(b"blob");
        let places = || wait(layout.places(&digest));
        assert!(places().is_empty());
        wait(layout.note(digest.as_str(), &places(), "r.example/a")).unwrap();
        wait(layout.note(digest.as_str(), &places(), "r.example/b")).unwrap();
        assert_eq!(places(), BTreeSet::from(["r.example/a".to_owned(), "r.example/b".to_owned()]));
    }
}
