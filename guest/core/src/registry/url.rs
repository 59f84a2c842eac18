//! The little of URLs (RFC 3986) that registries need: origins, and a `Location` against the URL that was asked.

/// Scheme, host and port: what credentials belong to. The default port is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether it is `https`.
    pub secure: bool,
    /// The host, with its port where it is not the default one, in lower case.
    pub host: String,
}

/// The origin of an absolute `http` or `https` URL; `None` for others, and where user information stands before the host.
pub fn origin(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host =
        rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty() && !host.contains(['@', '\\', ' ']))?;
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(if secure { ":443" } else { ":80" }).unwrap_or(&host).to_owned();
    Some(Origin { secure, host })
}

/// Where a `Location` points, seen from `base`. `None` for what is not a URL of HTTP.
pub fn resolve(base: &str, location: &str) -> Option<String> {
    if location.is_empty() || location.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return None;
    }
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let resolved = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{host}{location}")
    } else if location.starts_with('?') {
        format!("{}{location}", base.split(['?', '#']).next()?)
    } else {
        let path = base.split(['?', '#']).next()?;
        format!("{}/{location}", path.rsplit_once('/')?.0)
    };
    origin(&resolved).map(|_| resolved)
}

/// With one more parameter, behind those that it has.
pub fn with(url: &str, name: &str, value: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{name}={}", escaped(value))
}

/// As a value in a query or form: all but unreserved characters escaped.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Whether a host, with or without port, is this machine by its very name: `localhost`, 127.0.0.0/8, `[::1]`.
pub fn is_loopback(host: &str) -> bool {
    if host.starts_with('[') {
        return host.split(']').next() == Some("[::1");
    }
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_resolve() {
        let base = "https://r.example:5000/v2/a/blobs/uploads/?x=1";
        for (location, resolved) in [
            ("/v2/a/u/1?state=a%2Bb", Some("https://r.example:5000/v2/a/u/1?state=a%2Bb")),
            ("https://other/u", Some("https://other/u")),
            ("//other/u", Some("https://other/u")),
            ("u/2", Some("https://r.example:5000/v2/a/blobs/uploads/u/2")),
            ("?y=2", Some("https://r.example:5000/v2/a/blobs/uploads/?y=2")),
            ("file:///etc/passwd", None),
            ("https://user:secret@other/", None),
            ("", None),
            ("/a b", None),
        ] {
            assert_eq!(resolve(base, location).as_deref(), resolved, "{location}");
        }
        assert_eq!(with("https://h/u?a=b", "digest", "sha256:00"), "https://h/u?a=b&digest=sha256%3A00");
    }

    #[test]
    fn only_loopback_is_loopback() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:80", "127.3.4.5", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1", "[::2]", "example.com", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
        assert_eq!(origin("https://A.example:443/x"), origin("https://a.example"));
        assert_ne!(origin("http://a.example"), origin("https://a.example"));
    }
}
