//! An `index.json` that is read in pieces, each entry in one look ([`super::quick`]): it need not be in memory as a whole.

use super::entry::Seen;
use super::quick::{self, END, Scan};

/// What was not read yet of such an index.
#[derive(Default)]
pub struct Pieces {
    rest: Vec<u8>,
    stage: Stage,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    /// Before the first entry's start.
    #[default]
    New,
    /// Behind it.
    Empty,
    /// Behind an entry.
    Listing,
}

impl Pieces {
    /// The next piece: `each` is given the entries that are whole now, in order, with their JSON text. `None` when the index is one for the strict
    /// reader.
    pub fn next(&mut self, piece: &[u8], mut each: impl FnMut(Seen<'_>, &str)) -> Option<()> {
        if quick::is_odd(piece) {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.rest);
        buffer.extend_from_slice(piece);
        let text = whole(&buffer)?;
        let mut scan = Scan::new(text);
        if self.stage == Stage::New
            && let Some(rest) = quick::begun(text)
        {
            scan.rest = rest;
            self.stage = Stage::Empty;
        }
        while self.stage != Stage::New {
            let before = scan.rest;
            if self.stage == Stage::Listing && scan.eat(",").is_none() {
                break;
            }
            let text = scan.rest;
            let Some(one) = scan.one() else {
                scan.rest = before;
                break;
            };
            let text = text.get(..text.len().checked_sub(scan.rest.len())?)?;
            each(Seen::glanced(&one, text), text);
            self.stage = Stage::Listing;
        }
        let read = text.len().checked_sub(scan.rest.len())?;
        self.rest = buffer.split_off(read);
        (self.rest.len() <= LONGEST).then_some(())
    }

    /// Whether that was all of an index.
    pub fn is_all(&self) -> bool {
        self.stage != Stage::New && self.rest == END.as_bytes()
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
