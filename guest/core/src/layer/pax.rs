//! Extended headers of the pax interchange format (POSIX.1-2017, pax, "pax Extended Header"): records, written and read.
//!
//! A record is `LENGTH KEY=VALUE\n`, and its length counts itself. What is written is sorted by key; what is read is read strictly,
//! because readers that guess disagree with each other on where the next entry starts.

use crate::error::{Error, Result};

/// Bytes that the records of one entry have at most, as Go's reader has it.
pub const LIMIT: usize = 1 << 20;

/// Extended headers before one entry, at most.
pub const STACKED: u32 = 64;

/// The records of one entry, to be written.
#[derive(Default)]
pub struct Records(Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    /// One more, in any order.
    pub fn add(&mut self, key: impl AsRef<[u8]>, value: &[u8]) {
        self.0.push((key.as_ref().to_vec(), value.to_vec()));
    }

    /// The content of the extended header, not padded; `None` without records.
    pub fn content(mut self) -> Option<Vec<u8>> {
        self.0.sort();
        let content: Vec<u8> = self.0.iter().flat_map(|(key, value)| record(key, value)).collect();
        (!content.is_empty()).then_some(content)
    }
}

/// The name in an extended header's own block, for an entry of this name: `DIRECTORY/PaxHeaders.0/BASE`, cleaned, ASCII only, cut
/// to what fits.
pub fn name(name: &[u8]) -> Vec<u8> {
    let at = name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.saturating_add(1));
    let (directory, base) = name.split_at_checked(at).unwrap_or((b"", name));
    let rooted = directory.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in directory.split(|byte| *byte == b'/').chain([&b"PaxHeaders.0"[..], base]) {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = [if rooted { &b"/"[..] } else { b"" }, &parts.join(&b'/')].concat();
    fitted(if joined.is_empty() { b"." } else { &joined })
}

/// A name for an extended header's own block: ASCII only, cut to what fits, no slash at its end.
pub fn fitted(name: &[u8]) -> Vec<u8> {
    let mut name: Vec<u8> = name.iter().copied().filter(|byte| byte.is_ascii() && *byte != 0).take(100).collect();
    while name.last() == Some(&b'/') {
        name.pop();
    }
    name
}

/// What an extended header says of where the next entry is and where it ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `path`.
    pub path: Option<Vec<u8>>,
    /// `size`, in bytes.
    pub size: Option<u64>,
}

/// Reads what an extended header's content, without its padding, says of the next entry's place.
///
/// # Errors
/// As [`records`]; `malformed` for a size that is not a plain decimal number.
pub fn read(content: &[u8]) -> Result<Overrides> {
    let mut overrides = Overrides::default();
    for (key, value) in records(content)? {
        // An empty value takes back what a global header said; there is none that counts.
        match key {
            b"path" if !value.is_empty() => overrides.path = Some(value.to_vec()),
            b"size" if !value.is_empty() => {
                overrides.size = Some(decimal(value).ok_or_else(|| damaged("has a size that is not a number"))?);
            }
            _ => {}
        }
    }
    Ok(overrides)
}

/// The keys and values in an extended header's content, without its padding, in their order.
///
/// # Errors
/// `malformed` for anything that is not a record and for a name with a NUL byte.
pub fn records(mut content: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while !content.is_empty() {
        let (key, value, rest) = split(content).ok_or_else(|| damaged("holds something that is not a record"))?;
        content = rest;
        if key.is_empty() || key.contains(&0) {
            return Err(damaged("has a record without a proper name"));
        }
        if matches!(key, b"path" | b"linkpath" | b"uname" | b"gname") && value.contains(&0) {
            return Err(damaged("has a name with a NUL byte"));
        }
        records.push((key, value));
    }
    Ok(records)
}

fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let with = |length: usize| rest.saturating_add(length.to_string().len());
    // Counting the digits may take one digit more, once.
    let length = with(with(rest));
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// The first record's key and value, and what follows it.
pub fn split(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = content.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(content.get(..blank)?)?).ok()?;
    let (record, rest) = content.split_at_checked(length)?;
    let body = record.get(blank.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((body.get(..equals)?, body.get(equals.checked_add(1)?..)?, rest))
}

/// Digits only: no sign, no blank.
fn decimal(digits: &[u8]) -> Option<u64> {
    let add = |value: u64, digit: &u8| match digit {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(digit.saturating_sub(b'0'))),
        _ => None,
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

fn damaged(why: &str) -> Error {
    Error::malformed("tar", format!("an extended header of the tar {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_itself() {
        for length in 0..2000 {
            let record = record(b"k", &vec![b'v'; length]);
            let (key, value, rest) = split(&record).unwrap();
            assert_eq!((key, value.len(), rest.len()), (&b"k"[..], length, 0));
        }
        assert_eq!(record(b"mtime", b"-1000"), b"15 mtime=-1000\n");
    }

    #[test]
    fn only_records_are_read() {
        let path = |path: &[u8]| Overrides { path: Some(path.to_vec()), size: None };
        assert_eq!(read(b"9 path=x\n"), Ok(path(b"x")));
        assert_eq!(read(b"9 path=x\n9 path=y\n"), Ok(path(b"y")));
        let both = Overrides { path: Some(b"\xff\n".to_vec()), size: Some(77) };
        assert_eq!(read(b"11 path=\xff\n\n11 size=77\n"), Ok(both));
        assert_eq!(read(b"8 path=\n10 x=a=b\0\n"), Ok(Overrides::default()));
        let wrong: [&[u8]; 11] = [
            b"9 path=x",
            b"+9 path=x\n",
            b"-9 path=x\n",
            b"009 path=x\nx",
            b"99999999999999999999 path=x\n",
            b"8 path=x\n",
            b"11 path=x\n",
            b"7 pathx\n",
            b"5 =x\n",
            b"10 path=x\0\n",
            b"11 size=-1\n\n",
        ];
        for content in wrong {
            assert!(read(content).is_err(), "{}", content.escape_ascii());
        }
    }

    #[test]
    fn names_of_extended_headers_are_cleaned_and_cut() {
        let long = [b"d/".repeat(60), b"base".to_vec()].concat();
        let cases: [(&[u8], Vec<u8>); 12] = [
            (b"a", b"PaxHeaders.0/a".to_vec()),
            (b"a/b/", b"a/b/PaxHeaders.0".to_vec()),
            (b"./a", b"PaxHeaders.0/a".to_vec()),
            (b"/a/b", b"/a/PaxHeaders.0/b".to_vec()),
            (b"../a", b"../PaxHeaders.0/a".to_vec()),
            (b"a/.././b//c", b"b/PaxHeaders.0/c".to_vec()),
            (b"/../a/..", b"/a".to_vec()),
            (b"../..", b"..".to_vec()),
            (b"..", b".".to_vec()),
            ("x/ü".as_bytes(), b"x/PaxHeaders.0".to_vec()),
            ("ü/y".as_bytes(), b"/PaxHeaders.0/y".to_vec()),
            (&long, [b"d/".repeat(49), b"d".to_vec()].concat()),
        ];
        for (entry, expected) in cases {
            assert_eq!(name(entry), expected, "{}", entry.escape_ascii());
        }
    }
}
