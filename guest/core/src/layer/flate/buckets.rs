//! The fast match finder: the last few places where the next bytes were seen, by hashes of three, four and seven of them.

use super::parse::{Finder, Habits};
use super::window::{HISTORY, Window};

/// What was seen. A place is a position modulo 2^16; what stands there is always compared.
pub struct Buckets {
    four: Places<{ 8 << BITS }>,
    seven: Places<{ 4 << BITS }>,
    three: Places<{ 2 << THREE_BITS }>,
}

impl Buckets {
    /// To be opened.
    pub const NONE: Self = Self { four: Places::NONE, seven: Places::NONE, three: Places::NONE };
}

/// Looks at so many places of four bytes (1, 2 or 4), of seven (0, 1 or 2) and of three (0 or 1): `ALL` are those of four and seven.
/// Of a match, enters so many positions at each end.
pub struct Fast<
    'a,
    const ALL: usize,
    const FOUR: usize,
    const SEVEN: usize,
    const THREE: usize,
    const LAZY: bool,
    const EDGE: usize,
>(pub &'a mut Buckets);

impl<const ALL: usize, const FOUR: usize, const SEVEN: usize, const THREE: usize, const LAZY: bool, const EDGE: usize>
    Finder for Fast<'_, ALL, FOUR, SEVEN, THREE, LAZY, EDGE>
{
    const LAZY: bool = LAZY;

    #[inline(never)]
    fn open(&mut self, window: &Window, _: Habits) {
        let first = window.start() as u16;
        self.0.four.open(FOUR << BITS, first);
        self.0.seven.open(SEVEN << BITS, first);
        self.0.three.open(THREE << THREE_BITS, first);
        self.put_all(window, window.start(), HISTORY);
    }

    #[inline(always)]
    fn find(&mut self, window: &Window, at: usize, most: usize, _: usize) -> (usize, u32) {
        let here = window.load(at);
        let four = self.0.four.push::<FOUR>(hash(here << 32, BITS), at);
        let seven = self.0.seven.push::<SEVEN>(hash(here << 8, BITS), at);
        let place = |way: usize| (if way < FOUR { four >> (16 * way) } else { seven >> (16 * (way - FOUR)) }) as u16;
        let differ: [u64; ALL] = std::array::from_fn(|way| here ^ window.load(usize::from(place(way))));
        // Up to eight bytes: the longest, then the nearest, without a branch. Length above, distance below, inverted.
        let mut keys = [0_u32; ALL];
        let mut best = 0;
        if differ.iter().any(|differ| *differ as u32 == 0) {
            for way in 0..ALL {
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
        if THREE > 0 {
            let seen = self.0.three.push::<THREE>(hash(here << 40, THREE_BITS), at) as u16;
            let distance = (at as u16).wrapping_sub(seen);
            let differ = here as u32 ^ window.load4(usize::from(seen));
            if best < 4 << 16 && differ << 8 == 0 && distance.wrapping_sub(1) < NEAR {
                return (most.min(3), u32::from(distance));
            }
        }
        if best < 4 << 16 { (0, 0) } else { (most.min((best >> 16) as usize), u32::from(!best as u16)) }
    }

    #[inline(always)]
    fn enter(&mut self, window: &Window, from: usize, to: usize) {
        if to.wrapping_sub(from) <= 2 * EDGE {
            self.put_all(window, from, to);
        } else {
            self.put_all(window, from, from.wrapping_add(EDGE));
            self.put_all(window, to.wrapping_sub(EDGE), to);
        }
    }
}

impl<const ALL: usize, const FOUR: usize, const SEVEN: usize, const THREE: usize, const LAZY: bool, const EDGE: usize>
    Fast<'_, ALL, FOUR, SEVEN, THREE, LAZY, EDGE>
{
    #[inline(always)]
    fn put_all(&mut self, window: &Window, mut at: usize, to: usize) {
        while at < to {
            let here = window.load(at);
            self.0.four.push::<FOUR>(hash(here << 32, BITS), at);
            self.0.seven.push::<SEVEN>(hash(here << 8, BITS), at);
            self.0.three.push::<THREE>(hash(here << 40, THREE_BITS), at);
            at = at.wrapping_add(1);
        }
    }
}

/// For each hash a few places, 16 bits each, the newest one lowest.
struct Places<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Places<SIZE> {
    const NONE: Self = Self([0; SIZE]);

    /// Starts over with so many places: where nothing was seen, it is that of the first byte.
    fn open(&mut self, places: usize, first: u16) {
        self.0[..2 * places].as_chunks_mut().0.fill(first.to_le_bytes());
    }

    /// Adds a place, and drops the oldest; the ones before.
    #[inline(always)]
    fn push<const WAYS: usize>(&mut self, hash: usize, at: usize) -> u64 {
        let slot = &mut self.0[(hash * 2 * WAYS) & (SIZE - 1)..];
        match WAYS {
            0 => 0,
            1 => slot
                .first_chunk_mut()
                .map_or(0, |slot| u64::from(u16::from_le_bytes(std::mem::replace(slot, (at as u16).to_le_bytes())))),
            2 => slot.first_chunk_mut().map_or(0, |slot| {
                let seen = u32::from_le_bytes(*slot);
                *slot = (seen << 16 | u32::from(at as u16)).to_le_bytes();
                u64::from(seen)
            }),
            _ => slot.first_chunk_mut().map_or(0, |slot| {
                let seen = u64::from_le_bytes(*slot);
                *slot = (seen << 16 | u64::from(at as u16)).to_le_bytes();
                seen
            }),
        }
    }
}

/// Of the bytes that are left after a shift to the top.
#[inline(always)]
fn hash(bytes: u64, bits: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - bits)) as usize
}

const BITS: u32 = 14;

const THREE_BITS: u32 = 12;

/// How far back a match may be.
const FARTHEST: u16 = 0x7fff;

/// How far back a match of three bytes may be, so as to be worth it.
const NEAR: u16 = 4096;
