//! What answers a challenge: user and password, or a token. A token is renewed before it ends.
//!
//! Tokens are kept for the length of one push, by where and for what they were got. Nothing here is `Debug`: it is all secret.

use std::collections::{BTreeMap, BTreeSet};

use super::challenge::{self, Challenge};
use super::client::{AnswerOf, Ask, Client, MAX_BODY};
use super::grant::{self, Key, Token};
use super::retry::Tries;
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
    tokens: BTreeMap<Key, Token>,
}

impl<M: Media> Client<'_, M> {
    /// The header `authorization` for the next request, once the registry has asked for one. A token that is about to end is renewed first;
    /// when that does not work the old one is used for as long as the registry takes it.
    pub async fn fresh(&self) -> Option<String> {
        self.authorization.borrow().as_ref()?;
        let mut session = self.session.lock().await;
        let used = self.authorization.borrow().clone()?;
        let now = self.media.wall();
        let ends = |token: &Token| token.header == used && token.due.is_some_and(|due| due <= now);
        let Some((key, token)) = session.tokens.iter_mut().find(|(_, token)| ends(token)) else { return Some(used) };
        token.due = None;
        let key = key.clone();
        let Ok(token) = self.token(&key, session.credential.as_ref().and_then(Option::as_ref)).await else {
            return Some(used);
        };
        let fresh = token.header.clone();
        session.tokens.insert(key, token);
        *self.authorization.borrow_mut() = Some(fresh.clone());
        Some(fresh)
    }

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
                let asked = scope.as_deref().unwrap_or_default();
                let challenged = |sources: &BTreeSet<String>| Key {
                    realm: realm.clone(),
                    service: service.clone(),
                    scopes: grant::scopes(&self.target.repository, self.purpose, sources, asked),
                };
                let key = challenged(&self.sources.borrow());
                // One that is not the refused one was got for another request in the meantime.
                match session.tokens.get(&key).filter(|known| Some(known.header.as_str()) != used) {
                    Some(known) => known.header.clone(),
                    None => {
                        let mut got = self.token(&key, credential.as_ref()).await;
                        // Without a right to other repositories their blobs are sent.
                        if got.is_err() && !self.sources.take().is_empty() {
                            got = self.token(&challenged(&BTreeSet::new()), credential.as_ref()).await;
                        }
                        let token = got?;
                        let fresh = token.header.clone();
                        session.tokens.insert(challenged(&self.sources.borrow()), token);
                        fresh
                    }
                }
            }
            (Some(Challenge::Basic), Some(Credential::Basic(user, password))) => grant::basic(&user, &password),
            _ => return Ok(None),
        };
        if Some(fresh.as_str()) == used {
            return Ok(None);
        }
        *self.authorization.borrow_mut() = Some(fresh.clone());
        Ok(Some(fresh))
    }

    /// What the user keeps for this repository.
    async fn credential(&self) -> Result<Option<Credential>> {
        let registry = self.target.registry.as_str();
        let registry = registry.strip_suffix(if self.is_secure() { ":443" } else { ":80" }).unwrap_or(registry);
        let name = format!("{registry}/{}", self.target.repository);
        let credential = self.media.credential(&name).await?;
        match &credential {
            None => {}
            Some(Credential::Basic(user, password)) => {
                let both = base64::encode(format!("{user}:{password}").as_bytes());
                self.keep_secret(&[password, &both, &url::escaped(password)]);
            }
            Some(Credential::IdentityToken(token)) => self.keep_secret(&[token, &url::escaped(token)]),
            Some(Credential::RegistryToken(token)) => {
                self.keep_secret(&[token]);
                if !grant::is_token(token) {
                    let message = format!("the token kept for {} is not one; log in again", shown(registry));
                    return Err(Error::new(Fault::Request, Code::Malformed("token".into()), message));
                }
            }
        }
        Ok(credential)
    }

    /// A new token. Redirects are not followed.
    async fn token(&self, key: &Key, credential: Option<&Credential>) -> Result<Token> {
        let tried = format!("logging in through {}", shown(&self.permitted(&key.realm)?.to_string()));
        let mut ways = grant::ways(credential).iter().peekable();
        while let Some(way) = ways.next() {
            let (ask, authorization) = key.ask(*way, credential, tried.clone());
            let mut answer = self.passed(&ask, authorization.as_deref()).await?;
            match answer.status {
                200 => {
                    let mut body = Vec::new();
                    let failed = |error: Error| error.within(self.failed(&ask.tried));
                    let whole = self.patiently(answer.read(&mut body, MAX_BODY)).await.map_err(failed)?;
                    let token = Token::read(&body, self.media.wall(), answer.headers("date").next());
                    let token = token.filter(|_| whole);
                    let token = token.ok_or_else(|| self.broken("its token server sent no token"))?;
                    self.keep_secret(&[token.header.strip_prefix("Bearer ").unwrap_or_default()]);
                    return Ok(token);
                }
                status if ways.peek().is_some() && way.is_unknown(status) => {}
                _ => return Err(self.refused(answer).await),
            }
        }
        Err(self.broken("its token server sent no token"))
    }

    /// What a token server answers: again, for as long as that may be another thing later. A connection that breaks is left to the request that
    /// needs the token.
    async fn passed(&self, ask: &Ask, authorization: Option<&str>) -> Result<AnswerOf<M>> {
        let mut tries = Tries::default();
        loop {
            let answered = Ok(self.once(ask, authorization).await?);
            let Some((why, wait)) = self.passing(&answered) else { return answered };
            if !self.again(&mut tries, &ask.tried, why, wait).await {
                return answered.map(|answer| answer.after(tries.0));
            }
        }
    }

    fn keep_secret(&self, secrets: &[&str]) {
        self.secrets.borrow_mut().extend(secrets.iter().map(|&secret| secret.to_owned()));
    }
}
