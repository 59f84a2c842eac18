//! An image's way into a runtime's store: blobs first, then the documents that list them, then layers are made ready to run, names last.
//!
//! Everything that decides about labels lives here. A document's labels hold what it lists, a name holds its root, and a config's label the
//! layers that are ready to run: what nothing holds, containerd collects.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::copy::listed;
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Action, Event, Ingest, Input, Labels, Media, Outcome, Step, Store};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry::DISTRIBUTION_SOURCE;
use crate::store::{PIECE, verify};

use super::super::image::{Document, Image};
use super::{blobs, stored};

/// Keeps images in place of the embedded store.
pub struct Runtime<M: Media> {
    /// Where.
    pub store: M::Store,
    /// What it runs.
    pub native: Platform,
}

impl<M: Media> Runtime<M> {
    /// Stores the images of every output that wants it, each whole before any has a name.
    ///
    /// # Errors
    /// Those of the store; a source that is damaged. Then no name was written.
    pub async fn keep(&self, media: &M, images: &[Image<'_, '_, M>]) -> Result<()> {
        let kept = || images.iter().filter(|image| image.is_stored());
        for image in kept() {
            self.fill(media, image).await?;
            for document in &image.manifests {
                self.document(document, holding(document)?).await?;
            }
            if image.output.unpack {
                self.unpack(media, image).await?;
            }
        }
        for image in kept() {
            let names = image.stored_names()?;
            if names.is_empty() {
                media.emit(Event::Warning(NO_NAME.into()));
            }
            for name in &names {
                self.store.tag(name.as_given(), &image.entry, image.epoch).await?;
                stored(media, name.as_given().to_owned());
            }
        }
        Ok(())
    }

