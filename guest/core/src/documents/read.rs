//! The strict reader: what two readers could understand differently is refused, what is unknown is left as it is.
//!
//! OCI image spec, considerations.md: I-JSON in UTF-8, without duplicate names. Go's decoder ignores the case of names, so a name
//! that is a known one in other letters is refused too. Numbers and strings that are not ours to understand stay raw text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::flaw;
use crate::error::{Error, Result};
use crate::text::shown;

/// The largest document that is read, in bytes.
pub const MAX_READ: usize = 8 << 20;

/// How deep objects and arrays may stand in each other.
pub const MAX_DEPTH: usize = 128;

/// An object in a document that was checked as a whole. Values that are `null` count as absent, as they do for Go.
pub struct Object<'a> {
    /// Of the document: what errors call malformed.
    format: &'static str,
    /// For people, for example `manifest's layer 2`.
    place: String,
    members: Vec<(String, &'a RawValue)>,
}

/// The document in `bytes`; `format` names it in errors, for example `manifest`.
///
/// # Errors
/// `limit-exceeded` over [`MAX_READ`] bytes or [`MAX_DEPTH`] levels; `malformed` for what is not one JSON object in UTF-8 (a byte order
/// mark, text behind it) and for a name that stands twice in one object, however deep.
///
/// ```
/// use ocix_core::documents::read;
/// assert!(read::document(br#"{"size":1}"#, "manifest").is_ok());
/// assert!(read::document(br#"{"size":1,"size":2}"#, "manifest").is_err());
/// ```
pub fn document<'a>(bytes: &'a [u8], format: &'static str) -> Result<Object<'a>> {
    document_within(bytes, format, MAX_READ)
}

/// The same for a document that may have up to `most` bytes.
///
/// # Errors
/// As [`document`].
pub fn document_within<'a>(bytes: &'a [u8], format: &'static str, most: usize) -> Result<Object<'a>> {
    if bytes.len() > most {
        let message = format!("the {format} has {} bytes, and at most {most} are read", bytes.len());
        return Err(Error::limit("document size", message));
    }
    let raw = flaw::checked(bytes).map_err(|flaw| flaw.told(format))?;
    Object::of(raw, format, format.to_owned())
}

impl<'a> Object<'a> {
    fn of(raw: &'a RawValue, format: &'static str, place: String) -> Result<Self> {
        match serde_json::from_str::<Members>(raw.get()) {
            Ok(Members(members)) => Ok(Self { format, place, members }),
            Err(_) => Err(Error::malformed(format, format!("the {place} is not an object"))),
        }
    }

    /// Refuses names that Go's decoder would take for one of `names` because only the case of letters differs.
    pub fn known(self, names: &[&str]) -> Result<Self> {
        match self.variant(names) {
            Some((name, known)) => {
                Err(self.malformed(format!("has `{}`, which some readers take for `{known}`", shown(name))))
            }
            None => Ok(self),
        }
    }

    /// The first name that only in the case of its letters is none of `names`, and which of them.
    pub fn variant<'n>(&self, names: &[&'n str]) -> Option<(&str, &'n str)> {
        let folded: Vec<String> = names.iter().map(|known| fold(known)).collect();
        self.members().find_map(|(name, _)| {
            let own = fold(name);
            let taken = names.iter().zip(&folded).find(|(known, folded)| **folded == own && **known != name);
            taken.map(|(known, _)| (name, *known))
        })
    }

    /// A failure at this place; `why` follows its name.
    pub fn malformed(&self, why: impl fmt::Display) -> Error {
        Error::malformed(self.format, format!("the {} {why}", self.place))
    }

    /// What `get` gave, or an error that it is missing.
    pub fn need<T>(&self, name: &str, got: Option<T>) -> Result<T> {
        got.ok_or_else(|| self.malformed(format!("has no `{name}`")))
    }

    /// Every member in its place, `null` too.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Whether there is a member of this name, be it `null`.
    pub fn has(&self, name: &str) -> bool {
        self.members().any(|(member, _)| member == name)
    }

    /// A value as it is written.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.members().find(|(member, _)| *member == name).map(|(_, value)| value).filter(|value| value.get() != "null")
    }

    /// A string.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        self.typed(name, "a string")
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "true or false")
    }

    /// Strings.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.typed(name, "a list of strings")
    }

    /// An object of strings, empty when it is absent.
    pub fn map(&self, name: &str) -> Result<BTreeMap<String, String>> {
        self.typed(name, "an object of strings").map(Option::unwrap_or_default)
    }

    /// A whole number from 0 to 2^63-1, written without sign, fraction and exponent.
    pub fn size(&self, name: &str) -> Result<Option<u64>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let plain = Some(raw.get()).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        match plain.and_then(|text| text.parse::<i64>().ok()).and_then(|size| u64::try_from(size).ok()) {
            Some(size) => Ok(Some(size)),
            None => Err(self.malformed(format!("has a `{name}` that is not a whole number from 0 to 2^63-1"))),
        }
    }

    /// An object in this one.
    pub fn object(&self, name: &str) -> Result<Option<Object<'a>>> {
        self.raw(name).map(|raw| Object::of(raw, self.format, format!("{}'s {name}", self.place))).transpose()
    }

    /// Objects in this one, each with its text; `item` names one of them in errors, which count from 1.
    pub fn objects(&self, name: &str, item: &str) -> Result<Option<Vec<(Object<'a>, &'a RawValue)>>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let items: Vec<&'a RawValue> = serde_json::from_str(raw.get())
            .map_err(|_| self.malformed(format!("has a `{name}` that is not a list")))?;
        let place = |number: usize| format!("{}'s {item} {}", self.place, number.saturating_add(1));
        let objects =
            items.into_iter().enumerate().map(|(number, raw)| Ok((Object::of(raw, self.format, place(number))?, raw)));
        objects.collect::<Result<_>>().map(Some)
    }

    fn typed<T: DeserializeOwned>(&self, name: &str, kind: &str) -> Result<Option<T>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| self.malformed(format!("has a `{name}` that is not {kind}")))
    }
}

