//! Unpacking images: a component writes their root file systems into folders of this machine.

use std::collections::BTreeSet;

use rustix::process::{getegid, geteuid};
use wasmtime::component::{Accessor, Resource, ResourceTable};

use crate::bindings::images::Images;
use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::bindings::images::exports::ocix::image::unpacker;
use crate::components::Components;
use crate::directories::Directory;
use crate::error::{self, ErrorCode, Fault};
use crate::export::{Context, Work};
use crate::failure::Error;
use crate::job::{self, Content};
use crate::named;
use crate::state::State;

pub use crate::bindings::images::exports::ocix::image::unpacker::Unpacked;

/// An image to be unpacked.
#[derive(Clone, Debug)]
pub struct Unpack {
    /// An image, or a tar with a root file system.
    pub content: Content,
    /// The folder that it goes to. It must not exist or be empty, and appears as a whole.
    pub dest: String,
    /// Write over whatever is in the folder.
    pub over: bool,
    /// Everything is this user's own, and devices are left out; without it only root unpacks.
    pub rootless: bool,
    /// Make a bundle for a runtime: `rootfs`, and a `config.json` beside it.
    pub bundle: bool,
    /// The user said so for the registry that is named: certificates are not verified, and plain HTTP is allowed anywhere.
    pub insecure: bool,
}

impl Components {
    /// Unpacks an image. Must be called within a tokio runtime with time enabled; stops as an export does.
    ///
    /// # Errors
    /// When the image cannot be found or read, or does not fit the folder: then the folder is as it was, unless it was to be written over.
    pub async fn unpack(&self, unpack: Unpack, context: Context) -> Result<Unpacked, Error> {
        let source = unpack.content.source.clone();
        let done = self.perform(unpack, context).await;
        Ok(done.map_err(|error| source.named("unpack", error))?.0)
    }
}

impl Work for Unpack {
    type Opened = (seam::Content, unpacker::Settings);
    type Done = Unpacked;

    fn hosts(&self) -> BTreeSet<String> {
        named::hosts_of(named::name(&self.content).into_iter())
    }

    fn open(self, table: &mut ResourceTable) -> Result<Self::Opened, error::Error> {
        let Self { content, dest, over, rootless, bundle, insecure } = self;
        if !rootless && !geteuid().is_root() {
            let message =
                "only root can give files to their owners: unpack as root, or with --rootless, and all is yours";
            return Err(error::error(Fault::Request, ErrorCode::Denied, message));
        }
        let user = || unpacker::User { uid: geteuid().as_raw(), gid: getegid().as_raw() };
        let (rootless, native) = (rootless.then(user), job::platform(&job::native())?);
        let settings = unpacker::Settings { dest, over, rootless, bundle, insecure, native };
        Ok((content.open_image(table)?, settings))
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        (content, settings): Self::Opened,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<Unpacked, error::Error>> {
        images.ocix_image_unpacker().call_unpack(accessor, content, settings, store).await
    }
}
