//! The frame of a foreign tar, checked while its bytes pass: headers, sizes, extended headers, the end.
//!
//! A layer made from a tar keeps the tar's bytes; what is checked here is that every reader walks them the same way. Sizes count as in
//! Go's reader, which is what unpacks images; where readers are known to differ on where the next entry starts, the tar is refused.
//! Legal oddities pass, such as absolute names: they are the unpacker's to refuse, and worth a warning.

use super::header::{name, number, sealed};
use super::limits::Limits;
use super::pax::{self, Overrides};
use super::tar::{BLOCK, padding};
use crate::error::{Error, Result};
use crate::text::shown_bytes;

/// Where in a tar the next byte stands.
#[derive(Default)]
pub struct Framing {
    next: Next,
    /// Part of what comes next, until it is whole.
    held: Vec<u8>,
    /// What extended headers said of the next entry.
    ahead: Ahead,
    entries: u64,
    limits: Limits,
    warning: Option<String>,
    warned: bool,
}

/// What comes next.
#[derive(Clone, Copy, Default)]
enum Next {
    /// Before the first byte: a header.
    #[default]
    Start,
    /// A header, or the first block of zeros.
    Header,
    /// More of the map of a sparse file in GNU's old format: so many blocks so far, and the size of what follows them.
    Map(u64, u64),
    /// So many bytes of content and padding.
    Content(u64),
    /// An extended header's content, and its flag.
    Extension(u8, usize),
    /// The second block of zeros.
    Zeros,
    /// Nothing but zeros.
    End,
}

/// What stands before an entry and changes it.
#[derive(Default)]
struct Ahead {
    pax: Option<Overrides>,
    long_name: Option<Vec<u8>>,
    long_link: bool,
    /// How many extended headers.
    count: u32,
}

