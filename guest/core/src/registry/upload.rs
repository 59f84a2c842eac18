//! One blob: asked for, and when the registry does not have it, taken from another of its repositories or sent (OCI distribution spec,
//! "Pushing blobs": POST then PUT; large ones in chunks; "Mounting a blob from another repository").
//!
//! What breaks off goes on where the registry says that it has come to. A session that is lost is opened anew, a few times, the last time for
//! all of the blob in one request.

use super::client::{AnswerOf, Ask, Client};
use super::exchange::{Offered, Part};
use super::feed::Feed;
use super::manifest::confirm;
use super::retry::{Tries, Wait};
use super::session::{self, Range, Session};
use super::{progress, url};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Media, Outcome};

/// Makes sure that the registry has the blob; `from`: repositories of it that may.
pub async fn blob<M: Media>(
    client: &Client<'_, M>,
    blob: &Descriptor,
    bytes: &Bytes<'_, M>,
    from: &[String],
) -> Result<Outcome> {
    let size = bytes.size();
    if size != blob.size {
        let message = format!("the blob {} has {size} bytes instead of {}; export it again", blob.digest, blob.size);
        return Err(Error::new(Fault::Store, Code::SizeMismatch(size), message));
    }
    if is_there(client, blob).await? {
        return Ok(Outcome::AlreadyThere);
    }
    progress(client, blob, 0);
    let mut session: Option<Session> = None;
    for source in from.iter().filter(|source| client.sources.borrow().contains(*source)) {
        match mount(client, blob, source).await? {
            Mounted::Yes => {
                if let Some(session) = session {
                    session.cancel(client).await;
                }
                return Ok(Outcome::Mounted(source.clone()));
            }
            Mounted::Session(next) => {
                if let Some(before) = session.replace(next) {
                    before.cancel(client).await;
                }
            }
            // What it does not give away is sent.
            Mounted::No => {}
        }
    }
    Upload::new(client, blob, bytes, session).run().await?;
    Ok(Outcome::Uploaded)
}

/// Sends a blob that the registry said to have, and has not.
pub async fn again<M: Media>(client: &Client<'_, M>, blob: &Descriptor, bytes: &Bytes<'_, M>) -> Result<()> {
    Upload::new(client, blob, bytes, None).run().await
}

enum Mounted {
    Yes,
    /// Not mounted; what was opened in its place.
    Session(Session),
    No,
}

async fn mount<M: Media>(client: &Client<'_, M>, blob: &Descriptor, source: &str) -> Result<Mounted> {
    let plain = client.url("blobs/uploads/");
    let url = url::with(&url::with(&plain, "mount", blob.digest.as_str()), "from", source);
    let answer = client.send(Ask::new("POST", url, "starting an upload")).await?;
    Ok(match answer.status {
        201 => {
            confirm(client, &answer, &blob.digest)?;
            Mounted::Yes
        }
        202 => Mounted::Session(Session::open(client, &answer)?),
        _ => Mounted::No,
    })
}

async fn is_there<M: Media>(client: &Client<'_, M>, blob: &Descriptor) -> Result<bool> {
    let url = client.url(&format!("blobs/{}", blob.digest));
    let answer = client.send(Ask::new("HEAD", url, format!("asking for the blob {}", blob.digest))).await?;
    match answer.status {
        200 => Ok(true),
        404 | 405 => Ok(false),
        _ => Err(client.refused(answer).await),
    }
}

/// A blob on its way.
struct Upload<'u, 'a, M: Media> {
    client: &'u Client<'a, M>,
    blob: &'u Descriptor,
    feed: Feed<'a, M>,
    session: Option<Session>,
    /// Whether the registry has to be asked how far it has come.
    unsure: bool,
    /// Whether all of the blob goes in one request, whatever its size.
    whole: bool,
    /// Sessions that were opened.
    opened: u32,
    /// Whether a request to this session broke off: it may have more bytes than it says, since `0-0` is one byte or none.
    broke: bool,
    /// The offset that the registry did not take bytes for last.
    misplaced: Option<u64>,
    /// The most bytes that a session ever had.
    best: u64,
    tries: Tries,
}

/// What one request has led to.
enum Step {
    /// The registry has the blob.
    Done,
    /// On with the next one.
    On,
    /// It did not work; the error, when it cannot be tried again.
    Again(Error, Wait),
    /// The session is no more; the error, when no other can be opened.
    Lost(Error),
}

