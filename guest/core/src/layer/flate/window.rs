//! What the match finders look at: the last bytes of history and the next ones to be encoded, in a ring of fixed size.

/// A part of the data. A position is a count of bytes; its place in the ring is that modulo 2^16.
pub struct Window {
    ring: [u8; SPAN + SLACK],
    /// Where the history starts: nothing before it may be referred to.
    start: usize,
    /// Behind the last byte that is there.
    end: usize,
}

impl Window {
    /// To be opened.
    pub const NONE: Self = Self { ring: [0; SPAN + SLACK], start: 0, end: 0 };

    /// Starts over, with the end of this history before the position [`HISTORY`].
    pub fn open(&mut self, dictionary: &[u8]) {
        let dictionary = dictionary.last_chunk::<HISTORY>().map_or(dictionary, |end| end);
        self.start = HISTORY - dictionary.len();
        self.ring[self.start..HISTORY].copy_from_slice(dictionary);
        self.end = HISTORY;
    }

    /// Takes the next of these bytes, as many as there is room for when the history of `at` is kept; true with the last one.
    pub fn fill(&mut self, at: usize, bytes: &[u8]) -> bool {
        let mut rest = bytes.get(self.end - HISTORY..).unwrap_or_default();
        while !rest.is_empty() && self.end + STEP <= at + SPAN - HISTORY {
            let (now, later) = rest.split_at(rest.len().min(STEP));
            let place = self.end & MASK;
            self.ring[place..place + now.len()].copy_from_slice(now);
            self.end += now.len();
            rest = later;
            if place == 0 {
                self.ring.copy_within(..SLACK, SPAN);
            }
        }
        if rest.is_empty() {
            // What may be loaded behind the end must not be what another chunk left there.
            for at in self.end..self.end + SLACK {
                self.ring[at & MASK] = 0;
            }
            self.ring.copy_within(..SLACK, SPAN);
        }
        rest.is_empty()
    }

    /// Where the history starts.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Behind the last byte.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.end
    }

    /// One byte.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> u8 {
        self.ring[at & MASK]
    }

    /// Eight bytes, the first one lowest.
    #[inline(always)]
    pub fn load(&self, at: usize) -> u64 {
        self.ring[at & MASK..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Four bytes, the first one lowest.
    #[inline(always)]
    pub fn load4(&self, at: usize) -> u32 {
        self.ring[at & MASK..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// How many bytes, `most` at most, are the same from `at` and from `earlier` on, of which so many are known to be.
    #[inline(always)]
    pub fn common(&self, at: usize, earlier: usize, known: usize, most: usize) -> usize {
        let mut length = known;
        while length < most {
            let different = self.load(at.wrapping_add(length)) ^ self.load(earlier.wrapping_add(length));
            if different != 0 {
                return length.wrapping_add(different.trailing_zeros() as usize / 8).min(most);
            }
            length = length.wrapping_add(8);
        }
        most
    }
}

/// How far back a match may be (RFC 1951, 2).
pub const HISTORY: usize = 1 << 15;

/// The ring's bytes.
const SPAN: usize = 1 << 16;

const MASK: usize = SPAN - 1;

/// Bytes that are taken at once.
const STEP: usize = 1 << 14;

/// What may be loaded behind the end.
const SLACK: usize = 8;
