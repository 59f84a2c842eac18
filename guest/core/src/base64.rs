//! Base64 (RFC 4648, section 4): the alphabet with `+` and `/`, with padding.

/// The text of these bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or_default()));
        for (digit, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((bits >> shift & 63) as usize).copied().map(char::from);
            out.push(letter.filter(|_| digit <= group.len()).unwrap_or('='));
        }
    }
    out
}

/// The bytes of this text; `None` when it is no base64 or lacks its padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len().saturating_sub(body.len()) > 2 {
        return None;
    }
    let mut out = Vec::new();
    for group in body.as_bytes().chunks(4) {
        let digit = |at: usize| match group.get(at) {
            Some(letter) => ALPHABET.iter().position(|known| known == letter).and_then(|at| u32::try_from(at).ok()),
            None => Some(0),
        };
        let bits = digit(0)? << 18 | digit(1)? << 12 | digit(2)? << 6 | digit(3)?;
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.into_iter().take(group.len().saturating_sub(1)));
    }
    Some(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_are_those_of_the_rfc() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{3ff}?", "z78/")]
        {
            assert_eq!(encode(plain.as_bytes()), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(plain.as_bytes()));
        }
        for wrong in ["Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zm-_", "Zg==Zg=="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
