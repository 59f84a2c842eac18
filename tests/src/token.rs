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

/// How a token server gives tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// For a GET, with user and password in a header.
    pub get: bool,
    /// For a POST, with user and password or a refresh token in a form (OAuth2).
    pub post: bool,
    /// How long it says that they live.
    pub seconds: u64,
}

/// Gives tokens to one user.
pub struct TokenServer {
    server: Server,
    certificate: PathBuf,
}

impl Default for Grants {
    /// Both ways, for five minutes.
    fn default() -> Self {
        Self { get: true, post: true, seconds: 300 }
    }
}

impl TokenServer {
    /// Its key and certificate are made in `folder`.
    pub fn start(folder: &Path, grants: Grants) -> Self {
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let mut openssl = program("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout"]);
        run::Run::of(openssl.arg(&key).arg("-out").arg(&certificate)).ok();
        let pem = std::fs::read_to_string(&certificate).unwrap();
        let chain: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let server = Server::start(move |request| answer(request, grants, &key, &chain));
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
fn answer(request: &Request, grants: Grants, key: &Path, chain: &str) -> Response {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let is_post = request.method == "POST";
    if path != "/token" || !(if is_post { grants.post } else { grants.get }) {
        return Response::json(404, json!({ "errors": [{ "code": "NOT_FOUND", "message": "there is nothing here" }] }));
    }
    let fields = fields(if is_post { str::from_utf8(&request.body).unwrap() } else { query });
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let known = if is_post {
        match field("grant_type") {
            "password" => field("username") == USER && field("password") == PASSWORD,
            "refresh_token" => field("refresh_token") == REFRESH_TOKEN,
            _ => false,
        }
    } else {
        let expected = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes()));
        request.header("authorization") == Some(&expected)
    };
    if !known {
        return Response::json(
            401,
            json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "unknown user or password" }] }),
        );
    }
    // A GET names each scope by itself, a POST all of them at once.
    let scopes = fields.iter().filter(|(name, _)| name == "scope").flat_map(|(_, scopes)| scopes.split(' '));
    let access: Vec<_> = scopes.filter_map(access).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [chain] });
    let claims = json!({
        "iss": ISSUER, "aud": SERVICE, "sub": USER, "jti": "1", "iat": now, "nbf": now - 60, "exp": now + 300, "access": access,
    });
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let token = format!("{signed}.{}", base64url(&signature(&signed, key)));
    let name = if is_post { "access_token" } else { "token" };
    Response::json(200, json!({ name: token, "expires_in": grants.seconds }))
}

/// Of a query or a form.
fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
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

/// What stands for user and password.
pub const REFRESH_TOKEN: &str = "r3fresh+/=";
