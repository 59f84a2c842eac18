//! containerd's content on its way in: one stream a blob, under a ref that the next job finds again when this one is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::{WriteAction, WriteContentRequest, WriteContentResponse};
use containerd_client::tonic::{Code, Status, Streaming};
use futures_util::stream::poll_fn;
use tokio::sync::{Mutex, mpsc};

use super::refused::refused;
use super::session::Session;
use crate::bindings::images::ocix::image::types::Descriptor;
use crate::error::{Error, ErrorCode, Fault, error};

/// A blob that is not committed yet.
#[derive(Clone)]
pub struct Ingest(Arc<Blob>);

struct Blob {
    session: Session,
    reference: String,
    digest: String,
    labels: Vec<(String, String)>,
    /// Where the first write goes.
    offset: u64,
    /// None when it is committed or has failed.
    stream: Mutex<Option<Stream>>,
}

/// Requests, and answers to them in the same order.
struct Stream {
    requests: mpsc::Sender<WriteContentRequest>,
    answers: Streaming<WriteContentResponse>,
    unanswered: usize,
    /// The next byte's.
    offset: i64,
}

impl Session {
    /// Begins a blob, or goes on with one that was cut off; `None` when it is there, and labelled.
    ///
    /// # Errors
    /// containerd's.
    pub async fn create(&self, expected: Descriptor, labels: Vec<(String, String)>) -> Result<Option<Ingest>, Error> {
        let Descriptor { digest, size, .. } = expected;
        let mut reference = format!("ocix-{digest}");
        for tries in 1.. {
            match Stream::open(self, &reference, &digest, size).await? {
                Ok(stream) => {
                    self.begun().insert(reference.clone());
                    let (session, offset) = (self.clone(), u64::try_from(stream.offset).unwrap_or_default());
                    let stream = Mutex::new(Some(stream));
                    return Ok(Some(Ingest(Arc::new(Blob { session, reference, digest, labels, offset, stream }))));
                }
                Err(there) if there.code() == Code::AlreadyExists => break,
                // Another job is at the same blob. Whoever ends first is the one that counts.
                Err(locked) if locked.code() == Code::Unavailable && locked.message().contains("locked") => {
                    if tries > PATIENCE {
                        reference =
                            format!("ocix-{digest}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                    } else {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(why) => return Err(refused(&format!("take the blob {digest}"), &why)),
            }
        }
        self.label(digest, labels).await.map(|()| None)
    }
}

impl Ingest {
    /// Bytes that are there already.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Appends. An answer may be waited for later.
    ///
    /// # Errors
    /// containerd's.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let mut stream = self.0.stream.lock().await;
        let written = stream.as_mut().ok_or_else(ended)?.write(bytes).await;
        written.map_err(|why| self.refused(&why))
    }

    /// Commits. When that fails, the bytes are gone.
    ///
    /// # Errors
    /// containerd's; `digest-mismatch`.
    pub async fn commit(&self) -> Result<(), Error> {
        let Blob { session, reference, digest, labels, stream, .. } = &*self.0;
        let committed = stream.lock().await.take().ok_or_else(ended)?.commit(digest, labels).await;
        match committed {
            Ok(()) => {
                session.begun().remove(reference);
                Ok(())
            }
            Err(there) if there.code() == Code::AlreadyExists => {
                self.abandon().await;
                session.label(digest.clone(), labels.clone()).await
            }
            Err(why) => {
                self.abandon().await;
                Err(self.refused(&why))
            }
        }
    }

    /// Takes away what was written, unless it is committed.
    pub async fn abandon(&self) {
        let Blob { session, reference, stream, .. } = &*self.0;
        stream.lock().await.take();
        let begun = session.begun().contains(reference);
        if begun {
            session.abort(reference.clone()).await;
            session.begun().remove(reference);
        }
    }

    fn refused(&self, why: &Status) -> Error {
        refused(&format!("take the blob {}", self.0.digest), why)
    }
}

impl Stream {
    /// Opens a ref for a blob; the inner failure is containerd's.
    async fn open(session: &Session, reference: &str, digest: &str, size: u64) -> Result<Result<Self, Status>, Error> {
        let (requests, mut receiver) = mpsc::channel(AHEAD);
        let total = i64::try_from(size).unwrap_or(i64::MAX);
        let ask = WriteContentRequest {
            action: WriteAction::Stat as i32,
            r#ref: reference.to_owned(),
            total,
            expected: digest.to_owned(),
            ..WriteContentRequest::default()
        };
        // There is room for it.
        let _ = requests.try_send(ask);
        let request = session.leased(poll_fn(move |context| receiver.poll_recv(context))).await?;
        let open = async {
            let answers = ContentClient::new(session.channel()).write(request).await?.into_inner();
            let mut stream = Self { requests, answers, unanswered: 1, offset: 0 };
            stream.offset = stream.answer().await?.offset;
            Ok(stream)
        };
        Ok(open.await)
    }

    async fn write(&mut self, data: Vec<u8>) -> Result<(), Status> {
        let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let write = WriteContentRequest { action: WriteAction::Write as i32, data, ..WriteContentRequest::default() };
        self.ask(write).await?;
        self.offset = self.offset.saturating_add(length);
        while self.unanswered > AHEAD {
            self.answer().await?;
        }
        Ok(())
    }

    async fn commit(mut self, digest: &str, labels: &[(String, String)]) -> Result<(), Status> {
        let commit = WriteContentRequest {
            action: WriteAction::Commit as i32,
            total: self.offset,
            expected: digest.to_owned(),
            labels: labels.iter().cloned().collect(),
            ..WriteContentRequest::default()
        };
        self.ask(commit).await?;
        while self.unanswered > 0 {
            self.answer().await?;
        }
        Ok(())
    }

    /// At the offset where the stream is.
    async fn ask(&mut self, request: WriteContentRequest) -> Result<(), Status> {
        self.unanswered = self.unanswered.saturating_add(1);
        // Who does not listen any more has said why.
        if self.requests.send(WriteContentRequest { offset: self.offset, ..request }).await.is_err() {
            while self.unanswered > 0 {
                self.answer().await?;
            }
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<WriteContentResponse, Status> {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.answers.message().await?.ok_or_else(|| Status::unknown("the stream ended early"))
    }
}

fn ended() -> Error {
    error(
        Fault::Component,
        ErrorCode::Other("committed".into()),
        "a blob that was committed is not written to any more",
    )
}

static NEXT: AtomicU64 = AtomicU64::new(0);
/// Requests that may be on their way before one is answered.
const AHEAD: usize = 4;
/// How often a ref that another job writes to is asked for, and how long is waited between.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
