//! One request to one registry, with the authorization that it asks for.
//!
//! Everything that decides where a request may go lives here: authorization goes to the registry's own origin and to no other, plain HTTP only to
//! this machine and never from https, redirects only where nothing is sent. A registry that the user called insecure may be asked without TLS
//! at its own host and port, when it did not answer with it. How a challenge is answered is [`super::token`]'s.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use futures_util::lock::Mutex;

use super::Target;
use super::body::Body;
use super::refusal::Refused;
use super::token::Session;
use super::url::{self, Origin};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, Input, Media, Request, Response};
use crate::text::shown;

/// A registry, seen from one repository.
pub struct Client<'a, M: Media> {
    /// For progress and hashes.
    pub media: &'a M,
    /// The repository.
    pub target: Target,
    /// What it is asked for.
    pub purpose: Purpose,
    /// Other repositories of this registry whose blobs are to be used.
    pub sources: RefCell<BTreeSet<String>>,
    host: String,
    origin: Origin,
    /// Without TLS, where the user allowed that.
    fallback: Option<Origin>,
    fell_back: Cell<bool>,
    /// Whether it ever answered with TLS: then it always does.
    answered: Cell<bool>,
    /// The header `authorization`, once the registry has asked for one.
    pub(super) authorization: RefCell<Option<String>>,
    /// Held while a challenge is answered, so that requests at the same time get one token.
    pub(super) session: Mutex<Session>,
    /// What no error may hold.
    pub(super) secrets: RefCell<Vec<String>>,
}

/// What is done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// A request to be made, several times if need be.
pub struct Ask<'a, M: Media> {
    /// For example `PUT`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Names in lower case; without `authorization`.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body<'a, M>,
    /// What this is for, in messages: for example `starting an upload`.
    pub tried: String,
}

/// A response whose body was not read yet.
pub struct Answer<B> {
    /// 200 to 599.
    pub status: u16,
    /// The URL that was asked.
    pub url: String,
    tried: String,
    headers: Vec<(String, Vec<u8>)>,
    /// As it comes.
    pub body: B,
}

/// A response, as the client's media give it.
pub type AnswerOf<M> = Answer<<<M as Media>::Exchange as Exchange>::Body>;

impl Purpose {
    /// As a verb.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }

    /// As a token's scope has it.
    pub fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

impl<B: Input> Answer<B> {
    /// Every header of this name, which is in lower case, as far as it is text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| str::from_utf8(value).ok())
    }

    /// Adds the body to `bytes`, until there are `most` of them. Whether that was all of it.
    pub async fn read(&mut self, bytes: &mut Vec<u8>, most: usize) -> Result<bool> {
        loop {
            let piece = self.body.read(MAX_BODY as u32).await?;
            if piece.is_empty() {
                return Ok(true);
            }
            bytes.extend(piece);
            if bytes.len() > most {
                bytes.truncate(most);
                return Ok(false);
            }
        }
    }
}

impl<'a, M: Media> Client<'a, M> {
    /// Sends nothing yet. Fails when the target's parts are not what a [`Target`] says.
    pub fn new(media: &'a M, target: Target, purpose: Purpose) -> Result<Self> {
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
        let plain = url::origin(&format!("http://{host}"));
        let (origin, fallback) = match plain {
            Some(plain) if target.insecure => (origin, Some(plain)),
            Some(plain) if origin.is_loopback() => (plain, None),
            _ => (origin, None),
        };
        let host = host.to_owned();
        let (sources, fell_back, answered) = Default::default();
        let (authorization, session, secrets) = Default::default();
        Ok(Self {
            media,
            target,
            purpose,
            sources,
            host,
            origin,
            fallback,
            fell_back,
            answered,
            authorization,
            session,
            secrets,
        })
    }

