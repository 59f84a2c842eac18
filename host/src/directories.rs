//! The import `directories`: a folder whose files appear whole and durable, or not at all.
//!
//! Unpublished files are in `ingest/`, each locked by the process that writes it for as long as it lives; a file there that nobody has
//! locked was left by a crash, and the next holder of the folder's lock sweeps it. The lock's own file is never removed.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::directories::{
    Host, HostDirectory, HostDirectoryWithStore, HostLock, HostWriter, HostWriterWithStore,
};
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::files::File;
use crate::state::{Media, State, get, put};

/// A folder that may be written to, or a layout to read.
#[derive(Clone)]
pub struct Directory(Arc<Place>);

struct Place {
    path: PathBuf,
    fault: Fault,
    writable: bool,
    /// What is not published yet.
    drafts: Mutex<BTreeSet<PathBuf>>,
}

/// An unpublished file.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<Draft>>);

/// Gone with its file when dropped before it is published.
struct Draft {
    directory: Directory,
    path: PathBuf,
    /// None when it is published.
    file: Option<fs::File>,
}

/// Held until dropped.
pub struct Lock {
    _file: fs::File,
}

impl Directory {
    /// The embedded store. It is made when the first file is.
    pub fn store(path: &Path) -> Self {
        Self(Arc::new(Place { path: path.to_owned(), fault: Fault::Store, writable: true, drafts: Mutex::default() }))
    }

    /// A layout to read.
    pub fn source(path: &Path) -> Self {
        Self(Arc::new(Place { path: path.to_owned(), fault: Fault::Source, writable: false, drafts: Mutex::default() }))
    }

    /// Removes every unpublished file, also of writes that still wait for the disk: nobody will publish them any more.
    pub fn abandon(&self) {
        for path in std::mem::take(&mut *self.drafts()) {
            let _ = fs::remove_file(path);
        }
    }

    fn drafts(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, path: &str) -> Result<Option<File>, Error> {
        self.check(path)?;
        let full = self.0.path.join(path);
        let why = |why: io::Error| refused(self.0.fault, "read", &full, &why);
        let opened = beneath::root(&self.0.path).and_then(|root: OwnedFd| beneath::open(root, path.as_bytes()));
        match opened {
            Ok(file) => File::new(file, &full, self.0.fault).map(Some).map_err(why),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(why(other)),
        }
    }

