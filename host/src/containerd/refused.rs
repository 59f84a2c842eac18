//! What containerd refuses, told as the seam wants it.

use containerd_client::tonic::{Code, Status};

use crate::error::{Error, ErrorCode, Fault, error, shown};

/// An answer that is none: `verb` as in "containerd cannot {verb}".
pub fn refused(verb: &str, why: &Status) -> Error {
    let message = why.message();
    let full = ["no space left on device", "disk quota exceeded"].iter().any(|words| message.contains(words));
    let (code, todo) = match why.code() {
        _ if full => (ErrorCode::OutOfSpace, "no space is left where it keeps its images; make room there".to_owned()),
        // Its own words are only that the transport failed.
        Code::Unavailable if message.contains("transport error") || message.contains("tcp connect") => {
            (ErrorCode::Other("connection".into()), "the connection broke; is it still running?".to_owned())
        }
        Code::NotFound => (ErrorCode::NotFound, shown(message)),
        Code::AlreadyExists => (ErrorCode::AlreadyExists, shown(message)),
        Code::PermissionDenied => (ErrorCode::Denied, shown(message)),
        Code::FailedPrecondition => match mismatch(message) {
            Some(digest) => (ErrorCode::DigestMismatch(digest), shown(message)),
            None => (ErrorCode::Other("failed precondition".into()), shown(message)),
        },
        Code::Unimplemented => (ErrorCode::Unsupported("containerd".into()), shown(message)),
        code => (ErrorCode::Other(format!("{code:?}")), shown(message)),
    };
    error(Fault::Store, code, format!("containerd cannot {verb}: {todo}"))
}

/// Of a blob whose bytes are others than was said, the digest that they have.
fn mismatch(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unexpected commit digest ")?;
    rest.split([',', ' ']).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let table = [
            (Code::Unknown, "write /x: no space left on device: unknown", ErrorCode::OutOfSpace, "make room there"),
            (Code::NotFound, "snapshotter z: not found", ErrorCode::NotFound, "containerd cannot do it: snapshotter z"),
            (
                Code::FailedPrecondition,
                "unexpected commit digest sha256:a, expected sha256:b: failed precondition",
                ErrorCode::DigestMismatch("sha256:a".into()),
                "expected sha256:b",
            ),
            (Code::Unavailable, "transport error", ErrorCode::Other("connection".into()), "is it still running?"),
            (Code::Internal, "a\u{1b}b", ErrorCode::Other("Internal".into()), "a\\u{1b}b"),
        ];
        for (code, message, expected, said) in table {
            let error = refused("do it", &Status::new(code, message));
            assert_eq!(format!("{:?}", error.code), format!("{expected:?}"));
            assert!(error.message.contains(said), "{}", error.message);
        }
    }
}
