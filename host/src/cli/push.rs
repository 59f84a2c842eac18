//! `ocix push`: an image of the embedded store goes to registries, as it is.

use std::process::ExitCode;

use clap::Args;
use ocix::{Destination, Source};

use super::copy::{Flags, give};
use super::failed;

/// The command.
#[derive(Args)]
pub struct Push {
    /// The image's name in the store.
    name: String,
    /// Where it goes: references [default: NAME]; repeatable.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

impl Push {
    /// Pushes, gives the answer, and the exit code.
    pub fn run(self) -> ExitCode {
        let Self { name, mut targets, flags } = self;
        if targets.is_empty() {
            targets.push(name.clone());
        }
        let destinations = targets.into_iter().map(Destination::Registry).collect();
        match flags.copy(Source::Stored(name).into(), destinations) {
            Ok(copied) => give(&copied),
            Err(error) => failed(&error),
        }
    }
}
