//! Looking into images: the core's `inspect` behind the exports of `inspector`.

use ocix_core::inspect::{self, Image, Limits, Settings, json, path_bytes, path_text};
use ocix_core::layer;
use ocix_core::store::Layout;

use crate::bindings::exports::ocix::image::exporter::Content;
use crate::bindings::exports::ocix::image::inspector;
use crate::bindings::ocix::image::{directories, types};
use crate::media::{Directory, Seam};
use crate::{Shell, content, errors, platform};

/// `inspector.image`.
pub struct Opened(Image<'static, Seam>);

impl inspector::Guest for Shell {
    type Image = Opened;

    fn usual_limits() -> inspector::Limits {
        outward(Limits::default())
    }

    fn codes() -> String {
        json(&inspect::codes())
    }
}

impl inspector::GuestImage for Opened {
    async fn open(
        content: Content,
        settings: inspector::Settings,
        store: directories::Directory,
    ) -> Result<inspector::Image, types::Error> {
        let inspector::Settings { limits, insecure, native } = settings;
        let settings = Settings { limits: inward(limits), insecure, native: platform(native) };
        let store = Layout::store(Directory(store));
        let opened = Image::open(&Seam, self::content(content), &store, settings).await.map_err(errors::outward)?;
        Ok(inspector::Image::new(Self(opened)))
    }

    async fn graph(&self, referrers: bool) -> Result<String, types::Error> {
        self.0.graph(referrers).await.map(|graph| json(&graph)).map_err(errors::outward)
    }

    async fn summary(&self) -> Result<String, types::Error> {
        self.0.summary().await.map(|summary| json(&summary)).map_err(errors::outward)
    }

    async fn document(&self, digest: String) -> Result<Vec<u8>, types::Error> {
        self.0.document_of(&digest).await.map_err(errors::outward)
    }

    async fn entries(&self, layer: u32, first: u64, max: u32) -> Result<String, types::Error> {
        let listing = self.0.entries(layer as usize, first, max).await;
        listing.map(|listing| json(&listing)).map_err(errors::outward)
    }

    async fn tree(&self, under: String, recursive: bool, first: u64, max: u32) -> Result<String, types::Error> {
        let listing = self.0.tree(&path_bytes(&under), recursive, first, max).await;
        listing.map(|listing| json(&listing)).map_err(errors::outward)
    }

    async fn read(
        &self,
        layer: Option<u32>,
        path: String,
        offset: u64,
        max: u32,
    ) -> Result<inspector::Piece, types::Error> {
        let read = self.0.read(layer.map(|layer| layer as usize), &path_bytes(&path), offset, max).await;
        let inspect::Content { bytes, size, kind, path } = read.map_err(errors::outward)?;
        Ok(inspector::Piece { bytes, size, kind: kind.to_string(), path: path_text(&path) })
    }

    async fn changes(&self) -> Result<String, types::Error> {
        self.0.changes().await.map(|changes| json(&changes)).map_err(errors::outward)
    }

    async fn layer_changes(&self, layer: u32, first: u64, max: u32) -> Result<String, types::Error> {
        let changes = self.0.layer_changes(layer as usize, first, max).await;
        changes.map(|changes| json(&changes)).map_err(errors::outward)
    }

    async fn verify(&self) -> Result<String, types::Error> {
        self.0.verify().await.map(|report| json(&report)).map_err(errors::outward)
    }

    async fn compare(&self, other: inspector::ImageBorrow<'_>) -> Result<String, types::Error> {
        let compared = inspect::compare(&self.0, &other.get::<Self>().0).await;
        compared.map(|comparison| json(&comparison)).map_err(errors::outward)
    }
}

fn inward(limits: inspector::Limits) -> Limits {
    let inspector::Limits { decompressed, ratio, window, entries, path, index, depth, nodes } = limits;
    let layer = layer::Limits { decompressed, ratio, window, entries, path: path as usize };
    Limits { layer, index, depth: depth as usize, nodes: nodes as usize }
}

fn outward(limits: Limits) -> inspector::Limits {
    let Limits { layer: layer::Limits { decompressed, ratio, window, entries, path }, index, depth, nodes } = limits;
    let small = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    let (path, depth, nodes) = (small(path), small(depth), small(nodes));
    inspector::Limits { decompressed, ratio, window, entries, path, index, depth, nodes }
}
