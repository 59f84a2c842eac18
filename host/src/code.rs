//! Compiled code that this program carries, run where it stands: a copy of it would cost every start a third of its time.

use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{MprotectFlags, mprotect};
use rustix::param::page_size;
use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, Engine};

use crate::engine;

/// Bytes that begin a page, whatever the size of one is.
#[repr(C, align(65536))]
pub struct Paged<T: ?Sized>(pub T);

/// An engine that runs code which stands in this program's own pages, as well as any other.
pub fn engine() -> wasmtime::Result<Engine> {
    Engine::new(engine::config().with_custom_code_memory(Some(Arc::new(Pages))))
}

/// The component that these bytes are the compiled form of.
pub fn load(engine: &Engine, compiled: &'static Paged<[u8]>) -> wasmtime::Result<Component> {
    #[expect(unsafe_code, reason = "the bytes are what wasmtime compiled, built into this program, and never change")]
    unsafe {
        Component::deserialize_raw(engine, NonNull::from(&compiled.0))
    }
}

struct Pages;

impl CustomCodeMemory for Pages {
    fn required_alignment(&self) -> usize {
        page_size()
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        protect(start, length, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        protect(start, length, MprotectFlags::READ)
    }
}

fn protect(start: *const u8, length: usize, flags: MprotectFlags) -> wasmtime::Result<()> {
    #[expect(unsafe_code, reason = "wasmtime says which whole pages hold its code; nobody writes to them")]
    let protected = unsafe { mprotect(start.cast_mut().cast(), length, flags) };
    Ok(protected?)
}
