//! The two components, compiled: those that the host carries, or any that were built for the same seam.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::images::ImagesPre;
use crate::bindings::toolkit::ToolkitPre;
use crate::code::{self, Paged};
use crate::error::{Error, ErrorCode, Fault, error};
use crate::failure;
use crate::hashers::sha256;
use crate::limits::{Bounds, Ticker};
use crate::state::{Media, State};

/// Both components, ready to be instantiated.
#[derive(Clone)]
pub struct Components {
    pub(crate) images: ImagesPre<State>,
    pub(crate) toolkit: Toolkit,
    pub(crate) ticker: Ticker,
}

/// The component of the world `toolkit`. The host's own is loaded when the first instance is wanted: many commands want none.
#[derive(Clone)]
pub struct Toolkit {
    engine: Engine,
    /// Locked while it is loaded, for code that stands in one place is to be published once.
    pre: Arc<Mutex<Option<ToolkitPre<Bounds>>>>,
}

impl Components {
    /// Those that the host carries. On a processor that they were not precompiled for they are compiled once, and kept in the user's cache.
    ///
    /// # Errors
    /// Of the fault `host`: when WebAssembly cannot run on this machine.
    pub fn embedded() -> Result<Self, failure::Error> {
        let engine = code::engine().map_err(|why| failed(&why))?;
        let images = load(&engine, IMAGES_COMPILED, IMAGES).map_err(|why| failed(&why))?;
        Ok(Self::link(&engine, &images, None).map_err(|why| failed(&why))?)
    }

    /// The option table's component alone, for those who only ask.
    pub(crate) fn embedded_toolkit() -> Result<ToolkitPre<Bounds>, Error> {
        let engine = code::engine().map_err(|why| failed(&why))?;
        Toolkit { engine, pre: Arc::default() }.ready().map_err(|why| failed(&why))
    }

    /// Other components of the same worlds, from their WebAssembly. They are compiled now, so they should be trusted not to make that slow.
    ///
    /// # Errors
    /// Of the fault `component`: when the bytes are not a component of that world.
    pub fn from_bytes(images: &[u8], toolkit: &[u8]) -> Result<Self, failure::Error> {
        let compile = || {
            let engine = code::engine()?;
            let toolkit = link_toolkit(&engine, &Component::new(&engine, toolkit)?)?;
            Self::link(&engine, &Component::new(&engine, images)?, Some(toolkit))
        };
        let wrong = |why: wasmtime::Error| Error { fault: Fault::Component, ..failed(&why) };
        Ok(compile().map_err(wrong)?)
    }

    fn link(engine: &Engine, images: &Component, toolkit: Option<ToolkitPre<Bounds>>) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        crate::bindings::images::Images::add_to_linker::<State, Media>(&mut linker, |state| state)?;
        let images = ImagesPre::new(linker.instantiate_pre(images)?)?;
        let toolkit = Toolkit { engine: engine.clone(), pre: Arc::new(Mutex::new(toolkit)) };
        Ok(Self { images, toolkit, ticker: Ticker::default() })
    }
}

impl Toolkit {
    /// Ready to be instantiated.
    pub fn ready(&self) -> wasmtime::Result<ToolkitPre<Bounds>> {
        let mut pre = self.pre.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = &*pre {
            return Ok(pre.clone());
        }
        let toolkit = load(&self.engine, TOOLKIT_COMPILED, TOOLKIT)?;
        Ok(pre.insert(link_toolkit(&self.engine, &toolkit)?).clone())
    }
}

fn link_toolkit(engine: &Engine, toolkit: &Component) -> wasmtime::Result<ToolkitPre<Bounds>> {
    ToolkitPre::new(Linker::new(engine).instantiate_pre(toolkit)?)
}

/// The compiled form, or the one in the cache, or a new one.
fn load(engine: &Engine, compiled: &'static Paged<[u8]>, wasm: &[u8]) -> wasmtime::Result<Component> {
    if let Ok(component) = code::load(engine, compiled) {
        return Ok(component);
    }
    let cached = cache_path(wasm);
    if let Some(component) =
        cached.as_ref().and_then(|path| own(path)).and_then(|bytes| deserialize(engine, &bytes).ok())
    {
        return Ok(component);
    }
    let bytes = engine.precompile_component(wasm)?;
    if let Some(path) = cached {
        // A cache that cannot be written to costs a second the next time, and nothing else.
        let _ = keep(&path, &bytes);
    }
    deserialize(engine, &bytes)
}

fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    #[expect(unsafe_code, reason = "the bytes are what wasmtime compiled, in the user's own cache")]
    unsafe {
        Component::deserialize(engine, bytes)
    }
}

/// `$XDG_CACHE_HOME/ocix/VERSION-DIGEST.cwasm`, else beneath `~/.cache`.
fn cache_path(wasm: &[u8]) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)?;
    let digest: String = sha256(wasm).chars().take(24).collect();
    Some(folder.join("ocix").join(format!("{}-{digest}.cwasm", env!("CARGO_PKG_VERSION"))))
}

/// A file that nobody but this user can have written.
fn own(path: &Path) -> Option<Vec<u8>> {
    let mut file = fs::File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let safe = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    let mut bytes = Vec::new();
    (safe && file.read_to_end(&mut bytes).is_ok()).then_some(bytes)
}

fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    // Whatever the user's mask is: a file that others may write is not read again.
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(temporary);
    }
    written
}

fn failed(why: &wasmtime::Error) -> Error {
    let mut error =
        error(Fault::Host, ErrorCode::Other("webassembly".into()), "the components cannot be loaded on this machine");
    error.causes.push(crate::error::shown(&why.root_cause().to_string()));
    error
}

static IMAGES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/images.wasm"));
static IMAGES_COMPILED: &Paged<[u8]> = &Paged(*include_bytes!(concat!(env!("OUT_DIR"), "/images.cwasm")));
static TOOLKIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/toolkit.wasm"));
static TOOLKIT_COMPILED: &Paged<[u8]> = &Paged(*include_bytes!(concat!(env!("OUT_DIR"), "/toolkit.cwasm")));

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_cache_of_ones_own_is_read() {
        let folder = std::env::temp_dir().join(format!("ocix-cache-{}", std::process::id()));
        let path = folder.join("ocix/x.cwasm");
        keep(&path, b"compiled").unwrap();
        assert_eq!(own(&path).unwrap(), b"compiled");
        assert_eq!(fs::metadata(folder.join("ocix")).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(own(&path).is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
