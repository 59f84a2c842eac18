//! What an export answers: a line for each target, the image's identifier, and files for programs that go on with it.
//!
//! Lines go to standard output, or to standard error when an archive went there.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ocix::{Planned, Results, Target, shown};

use super::{code, failed};

/// The flags.
#[derive(Args)]
#[command(next_help_heading = "Results")]
pub struct Answer {
    /// Write what was made as JSON: BuildKit's keys for the first output, ocix.exports for all.
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Write the image's identifier: the config's digest of a single image, else the index's. Not written when an output failed.
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,
    /// Print the image's identifier only, and no progress.
    #[arg(short, long)]
    quiet: bool,
}

impl Answer {
    /// Whether nothing but the identifier is asked for.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Gives it; failures go to standard error.
    pub fn give(&self, results: &Results) -> ExitCode {
        let targets = || results.reports.iter().flat_map(|report| &report.targets);
        let (mut lines, mut worst) = lines(targets());
        if self.quiet {
            lines = results.image_id.iter().cloned().collect();
        }
        print(&lines, results.standard_output);
        // Files tell of what is there.
        if targets().filter_map(|target| target.pushed.as_ref()).any(|pushed| !pushed.requests.is_empty()) {
            return worst;
        }
        let id = results.image_id.as_ref().filter(|_| worst == ExitCode::SUCCESS);
        let files = [
            (&self.metadata_file, Some(&results.metadata)),
            // Whoever reads it goes on with the image everywhere.
            (&self.iidfile, id),
        ];
        for (file, content) in files {
            if let (Some(file), Some(content)) = (file, content)
                && let Err(error) = ocix::save(file, content.as_bytes())
            {
                worst = failed(&error);
            }
        }
        worst
    }
}

/// Tells failures, and gives the lines of targets that did not fail, and the exit code.
pub fn lines<'t>(targets: impl Iterator<Item = &'t Target>) -> (Vec<String>, ExitCode) {
    let (mut lines, mut worst) = (Vec::new(), ExitCode::SUCCESS);
    for target in targets {
        match &target.outcome {
            // A file tree.
            Ok(None) => {}
            Ok(Some(digest)) if target.name.is_empty() => lines.push(digest.clone()),
            Ok(Some(digest)) if target.name.ends_with(digest.as_str()) => lines.push(target.name.clone()),
            Ok(Some(digest)) => lines.push(format!("{}@{digest}", target.name)),
            Err(error) => {
                failed(error);
                worst = code(error);
            }
        }
        lines.extend(target.pushed.iter().flat_map(|pushed| &pushed.requests).map(planned));
    }
    (lines, worst)
}

/// A request of a dry run.
fn planned(request: &Planned) -> String {
    let bytes = if request.bytes > 0 { format!(" {} bytes", request.bytes) } else { String::new() };
    format!("  {:<5} {}{bytes}", request.method, shown(&request.url))
}

/// Prints lines where they belong.
pub fn print(lines: &[String], standard_output_is_taken: bool) {
    let mut out: Box<dyn Write> =
        if standard_output_is_taken { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout().lock()) };
    for line in lines {
        // A reader that has gone does not want to know.
        let _ = writeln!(out, "{line}");
    }
}
