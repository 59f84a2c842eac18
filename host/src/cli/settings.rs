//! How an export, or other work, runs on this machine: its store, clock, progress, threads and signals.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use ocix::{Components, Context, Error, ErrorCode, Fault, Job, Results, Target};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::keeping::{self, Kind};
use super::progress::{Progress, Style};
use super::registries::Registries;

/// The flags of an export.
#[derive(Args)]
#[command(next_help_heading = "How it runs")]
pub struct Settings {
    /// No time in a document is later than this, in seconds since 1970.
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH", allow_hyphen_values = true)]
    source_date_epoch: Option<String>,
    /// How many chunks are compressed at once [default: as many as there are processors]. The bytes do not depend on it.
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    #[command(flatten)]
    common: Common,
}

/// The flags of everything.
#[derive(Args)]
#[command(next_help_heading = "How it runs")]
pub struct Common {
    /// Where images are kept: the folder of an embedded store [default: $OCIX_STORE, then $XDG_DATA_HOME/ocix/store]; or what only an export
    /// takes, containerd[:SOCKET][?namespace=NAME&snapshotter=NAME], docker[:HOST], podman[:SOCKET]. A folder of such a name is ./docker.
    #[arg(long, value_name = "PATH|containerd|docker|podman")]
    store: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, default_value_t = Style::Auto)]
    progress: Style,
    /// Compute digests inside of the sandbox too, which is slower.
    #[arg(long)]
    hash_in_sandbox: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Settings {
    /// No time in a document is later, in seconds since 1970.
    ///
    /// # Errors
    /// When it is no number.
    pub fn epoch(&self) -> Result<Option<i64>, Error> {
        let given = self.source_date_epoch.as_deref().filter(|text| !text.is_empty());
        let number = |text: &str| {
            text.parse().map_err(|_| {
                request(
                    "source-date-epoch",
                    format!("`{}` is not a SOURCE_DATE_EPOCH: write whole seconds since 1970", ocix::shown(text)),
                )
            })
        };
        given.map(number).transpose()
    }

    /// Exports, and shows how it goes unless that is to be quiet.
    ///
    /// # Errors
    /// Those of the export; or when there is no place for the store.
    pub fn export(self, job: Job, quiet: bool) -> Result<Results, Error> {
        // The key is only there for those who mean it; which registries it is about, the component decides.
        let insecure = job.outputs.iter().any(|output| output.contains("registry.insecure"));
        let workers = self.workers;
        let export = async |components: Components, mut context: Context| {
            context.parallelism = workers.unwrap_or(context.parallelism);
            components.export(job, context).await
        };
        let targets = |results: &Results| results.reports.iter().flat_map(|report| report.targets.clone()).collect();
        self.common.run(quiet, insecure, export, targets)
    }
}

impl Common {
    /// Whether nothing is said of how progress is shown.
    pub fn is_unsaid(&self) -> bool {
        self.progress == Style::Auto
    }

    /// Runs this, and shows how it goes unless that is to be quiet, and in the end what became of the targets. `insecure`: registries that
    /// nobody vouches for are talked to where the work says so.
    ///
    /// # Errors
    /// Those of the work; or when there is no place for the store.
    pub fn run<T>(
        self,
        quiet: bool,
        insecure: bool,
        work: impl AsyncFnOnce(Components, Context) -> Result<T, Error>,
        targets: impl Fn(&T) -> Vec<Target>,
    ) -> Result<T, Error> {
        let (store, engine, containerd) = match self.store.filter(|text| !text.is_empty()) {
            Some(text) => match keeping::parse(&text)? {
                Kind::Embedded(path) => (Some(path), None, None),
                Kind::Engine(engine) => (default_store(), Some(engine), None),
                Kind::Containerd(containerd) => (default_store(), None, Some(containerd)),
            },
            None => (default_store(), None, None),
        };
        let store = store.ok_or_else(|| {
            request("store", "there is no home to keep the store in: name a place with --store".into())
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|why| host(format!("no threads can be started: {why}")))?;
        let progress = Progress::new(if quiet { Style::None } else { self.progress });
        let (stopper, stop) = watch::channel(false);
        let context = Context {
            stop,
            engine,
            runtime: containerd,
            progress: progress.sink(),
            native_hashing: !self.hash_in_sandbox,
            allow_insecure: insecure,
            transport: self.registries.transport(),
            ..Context::new(store)
        };
        let done = runtime.block_on(async {
            listen(stopper)?;
            work(Components::embedded()?, context).await
        });
        progress.end(&done.as_ref().map(targets).unwrap_or_default());
        // Threads that wait for standard input are not waited for.
        runtime.shutdown_background();
        done
    }
}

/// The first signal asks for a stop; the second ends the process.
pub fn listen(stopper: watch::Sender<bool>) -> Result<(), Error> {
    let listened = |kind| signal(kind).map_err(|why| host(format!("signals cannot be listened to: {why}")));
    let (mut interrupt, mut terminate) = (listened(SignalKind::interrupt())?, listened(SignalKind::terminate())?);
    tokio::spawn(async move {
        for count in 1_u8.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if count > 1 {
                std::process::exit(130);
            }
            let _ = stopper.send(true);
        }
    });
    Ok(())
}

/// `$OCIX_STORE`, else `$XDG_DATA_HOME/ocix/store`, else beneath `~/.local/share`.
pub fn default_store() -> Option<PathBuf> {
    if let Some(store) = std::env::var_os("OCIX_STORE").filter(|store| !store.is_empty()) {
        return Some(store.into());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".local/share"))
    };
    data.or_else(home).map(|data| data.join("ocix/store"))
}

/// What was asked for cannot be.
pub fn request(key: &str, message: String) -> Error {
    Error { code: ErrorCode::InvalidOption(key.into()), fault: Fault::Request, message, causes: Vec::new() }
}

/// What this machine does not give.
pub fn host(message: String) -> Error {
    Error { code: ErrorCode::Other("host".into()), fault: Fault::Host, message, causes: Vec::new() }
}
