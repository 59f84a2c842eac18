//! Requests to a registry in memory, and answers out of its script.

use crate::media::Request;

/// Says how a request is answered, when it begins; `None` leaves it to the registry.
pub type Script = Box<dyn Fn(&Asked) -> Option<Answer>>;

/// A request, as far as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The head.
    pub request: Request,
    /// What was taken of the body.
    pub body: Vec<u8>,
    /// Bytes of the body that were sent, whether or not they were taken.
    pub offered: u64,
    /// When it was started, on the clock of [`now`].
    pub at: u64,
    /// The answer's head, once it came.
    pub heard: Option<Heard>,
}

/// The head of an answer that came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// 200 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// When, on the clock of [`now`].
    pub at: u64,
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
    /// Whether the bodies of request and answer go by one byte a second.
    pub slow: bool,
    /// Whether nothing comes, until the host gives up.
    pub stalls: bool,
    /// Bytes of the request's body that are taken before the peer answers.
    pub takes: usize,
    /// What the registry does all the same.
    pub does: Does,
}

/// What a registry does with a request that a script speaks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing.
    Nothing,
    /// It keeps what came of an upload's body.
    Keeps,
    /// What it is asked, when all of the body came; only its answer is another one.
    Acts,
    /// The same, and status and body are its own; headers of the script stand in place of its own.
    Answers,
}

impl Answer {
    /// Without headers and body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            endless: false,
            breaks: false,
            slow: false,
            stalls: false,
            takes: usize::MAX,
            does: Does::Nothing,
        }
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
