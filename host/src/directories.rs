//! The import `directories`: a folder whose files appear whole and durable, or not at all.
//!
//! Unpublished files are in `ingest/`, each locked (flock, shared) by the process that writes it for as long as it lives; a file there that
//! nobody has locked was left by a crash, or lost its place to another one, and the next holder of the folder's lock sweeps it. A published
//! file that is open is locked the same way, and removed by nobody. A store keeps the folder's lock's own file for ever; a layout that was
//! asked for keeps nothing of all this, nor does a folder into which nothing was published. Beneath the folder no link is followed.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, statat, unlinkat};
use wasmtime::component::{Accessor, Resource};

use crate::beneath::{self, there};
use crate::bindings::images::ocix::image::directories::{Host, HostDirectory, HostDirectoryWithStore};
use crate::drafts::Drafts;
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::files::File;
use crate::locks::{self, Lock};
use crate::state::{Media, State, get, put};
use crate::writers::Writer;

/// A folder that may be written to, or a layout to read.
#[derive(Clone)]
pub struct Directory(Arc<Place>);

struct Place {
    path: PathBuf,
    fault: Fault,
    writable: bool,
    /// The folder as it was opened last, to open files in: of many files, it is looked for once.
    held: Mutex<Option<Arc<OwnedFd>>>,
    /// What is not published yet.
    drafts: Drafts,
    /// The folder and those above it, as far as they were made here.
    made: Mutex<Vec<PathBuf>>,
    /// Whether anything was published.
    stays: AtomicBool,
}

