//! What a registry says when it says no (OCI distribution spec, "Error Codes"), told with what the user can do.

use serde_json::Value;

use super::client::Purpose;
use crate::error::{Code, Error, Fault};
use crate::text::shown;

/// A request that was refused, for people.
pub struct Refused<'a> {
    /// HTTP status.
    pub status: u16,
    /// The start of the body.
    pub body: &'a [u8],
    /// What was tried, for example `starting an upload`.
    pub tried: &'a str,
    /// Registry, repository and tag.
    pub target: &'a str,
    /// What `docker login` calls the registry.
    pub registry: &'a str,
    /// What the repository was asked for.
    pub purpose: Purpose,
    /// What must not be shown, even if the registry repeats it.
    pub secrets: &'a [String],
    /// How often it was tried.
    pub tries: u32,
}

impl Refused<'_> {
    /// For the user; of the fault `registry`.
    pub fn error(&self) -> Error {
        let Refused { status, tried, target, .. } = *self;
        let (code, message) = self.said();
        let todo = self.todo(&code);
        let often = if self.tries > 1 { format!(", {} times", self.tries) } else { String::new() };
        let mut error = Error::new(
            Fault::Registry,
            Code::Registry(status, code.clone()),
            format!("{tried} at {} was refused with status {status}{often}: {todo}", shown(target)),
        );
        let said: Vec<String> = [code, message].into_iter().filter(|part| !part.is_empty()).collect();
        if !said.is_empty() {
            error.causes.push(format!("the registry said: {}", said.join(": ")));
        }
        error
    }

    /// The registry's code and words; both may be empty.
    fn said(&self) -> (String, String) {
        let document: Option<Value> = serde_json::from_slice(self.body).ok();
        let first = document.as_ref().and_then(|document| document.get("errors")?.get(0));
        let field = |name: &str| first.and_then(|first| first.get(name)?.as_str()).unwrap_or_default();
        if first.is_some() {
            return (self.fit(field("code")), self.fit(field("message")));
        }
        let text = String::from_utf8_lossy(self.body);
        // A page of a proxy says nothing in a line.
        let text = if text.trim_start().starts_with('<') { "" } else { text.trim() };
        (String::new(), self.fit(text))
    }

    fn todo(&self, code: &str) -> String {
        let (registry, purpose) = (shown(self.registry), self.purpose.word());
        match (self.status, code) {
            (401, _) => format!("denied: log in with `docker login {registry}`, or check the name"),
            (403, _) | (_, "DENIED") => format!(
                "denied: check the name, or log in with `docker login {registry}` as a user who may {purpose} there"
            ),
            (404, _) | (_, "MANIFEST_UNKNOWN") if self.purpose == Purpose::Pull => {
                "it is not there: check the name, its tag and its digest".into()
            }
            (_, "BLOB_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN" | "MANIFEST_UNKNOWN") => {
                "the registry misses what it had a moment ago; push again".into()
            }
            (_, "DIGEST_INVALID") => {
                "it got other bytes than were sent: something on the way changed them; push again".into()
            }
            (404, _) => "check the name; some registries want a repository to be made before it is pushed to".into(),
            (413, _) => "the registry, or a proxy before it, takes nothing of this size; raise its limit".into(),
            (429, _) | (_, "TOOMANYREQUESTS") => {
                format!("the registry has had too many requests; wait, then {purpose} again")
            }
            (300..=399, _) => "it redirects what is pushed, which is not followed; push to where it points".into(),
            (500.., _) => format!("the registry, or a proxy before it, is at fault; {purpose} again later"),
            _ => "check the name and the registry".into(),
        }
    }

    /// Foreign text without secrets and control characters.
    fn fit(&self, text: &str) -> String {
        let secrets = self.secrets.iter().filter(|secret| !secret.is_empty());
        shown(&secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &[u8]) -> Error {
        let secrets = ["hunter2".to_owned(), String::new()];
        let (target, registry, purpose) = ("r.example/a:v1", "r.example", Purpose::Push);
        Refused { status, body, tried: "trying", target, registry, purpose, secrets: &secrets, tries: 1 }.error()
    }

    #[test]
    fn what_the_registry_said_is_told() {
        for (status, body, code, parts) in [
            (
                401,
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}"#,
                "UNAUTHORIZED",
                ["docker login r.example", "UNAUTHORIZED: who?"],
            ),
            (403, r#"{"errors":[{"code":"DENIED"}]}"#, "DENIED", ["denied", "the registry said: DENIED"]),
            (
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":null}]}"#,
                "NAME_UNKNOWN",
                ["check the name", "NAME_UNKNOWN"],
            ),
            (
                404,
                r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#,
                "MANIFEST_BLOB_UNKNOWN",
                ["push again", "trying at r.example/a:v1"],
            ),
            (400, r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#, "DIGEST_INVALID", ["other bytes", "push again"]),
            (413, "<html>\u{1b}[2J</html>", "", ["this size", "413"]),
            (429, "slow down", "", ["wait", "slow down"]),
            (307, "", "", ["redirects", "307"]),
            (502, r#"{"errors":[]}"#, "", ["later", "502"]),
            (400, r#"{"errors":[{"code":7,"message":"bad \u001b]0;x\u0007 \u202e"}]}"#, "", ["\\u{1b}", "\\u{202e}"]),
            (401, r#"{"details":"hunter2 is wrong"}"#, "", ["*** is wrong", "log in"]),
        ] {
            let error = told(status, body.as_bytes());
            assert_eq!((error.fault, &error.code), (Fault::Registry, &Code::Registry(status, code.into())), "{body}");
            let line = error.to_string();
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
            assert!(
                !line.chars().any(|c| c.is_control()) && !line.contains("hunter2") && !line.contains("html"),
                "{line}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_too() {
        assert!(told(500, b"\xff\x00\x9b").to_string().contains("\\u{0}"));
        assert!(told(500, &[b'['; 60_000]).to_string().len() < 600);
    }
}
