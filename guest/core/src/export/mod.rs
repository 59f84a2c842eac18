//! One export from beginning to end: outputs are checked, contents become an image, the image goes to every target.
//!
//! The order of everything lives in this file. Nothing is named and nothing is pushed before the image is whole; a stop at any
//! point leaves the store as it was, but for blobs that no name reaches.

mod contents;
mod deliver;
mod image;

use std::pin::pin;

use futures_util::future::{Either, select};

use crate::digest::Digest;
use crate::documents::time;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::options::{self, Exporter, Level, Output};
use crate::platform::Platform;
use crate::store::Layout;
use crate::text::shown;

/// What a user asks for.
pub struct Job<M: Media> {
    /// What is exported.
    pub source: Source<M>,
    /// Of a tree or tar; of a layout with several images, which one.
    pub platform: Platform,
    /// Each as `--output` takes it; at least one.
    pub outputs: Vec<String>,
    /// SOURCE_DATE_EPOCH: no time in a document is later.
    pub epoch: Option<i64>,
    /// Keep all extended attributes of a tree.
    pub xattrs: bool,
}

/// What is exported.
pub enum Source<M: Media> {
    /// A root file system: becomes one layer.
    Files(M::Tree),
    /// A tar of one, plain, gzip or zstd.
    Archive(M::File),
    /// The same, coming once.
    Piped(M::Input),
    /// An OCI image layout.
    Layout(M::Directory),
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
    /// As the user gave it; empty for an image without a name.
    pub name: String,
    /// The digest of the image's manifest, or why this target does not have it.
    pub outcome: Result<Digest>,
}

/// Exports to every output; one report an output, in order.
///
/// # Errors
/// When an option is wrong or the image could not be made or stored: then no name was written and nothing was pushed. What goes wrong at one
/// registry is that target's outcome and does not stop the others.
pub async fn run<M: Media>(media: &M, job: Job<M>, store: M::Directory) -> Result<Vec<Report>> {
    match select(pin!(media.cancelled()), pin!(export(media, job, store))).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    }
}

async fn export<M: Media>(media: &M, job: Job<M>, store: M::Directory) -> Result<Vec<Report>> {
    let outputs = job.outputs.iter().map(|text| options::parse(text)).collect::<Result<Vec<Output>>>()?;
    if outputs.is_empty() {
        return Err(Error::invalid_option(
            "type",
            "no output was asked for: give one, for example type=image,name=site:latest",
        ));
    }
    outputs.iter().try_for_each(refuse_unmade)?;
    job.epoch.map(time::rfc3339).transpose()?;
    let store = Layout::store(store);
    let images = image::make(media, job, &outputs, &store).await?;
    deliver::store(media, &store, &outputs, &images).await?;
    Ok(deliver::push(media, &outputs, &images).await)
}

/// Refuses what options can say and this version does not make.
fn refuse_unmade(output: &Output) -> Result<()> {
    let made = Output {
        exporter: output.exporter,
        names: output.names.clone(),
        push: output.push,
        store: output.store,
        codec: output.codec,
        level_given: output.level_given,
        annotations: output.annotations.clone(),
        ..options::parse("type=image")?
    };
    let named = output.names.iter().all(|name| name.given().is_some());
    let of_manifest = output.annotations.iter().all(|own| own.level == Level::Manifest && own.platform.is_none());
    let image = matches!(output.exporter, Exporter::Image | Exporter::Registry);
    if image && named && of_manifest && *output == made {
        return Ok(());
    }
    let message = format!("`{}` says something that is not made in this version", shown(&output.to_string()));
    Err(Error::new(Fault::Request, Code::Unsupported("option".into()), message))
}

/// An error of this crate, not of anybody else.
fn bug(message: &str) -> Error {
    Error::new(Fault::Component, Code::Other("bug".into()), message)
}
