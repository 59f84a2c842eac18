//! What a 401 asks for: the header `WWW-Authenticate` (RFC 9110, 11.6.1; distribution's token specification).

use std::collections::BTreeMap;

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token, to be had at the realm.
    Bearer {
        /// A URL.
        realm: String,
        /// The name under which the registry is known there.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
}

/// The challenges of one header, in order; those of other schemes are left out.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut rest = header.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (scheme, more) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if scheme.is_empty() {
            // Not a scheme: what follows cannot be told apart.
            break;
        }
        let (mut parameters, more) = parameters(more);
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => challenges.push(Challenge::Basic),
            "bearer" => {
                if let Some(realm) = parameters.remove("realm") {
                    let (service, scope) = (parameters.remove("service"), parameters.remove("scope"));
                    challenges.push(Challenge::Bearer { realm, service, scope });
                }
            }
            _ => {}
        }
        rest = more;
    }
    challenges
}

/// `name=value` or `name="value"`, joined by commas, and what follows them.
fn parameters(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut parameters = BTreeMap::new();
    loop {
        let start = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, value)) =
            start.split_once('=').filter(|(name, _)| !name.is_empty() && name.chars().all(is_token))
        else {
            return (parameters, start);
        };
        let (value, more) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = value.find([',', ' ', '\t']).unwrap_or(value.len());
                let (value, more) = value.split_at_checked(end).unwrap_or((value, ""));
                (value.to_owned(), more)
            }
        };
        parameters.insert(name.to_ascii_lowercase(), value);
        rest = more;
    }
}

/// What stands behind an opening quote, up to the closing one, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at.saturating_add(1)..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
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
            ("Negotiate abc=, bearer REALM=https://a/t", vec![bearer("https://a/t", None, None)]),
            ("Bearer service=\"x\"", vec![]),
            ("Basic realm=\"a\\\"b\", Bearer realm=\"u\"", vec![Challenge::Basic, bearer("u", None, None)]),
            ("\"\"", vec![]),
            ("Bearer realm=\"open", vec![bearer("open", None, None)]),
        ] {
            assert_eq!(parse(header), challenges, "{header}");
        }
    }
}
