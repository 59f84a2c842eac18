//! The little of URLs (RFC 3986) that registries need: origins, and a `Location` against the URL that was asked.
//!
//! Strict on purpose: what another reader of URLs might take for another host is no URL here.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Scheme, host and port: what credentials belong to (RFC 6454, 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether it is `https`.
    pub secure: bool,
    /// In lower case; an IPv6 address stands in brackets.
    pub host: String,
    /// The scheme's own one when none was given.
    pub port: u16,
}

impl Origin {
    /// Whether the host is this machine by its very name: `localhost`, 127.0.0.0/8, `[::1]`.
    pub fn is_loopback(&self) -> bool {
        let six = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match six {
            Some(address) => address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
            None => {
                self.host == "localhost" || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)?;
        if self.port == default_port(self.secure) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// The origin of an absolute `http` or `https` URL. `None` for other schemes, user information, spaces, backslashes, bytes that are not ASCII,
/// and hosts that are neither a name nor an address.
pub fn origin(url: &str) -> Option<Origin> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(address) => {
            let (address, port) = address.split_once(']')?;
            (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (host, port) = authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?;
            let sound = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
            (Some(host.to_ascii_lowercase()).filter(|host| sound && !host.is_empty())?, port)
        }
    };
    let digits = if port.is_empty() { "" } else { port.strip_prefix(':')? };
    let port = match digits {
        "" => default_port(secure),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    Some(Origin { secure, host, port })
}

/// Where `location` points, seen from the absolute URL `base` (RFC 3986, 5.2), without its fragment. `None` for what is not a URL of HTTP.
pub fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().filter(|location| !location.is_empty())?;
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let path = rest.strip_prefix(authority)?.split(['?', '#']).next()?;
    let resolved = if has_scheme(location) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else {
        let (to, query) = location.split_at_checked(location.find('?').unwrap_or(location.len()))?;
        let to = match to {
            "" => path.to_owned(),
            _ if to.starts_with('/') => without_dots(to),
            _ => without_dots(&format!("{}/{to}", path.rsplit_once('/').map_or("", |(folder, _)| folder))),
        };
        format!("{scheme}://{authority}{to}{query}")
    };
    origin(&resolved).map(|_| resolved)
}

/// With one more parameter behind those that it has, and without its fragment.
pub fn with(url: &str, name: &str, value: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{name}={}", escaped(value))
}

/// As a value in a query or form: all but unreserved characters escaped (RFC 3986, 2.3).
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

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Whether a colon comes before anything that ends a scheme; a later one, in a query, says nothing.
fn has_scheme(location: &str) -> bool {
    let scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    location.split_once(':').is_some_and(|(before, _)| before.bytes().all(scheme))
}

/// RFC 3986, 5.2.4, for a path that starts with a slash.
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_resolve() {
        let base = "https://r.example:5000/v2/a/blobs/uploads/?x=1";
        for (location, resolved) in [
            ("/v2/a/u/1?state=a%2Bb", Some("https://r.example:5000/v2/a/u/1?state=a%2Bb")),
            ("/v2/a/u/1?next=http://other/", Some("https://r.example:5000/v2/a/u/1?next=http://other/")),
            ("https://other/u#part", Some("https://other/u")),
            ("HTTPS://other/u", Some("HTTPS://other/u")),
            ("//other/u", Some("https://other/u")),
            ("u/2", Some("https://r.example:5000/v2/a/blobs/uploads/u/2")),
            ("../u/./2", Some("https://r.example:5000/v2/a/blobs/u/2")),
            ("/../../u/..", Some("https://r.example:5000/")),
            ("?y=2", Some("https://r.example:5000/v2/a/blobs/uploads/?y=2")),
            ("file:///etc/passwd", None),
            ("javascript:alert(1)", None),
            ("https:/other/u", None),
            ("https://user:secret@other/", None),
            ("https://other\\@r.example/", None),
            ("https://other:99999/", None),
            ("https://other:+1/", None),
            ("https:///u", None),
            ("https://[::1/u", None),
            ("", None),
            ("#part", None),
            ("/a b", None),
            ("/a\\b", None),
            ("/a\r\nb", None),
            ("/ä", None),
        ] {
            assert_eq!(resolve(base, location).as_deref(), resolved, "{location}");
        }
        assert_eq!(resolve("http://h:1", "u").as_deref(), Some("http://h:1/u"));
    }

    #[test]
    fn parameters_go_behind_the_others() {
        for (url, longer) in [
            ("https://h/u", "https://h/u?digest=sha256%3A00"),
            ("https://h/u?a=b%2Bc", "https://h/u?a=b%2Bc&digest=sha256%3A00"),
            ("https://h/u?", "https://h/u?digest=sha256%3A00"),
            ("https://h/u?a&", "https://h/u?a&digest=sha256%3A00"),
            ("https://h/u#part", "https://h/u?digest=sha256%3A00"),
        ] {
            assert_eq!(with(url, "digest", "sha256:00"), longer);
        }
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let same = ["https://A.example", "https://a.example:443/x", "HTTPS://a.example:/y?z"];
        assert!(same.iter().all(|url| origin(url) == origin(same[0]) && origin(url).is_some()));
        for other in ["http://a.example", "https://a.example:444", "https://b.example", "https://a.example."] {
            assert_ne!(origin(other), origin(same[0]), "{other}");
        }
        for (url, shown) in [
            ("https://h:443", "https://h"),
            ("http://[0::1]:5000/x", "http://[::1]:5000"),
            ("http://h:443", "http://h:443"),
        ] {
            assert_eq!(origin(url).map(|origin| origin.to_string()).as_deref(), Some(shown));
        }
    }

    #[test]
    fn only_loopback_is_loopback() {
        let loopback = |host: &str| origin(&format!("http://{host}/")).is_some_and(|origin| origin.is_loopback());
        for host in ["localhost", "LOCALHOST:5000", "127.0.0.1:80", "127.3.4.5", "[::1]:5000", "[0:0:0:0:0:0:0:1]"] {
            assert!(loopback(host), "{host}");
        }
        for host in [
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "10.0.0.1",
            "[::2]",
            "example.com",
            "0.0.0.0",
            "0x7f.1",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(!loopback(host), "{host}");
        }
    }
}
