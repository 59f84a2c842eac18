//! The embedded store as a layout that is read: its index and its blobs, whole or from here to there, and nothing else of its folder.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_RANGE,
    RANGE,
};
use hyper::{Response, StatusCode};

use super::answer::{self, Body, set};
use crate::beneath;
use crate::files::read;

/// A file of the store at `root`, as the headers ask for it.
pub async fn answer(root: &Path, path: &str, headers: &HeaderMap) -> Response<Body> {
    let missing = || answer::text(StatusCode::NOT_FOUND, "the store has no such file");
    if !is_of_layout(path) {
        return missing();
    }
    let (root, name) = (root.to_owned(), path.to_owned());
    let opened = tokio::task::spawn_blocking(move || open(&root, &name)).await;
    match opened.unwrap_or_else(|_| Err(io::Error::other("a thread ended"))) {
        Ok((file, metadata)) => show(file, &metadata, &etag(path, &metadata), headers),
        Err(why) if why.kind() == io::ErrorKind::NotFound => missing(),
        // The path is the user's, and so is the eye that reads this.
        Err(why) => answer::text(StatusCode::INTERNAL_SERVER_ERROR, &format!("the store cannot be read: {why}")),
    }
}

fn open(root: &Path, path: &str) -> io::Result<(File, Metadata)> {
    let file = beneath::open(beneath::root(root)?, path.as_bytes())?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn show(file: File, metadata: &Metadata, etag: &str, headers: &HeaderMap) -> Response<Body> {
    let size = metadata.len();
    let version = HeaderValue::try_from(etag).ok();
    if version.as_ref().is_some_and(|version| answer::is_known(headers, version)) {
        return described(answer::empty(StatusCode::NOT_MODIFIED), etag);
    }
    // Of another version there is no rest.
    let is_wanted = headers.get(IF_RANGE).is_none_or(|wanted| Some(wanted) == version.as_ref());
    let range = headers.get(RANGE).filter(|_| is_wanted).and_then(|range| asked(range.to_str().ok()?, size));
    let (status, part) = match range {
        None => (StatusCode::OK, 0..size),
        Some(Some(part)) => (StatusCode::PARTIAL_CONTENT, part),
        Some(None) => {
            let mut response = answer::empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return described(response, etag);
        }
    };
    let mut response = answer::empty(status);
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, CONTENT_RANGE, &format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1)));
    }
    set(&mut response, CONTENT_LENGTH, &(part.end - part.start).to_string());
    *response.body_mut() = body(file, part);
    described(response, etag)
}

fn described(mut response: Response<Body>, etag: &str) -> Response<Body> {
    set(&mut response, CONTENT_TYPE, "application/octet-stream");
    set(&mut response, ACCEPT_RANGES, "bytes");
    set(&mut response, CACHE_CONTROL, "no-cache");
    set(&mut response, ETAG, etag);
    response
}

/// Read as fast as it is taken. What is cut off meanwhile breaks the answer off.
fn body(file: File, part: Range<u64>) -> Body {
    let file = Arc::new(file);
    answer::pieces(stream::try_unfold(part, move |part| {
        let file = file.clone();
        async move {
            let rest = part.end.saturating_sub(part.start);
            if rest == 0 {
                return Ok(None);
            }
            let max = rest.min(PIECE) as usize;
            let bytes = tokio::task::spawn_blocking(move || read(&*file, part.start, max, part.end)).await??;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let next = part.start + bytes.len() as u64..part.end;
            Ok(Some((Bytes::from(bytes), next)))
        }
    }))
}

/// The paths that an image layout has.
fn is_of_layout(path: &str) -> bool {
    let sound =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [name] => ["index.json", "oci-layout"].contains(name),
        ["blobs", algorithm, hex] => sound(algorithm) && sound(hex),
        _ => false,
    }
}

/// A blob's digest; of another file what tells its versions apart, which are files of their own.
fn etag(path: &str, metadata: &Metadata) -> String {
    match path.strip_prefix("blobs/") {
        Some(digest) => format!("\"{}\"", digest.replace('/', ":")),
        None => format!("\"{:x}-{:x}-{:x}\"", metadata.ino(), metadata.mtime_nsec(), metadata.len()),
    }
}

/// The one range that is asked for, `Some(None)` when it is behind the end; several are answered with all, as nobody has to have them
/// (RFC 9110, 14.2).
fn asked(range: &str, size: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().unwrap_or(u64::MAX));
    let part = match (first, last) {
        ("", "") => return None,
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some((part.start < part.end).then_some(part))
}

/// What is read at once, in bytes.
const PIECE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_one() {
        let table = [
            ("bytes=0-", Some(Some(0..10))),
            ("bytes=0-0", Some(Some(0..1))),
            ("bytes=2-5", Some(Some(2..6))),
            ("bytes=9-99999999999999999999", Some(Some(9..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-99", Some(Some(0..10))),
            ("bytes=-0", Some(None)),
            ("bytes=10-", Some(None)),
            ("bytes=10-12", Some(None)),
            ("bytes=5-2", None),
            ("bytes=-", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("items=0-1", None),
        ];
        for (text, range) in table {
            assert_eq!(asked(text, 10), range, "{text}");
        }
        assert_eq!(asked("bytes=0-", 0), Some(None));
    }

    #[test]
    fn nothing_but_the_layout_is_named() {
        let hex = "a".repeat(64);
        for path in ["index.json", "oci-layout", &format!("blobs/sha256/{hex}"), &format!("blobs/sha512/{hex}{hex}")] {
            assert!(is_of_layout(path), "{path}");
        }
        for path in [
            "",
            "/",
            ".lock",
            "known/x",
            "ingest/x",
            "index.json/",
            "blobs",
            "blobs/sha256",
            "blobs//x",
            "blobs/sha256/..",
            "blobs/../x",
            "blobs/sha256/a/b",
            "blobs/sha256/A",
            "blobs/sha256/%61",
            "../store/index.json",
            "./index.json",
        ] {
            assert!(!is_of_layout(path), "{path}");
        }
    }
}
