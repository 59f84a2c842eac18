//! The import `directories`, its lock: one process at a time names and removes.
//!
//! It is held on a file of its own (flock), and so is every file that is open: what somebody has open, whoever that is, is not removed.
//! The kernel frees what a process held, however it ends.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::directories::{HostLock, HostLockWithStore};
use crate::directories::{Directory, INGEST};
use crate::error::{Error, ErrorCode, error};
use crate::state::{Media, State, get};

/// Held until the last clone is dropped.
#[derive(Clone)]
pub struct Lock(Arc<Held>);

struct Held {
    directory: Directory,
    /// At work, unless it was waited for.
    sweeper: Mutex<Option<JoinHandle<()>>>,
    _file: fs::File,
}

impl Lock {
    /// Waits for it. What crashed writers left is swept as long as it is held.
    pub fn wait(directory: &Directory) -> Result<Self, Error> {
        let root = directory.made("")?;
        let path = directory.full(LOCK);
        let start = Instant::now();
        let file = loop {
            match exclusive(&root) {
                Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() <= PATIENCE => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let message = format!(
                        "`{}` is locked by another process for ten seconds now: wait for it, or stop it",
                        crate::error::shown(&path.to_string_lossy())
                    );
                    return Err(error(directory.fault(), ErrorCode::Other("locked".into()), message));
                }
                other => break other.map_err(|why| directory.refused("lock", &path, &why.into()))?,
            }
        };
        directory.let_go();
        Ok(Self(Arc::new(Held { directory: directory.clone(), sweeper: Mutex::new(sweeper(&root)), _file: file })))
    }

    fn remove(&self, path: &str) -> Result<Option<u64>, Error> {
        let Held { directory, .. } = &*self.0;
        directory.check(path)?;
        let remove = || {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = beneath::descend(directory.root()?, folder.as_bytes())?;
            let file = beneath::file(&folder, OsStr::new(name))?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                return Ok(None);
            }
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                // A crash leaves no half of it in its place, and what it leaves is swept: also what has this name.
                self.0.swept();
                let ingest = directory.made(INGEST).map_err(|error| io::Error::other(error.message))?;
                let gone = format!("gone-{}", std::process::id());
                renameat(&folder, name, &ingest, &gone)?;
                beneath::remove(&ingest, OsStr::new(&gone))?;
                return Ok(Some(0));
            }
            if !metadata.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a regular file nor a folder"));
            }
            unlinkat(&folder, name, AtFlags::empty())?;
            Ok(Some(metadata.len()))
        };
        let removed =
            beneath::there(remove()).map_err(|why| directory.refused("remove", &directory.full(path), &why))?;
        Ok(removed.flatten())
    }
}

impl Held {
    /// Waits until what was left is swept.
    fn swept(&self) {
        let sweeper = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = sweeper.map(JoinHandle::join);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.swept();
    }
}

/// Keeps what is open from being removed, unless it has been already. Where files cannot be locked, nothing is removed by others either.
pub fn keep(file: impl AsFd) {
    while flock(&file, FlockOperation::LockShared) == Err(Errno::INTR) {}
}

/// Takes away what is only there for writers, unless another one is at work.
pub fn tidy(root: &OwnedFd) {
    if let Ok(_file) = exclusive(root) {
        // What is not empty is somebody's, and what cannot be removed stays.
        drafts(root).into_iter().for_each(sweep);
        let _ = unlinkat(root, INGEST, AtFlags::REMOVEDIR);
        let _ = unlinkat(root, LOCK, AtFlags::empty());
    }
}

/// The lock, if nobody holds it; `WOULDBLOCK` otherwise.
fn exclusive(root: &OwnedFd) -> rustix::io::Result<fs::File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::CREATE;
    let file = openat(root, LOCK, flags, Mode::from_raw_mode(0o644))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    // Between the two calls its last holder may have removed it: another file is the lock then.
    match statat(root, LOCK, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if there.st_ino == fstat(&file)?.st_ino => Ok(file.into()),
        Ok(_) | Err(Errno::NOENT) => Err(Errno::WOULDBLOCK),
        Err(why) => Err(why),
    }
}

/// Removes, while others go on, what crashed writers left, and what was large and lost its place to another file.
fn sweeper(root: &OwnedFd) -> Option<JoinHandle<()>> {
    let drafts = drafts(root).ok().filter(|(_, names)| !names.is_empty())?;
    // Where there can be no thread, it stays for the next time.
    std::thread::Builder::new().spawn(move || sweep(drafts)).ok()
}

