//! A root file system in a folder of a larger tree, or at another time.

use super::Sink;
use crate::error::Result;
use crate::media::{Entry, Kind, Timestamp};

/// Entries in their place and time.
pub struct Placed<'s, S> {
    /// Everything is in here.
    pub folder: Option<Vec<u8>>,
    /// The time of everything, in seconds.
    pub epoch: Option<i64>,
    /// Where it goes.
    pub sink: &'s mut S,
}

impl<S: Sink> Placed<'_, S> {
    /// Makes the folder, if there is one; what it is besides its path, `root` says.
    ///
    /// # Errors
    /// The sink's.
    pub async fn begin(&mut self, root: Entry) -> Result<()> {
        let Some(path) = self.folder.clone() else { return Ok(()) };
        self.sink.entry(self.timed(Entry { path, ..root })).await
    }

    fn timed(&self, mut entry: Entry) -> Entry {
        entry.modified = self.epoch.map_or(entry.modified, |seconds| Timestamp { seconds, nanoseconds: 0 });
        entry
    }
}

impl<S: Sink> Sink for Placed<'_, S> {
    async fn entry(&mut self, mut entry: Entry) -> Result<()> {
        if let Some(folder) = &self.folder {
            let placed = |path: &[u8]| match path {
                b"" => folder.clone(),
                _ => [folder, &b"/"[..], path].concat(),
            };
            entry.path = placed(&entry.path);
            if let Kind::HardLink(first) = &mut entry.kind {
                *first = placed(first);
            }
        }
        self.sink.entry(self.timed(entry)).await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        self.sink.content(piece).await
    }
}
