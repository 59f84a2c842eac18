//! The import `destinations`, its tree-writers: a file tree that is written into a folder of this machine.
//!
//! Entries are laid on another thread while the component makes the next ones; what fails there is told by the next call.

mod place;
mod tree;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::destinations::{Ground, HostTreeWriter, HostTreeWriterWithStore};
use crate::bindings::images::ocix::image::progress::Event;
use crate::bindings::images::ocix::image::trees::Entry;
use crate::directories::Directory;
use crate::error::{Error, Fault};
use crate::state::{Media, State, ambient, get};

use place::Place;
use tree::Tree;

/// A folder that a file tree is written to.
#[derive(Clone)]
pub struct TreeWriter(Arc<Writing>);

struct Writing {
    tree: Mutex<Tree>,
    place: Place,
    /// Nobody waits for it any more.
    gone: AtomicBool,
    /// What is being laid.
    laying: tokio::sync::Mutex<Option<JoinHandle<Result<(), Error>>>>,
}

impl TreeWriter {
    /// Into a folder of the user's.
    pub fn open(path: &Path, ground: Ground) -> Result<Self, Error> {
        let (place, root) = match ground {
            Ground::Shared => Place::shared(path)?,
            Ground::Bare => Place::bare(path)?,
        };
        Ok(Self::new(place, Tree::new(root, path, Fault::Request)))
    }

    /// Into a directory that keeps it; none when something stands there already.
    pub fn kept(directory: &Directory, path: &str) -> Result<Option<Self>, Error> {
        let kept = Place::kept(directory, path)?;
        let tree = |root| Tree::new(root, &directory.full(path), directory.fault());
        Ok(kept.map(|(place, root)| Self::new(place, tree(root))))
    }

    fn new(place: Place, tree: Tree) -> Self {
        let (gone, laying) = (AtomicBool::new(false), tokio::sync::Mutex::default());
        Self(Arc::new(Writing { tree: Mutex::new(tree), place, gone, laying }))
    }

    /// A tree that is not finished goes, once what is being laid has come to its end.
    pub fn abandon(&self) {
        self.0.gone.store(true, Ordering::Relaxed);
        if self.tree().end() {
            self.0.place.abandon();
        }
    }

    fn put(&self, entries: Vec<(Entry, Vec<u8>)>) -> Result<(), Error> {
        self.tree().put(entries, &self.0.gone)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.tree().write(bytes)
    }

    /// What the user should know, if anything.
    fn finish(&self) -> Result<Option<String>, Error> {
        let mut tree = self.tree();
        let warning = tree.finish()?;
        self.0.place.publish(tree.root()).map_err(|why: io::Error| tree.refused(b"", &why))?;
        tree.end();
        Ok(warning)
    }

    /// Lays this when what was before it is laid.
    async fn lay(
        &self,
        work: impl FnOnce(&Self) -> Result<(), Error> + Send + 'static,
    ) -> wasmtime::Result<Result<(), Error>> {
        let mut laying = self.0.laying.lock().await;
        if let Some(before) = laying.take()
            && let Err(error) = before.await?
        {
            return Ok(Err(error));
        }
        let writer = self.clone();
        *laying = Some(tokio::task::spawn_blocking(move || work(&writer)));
        Ok(Ok(()))
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostTreeWriter for State {
    fn drop(&mut self, writer: Resource<TreeWriter>) -> wasmtime::Result<()> {
        self.table.delete(writer)?.abandon();
        Ok(())
    }
}

impl<T: Send + 'static> HostTreeWriterWithStore<T> for Media {
    async fn put(
        accessor: &Accessor<T, Self>,
        writer: Resource<TreeWriter>,
        entries: Vec<(Entry, Vec<u8>)>,
    ) -> wasmtime::Result<Result<(), Error>> {
        get(accessor, &writer)?.lay(move |writer| writer.put(entries)).await
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        writer: Resource<TreeWriter>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        get(accessor, &writer)?.lay(move |writer| writer.write(&bytes)).await
    }

    async fn finish(accessor: &Accessor<T, Self>, writer: Resource<TreeWriter>) -> wasmtime::Result<Result<(), Error>> {
        let writer = get(accessor, &writer)?;
        if let Err(error) = writer.lay(|_| Ok(())).await? {
            return Ok(Err(error));
        }
        let finished = tokio::task::spawn_blocking(move || writer.finish()).await?;
        Ok(finished.map(|warning| {
            let tell = |text| (ambient(accessor).progress)(Event::Warning(text));
            warning.into_iter().for_each(tell);
        }))
    }
}

#[cfg(test)]
mod tests;
