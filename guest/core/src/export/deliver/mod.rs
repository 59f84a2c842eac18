//! The images' ways out: into the embedded store first, then to registries, archives, layouts and file trees, all at the same time.

pub mod archive;
pub mod directory;
pub mod engine;
mod registry;
mod root_filesystem;
mod runtime;

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::documents::index::{CREATED, Name};
use crate::documents::time;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Action, Event, Media, Outcome, Step};
use crate::options::Exporter;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry::{Policy, Uploads};
use crate::store::Layout;

use super::image::Image;
use super::{Report, Target, bug};

pub use runtime::Runtime;

/// Stores the images of every output that wants it: all blobs, all documents, unpacked for the `native` platform where that is asked for, then all
/// names in one step.
pub async fn keep<'a, M: Media>(
    media: &'a M,
    store: &Layout<M::Directory>,
    images: &[Image<'a, '_, M>],
    native: &Platform,
) -> Result<()> {
    let mut entries = Vec::new();
    for image in images.iter().filter(|image| image.is_stored()) {
        for blob in image.layers() {
            if let Some(writer) = blob.staged.take() {
                store.publish(writer, &blob.layer.descriptor).await?;
            }
            for (key, known) in blob.records.take() {
                store.remember(&key, &known).await?;
            }
        }
        for document in image.documents.iter().chain(&image.manifests) {
            store.put(&document.descriptor, &document.bytes).await?;
        }
        if image.output.unpack {
            unpack(media, store, image, native).await?;
        }
        entries.extend(named(image, &image.stored_names()?)?);
    }
    if entries.is_empty() {
        return Ok(());
    }
    store.tag(&entries).await?;
    for (name, descriptor) in &entries {
        stored(media, name.as_ref().map_or(descriptor.digest.to_string(), |name| name.full.clone()));
    }
    Ok(())
}

/// Tells that a name, or an image without one, is stored.
fn stored<M: Media>(media: &M, subject: String) {
    let id = format!("store {subject}");
    let (done, total, outcome) = (0, None, Some(Outcome::Stored));
    media.emit(Event::Step(Step { id, action: Action::Tag, subject, target: None, done, total, outcome }));
}

async fn unpack<'a, M: Media>(
    media: &'a M,
    store: &Layout<M::Directory>,
    image: &Image<'a, '_, M>,
    native: &Platform,
) -> Result<()> {
    let Some(picture) = image.pictures.iter().find(|picture| picture.platform.fits(native)) else {
        media.emit(Event::Warning(format!("nothing is unpacked: there is no image for {native}")));
        return Ok(());
    };
    let layers = picture.layers.iter().map(|blob| (blob.layer.diff_id.clone(), blob.bytes.clone()));
    crate::unpack::keep(media, store, layers).await
}

/// How images are sent.
pub struct Sending<'s, M: Media> {
    /// Remembers where blobs are.
    pub store: &'s Layout<M::Directory>,
    /// What outputs without a destination are loaded into.
    pub engine: Option<&'s M::Engine>,
    /// Keeps images in its place.
    pub runtime: Option<&'s Runtime<M>>,
    /// To registries.
    pub policy: &'s Policy,
    /// Those that were begun.
    pub uploads: &'s Uploads,
    /// When one target fails, the others are stopped.
    pub fail_fast: bool,
}

/// One way of an image, to one target or to several that are written at once.
struct Way<'i> {
    /// Which image.
    number: usize,
    /// The name to push to, if it is pushed.
    push: Option<&'i Reference>,
    /// The targets' names.
    targets: Vec<String>,
}

/// Sends every image where its output says, all at the same time, and tells what became of each target.
pub async fn send<M: Media>(media: &M, images: &[Image<'_, '_, M>], sending: &Sending<'_, M>) -> Vec<Report> {
    let ways: Vec<Way<'_>> = images.iter().enumerate().flat_map(|(number, image)| ways(number, image)).collect();
    let going = ways.iter().map(async |way| match (images.get(way.number), way.push) {
        (Some(image), Some(name)) => registry::push(media, image, name, sending).await.map(Some),
        (Some(image), None) if !sending.policy.dry_run => everything(media, image, sending.engine).await.map(|()| None),
        _ => Ok(None),
    });
    let outcomes = together(going, sending.fail_fast).await;
    let mut reports: Vec<Report> = images.iter().map(|_| Report { targets: Vec::new() }).collect();
    for (way, outcome) in ways.into_iter().zip(outcomes) {
        let digest = images.get(way.number).and_then(Image::digest);
        if let Some(report) = reports.get_mut(way.number) {
            report.targets.extend(way.targets.into_iter().map(|name| Target {
                name,
                outcome: outcome.as_ref().map(|_| digest.clone()).map_err(Error::clone),
                pushed: outcome.as_ref().ok().cloned().flatten(),
            }));
        }
    }
    reports
}

