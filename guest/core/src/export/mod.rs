//! One export from beginning to end: outputs are checked, contents become images, the images go to every target.
//!
//! The order of everything lives in this file. Nothing is named and nothing is pushed before every image is whole; a stop at any
//! point leaves the store as it was, but for blobs that no name reaches.

mod attest;
mod checked;
pub(crate) mod deliver;
mod image;
mod layers;
mod open;
mod outcome;
mod select;

#[cfg(test)]
mod tests;

use std::pin::pin;

use futures_util::future::{Either, select};

use crate::contents::Form;
use crate::digest::Digest;
use crate::documents::time;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Engine, Media};
use crate::options::{self, Output, Request};
use crate::platform::Platform;
use crate::registry::{Policy, Pushed, Uploads};
use crate::store::Layout;
use deliver::{Runtime, Sending};
use image::Keeper;

pub(crate) use checked::Checked;

/// What a user asks for.
pub struct Job<M: Media> {
    /// What is exported: at least one; several become one index.
    pub contents: Vec<Content<M>>,
    /// An image whose layers go beneath trees and tars, or on which images are built: they are left as they are.
    pub base: Option<Content<M>>,
    /// Which platforms of images with several; empty for all of them.
    pub platforms: Vec<Platform>,
    /// What trees and tars run on when nothing says it.
    pub native: Platform,
    /// Make an index of a single platform too.
    pub multi_platform: bool,
    /// A whole image config in place of the source's, but for its `rootfs`.
    pub config: Option<M::File>,
    /// Changes of the image config: key and value, in order.
    pub changes: Vec<(String, String)>,
    /// What is said about the images.
    pub attestations: Vec<Attestation<M>>,
    /// Where everything goes.
    pub request: Request,
    /// SOURCE_DATE_EPOCH: no time in a document is later.
    pub epoch: Option<i64>,
    /// Keep all extended attributes of a tree.
    pub xattrs: bool,
    /// How images go to registries.
    pub policy: Policy,
    /// When one target fails, the others are stopped.
    pub fail_fast: bool,
    /// The engine that takes what `request.load` adds.
    pub load: Option<M::Engine>,
    /// An engine that keeps images in place of the embedded store.
    pub engine: Option<M::Engine>,
    /// A runtime's store, which then keeps images in place of the embedded one.
    pub runtime: Option<M::Store>,
}

/// Something to export.
pub struct Content<M: Media> {
    /// Where it is.
    pub source: Source<M>,
    /// What a tar is.
    pub form: Form,
    /// Which image of a layout or archive: a whole reference, or a tag.
    pub name: Option<String>,
    /// What a tree or tar runs on; of an image, the only platform that is taken.
    pub platform: Option<Platform>,
}

/// Where contents are.
pub enum Source<M: Media> {
    /// A root file system: becomes one layer.
    Files(M::Tree),
    /// A tar at rest: of a root file system, or an archive of images.
    Archive(M::File),
    /// The same, coming once.
    Piped(M::Input),
    /// An OCI image layout.
    Layout(M::Directory),
    /// An image in a registry, by its reference.
    Registry(String),
    /// An image of the embedded store, by its name.
    Stored(String),
    /// An image by its name: of the embedded store when that has one of this name, else in its registry.
    Named(String),
}

/// What is said about an image.
pub struct Attestation<M: Media> {
    /// An in-toto statement, or a predicate of one: JSON.
    pub file: M::File,
    /// The predicate's type; none when the file is a statement.
    pub predicate_type: Option<String>,
    /// Of which image it is; none for every one.
    pub platform: Option<Platform>,
    /// Only for outputs with `attestation-inline`.
    pub inline_only: bool,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// One an output, in order.
    pub reports: Vec<Report>,
    /// The metadata document, JSON.
    pub metadata: String,
    /// The config's digest of a single image, else the root document's; of the first output that makes an image.
    pub image_id: Option<Digest>,
}

