//! What makes a document's JSON unfit, whatever document it is: told apart here, so that verification can say which it is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::Deserialize;
use serde_json::value::RawValue;

use super::read::MAX_DEPTH;
use crate::error::{Error, Result};
use crate::text::shown;

/// What is wrong with a document's JSON, whatever document it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// More than [`MAX_DEPTH`] levels.
    Depth,
    /// Not UTF-8, from this byte on.
    Encoding(usize),
    /// A name that is not Unicode.
    Name,
    /// Why it is not JSON.
    Syntax(String),
    /// What stands behind its end.
    Trailing(String),
    /// This name stands twice in one object.
    Twice(String),
}

/// The first thing that is wrong with a document's JSON, its size aside.
pub fn flaw(bytes: &[u8]) -> Option<Flaw> {
    checked(bytes).err()
}

impl Flaw {
    /// As an error of a document that is a `format`.
    pub fn told(self, format: &'static str) -> Error {
        let why = match self {
            Self::ByteOrderMark => "cannot be read: it begins with a byte order mark".into(),
            Self::Depth => {
                return Error::limit("document depth", format!("the {format} has more than {MAX_DEPTH} levels"));
            }
            Self::Encoding(at) => format!("cannot be read: it is not UTF-8 at byte {at}"),
            Self::Name => "has a name that is not Unicode".into(),
            Self::Syntax(why) | Self::Trailing(why) => format!("cannot be read: {why}"),
            Self::Twice(name) => format!("has `{}` twice in one object", shown(&name)),
        };
        Error::malformed(format, format!("the {format} {why}"))
    }
}

/// The text of a document without such flaws.
pub fn checked(bytes: &[u8]) -> Result<&RawValue, Flaw> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Flaw::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Flaw::Encoding(error.valid_up_to()))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let raw = <&RawValue>::deserialize(&mut json).map_err(|error| Flaw::Syntax(error.to_string()))?;
    json.end().map_err(|error| Flaw::Trailing(error.to_string()))?;
    check_names(raw.get()).map(|()| raw)
}

/// One pass over valid JSON: no name twice in an object, no level too deep. It does not recurse.
fn check_names(text: &str) -> Result<(), Flaw> {
    let mut open: Vec<Option<BTreeSet<Cow<'_, str>>>> = Vec::new();
    let mut expects_name = false;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '}', ']', ',', '"']) {
        let (_, found) = rest.split_at_checked(at).unwrap_or_default();
        let mut length = 1;
        match found.as_bytes().first() {
            Some(b'{' | b'[') if open.len() >= MAX_DEPTH => {
                return Err(Flaw::Depth);
            }
            Some(b'{') => {
                open.push(Some(BTreeSet::new()));
                expects_name = true;
            }
            Some(b'[') => {
                open.push(None);
                expects_name = false;
            }
            Some(b',') => expects_name = matches!(open.last(), Some(Some(_))),
            Some(b'"') => {
                let literal = string(found);
                length = literal.len();
                if let (true, Some(Some(names))) = (expects_name, open.last_mut()) {
                    let name = decoded(literal).ok_or(Flaw::Name)?;
                    if let Some(name) = names.replace(name) {
                        return Err(Flaw::Twice(name.into_owned()));
                    }
                    expects_name = false;
                }
            }
            _ => {
                open.pop();
                expects_name = false;
            }
        }
        rest = found.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// The string literal that `text` begins with, quotes included.
fn string(text: &str) -> &str {
    let mut escaping = false;
    let inside = text.bytes().skip(1).take_while(|byte| {
        let ends = *byte == b'"' && !escaping;
        escaping = *byte == b'\\' && !escaping;
        !ends
    });
    text.get(..inside.count().saturating_add(2)).unwrap_or(text)
}

fn decoded(literal: &str) -> Option<Cow<'_, str>> {
    if literal.contains('\\') {
        return serde_json::from_str(literal).ok().map(Cow::Owned);
    }
    literal.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}
