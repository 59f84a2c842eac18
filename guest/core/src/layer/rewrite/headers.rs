//! A header as Go's `archive/tar` writes it, in the first of USTAR, pax and GNU that its reader's guess allows and that holds all of it.

use std::collections::BTreeMap;

use crate::error::{Code, Error, Fault, Result};
use crate::layer::block::{
    ATIME, Block, CTIME, Field, GID, GNAME, LINK, MAJOR, MINOR, MODE, MTIME, NAME, PREFIX, SIZE, UID, UNAME,
};
use crate::layer::entries::{Format, Formats, Header, NANOSECONDS};
use crate::layer::{pax, tar};
use crate::media::Timestamp;
use crate::text::shown_bytes;

/// The blocks of a header, without the content that follows.
///
/// # Errors
/// `unsupported` when no allowed format holds all of it.
pub fn write(mut header: Header) -> Result<Vec<u8>> {
    if header.format == Format::Unknown {
        // Times are then whole seconds, and there is one.
        let round = |time: Timestamp| {
            let more = i64::from(time.nanoseconds >= NANOSECONDS >> 1);
            Timestamp { seconds: time.seconds.saturating_add(more), nanoseconds: 0 }
        };
        header.modified = header.modified.map(round);
        (header.accessed, header.changed) = (None, None);
    }
    // Go takes the first second of the year 1 for no time.
    for time in [&mut header.modified, &mut header.accessed, &mut header.changed] {
        *time = time.filter(|time| *time != NO_TIME);
    }
    let Fit { formats, records, .. } = Fit::of(&header)?;
    let mut out = Vec::new();
    if formats.has(Formats::USTAR) {
        ustar(&header, &mut out);
    } else if formats.has(Formats::PAX) {
        posix(&header, records, &mut out)?;
    } else if formats.has(Formats::GNU) {
        gnu(&header, &mut out);
    } else {
        return Err(unfit(&header, "holds what its format cannot hold again"));
    }
    Ok(out)
}

/// Which formats hold a header, and the records that it needs in pax.
struct Fit<'a> {
    header: &'a Header,
    formats: Formats,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether USTAR would lose a part of a time.
    finer: bool,
}

