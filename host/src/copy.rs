//! Copies of images as they are, and indexes of images: handed to a component as an export is.

use std::collections::BTreeSet;

use wasmtime::component::{Accessor, Resource, ResourceTable};

use crate::bindings::images::Images;
use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::components::Components;
use crate::directories::Directory;
use crate::error;
use crate::export::{Context, Work};
use crate::failure::{Error, Target};
use crate::job::{Content, Transfer};
use crate::named;
use crate::state::State;

pub use crate::bindings::images::exports::ocix::image::exporter::{Delivery, Destination, Place};

/// A copy of an image as it is, every digest kept.
#[derive(Clone, Debug)]
pub struct Copy {
    /// An image: of a layout or an archive of one, a registry, or the store. Its form does not matter.
    pub content: Content,
    /// Where it goes.
    pub delivery: Delivery,
}

/// An image index of images that there are.
#[derive(Clone, Debug)]
pub struct NewIndex {
    /// At least one. The index lists what they list, or themselves, each once, in order.
    pub parts: Vec<Content>,
    /// As `--annotation` takes them: for the index, or with `manifest-descriptor:` for what it lists.
    pub annotations: Vec<String>,
    /// Where it goes, with the images that are not there.
    pub delivery: Delivery,
}

/// What became of a copy.
#[derive(Clone, Debug)]
pub struct Copied {
    /// One for each destination, in order.
    pub targets: Vec<Target>,
    /// Whether an archive was written to standard output.
    pub standard_output: bool,
}

/// What became of an index.
#[derive(Clone, Debug)]
pub struct Created {
    /// The document, as it is.
    pub index: Vec<u8>,
    /// Where it went.
    pub copied: Copied,
}

impl Components {
    /// Copies an image. Must be called within a tokio runtime with time enabled; stops as an export does.
    ///
    /// # Errors
    /// When the image cannot be found or read; a destination that failed is among the targets instead.
    pub async fn copy(&self, copy: Copy, context: Context) -> Result<Copied, Error> {
        let source = copy.content.source.clone();
        let done = self.perform(copy, context).await;
        let (targets, standard_output) = done.map_err(|error| source.named("copy", error))?;
        Ok(Copied::new(targets, standard_output))
    }

    /// Makes an image index. Must be called within a tokio runtime with time enabled; stops as an export does.
    ///
    /// # Errors
    /// When an image cannot be found or read, or an annotation has no place; a destination that failed is among the targets instead.
    pub async fn create_index(&self, index: NewIndex, context: Context) -> Result<Created, Error> {
        let (seam::Created { index, targets }, standard_output) = self.perform(index, context).await?;
        Ok(Created { index, copied: Copied::new(targets, standard_output) })
    }
}

impl Copied {
    fn new(targets: Vec<seam::Target>, standard_output: bool) -> Self {
        Self { targets: targets.into_iter().map(Target::from).collect(), standard_output }
    }
}

impl Work for Copy {
    type Opened = (seam::Content, Delivery);
    type Done = Vec<seam::Target>;

    fn hosts(&self) -> BTreeSet<String> {
        hosts(std::slice::from_ref(&self.content), &self.delivery)
    }

    fn open(self, table: &mut ResourceTable) -> Result<Self::Opened, error::Error> {
        Ok((self.content.open_image(table)?, self.delivery))
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        (content, delivery): Self::Opened,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<Self::Done, error::Error>> {
        images.ocix_image_exporter().call_copy(accessor, content, delivery, store).await
    }
}

impl Work for NewIndex {
    type Opened = (seam::NewIndex, Delivery);
    type Done = seam::Created;

    fn hosts(&self) -> BTreeSet<String> {
        hosts(&self.parts, &self.delivery)
    }

    fn open(self, table: &mut ResourceTable) -> Result<Self::Opened, error::Error> {
        let Self { parts, annotations, delivery } = self;
        let parts = parts.iter().map(|part| part.open_image(table)).collect::<Result<_, _>>()?;
        Ok((seam::NewIndex { parts, annotations }, delivery))
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        (index, delivery): Self::Opened,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<Self::Done, error::Error>> {
        images.ocix_image_exporter().call_create_index(accessor, index, delivery, store).await
    }
}

impl Delivery {
    /// To these, as a push is when nothing else is said.
    pub fn to(destinations: Vec<Destination>) -> Self {
        Self { destinations, transfer: Transfer::default(), insecure: false }
    }
}

fn hosts(contents: &[Content], delivery: &Delivery) -> BTreeSet<String> {
    let destinations = delivery.destinations.iter().filter_map(|destination| match destination {
        Destination::Registry(name) => Some(name),
        Destination::Archive(_) | Destination::Layout(_) | Destination::Stored(_) => None,
    });
    named::hosts_of(contents.iter().filter_map(named::name).chain(destinations).chain(&delivery.transfer.mount_from))
}
