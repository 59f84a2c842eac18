//! A file tree as it grows in a folder.
//!
//! No link is followed beneath the folder, and no path leaves it. New folders are open to this user alone until the end, when they get
//! what they are to have, the deepest first: writing into a folder changes its time. Small files are made by several threads at once; everything
//! else comes in the order that it is given in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::fs::{linkat, makedev, mkdirat, mknodat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::attributes::{Attributes, Folder};
use crate::beneath;
use crate::bindings::images::ocix::image::trees::{Device, Entry, Kind};
use crate::error::{Error, ErrorCode, Fault, error, refused};

/// A folder, and what is still to be done in it.
pub struct Tree {
    root: OwnedFd,
    /// For errors.
    path: PathBuf,
    fault: Fault,
    attributes: Attributes,
    /// The folder that something was put into last: the next thing is most often in it too.
    last: Option<(Vec<u8>, Arc<Folder>)>,
    /// The regular file that was put last, when bytes of it are still to come.
    file: Option<Growing>,
    /// Folders that are still to get their attributes, by path: those that were put last.
    folders: BTreeMap<Vec<u8>, Entry>,
    ended: bool,
}

/// A file that has not all of its bytes.
struct Growing {
    file: fs::File,
    folder: Arc<Folder>,
    entry: Entry,
    /// Bytes that are still to come.
    left: u64,
}

/// A file that is to be made with all that it has.
struct Whole {
    folder: Arc<Folder>,
    name: OsString,
    entry: Entry,
    content: Vec<u8>,
}

impl Tree {
    /// In an open folder; `path` and `fault` are for errors.
    pub fn new(root: OwnedFd, path: &Path, fault: Fault) -> Self {
        let (attributes, path) = (Attributes::of_user(), path.to_owned());
        Self { root, path, fault, attributes, last: None, file: None, folders: BTreeMap::new(), ended: false }
    }

    /// The folder.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Nothing comes any more; says whether that is new.
    pub fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// The next entries; `gone` ends it early.
    pub fn put(&mut self, entries: Vec<(Entry, Vec<u8>)>, gone: &AtomicBool) -> Result<(), Error> {
        self.complete()?;
        let (mut whole, last) = (Vec::new(), entries.len().saturating_sub(1));
        for (number, (entry, content)) in entries.into_iter().enumerate() {
            if gone.load(Ordering::Relaxed) {
                break;
            }
            match &entry.kind {
                Kind::Regular(size) if *size == content.len() as u64 => {
                    let (folder, name) = self.within(&entry.path).map_err(|why| self.refused(&entry.path, &why))?;
                    whole.push(Whole { folder, name, entry, content });
                    continue;
                }
                Kind::Regular(_) if number < last => {
                    return Err(wrong("wrote another number of bytes than a file has"));
                }
                Kind::Regular(_) => {}
                _ if !content.is_empty() => return Err(wrong("gave content to what is no file")),
                // It may be a link to one of those.
                Kind::HardLink(_) => self.lay(std::mem::take(&mut whole), gone)?,
                _ => {}
            }
            self.one(entry, &content)?;
        }
        self.lay(whole, gone)
    }