    /// Under the repository, for example `blobs/uploads/`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}/v2/{}/{path}", self.host, self.target.repository)
    }

    /// Whether the registry is asked with TLS.
    pub fn is_secure(&self) -> bool {
        self.origin.secure && !self.fell_back.get()
    }

    /// Sends a request; once more when the registry asks for authorization and that can be had. Redirects are followed where nothing is sent.
    pub async fn send(&self, mut ask: Ask<'_, M>) -> Result<AnswerOf<M>> {
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
        if here.secure || (!self.origin.secure && here.is_loopback()) || self.owns(&here) {
            return Ok(here);
        }
        Err(self.broken(&format!("it sent us to {}, and plain http is refused", shown(&here.to_string()))))
    }

    /// One exchange, with exactly this authorization; without TLS when the registry did not answer with it and may be asked so. A body that was
    /// not taken in whole is an error, unless the answer says why.
    pub async fn once(&self, ask: &Ask<'_, M>, authorization: Option<&str>) -> Result<AnswerOf<M>> {
        let secure = self.fallback.is_some() && url::origin(&ask.url).as_ref() == Some(&self.origin);
        let plain = ask.url.strip_prefix("https").filter(|_| secure).map(|rest| format!("http{rest}"));
        if let Some(plain) = plain.as_ref().filter(|_| self.fell_back.get()) {
            return self.attempt(ask, plain, authorization).await;
        }
        let may_fall_back = !self.answered.get() && ask.body.bytes.size() == 0;
        match (self.attempt(ask, &ask.url, authorization).await, plain.filter(|_| may_fall_back)) {
            (Ok(answer), _) => {
                self.answered.set(self.answered.get() || secure);
                Ok(answer)
            }
            (Err(error), None) => Err(error),
            (Err(error), Some(plain)) => match self.attempt(ask, &plain, authorization).await {
                Ok(answer) => {
                    self.fell_back.set(true);
                    Ok(answer)
                }
                Err(other) => Err(error.because(format!("and without TLS: {other}"))),
            },
        }
    }

    async fn attempt(&self, ask: &Ask<'_, M>, url: &str, authorization: Option<&str>) -> Result<AnswerOf<M>> {
        let mut headers = ask.headers.clone();
        // A body that was packed on the way would not have its digest.
        headers.push(("accept-encoding".into(), "identity".into()));
        headers.push(("user-agent".into(), concat!("ocix/", env!("CARGO_PKG_VERSION")).into()));
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
        let Ask { method, body, tried, .. } = ask;
        let reader = body.bytes.open().await?;
        let request = Request {
            method: (*method).into(),
            url: url.to_owned(),
            headers,
            content_length: body.bytes.size(),
            insecure: self.target.insecure && url::origin(url).is_some_and(|here| self.owns(&here)),
        };
        let failed = |error: Error| error.within(format!("{tried} at {} failed", self.target));
        let mut exchange = self.media.exchange(request).await.map_err(failed)?;
        let taken = body.write(self.media, reader, &mut exchange).await?;
        let Response { status, headers, body } = exchange.finish().await.map_err(failed)?;
        if !taken && status < 300 {
            return Err(self.broken("it said yes before it had everything"));
        }
        Ok(Answer { status, url: url.to_owned(), tried: tried.clone(), headers, body })
    }

    /// Whether this is the registry itself, with or without TLS as the user allowed.
    fn owns(&self, here: &Origin) -> bool {
        *here == self.origin || self.fallback.as_ref() == Some(here)
    }

    /// The error for an answer that says no.
    pub async fn refused(&self, mut answer: AnswerOf<M>) -> Error {
        let mut body = Vec::new();
        // As much as came is told.
        let _ = answer.read(&mut body, MAX_BODY).await;
        Refused {
            status: answer.status,
            body: &body,
            tried: &answer.tried,
            target: &self.target.to_string(),
            registry: &self.target.registry,
            purpose: self.purpose,
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

    async fn authorized(&self, ask: &Ask<'_, M>) -> Result<AnswerOf<M>> {
        if !self.owns(&self.permitted(&ask.url)?) {
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

/// What is read of an error or a token, in bytes.
pub const MAX_BODY: usize = 64 << 10;

/// Requests that one request may become by redirects.
const MAX_HOPS: u32 = 11;
