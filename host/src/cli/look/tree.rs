//! `ocix tree`: documents and blobs, and what lists them.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use termtree::Tree;

use super::{Flags, draw, give, only, read};
use crate::cli::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image: a reference in a registry, unless it is a path that exists; or as `ocix copy` takes it.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Do not look for what refers to manifests: signatures, attestations and the like that the image does not list itself.
    #[arg(long)]
    no_referrers: bool,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Deserialize)]
struct Graph {
    roots: Vec<Node>,
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    alone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    role: String,
    media_type: String,
    digest: String,
    size: u64,
    name: Option<String>,
    platform: Option<String>,
    artifact_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    children: Vec<Node>,
}

impl Command {
    /// Draws, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { source, no_referrers, flags } = self;
        let json = flags.json();
        let content = match source::parse_image(&source) {
            Ok(content) => content,
            Err(error) => return failed(&error),
        };
        let graph = flags.look(vec![content], async |images| only(images)?.graph(!no_referrers).await);
        give(graph.and_then(|graph| if json { Ok(graph + "\n") } else { drawn(&graph) }))
    }
}

fn drawn(json: &str) -> Result<String, ocix::Error> {
    let Graph { roots, cut, alone } = read(json)?;
    if roots.is_empty() {
        return Err(source::wrong("a lone layer has no document: `ocix ls` lists it".into()));
    }
    let mut text: String = roots.iter().map(|root| tree(root).to_string()).collect();
    if alone {
        text += &draw::coloured(draw::DIM, "a document alone: what it lists is not at hand\n");
    }
    if cut {
        text += &draw::coloured(draw::YELLOW, "there is more: see --limit nodes and --limit depth\n");
    }
    Ok(text)
}

fn tree(node: &Node) -> Tree<String> {
    Tree::new(line(node)).with_leaves(node.children.iter().map(tree))
}

fn line(node: &Node) -> String {
    let mut words = vec![draw::coloured(draw::BOLD, &node.role), draw::plain(&node.digest), draw::bytes(node.size)];
    words.extend(node.platform.as_deref().map(draw::plain));
    words.extend(node.name.as_deref().map(draw::plain));
    let kind = node.artifact_type.as_deref().unwrap_or(&node.media_type);
    words.push(draw::coloured(draw::DIM, draw::plain(kind)));
    words.extend(node.error.as_deref().map(|error| draw::coloured(draw::RED, draw::plain(error))));
    words.join("  ")
}
