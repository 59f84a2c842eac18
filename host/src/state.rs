//! What one job's instance is given: its table of resources, its limits, and what is ambient in its world.

use std::sync::Arc;

use tokio::sync::watch;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::images::ocix::image::progress::Event;
use crate::clients::Clients;
use crate::containerd::Session;
use crate::credentials::Lookups;
use crate::destinations::Destinations;
use crate::engines::Engines;
use crate::limits::{Limits, Room, Who};
use crate::workers::Workers;

/// The world's imports, implemented on [`State`].
pub struct Media;

impl HasData for Media {
    type Data<'a> = &'a mut State;
}

/// Of one job.
pub struct State {
    /// Every resource that the component holds.
    pub table: ResourceTable,
    /// Of the instance's memory.
    pub room: Room,
    /// Everything ambient.
    pub ambient: Arc<Ambient>,
}

/// What is ambient in the world `images`.
pub struct Ambient {
    /// Where chunks are compressed.
    pub workers: Arc<Workers>,
    /// What the job's outputs have opened.
    pub destinations: Arc<Destinations>,
    /// Engines that the job loads images into.
    pub engines: Engines,
    /// The runtime's store that keeps the job's images, if one does.
    pub runtime: Option<Session>,
    /// How registries are reached.
    pub clients: Clients,
    /// What the user keeps for registries.
    pub credentials: Lookups,
    /// Who is told what is going on.
    pub progress: Arc<dyn Fn(Event) + Send + Sync>,
    /// True when the job is to stop.
    pub stop: watch::Receiver<bool>,
}

impl State {
    /// Before the first resource.
    pub fn new(ambient: Arc<Ambient>, limits: &Limits) -> Self {
        Self { table: ResourceTable::new(), room: Room::new(Who::Job, limits.job_memory), ambient }
    }
}

impl crate::bindings::images::ocix::image::types::Host for State {}

/// A copy of a resource's state, so that nothing is held over an await.
pub fn get<T: Send, R: Clone + Send + 'static>(
    accessor: &Accessor<T, Media>,
    resource: &Resource<R>,
) -> wasmtime::Result<R> {
    accessor.with(|mut access| Ok(access.get().table.get(resource)?.clone()))
}

/// A new resource.
pub fn put<T: Send, R: Send + 'static>(accessor: &Accessor<T, Media>, state: R) -> wasmtime::Result<Resource<R>> {
    accessor.with(|mut access| Ok(access.get().table.push(state)?))
}

/// What is ambient.
pub fn ambient<T: Send>(accessor: &Accessor<T, Media>) -> Arc<Ambient> {
    accessor.with(|mut access| access.get().ambient.clone())
}
