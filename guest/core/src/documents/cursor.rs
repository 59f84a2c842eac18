//! A place in a JSON text without white space and escapes: what is expected there is passed, or nothing is.

use memchr::memchr;

/// A place in a text.
#[derive(Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    /// What stands behind it.
    pub rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// At the start.
    pub fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// How many bytes stand before it.
    pub fn at(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
    }

    /// Just these bytes.
    pub fn eat(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// Without its quotes.
    pub fn string(&mut self) -> Option<&'a str> {
        self.eat("\"")?;
        let string = self.word().filter(|word| is_plain(word))?;
        self.eat("\"").map(|()| string)
    }

    /// What stands before the next quote.
    pub fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_at_checked(memchr(b'"', self.rest.as_bytes())?)?;
        self.rest = rest;
        Some(word)
    }

    /// The digits of a number up to 2^63 - 1.
    pub fn number(&mut self) -> Option<&'a str> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        // So many are always few enough.
        let sound = (1..19).contains(&digits.len()) || digits.parse::<i64>().is_ok();
        (sound && (digits == "0" || !digits.starts_with('0'))).then_some(digits)
    }

    /// The members of an object that has some, whose text within the braces is answered; `member` is at the value of this key.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<&'a str> {
        self.eat("{")?;
        let start = self.at();
        loop {
            let key = self.string()?;
            self.eat(":")?;
            member(self, key)?;
            let end = self.at();
            if self.eat("}").is_some() {
                return self.text.get(start..end);
            }
            self.eat(",")?;
        }
    }
}

/// Whether a text has no escape, and would not be written with one.
pub fn is_plain(text: &str) -> bool {
    // Without a way out, of which vector instructions are made.
    !text.bytes().fold(false, |found, byte| found | is_odd(byte))
}

/// What [`super::json`] writes with an escape, as far as one byte tells.
fn is_odd(byte: u8) -> bool {
    (byte == b'\\') | (byte < b' ') | (byte == b'<') | (byte == b'>') | (byte == b'&') | (byte == 0xe2)
}
