//! Rows: a figure, its target, and whether it is met; with a profile where it is not.

use std::fmt::Write as _;
use std::process::Command;

use crate::bench::{Bench, median, mega, spread};
use crate::profile;

/// Work that was measured against something else.
pub struct Row {
    pub work: String,
    /// Seconds.
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
    /// Bytes that came out, ours and theirs.
    pub sizes: Option<(u64, u64)>,
    pub target: Target,
}

/// What is aimed at.
#[derive(Clone, Copy)]
pub enum Target {
    /// Times the other's speed at least, and of its size at most.
    Speed(f64, Option<f64>),
    /// Of the other's time at most.
    Time(f64),
}

impl Row {
    /// Runs ours and theirs in turns.
    pub fn measure(
        bench: &Bench,
        work: &str,
        target: Target,
        mut ours: impl FnMut() -> f64,
        mut theirs: impl FnMut() -> f64,
    ) -> Self {
        eprintln!("{work}");
        let mut row = Self { work: work.into(), ours: Vec::new(), theirs: Vec::new(), sizes: None, target };
        ours();
        theirs();
        for _ in 0..bench.plan.runs {
            row.ours.push(ours());
            row.theirs.push(theirs());
        }
        row
    }

    /// Theirs divided by ours, run by run, or the other way round.
    fn ratios(&self) -> Vec<f64> {
        let pairs = self.ours.iter().zip(&self.theirs);
        match self.target {
            Target::Speed(..) => pairs.map(|(ours, theirs)| theirs / ours).collect(),
            Target::Time(_) => pairs.map(|(ours, theirs)| ours / theirs).collect(),
        }
    }

    fn is_met(&self) -> bool {
        let ratio = median(&self.ratios());
        match self.target {
            Target::Speed(least, size) => {
                let share = self.sizes.map_or(0.0, |(ours, theirs)| ours as f64 / theirs as f64);
                ratio >= least && size.is_none_or(|most| share <= most)
            }
            Target::Time(most) => ratio <= most,
        }
    }
}

/// The head of a table of rows.
pub const HEAD: &str = "| work | ocix, s | other, s | ratio | target | ocix, MB | other, MB | size | target | |\n|---|---|---|---|---|---|---|---|---|---|\n";

/// The row's line, and the profile of a command where it misses its target.
pub fn line(bench: &Bench, row: &Row, again: impl FnOnce() -> Command) -> (String, String) {
    let (ours, theirs) = (spread(&row.ours, 2), spread(&row.theirs, 2));
    let ratio = spread(&row.ratios(), 2);
    let (target, most) = match row.target {
        Target::Speed(least, size) => {
            (format!("speed ≥ {least}x"), size.map_or(String::new(), |most| format!("≤ {most}x")))
        }
        Target::Time(most) => (format!("time ≤ {most}x"), String::new()),
    };
    let sizes = row.sizes.map_or(" | | ".into(), |(ours, theirs)| {
        format!("{:.1} | {:.1} | {:.3}x", mega(ours), mega(theirs), ours as f64 / theirs as f64)
    });
    let met = if row.is_met() { "met" } else { "**missed**" };
    let line = format!("| {} | {ours} | {theirs} | {ratio} | {target} | {sizes} | {most} | {met} |\n", row.work);
    let mut profile = String::new();
    if !row.is_met() {
        let _ = writeln!(profile, "\nWhere the time of \"{}\" goes:\n\n{}", row.work, profile::of(bench, again()));
    }
    (line, profile)
}
