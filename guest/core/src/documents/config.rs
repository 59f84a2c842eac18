//! Image configs (OCI config.md): new ones, and those of a source image with their unknown fields.
//!
//! Written as BuildKit writes them: compact, names at the top in byte order, history and rootfs from the layers, times no later than the
//! epoch.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::Value;
use super::{read, time};
use crate::digest::{DiffId, Digest};
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::platform::Platform;

/// An image's config before its layers are known.
pub struct Config {
    fields: BTreeMap<String, String>,
    platform: Platform,
    created: Option<String>,
    history: Vec<History>,
    diff_ids: Vec<DiffId>,
}

/// One line of the history.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct History {
    created: Option<String>,
    created_by: String,
    author: String,
    comment: String,
    empty_layer: bool,
}

#[derive(Deserialize)]
struct Known {
    architecture: String,
    os: String,
    variant: Option<String>,
    created: Option<String>,
    history: Option<Vec<History>>,
    rootfs: Rootfs,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(rename = "type")]
    kind: String,
    diff_ids: Option<Vec<String>>,
}

impl Config {
    /// Of an image that is made from files alone: the default path and working directory, as BuildKit has them.
    pub fn new(platform: &Platform) -> Self {
        let env = Value::Array(vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()]);
        let config = Value::Object(vec![("Env".into(), env), ("WorkingDir".into(), "/".into())]);
        let mut fields = BTreeMap::from([
            ("architecture".into(), Value::from(platform.architecture.as_str()).compact()),
            ("config".into(), config.compact()),
            ("os".into(), Value::from(platform.os.as_str()).compact()),
        ]);
        if let Some(variant) = &platform.variant {
            fields.insert("variant".into(), Value::from(variant.as_str()).compact());
        }
        Self { fields, platform: platform.clone(), created: None, history: Vec::new(), diff_ids: Vec::new() }
    }

    /// A source image's.
    ///
    /// # Errors
    /// `malformed` for what is not a config, or not unambiguously one.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let known: Known = read::document(bytes, "config")?;
        let raw: BTreeMap<String, Box<RawValue>> = read::document(bytes, "config")?;
        if known.rootfs.kind != "layers" {
            return Err(Error::malformed("config", "the config's rootfs is not of the type `layers`"));
        }
        let diff_ids = known.rootfs.diff_ids.unwrap_or_default().into_iter();
        Ok(Self {
            fields: raw.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect(),
            platform: Platform::new(&known.os, &known.architecture, known.variant.as_deref()),
            created: known.created,
            history: known.history.unwrap_or_default(),
            diff_ids: diff_ids.map(|id| id.parse::<Digest>().map(DiffId)).collect::<Result<_>>()?,
        })
    }

    /// What the image runs on.
    pub fn platform(&self) -> Platform {
        self.platform.clone()
    }

    /// Of the source's layers, the bottom one first; none for a new config.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// The document for these layers. `now` and `epoch` are seconds since 1970; what has no time gets the epoch, or else now.
    ///
    /// # Errors
    /// `invalid-option` for an epoch that no document can hold; `malformed` for a time of the source that is not one.
    pub fn assemble(&self, layers: &[Layer], epoch: Option<i64>, now: i64) -> Result<Vec<u8>> {
        let stamp = time::rfc3339(epoch.unwrap_or(now))?;
        let history = self.history(layers.len(), &stamp, epoch)?;
        let created = match (&self.created, history.last().and_then(|line| line.created.clone())) {
            (Some(created), _) => clamped(created, &stamp, epoch)?,
            (None, Some(last)) => last,
            (None, None) => stamp,
        };
        let diff_ids = match layers {
            [] => Value::Null,
            _ => Value::Array(layers.iter().map(|layer| layer.diff_id.0.as_str().into()).collect()),
        };
        let rootfs = Value::Object(vec![("type".into(), "layers".into()), ("diff_ids".into(), diff_ids)]);
        let history = match history.as_slice() {
            [] => Value::Null,
            lines => Value::Array(lines.iter().map(History::value).collect()),
        };
        let mut fields: BTreeMap<String, Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), Value::Raw(value.clone()))).collect();
        fields.insert("created".into(), created.as_str().into());
        fields.insert("history".into(), history);
        fields.insert("rootfs".into(), rootfs);
        Ok(Value::Object(fields.into_iter().collect()).compact().into_bytes())
    }

    /// A line for every layer: lines that are missing are made up, lines that are too many made empty, from the bottom.
    fn history(&self, layers: usize, stamp: &str, epoch: Option<i64>) -> Result<Vec<History>> {
        let mut lines: VecDeque<History> = VecDeque::new();
        let full = self.history.iter().filter(|line| !line.empty_layer).count();
        let mut surplus = full.saturating_sub(layers);
        for line in &self.history {
            let mut line = line.clone();
            if surplus > 0 && !line.empty_layer {
                line.empty_layer = true;
                surplus = surplus.saturating_sub(1);
            }
            line.created = match &line.created {
                Some(created) => Some(clamped(created, stamp, epoch)?),
                None => epoch.map(|_| stamp.to_owned()),
            };
            lines.push_back(line);
        }
        for _ in full..layers {
            lines.push_back(History {
                created: Some(stamp.to_owned()),
                created_by: "ocix export".into(),
                comment: "buildkit.exporter.image.v0".into(),
                ..History::default()
            });
        }
        Ok(lines.into())
    }
}

impl History {
    fn value(&self) -> Value {
        let text = |name: &str, text: &str| (!text.is_empty()).then(|| (name.to_owned(), text.into()));
        let fields = [
            self.created.as_deref().and_then(|created| text("created", created)),
            text("created_by", &self.created_by),
            text("author", &self.author),
            text("comment", &self.comment),
            self.empty_layer.then(|| ("empty_layer".to_owned(), Value::Bool(true))),
        ];
        Value::Object(fields.into_iter().flatten().collect())
    }
}

/// The time as it is, or the epoch when it is later.
fn clamped(created: &str, stamp: &str, epoch: Option<i64>) -> Result<String> {
    let later = time::later(created, epoch.unwrap_or(i64::MAX).min(MOST)).ok_or_else(|| {
        let message = format!("`{}` in the config is not a time of RFC 3339", crate::text::shown(created));
        Error::malformed("config", message)
    })?;
    Ok(if later && epoch.is_some() { stamp.to_owned() } else { time::again(created) })
}

/// Later than any time in a document.
const MOST: i64 = 253_402_207_200;