/// The folder of what is not published, with what is in it: files, and folders of trees.
fn drafts(root: &OwnedFd) -> io::Result<(OwnedFd, Vec<OsString>)> {
    let ingest = beneath::folder(root, OsStr::new(INGEST))?;
    let names = beneath::names(&ingest)?;
    Ok((ingest, names))
}

/// Removes what nobody has locked.
fn sweep((ingest, names): (OwnedFd, Vec<OsString>)) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for name in names {
        let Ok(file) = openat(&ingest, &name, flags, Mode::empty()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // What cannot be removed stays for the next time.
            let _ = beneath::remove(&ingest, &name);
        }
    }
}

impl HostLock for State {
    fn drop(&mut self, lock: Resource<Lock>) -> wasmtime::Result<()> {
        self.table.delete(lock)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostLockWithStore<T> for Media {
    async fn remove(
        accessor: &Accessor<T, Self>,
        lock: Resource<Lock>,
        path: String,
    ) -> wasmtime::Result<Result<Option<u64>, Error>> {
        let lock = get(accessor, &lock)?;
        Ok(tokio::task::spawn_blocking(move || lock.remove(&path)).await?)
    }
}

const LOCK: &str = ".lock";
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::Writer;

    #[test]
    fn what_is_open_is_not_removed() {
        let path = std::env::temp_dir().join(format!("ocix-locks-{}", std::process::id()));
        let (one, other) = (Directory::store(&path), Directory::store(&path));
        let published = Writer::create(&one).unwrap().publish("blobs/sha256/x").unwrap();
        let lock = Lock::wait(&other).unwrap();
        assert_eq!(lock.remove("blobs/sha256/x").unwrap(), None, "its writer has it open");
        let found = other.open("blobs/sha256/x").unwrap().unwrap();
        drop(published);
        assert_eq!(lock.remove("blobs/sha256/x").unwrap(), None, "a reader has it open");
        drop(found);
        // A process that another test is just starting has it open for a moment, as all that is open here.
        let removed = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            lock.remove("blobs/sha256/x").unwrap()
        });
        assert_eq!(removed, Some(0));
        assert_eq!(lock.remove("blobs/sha256/x").unwrap(), None);
        assert!(other.open("blobs/sha256/x").unwrap().is_none());
        assert!(lock.remove("../x").is_err());
        assert_eq!(lock.remove("blobs").unwrap(), Some(0));
        assert!(!path.join("blobs").exists());
        drop(lock);
        fs::remove_dir_all(path).unwrap();
    }

    /// Processes of containers have the same few numbers, and so what a crash left may have the name that is needed now.
    #[test]
    fn what_a_crash_left_is_in_nobodys_way() {
        let path = std::env::temp_dir().join(format!("ocix-locks-left-{}", std::process::id()));
        let store = Directory::store(&path);
        let left = path.join(INGEST).join(format!("gone-{}", std::process::id()));
        for number in 0..1000 {
            fs::create_dir_all(left.join(number.to_string())).unwrap();
        }
        fs::create_dir_all(path.join("unpacked/tree")).unwrap();
        let lock = Lock::wait(&store).unwrap();
        assert_eq!(lock.remove("unpacked").unwrap(), Some(0));
        drop(lock);
        assert_eq!(fs::read_dir(path.join(INGEST)).unwrap().count(), 0);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn what_was_large_goes_with_the_next_lock() {
        let path = std::env::temp_dir().join(format!("ocix-locks-large-{}", std::process::id()));
        let store = Directory::store(&path);
        let put = |byte| {
            let writer = Writer::create(&store).unwrap();
            writer.write(&vec![byte; 256 << 10]).unwrap();
            writer.publish("index.json").unwrap()
        };
        let replaced = || fs::read_dir(path.join(INGEST)).unwrap().count();
        let first = put(1);
        assert_eq!(replaced(), 0, "nothing stood there");
        drop(put(2));
        assert_eq!(fs::read(path.join("index.json")).unwrap()[0], 2);
        drop(Lock::wait(&store).unwrap());
        assert_eq!(replaced(), 1, "a reader has it open");
        drop(first);
        // As above.
        let gone = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            drop(Lock::wait(&store).unwrap());
            replaced() == 0
        });
        assert!(gone);
        fs::remove_dir_all(path).unwrap();
    }
}
