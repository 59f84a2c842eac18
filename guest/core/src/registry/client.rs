//! One request to one registry, with the authorization that it asks for.
//!
//! Authorization goes to the registry's own origin and to no other; nothing is redirected; `https` never becomes `http`.

use futures_util::lock::Mutex;

use super::challenge::{self, Challenge};
use super::url::{self, Origin};
use super::{Target, refusal};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Credential, Exchange, File, Input, Media, Request, Response};
use crate::text::shown;

/// A registry, seen from one repository.
pub struct Client<'a, M: Media> {
    /// For progress.
    pub media: &'a M,
    base: String,
    origin: Origin,
    registry: String,
    repository: String,
    /// The header `authorization`, once the registry has asked for one.
    authorization: Mutex<Option<String>>,
}

/// A request's body.
pub enum Body<'a, F> {
    /// Nothing.
    None,
    /// A document.
    Memory(&'a [u8]),
    /// A blob, and who is told how many of its bytes were written.
    File(&'a F, &'a dyn Fn(u64)),
}

/// A response that was received up to its body.
pub struct Answer<M: Media> {
    /// 200 to 599.
    pub status: u16,
    /// The URL that was asked.
    pub url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: <M::Exchange as Exchange>::Body,
}

impl<M: Media> Answer<M> {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        String::from_utf8(value.clone()).ok()
    }

    /// At most [`MAX_BODY`] bytes of the body.
    async fn text(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < MAX_BODY {
            match self.body.read(MAX_BODY as u32).await {
                Ok(piece) if !piece.is_empty() => bytes.extend(piece),
                _ => break,
            }
        }
        bytes.truncate(MAX_BODY);
        bytes
    }
}

impl<'a, M: Media> Client<'a, M> {
    /// Nothing is sent yet.
    pub fn new(media: &'a M, target: &Target) -> Result<Self> {
        let host = if target.registry == "docker.io" { "registry-1.docker.io" } else { &target.registry };
        let scheme = if url::is_loopback(host) { "http" } else { "https" };
        let base = format!("{scheme}://{host}");
        let origin = url::origin(&base).ok_or_else(|| {
            let message = format!("`{}` is not a registry's host", shown(&target.registry));
            Error::new(Fault::Request, Code::Malformed("registry".into()), message)
        })?;
        let (registry, repository) = (target.registry.clone(), target.repository.clone());
        Ok(Self { media, base, origin, registry, repository, authorization: Mutex::default() })
    }

