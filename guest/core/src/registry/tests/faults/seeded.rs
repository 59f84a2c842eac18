//! Many things go wrong, by chance, the same each time.

use std::cell::Cell;
use std::rc::Rc;

use super::super::double::Rules;
use super::strikes::Kind;
use super::{Bar, STRIKES, Strike, Tokens, judge, trial};

/// Numbers that look random (xorshift).
struct Dice(Cell<u64>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    fn below(&self, most: usize) -> usize {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        (state >> 33) as usize % most
    }
}

/// Pushes once for each seed, with every fifth request struck; returns how many ended right.
fn seeds(number: u64, fits: fn(&Strike) -> bool) -> u64 {
    let mut right = 0;
    for seed in 0..number {
        let dice = Dice::new(seed);
        let rules =
            Rules { strict: dice.below(2) == 0, repeats: dice.below(2) == 0, least: [None, Some(1500)][dice.below(2)] };
        let (tokens, struck) = (Tokens::new(), Rc::new(Cell::new(0)));
        let (expires, count) = (Rc::clone(&tokens), Rc::clone(&struck));
        let strikes: Vec<&Strike> = STRIKES.iter().filter(|strike| fits(strike)).collect();
        let trial = trial(rules, &tokens, move |asked| {
            if dice.below(5) > 0 {
                return None;
            }
            let strike = strikes[dice.below(strikes.len())];
            count.set(count.get() + 1);
            if strike.kind == Kind::Expired {
                expires.expire();
            }
            Some((strike.answer)(asked))
        });
        right += u64::from(trial.result.is_ok());
        let bar = Bar {
            right: false,
            sent: 1_000,
            closes: false,
            held_up: 1000 * struck.get(),
            asked_to_wait: None,
            own_waits: 0,
        };
        judge(&format!("seed {seed}"), &trial, &bar);
    }
    right
}

#[test]
fn what_passes() {
    let right = seeds(500, |strike| matches!(strike.kind, Kind::Passing | Kind::Unsaid));
    assert!(right >= 480, "{right} of 500 ended right");
}

#[test]
fn whatever_comes() {
    let right = seeds(500, |_| true);
    assert!(right >= 250, "{right} of 500 ended right");
}
