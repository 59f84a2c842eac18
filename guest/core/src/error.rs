//! What can go wrong, as values: a closed kind, whose fault it is, and a line for people.
//!
//! Messages are lower-case, without a full stop, and say what failed, where and what to do. They never hold a secret.

use std::fmt;

use crate::digest::Digest;

/// Every fallible function of the core returns this.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What a program may branch on.
    pub code: Code,
    /// Whose fault it is.
    pub fault: Fault,
    /// What failed, where, and what to do: one line.
    pub message: String,
    /// Why, the nearest cause first; each one line.
    pub causes: Vec<String>,
}

/// What went wrong, as far as a program may branch on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A key or value of an output; carries the key.
    InvalidOption(String),
    /// Two options that exclude each other; carries both keys.
    Conflict(String, String),
    /// The named thing does not exist.
    NotFound,
    /// Permission, or credentials, were refused.
    Denied,
    /// Something else is in the place.
    AlreadyExists,
    /// No room, or a quota, in the store.
    OutOfSpace,
    /// The user stopped the job.
    Cancelled,
    /// The bytes have another digest than was said; carries the digest that they have.
    DigestMismatch(Digest),
    /// There are more or fewer bytes than was said; carries how many there are.
    SizeMismatch(u64),
    /// A documented limit; carries its name.
    LimitExceeded(String),
    /// Bytes that break the format they claim to be; carries the format's name.
    Malformed(String),
    /// The registry said no: the HTTP status, and the registry's own code or an empty string.
    Registry(u16, String),
    /// Legal, but not something this version does; carries what.
    Unsupported(String),
    /// The one catch-all.
    Other(String),
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The user's request: an option, a name, a platform.
    Request,
    /// What was to be exported.
    Source,
    /// The place where images are kept.
    Store,
    /// The registry, or the network on the way to it.
    Registry,
    /// The program around the component.
    Host,
    /// The component itself: a bug.
    Component,
}

impl Error {
    /// An error without causes.
    pub fn new(fault: Fault, code: Code, message: impl Into<String>) -> Self {
        Self { code, fault, message: message.into(), causes: Vec::new() }
    }

    /// A key or value of an output that is wrong.
    pub fn invalid_option(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Fault::Request, Code::InvalidOption(key.into()), message)
    }

    /// Bytes of the source that break `format`.
    pub fn malformed(format: &str, message: impl Into<String>) -> Self {
        Self::new(Fault::Source, Code::Malformed(format.into()), message)
    }

    /// A documented limit, met in the source.
    pub fn limit(limit: &str, message: impl Into<String>) -> Self {
        Self::new(Fault::Source, Code::LimitExceeded(limit.into()), message)
    }

    /// Something legal that this version does not do, met in the source.
    pub fn unsupported(what: &str, message: impl Into<String>) -> Self {
        Self::new(Fault::Source, Code::Unsupported(what.into()), message)
    }

    /// The user stopped the job.
    pub fn cancelled() -> Self {
        Self::new(Fault::Request, Code::Cancelled, "stopped; nothing was changed")
    }

    /// With one more cause, behind those that it has.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same failure told from further out: `message` becomes the line, what was the line becomes the nearest cause.
    pub fn within(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}
