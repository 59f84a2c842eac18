//! Foreign text made fit to be shown: names of files, references, words of registries.

/// At most 200 characters, control and bidirectional characters escaped, so that nothing foreign can steer a terminal.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == 200 {
            out.push('…');
            break;
        }
        let bidi =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || bidi { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// The same for bytes that need not be UTF-8.
pub fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(super::shown("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(super::shown(&"x".repeat(500)).chars().count(), 201);
    }
}
