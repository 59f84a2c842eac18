//! The proxy for registries that do not let pages read them: `proxy?url=URL`, with the method, headers and body of the request that is
//! meant. The answer to it is 200, with the status in `ocix-status`, the headers in `ocix-headers` (a JSON array of pairs, in base64) and
//! the body as it came: redirects and all that CORS hides are there to be seen.
//!
//! What cannot go is 403, what did not get there 502, both with a `message` in JSON. Nobody is logged in here: the page has its own
//! credentials or none.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use reqwest::Url;

use super::answer::{self, Body, set};
use super::reach::Reach;
use crate::bindings::images::ocix::image::http as seam;
use crate::clients::Clients;
use crate::error::{Error, ErrorCode, Fault, error};
use crate::files::Input;
use crate::http::Exchange;

/// Of one run.
pub struct Proxy {
    clients: Clients,
    reach: Reach,
    insecure: bool,
}

impl Proxy {
    /// Goes as far as `reach`, by these clients. `insecure`: registries that were named are trusted whoever answers.
    pub fn new(clients: Clients, reach: Reach, insecure: bool) -> Self {
        Self { clients, reach, insecure }
    }

    /// Has the request answered by whom it is meant for.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if !METHODS.contains(request.method()) {
            return answer::not_allowed("GET, HEAD, POST, PUT, PATCH and DELETE");
        }
        let Some(url) = meant(request.uri().query().unwrap_or_default()) else {
            return answer::refused(StatusCode::BAD_REQUEST, "proxy?url= takes one http or https URL, percent-encoded");
        };
        let Some(length) = request.body().size_hint().exact() else {
            return answer::refused(StatusCode::LENGTH_REQUIRED, "a body needs a content-length");
        };
        let is_authorized = request.headers().contains_key(AUTHORIZATION);
        let why = match self.reach.permit(request.method(), &url, is_authorized) {
            Ok(why) => why,
            Err(message) => return answer::refused(StatusCode::FORBIDDEN, &message),
        };
        let asked = seam::Request {
            method: request.method().to_string(),
            url: url.to_string(),
            headers: passed_on(request.headers()),
            content_length: length,
            insecure: self.insecure && self.reach.is_named(&url),
        };
        let is_head = request.method() == Method::HEAD;
        match self.exchange(asked, request.into_body()).await {
            Ok((status, headers, body)) => {
                self.reach.learn(why, &url, &headers);
                passed_back(status, &headers, body, is_head)
            }
            Err(failure) => told(&failure),
        }
    }

    async fn exchange(&self, request: seam::Request, mut body: Incoming) -> Result<Answer, Error> {
        let exchange = Exchange::open(&self.clients, request)?;
        let mut is_taken = true;
        // Browsers look for an answer when they have sent all: what nobody takes any more is still read.
        while let Some(Ok(frame)) = body.frame().await {
            if let (true, Ok(bytes)) = (is_taken, frame.into_data()) {
                is_taken = exchange.write(bytes.into()).await.is_ok();
            }
        }
        let (status, headers, body) = exchange.finish().await?;
        if !is_taken && status < 300 {
            let message = "the registry said yes before it had everything; try again";
            return Err(error(Fault::Registry, ErrorCode::Malformed("registry protocol".into()), message));
        }
        Ok((status, headers, body))
    }
}

/// Status, headers and body, as they came.
type Answer = (u16, Vec<(String, Vec<u8>)>, Input);

/// The URL that a query names.
fn meant(query: &str) -> Option<Url> {
    let query = Url::parse(&format!("http://localhost/?{query}")).ok()?;
    let mut urls = query.query_pairs().filter(|(name, _)| name == "url").map(|(_, url)| url);
    let mut url: Url = urls.next()?.parse().ok()?;
    let is_sound = ["http", "https"].contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    url.set_fragment(None);
    (is_sound && urls.next().is_none()).then_some(url)
}

