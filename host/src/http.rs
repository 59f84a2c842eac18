//! The import `http`: one exchange at a time over reqwest, without redirects, credentials, cookies and decoding of its own.
//!
//! Plain HTTP goes to loopback addresses only, by name as well as where the connection really goes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Body, Client, Method, Url};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::http::{Host, HostExchange, HostExchangeWithStore, Request, Response};
use crate::error::{Error, ErrorCode, Fault, error, shown};
use crate::files::Input;
use crate::state::{Media, State, ambient, get, put};

/// How registries are reached; made when the first request is.
#[derive(Default)]
pub struct Clients {
    loopback: OnceLock<Result<Client, String>>,
    world: OnceLock<Result<Client, String>>,
}

/// A request that is on its way.
#[derive(Clone)]
pub struct Exchange(Arc<Mutex<Sending>>);

struct Sending {
    /// To the request's body; none when it has been told to end.
    body: Option<mpsc::Sender<Vec<u8>>>,
    response: Option<JoinHandle<reqwest::Result<reqwest::Response>>>,
    /// What the task ended with, when that was seen while the body was written.
    answered: Option<Result<reqwest::Result<reqwest::Response>, tokio::task::JoinError>>,
    /// Bytes of the body that are still owed.
    owed: u64,
    /// Scheme, host and port, for errors: never the rest of the URL, which may hold a secret.
    place: String,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(response) = &self.response {
            response.abort();
        }
    }
}

impl Clients {
    fn get(&self, secure: bool) -> Result<Client, Error> {
        let slot = if secure { &self.world } else { &self.loopback };
        let client = slot.get_or_init(|| client(secure).map_err(|why| told(&why)));
        client
            .clone()
            .map_err(|why| error(Fault::Host, ErrorCode::Other(why.clone()), format!("HTTP is not available: {why}")))
    }

    fn open(&self, request: Request) -> Result<Exchange, Error> {
        let wrong = |what: &str| {
            error(Fault::Component, ErrorCode::Denied, format!("the component made a request with a wrong {what}"))
        };
        let url: Url = request.url.parse().map_err(|_| wrong("URL"))?;
        let host = url.host_str().ok_or_else(|| wrong("URL"))?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("URL"));
        }
        let place = match url.port_or_known_default() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        let secure = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            _ => {
                let message = format!(
                    "{place} is not reached: without TLS only this machine is, as localhost or a loopback address"
                );
                return Err(error(Fault::Registry, ErrorCode::Denied, message));
            }
        };
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("header"))?;
            if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
                return Err(wrong("header"));
            }
            headers.append(name, HeaderValue::from_bytes(&value).map_err(|_| wrong("header"))?);
        }
        let mut builder = self.get(secure)?.request(method, url).headers(headers);
        let mut body = None;
        if request.content_length > 0 {
            let (sender, receiver) = mpsc::channel::<Vec<u8>>(2);
            let pieces =
                stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)));
            let length = HeaderValue::from(request.content_length);
            builder =
                builder.header(CONTENT_LENGTH, length).body(Body::wrap_stream(pieces.map(Ok::<_, std::io::Error>)));
            body = Some(sender);
        } else if request.method != "GET" && request.method != "HEAD" {
            builder = builder.header(CONTENT_LENGTH, 0);
        }
        let response = Some(tokio::spawn(builder.send()));
        Ok(Exchange(Arc::new(Mutex::new(Sending {
            body,
            response,
            answered: None,
            owed: request.content_length,
            place,
        }))))
    }
}

impl Exchange {
    async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let mut sending = self.0.lock().await;
        let sending = &mut *sending;
        sending.owed = sending.owed.checked_sub(bytes.len() as u64).ok_or_else(|| {
            error(Fault::Component, ErrorCode::Other("body".into()), "the component sent more bytes than it had said")
        })?;
        let sent = match (&sending.body, &mut sending.response) {
            // An answer before the body's end means that nobody reads the rest.
            (Some(body), Some(response)) => tokio::select! {
                biased;
                sent = body.send(bytes) => sent.is_ok(),
                answer = &mut *response => {
                    sending.answered = Some(answer);
                    sending.response = None;
                    false
                }
            },
            _ => bytes.is_empty(),
        };
        if sending.owed == 0 {
            sending.body = None;
        }
        if sent { Ok(()) } else { Err(gone(&sending.place)) }
    }

    async fn finish(&self) -> Result<(u16, Vec<(String, Vec<u8>)>, Input), Error> {
        let mut sending = self.0.lock().await;
        sending.body = None;
        let place = sending.place.clone();
        let answered = match (sending.answered.take(), sending.response.take()) {
            (Some(answered), _) => answered,
            (None, Some(response)) => response.await,
            (None, None) => return Err(gone(&place)),
        };
        let response = answered.map_err(|_| gone(&place))?.map_err(|why| failed(&place, &why))?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let status = response.status().as_u16();
        let pieces = response.bytes_stream().map(move |piece| piece.map(Vec::from).map_err(|why| failed(&place, &why)));
        Ok((status, headers, Input::new(pieces)))
    }
}

fn client(secure: bool) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(30))
        .user_agent(concat!("ocix/", env!("CARGO_PKG_VERSION")));
    // Another part of the program may have chosen a provider: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if secure {
        return builder.https_only(true).build();
    }
    let own =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|address| SocketAddr::new(address, 0));
    // No TLS, so that no certificates of this machine are read, nor missed.
    builder.no_proxy().tls_certs_only([]).resolve_to_addrs("localhost", &own).build()
}

/// `localhost`, or an address of this machine written out.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn gone(place: &str) -> Error {
    error(
        Fault::Registry,
        ErrorCode::Other("connection".into()),
        format!("the connection to {place} was closed: push again"),
    )
}

fn failed(place: &str, why: &reqwest::Error) -> Error {
    let causes = told(why);
    let what = if why.is_timeout() {
        "did not answer in time: check the network, or push again later"
    } else if causes.contains("refused") {
        "cannot be connected to: is the registry running there?"
    } else if causes.contains("dns") || causes.contains("lookup") {
        "cannot be found: check the registry's name, and the network"
    } else if causes.contains("certificate") {
        "has a certificate that is not trusted"
    } else if why.is_connect() {
        "cannot be reached: check the registry's name, and the network"
    } else {
        "broke off: push again"
    };
    let mut error = error(Fault::Registry, ErrorCode::Other("connection".into()), format!("{place} {what}"));
    error.causes.push(shown(&causes));
    error
}

/// The innermost cause, without the URL.
fn told(why: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, why) { "the request could not be made".into() } else { cause.to_string() }
}

impl Host for State {}

impl HostExchange for State {
    fn drop(&mut self, exchange: Resource<Exchange>) -> wasmtime::Result<()> {
        self.table.delete(exchange)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostExchangeWithStore<T> for Media {
    async fn open(
        accessor: &Accessor<T, Self>,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<Exchange>, Error>> {
        match ambient(accessor).clients.open(request) {
            Ok(exchange) => Ok(Ok(put(accessor, exchange)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        exchange: Resource<Exchange>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(get(accessor, &exchange)?.write(bytes).await)
    }

    async fn finish(
        accessor: &Accessor<T, Self>,
        exchange: Resource<Exchange>,
    ) -> wasmtime::Result<Result<Response, Error>> {
        match get(accessor, &exchange)?.finish().await {
            Ok((status, headers, body)) => Ok(Ok(Response { status, headers, body: put(accessor, body)? })),
            Err(error) => Ok(Err(error)),
        }
    }
}