impl Framing {
    /// With these limits.
    pub fn within(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The next bytes, in pieces of any size.
    ///
    /// # Errors
    /// `malformed` for bytes that readers would not or not all walk, `limit-exceeded` for more than 2 million entries, 64 extended
    /// headers of an entry, 1 MiB in one of them or 4096 bytes in a path.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let wanted = match self.next {
                Next::End if bytes.iter().all(|byte| *byte == 0) => return Ok(()),
                Next::End => return Err(malformed("the tar is followed by bytes that are none of it")),
                Next::Content(size) => {
                    let now = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = bytes.get(now..).unwrap_or_default();
                    self.next = content(size.saturating_sub(now as u64));
                    continue;
                }
                Next::Extension(_, size) => extension(size),
                Next::Start | Next::Header | Next::Map(..) | Next::Zeros => BLOCK,
            };
            let whole = if self.held.is_empty() { bytes.split_at_checked(wanted) } else { None };
            if let Some((whole, rest)) = whole {
                bytes = rest;
                self.take(whole)?;
                continue;
            }
            let now = wanted.saturating_sub(self.held.len()).min(bytes.len());
            let (now, rest) = bytes.split_at_checked(now).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(now);
            bytes = rest;
            if self.held.len() == wanted {
                let mut held = std::mem::take(&mut self.held);
                self.take(&held)?;
                held.clear();
                self.held = held;
            }
        }
        Ok(())
    }

    /// The tar must end here.
    ///
    /// # Errors
    /// `malformed` when it does not.
    pub fn finish(&self) -> Result<()> {
        let missing = match self.next {
            Next::End => return Ok(()),
            Next::Start if self.held.is_empty() => {
                return Err(malformed("the tar is empty: not even its end is there"));
            }
            Next::Start => return Err(none()),
            Next::Header | Next::Map(..) | Next::Zeros if self.held.is_empty() => {
                return Err(malformed(
                    "the tar is cut short: the blocks of zeros at its end are missing; copy or make it again",
                ));
            }
            Next::Header | Next::Map(..) | Next::Zeros => BLOCK.saturating_sub(self.held.len()) as u64,
            Next::Content(size) => size,
            Next::Extension(_, size) => extension(size).saturating_sub(self.held.len()) as u64,
        };
        let entries = self.entries;
        let message =
            format!("the tar is cut short: {missing} bytes missing at its entry {entries}; copy or make it again");
        Err(Error::malformed("tar", message))
    }

    /// Something to know about the tar, said once.
    pub fn warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// What was waited for is whole.
    fn take(&mut self, whole: &[u8]) -> Result<()> {
        match self.next {
            Next::Start | Next::Header if zeros(whole) => {
                if self.ahead.any() {
                    return Err(malformed("an extended header of the tar belongs to no entry"));
                }
                self.next = Next::Zeros;
            }
            Next::Start | Next::Header => self.header(whole)?,
            Next::Map(blocks, size) => self.map(blocks, size, whole.get(504) == Some(&0))?,
            Next::Extension(flag, size) => self.extension(flag, whole.get(..size).unwrap_or_default())?,
            Next::Zeros if zeros(whole) => self.next = Next::End,
            Next::Zeros => return Err(malformed("the tar has a single block of zeros between its entries")),
            Next::Content(_) | Next::End => {}
        }
        Ok(())
    }

    fn header(&mut self, block: &[u8]) -> Result<()> {
        if !sealed(block) {
            let (entries, first) = (self.entries, matches!(self.next, Next::Start));
            let message = format!("the tar is damaged: no header stands behind its entry {entries}");
            return Err(if first { none() } else { Error::malformed("tar", message) });
        }
        let flag = block.get(156).copied().unwrap_or_default();
        let wrong = || Error::malformed("tar", format!("the size of the tar's entry {} is not a number", self.entries));
        let size = block.get(124..136).and_then(number).ok_or_else(wrong)?;
        if !matches!(flag, b'x' | b'g' | b'L' | b'K') {
            return self.entry(block, flag, size);
        }
        if flag != b'g' {
            self.ahead.count = self.ahead.count.saturating_add(1);
            if self.ahead.count > pax::STACKED {
                let message = format!("an entry of the tar has more than {} extended headers", pax::STACKED);
                return Err(Error::limit("extended header", message));
            }
        }
        match usize::try_from(size) {
            Ok(size @ 1..=pax::LIMIT) => self.next = Next::Extension(flag, size),
            Ok(0) => self.extension(flag, &[])?,
            _ => return Err(Error::limit("extended header", "an extended header of the tar has more than 1 MiB")),
        }
        Ok(())
    }

    fn extension(&mut self, flag: u8, content: &[u8]) -> Result<()> {
        self.next = Next::Header;
        let text = || content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        match flag {
            b'L' => self.ahead.long_name = Some(text()),
            b'K' => self.ahead.long_link = true,
            b'g' if pax::read(content)?.size.is_some() => {
                return Err(malformed(
                    "a global extended header of the tar says a size, which readers understand differently",
                ));
            }
            b'g' => {}
            _ => {
                let now = pax::read(content)?;
                // Go's reader forgets the first of two in a row, GNU's merges them.
                if self.ahead.pax.as_ref().is_some_and(|before| before.size != now.size) {
                    return Err(malformed("two extended headers of the tar say different sizes of one entry"));
                }
                self.ahead.pax = Some(now);
            }
        }
        Ok(())
    }

    fn entry(&mut self, block: &[u8], flag: u8, said: u64) -> Result<()> {
        self.entries = self.entries.saturating_add(1);
        self.limits.entries(self.entries)?;
        let Ahead { pax, long_name, .. } = std::mem::take(&mut self.ahead);
        let Overrides { path, size } = pax.unwrap_or_default();
        let path = long_name.filter(|name| !name.is_empty()).or(path).unwrap_or_else(|| name(block));
        self.limits.path(path.len())?;
        self.named(&path)?;
        let size = size.unwrap_or(said);
        // Links, devices, directories and pipes have no content, whatever their size says. Old tars tell directories by a slash.
        let bare = matches!(flag, b'1'..=b'6') || (flag == 0 && path.ends_with(b"/"));
        if flag == b'S' {
            if block.get(257..265) != Some(b"ustar  \0") {
                return Err(malformed("a sparse file of the tar is not in GNU's format"));
            }
            return self.map(0, size, block.get(482) == Some(&0));
        }
        self.next = content(if bare { 0 } else { padded(size) });
        Ok(())
    }

    fn map(&mut self, blocks: u64, size: u64, ends: bool) -> Result<()> {
        if blocks > SPARSE {
            return Err(Error::limit("sparse map", "the map of a sparse file in the tar has more than 1 MiB"));
        }
        self.next = if ends { content(padded(size)) } else { Next::Map(blocks.saturating_add(1), size) };
        Ok(())
    }

    fn named(&mut self, path: &[u8]) -> Result<()> {
        let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        if !self.warned && (path.starts_with(b"/") || parts.clone().any(|part| part == b"..")) {
            let path = shown_bytes(path);
            self.warning =
                Some(format!("the tar has names such as `{path}`, absolute or with `..`: they stay as they are"));
            self.warned = true;
        }
        if parts.next_back() == Some(b".wh.") {
            let message = format!("`{}` in the tar is a whiteout of nothing", shown_bytes(path));
            return Err(Error::malformed("layer", message));
        }
        Ok(())
    }
}

impl Ahead {
    fn any(&self) -> bool {
        self.pax.is_some() || self.long_name.is_some() || self.long_link
    }
}

fn content(size: u64) -> Next {
    if size == 0 { Next::Header } else { Next::Content(size) }
}

/// Bytes of an extended header's content with its padding.
fn extension(size: usize) -> usize {
    size.saturating_add(padding(size as u64))
}

fn padded(size: u64) -> u64 {
    size.saturating_add(padding(size) as u64)
}

