//! Looking into images: the core's `inspect` behind the exports of `inspector`.

use ocix_core::inspect::{self, Image, Limits, Settings, json, path_bytes, path_text, verify};
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

    async fn verify(
        content: Content,
        settings: inspector::Settings,
        store: directories::Directory,
    ) -> Result<String, types::Error> {
        let store = Layout::store(Directory(store));
        let report = verify::source(&Seam, self::content(content), &store, self::settings(settings)).await;
        report.map(|report| json(&report)).map_err(errors::outward)
    }
}

impl inspector::GuestImage for Opened {
    async fn open(
        content: Content,
        settings: inspector::Settings,
        store: directories::Directory,
    ) -> Result<inspector::Image, types::Error> {
        let store = Layout::store(Directory(store));
        let opened = Image::open(&Seam, self::content(content), &store, self::settings(settings))
            .await
            .map_err(errors::outward)?;
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

    async fn compare(&self, other: inspector::ImageBorrow<'_>) -> Result<String, types::Error> {
        let compared = inspect::compare(&self.0, &other.get::<Self>().0).await;
        compared.map(|comparison| json(&comparison)).map_err(errors::outward)
    }
}

fn settings(inspector::Settings { limits, insecure, native }: inspector::Settings) -> Settings {
    Settings { limits: self::limits(limits), insecure, native: platform(native) }
}

fn limits(given: inspector::Limits) -> Limits {
    let inspector::Limits { decompressed, ratio, window, entries, path, index, depth, nodes } = given;
    let usual = Limits::default();
    let small =
        |given: Option<u64>, usual: usize| given.map_or(usual, |given| usize::try_from(given).unwrap_or(usize::MAX));
    Limits {
        layer: layer::Limits {
            decompressed: decompressed.unwrap_or(usual.layer.decompressed),
            ratio: ratio.unwrap_or(usual.layer.ratio),
            window: window.unwrap_or(usual.layer.window),
            entries: entries.unwrap_or(usual.layer.entries),
            path: small(path, usual.layer.path),
        },
        index: index.unwrap_or(usual.index),
        depth: small(depth, usual.depth),
        nodes: small(nodes, usual.nodes),
    }
}
