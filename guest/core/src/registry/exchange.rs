//! One request, made: with authorization where it belongs, along redirects where nothing is sent, without TLS where the user allowed that and
//! there is none. In a dry run nobody is asked.

use std::pin::pin;

use futures_util::future::{Either, select};

use super::client::{Answer, AnswerOf, Ask, Client, MAX_BODY};
use super::feed::Feed;
use super::{Planned, url};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, Media, Request, Response};
use crate::store::PIECE;

/// Bytes of a blob that are sent as a request's body.
pub struct Part<'p, 'a, M: Media> {
    /// Where they come from.
    pub feed: &'p mut Feed<'a, M>,
    /// Of the first one.
    pub from: u64,
    /// How many.
    pub size: u64,
    /// Told how many bytes of the blob were written, once a [`PIECE`].
    pub told: &'p dyn Fn(u64),
}

/// What became of a request with a blob's bytes.
pub enum Offered<M: Media> {
    /// The registry's answer.
    Answer(AnswerOf<M>),
    /// It wanted another authorization, which is there now. The body is not sent again.
    Authorized,
}

impl<M: Media> Client<'_, M> {
    /// One request and its redirects, which are followed where nothing is sent; again when the registry asks for authorization and that can
    /// be had.
    pub(super) async fn followed(&self, ask: &Ask) -> Result<AnswerOf<M>> {
        let mut ask = ask.clone();
        for _ in 0..MAX_HOPS {
            let answer = self.authorized(&ask).await?;
            if !matches!(ask.method, "GET" | "HEAD") || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            ask.url = self.location(&answer)?;
        }
        Err(self.broken("it redirects without an end"))
    }

    /// One request with a blob's bytes as its body.
    pub async fn offer(&self, ask: &Ask, part: Part<'_, '_, M>) -> Result<Offered<M>> {
        let own = self.owns(&self.permitted(&ask.url)?);
        let used = self.fresh().await.filter(|_| own);
        let answer = self.exchange(ask, &self.plain(&ask.url), used.as_deref(), Some(part)).await?;
        if answer.status == 401 && own && self.authorize(&answer, used.as_deref()).await?.is_some() {
            return Ok(Offered::Authorized);
        }
        Ok(Offered::Answer(answer))
    }

    /// One exchange, with exactly this authorization; without TLS when the registry did not answer with it and may be asked so.
    pub async fn once(&self, ask: &Ask, authorization: Option<&str>) -> Result<AnswerOf<M>> {
        let plain = self.plain(&ask.url);
        let first = self.exchange(ask, &plain, authorization, None).await;
        let other = match (&first, &self.fallback) {
            (Err(_), Some(_)) if !self.answered.get() && self.is_secure() => ask.url.strip_prefix("https"),
            _ => None,
        };
        let (Err(error), Some(rest), true) = (&first, other, url::origin(&ask.url).as_ref() == Some(&self.origin))
        else {
            return first;
        };
        match self.exchange(ask, &format!("http{rest}"), authorization, None).await {
            Ok(answer) => {
                self.fell_back.set(true);
                Ok(answer)
            }
            Err(other) => Err(error.clone().because(format!("and without TLS: {other}"))),
        }
    }

    /// What is done, within a minute.
    pub async fn patiently<T>(&self, doing: impl Future<Output = Result<T>>) -> Result<T> {
        match select(pin!(doing), pin!(self.media.sleep(PATIENCE))).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => {
                let message = format!("{} did not finish an answer within a minute; try again later", self.target);
                Err(Error::new(Fault::Registry, Code::Other("connection".into()), message))
            }
        }
    }

    async fn authorized(&self, ask: &Ask) -> Result<AnswerOf<M>> {
        if !self.owns(&self.permitted(&ask.url)?) {
            return self.once(ask, None).await;
        }
        let mut used = self.fresh().await;
        // The first one that a request gets may have expired when it is used.
        let most = if used.is_some() { 1 } else { 2 };
        let mut answer = self.once(ask, used.as_deref()).await?;
        for _ in 0..most {
            if answer.status != 401 {
                break;
            }
            let Some(fresh) = self.authorize(&answer, used.as_deref()).await? else { break };
            answer = self.once(ask, Some(&fresh)).await?;
            used = Some(fresh);
        }
        Ok(answer)
    }

    /// The URL, without TLS when the registry is known to have none.
    fn plain(&self, url: &str) -> String {
        let own = self.fell_back.get() && url::origin(url).as_ref() == Some(&self.origin);
        let plain = url.strip_prefix("https").filter(|_| own).map(|rest| format!("http{rest}"));
        plain.unwrap_or_else(|| url.to_owned())
    }

    async fn exchange(
        &self,
        ask: &Ask,
        url: &str,
        authorization: Option<&str>,
        part: Option<Part<'_, '_, M>>,
    ) -> Result<AnswerOf<M>> {
        let size = part.as_ref().map_or(ask.body.len() as u64, |part| part.size);
        if self.policy.dry_run {
            return Ok(self.plan(ask, size));
        }
        let mut headers = ask.headers.clone();
        // A body that was packed on the way would not have its digest.
        headers.push(("accept-encoding".into(), "identity".into()));
        headers.push(("user-agent".into(), concat!("ocix/", env!("CARGO_PKG_VERSION")).into()));
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
        let insecure = self.target.insecure && url::origin(url).is_some_and(|here| self.owns(&here));
        let request =
            Request { method: ask.method.into(), url: url.to_owned(), headers, content_length: size, insecure };
        let failed = |error: Error| error.within(self.failed(&ask.tried));
        let mut exchange = self.media.exchange(request).await.map_err(failed)?;
        let taken = match part {
            Some(part) => self.write(part, &mut exchange).await?,
            None if ask.body.is_empty() => true,
            None => {
                let sent = exchange.write(ask.body.clone()).await.is_ok();
                // Of an image; what a token costs is no part of it.
                if sent && ask.method == "PUT" {
                    self.sent.set(self.sent.get().saturating_add(size));
                }
                sent
            }
        };
        let Response { status, headers, body } = exchange.finish().await.map_err(failed)?;
        self.answered.set(true);
        if !taken && status < 300 {
            return Err(self.broken("it said yes before it had everything"));
        }
        Ok(Answer { status, url: url.to_owned(), tried: ask.tried.clone(), headers, body: Some(body), tries: 1 })
    }

    /// Writes a part of a blob. `false` when the peer stopped taking it: its answer, or what became of the connection, says why.
    async fn write(&self, part: Part<'_, '_, M>, to: &mut M::Exchange) -> Result<bool> {
        let Part { feed, from, size, told } = part;
        let end = from.saturating_add(size);
        let (mut done, mut last) = (from, from);
        while done < end {
            let max = u32::try_from(end.saturating_sub(done)).unwrap_or(u32::MAX).min(PIECE);
            let piece = feed.read(done, max).await?;
            let length = piece.len() as u64;
            if to.write(piece).await.is_err() {
                return Ok(false);
            }
            self.sent.set(self.sent.get().saturating_add(length));
            done = done.saturating_add(length);
            if done.saturating_sub(last) >= u64::from(PIECE) {
                last = done;
                told(done);
            }
        }
        Ok(true)
    }

    /// What a registry that has nothing would answer.
    fn plan(&self, ask: &Ask, bytes: u64) -> AnswerOf<M> {
        self.planned.borrow_mut().push(Planned { method: ask.method.into(), url: ask.url.clone(), bytes });
        let (status, location) = match ask.method {
            "POST" => (202, Some("SESSION")),
            "PATCH" => (202, None),
            "PUT" => (201, None),
            _ => (404, None),
        };
        let headers = location.map(|location| ("location".to_owned(), location.into())).into_iter().collect();
        Answer { status, url: ask.url.clone(), tried: ask.tried.clone(), headers, body: None, tries: 1 }
    }
}

/// What a small answer is waited for, in milliseconds.
const PATIENCE: u64 = 60_000;
/// Requests that one request may become by redirects.
const MAX_HOPS: u32 = 11;

/// Errors and tokens are read in one go.
const _: () = assert!(MAX_BODY <= PIECE as usize);
