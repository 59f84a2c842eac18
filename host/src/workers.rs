//! The import `workers`: chunks are compressed by a pool of `toolkit` instances, hashes run on threads of their own.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use sha2::{Digest, Sha256, Sha512};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use wasmtime::component::{Accessor, Resource, ResourceAny};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder};

use crate::bindings::images::ocix::image::types::{Chunk, HashAlgorithm, Packed};
use crate::bindings::images::ocix::image::workers::{Host, HostHasher, HostHasherWithStore, HostWithStore};
use crate::bindings::toolkit::{Toolkit, ToolkitPre};
use crate::error::{Error, ErrorCode, Fault, error};
use crate::state::{Media, State, ambient, get};

/// The pool. Instances are made when they are needed, and used again.
pub struct Workers {
    pre: ToolkitPre<StoreLimits>,
    idle: Mutex<Vec<Worker>>,
    room: Arc<Semaphore>,
    parallelism: u32,
    /// Whether hashes are computed by the host, with the processor's own instructions, rather than in the sandbox.
    native_hashing: bool,
}

/// One instance of the world `toolkit`.
pub struct Worker {
    store: Store<StoreLimits>,
    toolkit: Toolkit,
}

impl Workers {
    /// Of so many instances at most.
    pub fn new(
        pre: ToolkitPre<StoreLimits>,
        parallelism: NonZeroUsize,
        native_hashing: bool,
    ) -> wasmtime::Result<Self> {
        let native_hashing = native_hashing && known_answers();
        let parallelism = parallelism.get().min(256);
        let room = Arc::new(Semaphore::new(parallelism));
        Ok(Self { pre, idle: Mutex::default(), room, parallelism: parallelism as u32, native_hashing })
    }

    /// An idle instance, or a new one.
    fn take(&self) -> wasmtime::Result<Worker> {
        match self.idle().pop() {
            Some(worker) => Ok(worker),
            None => Worker::new(&self.pre),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// An instance that trapped is not used again.
    fn compress(&self, chunk: &Chunk) -> wasmtime::Result<Result<Packed, Error>> {
        let mut worker = self.take()?;
        let packed = worker.toolkit.ocix_image_codec().call_compress(&mut worker.store, chunk)?;
        self.idle().push(worker);
        Ok(packed)
    }
}

impl Worker {
    /// A new instance, in a store of its own.
    pub fn new(pre: &ToolkitPre<StoreLimits>) -> wasmtime::Result<Self> {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY).build();
        let mut store = Store::new(pre.engine(), limits);
        store.limiter(|limits| limits);
        let toolkit = pre.instantiate(&mut store)?;
        Ok(Self { store, toolkit })
    }

    /// The instance and its store.
    pub fn parts(&mut self) -> (&Toolkit, &mut Store<StoreLimits>) {
        (&self.toolkit, &mut self.store)
    }
}

/// A running hash. Few bytes are hashed at once; from then on a thread does it, and updates only queue.
#[derive(Clone)]
pub struct Hasher(Arc<tokio::sync::Mutex<Running>>);

enum Running {
    Here {
        state: Box<Sum>,
        fed: usize,
    },
    There {
        queue: mpsc::Sender<Ask>,
        end: JoinHandle<wasmtime::Result<()>>,
    },
    /// It has failed.
    Ended,
}

/// What a thread that hashes is asked for.
enum Ask {
    Update(Vec<u8>),
    Sum(oneshot::Sender<Vec<u8>>),
}

/// Where a hash is computed.
enum Sum {
    Sha256(Sha256),
    Sha512(Sha512),
    Sandbox(Box<Worker>, ResourceAny, Arc<Workers>),
}

impl Sum {
    fn new(workers: &Arc<Workers>, algorithm: HashAlgorithm) -> wasmtime::Result<Self> {
        Ok(match (workers.native_hashing, algorithm) {
            (true, HashAlgorithm::Sha256) => Self::Sha256(Sha256::new()),
            (true, HashAlgorithm::Sha512) => Self::Sha512(Sha512::new()),
            (false, algorithm) => {
                let mut worker = Box::new(workers.take()?);
                let (toolkit, store) = worker.parts();
                let hasher = toolkit.ocix_image_codec().hasher().call_constructor(store, algorithm)?;
                Self::Sandbox(worker, hasher, workers.clone())
            }
        })
    }

    fn update(&mut self, bytes: &[u8]) -> wasmtime::Result<()> {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Sandbox(worker, hasher, _) => {
                let (toolkit, store) = worker.parts();
                toolkit.ocix_image_codec().hasher().call_update(store, *hasher, bytes)?;
            }
        }
        Ok(())
    }

    /// Of everything so far.
    fn sum(&mut self) -> wasmtime::Result<Vec<u8>> {
        match self {
            Self::Sha256(state) => Ok(state.clone().finalize().to_vec()),
            Self::Sha512(state) => Ok(state.clone().finalize().to_vec()),
            Self::Sandbox(worker, hasher, _) => {
                let (toolkit, store) = worker.parts();
                toolkit.ocix_image_codec().hasher().call_sum(store, *hasher)
            }
        }
    }