impl<'u, 'a, M: Media> Upload<'u, 'a, M> {
    fn new(client: &'u Client<'a, M>, blob: &'u Descriptor, bytes: &Bytes<'a, M>, session: Option<Session>) -> Self {
        let (feed, opened) = (Feed::new(client.media, blob, bytes), u32::from(session.is_some()));
        let (unsure, whole, broke, misplaced, best) = Default::default();
        Self { client, blob, feed, session, unsure, whole, opened, broke, misplaced, best, tries: Tries::default() }
    }

    async fn run(mut self) -> Result<()> {
        let tried = format!("uploading the blob {}", self.blob.digest);
        loop {
            // Lost sessions are counted by themselves: registries lose them for every request that breaks off.
            let mut first = Tries::default();
            let (error, wait, tries) = match self.step(&tried).await? {
                Step::Done => break,
                Step::On => continue,
                Step::Again(error, wait) => (error, wait, &mut self.tries),
                Step::Lost(error) => {
                    self.session.take().into_iter().for_each(Session::end);
                    // It may have been whole before its answer was lost.
                    if is_there(self.client, self.blob).await? {
                        break;
                    }
                    if self.opened >= SESSIONS {
                        return Err(error);
                    }
                    self.whole = self.opened.saturating_add(1) >= SESSIONS;
                    (error, Wait::None, &mut first)
                }
            };
            if !self.client.again(tries, &tried, error.to_string(), wait).await {
                return Err(error);
            }
        }
        self.session.take().into_iter().for_each(Session::end);
        Ok(())
    }

    async fn step(&mut self, tried: &str) -> Result<Step> {
        let Some(session) = &self.session else { return self.open().await };
        if self.unsure {
            return self.locate().await;
        }
        let rest = self.blob.size.saturating_sub(session.offset);
        let chunk = self.client.policy.chunk.max(session.least).min(self.client.most.get());
        if rest == 0 || (session.offset == 0 && (self.whole || rest <= chunk)) {
            return self.commit(tried, rest).await;
        }
        self.append(tried, if self.whole { rest } else { rest.min(chunk) }).await
    }

    async fn open(&mut self) -> Result<Step> {
        let answer =
            self.client.send(Ask::new("POST", self.client.url("blobs/uploads/"), "starting an upload")).await?;
        match answer.status {
            202 => {
                self.session = Some(Session::open(self.client, &answer)?);
                self.opened = self.opened.saturating_add(1);
                (self.unsure, self.broke, self.misplaced) = Default::default();
                Ok(Step::On)
            }
            201 if is_there(self.client, self.blob).await? => Ok(Step::Done),
            _ => Err(self.client.refused(answer).await),
        }
    }

    /// Asks how far the session has come.
    async fn locate(&mut self) -> Result<Step> {
        let Some(session) = &mut self.session else { return Ok(Step::On) };
        let ask = Ask::new("GET", session.url.clone(), format!("asking how much of {} it has", self.blob.digest));
        let answer = self.client.send(ask).await?;
        if !matches!(answer.status, 200..=204) {
            return Ok(Step::Lost(self.client.refused(answer).await));
        }
        session.follow(self.client, &answer)?;
        let Range::Has(offset) = session::range(&answer) else {
            return Ok(Step::Lost(self.client.broken("it does not say how much of an upload it has")));
        };
        if offset > self.best.max(session.offset) && offset > self.feed.given() {
            return Err(self.client.broken("it has more of an upload than was sent"));
        }
        if offset > 0 {
            self.client.resumed.set(self.client.resumed.get().saturating_add(1));
        }
        session.offset = offset;
        self.unsure = false;
        self.advanced(offset);
        progress(self.client, self.blob, offset);
        Ok(Step::On)
    }

