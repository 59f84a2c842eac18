//! The import `destinations`, its tree-writers: a file tree that is written into a folder of this machine.
//!
//! No link is followed beneath the folder, and no path leaves it. New folders are open to this user alone until the end, when they get
//! what they are to have, the deepest first: writing into a folder changes its time.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::fs::{linkat, makedev, mkdirat, mknodat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;
use wasmtime::component::{Accessor, Resource};

use crate::attributes::Attributes;
use crate::beneath;
use crate::bindings::images::ocix::image::destinations::{HostTreeWriter, HostTreeWriterWithStore};
use crate::bindings::images::ocix::image::progress::Event;
use crate::bindings::images::ocix::image::trees::{Device, Entry, Kind};
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::state::{Media, State, ambient, get};

/// A folder that a file tree is written to.
#[derive(Clone)]
pub struct TreeWriter(Arc<Mutex<Tree>>);

struct Tree {
    root: OwnedFd,
    path: PathBuf,
    attributes: Attributes,
    /// The folder that something was put into last: the next thing is most often in it too.
    last: Option<(Vec<u8>, Arc<OwnedFd>)>,
    /// The regular file that was put last, and its bytes that are still to come.
    file: Option<(fs::File, Entry, u64)>,
    /// Folders that are still to get their attributes, parents before children.
    folders: Vec<Entry>,
    finished: bool,
}

impl TreeWriter {
    /// Opens the folder, which is made when it does not exist. Links on the way to it are followed, none beneath it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let made = fs::create_dir_all(path).and_then(|()| beneath::root(path));
        let root = made.map_err(|why| refused(Fault::Request, "make the directory", path, &why))?;
        Ok(Self(Arc::new(Mutex::new(Tree {
            root,
            path: path.to_owned(),
            attributes: Attributes::of_user(),
            last: None,
            file: None,
            folders: Vec::new(),
            finished: false,
        }))))
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree {
    fn put(&mut self, entry: Entry) -> Result<(), Error> {
        self.complete()?;
        let made = self.make(&entry).map_err(|why| self.refused(&entry.path, &why))?;
        match (made, &entry.kind) {
            (Some(file), Kind::Regular(size)) => self.file = Some((file, entry.clone(), *size)),
            (_, Kind::Directory) => self.folders.push(entry),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (file, entry, left) = self.file.as_mut().ok_or_else(|| wrong("wrote to no file"))?;
        *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| wrong("wrote more bytes than a file has"))?;
        let path = &self.path;
        file.write_all(bytes)
            .map_err(|why| refused(Fault::Request, "write", &path.join(OsStr::from_bytes(&entry.path)), &why))
    }

    /// What the user should know, if anything.
    fn finish(&mut self) -> Result<Option<String>, Error> {
        self.complete()?;
        while let Some(entry) = self.folders.pop() {
            let set = beneath::descend(&self.root, &entry.path).and_then(|at| self.attributes.set_open(at, &entry));
            set.map_err(|why| self.refused(&entry.path, &why))?;
        }
        self.finished = true;
        Ok(self.attributes.warning())
    }

    /// The last file has all of its content.
    fn complete(&mut self) -> Result<(), Error> {
        if self.finished {
            return Err(wrong("wrote to a tree that was finished"));
        }
        match self.file.take() {
            None => Ok(()),
            Some((file, entry, 0)) => {
                self.attributes.set_open(file, &entry).map_err(|why| self.refused(&entry.path, &why))
            }
            Some(_) => Err(wrong("wrote fewer bytes than a file has")),
        }
    }

    /// Makes what is to stand at a path; a regular file is answered open and empty.
    fn make(&mut self, entry: &Entry) -> io::Result<Option<fs::File>> {
        let (parent, name) = self.within(&entry.path)?;
        let device = |kind: FileType, device: &Device| {
            let made = || mknodat(&parent, &name, kind, OWN, makedev(device.major, device.minor));
            anew(&parent, &name, made).map_err(|why| match why.kind() {
                io::ErrorKind::PermissionDenied => io::Error::other("only root makes devices"),
                _ => why,
            })
        };
        match &entry.kind {
            Kind::Regular(_) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                return anew(&parent, &name, || openat(&parent, &name, flags, OWN)).map(|file| Some(file.into()));
            }
            Kind::Directory => {
                if !is_folder(&parent, &name) {
                    anew(&parent, &name, || mkdirat(&parent, &name, Mode::RWXU))?;
                }
                return Ok(None);
            }
            Kind::HardLink(to) if *to == entry.path => return Err(io::Error::other("it is a link to itself")),
            Kind::HardLink(to) => {
                let (from, old) = self.within(to)?;
                // The other name has the attributes already.
                anew(&parent, &name, || linkat(&from, &old, &parent, &name, AtFlags::empty()))?;
                return Ok(None);
            }
            Kind::Symlink(text) => anew(&parent, &name, || symlinkat(OsStr::from_bytes(text), &parent, &name))?,
            Kind::Character(numbers) => device(FileType::CharacterDevice, numbers)?,
            Kind::Block(numbers) => device(FileType::BlockDevice, numbers)?,
            Kind::Fifo => anew(&parent, &name, || mknodat(&parent, &name, FileType::Fifo, OWN, 0))?,
            Kind::Socket => return Err(io::Error::other("it is a socket")),
        }
        self.attributes.set_name(&parent, &name, entry)?;
        Ok(None)
    }

