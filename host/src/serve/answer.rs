//! Answers of one's own: short texts, JSON, and bodies that come in pieces.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use serde_json::Value;

/// Of any answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A sentence, for people.
pub fn text(status: StatusCode, sentence: &str) -> Response<Body> {
    of(status, "text/plain; charset=utf-8", format!("{sentence}\n"))
}

/// A document that is another one next time.
pub fn json(status: StatusCode, value: &Value) -> Response<Body> {
    of(status, "application/json", value.to_string())
}

/// A refusal that a program shows to its user.
pub fn refused(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "message": message }))
}

/// Another method was to be used.
pub fn not_allowed(methods: &str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, &format!("only {methods} are answered here"));
    set(&mut response, ALLOW, &methods.replace(" and", ","));
    response
}

/// No body, and nothing about it yet.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A body that is there already.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body in pieces. One that fails breaks the connection off, so that nobody takes what came for all.
pub fn pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// Whether whoever asks has this version already.
pub fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get(IF_NONE_MATCH) == Some(etag)
}

/// Sets a header to a text of ours.
pub fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Ours are: digests, numbers, what a build wrote.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn of(status: StatusCode, media_type: &str, body: String) -> Response<Body> {
    let mut response = empty(status);
    *response.body_mut() = whole(body);
    set(&mut response, CONTENT_TYPE, media_type);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}
