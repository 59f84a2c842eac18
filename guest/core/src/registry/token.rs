//! What answers a challenge: user and password, or a token (distribution's token and OAuth2 specifications; RFC 6749, 6; RFC 7617).
//!
//! Tokens are kept for the length of one push, by where and for what they were got. Nothing here is `Debug`: it is all secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::challenge::{self, Challenge};
use super::client::{AnswerOf, Ask, Client, MAX_BODY, Purpose};
use super::url;
use crate::base64;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Credential, Media};
use crate::text::shown;

/// What is known of the user, and the tokens that were got.
#[derive(Default)]
pub struct Session {
    /// `None` before it was looked up.
    credential: Option<Option<Credential>>,
    tokens: BTreeMap<Key, String>,
}

/// Where a token is got, and for what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    realm: String,
    service: Option<String>,
    scopes: Vec<String>,
}

impl<M: Media> Client<'_, M> {
    /// The header `authorization` that answers a 401 to a request with `used`, for it and for later requests. `None` when there is none, or only
    /// the one that was refused.
    pub async fn authorize(&self, refused: &AnswerOf<M>, used: Option<&str>) -> Result<Option<String>> {
        let challenges: Vec<Challenge> = refused.headers("www-authenticate").flat_map(challenge::parse).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let mut session = self.session.lock().await;
        let credential = match &session.credential {
            Some(known) => known.clone(),
            None => session.credential.insert(self.credential().await?).clone(),
        };
        let fresh = match (bearer.or(challenges.first()), credential) {
            (_, Some(Credential::RegistryToken(token))) => format!("Bearer {token}"),
            (Some(Challenge::Bearer { realm, service, scope }), credential) => {
                let challenged = |sources: &BTreeSet<String>| Key {
                    realm: realm.clone(),
                    service: service.clone(),
                    scopes: scopes(
                        &self.target.repository,
                        self.purpose,
                        sources,
                        scope.as_deref().unwrap_or_default(),
                    ),
                };
                let key = challenged(&self.sources.borrow());
                // One that is not the refused one was got for another request in the meantime.
                match session.tokens.get(&key).filter(|known| Some(known.as_str()) != used) {
                    Some(known) => known.clone(),
                    None => {
                        let mut got = self.token(&key, credential.as_ref()).await;
                        // Without a right to other repositories their blobs are sent.
                        if got.is_err() && !self.sources.take().is_empty() {
                            got = self.token(&challenged(&BTreeSet::new()), credential.as_ref()).await;
                        }
                        let fresh = got?;
                        session.tokens.insert(challenged(&self.sources.borrow()), fresh.clone());
                        fresh
                    }
                }
            }
            (Some(Challenge::Basic), Some(Credential::Basic(user, password))) => basic(&user, &password),
            _ => return Ok(None),
        };
        if Some(fresh.as_str()) == used {
            return Ok(None);
        }
        *self.authorization.borrow_mut() = Some(fresh.clone());
        Ok(Some(fresh))
    }

    /// What the user keeps for this registry.
    async fn credential(&self) -> Result<Option<Credential>> {
        let registry = self.target.registry.as_str();
        let name = if registry == "docker.io" {
            "https://index.docker.io/v1/"
        } else {
            registry.strip_suffix(if self.is_secure() { ":443" } else { ":80" }).unwrap_or(registry)
        };
        let credential = self.media.credential(name).await?;
        match &credential {
            None => {}
            Some(Credential::Basic(user, password)) => {
                self.keep_secret(&[password, base64_of(user, password).as_str()])
            }
            Some(Credential::IdentityToken(token)) => self.keep_secret(&[token]),
            Some(Credential::RegistryToken(token)) => {
                self.keep_secret(&[token]);
                if !is_token(token) {
                    let message = format!("the token kept for {} is not one; log in again", shown(name));
                    return Err(Error::new(Fault::Request, Code::Malformed("token".into()), message));
                }
            }
        }
        Ok(credential)
    }

    /// A new token: by GET with user and password or without, by POST with an identity token. Redirects are not followed.
    async fn token(&self, key: &Key, credential: Option<&Credential>) -> Result<String> {
        let tried = format!("logging in through {}", shown(&self.permitted(&key.realm)?.to_string()));
        let (ask, authorization) = if let Some(Credential::IdentityToken(token)) = credential {
            let ask =
                Ask::new("POST", key.realm.clone(), tried).with("content-type", "application/x-www-form-urlencoded");
            (Ask { body: oauth_form(key, token).into_bytes(), ..ask }, None)
        } else {
            let authorization = match credential {
                Some(Credential::Basic(user, password)) => Some(basic(user, password)),
                _ => None,
            };
            (Ask::new("GET", query(key), tried), authorization)
        };
        let mut answer = self.once(&ask, authorization.as_deref()).await?;
        if answer.status != 200 {
            return Err(self.refused(answer).await);
        }
        let mut body = Vec::new();
        let whole = self.patiently(answer.read(&mut body, MAX_BODY)).await?;
        let token = granted(&body).filter(|_| whole).ok_or_else(|| self.broken("its token server sent no token"))?;
        self.keep_secret(&[&token]);
        Ok(format!("Bearer {token}"))
    }

    fn keep_secret(&self, secrets: &[&str]) {
        self.secrets.borrow_mut().extend(secrets.iter().map(|&secret| secret.to_owned()));
    }
}

