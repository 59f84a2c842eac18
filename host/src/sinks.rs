//! The import `destinations`, its sinks: bytes on their way into a file, out of the process, or into a container engine.
//!
//! A file is written beside its place and takes it when it is finished, durable and whole. What is there already and is not a regular file,
//! such as a pipe or device, is written to as it is.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags, fsync, openat, renameat};
use rustix::io::Errno;
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::destinations::{HostSink, HostSinkWithStore};
use crate::drafts::Drafts;
use crate::engines::Load;
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};
use crate::failure;
use crate::state::{Media, State, get};

/// Bytes on their way out.
#[derive(Clone)]
pub enum Sink {
    /// Into a container engine.
    Engine(Load),
    /// Into a file, or out of the process.
    File(Out),
}

/// Bytes on their way into a file, or out of the process.
#[derive(Clone)]
pub struct Out(Arc<Open>);

struct Open {
    /// As the user wrote it: for errors.
    dest: PathBuf,
    /// None for what is written to directly.
    draft: Option<Draft>,
    /// None when it is finished.
    file: Mutex<Option<fs::File>>,
}

/// A file beside its place.
struct Draft {
    all: Arc<Drafts>,
    folder: Arc<OwnedFd>,
    temporary: OsString,
    name: OsString,
}

/// Writes a small file at once and whole: readers find the old content or the new.
///
/// # Errors
/// What the operating system refused; then the old content is still there.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), failure::Error> {
    let sink = Out::open(path, Arc::default())?;
    sink.write(bytes)?;
    Ok(sink.finish()?)
}

impl Out {
    /// Opens a file or device. Waits for the other end of a pipe.
    pub fn open(dest: &Path, drafts: Arc<Drafts>) -> Result<Self, Error> {
        let why = |why: &io::Error| refused(Fault::Request, "write", dest, why);
        match fs::metadata(dest) {
            Ok(there) if there.is_dir() => return Err(folder(dest)),
            // What stands there is where this process's own files are.
            Ok(there) if !there.is_file() || dest.starts_with("/dev") || dest.starts_with("/proc") => {
                let file = fs::OpenOptions::new().write(true).open(dest).map_err(|error| why(&error))?;
                return Self::direct(dest, file);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(why(&error)),
            _ => {}
        }
        // A link is the user's own: the file that it leads to is replaced.
        let place = fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
        let name = place.file_name().filter(|_| !dest.as_os_str().as_bytes().ends_with(b"/"));
        let name = name.ok_or_else(|| folder(dest))?.to_owned();
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = Arc::new(beneath::root(parent).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(dest, parent),
            _ => why(&error),
        })?);
        // Longer names may be too long with what is added.
        let short = name.as_bytes().get(..NAME).unwrap_or(name.as_bytes());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let number = format!(".ocix-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let temporary = OsStr::from_bytes(&[b".", short, number.as_bytes()].concat()).to_owned();
            let file = match openat(&folder, &temporary, flags, Mode::from_raw_mode(0o666)) {
                Err(Errno::EXIST) => continue,
                other => other.map_err(|errno| why(&errno.into()))?,
            };
            drafts.remember(&temporary, folder.clone());
            let draft = Some(Draft { all: drafts, folder, temporary, name });
            return Ok(Self(Arc::new(Open { dest: dest.to_owned(), draft, file: Mutex::new(Some(file.into())) })));
        }
    }

    /// Standard output, unless somebody reads it with their own eyes.
    pub fn standard_output() -> Result<Self, Error> {
        let dest = Path::new("standard output");
        let file = io::stdout().as_fd().try_clone_to_owned();
        Self::direct(dest, file.map_err(|why| refused(Fault::Request, "write", dest, &why))?.into())
    }

    fn direct(dest: &Path, file: fs::File) -> Result<Self, Error> {
        if file.is_terminal() {
            let message = "an archive is not written to a terminal: redirect it, or give dest=FILE";
            return Err(error(Fault::Request, ErrorCode::InvalidOption("dest".into()), message));
        }
        Ok(Self(Arc::new(Open { dest: dest.to_owned(), draft: None, file: Mutex::new(Some(file)) })))
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.file().as_mut().ok_or_else(finished)?.write_all(bytes).map_err(|why| self.refused(&why))
    }

    fn finish(&self) -> Result<(), Error> {
        let mut slot = self.file();
        let file = slot.as_ref().ok_or_else(finished)?;
        match (file.sync_all(), &self.0.draft) {
            (Err(why), Some(_)) => return Err(self.refused(&why)),
            // Pipes and many devices have nothing to make durable.
            (Err(why), None) if why.kind() != io::ErrorKind::InvalidInput => return Err(self.refused(&why)),
            _ => {}
        }
        *slot = None;
        let Some(Draft { all, folder, temporary, name }) = &self.0.draft else { return Ok(()) };
        renameat(folder, temporary, folder, name).map_err(|why| self.refused(&why.into()))?;
        all.keep(temporary);
        fsync(folder).map_err(|why| self.refused(&why.into()))
    }

    /// A file that is not finished goes, whatever a write that still waits for the disk is doing.
    fn abandon(&self) {
        if let Some(draft) = &self.0.draft {
            draft.all.forget(&draft.temporary);
        }
    }

    fn file(&self) -> MutexGuard<'_, Option<fs::File>> {
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, why: &io::Error) -> Error {
        refused(Fault::Request, "write", &self.0.dest, why)
    }
}

