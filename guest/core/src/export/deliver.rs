//! An image's way out: into the embedded store, then to registries, all at the same time.

use std::rc::Rc;

use futures_util::future::join_all;

use crate::contents::Bytes;
use crate::documents::index::Name;
use crate::documents::time;
use crate::error::Result;
use crate::media::{Action, Event, Media, Step};
use crate::options::Output;
use crate::reference::Reference;
use crate::registry;
use crate::store::Layout;

use super::image::Image;
use super::{Report, Target};

/// Stores the images of every output that wants it: all blobs, all documents, then all names in one step.
pub async fn store<M: Media>(
    media: &M,
    store: &Layout<M::Directory>,
    outputs: &[Output],
    images: &[Image<M>],
) -> Result<()> {
    let mut entries = Vec::new();
    for (output, image) in outputs.iter().zip(images).filter(|(output, _)| output.store) {
        for blob in &image.layers {
            if let Some(writer) = blob.staged.take() {
                store.publish(writer, &blob.layer.descriptor).await?;
            }
        }
        for document in [&image.config, &image.manifest] {
            store.put(&document.descriptor, &document.bytes).await?;
        }
        let mut descriptor = image.manifest.descriptor.clone();
        descriptor.platform = Some(image.platform.clone());
        descriptor.annotations.insert(CREATED.into(), time::rfc3339(image.created)?);
        let names = output.names.iter().map(|name| Some(entry_name(name)));
        let names: Vec<Option<Name>> = if output.names.is_empty() { vec![None] } else { names.collect() };
        entries.extend(names.into_iter().map(|name| (name, descriptor.clone())));
    }
    if entries.is_empty() {
        return Ok(());
    }
    store.tag(&entries).await?;
    for (name, descriptor) in &entries {
        let subject = name.as_ref().map_or(descriptor.digest.to_string(), |name| name.full.clone());
        let id = format!("store {subject}");
        let note = Some("stored".into());
        media.emit(Event::Step(Step { id, action: Action::Tag, subject, done: 0, total: None, note, finished: true }));
    }
    Ok(())
}

/// Pushes to every name of every output that wants it, all at the same time, and tells what became of each.
pub async fn push<M: Media>(media: &M, outputs: &[Output], images: &[Image<M>]) -> Vec<Report> {
    join_all(outputs.iter().zip(images).map(async |(output, image)| {
        let named = output.names.iter().map(async |name| {
            let pushed = if output.push { push_one(media, image, name).await } else { Ok(()) };
            Target {
                name: name.as_given().to_owned(),
                outcome: pushed.map(|()| image.manifest.descriptor.digest.clone()),
            }
        });
        let mut targets = join_all(named).await;
        if targets.is_empty() {
            targets.push(Target { name: String::new(), outcome: Ok(image.manifest.descriptor.digest.clone()) });
        }
        Report { targets }
    }))
    .await
}

async fn push_one<M: Media>(media: &M, image: &Image<M>, name: &Reference) -> Result<()> {
    let name = name.clone().with_default_tag();
    let target = registry::Target {
        registry: name.registry().to_owned(),
        repository: name.repository().to_owned(),
        tag: name.tag().map(str::to_owned),
        insecure: false,
    };
    let layers = image.layers.iter().map(|blob| (blob.layer.descriptor.clone(), Bytes::file(Rc::clone(&blob.file))));
    let config = (image.config.descriptor.clone(), Bytes::Memory(image.config.bytes.as_slice().into()));
    let content = registry::Image {
        blobs: layers.chain([config]).collect(),
        manifests: vec![(image.manifest.descriptor.clone(), image.manifest.bytes.clone())],
    };
    registry::push(media, &content, &target).await
}

fn entry_name(name: &Reference) -> Name {
    let name = name.clone().with_default_tag();
    Name { full: name.to_string(), tag: name.tag().map(str::to_owned) }
}

/// OCI annotations.md.
const CREATED: &str = "org.opencontainers.image.created";
