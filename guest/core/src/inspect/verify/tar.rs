//! A layer's tar, read to its end whatever is odd in it: headers, extended headers, contents, the end, what follows.
//!
//! Sizes count as in Go's reader, as everywhere in the core; but here only what leaves no next entry to be found ends the reading. Bytes come in
//! pieces of any size and are not copied, headers aside.

use std::collections::BTreeMap;

use super::codes;
use super::entries::Entries;
use super::finding::{Findings, Flaw};
use super::second::limited;
use crate::layer::Limits;
use crate::layer::entries::Header;
use crate::layer::header::{name, sealed};
use crate::layer::pax;
use crate::layer::tar::{BLOCK, padding};
use crate::layer::toc;

/// A tar that is being read.
pub struct Tar {
    next: Next,
    /// Part of what comes next, until it is whole.
    held: Vec<u8>,
    ahead: Ahead,
    /// Bytes so far.
    at: u64,
    limits: Limits,
    /// Entries so far.
    pub count: u64,
    /// What is known of the entries.
    pub entries: Entries,
    /// The table of contents of an eStargz layer: its header's place and its text.
    pub toc: Option<(u64, Vec<u8>)>,
    /// Whether the table is wanted.
    wants_toc: bool,
    /// Whether it stood behind the end.
    has_table: bool,
    /// The limit that ended it, until it is told: nobody should read on.
    pub limit: Option<Flaw>,
}

#[derive(Clone, Copy)]
enum Next {
    Header,
    /// An extended header's content with its padding, its flag, the content's size.
    Extension(u8, usize),
    /// More of the map of an old sparse file, and bytes of content behind it.
    Map(u64),
    /// Content that counts, then padding.
    Table(u64, u64),
    /// So many bytes to pass over.
    Content(u64),
    /// The second block of zeros.
    Zeros,
    /// Behind the end.
    End,
    /// Nothing more can be found; the first byte that was not read is not counted.
    Lost,
}

/// What stands before an entry and changes it.
#[derive(Default)]
struct Ahead {
    records: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Headers in a row.
    count: u32,
    /// Where the first of them starts.
    at: Option<u64>,
}

impl Tar {
    /// Before its first byte. `room` is how many bytes its names may take.
    pub fn new(limits: Limits, room: u64, wants_toc: bool) -> Self {
        let entries = Entries::new(room, wants_toc);
        let (next, held, ahead) = (Next::Header, Vec::new(), Ahead::default());
        Self {
            next,
            held,
            ahead,
            at: 0,
            limits,
            count: 0,
            entries,
            toc: None,
            wants_toc,
            has_table: false,
            limit: None,
        }
    }

    /// The next bytes.
    pub fn push(&mut self, mut bytes: &[u8], findings: &mut Findings, scope: &str) {
        while !bytes.is_empty() {
            let wanted = match &mut self.next {
                Next::Lost => return,
                Next::Content(left) => {
                    let now = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(now as u64);
                    if *left == 0 {
                        self.next = Next::Header;
                    }
                    bytes = self.pass(bytes, now);
                    continue;
                }
                Next::Table(left, padding) => {
                    let now = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(now as u64);
                    if let Some((_, table)) = &mut self.toc {
                        table.extend_from_slice(bytes.get(..now).unwrap_or_default());
                    }
                    if *left == 0 {
                        self.next = if *padding == 0 { Next::Header } else { Next::Content(*padding) };
                    }
                    bytes = self.pass(bytes, now);
                    continue;
                }
                Next::Extension(_, size) => size.saturating_add(padding(*size as u64)),
                Next::Header | Next::Map(_) | Next::Zeros | Next::End => BLOCK,
            };
            let whole = if self.held.is_empty() { bytes.get(..wanted) } else { None };
            if let Some(whole) = whole {
                self.take(whole, findings, scope);
                bytes = self.pass(bytes, wanted);
                continue;
            }
            let now = wanted.saturating_sub(self.held.len()).min(bytes.len());
            self.held.extend_from_slice(bytes.get(..now).unwrap_or_default());
            bytes = bytes.get(now..).unwrap_or_default();
            if self.held.len() == wanted {
                let mut held = std::mem::take(&mut self.held);
                self.take(&held, findings, scope);
                self.at = self.at.saturating_add(wanted as u64);
                held.clear();
                self.held = held;
            }
        }
    }

