//! What WebAssembly may have, and what is said when it wants more.
//!
//! Memory is that of one store, everything in it together. Time is that of one call to a worker, in ticks of the engine's [`Ticker`]: a
//! process that does not run does not get older.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};

use crate::error::{Error, ErrorCode, Fault, error, shown};

/// What the components of a job may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the component that does the job, in bytes.
    pub job_memory: usize,
    /// Memory of each worker, in bytes. The embedded ones need 170 MiB for zstd at its highest levels.
    pub worker_memory: usize,
    /// How long a worker may take for one chunk, by the clock on the wall: other programs, and fewer processors than workers, count.
    pub chunk_time: Duration,
}

impl Default for Limits {
    /// 512 MiB, 256 MiB, five minutes: a hundred times what the slowest chunk takes on a machine of today.
    fn default() -> Self {
        Self { job_memory: 512 << 20, worker_memory: 256 << 20, chunk_time: Duration::from_secs(300) }
    }
}

/// The memory of one store.
pub struct Room {
    who: Who,
    most: usize,
    used: usize,
}

/// Who runs in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// An instance of the world `images`.
    Job,
    /// An instance of the world `toolkit`.
    Worker,
}

impl Room {
    /// Of so many bytes.
    pub fn new(who: Who, most: usize) -> Self {
        Self { who, most, used: 0 }
    }

    /// An instance that asks for too much is stopped at once: whatever it did next would only hide why.
    fn grow(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(bytes);
        if used > self.most {
            return Err(Breach::Memory(self.who, self.most).into());
        }
        self.used = used;
        Ok(true)
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current).saturating_mul(size_of::<usize>()))
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

/// What one worker has left.
pub struct Bounds {
    room: Room,
    time: Duration,
    ticks: u64,
    wanted: Option<Weak<()>>,
}

impl Bounds {
    /// A store for a worker.
    pub fn store(engine: &Engine, limits: &Limits) -> Store<Self> {
        let room = Room::new(Who::Worker, limits.worker_memory);
        let mut store = Store::new(engine, Self { room, time: limits.chunk_time, ticks: 0, wanted: None });
        store.limiter(|bounds| &mut bounds.room);
        store.epoch_deadline_callback(|mut store| store.data_mut().tick());
        Self::renew(&mut store, None);
        store
    }

    /// Bytes of memory that the store has.
    pub fn used(&self) -> usize {
        self.room.used
    }

    /// Before a call: its time begins. It is stopped when nobody holds what `wanted` points to any more.
    pub fn renew(store: &mut Store<Self>, wanted: Option<Weak<()>>) {
        store.set_epoch_deadline(1);
        let bounds = store.data_mut();
        // The first tick may come at once.
        bounds.ticks = (bounds.time.as_millis() / TICK.as_millis()) as u64 + 1;
        bounds.wanted = wanted;
    }

    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.strong_count() == 0) {
            return Err(Breach::Unwanted.into());
        }
        self.ticks = self.ticks.saturating_sub(1);
        if self.ticks == 0 {
            return Err(Breach::Time(self.time).into());
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

/// Moves an engine's epoch while anything runs. Its thread ends by itself when nothing does.
#[derive(Clone, Default)]
pub struct Ticker(Arc<Mutex<Weak<Ticking>>>);

/// While this is held, the epoch moves.
pub struct Ticking;

impl Ticker {
    /// Ticks `engine`, which must always be the same, until what is given back is dropped everywhere.
    pub fn start(&self, engine: &Engine) -> Arc<Ticking> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticking) = current.upgrade() {
            return ticking;
        }
        let ticking = Arc::new(Ticking);
        *current = Arc::downgrade(&ticking);
        let (ticks, engine) = (current.clone(), engine.weak());
        std::thread::spawn(move || {
            while ticks.strong_count() > 0 {
                std::thread::sleep(TICK);
                if let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                }
            }
        });
        ticking
    }
}

/// A limit that was run into.
#[derive(Debug)]
enum Breach {
    Memory(Who, usize),
    Time(Duration),
    Unwanted,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(who, bytes) => write!(f, "{who} ran out of its {} MiB of memory", bytes >> 20),
            Self::Time(time) => write!(f, "a worker took longer than {time:?} for a chunk"),
            Self::Unwanted => write!(f, "nobody waits for this worker any more"),
        }
    }
}

impl std::error::Error for Breach {}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "the component",
            Self::Worker => "a worker",
        })
    }
}

/// A trap: a component broke its own rules, or a limit.
pub fn stopped(who: Who, trap: &wasmtime::Error) -> Error {
    if let Some(breach) = trap.downcast_ref::<Breach>() {
        let (limit, todo) = match breach {
            Breach::Memory(Who::Job, _) => ("job memory", "this is a bug in ocix, or an image with far too many parts"),
            Breach::Memory(Who::Worker, _) => ("worker memory", "this is a bug in ocix"),
            Breach::Time(_) => ("chunk time", "use fewer workers or a lower compression-level"),
            Breach::Unwanted => ("wanted", "this is a bug in ocix"),
        };
        return error(Fault::Component, ErrorCode::LimitExceeded(limit.into()), format!("{breach}: {todo}"));
    }
    let message = format!("{who} stopped unexpectedly: this is a bug in ocix");
    let mut error = error(Fault::Component, ErrorCode::Other("trap".into()), message);
    error.causes.push(shown(&trap.root_cause().to_string()));
    error
}

/// How long a tick is: so long an endless loop keeps a thread to itself.
const TICK: Duration = Duration::from_millis(100);

/// Instances, tables and memories in one store, of each; ours have fewer than twenty.
const PARTS: usize = 64;
