//! Where the proxy goes: to the registries that the user named, beneath `/v2/`; and to what one of these has pointed at in this run. That is
//! where its tokens are, where an upload goes on, and where a blob really is. A place of the last kind that is not the registry's own is read
//! only, without authorization, and may point on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use hyper::Method;
use reqwest::Url;

use crate::error::shown;
use crate::login::challenge;

/// Of one run.
pub struct Reach {
    /// `HOST[:PORT]`, in lower case.
    registries: BTreeSet<String>,
    pointed: Mutex<Pointed>,
}

/// Why a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is the registry's.
    Registry,
    /// Tokens for the registry are given there.
    Realm,
    /// The registry, or a place that it pointed at, has pointed there.
    Pointed,
}

/// What was pointed at, the newest last.
#[derive(Default)]
struct Pointed {
    /// Without their queries.
    realms: VecDeque<String>,
    /// Whole.
    locations: VecDeque<String>,
}

impl Reach {
    /// Registries, each `HOST[:PORT]` in lower case, without a default port.
    pub fn new(registries: impl IntoIterator<Item = String>) -> Self {
        Self { registries: registries.into_iter().collect(), pointed: Mutex::default() }
    }

    /// Whether this is at a registry that the user named.
    pub fn is_named(&self, url: &Url) -> bool {
        let named = |host: &str| self.registries.contains(host);
        url.host_str().is_some_and(|host| match url.port() {
            Some(port) => named(&format!("{host}:{port}")),
            None => named(host) || url.scheme() == "http" && named(&format!("{host}:80")),
        })
    }

    /// Why a request may go there, or a sentence about why it may not.
    pub fn permit(&self, method: &Method, url: &Url, is_authorized: bool) -> Result<Why, String> {
        let pointed = self.pointed.lock().unwrap_or_else(PoisonError::into_inner);
        let reads = [Method::GET, Method::HEAD].contains(method);
        if self.is_named(url)
            && (is_of_interface(url) || pointed.locations.iter().any(|it| bare(it) == bare(url.as_str())))
        {
            return Ok(Why::Registry);
        }
        if pointed.realms.iter().any(|realm| realm == bare(url.as_str())) && (reads || method == Method::POST) {
            return Ok(Why::Realm);
        }
        let place = shown(&place(url));
        if pointed.locations.iter().any(|location| location == url.as_str()) {
            return match (reads, is_authorized) {
                (true, false) => Ok(Why::Pointed),
                (true, true) => Err(format!("{place} was only pointed at: what you are to the registry is not for it")),
                (false, _) => {
                    Err(format!("{place} was only pointed at, and is only read: name it with --registry {place}"))
                }
            };
        }
        if self.is_named(url) {
            return Err(format!("of {place} only what is beneath /v2/ can be asked for"));
        }
        Err(format!("{place} is not asked: start ocix serve with --registry {place}"))
    }

    /// Remembers what the answer to a request points at.
    pub fn learn(&self, why: Why, from: &Url, headers: &[(String, Vec<u8>)]) {
        let values = |wanted: &'static str| {
            let texts = headers.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| str::from_utf8(value));
            texts.filter_map(Result::ok)
        };
        let mut pointed = self.pointed.lock().unwrap_or_else(PoisonError::into_inner);
        if why == Why::Registry {
            for (scheme, parameters) in values("www-authenticate").filter_map(challenge) {
                if let (true, Some(Ok(realm))) =
                    (scheme == "bearer", parameters.get("realm").map(|it| it.parse::<Url>()))
                {
                    keep(&mut pointed.realms, bare(realm.as_str()));
                }
            }
        }
        if why != Why::Realm {
            for mut location in values("location").filter_map(|location| from.join(location).ok()) {
                location.set_fragment(None);
                keep(&mut pointed.locations, location.as_str());
            }
        }
    }
}

/// Beneath `/v2/` for whoever reads the path: what an escaped separator or dot means, not everybody agrees on.
fn is_of_interface(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    path.starts_with("/v2/") && !["%2f", "%5c", "%2e", "%25", "//"].iter().any(|escaped| path.contains(escaped))
}

/// Without the query.
fn bare(url: &str) -> &str {
    url.split_once('?').map_or(url, |(bare, _)| bare)
}

/// As `--registry` takes it.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn keep(all: &mut VecDeque<String>, one: &str) {
    if one.len() <= LONGEST && !all.iter().any(|known| known == one) {
        if all.len() == MOST {
            all.pop_front();
        }
        all.push_back(one.to_owned());
    }
}