/// All of these at the same time. With `fail_fast` the first failure stops those that are not done.
pub async fn together<T>(
    going: impl Iterator<Item = impl Future<Output = Result<T>>>,
    fail_fast: bool,
) -> Vec<Result<T>> {
    let going: Vec<_> = going.collect();
    let mut outcomes: Vec<Option<Result<T>>> = going.iter().map(|_| None).collect();
    let mut going: FuturesUnordered<_> = going
        .into_iter()
        .zip(&mut outcomes)
        .map(async |(going, outcome)| outcome.insert(going.await).is_err())
        .collect();
    while let Some(failed) = going.next().await {
        if failed && fail_fast {
            break;
        }
    }
    drop(going);
    let stopped = || Err(Error::new(Fault::Request, Code::Other("stopped".into()), STOPPED));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(stopped)).collect()
}

/// An image's ways, in the order of its targets.
fn ways<'i, M: Media>(number: usize, image: &'i Image<'_, '_, M>) -> Vec<Way<'i>> {
    let way = |push, targets| Way { number, push, targets };
    match image.output.exporter {
        _ if image.is_image() && image.names.is_empty() => vec![way(None, vec![String::new()])],
        Exporter::Image | Exporter::Registry => {
            let push = |name| Some(name).filter(|_| image.output.push);
            image.names.iter().map(|name| way(push(name), vec![name.as_given().to_owned()])).collect()
        }
        Exporter::Oci | Exporter::Docker => {
            vec![way(None, image.names.iter().map(|name| name.clone().with_default_tag().to_string()).collect())]
        }
        Exporter::Tar | Exporter::Local => vec![way(None, vec![dest(image).unwrap_or_default().to_owned()])],
        Exporter::CacheOnly => Vec::new(),
    }
}

/// To the one destination of an output, if it has one.
async fn everything<M: Media>(media: &M, image: &Image<'_, '_, M>, engine: Option<&M::Engine>) -> Result<()> {
    match image.output.exporter {
        Exporter::Docker if image.output.is_loaded() => {
            engine::load(media, image, engine.ok_or_else(|| bug("an output without its engine"))?).await
        }
        Exporter::Oci | Exporter::Docker if image.output.tar => archive::write(media, image).await,
        Exporter::Oci | Exporter::Docker => directory::write(media, image).await,
        Exporter::Tar | Exporter::Local => root_filesystem::write(media, image).await,
        Exporter::Image | Exporter::Registry | Exporter::CacheOnly => Ok(()),
    }
}

/// What `index.json` says of an image: an entry a name, or one without a name.
fn named<M: Media>(image: &Image<'_, '_, M>, names: &[Reference]) -> Result<Vec<(Option<Name>, Descriptor)>> {
    entries(image, &image.entry, names)
}

/// The same with another root.
fn entries<M: Media>(
    image: &Image<'_, '_, M>,
    root: &Descriptor,
    names: &[Reference],
) -> Result<Vec<(Option<Name>, Descriptor)>> {
    let mut entry = root.clone();
    dated(&mut entry, image.created)?;
    Ok(match names {
        [] => vec![(None, entry)],
        names => names.iter().map(|name| (Some(entry_name(name)), entry.clone())).collect(),
    })
}

/// Says when an image was made, unless the user has said it.
pub fn dated(entry: &mut Descriptor, created: i64) -> Result<()> {
    let created = time::rfc3339(created)?;
    entry.annotations.entry(CREATED.into()).or_insert(created);
    Ok(())
}

/// What a layout calls an image of this name.
pub fn entry_name(name: &Reference) -> Name {
    let name = name.clone().with_default_tag();
    Name { full: name.to_string(), tag: name.tag().map(str::to_owned) }
}

/// Every blob of an image, each once: layers and documents, by digest. A layer's descriptor says what its manifest does.
fn blobs<'a, M: Media>(image: &Image<'a, '_, M>) -> BTreeMap<String, (Descriptor, Bytes<'a, M>)> {
    let layers = image.pictures.iter().flat_map(|picture| picture.listed.iter().zip(&picture.layers));
    let layers = layers.map(|(descriptor, blob)| (descriptor.clone(), blob.bytes.clone()));
    let documents = image.documents.iter().map(|document| (document.descriptor.clone(), document.content()));
    layers.chain(documents).map(|(descriptor, bytes)| (descriptor.digest.to_string(), (descriptor, bytes))).collect()
}

/// Bytes on their way to a destination.
pub fn progress<M: Media>(media: &M, dest: &str, done: u64, finished: bool) {
    let (id, subject) = (format!("write {dest}"), dest.to_owned());
    let outcome = finished.then_some(Outcome::Done);
    media.emit(Event::Step(Step { id, action: Action::Write, subject, target: None, done, total: None, outcome }));
}

/// The destination of an output that has one.
fn dest<'i, M: Media>(image: &'i Image<'_, '_, M>) -> Result<&'i str> {
    image.output.dest.as_deref().ok_or_else(|| bug("an output without a destination"))
}

const STOPPED: &str = "stopped, since another target has failed and --fail-fast was given";
