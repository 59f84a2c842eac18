//! The one JSON writer: what Go's `encoding/json` writes, because BuildKit's bytes are Go's.
//!
//! Strings are escaped for HTML, objects keep the order that they are given, raw values are compacted and escaped but else kept as they are.

/// A JSON value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// A string.
    Text(String),
    /// In this order.
    Array(Vec<Value>),
    /// In this order; keys are unique.
    Object(Vec<(String, Value)>),
    /// JSON text from elsewhere, which must be valid.
    Raw(String),
}

impl Value {
    /// An object of texts, in the order of the map.
    pub fn texts<'a>(map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        Self::Object(map.into_iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect())
    }

    /// Without white space, as `json.Marshal` writes it.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// With a line a value and two blanks a level, as `json.MarshalIndent` writes it.
    pub fn indented(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, level: Option<usize>) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(value) => out.push_str(&value.to_string()),
            Self::Text(text) => string(out, text),
            Self::Raw(text) => raw(out, text),
            Self::Array(values) => {
                let each = |out: &mut String, value: &Self, level| value.write(out, level);
                list(out, ['[', ']'], values, level, each);
            }
            Self::Object(fields) => {
                let each = |out: &mut String, (key, value): &(String, Self), level: Option<usize>| {
                    string(out, key);
                    out.push_str(if level.is_some() { ": " } else { ":" });
                    value.write(out, level);
                };
                list(out, ['{', '}'], fields, level, each);
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

fn list<T>(out: &mut String, [open, close]: [char; 2], items: &[T], level: Option<usize>, each: impl Fn(&mut String, &T, Option<usize>)) {
    let deeper = level.map(|level| level.saturating_add(1));
    out.push(open);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        line(out, deeper);
        each(out, item, deeper);
    }
    if !items.is_empty() {
        line(out, level);
    }
    out.push(close);
}

fn line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        (0..level).for_each(|_| out.push_str("  "));
    }
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => escaped(out, c),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Valid JSON text, without white space between its tokens and escaped for HTML.
fn raw(out: &mut String, text: &str) {
    let (mut quoted, mut after_backslash) = (false, false);
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if !quoted => continue,
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped(out, c),
            _ => out.push(c),
        }
        if c == '"' && !after_backslash {
            quoted = !quoted;
        }
        after_backslash = quoted && c == '\\' && !after_backslash;
    }
}

fn escaped(out: &mut String, c: char) {
    out.push_str(&format!("\\u{:04x}", u32::from(c)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_gos() {
        for (text, written) in [
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\u{2028}\u{7f}é\u{1}", "\"\\u2028\u{7f}é\\u0001\""),
            ("\"\\/\n\r\t\u{8}\u{c}", r#""\"\\/\n\r\t\b\f""#),
        ] {
            assert_eq!(Value::from(text).compact(), written);
        }
    }

    #[test]
    fn raw_values_are_compacted() {
        let raw = Value::Raw("{ \"a b\" : [ 1.50 , \"<\\\" \\\\\" ] , \"c\":null }".into());
        assert_eq!(raw.compact(), r#"{"a b":[1.50,"\u003c\" \\"],"c":null}"#);
    }

    #[test]
    fn indentation_is_gos() {
        let value = Value::Object(vec![
            ("a".into(), Value::Array(vec![Value::Number(1), Value::Null])),
            ("b".into(), Value::Object(vec![])),
            ("c".into(), Value::Array(vec![])),
        ]);
        assert_eq!(value.indented(), "{\n  \"a\": [\n    1,\n    null\n  ],\n  \"b\": {},\n  \"c\": []\n}");
    }
}