fn folder(dest: &Path) -> Error {
    let message = format!("`{}` is a directory: dest is to be a file", shown(&dest.to_string_lossy()));
    error(Fault::Request, ErrorCode::InvalidOption("dest".into()), message)
}

fn missing(dest: &Path, parent: &Path) -> Error {
    let [dest, parent] = [dest, parent].map(|path| shown(&path.to_string_lossy()));
    let message = format!("cannot write `{dest}`: the directory `{parent}` does not exist; make it first");
    error(Fault::Request, ErrorCode::NotFound, message)
}

fn finished() -> Error {
    error(Fault::Component, ErrorCode::Other("finished".into()), "what was finished is not written to any more")
}

impl HostSink for State {
    fn drop(&mut self, sink: Resource<Sink>) -> wasmtime::Result<()> {
        if let Sink::File(out) = self.table.delete(sink)? {
            out.abandon();
        }
        Ok(())
    }
}

impl<T: Send + 'static> HostSinkWithStore<T> for Media {
    async fn write(
        accessor: &Accessor<T, Self>,
        sink: Resource<Sink>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let out = match get(accessor, &sink)? {
            Sink::Engine(load) => return Ok(load.write(bytes).await),
            Sink::File(out) => out,
        };
        // The other end of a pipe may take its time.
        if out.0.draft.is_some() && bytes.len() <= INLINE {
            return Ok(out.write(&bytes));
        }
        Ok(tokio::task::spawn_blocking(move || out.write(&bytes)).await?)
    }

    async fn finish(accessor: &Accessor<T, Self>, sink: Resource<Sink>) -> wasmtime::Result<Result<(), Error>> {
        match get(accessor, &sink)? {
            Sink::Engine(load) => Ok(load.finish().await),
            Sink::File(out) => Ok(tokio::task::spawn_blocking(move || out.finish()).await?),
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Bytes of a name that its temporary name keeps.
const NAME: usize = 200;
/// Up to here bytes are written to a file at once.
const INLINE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ocix-sinks-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn open(dest: &Path) -> Result<Out, String> {
        Out::open(dest, Arc::default()).map_err(|error| error.message)
    }

    #[test]
    fn a_file_is_there_when_it_is_finished() {
        let root = scratch("finish");
        let dest = root.join("out.tar");
        fs::write(&dest, "old").unwrap();
        let sink = open(&dest).unwrap();
        sink.write(b"new, ").unwrap();
        sink.write(b"whole").unwrap();
        assert_eq!(fs::read(&dest).unwrap(), b"old");
        sink.finish().unwrap();
        assert_eq!(fs::read(&dest).unwrap(), b"new, whole");
        assert!(sink.finish().is_err() && sink.write(b"more").is_err());
        sink.abandon();
        assert_eq!(names(&root), ["out.tar"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn nothing_is_left_of_what_was_not_finished() {
        let root = scratch("drop");
        let drafts = Arc::new(Drafts::default());
        let sinks = ["a", "b", &"c".repeat(255)].map(|name| Out::open(&root.join(name), drafts.clone()).unwrap());
        sinks[0].write(b"bytes").unwrap();
        assert_eq!(names(&root).len(), 3);
        sinks[0].abandon();
        assert_eq!(names(&root).len(), 2);
        // A write that waits for the disk holds the file; it goes nevertheless.
        let held = sinks[1].file();
        drafts.forget_all();
        assert!(names(&root).is_empty());
        drop(held);
        assert!(sinks[1].finish().is_err());
        assert!(names(&root).is_empty());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn links_lead_to_what_is_replaced() {
        let root = scratch("links");
        fs::create_dir(root.join("there")).unwrap();
        fs::write(root.join("there/file"), "old").unwrap();
        std::os::unix::fs::symlink("there/file", root.join("link")).unwrap();
        save(&root.join("link"), b"new").unwrap();
        assert_eq!(fs::read(root.join("there/file")).unwrap(), b"new");
        assert_eq!(names(&root), ["link", "there"]);
        assert_eq!(names(&root.join("there")), ["file"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn devices_and_pipes_are_written_to() {
        let sink = open(Path::new("/dev/null")).unwrap();
        sink.write(b"bytes").unwrap();
        sink.finish().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let dest = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
        let sink = open(Path::new(&dest)).unwrap();
        drop(writer);
        sink.write(b"bytes").unwrap();
        let mut bytes = [0; 5];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"bytes");
        drop(reader);
        assert!(sink.write(b"more").unwrap_err().message.contains("its reader has gone"));
        assert!(sink.finish().is_ok());
    }

    #[test]
    fn a_wrong_place_is_said() {
        let root = scratch("wrong");
        let table = [("", "is a directory"), ("new/", "is a directory"), ("not/there.tar", "does not exist; make it")];
        for (dest, said) in table {
            let message = open(&root.join(dest)).err().unwrap();
            assert!(message.contains(said), "{message}");
        }
        assert!(names(&root).is_empty());
        fs::remove_dir_all(root).unwrap();
    }
}
