//! Figures: the command line next to the tools that people use today, in one run and interleaved.
//!
//! Writes `tests/bench/RESULTS.md` and its plot. A figure is the median; speed is a ratio against a named peer, run by run. Where a
//! target is missed, a profile stands beside the number. `--quick` takes fewer runs of smaller trees and only prints.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod bench;
mod data;
mod growth;
mod machine;
mod ourselves;
mod peers;
mod plot;
mod profile;
mod report;

use std::fs;

use bench::{Bench, Plan};
use ocix_tests::scratch;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let bench = Bench::new(if quick { Plan::QUICK } else { Plan::FULL });
    let mut text = machine::heading(&bench);
    text += &peers::report(&bench);
    text += &ourselves::report(&bench);
    let (growth, plot) = growth::report(&bench);
    text += &growth;
    print!("{text}");
    if !quick {
        let folder = scratch::repository().join("tests/bench");
        fs::write(folder.join("RESULTS.md"), text).unwrap();
        fs::write(folder.join("growth.svg"), plot).unwrap();
    }
}
