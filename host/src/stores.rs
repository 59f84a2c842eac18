//! The import `stores`: a container runtime's own store of images. The only runtime is containerd.

use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::stores::{
    Host, HostIngest, HostIngestWithStore, HostStore, HostStoreWithStore,
};
use crate::bindings::images::ocix::image::types::Descriptor;
use crate::containerd::{Ingest, Session};
use crate::error::Error;
use crate::state::{Media, State, get, put};

/// Text with text.
type Labels = Vec<(String, String)>;

impl Host for State {}

impl HostStore for State {
    fn drop(&mut self, store: Resource<Session>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostStoreWithStore<T> for Media {
    async fn labels(
        accessor: &Accessor<T, Self>,
        store: Resource<Session>,
        blob: String,
    ) -> wasmtime::Result<Result<Option<Labels>, Error>> {
        Ok(get(accessor, &store)?.labels(blob).await)
    }

    async fn create(
        accessor: &Accessor<T, Self>,
        store: Resource<Session>,
        expected: Descriptor,
        labels: Labels,
    ) -> wasmtime::Result<Result<Option<Resource<Ingest>>, Error>> {
        match get(accessor, &store)?.create(expected, labels).await {
            Ok(ingest) => Ok(Ok(ingest.map(|ingest| put(accessor, ingest)).transpose()?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn tag(
        accessor: &Accessor<T, Self>,
        store: Resource<Session>,
        name: String,
        target: Descriptor,
        epoch: Option<i64>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(get(accessor, &store)?.tag(&name, target, epoch).await)
    }

    async fn unpack(
        accessor: &Accessor<T, Self>,
        store: Resource<Session>,
        layer: Descriptor,
        diff_id: String,
        chain: String,
        parent: Option<String>,
    ) -> wasmtime::Result<Result<String, Error>> {
        Ok(get(accessor, &store)?.unpack(layer, &diff_id, &chain, parent).await)
    }
}

impl HostIngest for State {
    fn offset(&mut self, ingest: Resource<Ingest>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&ingest)?.offset())
    }

    fn drop(&mut self, ingest: Resource<Ingest>) -> wasmtime::Result<()> {
        let ingest = self.table.delete(ingest)?;
        // The end of the session does what this does not come to.
        tokio::spawn(async move { ingest.abandon().await });
        Ok(())
    }
}

impl<T: Send + 'static> HostIngestWithStore<T> for Media {
    async fn write(
        accessor: &Accessor<T, Self>,
        ingest: Resource<Ingest>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(get(accessor, &ingest)?.write(bytes).await)
    }

    async fn commit(accessor: &Accessor<T, Self>, ingest: Resource<Ingest>) -> wasmtime::Result<Result<(), Error>> {
        Ok(get(accessor, &ingest)?.commit().await)
    }
}
