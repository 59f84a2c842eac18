//! `ocix store check`: whether the store is sound.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::cli::failed;
use crate::cli::look::{draw, read};
use crate::cli::settings::Common;

/// The command.
#[derive(Args)]
pub struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read everything in the store, and tell what is broken, and what is there for nothing; exit with 1 when it is broken.
    Check(Box<Check>),
}

#[derive(Args)]
struct Check {
    /// Remove damaged blobs that no name needs, set those aside that one needs, and write what is missing of the layout. Nothing else that a
    /// name needs is removed.
    #[arg(long)]
    repair: bool,
    /// Print what was found as JSON, as docs/stores.md describes it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Deserialize)]
struct Report {
    sound: bool,
    images: u64,
    blobs: u64,
    bytes: u64,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    broken: bool,
    code: String,
    subject: String,
    message: String,
    images: Vec<String>,
    repaired: Option<String>,
}

impl Store {
    /// Checks, and gives the exit code: 1 for a store that is broken.
    pub fn run(self) -> ExitCode {
        let Command::Check(check) = self.command;
        let Check { repair, json, common } = *check;
        let report = super::run(common, async |components, context| components.check(repair, context).await);
        let told = report.and_then(|text| {
            let report: Report = read(&text)?;
            Ok((report.sound, if json { text + "\n" } else { drawn(&report) }))
        });
        match told {
            Ok((sound, text)) => {
                draw::print(&text);
                if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => failed(&error),
        }
    }
}

fn drawn(report: &Report) -> String {
    let Report { sound, images, blobs, bytes, findings } = report;
    let mut text = String::new();
    for Finding { broken, code, subject, message, images, repaired } in findings {
        let (colour, word) = match (repaired, broken) {
            (Some(done), _) => (draw::GREEN, done.as_str()),
            (None, true) => (draw::RED, "broken"),
            (None, false) => (draw::DIM, "note"),
        };
        let needed: String = images.iter().take(MOST).map(|name| format!("\n  {}", draw::plain(name))).collect();
        let more = images.len().saturating_sub(MOST);
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        let (subject, message) = (draw::plain(subject), draw::plain(message));
        text += &format!("{} {code} {subject}: {message}{needed}{more}\n", draw::coloured(colour, word));
    }
    let verdict = draw::coloured(draw::BOLD, if *sound { "sound" } else { "broken" });
    text + &format!("{verdict}: {images} images, {blobs} blobs, {} read\n", draw::bytes(*bytes))
}

/// Names that are printed at most for one finding.
const MOST: usize = 10;