    /// The tar ends here.
    pub fn finish(&mut self, findings: &mut Findings, scope: &str) {
        let entries = self.count;
        let short = |missing: u64| {
            format!(
                "the tar is cut short: {missing} bytes missing at its entry {entries}; copy or build the layer again"
            )
        };
        match self.next {
            Next::Lost => self.limit.take().into_iter().for_each(|limit| findings.flaw(limit, scope, None)),
            Next::End if self.held.iter().any(|byte| *byte != 0) => findings.flaw(trailing(), scope, None),
            Next::End => {}
            Next::Header | Next::Zeros if self.held.is_empty() && self.ahead.count == 0 => {
                let message = "the tar lacks the two blocks of zeros at its end: build the layer again";
                findings.add(codes::TAR_END, scope, None, message);
            }
            Next::Header if self.held.is_empty() => {
                let message = "an extended header at the end of the tar belongs to no entry: build the layer again";
                findings.add(codes::TAR_EXTENSION, scope, None, message);
            }
            Next::Header if self.count == 0 && self.ahead.count == 0 => {
                findings.flaw(none(), scope, None);
            }
            Next::Header | Next::Map(_) | Next::Zeros => {
                let missing = BLOCK.saturating_sub(self.held.len()) as u64;
                findings.add(codes::TAR_SHORT, scope, None, short(missing));
            }
            Next::Extension(_, size) => {
                let missing = size.saturating_add(padding(size as u64)).saturating_sub(self.held.len());
                findings.add(codes::TAR_SHORT, scope, None, short(missing as u64));
            }
            Next::Content(left) => findings.add(codes::TAR_SHORT, scope, None, short(left)),
            Next::Table(left, padding) => {
                findings.add(codes::TAR_SHORT, scope, None, short(left.saturating_add(padding)));
            }
        }
    }

