//! The import `directories`, its writers: an unpublished file, written, read back, published or gone.
//!
//! A file goes when its resource does, whatever a write that still waits for the disk is doing.

use std::fs;
use std::io::{self, Seek, Write};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Advice, AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::fs::{fadvise, flock, fsync, openat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::directories::{HostWriter, HostWriterWithStore};
use crate::directories::{Directory, INGEST};
use crate::error::{Error, ErrorCode, Fault, error};
use crate::files::File;
use crate::state::{Media, State, get, put};

/// An unpublished file.
#[derive(Clone)]
pub struct Writer(Arc<Draft>);

struct Draft {
    directory: Directory,
    ingest: Arc<OwnedFd>,
    name: String,
    /// None when it is published.
    file: Mutex<Option<fs::File>>,
    /// Bytes that nobody has asked to be brought to the disk.
    unflushed: AtomicUsize,
    /// Held while bytes are made durable; why that failed, for the system tells it once.
    flushing: Mutex<Option<io::Error>>,
}

impl Writer {
    /// A new, empty one.
    pub fn create(directory: &Directory) -> Result<Self, Error> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let ingest = Arc::new(directory.made(INGEST)?);
            let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let file = match openat(&ingest, &name, flags, Mode::from_raw_mode(0o644)) {
                // A process that had our number crashed, or runs in another container on the same folder; or one that has done
                // with the same layout has tidied it.
                Err(Errno::EXIST | Errno::NOENT) => continue,
                other => other.map_err(|why| {
                    directory.refused("write", &directory.full(&format!("{INGEST}/{name}")), &why.into())
                })?,
            };
            // Between the two calls another process may have taken the new file for one that a crash left.
            let locked = match flock(&file, FlockOperation::NonBlockingLockShared) {
                Err(why) if !matches!(why, Errno::WOULDBLOCK | Errno::INTR) => {
                    let path = directory.full(&format!("{INGEST}/{name}"));
                    let _ = unlinkat(&ingest, &name, AtFlags::empty());
                    return Err(directory.refused("lock", &path, &why.into()));
                }
                locked => locked.is_ok(),
            };
            if locked && statat(&ingest, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                directory.drafts().remember(&name, ingest.clone());
                return Ok(Self(Arc::new(Draft {
                    directory: directory.clone(),
                    ingest,
                    name,
                    file: Mutex::new(Some(file.into())),
                    unflushed: AtomicUsize::new(0),
                    flushing: Mutex::default(),
                })));
            }
        }
    }

    /// Adds bytes.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.file();
        file.as_mut().ok_or_else(published)?.write_all(bytes).map_err(|why| self.refused("write", &why))
    }

    /// How many bytes are to be brought to the disk, when with so many more there are enough of them.
    fn due(&self, bytes: usize, enough: usize) -> Option<usize> {
        let unflushed = self.0.unflushed.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let due = Some(unflushed).filter(|unflushed| *unflushed >= enough);
        if due.is_some() {
            self.0.unflushed.store(0, Ordering::Relaxed);
        }
        due
    }

    /// Has the system begin to write the last bytes, so that publishing has less to wait for.
    fn begin(&self, bytes: usize) {
        let file = self.file();
        let Some(mut file) = file.as_ref() else { return };
        let end = file.stream_position().unwrap_or_default();
        // What nobody needs in memory is written; it is advice.
        let _ = fadvise(file, end.saturating_sub(bytes as u64), NonZeroU64::new(bytes as u64), Advice::DontNeed);
    }

    /// Makes durable what was written so far, so that there is little to wait for when the file is published.
    fn flush(&self) {
        let mut failed = self.flushing();
        let file = self.file().as_ref().map(fs::File::try_clone);
        if let Some(Err(why)) = file.map(|file| file.and_then(|file| file.sync_data())) {
            failed.get_or_insert(why);
        }
    }

    fn reader(&self) -> Result<File, Error> {
        let file = self.file();
        let again = file.as_ref().ok_or_else(published)?.try_clone();
        let directory = &self.0.directory;
        let path = directory.full(&format!("{INGEST}/{}", self.0.name));
        again.and_then(|file| File::new(file, &path, directory.fault())).map_err(|why| self.refused("read", &why))
    }

    /// Makes the bytes durable, then visible at once and whole. What is answered keeps it from being removed, as the writer did.
    pub fn publish(&self, path: &str) -> Result<File, Error> {
        if let Some(why) = self.flushing().take() {
            return Err(self.refused("write", &why));
        }
        let mut slot = self.file();
        let Draft { directory, ingest, name, .. } = &*self.0;
        directory.check(path)?;
        let file = slot.as_ref().ok_or_else(published)?;
        file.sync_all().map_err(|why| self.refused("write", &why))?;
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = directory.made(folder)?;
        let why = |why: Errno| directory.refused("write", &directory.full(path), &why.into());
        directory.stays();
        // Some file systems take longer to remove a large file than to write one: whoever sweeps does that, beside other things.
        let old = statat(&folder, last, AtFlags::SYMLINK_NOFOLLOW);
        let large = old.is_ok_and(|old| u64::try_from(old.st_size).is_ok_and(|size| LARGE.contains(&size)));
        if !large || renameat_with(ingest, name, &folder, last, RenameFlags::EXCHANGE).is_err() {
            renameat(ingest, name, &folder, last).map_err(why)?;
        }
        let file = slot.take().ok_or_else(published)?;
        directory.drafts().keep(name);
        fsync(folder).map_err(why)?;
        let full = directory.full(path);
        File::new(file, &full, directory.fault()).map_err(|why| directory.refused("read", &full, &why))
    }

    fn file(&self) -> MutexGuard<'_, Option<fs::File>> {
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flushing(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.0.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user knows the directory, not the name of a file that goes when this is told.
    fn refused(&self, verb: &str, why: &io::Error) -> Error {
        let Draft { directory, name, .. } = &*self.0;
        directory.refused(verb, &directory.full(&format!("{INGEST}/{name}")), why)
    }
}