/// All but what is between the browser and here, and what a browser says of itself and its pages. What a page may not set, it leaves to
/// the proxy to say as every host of the component says it: who asks, and that bodies have to come as they are.
fn passed_on(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let is_ours = |name: &HeaderName| {
        OWN.contains(&name.as_str()) || ["sec-", "proxy-"].iter().any(|family| name.as_str().starts_with(family))
    };
    let named = headers.iter().filter(|(name, _)| !is_ours(name));
    let mut passed: Vec<_> = named.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    passed.push(("accept-encoding".to_owned(), b"identity".to_vec()));
    passed.push(("user-agent".to_owned(), concat!("ocix/", env!("CARGO_PKG_VERSION")).into()));
    passed
}

fn passed_back(status: u16, headers: &[(String, Vec<u8>)], body: Input, is_head: bool) -> Response<Body> {
    let mut response = answer::empty(StatusCode::OK);
    // A header's bytes are characters, as pages have them.
    let pair =
        |(name, value): &(String, Vec<u8>)| (name.clone(), value.iter().copied().map(char::from).collect::<String>());
    let pairs = serde_json::json!(headers.iter().map(pair).collect::<Vec<_>>()).to_string();
    set(&mut response, HeaderName::from_static("ocix-status"), &status.to_string());
    set(&mut response, HeaderName::from_static("ocix-headers"), &STANDARD.encode(pairs));
    set(&mut response, CONTENT_TYPE, "application/octet-stream");
    set(&mut response, CACHE_CONTROL, "no-store");
    if is_head || [204, 304].contains(&status) {
        return response;
    }
    // With it, whoever reads sees when something is missing.
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| str::from_utf8(value).ok());
    if let Some(length) = length {
        set(&mut response, CONTENT_LENGTH, length);
    }
    *response.body_mut() = answer::pieces(stream::try_unfold(body, |body| async move {
        let piece = body.read(PIECE).await.map_err(|failure| io::Error::other(failure.message))?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), body)))
    }));
    response
}

/// What kept the request from its answer.
fn told(failure: &Error) -> Response<Body> {
    let status =
        if matches!(failure.code, ErrorCode::Denied) { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY };
    answer::refused(status, &crate::failure::Error::from(failure.clone()).to_string())
}

const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Headers that go no further, beside families of them.
const OWN: [&str; 17] = [
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "priority",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Of a body at once, in bytes.
const PIECE: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_is_meant() {
        let table = [
            ("url=https%3A%2F%2Fr.example%2Fv2%2F%3Fa%3D1%26b", Some("https://r.example/v2/?a=1&b")),
            ("x=1&url=http://r.example/", Some("http://r.example/")),
            ("url=http://r.example/%23x", Some("http://r.example/")),
            ("url=http://r.example/&url=http://other.example/", None),
            ("url=http://user@r.example/", None),
            ("url=http://:p@r.example/", None),
            ("url=file:///etc/passwd", None),
            ("url=ftp://r.example/", None),
            ("url=/v2/", None),
            ("url=", None),
            ("", None),
        ];
        for (query, url) in table {
            assert_eq!(meant(query).as_ref().map(Url::as_str), url, "{query}");
        }
    }

    #[test]
    fn nothing_of_the_browser_is_passed_on() {
        let mut headers = HeaderMap::new();
        let own =
            ["cookie", "origin", "referer", "sec-fetch-site", "accept-language", "host", "te", "proxy-authorization"];
        for name in own.iter().chain(&["accept", "authorization", "content-range", "user-agent", "accept-encoding"]) {
            headers.insert(*name, "x".parse().unwrap());
        }
        let mut passed: Vec<_> = passed_on(&headers)
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8(value).unwrap()))
            .collect();
        passed.sort();
        let agent = concat!("user-agent: ocix/", env!("CARGO_PKG_VERSION"));
        assert_eq!(passed, ["accept-encoding: identity", "accept: x", "authorization: x", "content-range: x", agent]);
    }
}
