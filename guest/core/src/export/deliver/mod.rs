//! The images' ways out: into the embedded store first, then to registries, archives, layouts and file trees, all at the same time.

pub mod archive;
pub mod directory;
mod registry;
mod root_filesystem;

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::documents::index::Name;
use crate::documents::time;
use crate::error::Result;
use crate::media::{Action, Event, Media, Outcome, Step};
use crate::options::Exporter;
use crate::reference::Reference;
use crate::store::Layout;

use super::image::Image;
use super::{Report, Target, bug};

/// Stores the images of every output that wants it: all blobs, all documents, then all names in one step.
pub async fn keep<M: Media>(media: &M, store: &Layout<M::Directory>, images: &[Image<'_, '_, M>]) -> Result<()> {
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
        entries.extend(named(image, &image.stored_names()?)?);
    }
    if entries.is_empty() {
        return Ok(());
    }
    store.tag(&entries).await?;
    for (name, descriptor) in &entries {
        let subject = name.as_ref().map_or(descriptor.digest.to_string(), |name| name.full.clone());
        let id = format!("store {subject}");
        let (done, total, outcome) = (0, None, Some(Outcome::Stored));
        media.emit(Event::Step(Step { id, action: Action::Tag, subject, target: None, done, total, outcome }));
    }
    Ok(())
}

/// Sends every image where its output says, all at the same time, and tells what became of each target.
pub async fn send<M: Media>(media: &M, images: &[Image<'_, '_, M>]) -> Vec<Report> {
    join_all(images.iter().map(async |image| {
        let output = image.output;
        let whole = |name: String, sent: Result<()>| vec![Target { name, outcome: sent.map(|()| image.digest()) }];
        let targets = match output.exporter {
            _ if image.is_image() && image.names.is_empty() => whole(String::new(), everything(media, image).await),
            Exporter::Image | Exporter::Registry => {
                let named = image.names.iter().map(async |name| {
                    let pushed = if output.push { registry::push(media, image, name).await } else { Ok(()) };
                    Target { name: name.as_given().to_owned(), outcome: pushed.map(|()| image.digest()) }
                });
                join_all(named).await
            }
            Exporter::Oci | Exporter::Docker => {
                let sent = everything(media, image).await;
                let names = image.names.iter().map(|name| name.clone().with_default_tag().to_string());
                names.flat_map(|name| whole(name, sent.clone())).collect()
            }
            Exporter::Tar | Exporter::Local => {
                whole(dest(image).unwrap_or_default().to_owned(), everything(media, image).await)
            }
            Exporter::CacheOnly => Vec::new(),
        };
        Report { targets }
    }))
    .await
}

/// To the one destination of an output, if it has one.
async fn everything<M: Media>(media: &M, image: &Image<'_, '_, M>) -> Result<()> {
    match image.output.exporter {
        Exporter::Oci | Exporter::Docker if image.output.tar => archive::write(media, image).await,
        Exporter::Oci | Exporter::Docker => directory::write(media, image).await,
        Exporter::Tar | Exporter::Local => root_filesystem::write(media, image).await,
        Exporter::Image | Exporter::Registry | Exporter::CacheOnly => Ok(()),
    }
}

/// What `index.json` says of an image: an entry a name, or one without a name.
fn named<M: Media>(image: &Image<'_, '_, M>, names: &[Reference]) -> Result<Vec<(Option<Name>, Descriptor)>> {
    let mut entry = image.entry.clone();
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

/// OCI annotations.md.
const CREATED: &str = "org.opencontainers.image.created";
