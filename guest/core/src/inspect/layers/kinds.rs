//! What a file's first bytes look like.

use std::fmt;

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing.
    Empty,
    /// UTF-8 without control characters but those of lines.
    Text,
    /// Text that begins as an object or a list.
    Json,
    /// One of the formats that are told by their first bytes: its name.
    Known(&'static str),
    /// Anything else.
    Binary,
}

impl FileKind {
    /// Of a file's first bytes.
    pub fn of(start: &[u8]) -> Self {
        if start.is_empty() {
            return Self::Empty;
        }
        if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Self::Known(name);
        }
        let text = match std::str::from_utf8(start) {
            Ok(text) => text,
            // A character may be cut off at the end.
            Err(error) if error.error_len().is_none() => {
                start.get(..error.valid_up_to()).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
            }
            Err(_) => return Self::Binary,
        };
        if text.is_empty() || text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
            return Self::Binary;
        }
        if text.trim_start().starts_with(['{', '[']) { Self::Json } else { Self::Text }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Json => "json",
            Self::Known(name) => name,
            Self::Binary => "binary",
        })
    }
}

/// How well-known formats begin.
const KNOWN: [(&[u8], &str); 14] = [
    (b"\x7fELF", "elf"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
    (b"\0asm", "wasm"),
    (b"MZ", "pe"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\xca\xfe\xba\xbe", "class"),
];
