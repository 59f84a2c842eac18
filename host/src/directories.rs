//! The import `directories`: a folder whose files appear whole and durable, or not at all.
//!
//! Unpublished files are in `ingest/`, each locked by the process that writes it for as long as it lives; a file there that nobody has
//! locked was left by a crash, and the next holder of the folder's lock sweeps it. A store keeps the lock's own file for ever; a layout
//! that was asked for keeps neither. Beneath the folder no link is followed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, flock, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::directories::{Host, HostDirectory, HostDirectoryWithStore, HostLock};
use crate::drafts::Drafts;
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::files::File;
use crate::state::{Media, State, get, put};
use crate::writers::Writer;

/// A folder that may be written to, or a layout to read.
#[derive(Clone)]
pub struct Directory(Arc<Place>);

struct Place {
    path: PathBuf,
    fault: Fault,
    writable: bool,
    /// What is not published yet.
    drafts: Drafts,
}

/// Held until dropped.
pub struct Lock {
    _file: fs::File,
}

/// Removes a directory's unpublished files when it goes.
pub struct Abandoned(Directory);

impl Directory {
    /// The embedded store. It is made when the first file is.
    pub fn store(path: &Path) -> Self {
        Self::new(path, Fault::Store, true)
    }

    /// A layout to write, made as a store is. When all is done it is to be tidied.
    pub fn layout(path: &Path) -> Self {
        Self::new(path, Fault::Request, true)
    }

    /// A layout to read.
    pub fn source(path: &Path) -> Self {
        Self::new(path, Fault::Source, false)
    }

    fn new(path: &Path, fault: Fault, writable: bool) -> Self {
        Self(Arc::new(Place { path: path.to_owned(), fault, writable, drafts: Drafts::default() }))
    }

    /// Removes every unpublished file when the answer is dropped, also of writes that still wait for the disk: nobody will publish
    /// them any more.
    pub fn abandoned(&self) -> Abandoned {
        Abandoned(self.clone())
    }

    /// Where it is, with `path` beneath it: for errors.
    pub fn full(&self, path: &str) -> PathBuf {
        self.0.path.join(path)
    }

    /// Whose fault it is when it cannot be read or written.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// What the operating system refused.
    pub fn refused(&self, verb: &str, path: &Path, why: &io::Error) -> Error {
        refused(self.0.fault, verb, path, why)
    }

    /// Opens a folder beneath, and makes what is missing on the way. Empty for the directory itself.
    pub fn made(&self, path: &str) -> Result<OwnedFd, Error> {
        self.writable()?;
        let made = make_durably(&self.0.path)
            .and_then(|()| beneath::root(&self.0.path))
            .and_then(|root| beneath::make(root, path));
        made.map_err(|why| self.refused("make the folder", &self.full(path), &why))
    }

    /// Its unpublished files.
    pub fn drafts(&self) -> &Drafts {
        &self.0.drafts
    }

    /// Takes away what is only there for writers, unless another one is at work: a layout of the user's has nothing of ours in it.
    pub fn tidy(&self) {
        self.0.drafts.forget_all();
        let Ok(root) = beneath::root(&self.0.path) else { return };
        if let Ok(_lock) = try_lock(&root, OFlags::CREATE) {
            // What is not empty is somebody's, and what cannot be removed stays.
            let _ = sweep(&root);
            let _ = unlinkat(&root, INGEST, AtFlags::REMOVEDIR);
            let _ = unlinkat(&root, LOCK, AtFlags::empty());
        }
    }

    fn open(&self, path: &str) -> Result<Option<File>, Error> {
        self.check(path)?;
        let full = self.full(path);
        let why = |why: io::Error| self.refused("read", &full, &why);
        let opened = beneath::root(&self.0.path).and_then(|root: OwnedFd| beneath::open(root, path.as_bytes()));
        match opened {
            Ok(file) => File::new(file, &full, self.0.fault).map(Some).map_err(why),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(why(other)),
        }
    }

    /// The lock among processes, waited for.
    pub fn lock(&self) -> Result<Lock, Error> {
        let root = self.made("")?;
        let path = self.full(LOCK);
        let start = Instant::now();
        let lock = loop {
            match try_lock(&root, OFlags::CREATE) {
                Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() <= PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let message = format!(
                        "`{}` is locked by another process for ten seconds now: wait for it, or stop it",
                        crate::error::shown(&path.to_string_lossy())
                    );
                    return Err(error(self.0.fault, ErrorCode::Other("locked".into()), message));
                }
                other => break other.map_err(|why| self.refused("lock", &path, &why.into()))?,
            }
        };
        // What cannot be removed stays for the next time.
        let _ = sweep(&root);
        Ok(lock)
    }

    /// Only what the seam allows as a path.
    pub fn check(&self, path: &str) -> Result<(), Error> {
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
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.drafts().forget_all();
    }
}

/// The lock, if nobody holds it; `WOULDBLOCK` otherwise.
fn try_lock(root: &OwnedFd, create: OFlags) -> rustix::io::Result<Lock> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | create;
    let file = openat(root, LOCK, flags, Mode::from_raw_mode(0o644))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    // Between the two calls its last holder may have removed it: another file is the lock then.
    match statat(root, LOCK, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if there.st_ino == fstat(&file)?.st_ino => Ok(Lock { _file: file.into() }),
        Ok(_) | Err(Errno::NOENT) => Err(Errno::WOULDBLOCK),
        Err(why) => Err(why),
    }
}

/// Removes what crashed writers left.
fn sweep(root: &OwnedFd) -> io::Result<()> {
    let ingest = beneath::folder(root, OsStr::new(INGEST))?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for draft in Dir::read_from(&ingest)?.filter_map(Result::ok) {
        let name = OsStr::from_bytes(draft.file_name().to_bytes());
        if matches!(name.as_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(file) = openat(&ingest, name, flags, Mode::empty()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = beneath::remove(&ingest, name);
        }
    }
    Ok(())
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

impl Host for State {}

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
        match Writer::create(&get(accessor, &directory)?) {
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

/// Where unpublished files are.
pub const INGEST: &str = "ingest";
const LOCK: &str = ".lock";
const PATIENCE: Duration = Duration::from_secs(10);
