//! `ocix gc`: what no name of the store needs goes.

use std::process::ExitCode;

use clap::Args;
use ocix::Extent;
use serde::Deserialize;

use crate::cli::failed;
use crate::cli::look::{draw, read};
use crate::cli::settings::Common;

/// The command.
#[derive(Args)]
pub struct Command {
    /// Images without a name go too; what says something about one that stays is kept.
    #[arg(long)]
    untagged: bool,
    /// Remove nothing, and print what would go.
    #[arg(long)]
    dry_run: bool,
    /// Print what went as JSON, as docs/stores.md describes it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    images: Vec<String>,
    blobs: Vec<String>,
    trees: Vec<String>,
    bytes: u64,
    held: u64,
}

impl Command {
    /// Collects, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { untagged, dry_run, json, common } = self;
        let extent = Extent { untagged, dry_run };
        let collected = super::run(common, async |components, context| components.collect(extent, context).await);
        let drawn = collected.and_then(|text| if json { Ok(text + "\n") } else { Ok(drawn(&read(&text)?, dry_run)) });
        match drawn {
            Ok(text) => {
                draw::print(&text);
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        }
    }
}

fn drawn(collection: &Collection, dry_run: bool) -> String {
    let Collection { images, blobs, trees, bytes, held } = collection;
    let mut text = String::new();
    if dry_run {
        text.extend(images.iter().map(|digest| format!("image {digest}\n")));
        text.extend(blobs.iter().map(|digest| format!("blob {digest}\n")));
        text.extend(trees.iter().map(|chain| format!("unpacked {chain}\n")));
    }
    let verb = if dry_run { "would free" } else { "freed" };
    text += &format!("{verb} {}: {} blobs", draw::bytes(*bytes), blobs.len());
    if !images.is_empty() {
        text += &format!(", {} images without a name", images.len());
    }
    if !trees.is_empty() {
        text += &format!(", {} unpacked root file systems", trees.len());
    }
    if *held > 0 {
        text += &format!("; {held} are in use by running jobs");
    }
    text + "\n"
}
