//! Errors of `wit/types.wit` as JavaScript has them: `{ code, detail, fault, message, causes }`, `code` in kebab-case and `detail` what it
//! carries. `web/error.js` makes exceptions of them.

use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use ocix_core::error::{Code, Error, Fault};

use crate::value::{self, set};

/// To JavaScript.
pub fn outward(error: Error) -> JsValue {
    let thrown = Object::new();
    let (code, detail) = coded(&error.code);
    set(&thrown, "code", &code.into());
    set(&thrown, "detail", &detail);
    set(&thrown, "fault", &fault(error.fault).into());
    set(&thrown, "message", &error.message.into());
    set(&thrown, "causes", &error.causes.into_iter().map(JsValue::from).collect::<Array>());
    thrown.into()
}

/// From JavaScript. What is no error of ours is a bug of the host.
pub fn inward(thrown: JsValue) -> Error {
    let text = |name| value::text(&thrown, name).ok().flatten();
    let message = text("message").unwrap_or_else(|| format!("{thrown:?}"));
    let known = text("code").and_then(|code| uncoded(&code, &thrown)).zip(text("fault"));
    let Some((code, fault)) = known else {
        return Error::new(Fault::Host, Code::Other("host".into()), message);
    };
    let fault = FAULTS.iter().find(|(_, name)| *name == fault).map_or(Fault::Host, |(fault, _)| *fault);
    let causes = value::list(&thrown, "causes").ok().flatten().unwrap_or_default();
    Error { code, fault, message, causes: causes.iter().filter_map(|cause| cause.as_string()).collect() }
}

fn coded(code: &Code) -> (&'static str, JsValue) {
    let pair = |one: JsValue, other: &str| Array::of2(&one, &other.into()).into();
    match code {
        Code::InvalidOption(key) => ("invalid-option", key.into()),
        Code::Conflict(one, other) => ("conflict", pair(one.into(), other)),
        Code::NotFound => ("not-found", JsValue::UNDEFINED),
        Code::Denied => ("denied", JsValue::UNDEFINED),
        Code::AlreadyExists => ("already-exists", JsValue::UNDEFINED),
        Code::OutOfSpace => ("out-of-space", JsValue::UNDEFINED),
        Code::Cancelled => ("cancelled", JsValue::UNDEFINED),
        Code::DigestMismatch(digest) => ("digest-mismatch", digest.as_str().into()),
        Code::SizeMismatch(size) => ("size-mismatch", (*size as f64).into()),
        Code::LimitExceeded(limit) => ("limit-exceeded", limit.into()),
        Code::Malformed(format) => ("malformed", format.into()),
        Code::Registry(status, code) => ("registry", pair((*status).into(), code)),
        Code::Unsupported(what) => ("unsupported", what.into()),
        Code::Other(text) => ("other", text.into()),
    }
}

/// Of the codes that media have.
fn uncoded(code: &str, thrown: &JsValue) -> Option<Code> {
    let detail = || value::text(thrown, "detail").ok().flatten().unwrap_or_default();
    Some(match code {
        "not-found" => Code::NotFound,
        "denied" => Code::Denied,
        "already-exists" => Code::AlreadyExists,
        "out-of-space" => Code::OutOfSpace,
        "cancelled" => Code::Cancelled,
        "limit-exceeded" => Code::LimitExceeded(detail()),
        "malformed" => Code::Malformed(detail()),
        "unsupported" => Code::Unsupported(detail()),
        "other" => Code::Other(detail()),
        _ => return None,
    })
}

fn fault(fault: Fault) -> &'static str {
    FAULTS.iter().find(|(known, _)| *known == fault).map_or("host", |(_, name)| name)
}

const FAULTS: [(Fault, &str); 6] = [
    (Fault::Request, "request"),
    (Fault::Source, "source"),
    (Fault::Store, "store"),
    (Fault::Registry, "registry"),
    (Fault::Host, "host"),
    (Fault::Component, "component"),
];
