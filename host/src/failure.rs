//! What goes wrong and what became of an export, as the library's users see it: the seam's values with words of their own.

use std::fmt;

use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::error;

pub use crate::bindings::images::exports::ocix::image::exporter::{Planned, Pushed, Tally};
pub use crate::error::{ErrorCode, Fault};

/// A failure, ready to be shown: displayed, it is one line.
#[derive(Clone, Debug)]
pub struct Error {
    /// What a program may branch on.
    pub code: ErrorCode,
    /// Whose fault it is.
    pub fault: Fault,
    /// What failed, where, and what to do: lower-case, one line, without a full stop, never with a secret.
    pub message: String,
    /// Why, the nearest cause first; each one line.
    pub causes: Vec<String>,
}

/// What became of an export.
#[derive(Clone, Debug)]
pub struct Results {
    /// One for each output, in order.
    pub reports: Vec<Report>,
    /// What `--metadata-file` holds: JSON with BuildKit's keys for the first output and `ocix.exports` for all.
    pub metadata: String,
    /// What `--iidfile` holds: the config's digest of a single image, else the root document's; none when no output makes an image.
    pub image_id: Option<String>,
    /// Whether an archive was written to standard output.
    pub standard_output: bool,
}

/// What became of one output.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each name, in order; one without a name when there is none.
    pub targets: Vec<Target>,
}

/// What became of one name.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the user gave it; empty for an image without a name; the destination of a file tree.
    pub name: String,
    /// The digest of the image's root document, as `sha256:…`, or why this target does not have it. A file tree has no digest.
    pub outcome: Result<Option<String>, Error>,
    /// What was done for it, when it is in a registry, or would be after a dry run.
    pub pushed: Option<Pushed>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        let error::Error { code, fault, message, causes } = error;
        Self { code, fault, message, causes }
    }
}

impl Results {
    pub(crate) fn new(results: seam::Results, standard_output: bool) -> Self {
        let seam::Results { reports, metadata, image_id } = results;
        Self { reports: reports.into_iter().map(Report::from).collect(), metadata, image_id, standard_output }
    }
}

impl From<seam::Report> for Report {
    fn from(report: seam::Report) -> Self {
        Self { targets: report.targets.into_iter().map(Target::from).collect() }
    }
}

impl From<seam::Target> for Target {
    fn from(seam::Target { name, outcome, pushed }: seam::Target) -> Self {
        Self { name, outcome: outcome.map_err(Error::from), pushed }
    }
}
