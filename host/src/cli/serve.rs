//! `ocix serve`: the page in a browser of this machine.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ocix::{Error, Listening, Site, shown};
use tokio::sync::watch;

use super::failed;
use super::registries::Registries;
use super::settings::{default_store, host, listen, request};

/// The command.
#[derive(Args)]
pub struct Serve {
    /// Where to listen: an address of this machine that nobody else reaches, and a port; port 0 is a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// A registry, as HOST[:PORT], that the page may talk to through this program, because it lets no page read it; repeatable.
    #[arg(long = "registry", value_name = "REGISTRY")]
    names: Vec<String>,
    /// The embedded store, which the page may read [default: $OCIX_STORE, then $XDG_DATA_HOME/ocix/store].
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// Keep the store from the page.
    #[arg(long, conflicts_with = "store")]
    no_store: bool,
    /// Open the page in a browser.
    #[arg(long)]
    open: bool,
    /// Talk to the registries that are named although nobody vouches for them: certificates are not verified, and plain HTTP is allowed.
    #[arg(long, help_heading = "Registries")]
    insecure: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Serve {
    /// Serves until it is interrupted.
    pub fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|why| host(format!("no threads can be started: {why}")));
        let served = runtime.and_then(|runtime| {
            let served = runtime.block_on(self.serve());
            runtime.shutdown_background();
            served
        });
        match served {
            Ok(()) => ExitCode::from(130),
            Err(error) => failed(&error),
        }
    }

    async fn serve(self) -> Result<(), Error> {
        let Self { listen: at, names, store, no_store, open, insecure, registries } = self;
        let store =
            if no_store { None } else { store.filter(|path| !path.as_os_str().is_empty()).or_else(default_store) };
        let (stopper, stop) = watch::channel(false);
        listen(stopper)?;
        let site = Site { store, registries: names, transport: registries.transport(), insecure };
        let listening = site.listen(address(&at)?).await?;
        if !listening.has_page() {
            eprintln!(
                "ocix: warning: this ocix was built without the page: run `cargo xtask web`, then `cargo xtask build`"
            );
        }
        // A reader that has gone does not want to know.
        let _ = writeln!(std::io::stdout(), "{}", listening.url());
        let _link = if open { Some(open_page(&listening)?) } else { None };
        listening.run(stop).await;
        Ok(())
    }
}

/// `ADDRESS:PORT`, where the address may be `localhost`.
fn address(text: &str) -> Result<SocketAddr, Error> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| {
        request("listen", format!("`{}` is no address to listen at: write for example 127.0.0.1:8080", shown(text)))
    })
}

/// Opens a file that leads to the page and that only this user can read: the arguments of a browser are for everybody to see. It is gone
/// with what is given back.
fn open_page(listening: &Listening) -> Result<tempfile::NamedTempFile, Error> {
    let failed =
        |why: std::io::Error| host(format!("no browser can be opened: {why}; open the address that was printed"));
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let mut link = tempfile::Builder::new().prefix("ocix-").suffix(".html").tempfile_in(folder).map_err(failed)?;
    let url = listening.url();
    let written =
        write!(link, "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={url}\"><title>ocix</title>");
    written.and_then(|()| link.flush()).map_err(failed)?;
    open::that_detached(link.path()).map_err(failed)?;
    Ok(link)
}
