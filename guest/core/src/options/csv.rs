//! The syntax of `--output`: one CSV record (RFC 4180, as Go reads it, lazy quotes off) of `key=value` fields.
//!
//! One line break at the end is no part of the record. Blanks count, but for those around a key.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// A field before the table has seen it.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What stands before the first `=`, blanks at its ends removed.
    pub key: String,
    /// What stands behind it; `None` without a `=`.
    pub value: Option<String>,
}

/// The fields of one output, in order.
///
/// # Errors
/// `invalid-option` with `output` for its key: a quote that is not closed or stands within a field, a field or a key that is empty.
pub fn fields(text: &str) -> Result<Vec<Field>> {
    let refuse = |why: &str| Error::invalid_option("output", format!("the output cannot be read: {why}"));
    let mut fields = Vec::new();
    let mut rest = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    loop {
        let (field, more) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted).ok_or_else(|| refuse("a quote is not closed, or text follows it"))?,
            None => {
                let (field, more) = rest.split_once(',').map_or((rest, None), |(field, more)| (field, Some(more)));
                if field.contains('"') {
                    return Err(refuse(
                        "a quote stands within a field; quote the whole field, and double the quotes in it",
                    ));
                }
                (field.to_owned(), more)
            }
        };
        if field.trim().is_empty() {
            return Err(refuse("a field is empty; write key=value, joined by commas"));
        }
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.to_owned())),
            None => (field.trim(), None),
        };
        if key.is_empty() {
            return Err(refuse("a field has no key before its `=`; write key=value, joined by commas"));
        }
        fields.push(Field { key: key.to_owned(), value });
        match more {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
    }
}

/// A field as it is written so that [`fields`] reads it.
pub fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains(['"', ',', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

/// What stands behind an opening quote: the field, and what follows the comma behind it.
fn quoted_field(mut rest: &str) -> Option<(String, Option<&str>)> {
    let mut field = String::new();
    loop {
        let (text, more) = rest.split_once('"')?;
        field.push_str(text);
        if let Some(more) = more.strip_prefix('"') {
            field.push('"');
            rest = more;
        } else if more.is_empty() {
            return Some((field, None));
        } else {
            return more.strip_prefix(',').map(|more| (field, Some(more)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's reader makes of these.
    #[test]
    fn records_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("a=1,b=2", &[("a", Some("1")), ("b", Some("2"))][..]),
            ("a=1\n", &[("a", Some("1"))]),
            ("\"a=1\"\r\n", &[("a", Some("1"))]),
            ("a=1\n\n", &[("a", Some("1\n"))]),
            ("\"a=1,2\",b=", &[("a", Some("1,2")), ("b", Some(""))]),
            ("\"a=\"\"1\"\"\"", &[("a", Some("\"1\""))]),
            (" a = 1 ", &[("a", Some(" 1 "))]),
            ("a=b=c", &[("a", Some("b=c"))]),
            ("a", &[("a", None)]),
        ] {
            let fields = fields(text).unwrap();
            let pairs: Vec<_> = fields.iter().map(|field| (field.key.as_str(), field.value.as_deref())).collect();
            assert_eq!(pairs, expected, "{text:?}");
        }
        for text in [
            "", "\n", " ", ",", "a=1,", ",a=1", "a=1,,b=2", "\"\"", "=1", " =1", "\"a=1", "\"a\"b", "a=\"1\"",
            " \"a=1\"", "\"\"\"",
        ] {
            assert!(fields(text).is_err(), "{text:?}");
        }
    }
}
