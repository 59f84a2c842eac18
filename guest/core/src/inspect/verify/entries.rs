//! What is odd about one entry of a layer, and about how the entries of a layer stand to each other.
//!
//! Names are compared as unpackers see them: without `.`, empty parts and slashes at their ends.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::codes::{self, Code};
use super::finding::{Findings, Flaw};
use crate::inspect::path_text;
use crate::layer::entries::Header;
use crate::media::Timestamp;
use crate::text::shown;

/// What is known of a layer's entries.
pub struct Entries {
    /// By their names.
    names: BTreeMap<Vec<u8>, Mark>,
    /// Names with capital letters, without them: how each is written.
    folded: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Names of more than ASCII, their accents apart from the letters: how each is written.
    apart: BTreeMap<String, Vec<u8>>,
    /// Hard links whose target was not there yet: the target, and the link's name.
    open: Vec<(Vec<u8>, Vec<u8>)>,
    /// What whiteouts hide.
    hidden: Vec<Vec<u8>>,
    /// Bytes that names may still take.
    room: u64,
    /// The folder of the entry before, in which nothing was wrong.
    folder: Option<Vec<u8>>,
    /// Regular files with their size and where their content starts in the tar, when they are wanted.
    pub files: Option<BTreeMap<Vec<u8>, (u64, u64)>>,
    /// The earliest and the latest time.
    pub times: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Directory,
    Link,
    Other,
}

impl Entries {
    /// Before the first entry.
    pub fn new(room: u64, wants_files: bool) -> Self {
        Self {
            names: BTreeMap::new(),
            folded: BTreeMap::new(),
            apart: BTreeMap::new(),
            open: Vec::new(),
            hidden: Vec::new(),
            room,
            folder: None,
            files: wants_files.then(BTreeMap::new),
            times: None,
        }
    }

