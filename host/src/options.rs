//! The tables of options and of findings, asked of the component: the host knows neither by itself.

use wasmtime::Store;

use crate::bindings::toolkit::Toolkit;
use crate::bindings::toolkit::exports::ocix::image::options::Guest;
use crate::components::Components;
use crate::error::Error;
use crate::failure;
use crate::limits::{Bounds, Limits, Who, stopped};
use crate::workers::Worker;

pub use crate::bindings::toolkit::exports::ocix::image::findings::{Code, Severity};
pub use crate::bindings::toolkit::exports::ocix::image::options::{Kind, OptionDoc};

/// Every option of `--output`, in the order in which people read it.
///
/// # Errors
/// Of the fault `host`, when WebAssembly cannot run on this machine.
pub fn options() -> Result<Vec<OptionDoc>, failure::Error> {
    Ok(ask(|guest, store| guest.call_describe(store))?)
}

/// The table as a page in Markdown.
///
/// # Errors
/// As [`options`].
pub fn markdown() -> Result<String, failure::Error> {
    Ok(ask(|guest, store| guest.call_markdown(store))?)
}

/// Checks one `--output`, before any work.
///
/// # Errors
/// `invalid-option` with its key, or `conflict` with both.
pub fn check(output: &str) -> Result<(), failure::Error> {
    Ok(ask(|guest, store| guest.call_check(store, output))??)
}

/// Every finding that [`crate::Image::verify`] can have.
///
/// # Errors
/// As [`options`].
pub fn finding_codes() -> Result<Vec<Code>, failure::Error> {
    Ok(toolkit(|toolkit, store| toolkit.ocix_image_findings().call_codes(store))?)
}

fn ask<T>(question: impl FnOnce(&Guest, &mut Store<Bounds>) -> wasmtime::Result<T>) -> Result<T, Error> {
    toolkit(|toolkit, store| question(toolkit.ocix_image_options(), store))
}

fn toolkit<T>(question: impl FnOnce(&Toolkit, &mut Store<Bounds>) -> wasmtime::Result<T>) -> Result<T, Error> {
    let toolkit = Components::embedded_toolkit()?;
    let asked = Worker::new(&toolkit, &Limits::default()).and_then(|mut worker| {
        let (toolkit, store) = worker.parts(None);
        question(toolkit, store)
    });
    asked.map_err(|trap| stopped(Who::Worker, &trap))
}
