//! The resource `workers.hasher`: running hashes, computed by the host or, where that is not wanted, by workers.

use std::sync::{Arc, Weak};

use ring::digest;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wasmtime::component::{Accessor, Resource, ResourceAny};

use crate::bindings::images::ocix::image::types::HashAlgorithm;
use crate::bindings::images::ocix::image::workers::{HostHasher, HostHasherWithStore};
use crate::state::{Media, State, get};
use crate::workers::{Worker, Workers};

/// A running hash. The host hashes few bytes at once; more, and all of the sandbox, a thread does, and updates only queue.
#[derive(Clone)]
pub struct Hasher(Arc<tokio::sync::Mutex<Running>>);

enum Running {
    Here {
        state: Box<digest::Context>,
        fed: usize,
    },
    There {
        queue: mpsc::Sender<Ask>,
        end: JoinHandle<wasmtime::Result<()>>,
        /// Held as long as somebody may ask.
        _asking: Arc<()>,
    },
    /// It has failed.
    Ended,
}

/// What a thread that hashes is asked for.
enum Ask {
    Update(Vec<u8>),
    Sum(oneshot::Sender<Vec<u8>>),
}

/// What computes a hash.
trait Sum {
    fn update(&mut self, bytes: &[u8]) -> wasmtime::Result<()>;

    /// Of everything so far.
    fn sum(&mut self) -> wasmtime::Result<Vec<u8>>;
}

/// A worker, for as long as somebody holds what `wanted` points to.
struct Sandbox {
    worker: Worker,
    hasher: ResourceAny,
    wanted: Weak<()>,
}

/// By the host itself: in assembler, also where the processor has no instructions for it.
fn native(algorithm: HashAlgorithm) -> digest::Context {
    digest::Context::new(match algorithm {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha512 => &digest::SHA512,
    })
}

impl Sum for digest::Context {
    fn update(&mut self, bytes: &[u8]) -> wasmtime::Result<()> {
        Self::update(self, bytes);
        Ok(())
    }

    fn sum(&mut self) -> wasmtime::Result<Vec<u8>> {
        Ok(self.clone().finish().as_ref().to_vec())
    }
}

impl Sandbox {
    fn new(workers: &Workers, algorithm: HashAlgorithm, wanted: Weak<()>) -> wasmtime::Result<Self> {
        let mut worker = workers.take()?;
        let (toolkit, store) = worker.parts(Some(wanted.clone()));
        let hasher = toolkit.ocix_image_codec().hasher().call_constructor(store, algorithm)?;
        Ok(Self { worker, hasher, wanted })
    }

    /// The instance goes back to where it came from.
    fn end(mut self, workers: &Workers) -> wasmtime::Result<()> {
        self.hasher.resource_drop(self.worker.parts(Some(self.wanted)).1)?;
        workers.give(self.worker);
        Ok(())
    }
}

impl Sum for Sandbox {
    fn update(&mut self, bytes: &[u8]) -> wasmtime::Result<()> {
        let (toolkit, store) = self.worker.parts(Some(self.wanted.clone()));
        toolkit.ocix_image_codec().hasher().call_update(store, self.hasher, bytes)
    }

    fn sum(&mut self) -> wasmtime::Result<Vec<u8>> {
        let (toolkit, store) = self.worker.parts(Some(self.wanted.clone()));
        toolkit.ocix_image_codec().hasher().call_sum(store, self.hasher)
    }
}

impl Running {
    fn new(workers: &Arc<Workers>, algorithm: HashAlgorithm) -> Self {
        if workers.hash_natively() {
            return Self::Here { state: Box::new(native(algorithm)), fed: 0 };
        }
        let workers = workers.clone();
        Self::there(move |asked, wanted| {
            let mut state = Sandbox::new(&workers, algorithm, wanted)?;
            serve(&mut state, asked)?;
            state.end(&workers)
        })
    }

    /// On a thread.
    fn there(run: impl FnOnce(mpsc::Receiver<Ask>, Weak<()>) -> wasmtime::Result<()> + Send + 'static) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE);
        let asking = Arc::new(());
        let wanted = Arc::downgrade(&asking);
        Self::There { queue, end: tokio::task::spawn_blocking(move || run(asked, wanted)), _asking: asking }
    }
}

impl Hasher {
    async fn update(&self, bytes: Vec<u8>) -> wasmtime::Result<()> {
        let mut running = self.0.lock().await;
        if let Running::Here { state, fed } = &mut *running {
            *fed = fed.saturating_add(bytes.len());
            if *fed <= INLINE {
                return Sum::update(&mut **state, &bytes);
            }
            if let Running::Here { mut state, .. } = std::mem::replace(&mut *running, Running::Ended) {
                *running = Running::there(move |asked, _| serve(&mut *state, asked));
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

impl HostHasher for State {
    fn new(&mut self, algorithm: HashAlgorithm) -> wasmtime::Result<Resource<Hasher>> {
        let running = Running::new(&self.ambient.workers, algorithm);
        Ok(self.table.push(Hasher(Arc::new(tokio::sync::Mutex::new(running))))?)
    }

    fn drop(&mut self, hasher: Resource<Hasher>) -> wasmtime::Result<()> {
        // A thread ends by itself, when nobody can ask it any more.
        self.table.delete(hasher)?;
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

/// Hashes what is asked for, until nobody asks any more.
fn serve(state: &mut impl Sum, mut asked: mpsc::Receiver<Ask>) -> wasmtime::Result<()> {
    while let Some(ask) = asked.blocking_recv() {
        match ask {
            Ask::Update(piece) => state.update(&piece)?,
            // Whoever has asked may have gone.
            Ask::Sum(told) => drop(told.send(state.sum()?)),
        }
    }
    Ok(())
}

/// FIPS 180-4: whether the host's own hashes are right, on this processor. Where not, the sandbox's are used.
pub fn known_answers() -> bool {
    let hash = |algorithm| hex(digest::digest(algorithm, b"abc").as_ref());
    hash(&digest::SHA256) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        && hash(&digest::SHA512).starts_with("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a")
}

/// SHA-256 of what is small, in hex.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(digest::digest(&digest::SHA256, bytes.as_ref()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Up to here bytes are hashed at once.
const INLINE: usize = 256 << 10;

/// Pieces that wait for a hash.
const QUEUE: usize = 3;
