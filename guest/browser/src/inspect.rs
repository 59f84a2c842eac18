//! Looking into images: the core's `inspect` as a class. JSON comes as text, to be parsed where it is used.

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use js_sys::{Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use ocix_core::error::{Error, Result};
use ocix_core::inspect::{self, Limits, Settings, json, path_bytes, path_text, verify};
use ocix_core::layer;
use ocix_core::platform::Platform;
use ocix_core::store::Layout;

use crate::media::{Directory, Seam};
use crate::seam::{JsDirectory, JsMedia};
use crate::value::{self, set};
use crate::{errors, job};

/// `inspector.image`. Every question takes a promise: when that is fulfilled first, the question fails with `cancelled`.
#[wasm_bindgen]
pub struct Image(Rc<inspect::Image<'static, Seam>>);

#[wasm_bindgen]
impl Image {
    /// Finds it, and reads its root documents.
    pub async fn open(
        media: JsMedia,
        content: JsValue,
        settings: JsValue,
        store: JsDirectory,
        stop: Promise,
    ) -> std::result::Result<Image, JsValue> {
        // Two images are compared in one instance, so neither can own what both are read with: a few bytes an image stay behind.
        let media: &'static Seam = Box::leak(Box::new(Seam(media)));
        let open = async {
            let store = Layout::store(Directory(store));
            inspect::Image::open(media, job::content(&content)?, &store, self::settings(&settings)?).await
        };
        unless(stop, open).await.map(|image| Self(Rc::new(image))).map_err(errors::outward)
    }

    /// `graph`.
    pub fn graph(&self, referrers: bool, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(json(&image.graph(referrers).await?).into()) })
    }

    /// `summary`.
    pub fn summary(&self, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(json(&image.summary().await?).into()) })
    }

    /// A document's bytes.
    pub fn document(&self, digest: String, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(Uint8Array::from(image.document_of(&digest).await?.as_slice()).into()) })
    }

    /// `listing` of a layer.
    pub fn entries(&self, layer: u32, first: f64, max: u32, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(json(&image.entries(layer as usize, first as u64, max).await?).into()) })
    }

    /// `listing` of the merged tree.
    pub fn tree(&self, under: String, recursive: bool, first: f64, max: u32, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        let under = path_bytes(&under);
        asked(stop, async move { Ok(json(&image.tree(&under, recursive, first as u64, max).await?).into()) })
    }

    /// A part of a file: `{ bytes, size, kind, path }`.
    pub fn read(&self, layer: Option<u32>, path: String, offset: f64, max: u32, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        let path = path_bytes(&path);
        asked(stop, async move {
            let read = image.read(layer.map(|layer| layer as usize), &path, offset as u64, max).await?;
            let piece = Object::new();
            set(&piece, "bytes", &Uint8Array::from(read.bytes.as_slice()));
            set(&piece, "size", &(read.size as f64).into());
            set(&piece, "kind", &read.kind.to_string().into());
            set(&piece, "path", &path_text(&read.path).into());
            Ok(piece.into())
        })
    }

    /// `changes`.
    pub fn changes(&self, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(json(&image.changes().await?).into()) })
    }

    /// `layer-changes`.
    #[wasm_bindgen(js_name = layerChanges)]
    pub fn layer_changes(&self, layer: u32, first: f64, max: u32, stop: Promise) -> Promise {
        let image = Rc::clone(&self.0);
        asked(stop, async move { Ok(json(&image.layer_changes(layer as usize, first as u64, max).await?).into()) })
    }

    /// `comparison` with another image.
    pub fn compare(&self, other: &Image, stop: Promise) -> Promise {
        let (one, other) = (Rc::clone(&self.0), Rc::clone(&other.0));
        asked(stop, async move { Ok(json(&inspect::compare(&one, &other).await?).into()) })
    }
}

/// `report`: all that is wrong or odd with an image.
#[wasm_bindgen]
pub async fn verify(
    media: JsMedia,
    content: JsValue,
    settings: JsValue,
    store: JsDirectory,
    stop: Promise,
) -> std::result::Result<String, JsValue> {
    let media = Seam(media);
    let report = async {
        let store = Layout::store(Directory(store));
        verify::source(&media, job::content(&content)?, &store, self::settings(&settings)?).await
    };
    unless(stop, report).await.map(|report| json(&report)).map_err(errors::outward)
}

fn asked(stop: Promise, answer: impl Future<Output = Result<JsValue>> + 'static) -> Promise {
    future_to_promise(async move { unless(stop, answer).await.map_err(errors::outward) })
}

/// The work's outcome, unless it is to stop before.
async fn unless<T>(stop: Promise, work: impl Future<Output = Result<T>>) -> Result<T> {
    match select(JsFuture::from(stop), pin!(work)).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    }
}

/// `{ limits?, insecure?, native }`.
fn settings(given: &JsValue) -> Result<Settings> {
    let usual = Limits::default();
    let limits = value::field(given, "limits").unwrap_or(JsValue::UNDEFINED);
    let limit = |name, usual: u64| {
        if limits.is_undefined() { Ok(usual) } else { Ok(value::size(&limits, name)?.unwrap_or(usual)) }
    };
    let small = |name, usual: usize| Ok(usize::try_from(limit(name, usual as u64)?).unwrap_or(usize::MAX));
    let native: Option<Platform> = value::parsed(given, "native")?;
    Ok(Settings {
        limits: Limits {
            layer: layer::Limits {
                decompressed: limit("decompressed", usual.layer.decompressed)?,
                ratio: limit("ratio", usual.layer.ratio)?,
                window: limit("window", usual.layer.window)?,
                entries: limit("entries", usual.layer.entries)?,
                path: small("path", usual.layer.path)?,
            },
            index: limit("index", usual.index)?,
            depth: small("depth", usual.depth)?,
            nodes: small("nodes", usual.nodes)?,
        },
        insecure: value::truth(given, "insecure"),
        native: native.ok_or_else(|| value::wrong("native", "is missing"))?,
    })
}
