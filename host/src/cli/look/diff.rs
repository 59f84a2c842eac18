//! `ocix diff`: what two images differ in, what that amounts to, and what would make them equal.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Flags, draw, read};
use crate::cli::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// An image: a reference in a registry, unless it is a path that exists; or as `ocix copy` takes it.
    #[arg(value_name = "A")]
    a: String,
    /// The other one.
    #[arg(value_name = "B")]
    b: String,
    /// The verdict alone.
    #[arg(short, long, conflicts_with = "json")]
    summary: bool,
    /// Exit with 1 when the images are not identical.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comparison {
    verdict: String,
    sentence: String,
    reasons: Vec<Reason>,
    documents: Vec<Document>,
    images: Vec<Pair>,
    only_a: Vec<Single>,
    only_b: Vec<Single>,
}

#[derive(Deserialize)]
struct Reason {
    sentence: String,
    advice: Option<String>,
}

#[derive(Deserialize)]
struct Single {
    platform: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    platform: Option<String>,
    documents: Vec<Document>,
    layers: Vec<Layers>,
    files: Option<Files>,
}

#[derive(Deserialize)]
struct Document {
    document: String,
    count: u64,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    path: String,
    a: Option<Box<RawValue>>,
    b: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Layers {
    relation: String,
    #[serde(default)]
    moved: bool,
    a: Option<Blob>,
    b: Option<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    layer: usize,
    digest: Option<String>,
    size: u64,
    packed: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Files {
    shared_layers: bool,
    counts: Counts,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    added: u64,
    removed: u64,
    only_a: u64,
    only_b: u64,
    changed: u64,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    change: String,
    #[serde(default)]
    differs: Vec<String>,
}

impl Command {
    /// Compares, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { a, b, summary, exit_code, flags } = self;
        let json = flags.json();
        let contents = source::parse_image(&a).and_then(|a| Ok(vec![a, source::parse_image(&b)?]));
        let compared = contents.and_then(|contents| {
            flags.look(contents, async |images| match images.as_slice() {
                [a, b] => a.compare(b).await,
                _ => Err(source::wrong("two images are compared".into())),
            })
        });
        let told = compared.and_then(|text| {
            let comparison: Comparison = read(&text)?;
            let identical = comparison.verdict == "identical";
            Ok((identical, if json { text + "\n" } else { drawn(&comparison, summary) }))
        });
        match told {
            Ok((identical, text)) => {
                draw::print(&text);
                if exit_code && !identical { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Err(error) => failed(&error),
        }
    }
}

fn drawn(comparison: &Comparison, summary: bool) -> String {
    let mut text = format!("{}\n", draw::coloured(draw::BOLD, draw::plain(&comparison.sentence)));
    for Reason { sentence, advice } in &comparison.reasons {
        text += &format!("- {}\n", draw::plain(sentence));
        if let Some(advice) = advice {
            text += &draw::coloured(draw::GREEN, format!("  {}\n", draw::plain(advice)));
        }
    }
    if summary {
        return text;
    }
    for (side, singles) in [("A", &comparison.only_a), ("B", &comparison.only_b)] {
        for Single { platform, digest } in singles {
            let words: Vec<String> = [platform, digest].into_iter().flatten().map(|word| draw::plain(word)).collect();
            text += &format!("only in {side}: {}\n", words.join(" "));
        }
    }
    text += &comparison.documents.iter().map(document).collect::<String>();
    for Pair { platform, documents, layers, files } in &comparison.images {
        if comparison.images.len() > 1 {
            let platform = platform.as_deref().map(draw::plain).unwrap_or_default();
            text += &draw::coloured(draw::BOLD, format!("\n{platform}\n"));
        }
        text += &documents.iter().map(document).collect::<String>();
        text += &self::layers(layers);
        text += &files.as_ref().map(self::files).unwrap_or_default();
    }
    text
}

fn document(document: &Document) -> String {
    let Document { document, count, fields } = document;
    if *count == 0 {
        return String::new();
    }
    let value =
        |value: &Option<Box<RawValue>>| value.as_ref().map_or("-".to_owned(), |value| draw::cut(value.get(), 60));
    let told: Vec<&Field> = fields.iter().filter(|field| !follows(document, &field.path)).collect();
    let rest = count.saturating_sub((fields.len() - told.len()) as u64);
    if rest == 0 {
        return String::new();
    }
    let rows = told.iter().take(FIELDS).map(|Field { path, a, b }| vec![draw::cut(path, 60), value(a), value(b)]);
    let heads = [document.to_uppercase(), "A".to_owned(), "B".to_owned()].to_vec();
    let mut text = format!("\n{}", draw::table(std::iter::once(heads).chain(rows), &[]));
    let more = rest.saturating_sub(told.len().min(FIELDS) as u64);
    if more > 0 {
        text += &format!("and {more} more: see --json\n");
    }
    text
}

/// Whether a field follows from the layers and the config, of which is told.
fn follows(document: &str, path: &str) -> bool {
    match document {
        "manifest" if path.starts_with("layers[") => ["]", "].digest", "].size"].iter().any(|end| path.ends_with(end)),
        "manifest" => matches!(path, "config.digest" | "config.size"),
        _ => document == "config" && path.starts_with("rootfs.diff_ids["),
    }
}

fn layers(pairs: &[Layers]) -> String {
    if pairs.iter().all(|pair| pair.relation == "same-blob" && !pair.moved) {
        return String::new();
    }
    let blob = |blob: &Option<Blob>| match blob {
        None => "-".to_owned(),
        Some(Blob { layer, digest, size, packed }) => {
            let digest = digest.as_deref().map(|digest| draw::cut(digest, 20)).unwrap_or_default();
            let packed = packed.as_deref().map(|packed| format!(" {}", draw::plain(packed))).unwrap_or_default();
            format!("{layer} {digest} {}{packed}", draw::bytes(*size))
        }
    };
    let rows = pairs.iter().map(|pair| {
        let moved = if pair.moved { ", moved" } else { "" };
        vec![format!("{}{moved}", draw::plain(&pair.relation)), blob(&pair.a), blob(&pair.b)]
    });
    let heads = ["LAYERS", "A", "B"].map(str::to_owned).to_vec();
    format!("\n{}", draw::table(std::iter::once(heads).chain(rows), &[]))
}

fn files(files: &Files) -> String {
    let Files { shared_layers, counts: Counts { added, removed, only_a, only_b, changed }, changes } = files;
    let total =
        [added, removed, only_a, only_b, changed].into_iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if total == 0 {
        return String::new();
    }
    let beneath = match (*shared_layers, only_a + only_b) {
        (false, _) => "",
        (true, 0) => ", in the layers that are not the same",
        (true, _) => ", in the layers that are not the same: < has A, > has B; beneath them both may have it",
    };
    let mut text = draw::coloured(draw::BOLD, format!("\nFILES: {total} differ{beneath}\n"));
    for Change { path, change, differs } in changes.iter().take(CHANGES) {
        let (sign, colour) = match change.as_str() {
            "added" => ("+", draw::GREEN),
            "only-b" => (">", draw::GREEN),
            "removed" => ("-", draw::RED),
            "only-a" => ("<", draw::RED),
            _ => ("~", draw::YELLOW),
        };
        let differs =
            if differs.is_empty() { String::new() } else { format!(" ({})", draw::plain(&differs.join(", "))) };
        text += &format!("{} {}{differs}\n", draw::coloured(colour, sign), draw::plain(path));
    }
    let more = total.saturating_sub(changes.len().min(CHANGES) as u64);
    if more > 0 {
        text += &format!("and {more} more: see --json\n");
    }
    text
}

/// Fields of a document that are printed.
const FIELDS: usize = 40;
/// Files that are printed.
const CHANGES: usize = 200;
