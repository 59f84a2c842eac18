//! A registry in memory, for tests: it behaves, unless its script says otherwise, and it remembers what it was asked.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::never::Never;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::layer::hash::Running;
use crate::media::{self, Chunk, Credential, Event, HashAlgorithm, Packed, Request, Response};
use crate::memory;

/// The registry and all other media of a job that pushes.
pub struct Double {
    /// What the user keeps, by the registry's name.
    pub credentials: BTreeMap<String, Credential>,
    /// What was emitted.
    pub events: RefCell<Vec<Event>>,
    world: Rc<World>,
}

/// What exchanges share.
struct World {
    script: Script,
    asked: RefCell<Vec<Asked>>,
    blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    manifests: RefCell<BTreeMap<String, Vec<u8>>>,
    uploads: Cell<u32>,
    open: Cell<usize>,
    most_open: Cell<usize>,
}

/// Says how a request is answered; `None` leaves it to the registry.
type Script = Box<dyn Fn(&Asked) -> Option<Answer>>;

/// A request, as far as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The head.
    pub request: Request,
    /// What was taken of the body.
    pub body: Vec<u8>,
}

/// An answer out of a script.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0 when the connection breaks instead.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Repeated without an end when `endless`.
    pub body: Vec<u8>,
    /// Whether the body never ends.
    pub endless: bool,
    /// Whether the connection breaks behind the body.
    pub breaks: bool,
    /// Bytes of the request's body that are taken before the peer answers.
    pub takes: usize,
}

impl Answer {
    /// Without headers and body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), endless: false, breaks: false, takes: usize::MAX }
    }

    /// With one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body.
    pub fn saying(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }
}

impl Asked {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `METHOD /path`, without registry and query.
    pub fn line(&self) -> String {
        let (_, rest) = self.request.url.split_once("://").expect("absolute");
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        format!("{} {}", self.request.method, path.split('?').next().unwrap_or_default())
    }

    /// Whether the method is this one and the URL has this in it.
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.request.method == method && self.request.url.contains(part)
    }
}

impl Double {
    /// A registry that follows the script where it says something.
    pub fn new(script: impl Fn(&Asked) -> Option<Answer> + 'static) -> Self {
        let world = World {
            script: Box::new(script),
            asked: RefCell::default(),
            blobs: RefCell::default(),
            manifests: RefCell::default(),
            uploads: Cell::default(),
            open: Cell::default(),
            most_open: Cell::default(),
        };
        Self { credentials: BTreeMap::new(), events: RefCell::default(), world: Rc::new(world) }
    }

    /// With a credential for a registry.
    pub fn knowing(mut self, registry: &str, credential: Credential) -> Self {
        self.credentials.insert(registry.into(), credential);
        self
    }

    /// What was asked so far, in the order in which requests were started.
    pub fn asked(&self) -> Vec<Asked> {
        self.world.asked.borrow().clone()
    }

    /// The lines of what was asked.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Gives the registry a blob.
    pub fn has_blob(self, bytes: &[u8]) -> Self {
        self.world.blobs.borrow_mut().insert(Digest::of(bytes).to_string(), bytes.to_vec());
        self
    }

    /// The blobs that the registry has.
    pub fn blobs(&self) -> BTreeSet<String> {
        self.world.blobs.borrow().keys().cloned().collect()
    }

    /// Manifests by path.
    pub fn manifests(&self) -> BTreeMap<String, Vec<u8>> {
        self.world.manifests.borrow().clone()
    }

    /// As many exchanges as were ever under way at once.
    pub fn most_open(&self) -> usize {
        self.world.most_open.get()
    }
}

/// Runs a future that only waits for itself.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(std::task::Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("the push waits for something that never comes");
}

impl World {
    /// What a registry answers.
    fn answer(&self, asked: &Asked) -> Answer {
        let line = asked.line();
        let (method, path) = line.split_once(' ').expect("a line");
        if let Some(digest) = path.split("/blobs/sha256:").nth(1) {
            return match self.blobs.borrow().get(&format!("sha256:{digest}")) {
                None => Answer::new(404),
                Some(bytes) if method == "GET" => Answer::new(200).saying(bytes),
                Some(_) => Answer::new(200),
            };
        }
        if path.ends_with("/blobs/uploads/") {
            let number = self.uploads.get() + 1;
            self.uploads.set(number);
            return Answer::new(202).with("location", &format!("{path}{number}?_state=a%2Bb"));
        }
        if path.contains("/blobs/uploads/") {
            let digest = Digest::of(&asked.body).to_string();
            if !asked.request.url.ends_with(&format!("?_state=a%2Bb&digest={}", digest.replace(':', "%3A"))) {
                return Answer::new(400).saying(r#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#);
            }
            self.blobs.borrow_mut().insert(digest.clone(), asked.body.clone());
            return Answer::new(201).with("docker-content-digest", &digest);
        }
        let mut manifests = self.manifests.borrow_mut();
        if method == "PUT" {
            manifests.insert(path.into(), asked.body.clone());
        }
        match manifests.get(path) {
            None => Answer::new(404),
            Some(bytes) => {
                let status = if method == "PUT" { 201 } else { 200 };
                let answer = Answer::new(status).with("docker-content-digest", &Digest::of(bytes).to_string());
                if method == "GET" { answer.saying(bytes) } else { answer }
            }
        }
    }
}

/// A file in memory that claims a size. It answers in pieces of 400 KiB at most, as hosts may.
#[derive(Clone)]
pub struct File {
    /// What it has.
    pub bytes: Vec<u8>,
    /// What it says that it has.
    pub size: u64,
}

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        Self { bytes, size }
    }
}

