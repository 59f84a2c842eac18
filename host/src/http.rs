//! The import `http`: one exchange at a time over reqwest, without redirects, credentials, cookies and decoding of its own. One in which
//! nothing happens for a time is given up.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Body, Method, Url};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use wasmtime::component::{Accessor, Resource};

use crate::addresses::Forbidden;
use crate::bindings::images::ocix::image::http::{Host, HostExchange, HostExchangeWithStore, Request, Response};
use crate::clients::{Clients, PRIVATE, place, told};
use crate::error::{Error, ErrorCode, Fault, error, shown};
use crate::files::Input;
use crate::state::{Media, State, ambient, get, put};

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
    pulse: Pulse,
}

/// When something last happened on a connection, and how long nothing may.
#[derive(Clone)]
struct Pulse {
    last: Arc<std::sync::Mutex<Instant>>,
    limit: Duration,
}

impl Pulse {
    fn new(limit: Duration) -> Self {
        Self { last: Arc::new(std::sync::Mutex::new(Instant::now())), limit }
    }

    fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns when nothing has happened for too long.
    async fn stopped(&self) {
        loop {
            let due = *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.limit;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(response) = &self.response {
            response.abort();
        }
    }
}

impl Exchange {
    /// Starts it. What the host's policy forbids, and a malformed request, are errors.
    pub fn open(clients: &Clients, request: Request) -> Result<Self, Error> {
        let wrong = |what: &str| {
            error(Fault::Component, ErrorCode::Denied, format!("the component made a request with a wrong {what}"))
        };
        let url: Url = request.url.parse().map_err(|_| wrong("URL"))?;
        if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("URL"));
        }
        let place = place(&url);
        let client = clients.to(&url, request.insecure)?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("header"))?;
            if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
                return Err(wrong("header"));
            }
            headers.append(name, HeaderValue::from_bytes(&value).map_err(|_| wrong("header"))?);
        }
        let mut builder = client.request(method, url).headers(headers);
        let pulse = Pulse::new(clients.idle_timeout());
        let mut body = None;
        if request.content_length > 0 {
            let (sender, receiver) = mpsc::channel::<Vec<u8>>(2);
            // Small ones: that the next one is wanted is all that is seen of a connection's progress.
            let next = async |(mut receiver, mut rest, pulse): (mpsc::Receiver<Vec<u8>>, Bytes, Pulse)| {
                pulse.beat();
                while rest.is_empty() {
                    rest = receiver.recv().await?.into();
                    pulse.beat();
                }
                let piece = rest.split_to(rest.len().min(PIECE));
                Some((piece, (receiver, rest, pulse)))
            };
            let pieces = stream::unfold((receiver, Bytes::new(), pulse.clone()), next);
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
            pulse,
        }))))
    }

    /// The next bytes of the body. Fails when the peer has gone or has already answered.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let mut sending = self.0.lock().await;
        let sending = &mut *sending;
        sending.owed = sending.owed.checked_sub(bytes.len() as u64).ok_or_else(|| {
            error(Fault::Component, ErrorCode::Other("body".into()), "the component sent more bytes than it had said")
        })?;
        // The wait for the component is over; that for the connection begins.
        sending.pulse.beat();
        let sent = match (&sending.body, &mut sending.response) {
            // An answer before the body's end means that nobody reads the rest.
            (Some(body), Some(response)) => tokio::select! {
                biased;
                answer = &mut *response => {
                    sending.answered = Some(answer);
                    sending.response = None;
                    false
                }
                sent = body.send(bytes) => sent.is_ok(),
                () = sending.pulse.stopped() => return Err(sending.give_up()),
            },
            _ => bytes.is_empty(),
        };
        if sending.owed == 0 && sent {
            sending.body = None;
        }
        if sent { Ok(()) } else { Err(gone(&sending.place)) }
    }

    /// Waits for the answer: status, headers and body.
    pub async fn finish(&self) -> Result<(u16, Vec<(String, Vec<u8>)>, Input), Error> {
        let mut sending = self.0.lock().await;
        let place = sending.place.clone();
        // A body that breaks off breaks the connection off: one that was answered early is held until its answer is read.
        let body = sending.body.take().filter(|_| sending.answered.is_some());
        let answered = match (sending.answered.take(), sending.response.take()) {
            (Some(answered), _) => answered,
            (None, Some(mut response)) => {
                sending.pulse.beat();
                tokio::select! {
                    answered = &mut response => answered,
                    () = sending.pulse.stopped() => {
                        sending.response = Some(response);
                        return Err(sending.give_up());
                    }
                }
            }
            (None, None) => return Err(gone(&place)),
        };
        let response = answered.map_err(|_| gone(&place))?.map_err(|why| failed(&place, &why))?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let status = response.status().as_u16();
        let limit = sending.pulse.limit;
        let from = Box::pin(response.bytes_stream());
        let pieces = stream::unfold(Some((from, body, place)), move |from| async move {
            let (mut from, body, place) = from?;
            match timeout(limit, from.next()).await {
                Err(_) => Some((Err(stuck(&place, limit)), None)),
                Ok(None) => None,
                Ok(Some(Ok(piece))) => Some((Ok(Vec::from(piece)), Some((from, body, place)))),
                Ok(Some(Err(why))) => Some((Err(failed(&place, &why)), None)),
            }
        });
        Ok((status, headers, Input::new(pieces)))
    }
}

impl Sending {
    /// The connection is not used again.
    fn give_up(&mut self) -> Error {
        if let Some(response) = self.response.take() {
            response.abort();
        }
        self.body = None;
        stuck(&self.place, self.pulse.limit)
    }
}

fn stuck(place: &str, limit: Duration) -> Error {
    let message = format!("{place} took and sent nothing for {} seconds: push again", limit.as_secs_f32());
    error(Fault::Registry, ErrorCode::Other("connection".into()), message)
}

fn gone(place: &str) -> Error {
    error(
        Fault::Registry,
        ErrorCode::Other("connection".into()),
        format!("the connection to {place} was closed: push again"),
    )
}

fn failed(place: &str, why: &reqwest::Error) -> Error {
    if let Some(forbidden) = causes(why).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        let message = format!("{place} is not reached: {forbidden}; {PRIVATE}");
        return error(Fault::Registry, ErrorCode::Denied, message);
    }
    let causes = told(why);
    let what = if why.is_timeout() {
        "did not answer in time: check the network, or push again later"
    } else if causes.contains("refused") {
        "cannot be connected to: is the registry running there?"
    } else if causes.contains("dns") || causes.contains("lookup") {
        "cannot be found: check the registry's name, and the network"
    } else if ["CertificateRequired", "BadCertificate"].iter().any(|alert| causes.contains(alert)) {
        "wants to see a certificate of yours: say --registry-cert and --registry-key, or keep them in certs.d"
    } else if causes.contains("certificate") {
        "has a certificate that is not trusted: name its authority with --registry-ca, or say registry.insecure=true"
    } else if why.is_connect() {
        "cannot be reached: check the registry's name, and the network"
    } else {
        "broke off: push again"
    };
    let mut error = error(Fault::Registry, ErrorCode::Other("connection".into()), format!("{place} {what}"));
    error.causes.push(shown(&causes));
    error
}

fn causes<'a>(why: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(why), |cause| cause.source())
}

/// Of a body, in bytes: at a thousand of them a second a connection is slow, not stuck.
const PIECE: usize = 16 << 10;

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
        match Exchange::open(&ambient(accessor).clients, request) {
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

#[cfg(test)]
mod tests;
