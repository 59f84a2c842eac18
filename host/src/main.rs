//! The command line: `ocix`. Standard output is the answer, standard error the story.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