    /// Repositories that have a blob, as its labels say: each with its registry.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn places(&self, blob: &Digest) -> Result<BTreeSet<String>> {
        let mut places = BTreeSet::new();
        for (key, names) in self.store.labels(blob).await?.unwrap_or_default() {
            if let Some(registry) = key.strip_prefix(DISTRIBUTION_SOURCE) {
                places.extend(names.split(',').map(|name| format!("{registry}/{name}")));
            }
        }
        Ok(places)
    }

    /// Adds one to the repositories that a blob's labels say.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note(&self, blob: &Descriptor, known: &BTreeSet<String>, place: &Reference) -> Result<()> {
        let within = format!("{}/", place.registry());
        let mut names: BTreeSet<&str> = known.iter().filter_map(|known| known.strip_prefix(&within)).collect();
        names.insert(place.repository());
        let names = names.into_iter().collect::<Vec<_>>().join(",");
        let key = format!("{DISTRIBUTION_SOURCE}{}", place.registry());
        if key.len().saturating_add(names.len()) > MAX_LABEL {
            return Ok(());
        }
        // It is there, so that nothing begins.
        self.store.create(blob, &Labels::from([(key, names)])).await.map(drop)
    }

    /// Every blob and config, several at a time.
    async fn fill(&self, media: &M, image: &Image<'_, '_, M>) -> Result<()> {
        let layers = image.layers().map(|blob| (blob.layer.descriptor.digest.as_str(), &blob.layer.diff_id));
        let layers: BTreeMap<&str, &DiffId> = layers.collect();
        let sending = blobs(image).into_values().map(async |(descriptor, bytes)| {
            let diff_id = layers.get(descriptor.digest.as_str());
            let labels = diff_id.map(|diff_id| (UNCOMPRESSED.to_owned(), diff_id.to_string())).into_iter().collect();
            self.send(&descriptor, &labels, &bytes, |done, outcome| {
                if diff_id.is_some() {
                    told(media, &descriptor, done, outcome);
                }
            })
            .await
        });
        stream::iter(sending).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn document(&self, document: &Document, labels: Labels) -> Result<()> {
        self.send(&document.descriptor, &labels, &document.content(), |_, _| {}).await
    }

    /// A blob, unless it is there. The store checks its digest. What an interrupted job has left of it is not sent again, unless it was
    /// another's.
    async fn send(
        &self,
        descriptor: &Descriptor,
        labels: &Labels,
        bytes: &Bytes<'_, M>,
        told: impl Fn(u64, Option<Outcome>),
    ) -> Result<()> {
        loop {
            let Some(mut ingest) = self.store.create(descriptor, labels).await? else {
                told(descriptor.size, Some(Outcome::AlreadyThere));
                return Ok(());
            };
            let before = ingest.offset();
            let mut done = before;
            let mut reader = bytes.open_at(before).await?;
            loop {
                let piece = reader.read(PIECE).await?;
                if piece.is_empty() {
                    break;
                }
                done = done.saturating_add(piece.len() as u64);
                ingest.write(piece).await?;
                told(done, None);
            }
            match ingest.commit().await {
                Err(Error { code: Code::DigestMismatch(_), .. }) if before > 0 => {}
                Err(Error { code: Code::DigestMismatch(is), .. }) => return verify(descriptor, is, Fault::Source),
                committed => {
                    told(done, committed.is_ok().then_some(Outcome::Stored));
                    return committed;
                }
            }
        }
    }

    /// Makes the image for the runtime's platform ready to run, the bottom layer first.
    async fn unpack(&self, media: &M, image: &Image<'_, '_, M>) -> Result<()> {
        let Some(picture) = image.pictures.iter().find(|picture| picture.platform.fits(&self.native)) else {
            media.emit(Event::Warning(format!("nothing is unpacked: there is no image for {}", self.native)));
            return Ok(());
        };
        let mut top: Option<(Digest, String)> = None;
        for (layer, blob) in picture.listed.iter().zip(&picture.layers) {
            let parent = top.as_ref().map(|(chain, _)| chain);
            let chain = blob.layer.diff_id.chain(parent);
            let place = self.store.unpack(layer, &blob.layer.diff_id, &chain, parent).await?;
            unpacked(media, layer);
            top = Some((chain, place));
        }
        if let Some((chain, place)) = top {
            let labels = Labels::from([(format!("containerd.io/gc.ref.snapshot.{place}"), chain.to_string())]);
            // It is there, so that nothing begins.
            self.store.create(&picture.config, &labels).await?;
        }
        Ok(())
    }
}

/// The labels of a document that hold what it lists, as BuildKit numbers them.
fn holding(document: &Document) -> Result<Labels> {
    let listed = listed(&document.descriptor, &document.bytes)?;
    let label = |(number, one): (usize, &Descriptor)| {
        (format!("containerd.io/gc.ref.content.{number}"), one.digest.to_string())
    };
    Ok(listed.iter().enumerate().map(label).collect())
}

/// A layer on its way in.
fn told<M: Media>(media: &M, layer: &Descriptor, done: u64, outcome: Option<Outcome>) {
    let (id, subject, total) = (format!("runtime {}", layer.digest), layer.digest.to_string(), Some(layer.size));
    media.emit(Event::Step(Step { id, action: Action::Copy, subject, target: None, done, total, outcome }));
}

/// A layer that is ready to run.
fn unpacked<M: Media>(media: &M, layer: &Descriptor) {
    let (id, subject) = (format!("unpack {}", layer.digest), layer.digest.to_string());
    let (done, total, outcome) = (0, None, Some(Outcome::Done));
    media.emit(Event::Step(Step { id, action: Action::Write, subject, target: None, done, total, outcome }));
}

/// Blobs that are sent at the same time: one is hashed while another is written.
const AT_ONCE: usize = 4;
/// What containerd takes of a key and its value, in bytes.
const MAX_LABEL: usize = 4096;
/// Where containerd, and BuildKit in it, keep a layer's diff ID.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";
const NO_NAME: &str = "an image without a name stays until containerd collects what it does not need: give it a name, or dangling-name-prefix";