    /// The folder that a path is in, and its name there.
    fn within(&mut self, path: &[u8]) -> io::Result<(Arc<OwnedFd>, OsString)> {
        if path.split(|byte| *byte == b'/').any(|name| matches!(name, b"" | b"." | b"..")) {
            return Err(io::Error::other("its path is not one"));
        }
        let cut = path.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = match cut.and_then(|cut| path.split_at_checked(cut)) {
            Some((folder, name)) => (folder, name.get(1..).unwrap_or_default()),
            None => (b"".as_slice(), path),
        };
        let name = OsStr::from_bytes(name).to_owned();
        match &self.last {
            Some((last, at)) if last == folder => Ok((at.clone(), name)),
            _ => {
                let at = Arc::new(beneath::descend(&self.root, folder)?);
                self.last = Some((folder.to_vec(), at.clone()));
                Ok((at, name))
            }
        }
    }

    fn refused(&self, path: &[u8], why: &io::Error) -> Error {
        refused(Fault::Request, "write", &self.path.join(OsStr::from_bytes(path)), why)
    }
}

/// Makes something; what stands there already goes first.
fn anew<T>(parent: &OwnedFd, name: &OsStr, make: impl Fn() -> rustix::io::Result<T>) -> io::Result<T> {
    match make() {
        Err(Errno::EXIST) => {
            clear(parent, name)?;
            Ok(make()?)
        }
        other => Ok(other?),
    }
}

fn clear(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let cleared = match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => unlinkat(parent, name, AtFlags::REMOVEDIR),
        other => other,
    };
    match cleared {
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            Err(io::Error::other("a directory that is not empty stands in its place; remove it first"))
        }
        other => Ok(other?),
    }
}

fn is_folder(parent: impl AsFd, name: &OsStr) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn wrong(what: &str) -> Error {
    error(Fault::Component, ErrorCode::Other("tree".into()), format!("the component {what}: this is a bug in ocix"))
}

impl HostTreeWriter for State {
    fn drop(&mut self, writer: Resource<TreeWriter>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostTreeWriterWithStore<T> for Media {
    async fn put(
        accessor: &Accessor<T, Self>,
        writer: Resource<TreeWriter>,
        entry: Entry,
    ) -> wasmtime::Result<Result<(), Error>> {
        // A few short calls: handing them to another thread costs more.
        Ok(get(accessor, &writer)?.tree().put(entry))
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        writer: Resource<TreeWriter>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let writer = get(accessor, &writer)?;
        if bytes.len() <= INLINE {
            return Ok(writer.tree().write(&bytes));
        }
        Ok(tokio::task::spawn_blocking(move || writer.tree().write(&bytes)).await?)
    }

    async fn finish(accessor: &Accessor<T, Self>, writer: Resource<TreeWriter>) -> wasmtime::Result<Result<(), Error>> {
        let writer = get(accessor, &writer)?;
        let finished = tokio::task::spawn_blocking(move || writer.tree().finish()).await?;
        Ok(finished.map(|warning| {
            let tell = |text| (ambient(accessor).progress)(Event::Warning(text));
            warning.into_iter().for_each(tell);
        }))
    }
}

/// Of what gets its own mode later.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);
/// Up to here bytes are written at once.
const INLINE: usize = 64 << 10;

#[cfg(test)]
mod tests;