    /// Under the repository, for example `blobs/uploads/`.
    pub fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.base, self.repository)
    }

    /// The repository with its registry, for people.
    pub fn target(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Sends a request; once more with authorization when the registry asks for it.
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: Body<'_, M::File>,
    ) -> Result<Answer<M>> {
        let here = url::origin(url).ok_or_else(|| self.broken("it named an address that is not one of HTTP"))?;
        if self.origin.secure && !here.secure {
            return Err(self.broken("it sent us from https to http, which is refused"));
        }
        let ours = here == self.origin;
        let used = self.authorization.lock().await.clone().filter(|_| ours);
        let answer = self.once(method, url, headers, &used, &body).await?;
        if answer.status != 401 || !ours {
            return Ok(answer);
        }
        // One request asks for what all need; the others wait for it.
        let mut authorization = self.authorization.lock().await;
        if *authorization == used {
            match self.authorize(&answer).await? {
                Some(fresh) => *authorization = Some(fresh),
                None => return Ok(answer),
            }
        }
        let again = authorization.clone();
        drop(authorization);
        self.once(method, url, headers, &again, &body).await
    }

    /// The error for an answer that says no.
    pub async fn refused(&self, answer: Answer<M>, tried: &str) -> Error {
        let status = answer.status;
        refusal::of(status, &answer.text().await, &self.target(), tried)
    }

    /// The error for a registry that does not keep to the protocol.
    pub fn broken(&self, how: &str) -> Error {
        let message = format!("{} does not keep to the registry protocol: {how}", self.registry);
        Error::new(Fault::Registry, Code::Malformed("registry protocol".into()), message)
    }

    async fn once(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        authorization: &Option<String>,
        body: &Body<'_, M::File>,
    ) -> Result<Answer<M>> {
        let mut headers = headers.to_vec();
        headers.extend(authorization.iter().map(|value| ("authorization".to_owned(), value.clone())));
        let content_length = match body {
            Body::None => 0,
            Body::Memory(bytes) => bytes.len() as u64,
            Body::File(file, _) => file.size(),
        };
        let request = Request { method: method.to_owned(), url: url.to_owned(), headers, content_length };
        let mut exchange = self.media.exchange(request).await?;
        // A registry that answers early stops the body; its answer says why.
        let sent = match body {
            Body::None => Ok(()),
            Body::Memory(bytes) => exchange.write(bytes.to_vec()).await,
            Body::File(file, told) => send_file(&mut exchange, *file, *told).await,
        };
        match (sent, exchange.finish().await) {
            (_, Ok(Response { status, headers, body })) => Ok(Answer { status, url: url.to_owned(), headers, body }),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }

    /// The authorization that answers a 401; `None` when there is nothing that could.
    async fn authorize(&self, refused: &Answer<M>) -> Result<Option<String>> {
        let mut challenges = Vec::new();
        for (name, value) in &refused.headers {
            if name.eq_ignore_ascii_case("www-authenticate") {
                challenges.extend(challenge::parse(&String::from_utf8_lossy(value)));
            }
        }
        let known = if self.registry == "docker.io" { "https://index.docker.io/v1/" } else { &self.registry };
        let credential = self.media.credential(known).await?;
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        match (bearer.or(challenges.first()), credential) {
            (Some(_), Some(Credential::RegistryToken(token))) => Ok(Some(format!("Bearer {token}"))),
            (Some(Challenge::Bearer { realm, service, scope }), credential) => {
                self.token(realm, service.as_deref(), scope.as_deref(), credential).await.map(Some)
            }
            (Some(Challenge::Basic), Some(Credential::Basic(user, password))) => Ok(Some(basic(&user, &password))),
            _ => Ok(None),
        }
    }

    /// A token from the realm: by GET with user and password or without, by POST with an identity token.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        asked: Option<&str>,
        credential: Option<Credential>,
    ) -> Result<String> {
        let there = url::origin(realm).ok_or_else(|| self.broken("its token server's address is not one of HTTP"))?;
        if !there.secure && (self.origin.secure || !url::is_loopback(&there.host)) {
            return Err(self.broken("its token server is reached by http, which is refused"));
        }
        let own = format!("repository:{}:pull,push", self.repository);
        let scope = if asked.is_some_and(|asked| asked.contains("push")) { asked.unwrap_or(&own) } else { &own };
        let answer = if let Some(Credential::IdentityToken(token)) = &credential {
            let mut form = format!(
                "grant_type=refresh_token&refresh_token={}&client_id=ocix&scope={}",
                url::escaped(token),
                url::escaped(scope)
            );
            if let Some(service) = service {
                form.push_str(&format!("&service={}", url::escaped(service)));
            }
            let content = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
            self.once("POST", realm, &content, &None, &Body::Memory(form.as_bytes())).await?
        } else {
            let mut url = realm.to_owned();
            if let Some(service) = service {
                url = url::with(&url, "service", service);
            }
            let url = url::with(&url, "scope", scope);
            let authorization = match &credential {
                Some(Credential::Basic(user, password)) => Some(basic(user, password)),
                _ => None,
            };
            self.once("GET", &url, &[], &authorization, &Body::None).await?
        };
        if answer.status != 200 {
            return Err(self.refused(answer, "asking for a token").await);
        }
        let parsed: Option<serde_json::Value> = serde_json::from_slice(&answer.text().await).ok();
        let field =
            |name: &str| parsed.as_ref()?.get(name)?.as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        let token = field("token")
            .or_else(|| field("access_token"))
            .filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        token.map(|token| format!("Bearer {token}")).ok_or_else(|| self.broken("its token server sent no token"))
    }
}

async fn send_file<E: Exchange, F: File>(exchange: &mut E, file: &F, told: &dyn Fn(u64)) -> Result<()> {
    let mut offset = 0;
    while offset < file.size() {
        let piece = file.read_at(offset, PIECE).await?;
        if piece.is_empty() {
            let message = "a blob became shorter while it was pushed: check the store's disk, and push again";
            return Err(Error::new(Fault::Store, Code::SizeMismatch(offset), message));
        }
        offset = offset.saturating_add(piece.len() as u64);
        exchange.write(piece).await?;
        told(offset);
    }
    Ok(())
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (digit, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = alphabet.get((bits >> shift & 63) as usize).copied().unwrap_or_default();
            out.push(if digit <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// What is read of an error or a token, in bytes.
const MAX_BODY: usize = 64 << 10;

/// What is read of a blob at once, in bytes.
const PIECE: u32 = 1 << 20;
