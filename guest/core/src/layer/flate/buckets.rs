//! The fast match finder: for each hash of four bytes the last four places where it was seen, for each of three the last one.

use super::parse::Finder;
use super::window::{HISTORY, Window};

/// What was seen. A place is a position modulo 2^16; what stands there is always compared.
pub struct Buckets {
    /// Four places each, the newest one lowest.
    table: [u64; 1 << BITS],
    three: [u16; 1 << THREE],
}

impl Buckets {
    /// To be opened.
    pub const NONE: Self = Self { table: [0; 1 << BITS], three: [0; 1 << THREE] };

    /// Starts over, with the window's history. Where nothing was seen, the place is that of the first byte.
    pub fn open(&mut self, window: &Window) {
        let first = window.start() as u16;
        self.table.fill(u64::from(first) * 0x0001_0001_0001_0001);
        self.three.fill(first);
        self.enter::<true>(window, window.start(), HISTORY.min(window.end()));
    }

    #[inline(always)]
    fn enter<const SHORT: bool>(&mut self, window: &Window, mut at: usize, to: usize) {
        while at.wrapping_add(4) <= to {
            let bytes = window.load(at);
            self.put::<SHORT>(bytes as u32, at);
            self.put::<SHORT>((bytes >> 8) as u32, at.wrapping_add(1));
            self.put::<SHORT>((bytes >> 16) as u32, at.wrapping_add(2));
            self.put::<SHORT>((bytes >> 24) as u32, at.wrapping_add(3));
            at = at.wrapping_add(4);
        }
        while at < to {
            self.put::<SHORT>(window.load4(at), at);
            at = at.wrapping_add(1);
        }
    }

    #[inline(always)]
    fn put<const SHORT: bool>(&mut self, bytes: u32, at: usize) {
        let places = &mut self.table[hash(bytes, BITS)];
        *places = *places << 16 | u64::from(at as u16);
        if SHORT {
            self.three[hash(bytes << 8, THREE)] = at as u16;
        }
    }

    #[inline(always)]
    fn find<const WAYS: usize, const SHORT: bool>(&mut self, window: &Window, at: usize, most: usize) -> (usize, u32) {
        let here = window.load(at);
        let places = &mut self.table[hash(here as u32, BITS)];
        let seen = *places;
        *places = seen << 16 | u64::from(at as u16);
        let place = |way: usize| (seen >> (16 * way)) as u16;
        let differ: [u64; WAYS] = std::array::from_fn(|way| here ^ window.load(usize::from(place(way))));
        // Up to eight bytes: the longest, then the nearest, without a branch. Length above, distance below, inverted.
        let mut keys = [0_u32; WAYS];
        let mut best = 0;
        if differ.iter().any(|differ| *differ as u32 == 0) {
            for way in 0..WAYS {
                let distance = (at as u16).wrapping_sub(place(way));
                let same = (differ[way].trailing_zeros() & 0x78) << 13;
                keys[way] = if distance.wrapping_sub(1) < FARTHEST { same | u32::from(!distance) } else { 0 };
                best = best.max(keys[way]);
            }
        }
        if best >= 8 << 16 {
            let mut longest = (0, 0);
            for key in keys.into_iter().filter(|key| *key >= 8 << 16) {
                let distance = u32::from(!key as u16);
                let length = window.common(at, at.wrapping_sub(distance as usize), 8, most);
                if length > longest.0 {
                    longest = (length, distance);
                }
            }
            return longest;
        }
        if SHORT {
            let place = &mut self.three[hash((here as u32) << 8, THREE)];
            let seen = *place;
            *place = at as u16;
            let distance = (at as u16).wrapping_sub(seen);
            let differ = here as u32 ^ window.load4(usize::from(seen));
            if best < 4 << 16 && differ << 8 == 0 && distance.wrapping_sub(1) < NEAR {
                return (most.min(3), u32::from(distance));
            }
        }
        if best < 4 << 16 { (0, 0) } else { (most.min((best >> 16) as usize), u32::from(!best as u16)) }
    }
}

/// Looks at so many places, and at one for three bytes if `SHORT`; of a match, enters so many positions at each end.
pub struct Fast<'a, const WAYS: usize, const SHORT: bool, const LAZY: bool, const EDGE: usize>(pub &'a mut Buckets);

impl<const WAYS: usize, const SHORT: bool, const LAZY: bool, const EDGE: usize> Finder
    for Fast<'_, WAYS, SHORT, LAZY, EDGE>
{
    const LAZY: bool = LAZY;

    #[inline(always)]
    fn find(&mut self, window: &Window, at: usize, most: usize, _: usize) -> (usize, u32) {
        self.0.find::<WAYS, SHORT>(window, at, most)
    }

    #[inline(always)]
    fn enter(&mut self, window: &Window, from: usize, to: usize) {
        if to.wrapping_sub(from) <= 2 * EDGE {
            self.0.enter::<SHORT>(window, from, to);
        } else {
            self.0.enter::<SHORT>(window, from, from.wrapping_add(EDGE));
            self.0.enter::<SHORT>(window, to.wrapping_sub(EDGE), to);
        }
    }
}

#[inline(always)]
fn hash(bytes: u32, bits: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

const BITS: u32 = 14;

const THREE: u32 = 12;

/// How far back a match may be.
const FARTHEST: u16 = 0x7fff;

/// How far back a match of three bytes may be, so as to be worth it.
const NEAR: u16 = 4096;
