//! A registry, seen from one repository: where its requests may go, and what an answer says.
//!
//! Everything that decides where a request may go lives here: authorization goes to the registry's own origin and to no other, plain HTTP only to
//! this machine and never from https, redirects only where nothing is sent. How a request is made is [`super::exchange`]'s, how often
//! [`super::retry`]'s, and how a challenge is answered [`super::token`]'s.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use futures_util::lock::Mutex;

use super::referrers::Listed;
use super::refusal::Refused;
use super::retry::Budget;
use super::token::Session;
use super::url::{self, Origin};
use super::{Planned, Policy, Pushed, Target, Uploads};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, Input, Media};
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
    /// How images are pushed.
    pub policy: Policy,
    /// What may still be tried again.
    pub budget: Budget,
    /// Uploads that were begun.
    pub uploads: Uploads,
    /// Bytes of blobs and manifests that were sent, those that were sent again included.
    pub sent: Cell<u64>,
    /// Uploads that went on where they had broken off.
    pub resumed: Cell<u32>,
    /// The most bytes of a request that the registry, or a proxy before it, was seen to take.
    pub most: Cell<u64>,
    /// What was listed in indexes of the registry's that others may write too.
    pub(super) listed: RefCell<Vec<Listed>>,
    /// What a dry run would ask.
    pub(super) planned: RefCell<Vec<Planned>>,
    host: String,
    pub(super) origin: Origin,
    /// Without TLS, where the user allowed that.
    pub(super) fallback: Option<Origin>,
    pub(super) fell_back: Cell<bool>,
    /// Whether it ever answered.
    pub(super) answered: Cell<bool>,
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
#[derive(Clone)]
pub struct Ask {
    /// For example `PUT`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Names in lower case; without `authorization`.
    pub headers: Vec<(String, String)>,
    /// A document, or nothing. A blob's bytes are handed over beside this.
    pub body: Vec<u8>,
    /// What this is for, in messages: for example `starting an upload`.
    pub tried: String,
}

/// A response whose body was not read yet.
pub struct Answer<B> {
    /// 200 to 599.
    pub status: u16,
    /// The URL that was asked.
    pub url: String,
    /// What [`Ask::tried`] said.
    pub tried: String,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// As it comes; none in a dry run.
    pub body: Option<B>,
    /// How often it was tried.
    pub tries: u32,
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

impl Ask {
    /// Without body.
    pub fn new(method: &'static str, url: String, tried: impl Into<String>) -> Self {
        Self { method, url, headers: Vec::new(), body: Vec::new(), tried: tried.into() }
    }

    /// With one more header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl<B: Input> Answer<B> {
    /// After so many tries.
    pub fn after(self, tries: u32) -> Self {
        Self { tries, ..self }
    }

    /// Every header of this name, which is in lower case, as far as it is text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| str::from_utf8(value).ok())
    }

    /// Adds the body to `bytes`, until there are `most` of them. Whether that was all of it.
    pub async fn read(&mut self, bytes: &mut Vec<u8>, most: usize) -> Result<bool> {
        let Some(body) = &mut self.body else { return Ok(true) };
        loop {
            let piece = body.read(MAX_BODY as u32).await?;
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
        let (sources, fell_back, answered, planned, policy) = Default::default();
        let (budget, uploads, sent, resumed, listed) = Default::default();
        let (authorization, session, secrets) = Default::default();
        Ok(Self {
            media,
            target,
            purpose,
            sources,
            policy,
            budget,
            uploads,
            sent,
            resumed,
            listed,
            most: Cell::new(u64::MAX),
            planned,
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

    /// For pushing: how, and where uploads that are begun are kept.
    pub fn with(mut self, policy: &Policy, uploads: &Uploads) -> Self {
        (self.policy, self.uploads) = (policy.clone(), uploads.clone());
        self
    }

    /// With what only this knows of a push.
    pub fn tell(self, pushed: Pushed) -> Pushed {
        let (sent, retries, resumed) = (self.sent.get(), self.budget.retries.get(), self.resumed.get());
        Pushed { sent, retries, resumed, requests: self.planned.into_inner(), ..pushed }
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

    /// Whether this is the registry itself, with or without TLS as the user allowed.
    pub fn owns(&self, here: &Origin) -> bool {
        *here == self.origin || self.fallback.as_ref() == Some(here)
    }

    /// The error for an answer that says no.
    pub async fn refused(&self, mut answer: AnswerOf<M>) -> Error {
        let mut body = Vec::new();
        // As much as came in time is told.
        let _ = self.patiently(answer.read(&mut body, MAX_BODY)).await;
        Refused {
            status: answer.status,
            body: &body,
            tried: &answer.tried,
            target: &self.target.to_string(),
            registry: &self.target.registry,
            purpose: self.purpose,
            secrets: &self.secrets.borrow(),
            tries: answer.tries,
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
}

/// What is read of an error or a token, in bytes.
pub const MAX_BODY: usize = 64 << 10;
