//! Whether a registry takes a user and password: `GET /v2/`, and what its challenge asks for (OCI distribution spec, "Determining Support";
//! distribution's token specification). Everything else that is said to registries is the component's.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::Value;

use crate::addresses::is_loopback;
use crate::bindings::images::ocix::image::http::Request;
use crate::clients::Clients;
use crate::credentials::endpoint;
use crate::error::{Error, ErrorCode, Fault, error, shown};
use crate::failure;
use crate::http::Exchange;
use crate::transport::Transport;

/// Asks the registry, `HOST[:PORT]` or `docker.io`, whether it takes this user and password. This machine is asked without TLS, and one
/// that is `insecure` when it does not answer with it. Must be called within a tokio runtime with I/O and time enabled.
///
/// # Errors
/// When the registry cannot be reached, or says no.
pub async fn verify(
    registry: &str,
    user: &str,
    password: &str,
    transport: Transport,
    insecure: bool,
) -> Result<(), failure::Error> {
    let host = endpoint(registry)?;
    let clients = Clients::new(transport, [host.clone()], insecure);
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let login = Login { clients, registry: shown(registry), host: host.clone(), user, basic, insecure };
    let schemes: &[&str] = match (insecure, is_loopback(host.rsplit_once(':').map_or(&host, |(name, _)| name))) {
        (true, _) => &["https", "http"],
        (false, true) => &["http"],
        (false, false) => &["https"],
    };
    let mut failed = None;
    for scheme in schemes {
        match login.at(scheme).await {
            Err(error) if matches!(&error.code, ErrorCode::Other(what) if what == "connection") => {
                failed.get_or_insert(error);
            }
            done => return Ok(done?),
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

struct Login<'a> {
    clients: Clients,
    /// For errors.
    registry: String,
    host: String,
    user: &'a str,
    basic: String,
    insecure: bool,
}

/// What was answered, as far as it counts.
struct Answer {
    status: u16,
    challenges: Vec<Challenge>,
    body: Vec<u8>,
}

/// The scheme in lower case, and its parameters.
pub type Challenge = (String, BTreeMap<String, String>);

impl Login<'_> {
    async fn at(&self, scheme: &str) -> Result<(), Error> {
        let root = self.url(&format!("{scheme}://{}/v2/", self.host))?;
        let asked = self.get(&root, None).await?;
        if asked.status != 401 {
            return self.taken(&asked);
        }
        let of = |scheme: &str| asked.challenges.iter().find(|(known, _)| known == scheme);
        if let Some((_, parameters)) = of("bearer") {
            let token = self.token(parameters).await?;
            return self.taken(&self.get(&root, Some(&format!("Bearer {token}"))).await?);
        }
        if of("basic").is_some() {
            return self.taken(&self.get(&root, Some(&self.basic)).await?);
        }
        Err(self.broken("asks for a login of an unknown kind"))
    }

    async fn token(&self, parameters: &BTreeMap<String, String>) -> Result<String, Error> {
        let realm = parameters.get("realm").ok_or_else(|| self.broken("does not say where its tokens are"))?;
        let mut realm = self.url(realm)?;
        realm.query_pairs_mut().append_pair("account", self.user).append_pair("client_id", "ocix");
        if let Some(service) = parameters.get("service") {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let answer = self.get(&realm, Some(&self.basic)).await?;
        self.taken(&answer)?;
        let fields: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|name| fields.get(name)?.as_str());
        token.filter(|it| !it.is_empty()).map(str::to_owned).ok_or_else(|| self.broken("gave no token"))
    }

    async fn get(&self, url: &Url, authorization: Option<&str>) -> Result<Answer, Error> {
        let own = url
            .port()
            .map_or_else(|| url.host_str().map(str::to_owned), |port| Some(format!("{}:{port}", url.host_str()?)));
        let agent = concat!("ocix/", env!("CARGO_PKG_VERSION"));
        let mut headers = vec![("user-agent".to_owned(), agent.into())];
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.as_bytes().to_vec())));
        let request = Request {
            method: "GET".into(),
            url: url.to_string(),
            headers,
            content_length: 0,
            insecure: self.insecure && own.as_deref() == Some(&self.host),
        };
        let (status, headers, body) = Exchange::open(&self.clients, request)?.finish().await?;
        let mut bytes = Vec::new();
        while bytes.len() < MOST {
            match body.read(1 << 14).await? {
                piece if piece.is_empty() => break,
                piece => bytes.extend(piece),
            }
        }
        let challenges = headers.iter().filter(|(name, _)| name == "www-authenticate");
        let challenges = challenges.filter_map(|(_, value)| challenge(str::from_utf8(value).ok()?)).collect();
        Ok(Answer { status, challenges, body: bytes })
    }

    fn taken(&self, answer: &Answer) -> Result<(), Error> {
        let (registry, status) = (&self.registry, answer.status);
        let message = match status {
            200..=299 => return Ok(()),
            401 | 403 => format!("{registry} does not take this user and password"),
            404 => format!("{registry} is not a registry: it has no /v2/"),
            _ => format!("{registry} answered with {status}: try again later"),
        };
        Err(error(Fault::Registry, ErrorCode::Registry((status, String::new())), message))
    }

    fn url(&self, text: &str) -> Result<Url, Error> {
        text.parse().map_err(|_| self.broken("is not at an address of HTTP, or names none"))
    }

    fn broken(&self, how: &str) -> Error {
        error(Fault::Registry, ErrorCode::Malformed("registry protocol".into()), format!("{} {how}", self.registry))
    }
}

/// One challenge a header (RFC 9110, 11.6.1).
pub fn challenge(header: &str) -> Option<Challenge> {
    let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    let mut parameters = BTreeMap::new();
    while let Some((name, value)) = rest.split_once('=') {
        let quoted = value.strip_prefix('"').and_then(|value| value.split_once('"'));
        let (value, after) = quoted.or_else(|| value.split_once(',')).unwrap_or((value, ""));
        parameters.insert(name.trim_matches([' ', ',']).to_ascii_lowercase(), value.trim().to_owned());
        rest = after;
    }
    (!scheme.is_empty()).then(|| (scheme.to_ascii_lowercase(), parameters))
}

/// Of an answer, in bytes.
const MOST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let table = [
            ("Basic realm=\"Registry Realm\"", "basic realm:Registry Realm"),
            (
                "Bearer realm=\"https://a/t?x=1,2\",service=\"s\", scope=\"a:b:c,d\"",
                "bearer realm:https://a/t?x=1,2 scope:a:b:c,d service:s",
            ),
            ("bearer realm=https://a, service=s", "bearer realm:https://a service:s"),
            ("Negotiate", "negotiate"),
            ("Bearer =\"\",realm=\"", "bearer : realm:\""),
        ];
        for (header, read) in table {
            let (scheme, parameters) = challenge(header).unwrap();
            let parameters: String = parameters.iter().map(|(name, value)| format!(" {name}:{value}")).collect();
            assert_eq!(format!("{scheme}{parameters}"), read, "{header}");
        }
        assert_eq!(challenge(" "), None);
    }
}
