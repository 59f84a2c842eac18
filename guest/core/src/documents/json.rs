//! The one JSON writer: what Go's `encoding/json` writes, because BuildKit's bytes are Go's.
//!
//! Strings are escaped for HTML, objects keep the order they are given, raw values are compacted and escaped but else kept as they are.
//! It checks nothing: keys are unique and raw values are JSON because whoever builds a [`Value`] makes them so.

use std::collections::BTreeMap;

use crate::base64;

/// A JSON value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// In this order.
    Array(Vec<Value<'a>>),
    /// A string that is these bytes in base64: Go's `[]byte`.
    Base64(&'a [u8]),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A whole number.
    Number(u64),
    /// In this order; keys are unique.
    Object(Vec<(&'a str, Value<'a>)>),
    /// A string that was made for the document.
    Owned(String),
    /// JSON text from elsewhere, which must be valid: Go's `json.RawMessage`.
    Raw(&'a str),
    /// A string; each byte that is not UTF-8 becomes U+FFFD.
    Text(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Texts.
    pub fn list(texts: &'a [String]) -> Self {
        Self::Array(texts.iter().map(|text| text.as_str().into()).collect())
    }

    /// An object of texts, in byte order of the keys.
    pub fn texts(map: &'a BTreeMap<String, String>) -> Self {
        Self::Object(map.iter().map(|(key, text)| (key.as_str(), text.as_str().into())).collect())
    }

    /// Without white space, as `json.Marshal` writes it.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// A line for every value and two blanks for every level, as `json.MarshalIndent` with `""` and `"  "` writes it.
    pub fn indented(&self) -> String {
        indent(&self.compact())
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Array(values) => list(out, ['[', ']'], values, |out, value| value.write(out)),
            Self::Base64(bytes) => write_text(out, base64::encode(bytes).as_bytes()),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Null => out.push_str("null"),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Object(members) => list(out, ['{', '}'], members, |out, (key, value)| {
                write_text(out, key.as_bytes());
                out.push(':');
                value.write(out);
            }),
            Self::Owned(text) => write_text(out, text.as_bytes()),
            Self::Raw(text) => write_raw(out, text),
            Self::Text(text) => write_text(out, text),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

fn list<T>(out: &mut String, [open, close]: [char; 2], items: &[T], mut write: impl FnMut(&mut String, &T)) {
    out.push(open);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(close);
}

fn write_text(out: &mut String, text: &[u8]) {
    out.push('"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\0'..'\u{20}' => escape(out, c),
                _ if unsafe_in_html(c) => escape(out, c),
                _ => out.push(c),
            }
        }
        // Go decodes one byte at a time where a sequence is broken.
        chunk.invalid().iter().for_each(|_| out.push_str("\\ufffd"));
    }
    out.push('"');
}

fn write_raw(out: &mut String, text: &str) {
    // What has nothing to leave out or to escape, as all that was written here, goes in one piece.
    let odd = |byte: u8| {
        (byte == b' ')
            | (byte == b'\t')
            | (byte == b'\r')
            | (byte == b'\n')
            | (byte == b'<')
            | (byte == b'>')
            | (byte == b'&')
            | (byte == 0xe2)
    };
    if !text.bytes().fold(false, |found, byte| found | odd(byte)) {
        return out.push_str(text);
    }
    let mut quoted = false;
    let mut escaping = false;
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if !quoted => continue,
            _ if unsafe_in_html(c) => escape(out, c),
            _ => out.push(c),
        }
        quoted ^= c == '"' && !escaping;
        escaping = c == '\\' && !escaping;
    }
}

fn unsafe_in_html(c: char) -> bool {
    matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

fn escape(out: &mut String, c: char) {
    out.push_str(&format!("\\u{:04x}", u32::from(c)));
}

/// Compact JSON with lines and levels. Empty objects and arrays stay on their line.
fn indent(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len().saturating_mul(2));
    let mut level = 0_usize;
    let (mut quoted, mut escaping, mut empty) = (false, false, false);
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    for c in compact.chars() {
        let closing = !quoted && matches!(c, '}' | ']');
        if closing {
            level = level.saturating_sub(1);
        }
        if empty != closing {
            line(&mut out, level);
        }
        out.push(c);
        empty = !quoted && matches!(c, '{' | '[');
        match c {
            '{' | '[' if !quoted => level = level.saturating_add(1),
            ',' if !quoted => line(&mut out, level),
            ':' if !quoted => out.push(' '),
            _ => {}
        }
        quoted ^= c == '"' && !escaping;
        escaping = c == '\\' && !escaping;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_gos() {
        for (text, written) in [
            (&b"a<b>&c"[..], r#""a\u003cb\u003e\u0026c""#),
            ("\u{2028}\u{2029}\u{7f}é\u{1f600}".as_bytes(), "\"\\u2028\\u2029\u{7f}é\u{1f600}\""),
            (b"\"\\/\n\r\t\x08\x0c", r#""\"\\/\n\r\t\b\f""#),
            (b"\x00\x01\x0b\x1b\x1f", r#""\u0000\u0001\u000b\u001b\u001f""#),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
            (b"a\xffb", r#""a\ufffdb""#),
            (b"\xe2\x82a", r#""\ufffd\ufffda""#),
            (b"\xed\xa0\x80", r#""\ufffd\ufffd\ufffd""#),
            (b"\xf0\x9f\x98", r#""\ufffd\ufffd\ufffd""#),
        ] {
            assert_eq!(Value::Text(text).compact(), written);
        }
    }

    #[test]
    fn keys_are_strings_too() {
        assert_eq!(Value::Object(vec![("<\n>", Value::Bool(true))]).compact(), r#"{"\u003c\n\u003e":true}"#);
    }

    #[test]
    fn raw_values_are_compacted_and_escaped_only() {
        for (raw, written) in [
            ("{ \"a b\" : [ 1.50 , \"<\\\" \\\\\" ] ,\r\n\t\"c\":null }", r#"{"a b":[1.50,"\u003c\" \\"],"c":null}"#),
            ("\"\\u0041\\/ \u{2028}\"", "\"\\u0041\\/ \\u2028\""),
            ("[1e3,-0,1E+2,12345678901234567890]", "[1e3,-0,1E+2,12345678901234567890]"),
            (r#"["\\","\\\" a"," b "]"#, r#"["\\","\\\" a"," b "]"#),
        ] {
            assert_eq!(Value::Raw(raw).compact(), written);
        }
    }

    #[test]
    fn indentation_is_gos() {
        let value = Value::Object(vec![
            ("a", Value::Array(vec![Value::Number(1), Value::Null, Value::Raw(" { } ")])),
            ("b", Value::Object(vec![])),
            ("c", Value::Array(vec![])),
            ("d", Value::Array(vec![Value::Array(vec![Value::Bool(false)])])),
            ("e{[:,", "}],: \"\\".into()),
        ]);
        let lines = [
            "{",
            "  \"a\": [",
            "    1,",
            "    null,",
            "    {}",
            "  ],",
            "  \"b\": {},",
            "  \"c\": [],",
            "  \"d\": [",
            "    [",
            "      false",
            "    ]",
            "  ],",
            "  \"e{[:,\": \"}],: \\\"\\\\\"",
            "}",
        ];
        assert_eq!(value.indented(), lines.join("\n"));
    }
}
