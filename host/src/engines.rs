//! The import `engines`: container engines, such as docker and podman, that keep images themselves and take them as archives.

mod api;
mod load;
mod place;

use wasmtime::component::{Accessor, Resource};

use crate::bindings::images::ocix::image::engines::{About, Host, HostEngine, HostEngineWithStore};
use crate::bindings::images::ocix::image::types::Platform;
use crate::error::{Error, ErrorCode, Fault, error};
use crate::sinks::Sink;
use crate::state::{Media, State, ambient, get, put};
use api::Api;

pub use load::Load;
pub use place::Engine;

/// The engines of one job: mostly none.
#[derive(Clone, Debug, Default)]
pub struct Engines {
    /// Takes what is to be loaded.
    pub loads: Option<Connected>,
    /// Keeps images in place of the embedded store.
    pub keeps: Option<Connected>,
}

impl Engines {
    /// Connects to those that a job needs: the one that keeps its images, if work `can_keep` some there, takes what it `loads` too.
    ///
    /// # Errors
    /// When an engine does not answer, or is named for work that keeps nothing in one.
    pub async fn find(keeper: Option<&Engine>, can_keep: bool, loads: bool) -> Result<Self, Error> {
        if keeper.is_some() && !can_keep {
            let message = "only an export keeps images in a container engine: leave --store out, or name a folder";
            return Err(error(Fault::Request, ErrorCode::Unsupported("store".into()), message));
        }
        let keeps = match keeper {
            Some(engine) => Some(Connected::to(engine).await?),
            None => None,
        };
        let loads = match (&keeps, loads) {
            (_, false) => None,
            (Some(keeper), true) => Some(keeper.clone()),
            (None, true) => Some(Connected::to(&Engine::Any).await?),
        };
        Ok(Self { loads, keeps })
    }
}

/// An engine that a job may load images into.
#[derive(Clone, Debug)]
pub struct Connected {
    api: Api,
    about: About,
}

impl Connected {
    /// The first engine that answers where this one may be.
    ///
    /// # Errors
    /// When none does: with all that was tried.
    pub async fn to(engine: &Engine) -> Result<Self, Error> {
        let api = Api::find(engine).await?;
        let missing = || {
            error(
                Fault::Store,
                ErrorCode::Malformed("engine answer".into()),
                format!("{} does not say what it is", api.shown()),
            )
        };
        let version = api.get("/version").await?.ok_or_else(missing)?;
        let text = |name: &str| version.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let (os, architecture) = text("Os").zip(text("Arch")).ok_or_else(missing)?;
        let layouts = api.is_podman() || is_containerd(&api.get("/info").await?.unwrap_or_default());
        let about = About { name: api.shown(), platform: Platform { os, architecture, variant: None }, layouts };
        Ok(Self { api, about })
    }

    /// What an image is identified by.
    async fn image(&self, name: &str) -> Result<Option<String>, Error> {
        let sound = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte));
        if !sound || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(error(
                Fault::Component,
                ErrorCode::Denied,
                "the component asked an engine for what is no name",
            ));
        }
        let image = self.api.get(&format!("/images/{name}/json")).await?;
        Ok(image.and_then(|image| Some(image.get("Id")?.as_str()?.to_owned())))
    }
}

/// Docker keeps images in containerd, which takes whole layouts, or by itself, which takes what `docker save` always wrote.
fn is_containerd(info: &serde_json::Value) -> bool {
    let status = info.get("DriverStatus").and_then(serde_json::Value::as_array);
    status
        .into_iter()
        .flatten()
        .any(|pair| pair.get(1).and_then(serde_json::Value::as_str) == Some("io.containerd.snapshotter.v1"))
}

impl Host for State {}

impl HostEngine for State {
    fn about(&mut self, engine: Resource<Connected>) -> wasmtime::Result<About> {
        Ok(self.table.get(&engine)?.about.clone())
    }

    fn drop(&mut self, engine: Resource<Connected>) -> wasmtime::Result<()> {
        self.table.delete(engine)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostEngineWithStore<T> for Media {
    async fn load(
        accessor: &Accessor<T, Self>,
        engine: Resource<Connected>,
    ) -> wasmtime::Result<Result<Resource<Sink>, Error>> {
        let load = Load::start(get(accessor, &engine)?.api, ambient(accessor).progress.clone());
        Ok(Ok(put(accessor, Sink::Engine(load))?))
    }

    async fn image(
        accessor: &Accessor<T, Self>,
        engine: Resource<Connected>,
        name: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        Ok(get(accessor, &engine)?.image(&name).await)
    }
}
