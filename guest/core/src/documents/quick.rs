//! Entries of an `index.json` as ocix and BuildKit write it, read in one look.
//!
//! Only what has no member that is not known here, none twice, and no value that anybody could understand differently is taken. All else is left to
//! the strict reader ([`super::read`]), which says the same of what is taken, but looks several times.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::descriptor::is_media_type;
use crate::descriptor::Descriptor;
use crate::platform::Platform;

/// The entries of an index, each with where its JSON text stands; `None` when it is one for the strict reader.
pub fn entries(text: &str) -> Option<Vec<(Descriptor, Range<usize>)>> {
    let mut entries = Vec::new();
    let mut rest = text.strip_prefix(START)?;
    let at = |rest: &str| text.len().saturating_sub(rest.len());
    while rest != END {
        if !entries.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        // Not as a list of its members, and white space is none of it.
        rest.starts_with('{').then_some(())?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<One<'_>>();
        let entry = entry(values.next()?.ok()?)?;
        let start = at(rest);
        rest = rest.get(values.byte_offset()..)?;
        entries.push((entry, start..at(rest)));
    }
    Some(entries)
}

fn entry(one: One<'_>) -> Option<Descriptor> {
    let One { media_type, digest, size, annotations, platform, artifact_type } = one;
    let artifact_type = artifact_type.filter(|kind| !kind.is_empty());
    if ![Some(media_type), artifact_type].into_iter().flatten().all(is_media_type) || i64::try_from(size).is_err() {
        return None;
    }
    let mut descriptor = Descriptor::new(media_type, digest.parse().ok()?, size);
    descriptor.annotations = annotations.0;
    descriptor.artifact_type = artifact_type.map(str::to_owned);
    descriptor.platform = platform.map(|Runs { os, architecture, variant }| Platform::new(os, architecture, variant));
    Some(descriptor)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct One<'a> {
    #[serde(borrow)]
    media_type: &'a str,
    #[serde(borrow)]
    digest: &'a str,
    size: u64,
    #[serde(default)]
    annotations: Pairs,
    #[serde(borrow)]
    platform: Option<Runs<'a>>,
    #[serde(borrow)]
    artifact_type: Option<&'a str>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs<'a> {
    #[serde(borrow)]
    os: &'a str,
    #[serde(borrow)]
    architecture: &'a str,
    #[serde(borrow)]
    variant: Option<&'a str>,
}

/// No key twice.
#[derive(Default)]
struct Pairs(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = BTreeMap<String, String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    if pairs.insert(key, value).is_some() {
                        return Err(A::Error::custom("twice"));
                    }
                }
                Ok(pairs)
            }
        }

        deserializer.deserialize_map(Once).map(Self)
    }
}

const START: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#;
const END: &str = "]}";

#[cfg(test)]
mod tests {
    use super::super::index::Index;
    use super::*;
    use crate::media_type;

    #[test]
    fn what_is_taken_is_what_the_strict_reader_says() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let entry = |more: &str| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":7{more}}}"#);
        let index = |entries: &str| {
            format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{entries}]}}"#, media_type::INDEX)
        };
        let name = r#","annotations":{"io.containerd.image.name":"a.example/b:c","k":"\u0076\n"}"#;
        let platform = r#","platform":{"architecture":"arm64","os":"linux","variant":"v8"}"#;
        for text in [
            index(""),
            index(&entry("")),
            index(&entry(r#","artifactType":"c/d""#)),
            index(&entry(r#","artifactType":"","platform":null"#)),
            index(&format!("{},{}", entry(name).replace("\"size\":", "\"size\" :\n"), entry(platform))),
        ] {
            let taken = entries(&text);
            let strict = Index::parse(text.as_bytes(), None).unwrap_or_else(|error| panic!("{text}: {error}"));
            let strict: Vec<_> =
                strict.entries().into_iter().flatten().map(|(entry, raw)| (entry, raw.to_owned())).collect();
            let own = |(entry, range): (Descriptor, Range<usize>)| (entry, text[range].to_owned());
            let taken: Option<Vec<_>> = taken.map(|all| all.into_iter().map(own).collect());
            assert_eq!(taken, Some(strict), "{text}");
        }
        // Refused by the strict reader, or more than is known here.
        for text in [
            index(&entry(r#","size":8"#)),
            index(&entry(r#","Size":8"#)),
            index(&entry(r#","annotations":{"a":"1","\u0061":"2"}"#)),
            index(&entry(r#","annotations":{"a":1}"#)),
            index(&entry(r#","artifactType":"b""#)),
            index(&entry(r#","platform":{"architecture":"amd64","os":"windows","os.version":"10"}"#)),
            index(&entry("").replace("a/b", "a")),
            index(&entry("").replace(":7", ":-7")),
            index(&entry("").replace(":7", ":9223372036854775808")),
            index(&entry("").replace("sha256:", "sha384:")),
            index("1"),
            index(&format!("{}, {}", entry(""), entry(""))),
            index(&format!("{} ,{}", entry(""), entry(""))),
            index(&format!("{}{}", entry(""), entry(""))),
            index(&format!("{},", entry(""))),
            index(&format!(",{}", entry(""))),
            index(&format!(r#"["a/b","{digest}",7,null,null,null]"#)),
            format!("{}\n", index("")),
            r#"{"manifests":[],"schemaVersion":2}"#.to_owned(),
            index("").replace("v1+json", "v2+json"),
            index("").replace(":2", ":1"),
            index("").replace("{\"", "{\"annotations\":{},\""),
            index("").replace("{\"", "{\"manifests\":[],\""),
            format!("{}x", index("")),
            "[]".to_owned(),
        ] {
            assert_eq!(entries(&text), None, "{text}");
        }
    }
}
