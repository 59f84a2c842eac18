//! The page: the files that `cargo xtask web` made, which are in the program.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::answer::{self, Body, set};
use crate::hashers::sha256;

/// The files, by their paths.
pub struct Page(BTreeMap<&'static str, File>);

struct File {
    media_type: &'static str,
    etag: HeaderValue,
    bytes: &'static [u8],
}

impl Page {
    /// As it was built; empty when it was not.
    pub fn new() -> Self {
        let file = |&(path, media_type, bytes): &(&'static str, &'static str, &'static [u8])| {
            let digest = sha256(bytes);
            let etag = HeaderValue::try_from(format!("\"sha256:{digest}\"")).ok()?;
            Some((path, File { media_type, etag, bytes }))
        };
        Self(FILES.iter().filter_map(file).collect())
    }

    /// Whether the program was built with it.
    pub fn is_built(&self) -> bool {
        self.0.contains_key(INDEX)
    }

    /// A file of it; the page itself where none is named.
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        let Some(file) = self.0.get(if path.is_empty() { INDEX } else { path }) else {
            let why = if self.is_built() { "there is nothing here" } else { NOT_BUILT };
            return answer::text(StatusCode::NOT_FOUND, why);
        };
        let known = answer::is_known(headers, &file.etag);
        let mut response = answer::empty(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        if !known {
            *response.body_mut() = answer::whole(Bytes::from_static(file.bytes));
        }
        set(&mut response, CONTENT_TYPE, file.media_type);
        set(&mut response, CONTENT_SECURITY_POLICY, &format!("{POLICY}; frame-ancestors 'none'"));
        set(&mut response, CACHE_CONTROL, "no-cache");
        response.headers_mut().insert(ETAG, file.etag.clone());
        response
    }
}

/// What to do about a missing page.
pub const NOT_BUILT: &str = "this ocix was built without the page: run `cargo xtask web`, then `cargo xtask build`";

const INDEX: &str = "index.html";

// `FILES`: path, media type and bytes of each. `POLICY`: what the page says in its own head that it may load.
include!(concat!(env!("OUT_DIR"), "/page.rs"));
