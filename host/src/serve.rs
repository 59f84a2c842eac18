//! `ocix serve`: the page, and what a page cannot have by itself, for browsers on this machine.
//!
//! Everything is beneath a token that nobody can guess: the page, the embedded store for reading (`stored`), and a proxy to the registries
//! that the user named (`proxy`). Who may ask is decided in `guard`, where the proxy goes in `reach`. What a request or a blob says is
//! nobody's business here.

mod answer;
mod guard;
mod page;
mod proxy;
mod reach;
mod stored;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clients::Clients;
use crate::credentials::endpoint;
use crate::error::{ErrorCode, Fault, error};
use crate::failure;
use crate::transport::Transport;
use answer::Body;
use guard::Guard;
use page::Page;
use proxy::Proxy;
use reach::Reach;

/// What is served.
#[derive(Clone, Debug)]
pub struct Site {
    /// The embedded store, for reading; none when it is nobody's business.
    pub store: Option<PathBuf>,
    /// Registries that may be talked to through the proxy, each `HOST[:PORT]` or `docker.io`.
    pub registries: Vec<String>,
    /// How connections to them are made.
    pub transport: Transport,
    /// Talk to them although nobody vouches for them: any certificate, or no TLS at all.
    pub insecure: bool,
}

/// A site at its address, where nobody is answered yet.
pub struct Listening {
    listener: TcpListener,
    url: String,
    parts: Arc<Parts>,
}

/// What answers requests.
struct Parts {
    guard: Guard,
    page: Page,
    store: Option<PathBuf>,
    proxy: Proxy,
    /// As they are told to the page.
    registries: Vec<String>,
}

impl Site {
    /// Listens at an address of this machine, with a new token; port 0 is a free one. Must be called within a tokio runtime with I/O and
    /// time enabled.
    ///
    /// # Errors
    /// When the address is not a loopback one or is taken, or a registry's name is none.
    pub async fn listen(self, address: SocketAddr) -> Result<Listening, failure::Error> {
        let Self { store, registries, transport, insecure } = self;
        if !address.ip().is_loopback() {
            let message = format!(
                "{address} is not listened at: who reaches it from elsewhere would have your store and your registries; \
                 write a loopback address such as 127.0.0.1:0, and come from elsewhere through ssh -L"
            );
            return Err(error(Fault::Request, ErrorCode::InvalidOption("listen".into()), message).into());
        }
        let endpoints = registries.iter().map(|name| endpoint(name)).collect::<Result<Vec<_>, _>>()?;
        let refused = |why| {
            let message = format!("{address} cannot be listened at: {why}; another port may be free, 0 finds one");
            error(Fault::Host, ErrorCode::Other("listen".into()), message)
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let port = listener.local_addr().map_err(refused)?.port();
        let guard = Guard::new(port)?;
        let url = format!("http://{}/{}/", SocketAddr::new(address.ip(), port), guard.token());
        let clients = Clients::new(transport, endpoints.iter().cloned(), insecure);
        let registries = endpoints.iter().map(|name| told(name)).collect();
        let proxy = Proxy::new(clients, Reach::new(endpoints), insecure);
        let parts = Parts { guard, page: Page::new(), store, proxy, registries };
        Ok(Listening { listener, url, parts: Arc::new(parts) })
    }
}

impl Listening {
    /// Where the page is, with the token: whoever has it has all that is served.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the page is there; a program that was built without it serves the rest.
    pub fn has_page(&self) -> bool {
        self.parts.page.is_built()
    }

    /// Answers until that is to stop. What is under way then ends where it is.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                stopped = stop.wait_for(|stop| *stop) => {
                    match stopped {
                        Ok(_) => return,
                        Err(_) => std::future::pending().await,
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((connection, _)) => {
                        connections.spawn(converse(connection, self.parts.clone()));
                    }
                    // Too many files are open, or a connection has gone again: later there are fewer.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// One connection to its end; how it ends is the browser's business.
async fn converse(connection: TcpStream, parts: Arc<Parts>) {
    let service = service_fn(move |request| {
        let parts = parts.clone();
        async move { Ok::<_, Infallible>(parts.answer(request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let _ = server.serve_connection(TokioIo::new(connection), service).await;
}

impl Parts {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        guard::hardened(match self.guard.admit(&request) {
            Ok("proxy") => self.proxy.answer(request).await,
            Ok(path) if [Method::GET, Method::HEAD].contains(request.method()) => {
                self.show(path, request.headers()).await
            }
            Ok(_) => answer::not_allowed("GET and HEAD"),
            Err((status, why)) => answer::text(status, why),
        })
    }

    async fn show(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        match (path, path.strip_prefix("store/"), &self.store) {
            ("serve.json", ..) => answer::json(StatusCode::OK, &self.told()),
            (_, Some(path), Some(store)) => stored::answer(store, path, headers).await,
            (_, Some(_), None) => answer::text(StatusCode::NOT_FOUND, "the store is not served"),
            (path, None, _) => self.page.answer(path, headers),
        }
    }

    /// `serve.json`: what there is beside the page.
    fn told(&self) -> serde_json::Value {
        json!({ "version": env!("CARGO_PKG_VERSION"), "store": self.store.is_some(), "registries": self.registries })
    }
}

/// A registry as its images' names begin.
fn told(endpoint: &str) -> String {
    if endpoint == "registry-1.docker.io" { "docker.io".to_owned() } else { endpoint.to_owned() }
}

/// How long the head of a request may take, and the next one on a connection.
const PATIENCE: Duration = Duration::from_secs(120);
