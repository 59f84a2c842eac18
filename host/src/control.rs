//! The import `control`: the component is told when the user wants it to stop.

use wasmtime::component::Accessor;

use crate::bindings::images::ocix::image::control::{Host, HostWithStore};
use crate::state::{Media, State, ambient};

impl Host for State {}

impl<T: Send + 'static> HostWithStore<T> for Media {
    async fn cancelled(accessor: &Accessor<T, Self>) -> wasmtime::Result<()> {
        let mut stop = ambient(accessor).stop.clone();
        // An error means that nobody can ask any more.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}
