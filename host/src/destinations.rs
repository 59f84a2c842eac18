//! The import `destinations`: where outputs with `dest=…` go. The host opens exactly that, or refuses.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::destinations::{Ground, Host, HostWithStore};
use crate::directories::Directory;
use crate::drafts::Drafts;
use crate::error::{Error, ErrorCode, Fault, error};
use crate::sinks::{Out, Sink};
use crate::state::{Media, State, ambient, get, put};
use crate::tree_writers::TreeWriter;

/// What a job's outputs have opened.
#[derive(Default)]
pub struct Destinations {
    drafts: Arc<Drafts>,
    layouts: Mutex<Vec<Directory>>,
    trees: Mutex<Vec<TreeWriter>>,
    standard_output: AtomicBool,
}

/// Removes what was not finished, and what only writers need, when it goes.
pub struct Closing(Arc<Destinations>);

impl Destinations {
    /// To be held until the job has ended, in whatever way.
    pub fn closing(self: &Arc<Self>) -> Closing {
        Closing(self.clone())
    }

    /// Whether an archive went to standard output.
    pub fn took_standard_output(&self) -> bool {
        self.standard_output.load(Ordering::Relaxed)
    }

    fn archive(&self, dest: &str) -> Result<Sink, Error> {
        if dest != "-" {
            return Out::open(Path::new(dest), self.drafts.clone()).map(Sink::File);
        }
        let out = Out::standard_output()?;
        if self.standard_output.swap(true, Ordering::Relaxed) {
            let message = "only one output can go to standard output: give the others dest=FILE";
            return Err(error(Fault::Request, ErrorCode::InvalidOption("dest".into()), message));
        }
        Ok(Sink::File(out))
    }

    fn layout(&self, dest: &str) -> Directory {
        let layout = Directory::layout(Path::new(dest));
        self.layouts().push(layout.clone());
        layout
    }

    /// The tree goes in the end, unless it is finished by then.
    fn remember(&self, tree: &TreeWriter) {
        self.trees().push(tree.clone());
    }

    fn trees(&self) -> MutexGuard<'_, Vec<TreeWriter>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layouts(&self) -> MutexGuard<'_, Vec<Directory>> {
        self.layouts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.drafts.forget_all();
        self.0.trees().drain(..).for_each(|tree| tree.abandon());
        self.0.layouts().drain(..).for_each(|layout| layout.tidy());
    }
}

impl Host for State {}

impl<T: Send + 'static> HostWithStore<T> for Media {
    async fn archive(accessor: &Accessor<T, Self>, dest: String) -> wasmtime::Result<Result<Resource<Sink>, Error>> {
        let destinations = ambient(accessor).destinations.clone();
        match tokio::task::spawn_blocking(move || destinations.archive(&dest)).await? {
            Ok(sink) => Ok(Ok(put(accessor, sink)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn layout(
        accessor: &Accessor<T, Self>,
        dest: String,
    ) -> wasmtime::Result<Result<Resource<Directory>, Error>> {
        let layout = ambient(accessor).destinations.layout(&dest);
        Ok(Ok(put(accessor, layout)?))
    }

    async fn root_filesystem(
        accessor: &Accessor<T, Self>,
        dest: String,
        ground: Ground,
    ) -> wasmtime::Result<Result<Resource<TreeWriter>, Error>> {
        match TreeWriter::open(Path::new(&dest), ground) {
            Ok(writer) => {
                ambient(accessor).destinations.remember(&writer);
                Ok(Ok(put(accessor, writer)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn kept(
        accessor: &Accessor<T, Self>,
        place: Resource<Directory>,
        path: String,
    ) -> wasmtime::Result<Result<Option<Resource<TreeWriter>>, Error>> {
        match TreeWriter::kept(&get(accessor, &place)?, &path) {
            Ok(Some(writer)) => {
                ambient(accessor).destinations.remember(&writer);
                Ok(Ok(Some(put(accessor, writer)?)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(error) => Ok(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::locks::Lock;
    use crate::writers::Writer;

    #[test]
    fn a_layout_has_nothing_of_ours_in_the_end() {
        let root = std::env::temp_dir().join(format!("ocix-layout-{}", std::process::id()));
        let path = root.join("deep/layout");
        let names = || -> Vec<_> {
            let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let (one, other) = (Arc::new(Destinations::default()), Arc::new(Destinations::default()));
        let closing = (one.closing(), other.closing());
        let layouts = [&one, &other].map(|destinations| destinations.layout(path.to_str().unwrap()));
        let draft = Writer::create(&layouts[1]).unwrap();
        draft.publish("index.json").unwrap();
        let unpublished = Writer::create(&layouts[1]).unwrap();
        let lock = Lock::wait(&layouts[0]).unwrap();
        drop(closing.0);
        // Another job is at work.
        assert_eq!(names(), [".lock", "index.json", "ingest"]);
        drop((lock, closing.1));
        // A process that another test is just starting has the lock for a moment, as it has all that is open here.
        let tidied = || {
            (0..1000).any(|_| {
                layouts[0].tidy();
                std::thread::sleep(std::time::Duration::from_millis(5));
                names() == ["index.json"]
            })
        };
        assert!(tidied());
        assert!(unpublished.publish("late").is_err());
        // A lock is good again after its file has gone.
        let lock = Lock::wait(&layouts[0]).unwrap();
        assert_eq!(names(), [".lock", "index.json"]);
        drop(lock);
        assert!(tidied());
        fs::remove_dir_all(root).unwrap();
    }
}