/// Of an object, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder).map(Self)
    }
}

/// Names that are equal to Go's decoder are equal: ASCII letters, and the two others that fold to one.
fn fold(name: &str) -> String {
    let plain = |c| match c {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn ambiguous_documents_are_refused() {
        let unclosed = "[".repeat(100_000);
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"y":{"b":1,"b":2}}]}"#,
            "{} {}",
            "{}x",
            "\u{feff}{}",
            "{\"a\":\"\u{1}\"}",
            "",
            "null",
            "[]",
            "1",
            r#"{"a":01}"#,
            r#"{'a':1}"#,
            r#"{"a":NaN}"#,
            r#"{"\ud800":1}"#,
            "{",
            r#"{"a":1,}"#,
            &unclosed,
        ] {
            assert!(document(text.as_bytes(), "manifest").is_err(), "{}", shown(text));
        }
        assert!(document(b"{\"a\":\"\xff\"}", "manifest").is_err());
    }

    #[test]
    fn what_is_only_odd_is_read() {
        for text in [
            " {}\r\n\t",
            r#"{"Foo":1,"foo":2}"#,
            r#"{"a":[{"b":1},{"b":2}],"b":{"a":","}}"#,
            r#"{"a":{"b":1},"c":{"b":1}}"#,
            r#"{"a\"b":1,"a":"{[,"}"#,
            r#"{"unknown":[1e3,-0,1.50,"\ud800"]}"#,
            r#"{"":null," ":[]}"#,
        ] {
            assert!(document(text.as_bytes(), "manifest").is_ok(), "{text}");
        }
    }

    #[test]
    fn depth_and_size_have_limits() {
        let nested = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(document(nested(MAX_DEPTH - 1).as_bytes(), "manifest").is_ok());
        let deep = document(nested(MAX_DEPTH).as_bytes(), "manifest").err().map(|error| error.code);
        assert_eq!(deep, Some(Code::LimitExceeded("document depth".into())));
        let mut large = b"{}".to_vec();
        large.resize(MAX_READ, b' ');
        assert!(document(&large, "manifest").is_ok());
        large.push(b' ');
        assert_eq!(
            document(&large, "manifest").err().map(|error| error.code),
            Some(Code::LimitExceeded("document size".into()))
        );
    }

    #[test]
    fn names_in_other_letters_are_refused() {
        for text in [r#"{"mediaType":"a","MediaType":"b"}"#, r#"{"MEDIATYPE":"b"}"#, r#"{"ſize":1}"#] {
            let object = document(text.as_bytes(), "manifest");
            assert!(object.is_ok_and(|object| object.known(&["mediaType", "size"]).is_err()), "{text}");
        }
        let object = document(br#"{"mediaType":"a","media":1,"sizes":2}"#, "manifest");
        assert!(object.is_ok_and(|object| object.known(&["mediaType", "size"]).is_ok()));
    }

    #[test]
    fn sizes_are_plain_whole_numbers() {
        for (text, size) in [
            ("0", Some(0)),
            ("9223372036854775807", Some(9_223_372_036_854_775_807)),
            ("9223372036854775808", None),
            ("-1", None),
            ("-0", None),
            ("1.0", None),
            ("1e3", None),
            ("\"1\"", None),
            ("true", None),
            ("[1]", None),
            ("99999999999999999999999", None),
        ] {
            let json = format!(r#"{{"size":{text}}}"#);
            let read = document(json.as_bytes(), "manifest").and_then(|object| object.size("size")).ok().flatten();
            assert_eq!(read, size, "{text}");
        }
    }
}
