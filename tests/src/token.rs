//! A token server: what a registry with bearer authentication sends its clients to (the "Docker Registry v2 authentication" pages of the
//! distribution project). Tokens are JSON web tokens, signed by OpenSSL, which `docker-registry` then checks.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::http::{Request, Response, Server};
use crate::registry::{PASSWORD, USER};
use crate::run::{self, program};
use crate::text::{base64, base64url};

/// Gives tokens to one user.
pub struct TokenServer {
    server: Server,
    certificate: PathBuf,
}

impl TokenServer {
    /// Its key and certificate are made in `folder`.
    pub fn start(folder: &Path) -> Self {
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let mut openssl = program("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout"]);
        run::Run::of(openssl.arg(&key).arg("-out").arg(&certificate)).ok();
        let pem = std::fs::read_to_string(&certificate).unwrap();
        let chain: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let server = Server::start(move |request| answer(request, &key, &chain));
        Self { server, certificate }
    }

    /// Where clients are sent.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.server.address())
    }

    /// What the registry trusts.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

/// Everything that is asked for, to the right user; nothing to others.
fn answer(request: &Request, key: &Path, chain: &str) -> Response {
    let expected = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()));
    if request.header("authorization") != Some(&expected) {
        return Response::json(
            401,
            json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "unknown user or password" }] }),
        );
    }
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope=")).map(decoded);
    let access: Vec<_> = scopes.filter_map(|scope| access(&scope)).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [chain] });
    let claims = json!({
        "iss": ISSUER, "aud": SERVICE, "sub": USER, "jti": "1", "iat": now, "nbf": now - 60, "exp": now + 300, "access": access,
    });
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let token = format!("{signed}.{}", base64url(&signature(&signed, key)));
    Response::json(200, json!({ "token": token, "expires_in": 300 }))
}

/// `repository:NAME:ACTION,ACTION`; a name may hold a port's colon.
fn access(scope: &str) -> Option<serde_json::Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
}

fn signature(text: &str, key: &Path) -> Vec<u8> {
    let mut openssl = program("openssl");
    openssl.args(["dgst", "-sha256", "-sign"]).arg(key);
    let mut child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// Percent-decoding, and `+` for a space.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                out.push(value);
                rest = &tail[2..];
            }
            _ => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap()
}

/// Who signs.
pub const ISSUER: &str = "ocix-tests";

/// For whom.
pub const SERVICE: &str = "registry.test";