/// What became of one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each name, in order; one without a name when there is none.
    pub targets: Vec<Target>,
}

/// What became of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the user gave it; empty for an image without a name; the destination of a file tree.
    pub name: String,
    /// The digest of the image's root document, or why this target does not have it. A file tree has no digest.
    pub outcome: Result<Option<Digest>>,
    /// When it is in a registry, or would be after a dry run.
    pub pushed: Option<Pushed>,
}

impl<M: Media> Job<M> {
    /// One source to outputs, each as `--output` takes it; `native` is what a tree or tar runs on.
    pub fn new(source: Source<M>, native: Platform, outputs: Vec<String>) -> Self {
        Self {
            contents: vec![Content { source, form: Form::Detect, name: None, platform: None }],
            base: None,
            platforms: Vec::new(),
            native,
            multi_platform: false,
            config: None,
            changes: Vec::new(),
            attestations: Vec::new(),
            request: Request { outputs, ..Request::default() },
            epoch: None,
            xattrs: false,
            policy: Policy::default(),
            fail_fast: false,
            load: None,
            engine: None,
            runtime: None,
        }
    }
}

/// Exports to every output; one report an output, in order.
///
/// # Errors
/// When an option is wrong or an image could not be made or stored: then no name was written and nothing was pushed. What goes wrong at one
/// registry is that target's outcome and does not stop the others.
pub async fn run<M: Media>(media: &M, job: Job<M>, store: M::Directory) -> Result<Results> {
    let uploads = Uploads::default();
    let done = match select(pin!(media.cancelled()), pin!(export(media, job, store, &uploads))).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    };
    uploads.close(media).await;
    done
}

async fn export<M: Media>(media: &M, mut job: Job<M>, store: M::Directory, uploads: &Uploads) -> Result<Results> {
    let (policy, fail_fast) = (job.policy.clone(), job.fail_fast);
    policy.check()?;
    let outputs = options::outputs(&job.request)?;
    job.epoch.map(time::rfc3339).transpose()?;
    let store = Layout::store(store);
    let native = job.native.clone();
    let (load, engine) = (job.load.take(), job.engine.take());
    if load.is_none() && outputs.iter().any(Output::is_loaded) {
        return Err(Error::new(Fault::Request, Code::Unsupported("load".into()), NO_ENGINE));
    }
    let runtime = job.runtime.take().map(|store| Runtime { store, native: native.clone() });
    let keeper = match (&engine, &runtime) {
        (Some(_), _) => Keeper::Engine,
        (None, Some(_)) => Keeper::Runtime,
        (None, None) => Keeper::Embedded,
    };
    let mut opened = open::open(media, job, &store).await?;
    let platforms = opened.drafts.iter().map(|draft| &draft.platform);
    for engine in load.iter().chain(engine.iter().filter(|_| outputs.iter().any(image::is_stored))) {
        deliver::engine::check(&engine.about(), platforms.clone())?;
    }
    let images = image::make(media, &mut opened, &outputs, &store, keeper).await?;
    match (&engine, &runtime) {
        _ if policy.dry_run => {}
        (Some(engine), _) => deliver::engine::keep(media, &images, engine).await?,
        (None, Some(runtime)) => runtime.keep(media, &images).await?,
        (None, None) => deliver::keep(media, &store, &images, &native).await?,
    }
    let (engine, runtime) = (load.as_ref(), runtime.as_ref());
    let sending = Sending { store: &store, engine, runtime, policy: &policy, uploads, fail_fast };
    let reports = deliver::send(media, &images, &sending).await;
    outcome::results(&images, reports)
}

const NO_ENGINE: &str =
    "there is no container engine here to load into: write type=docker with dest=FILE, for `docker load`";

/// An error of this crate, not of anybody else.
fn bug(message: &str) -> Error {
    Error::new(Fault::Component, Code::Other("bug".into()), message)
}
