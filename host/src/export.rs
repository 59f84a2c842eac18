//! One export: the job is handed to a component of the world `images`, and stopped when that is asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasmtime::Store;

use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::clients::Clients;
use crate::components::Components;
use crate::credentials::{Credentials, Lookups};
use crate::destinations::Destinations;
use crate::directories::Directory;
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
    /// Talk to registries that nobody vouches for, where an output says `registry.insecure`: any certificate, or no TLS at all.
    pub allow_insecure: bool,
    /// Who is told what is going on. Called often, from one thread at a time.
    pub progress: Arc<dyn Fn(Event) + Send + Sync>,
    /// Becomes true when the export is to stop.
    pub stop: watch::Receiver<bool>,
}

impl Context {
    /// With a store, as many workers as processors, the user's own credentials, only registries that are vouched for, and nobody to tell.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        let (_, stop) = watch::channel(false);
        Self {
            store: store.into(),
            parallelism: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            native_hashing: true,
            limits: Limits::default(),
            credentials: Credentials::of_user(),
            transport: Transport::of_user(),
            allow_insecure: false,
            progress: Arc::new(|_| {}),
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
        let mut stop = context.stop.clone();
        let asked = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PATIENCE).await;
        };
        job.apart(&context.store)?;
        let directory = Directory::store(&context.store);
        let destinations = Arc::new(Destinations::default());
        let _ending = (directory.abandoned(), destinations.closing());
        let source = job.only_source();
        let done = tokio::select! {
            done = self.run(job, context, directory, destinations.clone()) => done,
            () = asked => Err(error(Fault::Request, ErrorCode::Cancelled, "stopped; nothing was changed")),
        };
        match (done, source) {
            (Ok(results), _) => Ok(Results::new(results, destinations.took_standard_output())),
            (Err(error), Some(source)) => Err(source.named(error).into()),
            (Err(error), None) => Err(error.into()),
        }
    }

    async fn run(
        &self,
        job: Job,
        context: Context,
        directory: Directory,
        destinations: Arc<Destinations>,
    ) -> Result<seam::Results, Error> {
        let ticking = self.ticker.start(self.images.engine());
        let limits = context.limits;
        let workers = Workers::new(self.toolkit.clone(), context.parallelism, limits, context.native_hashing, ticking);
        let ambient = Ambient {
            workers: Arc::new(workers),
            destinations,
            clients: Clients::new(context.transport, named::hosts(&job), context.allow_insecure),
            credentials: Lookups::new(context.credentials),
            progress: context.progress,
            stop: context.stop,
        };
        let mut store = Store::new(self.images.engine(), State::new(Arc::new(ambient), &limits));
        store.limiter(|state| &mut state.room);
        // Whatever the component does, others get their turn, and one of them may be the end of this job.
        store.epoch_deadline_async_yield_and_update(1);
        store.set_epoch_deadline(1);
        let job = job.open(&mut store.data_mut().table)?;
        let directory = store.data_mut().table.push(directory).map_err(|trap| stopped(Who::Job, &trap.into()))?;
        let ran = async {
            let images = self.images.instantiate_async(&mut store).await?;
            store
                .run_concurrent(async |accessor| images.ocix_image_exporter().call_run(accessor, job, directory).await)
                .await?
        };
        ran.await.unwrap_or_else(|trap: wasmtime::Error| Err(stopped(Who::Job, &trap)))
    }
}

/// How long a component may take to stop by itself.
const PATIENCE: Duration = Duration::from_millis(1500);