impl media::File for File {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        Ok(self.bytes.iter().skip(offset as usize).take((max as usize).min(400 << 10)).copied().collect())
    }
}

/// The body of a response.
pub struct Input {
    rest: Vec<u8>,
    endless: bool,
    breaks: bool,
}

impl media::Input for Input {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let most = self.rest.len().min(max as usize);
        if most == 0 && self.breaks {
            return Err(gone("connection reset"));
        }
        Ok(if self.endless { self.rest[..most].to_vec() } else { self.rest.drain(..most).collect() })
    }
}

/// A request that is under way.
pub struct Exchange {
    world: Rc<World>,
    number: usize,
    scripted: Option<Answer>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.world.open.set(self.world.open.get() - 1);
    }
}

impl media::Exchange for Exchange {
    type Body = Input;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        once_round().await;
        let mut asked = self.world.asked.borrow_mut();
        let body = &mut asked[self.number].body;
        let takes = self.scripted.as_ref().map_or(usize::MAX, |answer| answer.takes);
        if body.len().saturating_add(bytes.len()) > takes {
            return Err(gone("the peer takes no more"));
        }
        body.extend(bytes);
        Ok(())
    }

    async fn finish(mut self) -> Result<Response<Input>> {
        once_round().await;
        let asked = self.world.asked.borrow()[self.number].clone();
        let scripted = self.scripted.take();
        let cut = scripted.as_ref().is_some_and(|answer| answer.takes < usize::MAX);
        if !cut && asked.body.len() as u64 != asked.request.content_length {
            return Err(gone("fewer bytes than said"));
        }
        let Answer { status, headers, body: rest, endless, breaks, .. } =
            scripted.unwrap_or_else(|| self.world.answer(&asked));
        if status == 0 {
            return Err(gone("connection reset"));
        }
        Ok(Response { status, headers, body: Input { rest, endless, breaks } })
    }
}

/// The core's own hash.
pub struct Hasher(Running);

impl media::Hasher for Hasher {
    async fn update(&mut self, bytes: Vec<u8>) {
        self.0.update(&bytes);
    }

    async fn sum(&mut self) -> Vec<u8> {
        self.0.sum()
    }
}

impl media::Media for Double {
    type File = File;
    type Input = Input;
    type Tree = Never;
    type Directory = Never;
    type Sink = memory::Sink;
    type TreeWriter = memory::TreeWriter;
    type Exchange = Exchange;
    type Hasher = Hasher;

    async fn archive(&self, _: &str) -> Result<memory::Sink> {
        unreachable!("nothing is written here")
    }

    async fn layout(&self, _: &str) -> Result<Never> {
        unreachable!("nothing is written here")
    }

    async fn root_filesystem(&self, _: &str) -> Result<memory::TreeWriter> {
        unreachable!("nothing is written here")
    }

    async fn exchange(&self, request: Request) -> Result<Exchange> {
        let asked = Asked { request, body: Vec::new() };
        let scripted = (self.world.script)(&asked);
        let number = self.world.asked.borrow().len();
        self.world.asked.borrow_mut().push(asked);
        let open = self.world.open.get() + 1;
        self.world.open.set(open);
        self.world.most_open.set(self.world.most_open.get().max(open));
        let exchange = Exchange { world: Rc::clone(&self.world), number, scripted };
        once_round().await;
        Ok(exchange)
    }

    async fn credential(&self, registry: &str) -> Result<Option<Credential>> {
        Ok(self.credentials.get(registry).cloned())
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    async fn cancelled(&self) {
        pending().await
    }

    fn parallelism(&self) -> u32 {
        1
    }

    async fn compress(&self, _: Chunk) -> Result<Packed> {
        unreachable!("nothing is compressed here")
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> Hasher {
        Hasher(Running::new(algorithm))
    }

    fn wall(&self) -> i64 {
        0
    }
}

fn gone(how: &str) -> Error {
    Error::new(Fault::Registry, Code::Other("network".into()), how)
}

/// Lets everything else that is ready run once.
async fn once_round() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
