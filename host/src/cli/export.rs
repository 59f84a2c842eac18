//! `ocix export`: a source becomes an image, and goes where its outputs say.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ocix::{Components, Context, Error, ErrorCode, Fault, Job, Report};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::progress::{Progress, Style};
use super::{code, failed, source};

/// The command.
#[derive(Args)]
pub struct Export {
    /// A directory, a tar (plain, gzip, zstd), an OCI layout directory, or - for a tar on standard input; dir:, tar: and oci: say which.
    source: String,
    /// What to make and where it goes, for example type=image,name=site:latest; may be given several times.
    #[arg(short, long = "output", value_name = "SPEC", required = true)]
    outputs: Vec<String>,
    /// The embedded store [default: $OCIX_STORE, then $XDG_DATA_HOME/ocix/store].
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// No time in a document is later than this, in seconds since 1970.
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH", allow_hyphen_values = true)]
    source_date_epoch: Option<String>,
    /// What a directory or tar runs on, as OS/ARCH[/VARIANT]; of a layout, which image.
    #[arg(long, default_value_t = host_platform())]
    platform: String,
    /// Keep all extended attributes of a directory, not only security.capability.
    #[arg(long)]
    xattrs: bool,
    /// How progress is shown.
    #[arg(long, value_enum, default_value_t = Style::Auto)]
    progress: Style,
    /// How many chunks are compressed at once [default: as many as there are processors]. The bytes do not depend on it.
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Compute digests inside of the sandbox too, which is slower.
    #[arg(long)]
    hash_in_sandbox: bool,
}

impl Export {
    /// Exports, prints a line for each target, and gives the exit code.
    pub fn run(self) -> ExitCode {
        match self.exported() {
            Ok(reports) => told(&reports),
            Err(error) => failed(&error),
        }
    }

    fn exported(self) -> Result<Vec<Report>, Error> {
        let epoch = self.source_date_epoch.as_deref().filter(|text| !text.is_empty()).map(epoch).transpose()?;
        let store = self.store.filter(|path| !path.as_os_str().is_empty()).or_else(default_store).ok_or_else(|| {
            request("store", "there is no home to keep the store in: name a place with --store".into())
        })?;
        let source = source::parse(&self.source)?;
        let job = Job { source, platform: self.platform, outputs: self.outputs, epoch, xattrs: self.xattrs };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|why| host(format!("no threads can be started: {why}")))?;
        let progress = Progress::new(self.progress);
        let (stopper, stop) = watch::channel(false);
        let mut context =
            Context { stop, progress: progress.sink(), native_hashing: !self.hash_in_sandbox, ..Context::new(store) };
        if let Some(workers) = self.workers {
            context.parallelism = workers;
        }
        let done = runtime.block_on(async {
            listen(stopper)?;
            Components::embedded()?.export(job, context).await
        });
        progress.end();
        // Threads that wait for standard input are not waited for.
        runtime.shutdown_background();
        done
    }
}

/// The first signal asks for a stop; the second ends the process.
fn listen(stopper: watch::Sender<bool>) -> Result<(), Error> {
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

/// A line a target on standard output; what failed, on standard error.
fn told(reports: &[Report]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut worst = ExitCode::SUCCESS;
    for target in reports.iter().flat_map(|report| &report.targets) {
        match &target.outcome {
            Ok(digest) => {
                let line = if target.name.is_empty() { digest.clone() } else { format!("{}@{digest}", target.name) };
                // A reader that has gone does not want to know.
                let _ = writeln!(out, "{line}");
            }
            Err(error) => {
                failed(error);
                worst = code(error);
            }
        }
    }
    worst
}

fn epoch(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| {
        request(
            "source-date-epoch",
            format!("`{}` is not a SOURCE_DATE_EPOCH: write whole seconds since 1970", ocix::shown(text)),
        )
    })
}

/// `$OCIX_STORE`, else `$XDG_DATA_HOME/ocix/store`, else beneath `~/.local/share`.
fn default_store() -> Option<PathBuf> {
    if let Some(store) = std::env::var_os("OCIX_STORE").filter(|store| !store.is_empty()) {
        return Some(store.into());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".local/share"))
    };
    data.or_else(home).map(|data| data.join("ocix/store"))
}

/// Linux on this machine's architecture, in Go's words.
fn host_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("linux/{architecture}")
}

fn request(key: &str, message: String) -> Error {
    Error { code: ErrorCode::InvalidOption(key.into()), fault: Fault::Request, message, causes: Vec::new() }
}

fn host(message: String) -> Error {
    Error { code: ErrorCode::Other("host".into()), fault: Fault::Host, message, causes: Vec::new() }
}