    /// An instance goes back to where it came from.
    fn end(self) -> wasmtime::Result<()> {
        if let Self::Sandbox(mut worker, hasher, workers) = self {
            hasher.resource_drop(worker.parts().1)?;
            workers.idle().push(*worker);
        }
        Ok(())
    }
}

impl Hasher {
    async fn update(&self, bytes: Vec<u8>) -> wasmtime::Result<()> {
        let mut running = self.0.lock().await;
        if let Running::Here { state, fed } = &mut *running {
            *fed = fed.saturating_add(bytes.len());
            if *fed <= INLINE {
                return state.update(&bytes);
            }
            if let Running::Here { state, .. } = std::mem::replace(&mut *running, Running::Ended) {
                let (queue, asked) = mpsc::channel(QUEUE);
                let end = tokio::task::spawn_blocking(move || serve(*state, asked));
                *running = Running::There { queue, end };
            }
        }
        // When the thread has gone, asking for the sum tells why.
        if let Running::There { queue, .. } = &*running {
            let _ = queue.send(Ask::Update(bytes)).await;
        }
        Ok(())
    }

    async fn sum(&self) -> wasmtime::Result<Vec<u8>> {
        let mut running = self.0.lock().await;
        match &mut *running {
            Running::Here { state, .. } => return state.sum(),
            Running::There { queue, .. } => {
                let (told, sum) = oneshot::channel();
                if queue.send(Ask::Sum(told)).await.is_ok()
                    && let Ok(sum) = sum.await
                {
                    return Ok(sum);
                }
            }
            Running::Ended => {}
        }
        let failed = || wasmtime::Error::msg("a hash has failed");
        match std::mem::replace(&mut *running, Running::Ended) {
            Running::There { end, .. } => Err(end.await?.err().unwrap_or_else(failed)),
            Running::Here { .. } | Running::Ended => Err(failed()),
        }
    }
}

/// Hashes what is asked for, until nobody asks any more.
fn serve(mut state: Sum, mut asked: mpsc::Receiver<Ask>) -> wasmtime::Result<()> {
    while let Some(ask) = asked.blocking_recv() {
        match ask {
            Ask::Update(piece) => state.update(&piece)?,
            // Whoever has asked may have gone.
            Ask::Sum(told) => drop(told.send(state.sum()?)),
        }
    }
    state.end()
}

/// FIPS 180-4: whether the host's own hashes are right, on this processor. Where not, the sandbox's are used.
fn known_answers() -> bool {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    hex(&Sha256::digest(b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        && hex(&Sha512::digest(b"abc")).starts_with("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a")
}

impl Host for State {
    fn parallelism(&mut self) -> wasmtime::Result<u32> {
        Ok(self.ambient.workers.parallelism)
    }
}

impl<T: Send + 'static> HostWithStore<T> for Media {
    async fn compress(accessor: &Accessor<T, Self>, chunk: Chunk) -> wasmtime::Result<Result<Packed, Error>> {
        let workers = ambient(accessor).workers.clone();
        let _room = workers.room.clone().acquire_owned().await?;
        let done = tokio::task::spawn_blocking(move || workers.compress(&chunk)).await?;
        Ok(done.unwrap_or_else(|trap| {
            let mut error = error(
                Fault::Component,
                ErrorCode::Other("trap".into()),
                "a worker stopped unexpectedly: this is a bug in ocix",
            );
            error.causes.push(crate::error::shown(&trap.root_cause().to_string()));
            Err(error)
        }))
    }
}

impl HostHasher for State {
    fn new(&mut self, algorithm: HashAlgorithm) -> wasmtime::Result<Resource<Hasher>> {
        let state = Box::new(Sum::new(&self.ambient.workers, algorithm)?);
        Ok(self.table.push(Hasher(Arc::new(tokio::sync::Mutex::new(Running::Here { state, fed: 0 }))))?)
    }

    fn drop(&mut self, hasher: Resource<Hasher>) -> wasmtime::Result<()> {
        let Hasher(running) = self.table.delete(hasher)?;
        // A thread ends by itself, when nobody can ask it any more.
        if let Ok(mut running) = running.try_lock()
            && let Running::Here { state, .. } = std::mem::replace(&mut *running, Running::Ended)
        {
            state.end()?;
        }
        Ok(())
    }
}

impl<T: Send + 'static> HostHasherWithStore<T> for Media {
    async fn update(accessor: &Accessor<T, Self>, hasher: Resource<Hasher>, bytes: Vec<u8>) -> wasmtime::Result<()> {
        get(accessor, &hasher)?.update(bytes).await
    }

    async fn sum(accessor: &Accessor<T, Self>, hasher: Resource<Hasher>) -> wasmtime::Result<Vec<u8>> {
        get(accessor, &hasher)?.sum().await
    }
}

/// What a worker may have, in bytes.
const MEMORY: usize = 256 << 20;

/// Up to here bytes are hashed at once.
const INLINE: usize = 256 << 10;

/// Pieces that wait for a hash.
const QUEUE: usize = 3;
