//! What a token server is asked for, and what it grants (distribution's token and OAuth2 specifications; RFC 6749, 4.3 and 6).
//!
//! Sends nothing. Nothing here is `Debug`: it is all secret.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;

use super::client::{Ask, Purpose};
use super::url;
use crate::base64;
use crate::media::Credential;

/// Where a token is got, and for what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// A URL, as the registry named it.
    pub realm: String,
    /// The name under which the registry is known there.
    pub service: Option<String>,
    /// What the token is to allow.
    pub scopes: Vec<String>,
}

/// How a token is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As distribution's token specification has it: user and password in the header.
    Get,
    /// As its OAuth2 specification has it: user and password, or a refresh token, in the body.
    Post,
}

/// A token that was granted.
pub struct Token {
    /// For the header `authorization`.
    pub header: String,
    /// When it is to be renewed, in seconds since 1970: there is a tenth of its life left, and five seconds at least. `None` when that is
    /// not worth it, or was tried.
    pub due: Option<i64>,
}

/// How a token is asked for with a credential, the likeliest first. Every token server takes user and password by GET and few take them by POST; only
/// OAuth2 has a place for an identity token.
pub fn ways(credential: Option<&Credential>) -> &'static [Way] {
    match credential {
        Some(Credential::Basic(..)) => &[Way::Get, Way::Post],
        Some(Credential::IdentityToken(_)) => &[Way::Post, Way::Get],
        Some(Credential::RegistryToken(_)) | None => &[Way::Get],
    }
}

impl Way {
    /// Whether a status says that the token server does not know this way. Some want to know who asks before they say that they have no POST.
    pub fn is_unknown(self, status: u16) -> bool {
        matches!(status, 404 | 405 | 501) || (self == Self::Post && status == 401)
    }
}

impl Key {
    /// The request, and its header `authorization`.
    pub fn ask(&self, way: Way, credential: Option<&Credential>, tried: String) -> (Ask, Option<String>) {
        match way {
            Way::Get => {
                let authorization = match credential {
                    Some(Credential::Basic(user, password)) => Some(basic(user, password)),
                    Some(Credential::IdentityToken(token)) => Some(basic("", token)),
                    Some(Credential::RegistryToken(_)) | None => None,
                };
                (Ask::new("GET", self.query(), tried), authorization)
            }
            Way::Post => {
                let ask = Ask::new("POST", self.realm.clone(), tried);
                let ask = ask.with("content-type", "application/x-www-form-urlencoded");
                (Ask { body: self.form(credential).into_bytes(), ..ask }, None)
            }
        }
    }

    /// Distribution's token specification, "Requesting a Token".
    fn query(&self) -> String {
        let service = self.service.iter().map(|service| ("service", service));
        let scopes = self.scopes.iter().map(|scope| ("scope", scope));
        service.chain(scopes).fold(self.realm.clone(), |url, (name, value)| url::with(&url, name, value))
    }

    /// Distribution's OAuth2 specification, "POST /token".
    fn form(&self, credential: Option<&Credential>) -> String {
        let scopes = self.scopes.join(" ");
        let who = match credential {
            Some(Credential::Basic(user, password)) => {
                vec![("grant_type", "password"), ("username", user), ("password", password)]
            }
            Some(Credential::IdentityToken(token)) => vec![("grant_type", "refresh_token"), ("refresh_token", token)],
            Some(Credential::RegistryToken(_)) | None => Vec::new(),
        };
        let service = self.service.iter().map(|service| ("service", service.as_str()));
        let pairs = who.into_iter().chain([("client_id", "ocix")]).chain(service).chain([("scope", scopes.as_str())]);
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", url::escaped(value))).collect();
        pairs.join("&")
    }
}

impl Token {
    /// Out of a token server's answer, which came at `now`; `date` is what the server's own clock said then.
    pub fn read(body: &[u8], now: i64, date: Option<&str>) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let field = |name: &str| document.get(name)?.as_str().filter(|token| is_token(token));
        let token = field("token").or_else(|| field("access_token"))?;
        let life = document.get("expires_in").and_then(Value::as_i64).filter(|life| *life > 0).unwrap_or(LIFE);
        // Both times are the server's, whose clock need not be ours.
        let issued = document.get("issued_at").and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
        let date = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        let age = date.zip(issued).map_or(0, |(date, issued)| date.as_second().saturating_sub(issued.as_second()));
        let left = life.saturating_sub(age.max(0));
        let early = (life / 10).max(EARLY).min(left / 2);
        let due = (left > 0).then(|| now.saturating_add(left).saturating_sub(early));
        Some(Self { header: format!("Bearer {token}"), due })
    }
}

/// What is done with the repository, blobs of others, and what else the registry asked for: it may know the repository by another name.
pub fn scopes(repository: &str, purpose: Purpose, sources: &BTreeSet<String>, asked: &str) -> Vec<String> {
    let own = format!("repository:{repository}:");
    let covered = |scope: &str| {
        let covered = |action| purpose.actions().split(',').any(|own| own == action);
        scope.strip_prefix(&own).is_some_and(|actions| actions.split(',').all(covered))
    };
    let others = asked.split_ascii_whitespace().filter(|scope| !covered(scope)).map(str::to_owned);
    let sources = sources.iter().map(|source| format!("repository:{source}:pull"));
    let mut scopes: Vec<String> = others.chain(sources).collect();
    scopes.sort();
    scopes.dedup();
    scopes.insert(0, format!("{own}{}", purpose.actions()));
    scopes
}