fn zeros(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

fn none() -> Error {
    malformed("this is not a tar (neither plain, gzip nor zstd)")
}

fn malformed(message: &str) -> Error {
    Error::malformed("tar", message)
}

/// Blocks.
const SPARSE: u64 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of an entry with this name, flag and size field, sealed.
    fn header(name: &[u8], flag: u8, size: &[u8]) -> Vec<u8> {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name);
        block[124..124 + size.len()].copy_from_slice(size);
        block[156] = flag;
        block[257..265].copy_from_slice(if flag == b'S' { b"ustar  \0" } else { b"ustar\x0000" });
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.to_vec()
    }

    fn extended(flag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = header(b"x", flag, format!("{:o}", content.len()).as_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    /// The verdict, the same in pieces of any size.
    fn verdict(tar: &[u8]) -> Result<(), String> {
        let walk = |size: usize| {
            let mut framing = Framing::default();
            tar.chunks(size).try_for_each(|piece| framing.push(piece))?;
            framing.finish()
        };
        let whole = walk(1 << 20);
        for size in [1, 100, 511, 512, 513] {
            assert_eq!(walk(size), whole);
        }
        whole.map_err(|error| error.message)
    }

    fn file() -> Vec<u8> {
        [header(b"f", b'0', b"1"), vec![b'!'; BLOCK]].concat()
    }

    const END: &[u8] = &[0; 2 * BLOCK];

    #[test]
    fn what_readers_walk_alike_passes() {
        let block = vec![b'!'; BLOCK];
        let mut sparse = header(b"s", b'S', b"1");
        sparse[482] = 1;
        sparse[153] += 1;
        let mut map = vec![0; 2 * BLOCK];
        map[504] = 1;
        let cases = [
            END.to_vec(),
            [&[0; 5000][..], END].concat(),
            [&file()[..], END, &[0; 100]].concat(),
            [&header(b"f", b'0', &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]), &block[..], END].concat(),
            [&extended(b'x', b"12 size=512\n"), &header(b"f", b'0', b"0"), &block[..], END].concat(),
            [&extended(b'x', b"12 size=512\n"), &extended(b'L', b"long\0"), &header(b"f", b'0', b"0"), &block[..], END]
                .concat(),
            [&extended(b'g', b"13 comment=x\n"), &file()[..], END].concat(),
            [&header(b"d/", 0, b"1000"), &file()[..], END].concat(),
            [&header(b"l", b'1', b"1000"), &file()[..], END].concat(),
            [&header(b"f", b'0', b"\0\0 1 \0"), &block[..], END].concat(),
            [&sparse, &map, &block[..], END].concat(),
        ];
        for (at, tar) in cases.iter().enumerate() {
            assert_eq!(verdict(tar), Ok(()), "case {at}");
        }
    }

    #[test]
    fn what_is_broken_or_ambiguous_is_refused() {
        let x = |content: &[u8]| extended(b'x', content);
        let f = &file();
        let large = header(b"x", b'x', b"4000001");
        let long = x(format!("4108 path={}\n", "p".repeat(4097)).as_bytes());
        let mut loose = file();
        loose[0] = b'g';
        let cases: [(Vec<u8>, &str); 16] = [
            (b"".to_vec(), "is empty"),
            (b"short".to_vec(), "is not a tar"),
            (vec![b'a'; 2000], "is not a tar"),
            (f.clone(), "blocks of zeros at its end are missing"),
            ([f, &END[..BLOCK]].concat(), "blocks of zeros at its end are missing"),
            (f[..BLOCK + 12].to_vec(), "cut short: 500 bytes missing"),
            ([f, &END[..BLOCK], f, END].concat(), "single block of zeros"),
            ([f, END, b"x"].concat(), "followed by bytes"),
            ([f, &loose[..], END].concat(), "damaged: no header stands behind its entry 1"),
            ([&x(b"12 size=512\n")[..], END].concat(), "belongs to no entry"),
            ([&x(b"12 size=512\n"), &x(b"9 path=x\n")[..], f, END].concat(), "different sizes"),
            ([&extended(b'g', b"12 size=512\n")[..], f, END].concat(), "global"),
            ([&header(b"f", b'0', b"-1")[..], END].concat(), "not a number"),
            ([&header(b"a/.wh./", b'5', b"")[..], END].concat(), "whiteout of nothing"),
            (large, "more than 1 MiB"),
            ([&long[..], f, END].concat(), "more than 4096"),
        ];
        for (tar, expected) in cases {
            let message = verdict(&tar).unwrap_err();
            assert!(message.contains(expected), "{expected}: {message}");
        }
        assert!(verdict(&header(b"f", b'0', &[0xff; 12])).is_err());
    }

    #[test]
    fn a_strange_name_is_told_once() {
        let mut framing = Framing::default();
        let tar = [header(b"/a", b'5', b""), header(b"../b", b'5', b""), END.to_vec()].concat();
        framing.push(&tar).unwrap();
        assert!(framing.warning().unwrap().contains("`/a`"));
        assert_eq!(framing.warning(), None);
    }
}
