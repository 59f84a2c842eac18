//! References: how people name images, in Docker's normal form.
//!
//! The grammar of the distribution project's `reference` package: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`. The first component is a registry
//! when it has a dot or a colon, is `localhost` or has an upper-case letter; else the image is on Docker Hub, and official ones are
//! in `library/`. Digest and tag may both stand; the digest wins where an image is fetched.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::{Code, Error, Fault};
use crate::text::shown;

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    given: String,
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// `docker.io`, or a host with its port where one was given.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Within the registry, for example `library/site`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Up to 128 characters.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// What the image must be.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// As the user wrote it.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// With the tag `latest` when it has neither tag nor digest.
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".into());
        }
        self
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            let message =
                format!("`{}` is not a reference: {why}; write for example example.com/team/site:v1", shown(text));
            Error::new(Fault::Request, Code::Malformed("reference".into()), message)
        };
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refuse("64 hexadecimal characters are an image's ID, not a name"));
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                (rest, Some(digest.parse::<Digest>().map_err(|_| refuse("its digest is not one"))?))
            }
        };
        if rest.is_empty() {
            return Err(refuse("it has no name"));
        }
        // A colon behind the last slash starts the tag; before it, a port.
        let slash = rest.rfind('/').map_or(0, |at| at.saturating_add(1));
        let colon = rest.get(slash..).and_then(|last| last.find(':')).map(|at| at.saturating_add(slash));
        let (name, tag) = match colon.and_then(|at| rest.split_at_checked(at)) {
            None => (rest, None),
            Some((name, tag)) => (name, Some(tag.strip_prefix(':').unwrap_or(tag))),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(refuse(
                "its tag is not one: at most 128 letters, digits, `_`, `.` and `-`, not starting with one of the last two",
            ));
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => ("docker.io", name),
        };
        if !is_host(registry) {
            return Err(refuse("its registry is not a host name"));
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse("a repository's name is in lower case"));
        }
        if path.is_empty() || !path.split('/').all(is_component) {
            return Err(refuse("its name is not one: lower-case letters and digits, joined by `.`, `_`, `__` or `-`"));
        }
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let official = registry == "docker.io" && !path.contains('/');
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        if repository.len() > 255 {
            return Err(refuse("its name is longer than 255 characters"));
        }
        Ok(Self { given: text.into(), registry: registry.into(), repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// A host name or an IPv6 address in brackets, with an optional port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let sound = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
            return sound && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// Letters and digits, joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(alphanumeric) && text.bytes().last().is_some_and(alphanumeric);
    ends && text
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn corpus() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/references.json");
        serde_json::from_slice(&std::fs::read(path).expect("the corpus")).expect("JSON")
    }

    fn texts(corpus: &Value, key: &str) -> Vec<String> {
        let texts = corpus[key].as_array().expect("a list").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    /// Where we judge a `parse` case of the corpus otherwise than it does, and why.
    const OTHERWISE: &[(&str, &str)] =
        &[("validname@sha512:", "the corpus' own test links no SHA-512; the image spec has it, and so have we")];

    /// The verdicts of the distribution project's own tests on what is a name.
    #[test]
    fn names_of_the_corpus() {
        let corpus = corpus();
        for key in ["validRepoNames", "validRepositoryNames"] {
            for text in texts(&corpus, key) {
                assert!(text.parse::<Reference>().is_ok(), "{key}: {text}");
            }
        }
        for key in ["invalidRepoNames", "invalidRepositoryNames"] {
            for text in texts(&corpus, key) {
                let error = text.parse::<Reference>().expect_err(&text);
                assert_eq!(error.code, Code::Malformed("reference".into()), "{text}");
                assert_eq!(error.fault, Fault::Request, "{text}");
                assert!(error.message.contains("example.com/team/site:v1"), "{}", error.message);
            }
        }
    }

    /// Its verdicts on whole references, and their parts. They are told before Docker's normalisation: a domain that does not look like
    /// one is the first part of a repository on Docker Hub, and a repository of one part is an official one.
    #[test]
    fn parts_of_the_corpus() {
        let corpus = corpus();
        for case in corpus["parse"].as_array().expect("a list") {
            let text = case["input"].as_str().expect("a text");
            let otherwise = OTHERWISE.iter().any(|(start, _)| text.starts_with(start));
            let parsed = text.parse::<Reference>();
            assert_eq!(parsed.is_ok(), case.get("err").is_none() != otherwise, "{text}: {parsed:?}");
            let (Ok(parsed), None) = (parsed, case.get("err")) else { continue };
            let name = case["repository"].as_str().expect("a name");
            let (registry, repository) = match name.split_once('/') {
                None => ("docker.io", format!("library/{name}")),
                Some((domain, path)) if domain.contains(['.', ':']) => (domain, path.to_owned()),
                Some(_) => ("docker.io", name.to_owned()),
            };
            assert_eq!((parsed.registry(), parsed.repository()), (registry, repository.as_str()), "{text}");
            assert_eq!(parsed.tag(), case["tag"].as_str(), "{text}");
            assert_eq!(parsed.digest().map(Digest::as_str), case["digest"].as_str(), "{text}");
            assert_eq!(parsed.as_given(), text);
        }
    }

    /// Docker's normal form of familiar names.
    #[test]
    fn normal_forms_of_the_corpus() {
        for case in corpus()["normalised"].as_array().expect("a list") {
            for form in ["FamiliarName", "FullName", "AmbiguousName"] {
                let Some(text) = case[form].as_str().filter(|text| !text.is_empty()) else { continue };
                let parsed: Reference = text.parse().unwrap();
                assert_eq!(parsed.registry(), case["Domain"], "{text}");
                assert_eq!(parsed.repository(), case["RemoteName"], "{text}");
                assert_eq!(parsed.to_string(), case["FullName"].as_str().unwrap(), "{text}");
            }
        }
    }

    /// 64 hexadecimal characters are an ID only when they are all there is; the length is of the normal form.
    #[test]
    fn edges_of_the_grammar() {
        let hex = "0f".repeat(32);
        let longest = "a".repeat(255 - "library/".len());
        for (text, good) in [
            (hex.clone(), false),
            (format!("{hex}:v1"), true),
            (format!("example.com/{hex}"), true),
            (format!("team/{hex}"), true),
            (format!("{hex}@sha256:{hex}"), true),
            (longest.clone(), true),
            (format!("{longest}a"), false),
            (format!("example.com/{longest}aaaaaaaa"), true),
            (format!("example.com/{longest}aaaaaaaaa"), false),
            (format!("a:{}", "t".repeat(128)), true),
            (format!("a:{}", "t".repeat(129)), false),
            ("[abc]/site".into(), false),
            ("a@sha256:0f".into(), false),
            (format!("a@sha256:{}", hex.to_uppercase()), false),
        ] {
            assert_eq!(text.parse::<Reference>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn defaults_and_forms() {
        for (text, full) in [
            ("site", "docker.io/library/site:latest"),
            ("site:v1", "docker.io/library/site:v1"),
            ("team/site", "docker.io/team/site:latest"),
            ("localhost/site", "localhost/site:latest"),
            ("[::1]:5000/site:v1", "[::1]:5000/site:v1"),
            ("index.docker.io/site", "docker.io/library/site:latest"),
            ("example.com:5000/a/b_c/d__e/f--g.h:T", "example.com:5000/a/b_c/d__e/f--g.h:T"),
        ] {
            let parsed: Reference = text.parse().unwrap();
            assert_eq!(parsed.with_default_tag().to_string(), full, "{text}");
        }
        for text in ["a:", "a::b", "a:.b", "a@", "a b", "-a/b", "example.com:x/a", "a:b:c", "é"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
