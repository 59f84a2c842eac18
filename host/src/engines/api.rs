//! The API of container engines, as Docker has it and podman speaks it too: one request a connection, over a socket.

use std::io;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::place::{Engine, Place};
use crate::error::{Error, ErrorCode, Fault, error, shown};

/// Of a request.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An engine that has answered.
#[derive(Clone, Debug)]
pub struct Api {
    place: Place,
    /// As podman says that it is.
    is_podman: bool,
    /// The version that it speaks, as in `1.41`.
    version: String,
}

impl Api {
    /// The first place where one answers.
    pub async fn find(engine: &Engine) -> Result<Self, Error> {
        let mut tried = Vec::new();
        let mut denied = false;
        for place in engine.places()? {
            match Self::at(place.clone()).await {
                Ok(api) => return Ok(api),
                Err(why) => {
                    denied |= why.kind() == io::ErrorKind::PermissionDenied;
                    tried.push(format!("{place} ({})", shown(&told(&why))));
                }
            }
        }
        let whose = match engine {
            Engine::Docker(_) => "docker",
            Engine::Podman(_) => "podman",
            Engine::Any => "container engine",
        };
        let todo = match engine {
            _ if denied => "run as a user who may use it",
            Engine::Podman(_) => "start it with `podman system service`, or name its socket with --store podman:SOCKET",
            Engine::Docker(_) => "start it, or name its socket with --store docker:SOCKET",
            Engine::Any => "start one, or write `--output type=docker,dest=-` and pipe that into `docker load`",
        };
        let code = if denied { ErrorCode::Denied } else { ErrorCode::NotFound };
        let message = format!("no {whose} answers: {todo}; tried {}", tried.join(", "));
        Err(error(Fault::Store, code, message))
    }

    async fn at(place: Place) -> io::Result<Self> {
        let api = Self { place, is_podman: false, version: String::new() };
        let (is_podman, version) = api
            .exchange(Method::GET, "/_ping", None, async |answer: Response<Incoming>| {
                let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
                let sound = |version: &String| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let version = header("api-version").filter(sound).filter(|_| answer.status().is_success());
                Ok((header("libpod-api-version").is_some(), version))
            })
            .await?;
        let version = version.ok_or_else(|| io::Error::other("what answers there is no container engine"))?;
        Ok(Self { is_podman, version, ..api })
    }

    /// What it is called, and where it is.
    pub fn shown(&self) -> String {
        format!("{} at {}", if self.is_podman { "podman" } else { "docker" }, self.place)
    }

    /// Whether it is podman.
    pub fn is_podman(&self) -> bool {
        self.is_podman
    }

    /// A document; none where there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, Error> {
        let path = format!("/v{}{path}", self.version);
        let asked = self.exchange(Method::GET, &path, None, async |answer| {
            let status = answer.status();
            Ok((status, all(answer).await?))
        });
        let (status, bytes) = asked.await.map_err(|why| self.lost(&why))?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => match serde_json::from_slice(&bytes) {
                Ok(value) => Ok(Some(value)),
                Err(_) => {
                    Err(self
                        .failed(ErrorCode::Malformed("engine answer".into()), "answered with something else than JSON"))
                }
            },
            _ => Err(self.refused(status, &bytes)),
        }
    }

    /// Sends a body to a path; `read` has the answer, when it is a good one.
    pub async fn post<T>(
        &self,
        path: &str,
        body: Body,
        read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let path = format!("/v{}{path}", self.version);
        let sent = self.exchange(Method::POST, &path, Some(body), async |answer| match answer.status() {
            StatusCode::OK => Ok(read(answer).await),
            status => Ok(Err(self.refused(status, &all(answer).await?))),
        });
        sent.await.map_err(|why| self.lost(&why))?
    }

    /// What it said no with, in its own words.
    pub fn said(&self, words: &str) -> Error {
        let mut error = self.failed(ErrorCode::Other("engine".into()), "did not take the image");
        error.causes.push(shown(words.trim()));
        error
    }

    /// A connection that ended too early.
    pub fn lost(&self, why: &io::Error) -> Error {
        let mut error =
            self.failed(ErrorCode::Other("connection".into()), "went away before its answer was whole: see its log");
        error.causes.push(shown(&told(why)));
        error
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> Error {
        let fields: Value = serde_json::from_slice(bytes).unwrap_or_default();
        match fields.get("message").and_then(Value::as_str) {
            Some(message) => self.said(message),
            None => self.said(&format!("{status}")),
        }
    }

    fn failed(&self, code: ErrorCode, what: &str) -> Error {
        error(Fault::Store, code, format!("{} {what}", self.shown()))
    }

    async fn exchange<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
        read: impl AsyncFnOnce(Response<Incoming>) -> io::Result<T>,
    ) -> io::Result<T> {
        let has_body = body.is_some();
        let body = body.unwrap_or_else(|| Full::<Bytes>::default().map_err(|never| match never {}).boxed_unsync());
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(io::Error::other)?;
        // What every client of a socket says.
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        if has_body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        }
        match &self.place {
            Place::Socket(path) => converse(UnixStream::connect(path).await?, request, read).await,
            Place::Port(address) => converse(TcpStream::connect(address).await?, request, read).await,
        }
    }
}

/// One request and its answer. Dropped before the end, the connection is closed.
async fn converse<T>(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Body>,
    read: impl AsyncFnOnce(Response<Incoming>) -> io::Result<T>,
) -> io::Result<T> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connection)).await.map_err(io::Error::other)?;
    let exchange = async { read(sender.send_request(request).await.map_err(io::Error::other)?).await };
    let driving = async {
        // What ends it, the exchange hears of.
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        biased;
        done = exchange => done,
        never = driving => never,
    }
}

/// A small answer.
async fn all(answer: Response<Incoming>) -> io::Result<Vec<u8>> {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MOST {
            return Err(io::Error::other("the answer is too long"));
        }
    }
    Ok(bytes)
}

/// The innermost cause.
fn told(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::NotFound => return "it is not there".into(),
        io::ErrorKind::ConnectionRefused => return "nobody listens".into(),
        io::ErrorKind::PermissionDenied => return "permission denied".into(),
        _ => {}
    }
    let Some(mut cause) = why.get_ref().map(|cause| cause as &dyn std::error::Error) else { return why.to_string() };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Of a small answer, in bytes.
const MOST: usize = 8 << 20;
