//! `ocix tag`: more names for an image of the store.

use std::process::ExitCode;

use clap::Args;

use crate::cli::failed;
use crate::cli::look::draw;
use crate::cli::settings::Common;

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image's name in the store, or its digest.
    source: String,
    /// The new names; one that stood for another image stands for this one.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    common: Common,
}

impl Command {
    /// Names the image, prints NAME@DIGEST for each name, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { source, names, common } = self;
        let tagged = super::run(common, async |components, context| components.tag(&source, &names, context).await);
        match tagged {
            Ok(digest) => {
                let line = |name: &String| match name.contains('@') {
                    true => format!("{}\n", draw::plain(name)),
                    false => format!("{}@{digest}\n", draw::plain(name)),
                };
                draw::print(&names.iter().map(line).collect::<String>());
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        }
    }
}