fn published() -> Error {
    error(
        Fault::Component,
        ErrorCode::Other("published".into()),
        "a file that was published is not written to any more",
    )
}

impl HostWriter for State {
    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        let Writer(draft) = self.table.delete(writer)?;
        draft.directory.drafts().forget(&draft.name);
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
            let written = writer.write(&bytes);
            if let Some(due) = writer.due(bytes.len(), BEGIN) {
                writer.begin(due);
            }
            return Ok(written);
        }
        let due = writer.due(bytes.len(), FLUSH);
        let again = writer.clone();
        let written = tokio::task::spawn_blocking(move || writer.write(&bytes)).await?;
        if due.is_some() {
            tokio::task::spawn_blocking(move || again.flush());
        }
        Ok(written)
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
    ) -> wasmtime::Result<Result<Resource<File>, Error>> {
        let writer = get(accessor, &writer)?;
        match tokio::task::spawn_blocking(move || writer.publish(&path)).await? {
            Ok(file) => Ok(Ok(put(accessor, file)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Up to here bytes are written at once.
const INLINE: usize = 64 << 10;

/// Bytes of short pieces after which writing to the disk begins.
const BEGIN: usize = 1 << 20;

/// Bytes of long ones after which they are forced to the disk.
const FLUSH: usize = 32 << 20;

/// Bytes of a file that is not removed at once when another one takes its place; of more there are not to be two for long.
const LARGE: std::ops::Range<u64> = 256 << 10..64 << 20;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ocix-writers-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn drafts(store: &std::path::Path) -> usize {
        fs::read_dir(store.join(INGEST)).unwrap().count()
    }

    #[test]
    fn a_published_file_is_whole_and_the_others_go() {
        let root = scratch("publish");
        let store = Directory::store(&root.join("a/store"));
        let (one, two) = (Writer::create(&store).unwrap(), Writer::create(&store).unwrap());
        one.write(b"bytes").unwrap();
        one.publish("blobs/sha256/x").unwrap();
        assert_eq!(fs::read(root.join("a/store/blobs/sha256/x")).unwrap(), b"bytes");
        assert!(one.publish("blobs/sha256/y").is_err());
        assert_eq!(drafts(&root.join("a/store")), 1);
        // A write that waits for the disk holds the file; it goes nevertheless.
        let held = two.file();
        drop(store.abandoned());
        assert_eq!(drafts(&root.join("a/store")), 0);
        drop(held);
        assert!(two.publish("late").is_err());
        assert!(!root.join("a/store/late").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn no_link_within_the_store_is_followed() {
        let root = scratch("links");
        fs::create_dir_all(root.join("store")).unwrap();
        fs::create_dir_all(root.join("elsewhere/sha256")).unwrap();
        std::os::unix::fs::symlink("../elsewhere", root.join("store/blobs")).unwrap();
        let store = Directory::store(&root.join("store"));
        let writer = Writer::create(&store).unwrap();
        assert!(writer.publish("blobs/sha256/x").is_err());
        assert!(!root.join("elsewhere/sha256/x").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
