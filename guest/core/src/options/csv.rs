//! The syntax of `--output`: one CSV record (RFC 4180, as Go reads it) of `key=value` fields.

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
pub fn fields(text: &str) -> Result<Vec<Field>> {
    let refuse = |why: &str| Error::invalid_option("output", format!("the output cannot be read: {why}"));
    let mut fields = Vec::new();
    let mut rest = text;
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
        fields.push(match field.split_once('=') {
            Some((key, value)) => Field { key: key.trim().to_owned(), value: Some(value.to_owned()) },
            None => Field { key: field.trim().to_owned(), value: None },
        });
        match more {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
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
