//! What a registry in memory has, and what it answers with when nothing is wrong.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::sessions::Sessions;
use super::{Answer, Asked, Does, Script};
use crate::digest::Digest;

/// What the exchanges of one registry share.
pub struct World {
    /// Asked first.
    pub script: Script,
    /// Requests, in the order in which they were started.
    pub asked: RefCell<Vec<Asked>>,
    /// By their digests.
    pub blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Of other repositories, which it gives away: each with a digest.
    pub shared: RefCell<BTreeSet<(String, String)>>,
    /// By path.
    pub manifests: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Uploads.
    pub sessions: RefCell<Sessions>,
    /// Exchanges that are under way.
    pub open: Cell<usize>,
    /// The most there ever were.
    pub most_open: Cell<usize>,
}

impl World {
    /// With nothing.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            asked: RefCell::default(),
            blobs: RefCell::default(),
            shared: RefCell::default(),
            manifests: RefCell::default(),
            sessions: RefCell::default(),
            open: Cell::default(),
            most_open: Cell::default(),
        }
    }

    /// What happens to a request that a script speaks about, and its answer.
    pub fn follow(&self, asked: &Asked, mut scripted: Answer) -> Answer {
        let whole = asked.body.len() as u64 == asked.request.content_length;
        match scripted.does {
            Does::Nothing => {
                let given = asked.request.method == "POST" && scripted.status == 202;
                let location = scripted.headers.iter().find(|(name, _)| given && name == "location");
                if let Some(location) = location.and_then(|(_, location)| str::from_utf8(location).ok()) {
                    self.sessions.borrow_mut().gave(location);
                }
            }
            Does::Keeps => self.keep(asked),
            Does::Acts | Does::Answers if !whole => self.keep(asked),
            Does::Acts => drop(self.answer(asked)),
            Does::Answers => {
                let own = self.answer(asked);
                let instead = |name: &str| scripted.headers.iter().any(|(known, _)| known == name);
                let headers: Vec<_> = own.headers.into_iter().filter(|(name, _)| !instead(name)).collect();
                scripted.headers.extend(headers);
                (scripted.status, scripted.body) = (own.status, own.body);
            }
        }
        scripted
    }

    /// Keeps what came of an upload's body.
    pub fn keep(&self, asked: &Asked) {
        self.sessions.borrow_mut().keep(asked);
    }

    /// Does what is asked.
    pub fn answer(&self, asked: &Asked) -> Answer {
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
            return self.mount(asked).unwrap_or_else(|| self.sessions.borrow_mut().start(path));
        }
        if path.contains("/blobs/uploads/") {
            return self.sessions.borrow_mut().answer(asked, &mut self.blobs.borrow_mut());
        }
        if method == "PUT" && path.contains("/manifests/") {
            if self.misses(&asked.body) {
                return Answer::new(400).saying(r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"no blob"}]}"#);
            }
            self.manifests.borrow_mut().insert(path.into(), asked.body.clone());
        }
        match self.manifests.borrow().get(path) {
            None => Answer::new(404),
            Some(bytes) => {
                let status = if method == "PUT" { 201 } else { 200 };
                let answer = Answer::new(status).with("docker-content-digest", &Digest::of(bytes).to_string());
                if method == "GET" { answer.saying(bytes) } else { answer }
            }
        }
    }

    /// Takes a blob from another repository, when it may.
    fn mount(&self, asked: &Asked) -> Option<Answer> {
        let (_, rest) = asked.request.url.split_once("?mount=")?;
        let (digest, from) = rest.split_once("&from=")?;
        let (digest, from) = (digest.replace("%3A", ":"), from.replace("%2F", "/"));
        let given = self.shared.borrow().contains(&(from, digest.clone()));
        given.then(|| {
            self.blobs.borrow_mut().insert(digest.clone(), Vec::new());
            Answer::new(201).with("docker-content-digest", &digest)
        })
    }

    /// Whether a manifest names what is not there.
    fn misses(&self, manifest: &[u8]) -> bool {
        let Ok(document) = serde_json::from_slice::<Value>(manifest) else { return false };
        let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
        let digest = |of: &Value| of["digest"].as_str().map(str::to_owned);
        let (blobs, manifests) = (self.blobs.borrow(), self.manifests.borrow());
        let named = list("layers").iter().chain([&document["config"]]).filter_map(digest).collect::<Vec<_>>();
        let children: Vec<String> = list("manifests").iter().filter_map(digest).collect();
        named.iter().any(|digest| !blobs.contains_key(digest))
            || children.iter().any(|child| !manifests.keys().any(|path| path.ends_with(child.as_str())))
    }
}
