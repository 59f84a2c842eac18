//! Who may ask: browsers of this machine that have the token, for a page that came from here; and what they are told to do with the answers.
//!
//! A name of this machine's own in `Host` keeps out pages whose name was made to lead here (DNS rebinding), `Origin` and `Sec-Fetch-Site`
//! those that only know the address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response, StatusCode};

use super::answer::{Body, set};
use crate::addresses::is_loopback;
use crate::error::{Error, ErrorCode, Fault, error};

/// Of one address.
pub struct Guard {
    token: String,
    port: u16,
}

/// A status and why.
pub type Refusal = (StatusCode, &'static str);

impl Guard {
    /// With a token of 256 random bits.
    pub fn new(port: u16) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| {
            error(Fault::Host, ErrorCode::Other("random".into()), "this machine gives no random numbers for a token")
        })?;
        Ok(Self { token: URL_SAFE_NO_PAD.encode(bytes), port })
    }

    /// What a path begins with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What is asked for beneath the token, or why nothing is.
    pub fn admit<'r, B>(&self, request: &'r Request<B>) -> Result<&'r str, Refusal> {
        let path = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
        let (_, rest) = path.filter(|(token, _)| self.is_token(token)).ok_or(NOTHING)?;
        let headers = request.headers();
        let host = only(headers, HOST).filter(|host| self.is_own(host)).ok_or(FOREIGN)?;
        if headers.contains_key(ORIGIN) && only(headers, ORIGIN).and_then(|it| it.strip_prefix("http://")) != Some(host)
        {
            return Err(FOREIGN);
        }
        // A link to here may stand anywhere; what a page loads may not.
        let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
        let follows_a_link = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        if site || follows_a_link { Ok(rest) } else { Err(FOREIGN) }
    }

    /// Takes as long for any text of the same length: how much of it is right does not show.
    fn is_token(&self, text: &str) -> bool {
        let differing = self.token.bytes().zip(text.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
        text.len() == self.token.len() && differing == 0
    }

    fn is_own(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        is_loopback(name) && port == Some(self.port)
    }
}

/// With what keeps an answer where it belongs: no other site frames, reads or is told of it, and what an image holds is never run. A page has
/// a policy of its own.
pub fn hardened(mut response: Response<Body>) -> Response<Body> {
    if !response.headers().contains_key(CONTENT_SECURITY_POLICY) {
        set(&mut response, CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'");
    }
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, REFERRER_POLICY, "no-referrer");
    set(&mut response, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(&mut response, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::to_str);
    value.filter(|_| values.next().is_none())?.ok()
}

const NOTHING: Refusal = (StatusCode::NOT_FOUND, "there is nothing here");
const FOREIGN: Refusal = (StatusCode::FORBIDDEN, "this is for the page that was opened here, and no other");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_may_is_let_in() {
        let guard = Guard::new(5000).unwrap();
        let token = guard.token();
        assert!(token.len() == 43 && token != Guard::new(5000).unwrap().token());
        let asked = |path: &str, headers: &[(&str, &str)]| {
            let request =
                headers.iter().fold(Request::builder().uri(path), |it, (name, value)| it.header(*name, *value));
            guard.admit(&request.body(()).unwrap()).map(str::to_owned).map_err(|(status, _)| status.as_u16())
        };
        let page = format!("/{token}/");
        let own = ("host", "127.0.0.1:5000");
        for host in ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"] {
            assert_eq!(asked(&format!("{page}a/b?c"), &[("host", host)]), Ok("a/b".to_owned()), "{host}");
        }
        let short = format!("/{}/", &token[1..]);
        for path in ["/", "//", "/x/", "/serve.json", &page[..44], &short, &format!("/{token}x/"), &page.to_uppercase()]
        {
            assert_eq!(asked(path, &[own]), Err(404), "{path}");
        }
        for host in
            ["evil.example:5000", "127.0.0.1", "127.0.0.1:5001", "localhost", "[::1]", "10.0.0.1:5000", ":5000", ""]
        {
            assert_eq!(asked(&page, &[("host", host)]), Err(403), "{host}");
        }
        assert_eq!(asked(&page, &[]), Err(403));
        assert_eq!(asked(&page, &[own, own]), Err(403));
        let table: [(&[(&str, &str)], bool); 9] = [
            (&[("origin", "http://127.0.0.1:5000")], true),
            (&[("origin", "http://localhost:5000")], false),
            (&[("origin", "http://127.0.0.1:5001")], false),
            (&[("origin", "https://127.0.0.1:5000")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
        ];
        for (headers, may) in table {
            assert_eq!(asked(&page, &[&[own], headers].concat()).is_ok(), may, "{headers:?}");
        }
    }
}
