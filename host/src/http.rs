//! The import `http`: one exchange at a time over reqwest, without redirects, credentials, cookies and decoding of its own.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Body, Method, Url};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::http::{Host, HostExchange, HostExchangeWithStore, Request, Response};
use crate::clients::{Clients, Way, told};
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
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(response) = &self.response {
            response.abort();
        }
    }
}

impl Exchange {
    fn open(clients: &Clients, request: Request) -> Result<Self, Error> {
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
        if request.insecure && !clients.allow_insecure() {
            let message = format!("{place} is not reached: that a registry is insecure was not allowed");
            return Err(error(Fault::Request, ErrorCode::Denied, message));
        }
        let way = Way::to(url.scheme(), &host, request.insecure).ok_or_else(|| {
            let message =
                format!("{place} is not reached: without TLS only this machine is, as localhost or a loopback address");
            error(Fault::Registry, ErrorCode::Denied, message)
        })?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("header"))?;
            if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
                return Err(wrong("header"));
            }
            headers.append(name, HeaderValue::from_bytes(&value).map_err(|_| wrong("header"))?);
        }
        let mut builder = clients.get(way)?.request(method, url).headers(headers);
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
                answer = &mut *response => {
                    sending.answered = Some(answer);
                    sending.response = None;
                    false
                }
                sent = body.send(bytes) => sent.is_ok(),
            },
            _ => bytes.is_empty(),
        };
        if sending.owed == 0 && sent {
            sending.body = None;
        }
        if sent { Ok(()) } else { Err(gone(&sending.place)) }
    }

    async fn finish(&self) -> Result<(u16, Vec<(String, Vec<u8>)>, Input), Error> {
        let mut sending = self.0.lock().await;
        let place = sending.place.clone();
        // A body that breaks off breaks the connection off: one that was answered early is held until its answer is read.
        let body = sending.body.take().filter(|_| sending.answered.is_some());
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
        let pieces = response.bytes_stream().map(move |piece| {
            let _body = &body;
            piece.map(Vec::from).map_err(|why| failed(&place, &why))
        });
        Ok((status, headers, Input::new(pieces)))
    }
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
        "has a certificate that is not trusted: if you know better, say registry.insecure=true"
    } else if why.is_connect() {
        "cannot be reached: check the registry's name, and the network"
    } else {
        "broke off: push again"
    };
    let mut error = error(Fault::Registry, ErrorCode::Other("connection".into()), format!("{place} {what}"));
    error.causes.push(shown(&causes));
    error
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
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn request(url: String, content_length: u64) -> Request {
        Request { method: "PUT".into(), url, headers: Vec::new(), content_length, insecure: false }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn what_is_not_the_components_is_refused() {
        let clients = Clients::default();
        for name in ["host", "Content-Length", "transfer-encoding", "no name"] {
            let headers = vec![(name.to_owned(), b"x".to_vec())];
            let refused = Exchange::open(&clients, Request { headers, ..request("http://localhost:1/".into(), 0) });
            assert!(matches!(refused, Err(error) if error.fault == Fault::Component), "{name}");
        }
        for url in ["http://192.0.2.1/", "http://localhost.example/", "ftp://localhost/", "http://2130706433.example/"]
        {
            let refused = Exchange::open(&clients, request(url.into(), 0));
            assert!(matches!(refused, Err(error) if matches!(error.code, ErrorCode::Denied)), "{url}");
        }
        assert!(Exchange::open(&clients, request("http://user@localhost/".into(), 0)).is_err());
        let insecure = |url: &str| Request { insecure: true, ..request(url.into(), 0) };
        let refused = Exchange::open(&clients, insecure("https://localhost:1/"));
        assert!(matches!(refused, Err(error) if error.message.contains("was not allowed")));
    }

    /// Nobody reads the body; the answer is there nevertheless, with its own body.
    #[test]
    fn an_early_answer_ends_the_body() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (done, waits) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut some = [0; 1024];
            assert!(connection.read(&mut some).unwrap() > 0);
            connection.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless").unwrap();
            let _ = waits.recv();
        });
        runtime().block_on(async {
            let exchange = Exchange::open(&Clients::default(), request(url, 1 << 30)).ok().unwrap();
            let mut written = 0;
            while exchange.write(vec![0; 1 << 20]).await.is_ok() {
                written += 1;
            }
            assert!(written < 1024);
            let (status, headers, body) = exchange.finish().await.map_err(|error| error.message).unwrap();
            assert_eq!(status, 413);
            assert!(headers.iter().any(|(name, value)| name == "content-length" && value == b"4"));
            assert_eq!(body.read(10).await.map_err(|error| error.message).unwrap(), b"less");
        });
        done.send(()).unwrap();
        server.join().unwrap();
    }

    #[test]
    fn too_few_bytes_are_no_request() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        runtime().block_on(async {
            let exchange = Exchange::open(&Clients::default(), request(url, 10)).ok().unwrap();
            exchange.write(vec![0; 9]).await.map_err(|error| error.message).unwrap();
            assert!(exchange.write(vec![0; 2]).await.is_err());
            assert!(exchange.finish().await.is_err());
        });
    }
}
