//! The import `clock`: what time it is, and waiting.

use std::time::{Duration, SystemTime};

use wasmtime::component::Accessor;

use crate::bindings::images::ocix::image::clock::{Host, HostWithStore};
use crate::state::{Media, State};

impl Host for State {
    fn wall(&mut self) -> wasmtime::Result<i64> {
        // A clock before 1970 is as good as one at 1970.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl<T: Send + 'static> HostWithStore<T> for Media {
    async fn sleep(_: &Accessor<T, Self>, milliseconds: u64) -> wasmtime::Result<()> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(())
    }
}
