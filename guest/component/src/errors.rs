//! The errors of `wit/types.wit`, from the core's to the seam's. Both shells use this file: their bindings have the same shape.

use ocix_core::error;

use crate::bindings::ocix::image::types::{Error, ErrorCode, Fault};

/// To the seam.
pub fn outward(error: error::Error) -> Error {
    let code = match error.code {
        error::Code::InvalidOption(key) => ErrorCode::InvalidOption(key),
        error::Code::Conflict(one, other) => ErrorCode::Conflict((one, other)),
        error::Code::NotFound => ErrorCode::NotFound,
        error::Code::Denied => ErrorCode::Denied,
        error::Code::AlreadyExists => ErrorCode::AlreadyExists,
        error::Code::OutOfSpace => ErrorCode::OutOfSpace,
        error::Code::Cancelled => ErrorCode::Cancelled,
        error::Code::DigestMismatch(digest) => ErrorCode::DigestMismatch(digest.to_string()),
        error::Code::SizeMismatch(size) => ErrorCode::SizeMismatch(size),
        error::Code::LimitExceeded(limit) => ErrorCode::LimitExceeded(limit),
        error::Code::Malformed(format) => ErrorCode::Malformed(format),
        error::Code::Registry(status, code) => ErrorCode::Registry((status, code)),
        error::Code::Unsupported(what) => ErrorCode::Unsupported(what),
        error::Code::Other(text) => ErrorCode::Other(text),
    };
    let fault = match error.fault {
        error::Fault::Request => Fault::Request,
        error::Fault::Source => Fault::Source,
        error::Fault::Store => Fault::Store,
        error::Fault::Registry => Fault::Registry,
        error::Fault::Host => Fault::Host,
        error::Fault::Component => Fault::Component,
    };
    Error { code, fault, message: error.message, causes: error.causes }
}