    /// The next entry; its content starts at byte `at` of the tar.
    pub fn add(&mut self, header: &Header, at: u64, findings: &mut Findings, scope: &str) {
        let path = path_text(&header.name);
        let mut tell = |code: &'static Code, what: &str| {
            findings.add(code, scope, Some(&path), format!("`{}` {what}", shown(&path)));
        };
        self.alone(header, &mut tell);
        let Some(name) = clean(&header.name) else { return };
        self.time(header);
        if name.is_empty() {
            if !header.name.is_empty() && header.flag != b'5' {
                tell(codes::ROOT_REPLACED, "puts something else in the place of the root directory: do not unpack it");
            }
            return;
        }
        if let Some(files) = &mut self.files
            && header.flag == b'0'
        {
            files.insert(name.clone(), (header.size, at));
        }
        self.whiteout(&name, header, &mut tell);
        self.among(name, header, &mut tell);
    }

    /// The layer's end; `bottom` when no layer is below.
    pub fn finish(&mut self, bottom: bool, findings: &mut Findings, scope: &str) {
        for (target, link) in std::mem::take(&mut self.open) {
            let link = path_text(&link);
            let told = format!("`{}`", shown(&path_text(&target)));
            let (code, why) = match (self.names.contains_key(&target), bottom) {
                (true, _) => (codes::HARD_LINK_FORWARD, "which comes later: build the layer again"),
                (false, true) => (codes::HARD_LINK_DANGLING, "which is nowhere: build the layer again"),
                (false, false) => (codes::HARD_LINK_BELOW, "which this layer does not have"),
            };
            findings.add(code, scope, Some(&link), format!("`{}` is a hard link to {told}, {why}", shown(&link)));
        }
        for hidden in std::mem::take(&mut self.hidden) {
            if self.names.contains_key(&hidden) {
                let path = path_text(&hidden);
                let message = format!("`{}` is in the layer that hides it: build the layer again", shown(&path));
                findings.add(codes::WHITEOUT_OWN, scope, Some(&path), message);
            }
        }
    }

    /// What the entry's own header says.
    fn alone(&self, header: &Header, tell: &mut impl FnMut(&'static Code, &str)) {
        let name = header.name.as_slice();
        let parts = || name.split(|byte| *byte == b'/');
        match name {
            [] => tell(codes::PATH_EMPTY, "is an entry without a name: build the layer again"),
            [b'/', ..] => tell(codes::PATH_ABSOLUTE, "is absolute: unpack it below a root only"),
            _ => {}
        }
        if parts().any(|part| part == b"..") {
            tell(codes::PATH_PARENT, "has `..`: unpack it below a root only");
        }
        if name.contains(&0) {
            tell(codes::PATH_NUL, "has a NUL byte: build the layer again");
        }
        let drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
        if drive || name.contains(&b'\\') {
            tell(codes::PATH_WINDOWS, "is another path on Windows");
        }
        match std::str::from_utf8(name) {
            Err(_) => tell(codes::PATH_UTF8, "is not UTF-8"),
            Ok(text) if text.chars().count() <= 200 && shown(text) != text => {
                tell(codes::PATH_CONTROL, "has control characters");
            }
            Ok(_) => {}
        }
        if parts().any(|part| part.len() > 255) {
            tell(codes::PATH_COMPONENT, "has a part of more than 255 bytes: no file system takes it");
        }
        let number = |number: i64, most: i64| (0..=most).contains(&number);
        if !number(header.uid, u32::MAX.into()) || !number(header.gid, u32::MAX.into()) {
            tell(codes::OWNER, "has an owner or group that no file system has: build the layer again");
        }
        match header.flag {
            b'3' | b'4' if !number(header.major, 4095) || !number(header.minor, 0xf_ffff) => {
                tell(codes::DEVICE_NUMBER, "is a device with a number that Linux does not have");
            }
            b'3' if header.major == 0 && header.minor == 0 => {
                tell(codes::DEVICE_WHITEOUT, "is the device 0/0, which overlay file systems take for a whiteout");
            }
            b'3' | b'4' => tell(codes::DEVICE, "is a device"),
            b'6' => tell(codes::FIFO, "is a named pipe"),
            b'0' | b'1' | b'2' | b'5' | b'7' | b'S' => {}
            _ => tell(codes::ENTRY_TYPE, "has a type that images do not have: unpackers skip or refuse it"),
        }
        if matches!(header.flag, b'0' | b'7') && header.mode & 0o6000 != 0 {
            tell(codes::SPECIAL_MODE, "runs with its owner's or group's rights");
        }
        if header.sparse {
            tell(codes::SPARSE, "is stored with holes");
        }
    }

    fn time(&mut self, header: &Header) {
        if let Some(now) = header.modified {
            let (first, last) = self.times.unwrap_or((now, now));
            self.times = Some((first.min(now), last.max(now)));
        }
    }

    fn whiteout(&mut self, name: &[u8], header: &Header, tell: &mut impl FnMut(&'static Code, &str)) {
        let (folder, base) = split(name);
        let Some(hidden) = base.strip_prefix(b".wh.") else { return };
        match hidden {
            b"" => return tell(codes::WHITEOUT_NOTHING, "is a whiteout of nothing: build the layer again"),
            b"." | b".." => tell(codes::WHITEOUT_DOT, "is a whiteout of the directory around it: do not unpack it"),
            b".wh..opq" => {}
            _ if hidden.starts_with(b".wh.") => tell(codes::WHITEOUT_AUFS, "is metadata of AUFS"),
            _ if self.room > hidden.len() as u64 => {
                let hidden = if folder.is_empty() { hidden.to_vec() } else { [folder, b"/", hidden].concat() };
                self.room = self.room.saturating_sub(cost(&hidden));
                self.hidden.push(hidden);
            }
            _ => {}
        }
        let aufs = hidden.starts_with(b".wh.") && hidden != b".wh..opq";
        if !aufs && (header.flag != b'0' || header.size != 0) {
            tell(codes::WHITEOUT_KIND, "is a whiteout, and no empty file: build the layer again");
        }
    }

    /// What the entries before say of it.
    fn among(&mut self, name: Vec<u8>, header: &Header, tell: &mut impl FnMut(&'static Code, &str)) {
        let cost = cost(&name);
        if self.room < cost {
            if self.room > 0 {
                tell(codes::LIMIT_INDEX, "and what follows are more names than fit into the memory for them");
                self.room = 0;
            }
            return;
        }
        self.room = self.room.saturating_sub(cost);
        let (folder, _) = split(&name);
        if !folder.is_empty() && self.folder.as_deref() != Some(folder) {
            let mut above = ends(folder).filter_map(|end| self.names.get(folder.get(..end)?));
            if above.any(|mark| *mark != Mark::Directory) {
                tell(codes::BELOW_LINK, "stands below something that is no directory: unpack it below a root only");
            } else {
                self.folder = Some(folder.to_vec());
            }
        }
        let mark = match header.flag {
            // A directory of GNU's incremental archives.
            b'5' | b'D' => Mark::Directory,
            b'2' => Mark::Link,
            _ => Mark::Other,
        };
        if mark != Mark::Directory {
            self.folder = self.folder.take().filter(|folder| !folder.starts_with(&name));
        }
        if header.flag == b'1' {
            self.hard_link(&name, header, tell);
        }
        self.case(&name, tell);
        self.accents(&name, tell);
        if self.names.insert(name, mark).is_some() {
            tell(codes::ENTRY_TWICE, "stands there twice: the last one counts");
        }
    }

    fn hard_link(&mut self, name: &[u8], header: &Header, tell: &mut impl FnMut(&'static Code, &str)) {
        match clean(&header.link) {
            None => tell(codes::HARD_LINK_OUTSIDE, "is a hard link with `..`: unpack it below a root only"),
            Some(target) if target == name || !self.names.contains_key(&target) => {
                self.room = self.room.saturating_sub(cost(&target));
                self.open.push((target, name.to_vec()));
            }
            Some(_) => {}
        }
    }

    fn case(&mut self, name: &[u8], tell: &mut impl FnMut(&'static Code, &str)) {
        let other = if name.iter().any(u8::is_ascii_uppercase) {
            let folded = name.to_ascii_lowercase();
            let lower = self.names.contains_key(&folded);
            self.room = self.room.saturating_sub(cost(name));
            let before = self.folded.insert(folded, name.to_vec());
            lower || before.is_some_and(|before| before != name)
        } else {
            self.folded.contains_key(name)
        };
        if other {
            tell(codes::PATH_CASE, "differs from another name in case alone");
        }
    }

    fn accents(&mut self, name: &[u8], tell: &mut impl FnMut(&'static Code, &str)) {
        let Some(text) = std::str::from_utf8(name).ok().filter(|text| !text.is_ascii()) else { return };
        self.room = self.room.saturating_sub(cost(name).saturating_mul(2));
        let before = self.apart.insert(text.nfd().collect(), name.to_vec());
        if before.is_some_and(|before| before != name) {
            tell(codes::PATH_ACCENTS, "is the same text as another name, its accents written otherwise");
        }
    }
}

/// What is odd about the times of a layer's entries, for an image created when `is_after` says.
pub fn times(times: Option<(Timestamp, Timestamp)>, created: Option<impl Fn(i64) -> bool>) -> Option<Flaw> {
    let (first, last) = times?;
    // A second's fraction is not held against anyone.
    if created.is_some_and(|is_after| last.seconds > 0 && !is_after(last.seconds.saturating_sub(1))) {
        let message = "entries are newer than the image says it is: build it with `rewrite-timestamp` to make it the same \
                       each time";
        return Some(Flaw::new(codes::TIME_LATE, message));
    }
    (first != last).then(|| Flaw::new(codes::TIME_VARIES, "entries have different times"))
}

/// The name without `.`, empty parts and slashes at its ends; `None` with `..` or a NUL.
pub fn clean(name: &[u8]) -> Option<Vec<u8>> {
    let mut clean = Vec::with_capacity(name.len());
    for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if part == b".." || part.contains(&0) {
            return None;
        }
        if !clean.is_empty() {
            clean.push(b'/');
        }
        clean.extend_from_slice(part);
    }
    Some(clean)
}

/// The folder, empty at the top, and the last part.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (name.get(..at).unwrap_or_default(), name.get(at.saturating_add(1)..).unwrap_or_default()),
        None => (b"", name),
    }
}

/// Where the folders that a path leads through end, itself the last.
fn ends(path: &[u8]) -> impl Iterator<Item = usize> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    slashes.chain([path.len()])
}

/// Bytes of memory that a name takes, about.
fn cost(name: &[u8]) -> u64 {
    (name.len() as u64).saturating_add(80)
}
