//! Reading documents safely: what two readers could understand differently is refused.
//!
//! OCI image spec, considerations.md, "JSON": no duplicate names. Go's decoder ignores the case of names, so that names which differ only
//! in case are duplicates too. Names and numbers that are not the reader's business survive as raw text.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::error::{Error, Result};

/// The document as `T`. `what` names it in errors, for example `manifest`.
///
/// # Errors
/// `malformed` for bytes that are not one UTF-8 JSON value (a byte order mark, text behind it), for duplicate names and for more than
/// 128 levels.
pub fn document<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    let refuse = |error: serde_json::Error| {
        Error::malformed(what, format!("the {what} is not one that all readers understand alike")).because(crate::text::shown(&error.to_string()))
    };
    let mut checked = serde_json::Deserializer::from_slice(bytes);
    Unambiguous::deserialize(&mut checked).and_then(|_| checked.end()).map_err(refuse)?;
    serde_json::from_slice(bytes).map_err(refuse)
}

/// Any JSON value in which no object has a name twice. serde_json's own limit of 128 levels holds.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> std::result::Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Unambiguous, A::Error> {
        let mut exact = BTreeSet::new();
        let mut folded = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            let lower = name.to_lowercase();
            if !exact.insert(name.clone()) || (KNOWN.contains(&lower.as_str()) && !folded.insert(lower)) {
                return Err(de::Error::custom(format!("`{name}` stands twice in one object")));
            }
            fields.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }
}

/// The names of the image spec's documents, in lower case. Others, such as labels, may differ in case only.
const KNOWN: [&str; 19] = [
    "schemaversion", "mediatype", "artifacttype", "config", "layers", "manifests", "subject", "annotations", "digest", "size", "urls",
    "data", "platform", "architecture", "os", "variant", "rootfs", "history", "created",
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn ambiguous_documents_are_refused() {
        let deep = "[".repeat(100_000);
        for text in [r#"{"a":1,"a":2}"#, r#"{"mediaType":"a","MediaType":"b"}"#, "{} {}", "\u{feff}{}", "{\"a\":\"\u{1}\"}", "", &deep] {
            assert!(document::<Value>(text.as_bytes(), "manifest").is_err(), "{}", &text[..text.len().min(40)]);
        }
        for text in [r#"{"Foo":1,"foo":2}"#, r#"{"x":[{"a":1},{"a":2}]}"#, " {}\n"] {
            assert!(document::<Value>(text.as_bytes(), "manifest").is_ok(), "{text}");
        }
    }
}
