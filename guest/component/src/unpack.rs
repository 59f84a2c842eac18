//! Images as file trees: the core's `unpack` behind the export of that name.

use ocix_core::unpack::{self, Settings, Unpacked, User};

use crate::bindings::exports::ocix::image::exporter::Content;
use crate::bindings::exports::ocix::image::unpacker;
use crate::bindings::ocix::image::{directories, types};
use crate::media::{Directory, Seam};
use crate::{Shell, content, errors, platform};

impl unpacker::Guest for Shell {
    async fn unpack(
        content: Content,
        settings: unpacker::Settings,
        store: directories::Directory,
    ) -> Result<unpacker::Unpacked, types::Error> {
        let unpacker::Settings { dest, over, rootless, bundle, insecure, native } = settings;
        let rootless = rootless.map(|unpacker::User { uid, gid }| User { uid, gid });
        let settings = Settings { dest, over, rootless, bundle, insecure, native: platform(native) };
        let unpacked = unpack::unpack(&Seam, self::content(content), settings, Directory(store)).await;
        let Unpacked { entries, bytes } = unpacked.map_err(errors::outward)?;
        Ok(unpacker::Unpacked { entries, bytes })
    }
}
