//! The world `images` of `wit/worlds.wit`: whole jobs of the core over the media that a host hands in.
//!
//! A shell: it converts types and decides nothing. `host/src/lib.rs` opens with a program that runs it.

#![deny(unsafe_code)]

mod bindings;
mod copy;
mod engines;
mod errors;
mod inspect;
mod keeper;
mod media;
mod options;
mod stores;
mod unpack;

use ocix_core::contents::Form;
use ocix_core::export::{self, Attestation, Content, Job, Source};
use ocix_core::options::Request;
use ocix_core::platform::Platform;
use ocix_core::registry::{self, Policy};

use bindings::exports::ocix::image::exporter;
use bindings::ocix::image::{directories, types};
use engines::Engine;
use media::{Directory, File, Input, Seam, Tree};
use stores::Store;

/// What the world's exports are implemented on.
struct Shell;

impl exporter::Guest for Shell {
    async fn run(job: exporter::Job, store: directories::Directory) -> Result<exporter::Results, types::Error> {
        let attestation = |given: exporter::Attestation| Attestation {
            file: File(given.file),
            predicate_type: given.predicate_type,
            platform: given.platform.map(platform),
            inline_only: given.inline_only,
        };
        let job = Job {
            contents: job.contents.into_iter().map(content).collect(),
            base: job.base.map(content),
            platforms: job.platforms.into_iter().map(platform).collect(),
            native: platform(job.native),
            multi_platform: job.multi_platform,
            config: job.config.map(File),
            changes: job.changes,
            attestations: job.attestations.into_iter().map(attestation).collect(),
            request: Request {
                outputs: job.outputs,
                tags: job.tags,
                annotations: job.annotations,
                push: job.push,
                load: job.load.is_some(),
            },
            epoch: job.epoch,
            xattrs: job.xattrs,
            fail_fast: job.transfer.fail_fast,
            policy: policy(job.transfer),
            load: job.load.map(Engine),
            engine: job.engine.map(Engine),
            runtime: job.runtime.map(Store),
        };
        let results = export::run(&Seam, job, Directory(store)).await.map_err(errors::outward)?;
        Ok(exporter::Results {
            reports: results.reports.into_iter().map(report).collect(),
            metadata: results.metadata,
            image_id: results.image_id.map(|digest| digest.to_string()),
        })
    }

    async fn copy(
        content: exporter::Content,
        delivery: exporter::Delivery,
        store: directories::Directory,
    ) -> Result<Vec<exporter::Target>, types::Error> {
        copy::copy(content, delivery, store).await
    }

    async fn create_index(
        index: exporter::NewIndex,
        delivery: exporter::Delivery,
        store: directories::Directory,
    ) -> Result<exporter::Created, types::Error> {
        copy::create_index(index, delivery, store).await
    }
}

fn policy(transfer: exporter::Transfer) -> Policy {
    let exporter::Transfer { mount_from, no_mount, dry_run, .. } = transfer;
    Policy { mounts: !no_mount, mount_from, dry_run, ..Policy::default() }
}

fn content(content: exporter::Content) -> Content<Seam> {
    Content {
        source: match content.source {
            exporter::Source::Files(tree) => Source::Files(Tree(tree)),
            exporter::Source::Archive(file) => Source::Archive(File(file)),
            exporter::Source::Piped(input) => Source::Piped(Input(input)),
            exporter::Source::Layout(directory) => Source::Layout(Directory(directory)),
            exporter::Source::Registry(reference) => Source::Registry(reference),
            exporter::Source::Stored(name) => Source::Stored(name),
            exporter::Source::Named(name) => Source::Named(name),
        },
        form: match content.form {
            exporter::Form::Detect => Form::Detect,
            exporter::Form::RootFilesystem => Form::RootFilesystem,
            exporter::Form::Image => Form::Image,
        },
        name: content.name,
        platform: content.platform.map(platform),
    }
}

fn platform(types::Platform { os, architecture, variant }: types::Platform) -> Platform {
    Platform::new(&os, &architecture, variant.as_deref())
}

fn report(report: export::Report) -> exporter::Report {
    exporter::Report { targets: report.targets.into_iter().map(target).collect() }
}

fn target(target: export::Target) -> exporter::Target {
    exporter::Target {
        name: target.name,
        outcome: target.outcome.map(|digest| digest.map(|digest| digest.to_string())).map_err(errors::outward),
        pushed: target.pushed.map(pushed),
    }
}

fn pushed(pushed: registry::Pushed) -> exporter::Pushed {
    let tally = |registry::Tally { count, bytes }| exporter::Tally { count, bytes };
    let planned = |registry::Planned { method, url, bytes }| exporter::Planned { method, url, bytes };
    let registry::Pushed { uploaded, mounted, already_there, sent, retries, resumed, requests } = pushed;
    exporter::Pushed {
        uploaded: tally(uploaded),
        mounted: tally(mounted),
        already_there: tally(already_there),
        sent,
        retries,
        resumed,
        requests: requests.into_iter().map(planned).collect(),
    }
}
