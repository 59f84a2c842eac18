//! Paths as text: what a tar has is bytes, what JSON has is not.

/// UTF-8 as it is, each backslash doubled, and each byte that is no UTF-8 as `\xNN`.
pub fn path_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            text.push(c);
            if c == '\\' {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The bytes of a path that [`path_text`] wrote. A backslash that begins neither of its escapes stands for itself.
pub fn path_bytes(text: &str) -> Vec<u8> {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escaped = match (first, behind) {
            (b'\\', [b'\\', ..]) => Some((b'\\', 1)),
            (b'\\', [b'x', high, low, ..]) => digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, 3)),
            _ => None,
        };
        let (byte, length) = escaped.unwrap_or((*first, 0));
        path.push(byte);
        rest = behind.get(length..).unwrap_or_default();
    }
    path
}

fn digit(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        for (path, text) in [
            (&b"etc/hosts"[..], "etc/hosts"),
            (b"a\\b", "a\\\\b"),
            (b"a\\x41", "a\\\\x41"),
            (b"caf\xe9/\xff\xfe", "caf\\xe9/\\xff\\xfe"),
            ("Grüße/\u{202e}".as_bytes(), "Grüße/\u{202e}"),
        ] {
            assert_eq!(path_text(path), text);
            assert_eq!(path_bytes(text), path);
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(path_bytes(&path_text(&all)), all);
        assert_eq!(path_bytes("C:\\temp"), b"C:\\temp");
    }
}
