//! One export, or other work: it is handed to a component of the world `images`, and stopped when that is asked for.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasmtime::Store;
use wasmtime::component::{Accessor, Resource, ResourceTable};

use crate::bindings::images::Images;
use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::clients::Clients;
use crate::components::Components;
use crate::containerd::{Containerd, Session};
use crate::credentials::{Credentials, Lookups};
use crate::destinations::Destinations;
use crate::directories::Directory;
use crate::engines::{Engine, Engines};
use crate::error::{Error, ErrorCode, Fault, error};
use crate::failure::{self, Results};
use crate::job::Job;
use crate::limits::{Limits, Who, stopped};
use crate::named;
use crate::progress::Event;
use crate::state::{Ambient, State};
use crate::transport::Transport;
use crate::workers::Workers;

/// Where an export runs and what it may use.
#[derive(Clone)]
pub struct Context {
    /// The embedded store; made when something is stored.
    pub store: PathBuf,
    /// Keeps the images of an export in place of the embedded store, which then has only what is temporary. No other work knows it.
    pub runtime: Option<Containerd>,
    /// Chunks that are compressed at once. The bytes do not depend on it.
    pub parallelism: NonZeroUsize,
    /// Hash with the processor's own instructions, outside of the sandbox: known answers are checked first.
    pub native_hashing: bool,
    /// What the components may have.
    pub limits: Limits,
    /// What the user keeps for registries.
    pub credentials: Credentials,
    /// How connections to registries are made.
    pub transport: Transport,
    /// Talk to registries that nobody vouches for, where an output says `registry.insecure` or a delivery `insecure`: any certificate, or no TLS at all.
    pub allow_insecure: bool,
    /// Who is told what is going on. Called often, from one thread at a time.
    pub progress: Arc<dyn Fn(Event) + Send + Sync>,
    /// A container engine that keeps the images of an export in place of the embedded store, and takes what is to be loaded. No other work
    /// knows it.
    pub engine: Option<Engine>,
    /// Becomes true when the export is to stop.
    pub stop: watch::Receiver<bool>,
}

impl Context {
    /// With a store, as many workers as processors, the user's own credentials, only registries that are vouched for, and nobody to tell.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        let (_, stop) = watch::channel(false);
        Self {
            store: store.into(),
            runtime: None,
            parallelism: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            native_hashing: true,
            limits: Limits::default(),
            credentials: Credentials::of_user(),
            transport: Transport::of_user(),
            allow_insecure: false,
            progress: Arc::new(|_| {}),
            engine: None,
            stop,
        }
    }
}

impl Components {
    /// Exports. Must be called within a tokio runtime with time enabled.
    ///
    /// When `context.stop` becomes true, the component is asked to stop, and dropped when it has not done so in time. Either way nothing is left unpublished.
    ///
    /// # Errors
    /// What could not be read, written or understood; a target that failed is in its report instead.
    pub async fn export(&self, job: Job, context: Context) -> Result<Results, failure::Error> {
        job.apart(&context.store)?;
        let source = job.only_source();
        match (self.perform(job, context).await, source) {
            (Ok((results, standard_output)), _) => Ok(Results::new(results, standard_output)),
            (Err(error), Some(source)) => Err(source.named("export", error).into()),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Has a component do this, until that is to stop. Also says whether an archive went to standard output.
    pub(crate) async fn perform<W: Work>(&self, work: W, context: Context) -> Result<(W::Done, bool), Error> {
        let mut stop = context.stop.clone();
        let asked = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PATIENCE).await;
        };
        let runtime = match &context.runtime {
            Some(_) if !W::KEEPS => {
                return Err(error(Fault::Request, ErrorCode::Unsupported("store".into()), NOT_KEPT));
            }
            Some(containerd) => Some(Session::open(containerd).await?),
            None => None,
        };
        let directory = Directory::store(&context.store);
        let destinations = Arc::new(Destinations::default());
        let _ending = (directory.abandoned(), destinations.closing());
        let done = tokio::select! {
            done = self.run(work, context, directory, destinations.clone(), runtime.clone()) => done,
            () = asked => Err(error(Fault::Request, ErrorCode::Cancelled, "stopped; nothing was changed")),
        };
        if let Some(runtime) = runtime {
            runtime.end(done.is_err()).await;
        }
        Ok((done?, destinations.took_standard_output()))
    }