impl<'a> Fit<'a> {
    fn of(header: &'a Header) -> Result<Self> {
        if matches!(header.flag, b'0' | b'3' | b'4' | b'6') && header.name.ends_with(b"/") {
            return Err(unfit(header, "is no directory and has a name that ends in a slash"));
        }
        let mut fit = Self { header, formats: Formats::ALL, records: BTreeMap::new(), finer: false };
        fit.fields();
        let global = header.flag == b'g';
        for (key, value) in &header.records {
            // What a field says counts more than a record of the same.
            let known = KNOWN.contains(&key.as_slice()) || key.starts_with(b"GNU.sparse.");
            if global || !known {
                fit.records.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        if global || !header.records.is_empty() {
            fit.only(Formats::PAX);
        }
        match header.format {
            Format::Unknown => {}
            Format::Ustar => fit.only(Formats::USTAR),
            Format::Pax if fit.finer => fit.only(Formats::PAX),
            Format::Pax => fit.only(Formats::POSIX),
            Format::Gnu => fit.only(Formats::GNU),
        }
        Ok(fit)
    }

    fn fields(&mut self) {
        let Header { name, link, uname, gname, .. } = self.header;
        self.text("path", name, NAME);
        self.text("linkpath", link, LINK);
        self.text("uname", uname, UNAME);
        self.text("gname", gname, GNAME);
        let size = i64::try_from(self.header.size).unwrap_or(i64::MAX);
        let Header { mode, uid, gid, major, minor, modified, accessed, changed, .. } = *self.header;
        for (key, number, field) in [
            (None, mode, MODE),
            (Some("uid"), uid, UID),
            (Some("gid"), gid, GID),
            (Some("size"), size, SIZE),
            (None, major, MAJOR),
            (None, minor, MINOR),
        ] {
            self.number(key, number, field);
        }
        for (key, time) in [("mtime", modified), ("atime", accessed), ("ctime", changed)] {
            if let Some(time) = time {
                self.time(key, time);
            }
        }
    }

    fn text(&mut self, key: &str, text: &[u8], field: Field) {
        let long = text.len() > field.1;
        let path = matches!(key, "path" | "linkpath");
        if long && !path {
            self.no(Formats::GNU);
        }
        if long || !text.is_ascii() {
            if key != "path" || split(text).is_none() {
                self.no(Formats::USTAR);
            }
            self.records.insert(key.into(), text.into());
        }
        self.same(key, text);
    }

    fn number(&mut self, key: Option<&str>, number: i64, field: Field) {
        let bits = field.1.saturating_sub(1);
        // Sign extension reaches down to where the field ends.
        let beyond = |bits: usize| number >> bits.min(63);
        if field.1 < 9 && !matches!(beyond(bits.saturating_mul(8)), 0 | -1) {
            self.no(Formats::GNU);
        }
        let value = number.to_string().into_bytes();
        if beyond(bits.saturating_mul(3)) != 0 {
            self.no(Formats::USTAR);
            match key {
                Some(key) => drop(self.records.insert(key.into(), value.clone())),
                None => self.no(Formats::PAX),
            }
        }
        if let Some(key) = key {
            self.same(key, &value);
        }
    }

    fn time(&mut self, key: &str, time: Timestamp) {
        let fits = key == "mtime" && (0..1 << 33).contains(&time.seconds);
        if !fits {
            self.no(Formats::USTAR);
        }
        let value = decimal(time);
        if !fits || time.nanoseconds != 0 {
            self.finer = true;
            self.records.insert(key.into(), value.clone());
        }
        self.same(key, &value);
    }

    /// A record that was there stays when it says the same.
    fn same(&mut self, key: &str, value: &[u8]) {
        if self.header.records.get(key.as_bytes()).is_some_and(|before| before == value) {
            self.records.insert(key.into(), value.into());
        }
    }

    fn only(&mut self, formats: Formats) {
        self.formats = self.formats.and(formats);
    }

    fn no(&mut self, formats: Formats) {
        self.formats = self.formats.without(formats);
    }
}

fn ustar(header: &Header, out: &mut Vec<u8>) {
    let (prefix, name) = split(&header.name).unwrap_or((b"", &header.name));
    let mut block = template(header, |block, field, number| {
        block.octal(field, u64::try_from(number).unwrap_or_default());
    });
    block.put(NAME, name);
    block.put(LINK, &header.link);
    block.put(UNAME, &header.uname);
    block.put(GNAME, &header.gname);
    block.put(PREFIX, prefix);
    block.seal(out);
}

fn posix(header: &Header, records: BTreeMap<Vec<u8>, Vec<u8>>, out: &mut Vec<u8>) -> Result<()> {
    let global = header.flag == b'g';
    let mut all = pax::Records::default();
    records.iter().for_each(|(key, value)| all.add(key, value));
    if global || !records.is_empty() {
        let content = all.content().unwrap_or_default();
        if content.len() > pax::LIMIT {
            return Err(unfit(header, "has more than 1 MiB of extended headers"));
        }
        let (flag, name) = match (global, header.name.is_empty()) {
            (true, true) => (b'g', b"GlobalHead.0.0".to_vec()),
            (true, false) => (b'g', pax::fitted(&header.name)),
            (false, _) => (b'x', pax::name(&header.name)),
        };
        Block::extension(flag, &name, &content).seal(out);
        out.extend_from_slice(&content);
        tar::pad(out, content.len() as u64);
    }
    if global {
        return Ok(());
    }
    let mut block = template(header, |block, field, number| {
        block.octal(field, u64::try_from(number).unwrap_or(u64::MAX));
    });
    for (field, text) in texts(header) {
        block.text(field, text);
    }
    block.seal(out);
    Ok(())
}

fn gnu(header: &Header, out: &mut Vec<u8>) {
    for (flag, text) in [(b'L', &header.name), (b'K', &header.link)] {
        if text.len() > NAME.1 {
            let content = [text, &b"\0"[..]].concat();
            Block::extension(flag, b"././@LongLink", &content).gnu().seal(out);
            out.extend_from_slice(&content);
            tar::pad(out, content.len() as u64);
        }
    }
    let mut block = template(header, Block::base_256).gnu();
    for (field, text) in texts(header) {
        block.cut(field, text);
    }
    for (field, time) in [(ATIME, header.accessed), (CTIME, header.changed)] {
        if let Some(time) = time {
            block.base_256(field, time.seconds);
        }
    }
    block.seal(out);
}

/// A block with all numbers that the formats share.
fn template(header: &Header, put: impl Fn(&mut Block, Field, i64)) -> Block {
    let mut block = Block::new(header.flag);
    let seconds = header.modified.map_or(0, |time| time.seconds);
    for (field, number) in [
        (MODE, header.mode),
        (UID, header.uid),
        (GID, header.gid),
        (SIZE, i64::try_from(header.size).unwrap_or(i64::MAX)),
        (MTIME, seconds),
        (MAJOR, header.major),
        (MINOR, header.minor),
    ] {
        put(&mut block, field, number);
    }
    block
}

fn texts(header: &Header) -> [(Field, &[u8]); 4] {
    [(NAME, &header.name), (LINK, &header.link), (UNAME, &header.uname), (GNAME, &header.gname)]
}

/// A name that is too long for its field as prefix and rest, when USTAR can hold it so.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME.1 || !name.is_ascii() {
        return None;
    }
    let most = PREFIX.1.saturating_add(1);
    // A slash at the end is no place to part.
    let head = if name.len() > most { name.get(..most)? } else { name.strip_suffix(b"/").unwrap_or(name) };
    let at = head.iter().rposition(|byte| *byte == b'/').filter(|at| *at > 0)?;
    let (prefix, rest) = (name.get(..at)?, name.get(at.checked_add(1)?..)?);
    ((1..=NAME.1).contains(&rest.len()) && prefix.len() <= PREFIX.1).then_some((prefix, rest))
}

/// A time as a record says it.
fn decimal(time: Timestamp) -> Vec<u8> {
    let Timestamp { seconds, nanoseconds } = time;
    let text = match (seconds, nanoseconds) {
        (_, 0) => return seconds.to_string().into_bytes(),
        // Below zero a fraction counts backwards.
        (..0, _) => format!("-{}.{:09}", !seconds, NANOSECONDS.saturating_sub(nanoseconds)),
        _ => format!("{seconds}.{nanoseconds:09}"),
    };
    text.trim_end_matches('0').as_bytes().to_vec()
}

fn unfit(header: &Header, why: &str) -> Error {
    let name = shown_bytes(&header.name);
    let message = format!(
        "the times in a layer cannot be rewritten: the header of `{name}` {why}; build the layer again or export it without `rewrite-timestamp`"
    );
    Error::new(Fault::Source, Code::Unsupported("tar header".into()), message)
}

/// Records that say what a field says.
const KNOWN: [&[u8]; 10] =
    [b"path", b"linkpath", b"size", b"uid", b"gid", b"uname", b"gname", b"mtime", b"atime", b"ctime"];
/// Go's zero `time.Time`.
const NO_TIME: Timestamp = Timestamp { seconds: -62_135_596_800, nanoseconds: 0 };