/// Whether it can stand in a header.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The header `authorization` of a user (RFC 7617).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::encode(format!("{user}:{password}").as_bytes()))
}

/// Seconds that a token lives when nobody says ("Token Response Fields").
const LIFE: i64 = 60;
/// Seconds.
const EARLY: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_scope_first_then_what_else_was_asked() {
        let (own, pull, x) = ("repository:a/b:pull,push", "repository:a/b:pull", "repository:x/a/b:pull");
        let sources = BTreeSet::from(["c".to_owned()]);
        for (purpose, from, asked, all) in [
            (Purpose::Push, None, "", vec![own]),
            (Purpose::Push, None, "repository:a/b:pull", vec![own]),
            (Purpose::Push, None, "repository:a/b:push,pull", vec![own]),
            (Purpose::Push, None, "repository:x/a/b:pull  repository:a/b:pull", vec![own, x]),
            (Purpose::Push, None, "repository:a/b:delete", vec![own, "repository:a/b:delete"]),
            (Purpose::Push, Some(&sources), x, vec![own, "repository:c:pull", x]),
            (Purpose::Push, Some(&sources), "repository:c:pull", vec![own, "repository:c:pull"]),
            (Purpose::Pull, None, "repository:a/b:pull", vec![pull]),
            (Purpose::Pull, None, own, vec![pull, own]),
        ] {
            let none = BTreeSet::new();
            assert_eq!(scopes("a/b", purpose, from.unwrap_or(&none), asked), all, "{asked}");
        }
    }

    #[test]
    fn requests_say_service_scope_and_who() {
        let scopes = scopes("a", Purpose::Push, &BTreeSet::new(), "b");
        let key = Key { realm: "https://t/x?a=1".into(), service: Some("s&1".into()), scopes };
        let user = Some(Credential::Basic("me".into(), "p&:+".into()));
        let identity = Some(Credential::IdentityToken("r+".into()));
        let query = "https://t/x?a=1&service=s%261&scope=repository%3Aa%3Apull%2Cpush&scope=b";
        let form = |who| format!("{who}&client_id=ocix&service=s%261&scope=repository%3Aa%3Apull%2Cpush%20b");
        for (credential, way, url, header, body) in [
            (&None, Way::Get, query, None, String::new()),
            (&user, Way::Get, query, Some("Basic bWU6cCY6Kw=="), String::new()),
            (&identity, Way::Get, query, Some("Basic OnIr"), String::new()),
            (&user, Way::Post, "https://t/x?a=1", None, form("grant_type=password&username=me&password=p%26%3A%2B")),
            (&identity, Way::Post, "https://t/x?a=1", None, form("grant_type=refresh_token&refresh_token=r%2B")),
        ] {
            let (ask, authorization) = key.ask(way, credential.as_ref(), String::new());
            assert_eq!((ask.url.as_str(), authorization.as_deref()), (url, header));
            assert_eq!(String::from_utf8(ask.body).expect("text"), body);
        }
    }

    #[test]
    fn tokens_are_found_under_both_names() {
        for (body, token) in [
            (r#"{"token":"t","access_token":"a"}"#, Some("Bearer t")),
            (r#"{"token":"","access_token":"a","expires_in":60}"#, Some("Bearer a")),
            (r#"{"token":"a b"}"#, None),
            (r#"{"token":"a\r\nx: y"}"#, None),
            (r#"{"token":7}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(Token::read(body.as_bytes(), 0, None).map(|token| token.header).as_deref(), token, "{body}");
        }
    }

    /// Seconds from now, which is the server's 08:49:37 or not known to it.
    #[test]
    fn tokens_are_renewed_before_they_end() {
        let (date, issued) = (Some("Sun, 06 Nov 1994 08:49:37 GMT"), r#","issued_at":"1994-11-06T08:49:07.5Z""#);
        for (members, date, due) in [
            ("", None, Some(54)),
            (r#","expires_in":0"#, None, Some(54)),
            (r#","expires_in":"300""#, None, Some(54)),
            (r#","expires_in":300"#, date, Some(270)),
            (r#","expires_in":40"#, None, Some(35)),
            (r#","expires_in":4"#, None, Some(2)),
            (r#","expires_in":1000000000000"#, None, Some(900_000_000_000)),
            (issued, None, Some(54)),
            (issued, Some("today"), Some(54)),
            (issued, date, Some(24)),
            // It came when its life was over, or so they say.
            (r#","expires_in":20,"issued_at":"1994-11-06T08:49:00Z""#, date, None),
            (r#","issued_at":"2094-11-06T08:49:00Z""#, date, Some(54)),
        ] {
            let body = format!(r#"{{"token":"t"{members}}}"#);
            let token = Token::read(body.as_bytes(), 1000, date).expect("a token");
            assert_eq!(token.due, due.map(|due| due + 1000), "{members} {date:?}");
        }
        let forever = br#"{"token":"t","expires_in":9223372036854775807}"#;
        assert!(Token::read(forever, 1000, None).is_some_and(|token| token.due > Some(1 << 60)));
    }
}
