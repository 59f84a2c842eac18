//! The import `workers`: chunks are compressed by a pool of `toolkit` instances.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use tokio::sync::Semaphore;
use wasmtime::Store;
use wasmtime::component::Accessor;

use crate::bindings::images::ocix::image::types::{Chunk, Packed};
use crate::bindings::images::ocix::image::workers::{Host, HostWithStore};
use crate::bindings::toolkit::{Toolkit, ToolkitPre};
use crate::components;
use crate::error::Error;
use crate::hashers::known_answers;
use crate::limits::{Bounds, Limits, Ticking, Who, stopped};
use crate::state::{Media, State, ambient};

/// The pool. Instances are made when they are needed, and used again.
pub struct Workers {
    component: components::Toolkit,
    limits: Limits,
    idle: Mutex<Vec<Worker>>,
    room: Arc<Semaphore>,
    parallelism: u32,
    /// Whether hashes are computed by the host, with the processor's own instructions, rather than in the sandbox.
    native_hashing: bool,
    /// Time passes as long as a worker may run, even one whose job is gone.
    _ticking: Arc<Ticking>,
}

/// One instance of the world `toolkit`.
pub struct Worker {
    store: Store<Bounds>,
    toolkit: Toolkit,
}

impl Workers {
    /// Of so many instances at most, each within its limits.
    pub fn new(
        component: components::Toolkit,
        parallelism: NonZeroUsize,
        limits: Limits,
        native_hashing: bool,
        ticking: Arc<Ticking>,
    ) -> Self {
        let native_hashing = native_hashing && known_answers();
        let parallelism = parallelism.get().min(256);
        let (idle, room) = (Mutex::default(), Arc::new(Semaphore::new(parallelism)));
        Self { component, limits, idle, room, parallelism: parallelism as u32, native_hashing, _ticking: ticking }
    }

    /// Whether the host computes hashes itself.
    pub fn hash_natively(&self) -> bool {
        self.native_hashing
    }

    /// An idle instance, or a new one. One that trapped is dropped; any other should be given back.
    pub fn take(&self) -> wasmtime::Result<Worker> {
        match self.idle().pop() {
            Some(worker) => Ok(worker),
            None => Worker::new(&self.component.ready()?, &self.limits),
        }
    }

    /// An instance that can be used again. One that has grown large is not: its memory does not shrink, and what another level needs may
    /// not fit between what is left of the last one.
    pub fn give(&self, worker: Worker) {
        if worker.store.data().used() <= self.limits.worker_memory / 4 {
            self.idle().push(worker);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn compress(&self, chunk: &Chunk, wanted: Weak<()>) -> wasmtime::Result<Result<Packed, Error>> {
        let mut worker = self.take()?;
        let (toolkit, store) = worker.parts(Some(wanted));
        let packed = toolkit.ocix_image_codec().call_compress(store, chunk)?;
        self.give(worker);
        Ok(packed)
    }
}

impl Worker {
    /// A new instance, in a store of its own.
    pub fn new(pre: &ToolkitPre<Bounds>, limits: &Limits) -> wasmtime::Result<Self> {
        let mut store = Bounds::store(pre.engine(), limits);
        let toolkit = pre.instantiate(&mut store)?;
        Ok(Self { store, toolkit })
    }

    /// The instance and its store, for one call. It is stopped when nobody holds what `wanted` points to any more.
    pub fn parts(&mut self, wanted: Option<Weak<()>>) -> (&Toolkit, &mut Store<Bounds>) {
        Bounds::renew(&mut self.store, wanted);
        (&self.toolkit, &mut self.store)
    }
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
        let asking = Arc::new(());
        let wanted = Arc::downgrade(&asking);
        let done = tokio::task::spawn_blocking(move || workers.compress(&chunk, wanted)).await?;
        drop(asking);
        Ok(done.unwrap_or_else(|trap| Err(stopped(Who::Worker, &trap))))
    }
}
