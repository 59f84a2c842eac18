//! The frame of a foreign tar, checked while its bytes pass: headers, sizes, extended headers, the end.
//!
//! A layer made from a tar keeps the tar's bytes; what is checked here is that other readers can walk them. Legal oddities pass,
//! such as absolute names: they are the unpacker's to refuse.

use super::tar::BLOCK;
use crate::error::{Error, Result};

/// Where in a tar the next byte stands.
#[derive(Default)]
pub struct Framing {
    /// Part of a header block.
    block: Vec<u8>,
    /// Bytes of the current content, with its padding, that are still to come.
    content: u64,
    /// The content of an extended header, while it comes.
    extension: Option<Extension>,
    /// The size that an extended header gives the next entry.
    size: Option<u64>,
    /// The path that an extended header gives the next entry.
    path: Option<Vec<u8>>,
    /// Blocks of zeros in a row.
    zeros: u8,
    entries: u64,
    /// Whether any block was seen.
    started: bool,
}

struct Extension {
    flag: u8,
    size: usize,
    bytes: Vec<u8>,
}

impl Framing {
    /// The next bytes, in pieces of any size.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            self.started = true;
            if self.content > 0 {
                let now = usize::try_from(self.content).unwrap_or(usize::MAX).min(bytes.len());
                let (now, later) = bytes.split_at_checked(now).unwrap_or((bytes, &[]));
                if let Some(extension) = &mut self.extension {
                    extension.bytes.extend_from_slice(now);
                }
                self.content = self.content.saturating_sub(now.len() as u64);
                bytes = later;
                if self.content == 0 {
                    self.extension_ends()?;
                }
                continue;
            }
            let room = BLOCK.saturating_sub(self.block.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK {
                let block = std::mem::take(&mut self.block);
                self.header(&block)?;
            }
        }
        Ok(())
    }

    /// The tar must end here.
    pub fn finish(&self) -> Result<()> {
        if !self.started {
            return Err(Error::malformed("tar", "the tar is cut short: it is empty, and not even its end is there"));
        }
        if self.content > 0 {
            let missing = self.content;
            return Err(Error::malformed("tar", format!("the tar is cut short: {missing} bytes of its last entry are missing")));
        }
        if !self.block.is_empty() || self.zeros < 2 {
            return Err(Error::malformed("tar", "the tar is cut short: the two blocks of zeros at its end are missing"));
        }
        Ok(())
    }

    fn header(&mut self, block: &[u8]) -> Result<()> {
        if block.iter().all(|byte| *byte == 0) {
            self.zeros = self.zeros.saturating_add(1);
            return Ok(());
        }
        if self.zeros >= 2 {
            return Err(Error::malformed("tar", "the tar is followed by bytes that are none of it"));
        }
        if self.zeros == 1 {
            return Err(Error::malformed("tar", "the tar has a single block of zeros between its entries"));
        }
        if !sealed(block) {
            return Err(match self.entries {
                0 if block.get(257..262) == Some(b"ustar") => Error::malformed("tar", "the tar is damaged: its first header's checksum is wrong"),
                0 => Error::malformed("tar", "this is not a tar, neither plain nor gzip nor zstd"),
                entries => Error::malformed("tar", format!("the tar is damaged behind its entry {entries}: no header stands there")),
            });
        }
        let said = number(block.get(124..136).unwrap_or_default())
            .ok_or_else(|| Error::malformed("tar", format!("the size of the tar's entry {} is not a number", self.entries)))?;
        match block.get(156).copied().unwrap_or_default() {
            flag @ (b'x' | b'g' | b'L' | b'K') => {
                if said > EXTENSION {
                    return Err(Error::limit("tar extension", "an extended header of the tar has more than 1 MiB"));
                }
                self.extension = Some(Extension { flag, size: said as usize, bytes: Vec::new() });
                self.content = padded(said);
                if self.content == 0 {
                    self.extension_ends()?;
                }
            }
            flag => self.entry(block, flag, said)?,
        }
        Ok(())
    }

    fn entry(&mut self, block: &[u8], flag: u8, said: u64) -> Result<()> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > ENTRIES {
            return Err(Error::limit("tar entries", "the tar has more than 2 million entries"));
        }
        let path = self.path.take().unwrap_or_else(|| name(block));
        if path.len() > PATH {
            return Err(Error::limit("path length", format!("a path in the tar has {} bytes, more than {PATH}", path.len())));
        }
        let trimmed = path.strip_suffix(b"/").unwrap_or(&path);
        if trimmed.rsplit(|byte| *byte == b'/').next() == Some(b".wh.") {
            return Err(Error::malformed("layer", format!("`{}` is a whiteout of nothing", crate::text::shown_bytes(&path))));
        }
        // Links, devices, directories and pipes have no content, whatever their size says.
        let size = self.size.take().unwrap_or(said);
        self.content = if matches!(flag, b'1'..=b'6') { 0 } else { padded(size) };
        Ok(())
    }

    fn extension_ends(&mut self) -> Result<()> {
        let Some(Extension { flag, size, bytes }) = self.extension.take() else { return Ok(()) };
        let content = bytes.get(..size).unwrap_or_default();
        match flag {
            b'L' => self.path = Some(content.iter().copied().take_while(|byte| *byte != 0).collect()),
            b'x' => {
                for (key, value) in records(content)? {
                    match key {
                        b"size" => {
                            let size = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                            let size = size.and_then(|text| text.parse().ok());
                            let wrong = || Error::malformed("tar", "an extended header's size is not a number");
                            self.size = Some(size.ok_or_else(wrong)?);
                        }
                        b"path" => self.path = Some(value.to_vec()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The records of an extended header: `LENGTH KEY=VALUE\n` each.
fn records(mut content: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let wrong = || Error::malformed("tar", "an extended header of the tar is damaged");
    let mut records = Vec::new();
    while !content.is_empty() {
        let blank = content.iter().position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length = content.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok());
        let length: usize = length.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
        let (record, rest) = content.split_at_checked(length).ok_or_else(wrong)?;
        let body = record.get(blank.saturating_add(1)..).and_then(|body| body.strip_suffix(b"\n")).ok_or_else(wrong)?;
        let equals = body.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let (key, value) = body.split_at_checked(equals).ok_or_else(wrong)?;
        records.push((key, value.get(1..).unwrap_or_default()));
        content = rest;
    }
    Ok(records)
}

/// Whether the block's checksum matches, counted with or without sign, as old writers did.
fn sealed(block: &[u8]) -> bool {
    let Some(said) = number(block.get(148..156).unwrap_or_default()) else { return false };
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        unsigned = unsigned.saturating_add(i64::from(byte));
        signed = signed.saturating_add(i64::from(byte as i8));
    }
    i64::try_from(said).is_ok_and(|said| said == unsigned || said == signed)
}

/// A number in octal, or in base 256 as GNU tar writes what octal cannot hold. Negative ones are none.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first @ 0x80..=0xbf, rest)) = field.split_first() {
        let start = u64::from(first & 0x3f);
        return rest.iter().try_fold(start, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text = field.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !matches!(byte, b' ' | 0));
    text.into_iter().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit.saturating_sub(b'0'))),
        _ => None,
    })
}

/// The name in a header, with its prefix.
fn name(block: &[u8]) -> Vec<u8> {
    let field = |from, to| block.get(from..to).unwrap_or_default().iter().copied().take_while(|byte| *byte != 0);
    let mut path: Vec<u8> = Vec::new();
    if block.get(257..263) == Some(b"ustar\0") {
        path.extend(field(345, 500));
        if !path.is_empty() {
            path.push(b'/');
        }
    }
    path.extend(field(0, 100));
    path
}

fn padded(size: u64) -> u64 {
    size.saturating_add(super::tar::padding(size) as u64)
}

const EXTENSION: u64 = 1 << 20;
const PATH: usize = 4096;
const ENTRIES: u64 = 2_000_000;
