//! What a 401 asks for: the header `WWW-Authenticate` (RFC 9110, 11.6.1; RFC 6750, 3; distribution's token specification).
//!
//! Reads any text without failing: what cannot be understood is left out, and what follows it is still read.

use std::collections::BTreeMap;
use std::mem;

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token, to be had at the realm.
    Bearer {
        /// A URL, as it came.
        realm: String,
        /// The name under which the registry is known there.
        service: Option<String>,
        /// What the token is to allow; several are joined by spaces.
        scope: Option<String>,
    },
}

/// The challenges of one header, in order; those of other schemes, and bearer challenges without a realm, are left out.
pub fn parse(header: &str) -> Vec<Challenge> {
    let (mut quoted, mut escaped) = (false, false);
    // Commas part challenges as well as the parameters of one, except in quotes.
    let items = header.split(|c: char| {
        let literal = mem::take(&mut escaped);
        match c {
            _ if literal => false,
            '\\' => {
                escaped = quoted;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            c => c == ',' && !quoted,
        }
    });
    let mut challenges: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for item in items.map(str::trim) {
        // An item that is not all parameter starts a challenge: the scheme, then perhaps its first parameter.
        let parameter = parameter(item).or_else(|| {
            let (scheme, first) = item.split_once([' ', '\t']).unwrap_or((item, ""));
            if is_token(scheme) {
                challenges.push((scheme.to_ascii_lowercase(), BTreeMap::new()));
            }
            parameter(first.trim())
        });
        if let (Some((name, value)), Some((_, parameters))) = (parameter, challenges.last_mut()) {
            parameters.entry(name).or_insert(value);
        }
    }
    challenges.into_iter().filter_map(|(scheme, parameters)| understood(&scheme, parameters)).collect()
}

fn understood(scheme: &str, mut parameters: BTreeMap<String, String>) -> Option<Challenge> {
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => {
            let (service, scope) = (parameters.remove("service"), parameters.remove("scope"));
            parameters.remove("realm").map(|realm| Challenge::Bearer { realm, service, scope })
        }
        _ => None,
    }
}

/// `name=value` or `name="value"`, the name in lower case.
fn parameter(item: &str) -> Option<(String, String)> {
    let (name, value) = item.split_once('=')?;
    let name = Some(name.trim_end()).filter(|name| is_token(name))?;
    let value = value.trim_start();
    Some((name.to_ascii_lowercase(), value.strip_prefix('"').map_or_else(|| value.to_owned(), unquoted)))
}

/// What stands behind an opening quote, up to the closing one.
fn unquoted(text: &str) -> String {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    value
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_parse() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| Challenge::Bearer {
            realm: realm.into(),
            service: service.map(Into::into),
            scope: scope.map(Into::into),
        };
        for (header, challenges) in [
            ("Basic realm=\"x\"", vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
            (
                "Bearer realm=\"https://a/t\",service=\"s, 1\",scope=\"repository:a:pull,push\"",
                vec![bearer("https://a/t", Some("s, 1"), Some("repository:a:pull,push"))],
            ),
            (
                "Bearer  realm = \"https://a/t?x=1\" , error=\"invalid_token\"",
                vec![bearer("https://a/t?x=1", None, None)],
            ),
            ("Negotiate abc==, bearer REALM=https://a/t", vec![bearer("https://a/t", None, None)]),
            ("Negotiate a/b+c==, Bearer realm=u", vec![bearer("u", None, None)]),
            ("Digest realm=\"d\", nonce=\"n\", Bearer realm=u", vec![bearer("u", None, None)]),
            ("Bearer service=\"x\"", vec![]),
            ("Basic realm=\"a\\\"b, c\", Bearer realm=\"u\\\\\"", vec![Challenge::Basic, bearer("u\\", None, None)]),
            ("Bearer realm=a, realm=b", vec![bearer("a", None, None)]),
            (",, , Basic ,", vec![Challenge::Basic]),
            ("?(, Basic", vec![Challenge::Basic]),
            ("\"\"", vec![]),
            ("", vec![]),
            ("realm=\"x\"", vec![]),
            ("Bearer realm=\"open", vec![bearer("open", None, None)]),
            ("Bearer realm=\"end\\", vec![bearer("end", None, None)]),
        ] {
            assert_eq!(parse(header), challenges, "{header}");
        }
    }

    /// No text fails, and whatever stands in a quoted realm comes back, whatever stands before it.
    #[test]
    fn any_text_is_read() {
        let pieces =
            ["Bearer", "Basic", " ", "\t", ",", "=", "\"", "\\", "realm", "scope", "ä", "\u{1}", "==", "x", "/"];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..20_000 {
            let length = next(24);
            let noise: String =
                (0..length).filter_map(|_| pieces.get(next(pieces.len() as u64) as usize)).copied().collect();
            let _ = parse(&noise);
            let quoted = noise.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Other a=\"{quoted}\", Bearer service=s, realm=\"{quoted}\"");
            let whole = Challenge::Bearer { realm: noise, service: Some("s".into()), scope: None };
            assert_eq!(parse(&header), [whole], "{header}");
        }
    }
}
