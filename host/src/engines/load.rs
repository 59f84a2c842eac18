//! An archive on its way into a container engine, and what the engine says about it: lines of JSON, the last of which decide.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::api::Api;
use crate::bindings::images::ocix::image::progress::{Action, Event, Outcome, Step};
use crate::error::{Error, ErrorCode, Fault, error};

/// An archive that an engine is taking.
#[derive(Clone)]
pub struct Load(Arc<Mutex<Loading>>);

struct Loading {
    /// To the engine; none when that was all.
    archive: Option<mpsc::Sender<Vec<u8>>>,
    /// What the engine says in the end; none when it was told.
    verdict: Option<JoinHandle<Result<(), Error>>>,
}

/// Who is told what is going on.
pub type Told = Arc<dyn Fn(Event) + Send + Sync>;

impl Drop for Loading {
    fn drop(&mut self) {
        // An archive that breaks off is none.
        if let Some(verdict) = &self.verdict {
            verdict.abort();
        }
    }
}

impl Load {
    /// Starts it.
    pub fn start(api: Api, told: Told) -> Self {
        let (sender, receiver) = mpsc::channel::<Vec<u8>>(2);
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((Ok::<_, io::Error>(Frame::data(Bytes::from(piece))), receiver))
        });
        let body = StreamBody::new(pieces).boxed_unsync();
        let verdict = tokio::spawn(async move {
            let reading = api.clone();
            api.post("/images/load?quiet=0", body, async move |answer| {
                listen(&reading, answer.into_body(), &told).await
            })
            .await
        });
        Self(Arc::new(Mutex::new(Loading { archive: Some(sender), verdict: Some(verdict) })))
    }

    /// The next bytes. When the engine has decided before it has all of them, that is what this fails with, or nothing.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let mut loading = self.0.lock().await;
        let Loading { archive, verdict } = &mut *loading;
        let Some(archive) = archive else { return Err(finished()) };
        // Padding behind the end of an archive is read by nobody.
        let Some(deciding) = verdict else { return Ok(()) };
        let decided = tokio::select! {
            biased;
            decided = &mut *deciding => decided,
            sent = archive.send(bytes) => match sent {
                Ok(()) => return Ok(()),
                Err(_) => deciding.await,
            },
        };
        *verdict = None;
        decided.unwrap_or_else(|_| Err(finished()))
    }

    /// That was all: waits for what the engine says.
    pub async fn finish(&self) -> Result<(), Error> {
        let mut loading = self.0.lock().await;
        loading.archive.take().ok_or_else(finished)?;
        let decided = match &mut loading.verdict {
            Some(deciding) => deciding.await.unwrap_or_else(|_| Err(finished())),
            None => Ok(()),
        };
        loading.verdict = None;
        decided
    }
}

/// Reads what the engine says to its end.
async fn listen(api: &Api, mut body: Incoming, told: &Told) -> Result<(), Error> {
    let mut rest = Vec::new();
    let mut verdict = Ok(());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|why| api.lost(&io::Error::other(why)))?;
        let Ok(data) = frame.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            hear(api, &line, told, &mut verdict);
        }
        if rest.len() > LINE {
            return Err(api.said("a line without an end"));
        }
    }
    hear(api, &rest, told, &mut verdict);
    verdict
}

/// One line: how far it is, or what went wrong. What else an engine says, such as which names it has now, is seen by asking it.
fn hear(api: &Api, line: &[u8], told: &Told, verdict: &mut Result<(), Error>) {
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    if let Some(why) = line.pointer("/errorDetail/message").and_then(Value::as_str).or(text("error")) {
        // The first one is the cause of others.
        if verdict.is_ok() {
            *verdict = Err(api.said(why));
        }
        return;
    }
    let (Some(id), Some(status)) = (text("id"), text("status")) else { return };
    let number = |name: &str| line.pointer(name).and_then(Value::as_u64);
    let (done, total) = (number("/progressDetail/current").unwrap_or(0), number("/progressDetail/total"));
    let outcome = total.is_some_and(|total| done >= total).then_some(Outcome::Done);
    let subject = format!("{}: {} {}", api.shown(), status.to_lowercase(), id);
    told(Event::Step(Step {
        id: format!("engine {status} {id}"),
        action: Action::Write,
        subject,
        target: None,
        done,
        total,
        outcome,
    }));
}

fn finished() -> Error {
    error(Fault::Component, ErrorCode::Other("finished".into()), "what was finished is not written to any more")
}

/// Of what an engine says, in bytes.
const LINE: usize = 1 << 20;
