//! Foreign text made fit to be shown: names of files, references, words of registries. Bytes as text.

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

/// Base64 (RFC 4648, 4).
pub fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or_default()));
        for (digit, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = alphabet.get((bits >> shift & 63) as usize).copied().map(char::from);
            out.push(letter.filter(|_| digit <= group.len()).unwrap_or('='));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(super::shown("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(super::shown(&"x".repeat(500)).chars().count(), 201);
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{3ff}?", "z78/")]
        {
            assert_eq!(super::base64(plain.as_bytes()), encoded);
        }
    }
}
