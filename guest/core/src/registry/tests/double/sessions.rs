//! Uploads of a registry in memory, each with the bytes that it has (OCI distribution spec, "Pushing blobs").

use std::collections::BTreeMap;

use super::{Answer, Asked};
use crate::digest::Digest;

/// All uploads that were ever begun.
#[derive(Default)]
pub struct Sessions {
    /// How it behaves.
    pub rules: Rules,
    begun: u32,
    known: BTreeMap<String, Session>,
}

/// What registries are free to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// The location of an upload names its offset, and one that is asked for under another offset is gone, as with distribution.
    pub strict: bool,
    /// Bytes that each PATCH but the last must have.
    pub least: Option<u64>,
    /// An upload that has ended says so as often as it is asked, instead of being gone.
    pub repeats: bool,
}

#[derive(Default)]
struct Session {
    bytes: Vec<u8>,
    /// Whether the last PATCH had fewer bytes than it must have.
    short: bool,
    /// Of the blob that it has become.
    ended: Option<String>,
}

impl Sessions {
    /// Begins an upload beneath this path.
    pub fn start(&mut self, path: &str) -> Answer {
        self.begun += 1;
        let name = self.begun.to_string();
        let answer = Answer::new(202).with("location", &location(path, &name, 0)).with("range", "0-0");
        self.known.insert(name, Session::default());
        self.rules.least.iter().fold(answer, |answer, least| answer.with("oci-chunk-min-length", &least.to_string()))
    }

    /// Knows an upload that a script gave out, if it looks like one of its own.
    pub fn gave(&mut self, location: &str) {
        let name = name(location);
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            self.known.entry(name.to_owned()).or_default();
        }
    }

    /// How many have begun and not come to an end.
    pub fn open(&self) -> usize {
        self.known.values().filter(|session| session.ended.is_none()).count()
    }

    /// Answers a request to an upload. What becomes a blob goes to `blobs`.
    pub fn answer(&mut self, asked: &Asked, blobs: &mut BTreeMap<String, Vec<u8>>) -> Answer {
        let (url, name) = (asked.request.url.as_str(), name(&asked.request.url).to_owned());
        let Some(session) = self.known.get_mut(&name) else { return unknown() };
        let wanted = digest(url);
        if session.ended.is_some() {
            let same = self.rules.repeats && asked.request.method == "PUT" && session.ended == wanted;
            return if same { created(wanted) } else { unknown() };
        }
        let offset = session.bytes.len();
        let stated = state(url);
        if stated.is_none() || (self.rules.strict && stated != Some(offset)) {
            self.known.remove(&name);
            return Answer::new(404).saying(r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"wrong offset"}]}"#);
        }
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or_default();
        let folder = path.split('?').next().and_then(|path| path.strip_suffix(name.as_str())).unwrap_or_default();
        let told = |status: u16, size: usize| {
            let range = format!("0-{}", size.saturating_sub(1));
            Answer::new(status).with("location", &location(folder, &name, size)).with("range", &range)
        };
        match asked.request.method.as_str() {
            "GET" => told(204, offset),
            "DELETE" => {
                self.known.remove(&name);
                Answer::new(204)
            }
            "PATCH" | "PUT" if !session.fits(asked) => told(416, offset),
            "PATCH" if session.short => {
                Answer::new(400).saying(r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"small part"}]}"#)
            }
            "PATCH" => {
                session.bytes.extend(&asked.body);
                session.short = self.rules.least.is_some_and(|least| (asked.body.len() as u64) < least);
                told(202, session.bytes.len())
            }
            "PUT" => {
                session.bytes.extend(&asked.body);
                let expected: Option<Digest> = wanted.as_ref().and_then(|wanted| wanted.parse().ok());
                let same = |digest: &Digest| *digest == Digest::by(digest.algorithm(), &session.bytes);
                let Some(digest) = expected.filter(same) else {
                    self.known.remove(&name);
                    return Answer::new(400)
                        .saying(r#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#);
                };
                blobs.insert(digest.to_string(), std::mem::take(&mut session.bytes));
                session.ended = Some(digest.to_string());
                created(wanted)
            }
            _ => Answer::new(405),
        }
    }

    /// Keeps what came of a body that broke off.
    pub fn keep(&mut self, asked: &Asked) {
        if let Some(session) = self.known.get_mut(name(&asked.request.url))
            && matches!(asked.request.method.as_str(), "PATCH" | "PUT")
            && session.ended.is_none()
            && session.begins(asked)
        {
            session.bytes.extend(&asked.body);
        }
    }
}

impl Session {
    /// Whether the body goes where the upload is.
    fn fits(&self, asked: &Asked) -> bool {
        let size = |range: &str| {
            let (from, to) = range.split_once('-')?;
            to.parse::<usize>().ok()?.checked_sub(from.parse().ok()?)?.checked_add(1)
        };
        let whole = asked.header("content-range").is_none_or(|range| size(range) == Some(asked.body.len()));
        whole && self.begins(asked)
    }

    fn begins(&self, asked: &Asked) -> bool {
        let from = |range: &str| range.split('-').next()?.parse().ok();
        asked.header("content-range").is_none_or(|range| from(range) == Some(self.bytes.len()))
    }
}

fn location(folder: &str, name: &str, offset: usize) -> String {
    let offset = if offset == 0 { String::new() } else { offset.to_string() };
    format!("{folder}{name}?_state=a%2Bb{offset}")
}

fn name(url: &str) -> &str {
    url.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    url.split(['?', '&']).skip(1).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The offset that a location names.
fn state(url: &str) -> Option<usize> {
    let offset = parameter(url, "_state")?.strip_prefix("a%2Bb")?;
    if offset.is_empty() { Some(0) } else { offset.parse().ok() }
}

fn digest(url: &str) -> Option<String> {
    parameter(url, "digest").map(|digest| digest.replace("%3A", ":"))
}

fn created(digest: Option<String>) -> Answer {
    Answer::new(201).with("docker-content-digest", &digest.unwrap_or_default())
}

fn unknown() -> Answer {
    Answer::new(404).saying(r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"no such upload"}]}"#)
}
