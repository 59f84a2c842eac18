//! What a registry says when it says no (OCI distribution spec, "Error Codes"), told with what the user can do.

use serde::Deserialize;

use crate::error::{Code, Error, Fault};
use crate::text::{shown, shown_bytes};

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The error for this status and body.
pub fn of(status: u16, body: &[u8], target: &str, tried: &str) -> Error {
    let parsed: Option<Errors> = serde_json::from_slice(body).ok();
    let first = parsed.and_then(|errors| errors.errors.into_iter().next());
    let code = first.as_ref().map(|first| shown(&first.code)).unwrap_or_default();
    let said = match first {
        Some(first) if !first.message.is_empty() => format!("{code}: {}", shown(&first.message)),
        Some(_) => code.clone(),
        None => shown_bytes(body.trim_ascii()),
    };
    let todo = match (status, code.as_str()) {
        (401, _) => "log in with `docker login`, or check user and password",
        (403, _) | (_, "DENIED") => "check that this user may push there",
        (404, _) => "check the name; some registries need the repository to be made first",
        (413, _) => "the registry, or a proxy before it, does not take a blob of this size",
        (429, _) | (_, "TOOMANYREQUESTS") => "the registry has had too many requests; wait, then push again",
        (500.., _) => "the registry is at fault; push again later",
        _ => "check the name and the registry",
    };
    let mut error = Error::new(
        Fault::Registry,
        Code::Registry(status, code),
        format!("{tried} at {target} was refused with status {status}: {todo}"),
    );
    if !said.is_empty() {
        error.causes.push(format!("the registry said: {said}"));
    }
    error
}
