//! From the data to tokens: which of the repetitions that a finder sees are taken.

use super::tokens::Tokens;
use super::window::Window;

/// Looks for repetitions. It knows of the positions that were entered.
pub trait Finder {
    /// Whether a match is given up for a better one at the next byte.
    const LAZY: bool;

    /// Starts over, with the window's history.
    fn open(&mut self, window: &Window, habits: Habits);

    /// Enters a position, and finds a repetition there: its length, at most `most`, and how far back it is; less than 3 is none.
    /// One that is not longer than `known` need not be found.
    fn find(&mut self, window: &Window, at: usize, most: usize, known: usize) -> (usize, u32);

    /// Enters positions that a match covers.
    fn enter(&mut self, window: &Window, from: usize, to: usize);
}

/// How much is tried.
#[derive(Clone, Copy)]
pub struct Habits {
    /// From this length on a match is taken as it is.
    pub nice: usize,
    /// After 2 to the power of this bytes without a match, bytes are skipped: what does not compress is passed at ever larger steps.
    pub skip: u32,
    /// From this length on, a better match is looked for at a quarter of the places, else at half of them.
    pub good: usize,
    /// How many places of a chain are looked at.
    pub places: u32,
}

/// Finds tokens from `at` until `until` or, with the last one, a little behind; where it stopped.
#[inline(always)]
pub fn parse<F: Finder>(
    window: &Window,
    finder: &mut F,
    tokens: &mut Tokens,
    habits: Habits,
    mut at: usize,
    until: usize,
) -> usize {
    let mut misses = 0_usize;
    while at < until {
        let (mut length, mut distance) = finder.find(window, at, most(window, at), 0);
        if !tokens.suits(length, distance) {
            misses = misses.wrapping_add(1);
            let next = (misses >> habits.skip).wrapping_add(at).wrapping_add(1).min(until);
            tokens.literal(window.byte(at));
            at = at.wrapping_add(1);
            while at < next {
                tokens.literal(window.byte(at));
                at = at.wrapping_add(1);
            }
            continue;
        }
        misses = 0;
        let mut known = at.wrapping_add(1);
        while F::LAZY && length < habits.nice {
            let (next, far) = finder.find(window, known, most(window, known), length.wrapping_sub(1));
            known = known.wrapping_add(1);
            if !tokens.suits(next, far) || worth(next, far) <= worth(length, distance).wrapping_add(2) {
                break;
            }
            tokens.literal(window.byte(at));
            at = at.wrapping_add(1);
            (length, distance) = (next, far);
        }
        tokens.matched(at, length, distance);
        at = at.wrapping_add(length);
        finder.enter(window, known, at);
    }
    at
}

#[inline(always)]
fn most(window: &Window, at: usize) -> usize {
    window.end().wrapping_sub(at).min(LONGEST)
}

/// A byte more is worth four bits, and twice as far back costs one.
#[inline(always)]
fn worth(length: usize, distance: u32) -> usize {
    length.wrapping_mul(4).wrapping_add(distance.leading_zeros() as usize)
}

/// The longest match.
const LONGEST: usize = 258;
