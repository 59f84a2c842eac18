//! Figures: the command line next to the tools that people use today, in one run and interleaved.
//!
//! Writes `tests/bench/RESULTS.md` with its plot, `REGISTRIES.md`, `LOOKING.md`, `STORES.md`, `CONTAINERD.md` and `UNPACKING.md` beside it. A figure is the
//! median; speed is a ratio against a named peer, run by run. Where a target is missed, a profile stands beside the number. `layers`, `registries`,
//! `looking`, `stores`, `containerd` or `unpack` measures that alone; `--quick` takes fewer runs of smaller trees and only prints.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod bench;
mod data;
mod growth;
mod looking;
mod machine;
mod ourselves;
mod peers;
mod plot;
mod profile;
mod registries;
mod report;
mod runtime;
mod stores;
mod unpacking;

use std::fs;

use bench::{Bench, Plan};
use ocix_tests::scratch;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |arg: &str| args.iter().any(|given| given == arg);
    let bench = Bench::new(if has("--quick") { Plan::QUICK } else { Plan::FULL });
    let heading = machine::heading(&bench);
    let mut files: Vec<(&str, String)> = Vec::new();
    let parts = ["layers", "registries", "looking", "stores", "containerd", "unpack"];
    let wanted = |part: &str| has(part) || !parts.iter().any(|part| has(part));
    if wanted("layers") {
        let (growth, plot) = growth::report(&bench);
        let text = peers::report(&bench) + &ourselves::report(&bench) + &growth;
        files.push(("RESULTS.md", heading.clone() + &text));
        files.push(("growth.svg", plot));
    }
    if wanted("registries") {
        files.push(("REGISTRIES.md", heading.clone() + &registries::report(&bench)));
    }
    if wanted("looking") {
        files.push(("LOOKING.md", heading.clone() + &looking::report(&bench)));
    }
    if wanted("stores") {
        files.push(("STORES.md", heading.clone() + &stores::report(&bench)));
    }
    if wanted("containerd") {
        files.push(("CONTAINERD.md", heading.clone() + &runtime::report(&bench)));
    }
    if wanted("unpack") {
        files.push(("UNPACKING.md", heading + &unpacking::report(&bench)));
    }
    for (name, text) in files {
        if name.ends_with(".md") {
            print!("{text}");
        }
        if !has("--quick") {
            fs::write(scratch::repository().join("tests/bench").join(name), text).unwrap();
        }
    }
}
