//! Where a file tree stands until it is whole, and where then.
//!
//! A tree in a place of its own is made beside it, under a name that begins with a dot, and takes it in one step. Only on the root of a mounted
//! file system, which nothing can take the place of, it is made where it will be, and cleared away when it is not finished.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Mode, StatxAttributes, StatxFlags};
use rustix::fs::{flock, fsync, mkdirat, renameat, statat, statx, syncfs};
use rustix::io::Errno;

use crate::beneath;
use crate::directories::{Directory, INGEST};
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};

/// A place for a tree.
pub enum Place {
    /// The tree stands among other things.
    Shared,
    /// On the root of a mounted file system.
    Mounted(OwnedFd),
    /// Beside its place.
    Beside(Draft),
    /// In a directory that keeps it, among what is not published yet.
    Kept(Draft),
}

/// A folder that is to be renamed.
pub struct Draft {
    folder: OwnedFd,
    temporary: OsString,
    to: OwnedFd,
    name: OsString,
}

impl Place {
    /// A folder that may have anything in it; it is made when it does not exist. Links on the way to it are followed.
    pub fn shared(path: &Path) -> Result<(Self, OwnedFd), Error> {
        let made = fs::create_dir_all(path).and_then(|()| beneath::root(path));
        let root = made.map_err(|why| refused(Fault::Request, "make the directory", path, &why))?;
        Ok((Self::Shared, root))
    }

    /// A folder that does not exist, or is empty.
    pub fn bare(path: &Path) -> Result<(Self, OwnedFd), Error> {
        let why = |why: &io::Error| refused(Fault::Request, "make the directory", path, why);
        // A link is the user's own: the folder that it leads to is meant.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::symlink_metadata(&place) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
            Err(other) => return Err(why(&other)),
            Ok(there) if !there.is_dir() => return Err(taken(path, "is not a directory: name a new one")),
            Ok(_) => {
                let root = beneath::root(&place).map_err(|error| why(&error))?;
                if fs::read_dir(&place).map_err(|error| why(&error))?.next().is_some() {
                    return Err(taken(
                        path,
                        "is not empty: name a new directory, or write over what is there with --force",
                    ));
                }
                if is_mounted(&root) {
                    let place = root.try_clone().map_err(|error| why(&error))?;
                    return Ok((Self::Mounted(place), root));
                }
            }
        }
        let name = place.file_name().ok_or_else(|| taken(path, "is no name for a directory"))?.to_owned();
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let to = beneath::root(parent).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(path, parent),
            _ => why(&error),
        })?;
        let folder = to.try_clone().map_err(|error| why(&error))?;
        let short = name.as_bytes().get(..NAME).unwrap_or(name.as_bytes());
        let (temporary, root) = make(&folder, &[b".", short, b".ocix-"].concat()).map_err(|error| why(&error))?;
        Ok((Self::Beside(Draft { folder, temporary, to, name }), root))
    }

    /// In a directory; none when something stands there.
    pub fn kept(directory: &Directory, path: &str) -> Result<Option<(Self, OwnedFd)>, Error> {
        let why = |why: &io::Error| directory.refused("write", &directory.full(path), why);
        directory.check(path)?;
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let to = directory.made(above)?;
        match statat(&to, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => return Ok(None),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(why(&error.into())),
        }
        loop {
            let folder = directory.made(INGEST)?;
            let (temporary, root) = make(&folder, b"tree-").map_err(|error| why(&error))?;
            // As long as it is locked nobody takes it for one that a crash left, as somebody may have done just now.
            let locked = flock(&root, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked && statat(&folder, &temporary, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(Some((Self::Kept(Draft { folder, temporary, to, name: name.into() }), root)));
            }
        }
    }

    /// The tree is whole: it takes its place. In a directory it is durable before.
    pub fn publish(&self, root: impl AsFd) -> io::Result<()> {
        match self {
            Self::Shared | Self::Mounted(_) => Ok(()),
            Self::Beside(draft) => draft.publish(),
            Self::Kept(draft) => {
                syncfs(root)?;
                match draft.publish() {
                    // Another one was faster, and the same.
                    Err(there) if there.kind() == io::ErrorKind::AlreadyExists => draft.remove(),
                    other => other?,
                }
                Ok(fsync(&draft.to)?)
            }
        }
    }

    /// The tree is not whole, and goes.
    pub fn abandon(&self) {
        // What cannot be removed has to stay: nobody is left to be told.
        match self {
            Self::Shared => {}
            Self::Mounted(root) => drop(beneath::clear(root)),
            Self::Beside(draft) | Self::Kept(draft) => draft.remove(),
        }
    }
}

impl Draft {
    fn publish(&self) -> io::Result<()> {
        match renameat(&self.folder, &self.temporary, &self.to, &self.name) {
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "something was put there in the meantime"))
            }
            other => Ok(other?),
        }
    }

    fn remove(&self) {
        let _ = beneath::remove(&self.folder, &self.temporary);
    }
}

/// A new folder for this user alone.
fn make(folder: &OwnedFd, start: &[u8]) -> io::Result<(OsString, OwnedFd)> {
    loop {
        let number = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = OsStr::from_bytes(&[start, number.as_bytes()].concat()).to_owned();
        match mkdirat(folder, &name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            other => {
                other?;
                let made = beneath::folder(folder, &name)?;
                return Ok((name, made));
            }
        }
    }
}

fn is_mounted(folder: &OwnedFd) -> bool {
    let found = statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS);
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

fn taken(path: &Path, why: &str) -> Error {
    let message = format!("`{}` {why}", shown(&path.to_string_lossy()));
    error(Fault::Request, ErrorCode::AlreadyExists, message)
}

fn missing(path: &Path, parent: &Path) -> Error {
    let [path, parent] = [path, parent].map(|path| shown(&path.to_string_lossy()));
    let message = format!("cannot make the directory `{path}`: `{parent}` does not exist; make it first");
    error(Fault::Request, ErrorCode::NotFound, message)
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Bytes of a name that its temporary name keeps.
const NAME: usize = 200;