/// Removes a directory's unpublished files when it goes, and the directory too when it was made for them alone.
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
        let (path, held, drafts) = (path.to_owned(), Mutex::default(), Drafts::default());
        let (made, stays) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Place { path, fault, writable, held, drafts, made, stays }))
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
        let make = || {
            let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
            make_durably(&self.0.path, &mut made)?;
            beneath::make(self.root()?, path)
        };
        let gone = |made: &io::Result<OwnedFd>| made.as_ref().is_err_and(|why| why.kind() == io::ErrorKind::NotFound);
        // Another process that has done with the same folder may take away what it made and left empty.
        let made = (0..TRIES).map(|_| make()).find(|made| !gone(made)).unwrap_or_else(make);
        made.map_err(|why| self.refused("make the folder", &self.full(path), &why))
    }

    /// Its unpublished files.
    pub fn drafts(&self) -> &Drafts {
        &self.0.drafts
    }

    /// Takes away what is only there for writers, unless another one is at work: a layout of the user's has nothing of ours in it.
    pub fn tidy(&self) {
        self.0.drafts.forget_all();
        if let Ok(root) = self.root() {
            locks::tidy(&root);
        }
    }

    /// The folder itself, when it is there.
    pub fn root(&self) -> io::Result<OwnedFd> {
        beneath::root(&self.0.path)
    }

    /// The same, as it was found before unless `anew`; whether it was found now.
    fn held(&self, anew: bool) -> io::Result<(Arc<OwnedFd>, bool)> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = held.as_ref().filter(|_| !anew) {
            return Ok((root.clone(), false));
        }
        let root = Arc::new(self.root()?);
        *held = Some(root.clone());
        Ok((root, true))
    }

    /// The folder is to be looked for again: another one may stand there.
    pub fn let_go(&self) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Something was published.
    pub fn stays(&self) {
        self.0.stays.store(true, Ordering::Relaxed);
    }

    /// A published file. As long as it is open here, nobody removes it.
    pub fn open(&self, path: &str) -> Result<Option<File>, Error> {
        self.check(path)?;
        let full = self.full(path);
        let why = |why: io::Error| self.refused("read", &full, &why);
        let mut anew = false;
        loop {
            let held = self.held(anew);
            let is_new = held.as_ref().map_or(true, |(_, new)| *new);
            let opened = held.and_then(|(root, _)| beneath::open(root, path.as_bytes()));
            if let Ok(file) = opened.as_ref()
                && self.0.writable
            {
                locks::keep(file);
            }
            let opened = opened.and_then(|file| File::new(file, &full, self.0.fault));
            return match opened {
                // Removed between the two calls; another one may stand there now.
                Ok(file) if self.0.writable && file.is_gone() => continue,
                Err(missing) if missing.kind() == io::ErrorKind::NotFound && !is_new => {
                    anew = true;
                    continue;
                }
                Ok(file) => Ok(Some(file)),
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(other) => Err(why(other)),
            };
        }
    }

    /// The sizes of published files, in the order of their paths.
    fn sizes(&self, paths: &[String]) -> Result<Vec<Option<u64>>, Error> {
        let mut sizes = Vec::with_capacity(paths.len());
        let mut last: Option<(&str, Option<OwnedFd>)> = None;
        for path in paths {
            self.check(path)?;
            let refused = |why: io::Error| self.refused("read", &self.full(path), &why);
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            // Most are in one folder.
            let (_, open) = match last.take().filter(|(before, _)| *before == folder) {
                Some(same) => last.insert(same),
                None => {
                    let open = self.held(false).and_then(|(root, _)| beneath::descend(root, folder.as_bytes()));
                    last.insert((folder, there(open).map_err(refused)?))
                }
            };
            let size = open.as_ref().map(|folder| there(beneath::size(folder, name.as_ref())));
            sizes.push(size.transpose().map_err(refused)?.flatten());
        }
        Ok(sizes)
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        if !folder.is_empty() {
            self.check(folder)?;
        }
        let list = || -> io::Result<Vec<String>> {
            let folder = beneath::descend(self.root()?, folder.as_bytes())?;
            let mut names = Vec::new();
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().to_str() else { continue };
                if !is_sound(name) {
                    continue;
                }
                let is_folder = match entry.file_type() {
                    FileType::Unknown => {
                        let there = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                        FileType::from_raw_mode(there.st_mode) == FileType::Directory
                    }
                    kind => kind == FileType::Directory,
                };
                names.push(if is_folder { format!("{name}/") } else { name.to_owned() });
            }
            names.sort_unstable();
            Ok(names)
        };
        let names = there(list()).map_err(|why| self.refused("list", &self.full(folder), &why))?;
        Ok(names.unwrap_or_default())
    }

    /// Only what the seam allows as a path.
    pub fn check(&self, path: &str) -> Result<(), Error> {
        if path.split('/').all(is_sound) {
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
        let Place { drafts, made, stays, .. } = &*self.0.0;
        drafts.forget_all();
        if stays.load(Ordering::Relaxed) {
            return;
        }
        // What is not empty is somebody's.
        if let Ok(root) = self.0.root() {
            let _ = unlinkat(root, INGEST, AtFlags::REMOVEDIR);
        }
        for folder in made.lock().unwrap_or_else(PoisonError::into_inner).drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn is_sound(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Makes a folder and those above it, each durable in the one above; `made` gets those that were not there.
fn make_durably(folder: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        make_durably(parent, made)?;
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_owned()),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
        sync(parent)?;
    }
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

impl Host for State {}

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

    async fn sizes(
        accessor: &Accessor<T, Self>,
        directory: Resource<Directory>,
        paths: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Option<u64>>, Error>> {
        let directory = get(accessor, &directory)?;
        Ok(tokio::task::spawn_blocking(move || directory.sizes(&paths)).await?)
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
        match tokio::task::spawn_blocking(move || Lock::wait(&directory)).await? {
            Ok(lock) => Ok(Ok(put(accessor, lock)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn names(
        accessor: &Accessor<T, Self>,
        directory: Resource<Directory>,
        folder: String,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let directory = get(accessor, &directory)?;
        Ok(tokio::task::spawn_blocking(move || directory.names(&folder)).await?)
    }
}

/// Where unpublished files are.
pub const INGEST: &str = "ingest";
/// How often folders are made that others take away.
const TRIES: usize = 100;