    /// More of the file that was put last.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Growing { file, entry, left, .. } = self.file.as_mut().ok_or_else(|| wrong("wrote to no file"))?;
        *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| wrong("wrote more bytes than a file has"))?;
        // What is nothing but zeros is a hole.
        let zeros = bytes.len() >= HOLE && bytes.iter().all(|byte| *byte == 0);
        let written = match zeros {
            true => file.seek(SeekFrom::Current(i64::try_from(bytes.len()).unwrap_or_default())).map(|_| ()),
            false => file.write_all(bytes),
        };
        let path = self.path.join(OsStr::from_bytes(&entry.path));
        written.map_err(|why| refused(self.fault, "write", &path, &why))
    }

    /// All entries were put. Says what the user should know, if anything.
    pub fn finish(&mut self) -> Result<Option<String>, Error> {
        self.complete()?;
        while let Some((_, entry)) = self.folders.pop_last() {
            let set = beneath::descend(&self.root, &entry.path).and_then(|at| self.attributes.set_open(at, &entry));
            set.map_err(|why| self.refused(&entry.path, &why))?;
        }
        Ok(self.attributes.warning())
    }

    /// What the operating system refused.
    pub fn refused(&self, path: &[u8], why: &io::Error) -> Error {
        match path {
            b"" => refused(self.fault, "write", &self.path, why),
            _ => refused(self.fault, "write", &self.path.join(OsStr::from_bytes(path)), why),
        }
    }

    /// The last file has all of its content.
    fn complete(&mut self) -> Result<(), Error> {
        if self.ended {
            return Err(wrong("wrote to a tree that was finished"));
        }
        match self.file.take() {
            None => Ok(()),
            Some(Growing { mut file, folder, entry, left: 0 }) => {
                // Behind a hole at its end there is nothing that gives it its length.
                let whole = file.stream_position().and_then(|size| file.set_len(size));
                whole
                    .and_then(|()| self.attributes.set_new(&file, &folder, &entry))
                    .map_err(|why| self.refused(&entry.path, &why))
            }
            Some(_) => Err(wrong("wrote fewer bytes than a file has")),
        }
    }

    /// An entry that waits for nothing, or a file of which more bytes come.
    fn one(&mut self, entry: Entry, content: &[u8]) -> Result<(), Error> {
        if entry.path.is_empty() && matches!(entry.kind, Kind::Directory) {
            self.folders.insert(entry.path.clone(), entry);
            return Ok(());
        }
        let made = self.make(&entry).map_err(|why| self.refused(&entry.path, &why))?;
        match (made, &entry.kind) {
            (Some((file, folder)), Kind::Regular(size)) => {
                let left = *size;
                self.file = Some(Growing { file, folder, entry, left });
                self.write(content)?;
            }
            (_, Kind::Directory) => drop(self.folders.insert(entry.path.clone(), entry)),
            _ => {}
        }
        Ok(())
    }

    /// Makes what is to stand at a path; a regular file is answered open and empty.
    fn make(&mut self, entry: &Entry) -> io::Result<Option<(fs::File, Arc<Folder>)>> {
        let (parent, name) = self.within(&entry.path)?;
        let device = |kind: FileType, device: &Device| {
            let made = || mknodat(&*parent, &name, kind, OWN, makedev(device.major, device.minor));
            anew(&parent, &name, made).map_err(|why| match why.kind() {
                io::ErrorKind::PermissionDenied => io::Error::other("only root makes devices"),
                _ => why,
            })
        };
        match &entry.kind {
            Kind::Regular(_) => return Ok(Some((file(&parent, &name)?, parent))),
            Kind::Directory => {
                match mkdirat(&*parent, &name, Mode::RWXU) {
                    Err(Errno::EXIST) if is_folder(&*parent, &name) => {}
                    Err(Errno::EXIST) => anew(&parent, &name, || mkdirat(&*parent, &name, Mode::RWXU))?,
                    other => other?,
                }
                return Ok(None);
            }
            Kind::HardLink(to) if *to == entry.path => return Err(io::Error::other("it is a link to itself")),
            Kind::HardLink(to) => {
                let (from, old) = self.within(to)?;
                // The other name has the attributes already.
                anew(&parent, &name, || linkat(&*from, &old, &*parent, &name, AtFlags::empty()))?;
                return Ok(None);
            }
            Kind::Symlink(text) => anew(&parent, &name, || symlinkat(OsStr::from_bytes(text), &*parent, &name))?,
            Kind::Character(numbers) => device(FileType::CharacterDevice, numbers)?,
            Kind::Block(numbers) => device(FileType::BlockDevice, numbers)?,
            Kind::Fifo => anew(&parent, &name, || mknodat(&*parent, &name, FileType::Fifo, OWN, 0))?,
            Kind::Socket => return Err(io::Error::other("it is a socket")),
        }
        self.attributes.set_name(&*parent, &name, entry)?;
        Ok(None)
    }

    /// Makes files, several at once.
    fn lay(&self, mut files: Vec<Whole>, gone: &AtomicBool) -> Result<(), Error> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST).min(files.len() / FEW);
        let some = |files: &[Whole]| {
            files
                .iter()
                .take_while(|_| !gone.load(Ordering::Relaxed))
                .try_for_each(|file| file.make(&self.attributes).map_err(|why| self.refused(&file.entry.path, &why)))
        };
        if threads < 2 {
            return some(&files);
        }
        let own = files.split_off(files.len() / threads * (threads - 1));
        std::thread::scope(|scope| {
            let parts: Vec<_> = files.chunks(files.len() / (threads - 1)).collect();
            let others: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || some(part))).collect();
            let mine = some(&own);
            let gone = || wrong("was given a file that cannot be made");
            others.into_iter().try_fold((), |(), other| other.join().unwrap_or_else(|_| Err(gone()))).and(mine)
        })
    }

    /// The folder that a path is in, and its name there.
    fn within(&mut self, path: &[u8]) -> io::Result<(Arc<Folder>, OsString)> {
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
                let at = Arc::new(Folder::new(beneath::descend(&self.root, folder)?)?);
                self.last = Some((folder.to_vec(), at.clone()));
                Ok((at, name))
            }
        }
    }
}

impl Whole {
    fn make(&self, attributes: &Attributes) -> io::Result<()> {
        let mut file = file(&self.folder, &self.name)?;
        file.write_all(&self.content)?;
        attributes.set_new(&file, &self.folder, &self.entry)
    }
}

/// A new file, in the place of whatever stands there.
fn file(parent: &Folder, name: &OsStr) -> io::Result<fs::File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    anew(parent, name, || openat(parent, name, flags, OWN)).map(fs::File::from)
}

/// Makes something; what stands there already goes first.
fn anew<T>(parent: &Folder, name: &OsStr, make: impl Fn() -> rustix::io::Result<T>) -> io::Result<T> {
    match make() {
        Err(Errno::EXIST) => {
            clear(parent, name)?;
            Ok(make()?)
        }
        other => Ok(other?),
    }
}

fn clear(parent: &Folder, name: &OsStr) -> io::Result<()> {
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

/// Of what gets its own mode later.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);
/// Threads that make files.
const MOST: usize = 4;
/// Files for which no further thread is worth it.
const FEW: usize = 8;
/// Zeros that are worth a hole, in bytes.
const HOLE: usize = 64 << 10;
