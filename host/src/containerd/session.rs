//! One job's connection to containerd, and its lease.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::{CreateRequest, DeleteRequest};
use containerd_client::tonic::Request;
use containerd_client::tonic::metadata::{Ascii, MetadataValue};
use containerd_client::tonic::transport::Channel;
use jiff::Timestamp;
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

use super::Containerd;
use super::refused::refused;
use crate::error::{Error, ErrorCode, Fault, error, shown};

/// A connection; clones share it.
#[derive(Clone)]
pub struct Session(Arc<Connection>);

struct Connection {
    containerd: Containerd,
    namespace: MetadataValue<Ascii>,
    channel: Channel,
    /// Made by what writes first.
    lease: OnceCell<MetadataValue<Ascii>>,
    /// Refs of ingests that are not committed.
    begun: Mutex<BTreeSet<String>>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or this user may not ask.
    pub async fn open(containerd: &Containerd) -> Result<Self, Error> {
        let Containerd { socket, namespace, .. } = containerd;
        // The answer of the operating system is the one that helps; what follows does not tell it.
        UnixStream::connect(socket).await.map_err(|why| out_of_reach(containerd, &why))?;
        let channel = containerd_client::connect(socket).await;
        let channel = channel.map_err(|why| out_of_reach(containerd, &io::Error::other(why)))?;
        let namespace = namespace.parse().ok().filter(|_| is_namespace(namespace)).ok_or_else(|| {
            let message = format!(
                "`{}` is not a namespace of containerd: letters and digits, joined by `.`, `_` or `-`",
                shown(namespace)
            );
            error(Fault::Request, ErrorCode::InvalidOption("store".into()), message)
        })?;
        let (lease, begun) = (OnceCell::new(), Mutex::default());
        Ok(Self(Arc::new(Connection { containerd: containerd.clone(), namespace, channel, lease, begun })))
    }

    /// Which containerd it is.
    pub fn containerd(&self) -> &Containerd {
        &self.0.containerd
    }

    /// For the client of a service.
    pub fn channel(&self) -> Channel {
        self.0.channel.clone()
    }

    /// A request in the namespace.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("containerd-namespace", self.0.namespace.clone());
        request
    }

    /// A request whose results are held by the lease.
    ///
    /// # Errors
    /// When there can be no lease.
    pub async fn leased<T>(&self, message: T) -> Result<Request<T>, Error> {
        let lease = self.lease().await?;
        let mut request = self.request(message);
        request.metadata_mut().insert("containerd-lease", lease.clone());
        Ok(request)
    }

    /// The lease's name.
    ///
    /// # Errors
    /// When there can be none.
    pub async fn lease(&self) -> Result<&MetadataValue<Ascii>, Error> {
        let make = async || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let expires =
                Timestamp::from_second(now.saturating_add(AT_MOST).as_secs().cast_signed()).unwrap_or_default();
            let labels = [("containerd.io/gc.expire".to_owned(), expires.to_string())].into();
            let id = format!("ocix-{}-{}", std::process::id(), now.as_nanos());
            let request = self.request(CreateRequest { id: id.clone(), labels });
            LeasesClient::new(self.channel()).create(request).await.map_err(|why| refused("make a lease", &why))?;
            id.parse().map_err(|_| error(Fault::Host, ErrorCode::Other("lease".into()), "a lease's name is no header"))
        };
        self.0.lease.get_or_try_init(make).await
    }

    /// Ingests that are not committed, by their refs.
    pub fn begun(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the job's work: what was begun is aborted, and the lease deleted. With `clean`, waits until containerd has collected what the job
    /// leaves. What fails here, containerd does by itself when the lease expires.
    pub async fn end(&self, clean: bool) {
        let ending = async {
            let begun = std::mem::take(&mut *self.begun());
            for reference in begun {
                self.abort(reference).await;
            }
            if let Some(Ok(id)) = self.0.lease.get().map(|lease| lease.to_str()) {
                let request = self.request(DeleteRequest { id: id.to_owned(), sync: clean });
                let _ = LeasesClient::new(self.channel()).delete(request).await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, ending).await;
    }
}

fn out_of_reach(containerd: &Containerd, why: &io::Error) -> Error {
    let socket = shown(&containerd.socket.to_string_lossy());
    let (code, todo) = match why.kind() {
        io::ErrorKind::NotFound => (
            ErrorCode::NotFound,
            "there is no such socket; is containerd running? name its socket with --store containerd:SOCKET",
        ),
        io::ErrorKind::PermissionDenied => (ErrorCode::Denied, "permission denied; run as root, or as a user who may"),
        io::ErrorKind::ConnectionRefused => {
            (ErrorCode::Other("connection refused".into()), "nobody listens there; is containerd running?")
        }
        _ => (ErrorCode::Other(why.to_string()), ""),
    };
    let todo = if todo.is_empty() { shown(&why.to_string()) } else { todo.to_owned() };
    error(Fault::Store, code, format!("cannot reach containerd at `{socket}`: {todo}"))
}

/// As containerd wants its identifiers.
fn is_namespace(text: &str) -> bool {
    let parts = text.split(['.', '_', '-']);
    text.len() <= 76
        && parts.into_iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// After this a lease that nobody deleted is gone.
const AT_MOST: Duration = Duration::from_hours(24);
/// How long the end of a job may take.
const PATIENCE: Duration = Duration::from_secs(30);
