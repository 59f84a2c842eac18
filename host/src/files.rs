//! The import `files`: bytes at rest, and bytes that come once.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use rustix::buffer::spare_capacity;
use rustix::fs::fstat;
use rustix::io::{Errno, pread};
use tokio::sync::{Mutex, mpsc};
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::files::{Host, HostFile, HostFileWithStore, HostInput, HostInputWithStore};
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::state::{Media, State, get};

/// A regular file that is open for reading.
#[derive(Clone)]
pub struct File(Arc<Open>);

struct Open {
    file: fs::File,
    size: u64,
    /// It had no name any more when it was opened.
    gone: bool,
    path: PathBuf,
    fault: Fault,
}

/// Bytes that come once.
#[derive(Clone)]
pub struct Input(Arc<Mutex<Source>>);

/// What an input still has: pieces to come, and the rest of the last one.
struct Source {
    pieces: Pin<Box<dyn Stream<Item = Result<Vec<u8>, Error>> + Send>>,
    rest: Vec<u8>,
}

impl File {
    /// An open file; `path` is for errors.
    pub fn new(file: fs::File, path: &Path, fault: Fault) -> io::Result<Self> {
        let stat = fstat(&file)?;
        let (size, gone) = (beneath::regular(&stat)?, stat.st_nlink == 0);
        Ok(Self(Arc::new(Open { file, size, gone, path: path.to_owned(), fault })))
    }

    /// Whether it had been removed when it was opened.
    pub fn is_gone(&self) -> bool {
        self.0.gone
    }

    fn read(&self, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let Open { file, size, path, fault, .. } = &*self.0;
        read(file, offset, max.min(MOST) as usize, *size).map_err(|why| refused(*fault, "read", path, &why))
    }
}

impl Input {
    /// From pieces.
    pub fn new(pieces: impl Stream<Item = Result<Vec<u8>, Error>> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Source { pieces: Box::pin(pieces), rest: Vec::new() })))
    }

    /// From a reader that may block, on a thread of its own.
    pub fn blocking(mut reader: impl io::Read + Send + 'static, name: &'static str) -> Self {
        let (sender, mut receiver) = mpsc::channel(2);
        std::thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let piece = match reader.read(&mut piece) {
                    Ok(0) => return,
                    Ok(count) => {
                        piece.truncate(count);
                        Ok(piece)
                    }
                    Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                    Err(why) => Err(error(
                        Fault::Source,
                        ErrorCode::Other(why.to_string()),
                        format!("cannot read {name}: {why}"),
                    )),
                };
                let failed = piece.is_err();
                if sender.blocking_send(piece).is_err() || failed {
                    return;
                }
            }
        });
        Self::new(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
    }

    /// Between 1 and `max` bytes; empty at the end.
    pub async fn read(&self, max: u32) -> Result<Vec<u8>, Error> {
        let mut source = self.0.lock().await;
        while source.rest.is_empty() {
            match source.pieces.next().await {
                Some(piece) => source.rest = piece?,
                None => return Ok(Vec::new()),
            }
        }
        let most = (max as usize).min(source.rest.len());
        let later = source.rest.split_off(most);
        Ok(std::mem::replace(&mut source.rest, later))
    }
}

/// Up to `max` bytes from `offset`, fewer only at the end. `size` is the file's when it was opened: behind it nothing is asked for twice.
pub fn read(file: impl AsFd, offset: u64, max: usize, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(max);
    while bytes.len() < max {
        let at = offset.saturating_add(bytes.len() as u64);
        match pread(&file, spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) if offset.saturating_add(bytes.len() as u64) >= size => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(bytes)
}

impl Host for State {}

impl HostFile for State {
    fn size(&mut self, file: Resource<File>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&file)?.0.size)
    }

    fn drop(&mut self, file: Resource<File>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostFileWithStore<T> for Media {
    async fn read_at(
        accessor: &Accessor<T, Self>,
        file: Resource<File>,
        offset: u64,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let file = get(accessor, &file)?;
        // What is small is in memory more often than not, and handing it to another thread costs more than reading it.
        let rest = file.0.size.saturating_sub(offset).min(u64::from(max));
        if rest <= INLINE {
            return Ok(file.read(offset, u32::try_from(rest.saturating_add(1)).unwrap_or(max).min(max)));
        }
        Ok(tokio::task::spawn_blocking(move || file.read(offset, max)).await?)
    }
}

impl HostInput for State {
    fn drop(&mut self, input: Resource<Input>) -> wasmtime::Result<()> {
        self.table.delete(input)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostInputWithStore<T> for Media {
    async fn read(
        accessor: &Accessor<T, Self>,
        input: Resource<Input>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        Ok(get(accessor, &input)?.read(max).await)
    }
}

/// What one read answers at most, in bytes.
const MOST: u32 = 4 << 20;
/// Up to here a read is done at once.
const INLINE: u64 = 128 << 10;
/// What is read of a pipe at once.
const PIECE: usize = 256 << 10;
