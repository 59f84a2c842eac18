//! One request to one registry, with the authorization that it asks for.
//!
//! Everything that decides where a request may go lives here: authorization goes to the registry's own origin and to no other, plain HTTP only to
//! this machine and never from https, redirects only where nothing is sent. How a challenge is answered is [`super::token`]'s.

use std::cell::RefCell;

use futures_util::lock::Mutex;

use super::Target;
use super::refusal::Refused;
use super::token::Session;
use super::url::{self, Origin};
use crate::contents::Bytes;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, Input, Media, Request, Response};
use crate::text::shown;

/// A registry, seen from one repository.
pub struct Client<'a, M: Media> {
    /// For progress.
    pub media: &'a M,
    /// Where the image goes.
    pub target: Target,
    /// Behind `scheme://`.
    host: String,
    /// The registry's own. An insecure one may turn out to speak plain http.
    origin: RefCell<Origin>,
    /// The header `authorization`, once the registry has asked for one.
    pub(super) authorization: RefCell<Option<String>>,
    /// Held while a challenge is answered, so that requests at the same time get one token.
    pub(super) session: Mutex<Session>,
    /// What no error may hold.
    pub(super) secrets: RefCell<Vec<String>>,
}

/// A request to be made, several times if need be.
pub struct Ask<'t, 'a, M: Media> {
    /// For example `PUT`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Names in lower case; without `authorization`.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body<'t, 'a, M>,
    /// What this is for, in messages: for example `starting an upload`.
    pub tried: String,
}

/// A request's body: bytes of a known size, and who is told how many of them were written.
pub struct Body<'t, 'a, M: Media> {
    /// Where they are.
    pub content: Content<'t, 'a, M>,
    /// How many there are.
    pub size: u64,
    /// Told about once a [`PIECE`] of a file.
    pub told: &'t dyn Fn(u64),
}

/// Bytes to be sent.
pub enum Content<'t, 'a, M: Media> {
    /// A document, or nothing.
    Memory(&'t [u8]),
    /// A blob.
    Blob(&'t Bytes<'a, M>),
}

/// A response whose body was not read yet.
pub struct Answer<B> {
    /// 200 to 599.
    pub status: u16,
    /// The URL that was asked.
    pub url: String,
    tried: String,
    headers: Vec<(String, Vec<u8>)>,
    body: B,
}

/// A response, as the client's media give it.
pub type AnswerOf<M> = Answer<<<M as Media>::Exchange as Exchange>::Body>;

impl<'t, M: Media> Body<'t, '_, M> {
    /// A document, or nothing.
    pub fn of(bytes: &'t [u8]) -> Self {
        Self { content: Content::Memory(bytes), size: bytes.len() as u64, told: &|_| () }
    }
}

impl<B: Input> Answer<B> {
    /// Every header of this name, which is in lower case, as far as it is text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| str::from_utf8(value).ok())
    }

    /// The body, to be read by whoever wants more of it than [`MAX_BODY`] bytes.
    pub fn into_body(self) -> B {
        self.body
    }

    /// Adds the body to `bytes`, [`MAX_BODY`] bytes at most. Whether that was all of it.
    pub async fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        loop {
            let piece = self.body.read(MAX_BODY as u32).await?;
            if piece.is_empty() {
                return Ok(true);
            }
            bytes.extend(piece);
            if bytes.len() > MAX_BODY {
                bytes.truncate(MAX_BODY);
                return Ok(false);
            }
        }
    }
}

