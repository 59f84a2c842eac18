//! The core for pages and Node: the worlds of `wit/worlds.wit` as an ES module, over the objects of `web/media`.
//!
//! A shell: it converts types and decides nothing. It needs neither shared memory nor stack switching, and the bytes are those of every other
//! host. `web/` is the npm package around it:
//!
//! ```js
//! import { exportImage } from 'ocix';
//!
//! const entries = [{ path: 'index.html', content: '<p>hello</p>' }];
//! const { digest, archive } = await exportImage({ entries, output: 'type=image,name=site:latest', epoch: 0 });
//! ```

#![forbid(unsafe_code)]

mod entries;
mod errors;
mod inspect;
mod job;
mod media;
mod progress;
mod seam;
mod toolkit;
mod value;

use js_sys::Array;
use wasm_bindgen::prelude::*;

use ocix_core::store::archive;

use media::{Directory, Seam};
use ocix_core::media::Media;
use seam::{JsDirectory, JsMedia};

/// The layout of these paths, which come in byte order, as an OCI archive at the destination `dest`.
#[wasm_bindgen(js_name = packLayout)]
pub async fn pack_layout(media: JsMedia, layout: JsDirectory, paths: Array, dest: String) -> Result<(), JsValue> {
    let media = Seam(media);
    let paths: Vec<String> = paths.iter().filter_map(|path| path.as_string()).collect();
    let pack = async { archive::pack(&Directory(layout), &paths, media.archive(&dest).await?).await };
    pack.await.map_err(errors::outward)
}
