//! Images as they are, elsewhere: from wherever they lie to registries, layouts, archives and the embedded store, every digest kept; and
//! image indexes made of images that there are.
//!
//! Nothing is made anew: documents go byte for byte, blobs as they lie. What is read is checked on its way, and nothing is named before
//! everything beneath the name is in its place.

mod combine;
mod deliver;
mod graph;
mod source;

#[cfg(test)]
mod tests;

use std::pin::pin;

use futures_util::future::{Either, select};

use crate::error::{Error, Result};
use crate::export::{Content, Target};
use crate::media::Media;
use crate::reference::Reference;
use crate::registry::{Policy, Uploads};
use crate::store::Layout;

use deliver::{Parcel, Part};
pub use graph::{MAX_DEPTH, MAX_NODES};
pub(crate) use graph::{is_document, listed, too_deep};

use graph::Graph;
use source::Origin;

/// Where copies go, and how.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// At least one.
    pub destinations: Vec<Destination>,
    /// How images go to registries.
    pub policy: Policy,
    /// When one destination fails, the others are stopped.
    pub fail_fast: bool,
    /// The user allowed every registry that is named certificates that are not trusted, and plain HTTP.
    pub insecure: bool,
}

/// Where a copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An archive of an OCI layout.
    Archive(Place),
    /// A folder with an OCI layout.
    Layout(Place),
    /// A registry, by a reference.
    Registry(String),
    /// The embedded store, by a name.
    Stored(String),
}

/// A layout, and what the copy is called in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As [`Media::layout`] and [`Media::archive`] take it.
    pub dest: String,
    /// A whole reference, or a tag alone.
    pub name: Option<String>,
}

/// An image index to be made.
pub struct NewIndex<M: Media> {
    /// What it lists: images, and what is listed by those of them that are indexes. At least one.
    pub parts: Vec<Content<M>>,
    /// As `--annotation` takes them, for the index and for the descriptors in it; one without a level is for the index.
    pub annotations: Vec<String>,
}

/// An image index that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The document.
    pub index: Vec<u8>,
    /// One a destination, in order.
    pub targets: Vec<Target>,
}

/// Copies an image to every destination; one target each, in order.
///
/// Of an image that is in a registry, a destination in the same repository only gets the root document: all else is there. What goes to more
/// than one other registry, layout or archive is read once, and kept in the store until all have it.
///
/// # Errors
/// When a name is wrong, the image cannot be found, or cannot be read: then nothing was named. What goes wrong at one destination is that
/// target's outcome.
pub async fn copy<M: Media>(
    media: &M,
    content: Content<M>,
    delivery: Delivery,
    store: M::Directory,
) -> Result<Vec<Target>> {
    stoppable(media, async |uploads| {
        let store = Layout::store(store);
        delivery.policy.check()?;
        let destinations = deliver::parse(&delivery.destinations)?;
        let Origin { images, root, repository, stored } =
            source::open(media, content, &store, delivery.insecure).await?;
        let bytes = images.document(&root).await?;
        let at_home = destinations.iter().all(|destination| destination.is_in(repository.as_deref()));
        let graph = if at_home { Graph::default() } else { Graph::beneath(&images, &root, &bytes).await? };
        let parcel = Parcel { parts: vec![Part { repository, stored, graph }], root: (root, bytes) };
        deliver::deliver(media, &store, parcel, &destinations, &delivery, uploads).await
    })
    .await
}

/// Makes an image index of images, and puts it, with those of them that are not there, at every destination. A single index without new
/// annotations stays what it is.
///
/// # Errors
/// As [`copy`]; `invalid-option` for an annotation that has no place.
pub async fn create_index<M: Media>(
    media: &M,
    new: NewIndex<M>,
    delivery: Delivery,
    store: M::Directory,
) -> Result<Created> {
    stoppable(media, async |uploads| {
        let store = Layout::store(store);
        delivery.policy.check()?;
        let destinations = deliver::parse(&delivery.destinations)?;
        let annotations = combine::annotations(&new.annotations)?;
        let mut origins = Vec::new();
        for part in new.parts {
            origins.push(source::open(media, part, &store, delivery.insecure).await?);
        }
        let mut listed = combine::Listed::default();
        for origin in &origins {
            listed.add(origin).await?;
        }
        let root = listed.index(&annotations)?;
        let mut parts = Vec::new();
        for (number, Origin { images, repository, stored, .. }) in origins.iter().enumerate() {
            let mut graph = Graph::default();
            if !destinations.iter().all(|destination| destination.is_in(repository.as_deref())) {
                graph.add(images, listed.of(number)).await?;
            }
            parts.push(Part { repository: repository.clone(), stored: *stored, graph });
        }
        let index = root.1.clone();
        let parcel = Parcel { parts, root };
        let targets = deliver::deliver(media, &store, parcel, &destinations, &delivery, uploads).await?;
        Ok(Created { index, targets })
    })
    .await
}

/// Until the user wants it to stop.
async fn stoppable<M: Media, T>(media: &M, work: impl AsyncFnOnce(&Uploads) -> Result<T>) -> Result<T> {
    let uploads = Uploads::default();
    let done = match select(pin!(media.cancelled()), pin!(work(&uploads))).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    };
    uploads.close(media).await;
    done
}

/// A repository with its registry.
fn repository(name: &Reference) -> String {
    format!("{}/{}", name.registry(), name.repository())
}
