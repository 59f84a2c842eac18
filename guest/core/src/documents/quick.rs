//! Entries of an `index.json` as ocix and most others write it, read in two looks: one at the whole for where entries begin and end, one at each.
//!
//! Only what has no member that is not known here, none twice, and no value that anybody could understand differently is taken. All else is left to
//! the strict reader ([`super::read`]), which says the same of what is taken, but looks several times.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::descriptor::is_media_type;
use crate::descriptor::Descriptor;
use crate::media_type;
use crate::platform::Platform;

/// The entries of an index, each with its JSON text; `None` when it is one for the strict reader.
pub fn entries(bytes: &[u8]) -> Option<Vec<(Descriptor, &str)>> {
    let Whole { schema_version, media_type, manifests } = serde_json::from_slice(bytes).ok()?;
    if schema_version != 2 || media_type.is_some_and(|own| own != media_type::INDEX) {
        return None;
    }
    manifests.into_iter().map(|raw| Some((entry(raw.get())?, raw.get()))).collect()
}

fn entry(text: &str) -> Option<Descriptor> {
    let One { media_type, digest, size, annotations, platform, artifact_type } = serde_json::from_str(text).ok()?;
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
struct Whole<'a> {
    schema_version: u8,
    #[serde(borrow)]
    media_type: Option<&'a str>,
    #[serde(borrow)]
    manifests: Vec<&'a RawValue>,
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

#[cfg(test)]
mod tests {
    use super::super::index::Index;
    use super::*;

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
            index(&format!("{}, {}", entry(name), entry(platform))),
            format!(
                "\n{}",
                index(&entry(name)).replace("\"mediaType\":\"application", "\"mediaType\" : \"application")
            ),
            r#"{"manifests":[],"schemaVersion":2}"#.to_owned(),
        ] {
            let taken = entries(text.as_bytes());
            let strict = Index::parse(text.as_bytes(), None).unwrap_or_else(|error| panic!("{text}: {error}"));
            let strict: Vec<_> =
                strict.entries().into_iter().flatten().map(|(entry, raw)| (entry, raw.to_owned())).collect();
            let taken: Option<Vec<_>> =
                taken.map(|all| all.into_iter().map(|(entry, raw)| (entry, raw.to_owned())).collect());
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
            index("").replace("v1+json", "v2+json"),
            index("").replace(":2", ":1"),
            index("").replace("{\"", "{\"annotations\":{},\""),
            index("").replace("{\"", "{\"manifests\":[],\""),
            format!("{}x", index("")),
            "[]".to_owned(),
        ] {
            assert_eq!(entries(text.as_bytes()), None, "{text}");
        }
    }
}
