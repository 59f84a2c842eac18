//! The thorough match finder: chains of all places with the same hash of four bytes.

use super::parse::{Finder, Habits};
use super::window::{HISTORY, Window};

/// What was seen. A place is a position modulo 2^16; what stands there is always compared.
pub struct Chains {
    /// The newest place of a hash.
    head: [u16; 1 << BITS],
    /// The one before, for each place modulo 2^15.
    earlier: [u16; HISTORY],
    three: [u16; 1 << THREE],
    habits: Habits,
}

impl Chains {
    /// To be opened.
    pub const NONE: Self = Self {
        head: [0; 1 << BITS],
        earlier: [0; HISTORY],
        three: [0; 1 << THREE],
        habits: Habits { nice: 0, skip: 0, good: 0, places: 0 },
    };

    #[inline(always)]
    fn put(&mut self, bytes: u32, at: usize) -> (u16, u16) {
        let head = &mut self.head[hash(bytes, BITS)];
        let seen = std::mem::replace(head, at as u16);
        self.earlier[at & (HISTORY - 1)] = seen;
        (seen, std::mem::replace(&mut self.three[hash(bytes << 8, THREE)], at as u16))
    }
}

impl Finder for Chains {
    const LAZY: bool = true;

    fn open(&mut self, window: &Window, habits: Habits) {
        self.habits = habits;
        // Where nothing was seen, the place is that of the first byte.
        self.head.fill(window.start() as u16);
        self.three.fill(window.start() as u16);
        self.enter(window, window.start(), HISTORY);
    }

    #[inline(always)]
    fn find(&mut self, window: &Window, at: usize, most: usize, known: usize) -> (usize, u32) {
        let here = window.load4(at);
        let (mut place, near) = self.put(here, at);
        let (mut length, mut far) = (known.max(3), 0);
        if most <= length {
            return (0, 0);
        }
        let mut left = self.habits.places;
        if known == 0 {
            let distance = (at as u16).wrapping_sub(near);
            if distance.wrapping_sub(1) < NEAR && (window.load4(usize::from(near)) ^ here) << 8 == 0 {
                far = distance;
            }
        } else {
            left >>= if known < self.habits.good { 1 } else { 2 };
        }
        let mut last = 0;
        let mut wanted = window.load4(at.wrapping_add(length).wrapping_sub(3));
        while left > 0 {
            let distance = (at as u16).wrapping_sub(place);
            if distance <= last || distance > FARTHEST {
                break;
            }
            last = distance;
            let there = usize::from(place);
            // What is longer has the last of these four bytes in common; most places fail there.
            if window.load4(there.wrapping_add(length).wrapping_sub(3)) == wanted && window.load4(there) == here {
                let common = window.common(at, there, 4, most);
                if common > length {
                    (length, far) = (common, distance);
                    if length >= self.habits.nice || length == most {
                        break;
                    }
                    wanted = window.load4(at.wrapping_add(length).wrapping_sub(3));
                }
            }
            place = self.earlier[there & (HISTORY - 1)];
            left = left.wrapping_sub(1);
        }
        if far == 0 { (0, 0) } else { (length, u32::from(far)) }
    }

    #[inline(always)]
    fn enter(&mut self, window: &Window, from: usize, to: usize) {
        for at in from..to {
            self.put(window.load4(at), at);
        }
    }
}

#[inline(always)]
fn hash(bytes: u32, bits: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

const BITS: u32 = 15;

const THREE: u32 = 12;

/// How far back a match may be.
const FARTHEST: u16 = 0x7fff;

/// How far back a match of three bytes may be, so as to be worth it.
const NEAR: u16 = 4096;