    /// Sends the next bytes.
    async fn append(&mut self, tried: &str, size: u64) -> Result<Step> {
        let Some(session) = &mut self.session else { return Ok(Step::On) };
        let from = session.offset;
        let last = from.saturating_add(size).saturating_sub(1);
        let ask = Ask::new("PATCH", session.url.clone(), tried)
            .with("content-type", "application/octet-stream")
            .with("content-range", format!("{from}-{last}"));
        let answer = match self.offer(&ask, from, size).await? {
            Ok(answer) => answer,
            Err(step) => return Ok(step),
        };
        let Some(session) = &mut self.session else { return Ok(Step::On) };
        match answer.status {
            200 | 202 | 204 => {
                session.follow(self.client, &answer)?;
                let sent = from.saturating_add(size);
                session.offset = match session::range(&answer) {
                    Range::Has(offset) if offset > sent => {
                        return Err(self.client.broken("it has more of an upload than was sent"));
                    }
                    Range::Has(offset) => offset,
                    Range::Unsaid => sent,
                };
                let offset = session.offset;
                if offset <= from {
                    let error = self.client.broken("it takes the bytes of an upload and does not have them");
                    return Ok(Step::Again(error, Wait::Backoff));
                }
                self.advanced(offset);
                progress(self.client, self.blob, offset);
                Ok(Step::On)
            }
            201 if is_there(self.client, self.blob).await? => Ok(Step::Done),
            // It does not know chunks, or not these.
            400 | 405 | 411 | 415 | 501 => {
                self.whole = true;
                Ok(Step::Lost(self.client.refused(answer).await))
            }
            _ => self.refused(answer, size).await,
        }
    }

    /// Sends what is missing, and has the registry make a blob of it all.
    async fn commit(&mut self, tried: &str, size: u64) -> Result<Step> {
        let Some(session) = &self.session else { return Ok(Step::On) };
        let from = session.offset;
        let ask = Ask::new("PUT", url::with(&session.url, "digest", self.blob.digest.as_str()), tried)
            .with("content-type", "application/octet-stream");
        let answer = match self.offer(&ask, from, size).await? {
            Ok(answer) => answer,
            Err(step) => return Ok(step),
        };
        match answer.status {
            200..=204 => {
                confirm(self.client, &answer, &self.blob.digest)?;
                // 202 is a promise only.
                if answer.status == 202 && !is_there(self.client, self.blob).await? {
                    return Err(self.client.broken("it took a blob and does not have it"));
                }
                Ok(Step::Done)
            }
            // What was put together out of parts may have gone wrong on the way.
            400 if from > 0 || self.broke => {
                self.whole = true;
                Ok(Step::Lost(self.client.refused(answer).await))
            }
            _ => self.refused(answer, size).await,
        }
    }

    /// Sends a part of the blob. The inner error is what a request that broke off leads to.
    async fn offer(&mut self, ask: &Ask, from: u64, size: u64) -> Result<Result<AnswerOf<M>, Step>> {
        let (client, blob) = (self.client, self.blob);
        let told = |done: u64| {
            // The end is told when the registry has confirmed it.
            if done < blob.size {
                progress(client, blob, done);
            }
        };
        let part = Part { feed: &mut self.feed, from, size, told: &told };
        let offered = client.offer(ask, part).await;
        let answered = match offered {
            Ok(Offered::Answer(answer)) => Ok(answer),
            Ok(Offered::Authorized) => {
                self.unsure = size > 0;
                let error = client.broken("it refuses the authorization that it asked for");
                return Ok(Err(Step::Again(error, Wait::None)));
            }
            Err(error) => Err(error),
        };
        let Some((_, wait)) = client.passing(&answered) else { return answered.map(Ok) };
        (self.unsure, self.broke) = (true, true);
        let error = match answered {
            Ok(answer) => client.refused(answer).await,
            Err(error) => error,
        };
        Ok(Err(Step::Again(error, wait)))
    }

    /// What a no to a request with bytes leads to.
    async fn refused(&mut self, answer: AnswerOf<M>, size: u64) -> Result<Step> {
        let status = answer.status;
        let error = self.client.refused(answer).await;
        match status {
            404 => Ok(Step::Lost(error)),
            416 => {
                let offset = self.session.as_ref().map(|session| session.offset);
                // It says where it is, and does not mean it.
                if std::mem::replace(&mut self.misplaced, offset) == offset {
                    return Ok(Step::Lost(error));
                }
                self.unsure = true;
                Ok(Step::Again(error, Wait::None))
            }
            // Smaller ones, from now on for every blob.
            413 if size > LEAST_CHUNK => {
                let most = size.min(self.client.most.get()) / 4;
                self.client.most.set(most.max(LEAST_CHUNK));
                self.unsure = true;
                Ok(Step::On)
            }
            _ => Err(error),
        }
    }

    /// Bytes that no session had before are progress.
    fn advanced(&mut self, offset: u64) {
        if offset > self.best {
            self.best = offset;
            self.tries.forget();
        }
    }
}

/// How many sessions a blob may take.
const SESSIONS: u32 = 5;
/// What every gateway lets pass, in bytes.
const LEAST_CHUNK: u64 = 64 << 10;
