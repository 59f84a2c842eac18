//! The world `images` of `wit/worlds.wit`: whole jobs of the core over the media that a host hands in.
//!
//! A shell: it converts types and decides nothing. `host/src/lib.rs` opens with a program that runs it.

#![deny(unsafe_code)]

mod bindings;
mod errors;
mod media;
mod options;

use ocix_core::export::{self, Job, Source};
use ocix_core::platform::Platform;

use bindings::exports::ocix::image::exporter;
use bindings::ocix::image::{directories, types};
use media::{Directory, File, Input, Seam, Tree};

/// What the world's exports are implemented on.
struct Shell;

impl exporter::Guest for Shell {
    async fn run(job: exporter::Job, store: directories::Directory) -> Result<Vec<exporter::Report>, types::Error> {
        let source = match job.source {
            exporter::Source::Files(tree) => Source::Files(Tree(tree)),
            exporter::Source::Archive(file) => Source::Archive(File(file)),
            exporter::Source::Piped(input) => Source::Piped(Input(input)),
            exporter::Source::Layout(directory) => Source::Layout(Directory(directory)),
        };
        let types::Platform { os, architecture, variant } = job.platform;
        let platform = Platform::new(&os, &architecture, variant.as_deref());
        let job = Job { source, platform, outputs: job.outputs, epoch: job.epoch, xattrs: job.xattrs };
        let reports = export::run(&Seam, job, Directory(store)).await.map_err(errors::outward)?;
        Ok(reports.into_iter().map(report).collect())
    }
}

fn report(report: export::Report) -> exporter::Report {
    let target = |target: export::Target| exporter::Target {
        name: target.name,
        outcome: target.outcome.map(|digest| digest.to_string()).map_err(errors::outward),
    };
    exporter::Report { targets: report.targets.into_iter().map(target).collect() }
}
