//! Errors of the media, told as the seam wants them: what failed, where, whose fault it is and what to do.

use std::io;
use std::path::Path;

pub use crate::bindings::images::ocix::image::types::{Error, ErrorCode, Fault};

/// Foreign text made fit to be shown: control and bidirectional characters escaped.
pub fn shown(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || bidi { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// An error without causes.
pub fn error(fault: Fault, code: ErrorCode, message: impl Into<String>) -> Error {
    Error { code, fault, message: message.into(), causes: Vec::new() }
}

/// What the operating system refused: `verb` as in "cannot {verb} {path}".
pub fn refused(fault: Fault, verb: &str, path: &Path, why: &io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let (code, todo) = match why.kind() {
        NotFound => (ErrorCode::NotFound, "it does not exist"),
        PermissionDenied => (ErrorCode::Denied, "permission denied; run as a user who may"),
        ReadOnlyFilesystem => (ErrorCode::Denied, "the file system is read-only"),
        StorageFull | QuotaExceeded => {
            (ErrorCode::OutOfSpace, "no space is left; make room, or choose another place with --store or dest")
        }
        BrokenPipe => (ErrorCode::Other("broken pipe".into()), "its reader has gone before the end"),
        _ => (ErrorCode::Other(why.to_string()), ""),
    };
    let todo = if todo.is_empty() { why.to_string() } else { todo.to_owned() };
    error(fault, code, format!("cannot {verb} `{}`: {todo}", shown(&path.to_string_lossy())))
}
