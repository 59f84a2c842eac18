//! `ocix inspect`: an image at a glance, or one of its documents as it is.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ocix::{Content, Error, Image};
use serde::Deserialize;
use serde_json::Value;

use super::ls::Listing;
use super::{Flags, cat, changes, draw, give, ls, only, read};
use crate::cli::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image: a reference in a registry, unless it is a path that exists; or as `ocix copy` takes it.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The root document as it is, byte for byte.
    #[arg(long, group = "view")]
    raw: bool,
    /// The image's config as it is, byte for byte.
    #[arg(long, group = "view")]
    config: bool,
    /// What each layer did, and what is wasted. Reads all layers.
    #[arg(long, group = "view")]
    layers: bool,
    /// All files of all layers together. Reads all layers.
    #[arg(long, group = "view")]
    tree: bool,
    /// The content of a file.
    #[arg(long, group = "view", value_name = "PATH")]
    file: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Deserialize)]
struct Graph {
    roots: Vec<Node>,
    #[serde(default)]
    alone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    role: String,
    digest: String,
    name: Option<String>,
    platform: Option<String>,
    error: Option<String>,
    #[serde(default)]
    children: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    name: Option<String>,
    digest: Option<String>,
    media_type: Option<String>,
    platform: Option<String>,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    config_digest: Option<String>,
    config: Option<Value>,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    layer: usize,
    digest: Option<String>,
    media_type: Option<String>,
    size: u64,
    created_by: Option<String>,
}

impl Command {
    /// Shows it, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { source, raw, config, layers, tree, file, flags } = self;
        let content = match source::parse_image(&source) {
            Ok(content) => content,
            Err(error) => return failed(&error),
        };
        if let Some(path) = file {
            return cat::run(flags, content, None, path.trim_start_matches('/').to_owned());
        }
        if tree {
            return ls::run(flags, content, &Listing { layer: None, recursive: true, long: true }, "");
        }
        if layers {
            return changes::run(flags, content);
        }
        if raw || config {
            return document(flags, content, config);
        }
        let json = flags.json();
        give(flags.look(vec![content], async |images| {
            let image = only(images)?;
            if json { Ok(image.summary().await? + "\n") } else { overview(&image).await }
        }))
    }
}

/// The root document, or the config.
fn document(flags: Flags, content: Content, config: bool) -> ExitCode {
    let document = flags.look(vec![content], async |images| {
        let image = only(images)?;
        let digest = if config { config_of(&image).await? } else { root(&image).await? };
        image.document(&digest).await
    });
    match document {
        Ok(bytes) => {
            // A reader that has gone does not want to know.
            let _ = std::io::stdout().write_all(&bytes);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

async fn config_of(image: &Image) -> Result<String, Error> {
    let summary: Summary = read(&image.summary().await?)?;
    summary.config_digest.ok_or_else(|| source::wrong("a lone layer has no config".into()))
}

async fn root(image: &Image) -> Result<String, Error> {
    let Graph { roots, .. } = read(&image.graph(false).await?)?;
    match roots.as_slice() {
        [root] => Ok(root.digest.clone()),
        [] => Err(source::wrong("a lone layer has no document".into())),
        several => Err(source::wrong(format!(
            "there are {} images: name one, as in oci:PATH#NAME; `ocix tree` shows them",
            several.len()
        ))),
    }
}

async fn overview(image: &Image) -> Result<String, Error> {
    let Graph { roots, alone } = read(&image.graph(false).await?)?;
    let mut text = String::new();
    if roots.len() > 1 || roots.iter().any(|root| root.role == "index") {
        text += &draw::table(std::iter::once(head(&["", "PLATFORM", "DIGEST", "NAME"])).chain(listed(&roots)), &[]);
        if alone {
            return Ok(text);
        }
        text.push('\n');
    }
    match image.summary().await {
        Ok(summary) => Ok(text + &drawn(&read(&summary)?)),
        // What could be meant was told.
        Err(error) if roots.len() > 1 => {
            Ok(text + &draw::coloured(draw::DIM, format!("{}\n", draw::plain(&error.to_string()))))
        }
        Err(error) => Err(error),
    }
}

/// A row for each root, and for each image of an index.
fn listed(roots: &[Node]) -> impl Iterator<Item = Vec<String>> {
    let beneath = |root: &Node| root.role == "index";
    roots.iter().flat_map(move |root| {
        let images = root.children.iter().filter(move |_| beneath(root)).map(|child| row(child, "  "));
        std::iter::once(row(root, "")).chain(images)
    })
}

fn row(node: &Node, indent: &str) -> Vec<String> {
    let platform = node.platform.as_deref().map(draw::plain).unwrap_or_default();
    let told = node.error.as_deref().or(node.name.as_deref()).map(draw::plain).unwrap_or_default();
    vec![format!("{indent}{}", node.role), platform, draw::plain(&node.digest), told]
}

fn drawn(summary: &Summary) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    let mut told = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            row(name, draw::plain(value));
        }
    };
    told("name", &summary.name);
    told("digest", &summary.digest);
    told("media type", &summary.media_type);
    told("config", &summary.config_digest);
    told("platform", &summary.platform);
    let count = summary.layers.len();
    row("layers", format!("{count}, {}", draw::bytes(summary.size)));
    for (name, value) in summary.config.iter().flat_map(words) {
        row(&name, draw::plain(&value));
    }
    for (key, value) in &summary.annotations {
        row("annotation", draw::plain(&format!("{key}={value}")));
    }
    let mut text = draw::table(rows, &[]);
    // A lone layer has nothing to say of itself.
    if summary.digest.is_none() {
        return text;
    }
    text.push('\n');
    let layers = summary.layers.iter().map(|layer| {
        let made = layer.created_by.as_deref().map(|by| draw::cut(by, 60)).unwrap_or_default();
        let digest = layer.digest.as_deref().map(draw::plain).unwrap_or_default();
        let kind = layer.media_type.as_deref().and_then(|kind| kind.rsplit(['+', '.']).next());
        vec![layer.layer.to_string(), draw::bytes(layer.size), kind.map(draw::plain).unwrap_or_default(), digest, made]
    });
    text + &draw::table(std::iter::once(head(&["LAYER", "SIZE", "AS", "DIGEST", "MADE BY"])).chain(layers), &[1])
}

/// What of a config people ask for.
fn words(config: &Value) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for (member, name) in [("created", "created"), ("author", "author")] {
        words.extend(config.get(member).and_then(Value::as_str).map(|text| (name.to_owned(), text.to_owned())));
    }
    let Some(run) = config.get("config") else { return words };
    let kept = ["Entrypoint", "Cmd", "User", "WorkingDir", "ExposedPorts", "Volumes", "StopSignal", "Shell"];
    for member in kept {
        let value = match run.get(member) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Array(list)) if !list.is_empty() => Value::Array(list.clone()).to_string(),
            Some(Value::Object(map)) if !map.is_empty() => map.keys().cloned().collect::<Vec<_>>().join(" "),
            _ => continue,
        };
        words.push((member.to_lowercase(), value));
    }
    for text in run.get("Env").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        words.push(("env".to_owned(), text.to_owned()));
    }
    for (key, value) in run.get("Labels").and_then(Value::as_object).into_iter().flatten() {
        words.push(("label".to_owned(), format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    words
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
