//! Findings: what is wrong or odd, how much it matters, and what to do. How many there are is bounded, whatever an image holds.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::codes::{self, Code};
use crate::error::{self, Error, Result};
use crate::text::shown;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Legal, but dangerous or a lie.
    Warning,
    /// Not what it says, not readable by all alike, or not checked to its end.
    Broken,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// As in the table of codes.
    pub severity: Severity,
    /// Its row; in JSON its name.
    #[serde(serialize_with = "name")]
    pub code: &'static Code,
    /// What it is about: a digest, or a digest with what is in it: a path in a layer as `sha256:…:etc/passwd`, a field of a document as
    /// `sha256:…:layers 2`. Without a digest what was opened is meant.
    pub subject: String,
    /// What is wrong and what to do: one line, fit to be shown.
    pub message: String,
    /// How many more there are of the same code in the same document or layer, which are not told one by one.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// What is wrong somewhere, before it is said where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub code: &'static Code,
    pub message: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    /// By code and scope: how many there are, and where in `all` the last one that is told stands.
    told: BTreeMap<(&'static str, String), (u64, usize)>,
}

impl Findings {
    /// Something about a document or blob, `scope`, or about a `part` of it.
    pub fn add(&mut self, code: &'static Code, scope: &str, part: Option<&str>, message: impl Into<String>) {
        let (count, last) = self.told.entry((code.name, scope.to_owned())).or_default();
        *count = count.saturating_add(1);
        if *count > MOST {
            if let Some(last) = self.all.get_mut(*last) {
                last.more = last.more.saturating_add(1);
            }
            return;
        }
        *last = self.all.len();
        let subject = match part {
            Some(part) if scope.is_empty() => shown(part),
            Some(part) => format!("{}:{}", shown(scope), shown(part)),
            None => shown(scope),
        };
        self.all.push(Finding { severity: code.severity, code, subject, message: message.into(), more: 0 });
    }

    /// A flaw of a document or blob.
    pub fn flaw(&mut self, flaw: Flaw, scope: &str, part: Option<&str>) {
        self.add(flaw.code, scope, part, flaw.message);
    }

    /// What was found elsewhere, behind what is here.
    pub fn append(&mut self, mut others: Self) {
        self.all.append(&mut others.all);
    }

    /// All of them, in the order in which they were found.
    pub fn into_all(self) -> Vec<Finding> {
        self.all
    }
}

impl Flaw {
    /// With its message.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What an error says about the image.
    ///
    /// # Errors
    /// The same error when it says nothing about the image, but that it could not be read: the network, the user's request.
    pub fn of(error: Error) -> Result<Self> {
        let code = match &error.code {
            error::Code::NotFound | error::Code::Registry(404, _) if error.fault != error::Fault::Request => {
                codes::BLOB_MISSING
            }
            error::Code::SizeMismatch(_) => codes::SIZE_MISMATCH,
            error::Code::DigestMismatch(_) => codes::DIGEST_MISMATCH,
            error::Code::Malformed(format) => match format.as_str() {
                "index" => codes::INDEX_MALFORMED,
                "manifest" => codes::MANIFEST_MALFORMED,
                "config" => codes::CONFIG_MALFORMED,
                "digest" => codes::DIGEST_MALFORMED,
                "image" => codes::LAYER_COUNT,
                "image archive" => codes::ARCHIVE_MEMBER,
                "manifest.json" => codes::ARCHIVE_LISTING,
                "tar" | "gzip" | "zstd" | "layer" => codes::ARCHIVE_DAMAGED,
                _ => return Err(error),
            },
            error::Code::LimitExceeded(limit) => match limit.as_str() {
                "document size" | "document depth" => codes::LIMIT_DOCUMENT,
                "decompressed size" => codes::LIMIT_SIZE,
                "compression ratio" => codes::LIMIT_RATIO,
                "window" => codes::LIMIT_WINDOW,
                "entries" => codes::LIMIT_ENTRIES,
                "path" => codes::LIMIT_PATH,
                "image depth" => codes::LIMIT_DEPTH,
                "image size" => codes::LIMIT_NODES,
                "extended header" | "sparse map" => codes::LIMIT_EXTENSION,
                _ => return Err(error),
            },
            error::Code::Unsupported(_) if error.fault != error::Fault::Request => codes::UNSUPPORTED,
            _ => return Err(error),
        };
        Ok(Self::new(code, error.to_string()))
    }
}

fn name<S: Serializer>(code: &&'static Code, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(code.name)
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Of one code in one document or layer, told one by one.
const MOST: u64 = 10;
