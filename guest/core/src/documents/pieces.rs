//! An `index.json` that is read in pieces, each entry in one look ([`super::quick`]): it need not be in memory as a whole.

use std::ops::Range;

use super::entry::Seen;
use super::quick::{END, Scan};

/// What was not read yet of such an index.
#[derive(Default)]
pub struct Pieces {
    rest: Vec<u8>,
    /// Whether an entry was read; none before the start of the index was.
    listing: Option<bool>,
}

impl Pieces {
    /// The next piece: `keep` is given the entries that are whole now, in order. Answers what it keeps of them, with commas between; `None` when
    /// the index is one for the strict reader.
    pub fn next(&mut self, piece: &[u8], mut keep: impl FnMut(Seen<'_>) -> bool) -> Option<String> {
        let mut buffer = std::mem::take(&mut self.rest);
        buffer.extend_from_slice(piece);
        let text = whole(&buffer)?;
        let mut kept = Kept { text, runs: String::new(), run: 0..0 };
        let scan = self.listing.map_or_else(|| Scan::begin(text), |listing| Some(Scan::new(text, listing)));
        let mut read = 0;
        if let Some(mut scan) = scan {
            for (one, entry) in scan.by_ref() {
                if keep(Seen::glanced(&one, text.get(entry.clone())?)) {
                    kept.add(entry);
                }
            }
            (read, self.listing) = (scan.at(), Some(scan.is_listing()));
        }
        let kept = kept.all();
        self.rest = buffer.split_off(read);
        (self.rest.len() <= LONGEST).then_some(kept)
    }

    /// Whether that was all of an index.
    pub fn is_all(&self) -> bool {
        self.listing.is_some() && self.rest == END.as_bytes()
    }
}

/// Entries of a text, those that stand behind each other copied at once.
struct Kept<'a> {
    text: &'a str,
    runs: String,
    /// What is not copied yet.
    run: Range<usize>,
}

impl Kept<'_> {
    fn add(&mut self, entry: Range<usize>) {
        if self.run.is_empty() || self.run.end.checked_add(1) != Some(entry.start) {
            self.copy();
            self.run.start = entry.start;
        }
        self.run.end = entry.end;
    }

    fn copy(&mut self) {
        if !self.run.is_empty() {
            if !self.runs.is_empty() {
                self.runs.push(',');
            }
            self.runs.push_str(self.text.get(self.run.clone()).unwrap_or_default());
        }
    }

    fn all(mut self) -> String {
        self.copy();
        self.runs
    }
}

/// Up to the last character that is whole; `None` for what is no text.
fn whole(bytes: &[u8]) -> Option<&str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(broken) if broken.error_len().is_none() => str::from_utf8(bytes.get(..broken.valid_up_to())?).ok(),
        Err(_) => None,
    }
}

/// A longer entry is for the strict reader, in bytes.
const LONGEST: usize = 32 << 10;