    async fn run<W: Work>(
        &self,
        work: W,
        context: Context,
        directory: Directory,
        destinations: Arc<Destinations>,
        runtime: Option<Session>,
    ) -> Result<W::Done, Error> {
        let engines = Engines::find(context.engine.as_ref(), W::KEEPS, work.loads()).await?;
        let ticking = self.ticker.start(self.images.engine());
        let limits = context.limits;
        let workers = Workers::new(self.toolkit.clone(), context.parallelism, limits, context.native_hashing, ticking);
        let ambient = Ambient {
            workers: Arc::new(workers),
            destinations,
            engines,
            runtime,
            clients: Clients::new(context.transport, work.hosts(), context.allow_insecure),
            credentials: Lookups::new(context.credentials),
            progress: context.progress,
            stop: context.stop,
        };
        let mut store = Store::new(self.images.engine(), State::new(Arc::new(ambient), &limits));
        store.limiter(|state| &mut state.room);
        // Whatever the component does, others get their turn, and one of them may be the end of this job.
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let opened = work.open(&mut store.data_mut().table)?;
        let directory = store.data_mut().table.push(directory).map_err(|trap| stopped(Who::Job, &trap.into()))?;
        let ran = async {
            let images = self.images.instantiate_async(&mut store).await?;
            store.run_concurrent(async |accessor| W::call(&images, accessor, opened, directory).await).await?
        };
        ran.await.unwrap_or_else(|trap: wasmtime::Error| Err(stopped(Who::Job, &trap)))
    }
}

/// Something that a component does as a whole, with its exports.
pub trait Work: Send {
    /// The seam's form of it, with everything opened.
    type Opened: Send;
    /// What comes of it.
    type Done: Send;
    /// Whether it can keep images in a runtime's store or an engine.
    const KEEPS: bool = false;

    /// Whether it loads an image into an engine.
    fn loads(&self) -> bool {
        false
    }

    /// The hosts that the user named in it.
    fn hosts(&self) -> BTreeSet<String>;

    /// Opens what it reads.
    ///
    /// # Errors
    /// What cannot be opened.
    fn open(self, table: &mut ResourceTable) -> Result<Self::Opened, Error>;

    /// Calls the exports.
    fn call(
        images: &Images,
        accessor: &Accessor<State>,
        opened: Self::Opened,
        store: Resource<Directory>,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Done, Error>>> + Send;
}

impl Work for Job {
    type Opened = seam::Job;
    type Done = seam::Results;
    const KEEPS: bool = true;

    fn loads(&self) -> bool {
        self.load
    }

    fn hosts(&self) -> BTreeSet<String> {
        named::hosts(self)
    }

    fn open(self, table: &mut ResourceTable) -> Result<seam::Job, Error> {
        Job::open(self, table)
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        mut job: seam::Job,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<seam::Results, Error>> {
        (job.load, job.engine, job.runtime) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let State { table, ambient, .. } = access.get();
            let Engines { loads, keeps } = ambient.engines.clone();
            let (loads, keeps) = (loads.map(|one| table.push(one)), keeps.map(|one| table.push(one)));
            let runtime = ambient.runtime.clone().map(|session| table.push(session));
            Ok((loads.transpose()?, keeps.transpose()?, runtime.transpose()?))
        })?;
        images.ocix_image_exporter().call_run(accessor, job, store).await
    }
}

/// How long a component may take to stop by itself.
const PATIENCE: Duration = Duration::from_millis(1500);
const NOT_KEPT: &str = "only an export keeps images in containerd: leave --store out, or name a folder";