/// What is done with the repository, blobs of others, and what else the registry asked for: it may know the repository by another name.
fn scopes(repository: &str, purpose: Purpose, sources: &BTreeSet<String>, asked: &str) -> Vec<String> {
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

/// Distribution's token specification, "Requesting a Token".
fn query(key: &Key) -> String {
    let service = key.service.iter().map(|service| ("service", service));
    let scopes = key.scopes.iter().map(|scope| ("scope", scope));
    service.chain(scopes).fold(key.realm.clone(), |url, (name, value)| url::with(&url, name, value))
}

/// Distribution's OAuth2 specification, "Refresh Token Format".
fn oauth_form(key: &Key, refresh_token: &str) -> String {
    let scopes = key.scopes.join(" ");
    let fixed = [
        ("grant_type", "refresh_token"),
        ("client_id", "ocix"),
        ("scope", scopes.as_str()),
        ("refresh_token", refresh_token),
    ];
    let service = key.service.iter().map(|service| ("service", service.as_str()));
    let pairs: Vec<String> =
        fixed.into_iter().chain(service).map(|(name, value)| format!("{name}={}", url::escaped(value))).collect();
    pairs.join("&")
}

/// The token in a token server's answer.
fn granted(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let field = |name: &str| document.get(name)?.as_str().filter(|token| is_token(token));
    field("token").or_else(|| field("access_token")).map(str::to_owned)
}

/// Whether it can stand in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64_of(user, password))
}

fn base64_of(user: &str, password: &str) -> String {
    base64::encode(format!("{user}:{password}").as_bytes())
}

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
    fn requests_say_service_and_scope() {
        let key = Key {
            realm: "https://t/x?a=1".into(),
            service: Some("s&1".into()),
            scopes: scopes("a", Purpose::Push, &BTreeSet::new(), "b"),
        };
        assert_eq!(query(&key), "https://t/x?a=1&service=s%261&scope=repository%3Aa%3Apull%2Cpush&scope=b");
        let form = "grant_type=refresh_token&client_id=ocix&scope=repository%3Aa%3Apull%2Cpush%20b&refresh_token=r%2B&service=s%261";
        assert_eq!(oauth_form(&key, "r+"), form);
    }

    #[test]
    fn tokens_are_found_under_both_names() {
        for (body, token) in [
            (r#"{"token":"t","access_token":"a"}"#, Some("t")),
            (r#"{"token":"","access_token":"a","expires_in":60}"#, Some("a")),
            (r#"{"token":"a b"}"#, None),
            (r#"{"token":"a\r\nx: y"}"#, None),
            (r#"{"token":7}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(granted(body.as_bytes()).as_deref(), token, "{body}");
        }
    }
}