/// Of each kind are remembered at most.
const MOST: usize = 1024;
/// Of a URL, in bytes.
const LONGEST: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn headers(all: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    #[test]
    fn registries_are_reached_beneath_their_interface() {
        let reach = Reach::new(["r.example", "localhost:5000", "p.example:80"].map(str::to_owned));
        for may in [
            "https://r.example/v2/",
            "https://R.example:443/v2/a/b/manifests/t?x=%2f",
            "http://localhost:5000/v2/_catalog",
            "https://r.example/x/../v2/a",
            "http://p.example/v2/",
            "http://r.example/v2/",
        ] {
            assert_eq!(reach.permit(&Method::PUT, &url(may), true), Ok(Why::Registry), "{may}");
        }
        for may_not in [
            "https://r.example/",
            "https://r.example/v2",
            "https://r.example/v1/",
            "https://r.example/v2/../x",
            "https://r.example/v2/%2e%2e/x",
            "https://r.example/v2/..%2fx",
            "https://r.example/v2/%252e/x",
            "https://r.example/v2//x",
            "https://r.example:8443/v2/",
            "http://localhost/v2/",
            "http://localhost:5001/v2/",
            "https://r.example.evil/v2/",
            "https://evil.example/v2/r.example",
            "http://169.254.169.254/v2/",
            "https://x.r.example/v2/",
            "https://p.example/v2/",
        ] {
            let why = reach.permit(&Method::GET, &url(may_not), false).unwrap_err();
            assert!(why.contains("--registry") || why.contains("/v2/"), "{may_not}: {why}");
        }
    }

    #[test]
    fn what_a_registry_points_at_is_reached() {
        let reach = Reach::new(["r.example".to_owned()]);
        let root = url("https://r.example/v2/");
        let (realm, blob, next) =
            ("https://auth.example/token", "https://cdn.example/b?sig=1", "https://far.example/b");
        let upload = "https://r.example/upload/7";
        let may = |method: Method, to: &str, authorized| reach.permit(&method, &url(to), authorized);
        for to in [realm, blob, next, upload] {
            assert!(may(Method::GET, to, false).is_err(), "{to}");
        }
        reach.learn(
            Why::Registry,
            &root,
            &headers(&[
                ("www-authenticate", "Bearer realm=\"https://auth.example/token\",service=\"s\""),
                ("www-authenticate", "Basic realm=\"https://basic.example/\""),
                ("location", blob),
                ("location", "/upload/7?state=1#x"),
            ]),
        );
        let asked = format!("{realm}?scope=x");
        assert_eq!((may(Method::GET, &asked, true), may(Method::POST, realm, false)), (Ok(Why::Realm), Ok(Why::Realm)));
        assert!(
            may(Method::PUT, realm, true).is_err() && may(Method::GET, "https://auth.example/tokens", true).is_err()
        );
        assert!(may(Method::GET, "https://basic.example/", true).is_err());
        for method in [Method::PATCH, Method::PUT, Method::GET] {
            assert_eq!(may(method, &format!("{upload}?state=2&digest=d"), true), Ok(Why::Registry));
        }
        assert_eq!(may(Method::HEAD, blob, false), Ok(Why::Pointed));
        assert!(may(Method::GET, blob, true).unwrap_err().contains("only pointed at"));
        assert!(may(Method::PUT, blob, false).unwrap_err().contains("--registry cdn.example"));
        assert!(may(Method::GET, "https://cdn.example/b?sig=2", false).is_err());
        // What it has pointed at may point on, but has no tokens; a realm points nowhere.
        reach.learn(
            Why::Pointed,
            &url(blob),
            &headers(&[("location", next), ("www-authenticate", "Bearer realm=\"https://x.example/\"")]),
        );
        reach.learn(Why::Realm, &url(realm), &headers(&[("location", "https://y.example/")]));
        assert_eq!(may(Method::GET, next, false), Ok(Why::Pointed));
        assert!(
            may(Method::GET, "https://x.example/", false).is_err()
                && may(Method::GET, "https://y.example/", false).is_err()
        );
    }

    #[test]
    fn only_so_much_is_remembered() {
        let reach = Reach::new(["r.example".to_owned()]);
        let root = url("https://r.example/v2/");
        for number in 0..=MOST {
            reach.learn(Why::Registry, &root, &headers(&[("location", &format!("https://cdn.example/{number}"))]));
        }
        reach.learn(
            Why::Registry,
            &root,
            &headers(&[("location", &format!("https://cdn.example/{}", "x".repeat(LONGEST)))]),
        );
        let may =
            |number: usize| reach.permit(&Method::GET, &url(&format!("https://cdn.example/{number}")), false).is_ok();
        assert!(!may(0) && may(1) && may(MOST));
        assert_eq!(reach.pointed.lock().unwrap().locations.len(), MOST);
    }
}