    fn pass<'b>(&mut self, bytes: &'b [u8], count: usize) -> &'b [u8] {
        self.at = self.at.saturating_add(count as u64);
        bytes.get(count..).unwrap_or_default()
    }

    fn take(&mut self, whole: &[u8], findings: &mut Findings, scope: &str) {
        let taken = match self.next {
            Next::Header if whole.iter().all(|byte| *byte == 0) => self.zeros(),
            Next::Header => self.header(whole, findings, scope),
            Next::Extension(flag, size) => self.extension(flag, whole.get(..size).unwrap_or_default(), findings, scope),
            Next::Map(size) => {
                if whole.get(504) == Some(&0) {
                    self.next = content(size);
                }
                Ok(())
            }
            Next::Zeros if whole.iter().all(|byte| *byte == 0) => {
                self.next = Next::End;
                Ok(())
            }
            Next::Zeros => {
                let message =
                    "a single block of zeros stands between entries: some readers end there; build the layer again";
                Err(Flaw::new(codes::TAR_AMBIGUOUS, message))
            }
            Next::End if whole.iter().all(|byte| *byte == 0) => Ok(()),
            // Where BuildKit puts an eStargz layer's table of contents.
            Next::End if !self.has_table && is_table(whole) => {
                self.has_table = true;
                self.header(whole, findings, scope)
            }
            Next::End => Err(trailing()),
            _ => Ok(()),
        };
        if let Err(flaw) = taken {
            self.next = Next::Lost;
            match flaw.code.is_limit() {
                true => self.limit = Some(flaw),
                false => findings.flaw(flaw, scope, None),
            }
        }
    }

    fn zeros(&mut self) -> Result<(), Flaw> {
        self.next = Next::Zeros;
        if self.ahead.count > 0 {
            let message = "an extended header at the end of the tar belongs to no entry: build the layer again";
            return Err(Flaw::new(codes::TAR_EXTENSION, message));
        }
        Ok(())
    }

    fn header(&mut self, block: &[u8], findings: &mut Findings, scope: &str) -> Result<(), Flaw> {
        if !sealed(block) && self.count == 0 && self.ahead.count == 0 {
            return Err(none());
        }
        let number = self.count.saturating_add(1);
        let (header, _) = Header::read(block).map_err(|why| {
            let message = format!("the tar is damaged: its entry {number} {why}; copy or build the layer again");
            Flaw::new(codes::TAR_DAMAGED, message)
        })?;
        if !matches!(header.flag, b'x' | b'g' | b'L' | b'K') {
            return self.entry(header, block, findings, scope);
        }
        self.ahead.count = self.ahead.count.saturating_add(1);
        self.ahead.at.get_or_insert(self.at);
        let size =
            usize::try_from(header.size).ok().filter(|size| *size <= pax::LIMIT && self.ahead.count <= pax::STACKED);
        let size = size.ok_or_else(|| {
            let message = format!(
                "entry {number} of the tar has extended headers of more than 1 MiB, or more than {}",
                pax::STACKED
            );
            Flaw::new(codes::LIMIT_EXTENSION, message)
        })?;
        if size == 0 {
            return self.extension(header.flag, &[], findings, scope);
        }
        self.next = Next::Extension(header.flag, size);
        Ok(())
    }

    fn extension(&mut self, flag: u8, content: &[u8], findings: &mut Findings, scope: &str) -> Result<(), Flaw> {
        self.next = Next::Header;
        let number = self.count.saturating_add(1);
        let mut text = content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let stacked = match flag {
            b'L' => self.ahead.name.replace(text).is_some(),
            b'K' => self.ahead.link.replace(text).is_some(),
            _ => {
                let records = pax::records(content).map_err(|error| {
                    let message = format!("before entry {number}, {error}: build the layer again");
                    Flaw::new(if names_nul(content) { codes::PATH_NUL } else { codes::TAR_EXTENSION }, message)
                })?;
                let mut map = BTreeMap::new();
                for (key, value) in records {
                    map.insert(key.to_vec(), value.to_vec());
                }
                if flag == b'g' {
                    text.clear();
                    if self.ahead.records.is_none() && self.ahead.name.is_none() && self.ahead.link.is_none() {
                        self.ahead = Ahead::default();
                    }
                    if map.contains_key(&b"size"[..]) {
                        let message = "a global extended header says a size, which readers understand differently";
                        return Err(Flaw::new(codes::TAR_AMBIGUOUS, message));
                    }
                    self.count = number;
                    return limited(self.limits.entries(number));
                }
                let size = map.get(&b"size"[..]).cloned();
                let before = self.ahead.records.replace(map);
                if before.as_ref().is_some_and(|before| before.get(&b"size"[..]) != size.as_ref()) {
                    let message =
                        format!("two extended headers say different sizes of entry {number}: build the layer again");
                    return Err(Flaw::new(codes::TAR_AMBIGUOUS, message));
                }
                before.is_some()
            }
        };
        if stacked {
            let message =
                format!("entry {number} of the tar has two extended headers of one kind: build the layer again");
            findings.add(codes::TAR_STACKED, scope, None, message);
        }
        Ok(())
    }

    fn entry(&mut self, mut header: Header, block: &[u8], findings: &mut Findings, scope: &str) -> Result<(), Flaw> {
        self.count = self.count.saturating_add(1);
        limited(self.limits.entries(self.count))?;
        let Ahead { records, name, link, at, .. } = std::mem::take(&mut self.ahead);
        let said = records.as_ref().and_then(|records| records.get(&b"path"[..]));
        if let (Some(long), Some(said)) = (&name, said)
            && long != said
        {
            let message = format!("entry {} of the tar has two long names: build the layer again", self.count);
            findings.add(codes::TAR_STACKED, scope, None, message);
        }
        let count = self.count;
        header.merge(records.unwrap_or_default()).map_err(|why| {
            Flaw::new(codes::TAR_EXTENSION, format!("entry {count} of the tar {why}: build the layer again"))
        })?;
        let own = header.records.get(&b"GNU.sparse.name"[..]).cloned();
        if let Some(name) = own.or(name.filter(|name| !name.is_empty())) {
            header.name = name;
        }
        if let Some(link) = link.filter(|link| !link.is_empty()) {
            header.link = link;
        }
        if header.flag == 0 {
            header.flag = if header.name.ends_with(b"/") { b'5' } else { b'0' };
        }
        header.sparse = header.flag == b'S' || header.records.keys().any(|key| key.starts_with(b"GNU.sparse."));
        let stored = if header.has_content() { header.size } else { 0 };
        if let Err(flaw) = limited(self.limits.path(header.name.len())) {
            findings.flaw(flaw, scope, None);
        }
        let behind = self.at.saturating_add(BLOCK as u64);
        self.entries.add(&header, behind, findings, scope);
        let padded = stored.saturating_add(padding(stored) as u64);
        let table = self.wants_toc && header.flag == b'0' && header.name == toc::NAME.as_bytes();
        self.next = if header.flag == b'S' && block.get(482) != Some(&0) {
            Next::Map(padded)
        } else if table && stored <= TABLE && stored > 0 {
            self.toc = Some((at.unwrap_or(self.at), Vec::new()));
            Next::Table(stored, padded.saturating_sub(stored))
        } else {
            content(padded)
        };
        Ok(())
    }
}

fn content(size: u64) -> Next {
    if size == 0 { Next::Header } else { Next::Content(size) }
}

/// Whether a record of a name has a NUL byte.
fn names_nul(mut content: &[u8]) -> bool {
    while let Some((key, value, rest)) = pax::split(content) {
        if matches!(key, b"path" | b"linkpath") && value.contains(&0) {
            return true;
        }
        content = rest;
    }
    false
}

fn is_table(block: &[u8]) -> bool {
    sealed(block) && name(block) == toc::NAME.as_bytes()
}

fn trailing() -> Flaw {
    let message = "the tar is followed by bytes other than zeros: see what they are, and build the layer again";
    Flaw::new(codes::TAR_TRAILING, message)
}

fn none() -> Flaw {
    Flaw::new(codes::TAR_NONE, "the layer is not a tar: see what it is, and build it again")
}

/// Bytes of a table of contents that are kept, at most.
const TABLE: u64 = 64 << 20;
