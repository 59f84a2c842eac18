//! The import `progress`: events go to whoever the host's user named.

use crate::bindings::images::ocix::image::progress::Host;
pub use crate::bindings::images::ocix::image::progress::{Action, Event, Outcome, Retry, Step};
use crate::state::State;

impl Host for State {
    fn emit(&mut self, event: Event) -> wasmtime::Result<()> {
        (self.ambient.progress)(event);
        Ok(())
    }
}
