//! `ocix rm`: names of the store go. What they stood for stays until `ocix gc`.

use std::process::ExitCode;

use clap::Args;
use ocix::{ErrorCode, Fault};

use crate::cli::failed;
use crate::cli::look::draw;
use crate::cli::settings::Common;

/// The command.
#[derive(Args)]
pub struct Command {
    /// Names in the store; the digest of an image that has none.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// A name that is not there is no error.
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

impl Command {
    /// Takes the names away, prints NAME@DIGEST for each that went, and gives the exit code: the worst of all.
    pub fn run(self) -> ExitCode {
        let Self { names, force, common } = self;
        let answers = super::run(common, async |components, context| components.untag(&names, context).await);
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return failed(&error),
        };
        let mut worst = ExitCode::SUCCESS;
        for (name, answer) in names.iter().zip(answers) {
            match answer {
                Ok(digest) if *name == digest => drop(draw::print(&format!("{digest}\n"))),
                Ok(digest) => drop(draw::print(&format!("{}@{digest}\n", draw::plain(name)))),
                Err(error) if force && matches!((&error.code, error.fault), (ErrorCode::NotFound, Fault::Request)) => {}
                Err(error) => worst = failed(&error),
            }
        }
        worst
    }
}