    fn create(&self) -> Result<Writer, Error> {
        self.check("ingest")?;
        self.writable()?;
        let folder = self.0.path.join(INGEST);
        make_durably(&folder).map_err(|why| self.refused("make the folder", &folder, &why))?;
        let path = folder.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let options = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o644).open(&path);
        let file = match options() {
            // A process that had our number crashed, or runs in another container on the same folder.
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => return self.create(),
            other => other.map_err(|why| self.refused("write", &path, &why))?,
        };
        // Between the two calls another process may have taken the new file for one that a crash left.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() || !path.exists() {
            return self.create();
        }
        self.drafts().insert(path.clone());
        Ok(Writer(Arc::new(Mutex::new(Draft { directory: self.clone(), path, file: Some(file) }))))
    }

    fn lock(&self) -> Result<Lock, Error> {
        self.writable()?;
        make_durably(&self.0.path).map_err(|why| self.refused("make the folder", &self.0.path, &why))?;
        let path = self.0.path.join(LOCK);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(&path);
        let file = file.map_err(|why| self.refused("open", &path, &why))?;
        let start = Instant::now();
        while let Err(why) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if why != rustix::io::Errno::WOULDBLOCK && why != rustix::io::Errno::INTR {
                return Err(self.refused("lock", &path, &why.into()));
            }
            if start.elapsed() > PATIENCE {
                let message = format!(
                    "`{}` is locked by another process for ten seconds now: wait for it, or stop it",
                    path.display()
                );
                return Err(error(self.0.fault, ErrorCode::Other("locked".into()), message));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.sweep();
        Ok(Lock { _file: file })
    }

    /// Removes what crashed writers left. What cannot be removed stays for the next time.
    fn sweep(&self) {
        let Ok(drafts) = fs::read_dir(self.0.path.join(INGEST)) else { return };
        for path in drafts.filter_map(Result::ok).map(|draft| draft.path()) {
            let Ok(file) = OpenOptions::new().read(true).open(&path) else { continue };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Only what the seam allows as a path.
    fn check(&self, path: &str) -> Result<(), Error> {
        let sound = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if path.split('/').all(sound) {
            return Ok(());
        }
        let message = format!("the component asked for the path `{}`, which is not one", crate::error::shown(path));
        Err(error(Fault::Component, ErrorCode::Denied, message))
    }

    fn writable(&self) -> Result<(), Error> {
        if self.0.writable {
            return Ok(());
        }
        let message = format!("`{}` is a source and is not written to", self.0.path.display());
        Err(error(Fault::Component, ErrorCode::Denied, message))
    }

    fn refused(&self, verb: &str, path: &Path, why: &io::Error) -> Error {
        refused(self.0.fault, verb, path, why)
    }
}

impl Writer {
    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut draft = self.draft();
        let Draft { directory, path, file } = &mut *draft;
        let file = file.as_mut().ok_or_else(published)?;
        file.write_all(bytes).map_err(|why| directory.refused("write", path, &why))
    }

    fn reader(&self) -> Result<File, Error> {
        let draft = self.draft();
        let file = draft.file.as_ref().ok_or_else(published)?;
        let again = file.try_clone().and_then(|file| File::new(file, &draft.path, draft.directory.0.fault));
        again.map_err(|why| draft.directory.refused("read", &draft.path, &why))
    }

    fn publish(&self, path: &str) -> Result<(), Error> {
        let mut draft = self.draft();
        let directory = draft.directory.clone();
        directory.check(path)?;
        let file = draft.file.as_ref().ok_or_else(published)?;
        file.sync_all().map_err(|why| directory.refused("write", &draft.path, &why))?;
        let to = directory.0.path.join(path);
        let folder = to.parent().unwrap_or(&directory.0.path).to_owned();
        make_durably(&folder).map_err(|why| directory.refused("make the folder", &folder, &why))?;
        fs::rename(&draft.path, &to).map_err(|why| directory.refused("write", &to, &why))?;
        draft.file = None;
        directory.drafts().remove(&draft.path);
        sync(&folder).map_err(|why| directory.refused("write", &folder, &why))
    }

    fn draft(&self) -> MutexGuard<'_, Draft> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.is_some() {
            self.directory.drafts().remove(&self.path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a folder and those above it, each durable in the one above.
fn make_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        make_durably(parent)?;
        match fs::create_dir(folder) {
            Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(why),
            _ => sync(parent)?,
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn published() -> Error {
    error(
        Fault::Component,
        ErrorCode::Other("published".into()),
        "a file that was published is not written to any more",
    )
}

impl Host for State {}

impl HostWriter for State {
    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

impl HostLock for State {
    fn drop(&mut self, lock: Resource<Lock>) -> wasmtime::Result<()> {
        self.table.delete(lock)?;
        Ok(())
    }
}

impl HostDirectory for State {
    fn drop(&mut self, directory: Resource<Directory>) -> wasmtime::Result<()> {
        self.table.delete(directory)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostWriterWithStore<T> for Media {
    async fn write(
        accessor: &Accessor<T, Self>,
        writer: Resource<Writer>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let writer = get(accessor, &writer)?;
        if bytes.len() <= INLINE {
            return Ok(writer.write(&bytes));
        }
        Ok(tokio::task::spawn_blocking(move || writer.write(&bytes)).await?)
    }

    async fn reader(
        accessor: &Accessor<T, Self>,
        writer: Resource<Writer>,
    ) -> wasmtime::Result<Result<Resource<File>, Error>> {
        match get(accessor, &writer)?.reader() {
            Ok(file) => Ok(Ok(put(accessor, file)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        writer: Resource<Writer>,
        path: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let writer = get(accessor, &writer)?;
        Ok(tokio::task::spawn_blocking(move || writer.publish(&path)).await?)
    }
}

impl<T: Send + 'static> HostDirectoryWithStore<T> for Media {
    async fn open(
        accessor: &Accessor<T, Self>,
        directory: Resource<Directory>,
        path: String,
    ) -> wasmtime::Result<Result<Option<Resource<File>>, Error>> {
        match get(accessor, &directory)?.open(&path) {
            Ok(file) => Ok(Ok(file.map(|file| put(accessor, file)).transpose()?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn create(
        accessor: &Accessor<T, Self>,
        directory: Resource<Directory>,
    ) -> wasmtime::Result<Result<Resource<Writer>, Error>> {
        match get(accessor, &directory)?.create() {
            Ok(writer) => Ok(Ok(put(accessor, writer)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn lock(
        accessor: &Accessor<T, Self>,
        directory: Resource<Directory>,
    ) -> wasmtime::Result<Result<Resource<Lock>, Error>> {
        let directory = get(accessor, &directory)?;
        match tokio::task::spawn_blocking(move || directory.lock()).await? {
            Ok(lock) => Ok(Ok(put(accessor, lock)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

const INGEST: &str = "ingest";
const LOCK: &str = ".lock";
const PATIENCE: Duration = Duration::from_secs(10);

/// Up to here bytes are written at once.
const INLINE: usize = 64 << 10;