impl<'a, M: Media> Client<'a, M> {
    /// Sends nothing yet. Fails when the target's parts are not what a [`Target`] says.
    pub fn new(media: &'a M, target: &Target) -> Result<Self> {
        let host = if target.registry == "docker.io" { "registry-1.docker.io" } else { &target.registry };
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let sound = !host.contains(['/', '?', '#'])
            && target.repository.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(word))
            && target.tag.as_ref().is_none_or(|tag| !matches!(tag.as_str(), "" | "." | "..") && tag.bytes().all(word));
        let origin = url::origin(&format!("https://{host}")).filter(|_| sound).ok_or_else(|| {
            let message = format!(
                "`{}` is not a place for an image; write for example example.com/team/site:v1",
                shown(&target.to_string())
            );
            Error::new(Fault::Request, Code::Malformed("reference".into()), message)
        })?;
        let plain = url::origin(&format!("http://{host}")).filter(|_| origin.is_loopback());
        let (host, origin) = (host.to_owned(), RefCell::new(plain.unwrap_or(origin)));
        let (authorization, session, secrets) = Default::default();
        Ok(Self { media, target: target.clone(), host, origin, authorization, session, secrets })
    }

    /// Under the repository, for example `blobs/uploads/`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.origin.borrow().secure { "https" } else { "http" };
        format!("{scheme}://{}/v2/{}/{path}", self.host, self.target.repository)
    }

    /// The registry's own origin.
    pub fn origin(&self) -> Origin {
        self.origin.borrow().clone()
    }

    /// Sends a request; once more when the registry asks for authorization and that can be had. Redirects are followed where nothing is sent.
    pub async fn send(&self, mut ask: Ask<'_, '_, M>) -> Result<AnswerOf<M>> {
        for _ in 0..MAX_HOPS {
            let answer = self.authorized(&ask).await?;
            if !matches!(ask.method, "GET" | "HEAD") || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            ask.url = self.location(&answer)?;
        }
        Err(self.broken("it redirects without an end"))
    }

    /// Where an answer points, from the URL that was asked.
    pub fn location(&self, answer: &AnswerOf<M>) -> Result<String> {
        let location = answer.headers("location").next().and_then(|location| url::resolve(&answer.url, location));
        location.ok_or_else(|| self.broken("it sent us on without saying where to"))
    }

    /// The origin of a URL that the registry named, if it may be asked.
    pub fn permitted(&self, url: &str) -> Result<Origin> {
        let here = url::origin(url).ok_or_else(|| self.broken("it named an address that is not one of HTTP"))?;
        let own = self.origin();
        if here.secure || here == own || (!own.secure && here.is_loopback()) {
            return Ok(here);
        }
        Err(self.broken(&format!("it sent us to {}, and plain http is refused", shown(&here.to_string()))))
    }

    /// One exchange, with exactly this authorization. A body that was not taken in whole is an error, unless the answer says why.
    pub async fn once(&self, ask: &Ask<'_, '_, M>, authorization: Option<&str>) -> Result<AnswerOf<M>> {
        let mut headers = ask.headers.clone();
        // A body that was packed on the way would not have its digest.
        headers.push(("accept-encoding".into(), "identity".into()));
        headers.push(("user-agent".into(), concat!("ocix/", env!("CARGO_PKG_VERSION")).into()));
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
        let Ask { method, url, body, tried, .. } = ask;
        let content_length = body.size;
        let request = Request { method: (*method).into(), url: url.clone(), headers, content_length, insecure: false };
        let failed = |error: Error| error.within(format!("{tried} at {} failed", self.target));
        let mut exchange = self.media.exchange(request).await.map_err(failed)?;
        let taken = write::<M>(&mut exchange, body).await?;
        let Response { status, headers, body } = exchange.finish().await.map_err(failed)?;
        if !taken && status < 300 {
            return Err(self.broken("it said yes before it had everything"));
        }
        Ok(Answer { status, url: url.clone(), tried: tried.clone(), headers, body })
    }

    /// The error for an answer that says no.
    pub async fn refused(&self, mut answer: AnswerOf<M>) -> Error {
        let mut body = Vec::new();
        // As much as came is told.
        let _ = answer.read(&mut body).await;
        Refused {
            status: answer.status,
            body: &body,
            tried: &answer.tried,
            target: &self.target.to_string(),
            registry: &self.target.registry,
            secrets: &self.secrets.borrow(),
        }
        .error()
    }

    /// The error for a registry that does not keep to the protocol.
    pub fn broken(&self, how: &str) -> Error {
        let message = format!(
            "{} does not keep to the registry protocol: {how}; tell those who run it",
            shown(&self.target.registry)
        );
        Error::new(Fault::Registry, Code::Malformed("registry protocol".into()), message)
    }

    async fn authorized(&self, ask: &Ask<'_, '_, M>) -> Result<AnswerOf<M>> {
        if self.permitted(&ask.url)? != self.origin() {
            return self.once(ask, None).await;
        }
        let used = self.authorization.borrow().clone();
        let answer = self.once(ask, used.as_deref()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        match self.authorize(&answer, used.as_deref()).await? {
            Some(fresh) => self.once(ask, Some(&fresh)).await,
            None => Ok(answer),
        }
    }
}

/// Writes the body from its start. `false` when the peer stopped taking it: its answer, or what became of the connection, says why.
async fn write<M: Media>(exchange: &mut M::Exchange, body: &Body<'_, '_, M>) -> Result<bool> {
    let mut blob = match body.content {
        Content::Memory([]) => return Ok(true),
        Content::Memory(bytes) => return Ok(exchange.write(bytes.to_vec()).await.is_ok()),
        Content::Blob(bytes) => bytes.open().await?,
    };
    let (mut done, mut told) = (0_u64, 0_u64);
    while done < body.size {
        let piece = blob.read(PIECE).await?;
        done = done.saturating_add(piece.len() as u64);
        if exchange.write(piece).await.is_err() {
            return Ok(false);
        }
        if done.saturating_sub(told) >= u64::from(PIECE) {
            told = done;
            (body.told)(done);
        }
    }
    Ok(true)
}

/// What is read of an error or a token, in bytes.
pub const MAX_BODY: usize = 64 << 10;

/// What is read of a blob at once, in bytes.
const PIECE: u32 = 1 << 20;

/// Requests that one request may become by redirects.
const MAX_HOPS: u32 = 11;
