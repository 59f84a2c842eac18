//! One image at a glance: its manifest, its config as it is, its layers and the history that made them. Reads documents alone.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::image::none;
use super::{Image, Stack};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::documents::history::Line;
use crate::error::Result;
use crate::media::Media;

/// An image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// What the place calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its manifest's digest; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its manifest's media type; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What its config says that it runs on, as `OS/ARCH[/VARIANT]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Bytes of all layers as stored.
    pub size: u64,
    /// Of the manifest itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Its config's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    /// Its config, as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Box<RawValue>>,
    /// The bottom one first.
    pub layers: Vec<LayerSummary>,
    /// All lines, those that made no layer too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryLine>,
}

/// A layer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerSummary {
    /// From 0, at the bottom.
    pub layer: usize,
    /// Of the blob; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the tar, as the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// As the manifest says; none of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Bytes as stored.
    pub size: u64,
    /// As the manifest has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The command that made it, as the history has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// A line of the history.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// When, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command.
    pub created_by: String,
    /// What the builder says besides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The layer that it made, from 0; none when it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

impl<M: Media> Image<'_, M> {
    /// The one image that is meant. Of a manifest alone, what that says.
    ///
    /// # Errors
    /// As [`Image::stack`].
    pub async fn summary(&self) -> Result<Summary> {
        if self.stands_alone() {
            return self.manifest_alone().await;
        }
        let stack = self.stack().await?;
        let name = self.roots.first().filter(|_| self.roots.len() == 1).and_then(|root| self.name(root));
        let layers: Vec<LayerSummary> = stack.layers.iter().enumerate().map(layer).collect();
        let size = layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
        let Stack { manifest, config, .. } = stack;
        let mut made = 0_usize..;
        let line = |line: &Line| HistoryLine {
            created: line.created().map(|time| time.as_str().to_owned()),
            created_by: line.created_by().to_owned(),
            comment: line.comment().to_owned(),
            layer: if line.is_empty_layer() { None } else { made.next() },
        };
        let document = match &manifest {
            Some(manifest) => Some(self.manifest_document(manifest).await?),
            None => None,
        };
        let raw = match &document {
            Some(document) => {
                let bytes = self.document(&document.config).await?;
                String::from_utf8(bytes).ok().and_then(|text| RawValue::from_string(text).ok())
            }
            None => None,
        };
        Ok(Summary {
            name,
            digest: manifest.as_ref().map(|manifest| manifest.digest.to_string()),
            media_type: manifest.map(|manifest| manifest.media_type),
            platform: config.as_ref().map(|config| config.platform().to_string()),
            size,
            config_digest: document.as_ref().map(|document| document.config.digest.to_string()),
            annotations: document.map(|document| document.annotations).unwrap_or_default(),
            config: raw,
            layers,
            history: config.map(|config| config.history().iter().map(line).collect()).unwrap_or_default(),
        })
    }
}

impl<M: Media> Image<'_, M> {
    async fn manifest_alone(&self) -> Result<Summary> {
        let own = self.manifest().await?.ok_or_else(none)?;
        let manifest = self.manifest_document(&own).await?;
        let layer = |(number, layer): (usize, Descriptor)| LayerSummary {
            layer: number,
            digest: Some(layer.digest.to_string()),
            diff_id: None,
            media_type: Some(layer.media_type),
            size: layer.size,
            annotations: layer.annotations,
            created_by: None,
        };
        let layers: Vec<LayerSummary> = manifest.layers.into_iter().enumerate().map(layer).collect();
        Ok(Summary {
            name: None,
            digest: Some(own.digest.to_string()),
            media_type: Some(own.media_type),
            platform: None,
            size: layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add),
            annotations: manifest.annotations,
            config_digest: Some(manifest.config.digest.to_string()),
            config: None,
            layers,
            history: Vec::new(),
        })
    }
}

fn layer<M: Media>((number, layer): (usize, &super::Layer<'_, M>)) -> LayerSummary {
    let descriptor = layer.descriptor.as_ref();
    LayerSummary {
        layer: number,
        digest: descriptor.map(|descriptor| descriptor.digest.to_string()),
        diff_id: layer.diff_id.as_ref().map(|diff_id| diff_id.0.to_string()),
        media_type: descriptor.map(|descriptor| descriptor.media_type.clone()),
        size: Bytes::size(&layer.bytes),
        annotations: descriptor.map(|descriptor| descriptor.annotations.clone()).unwrap_or_default(),
        created_by: layer.history.as_ref().map(|line| line.created_by().to_owned()),
    }
}
