//! `ocix inspect --layers`: what each layer did, and what is wasted.

use std::process::ExitCode;

use ocix::Content;
use serde::Deserialize;

use super::{Flags, draw, give, only, read};

#[derive(Deserialize)]
struct Changes {
    layers: Vec<Layer>,
    efficiency: Efficiency,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    layer: usize,
    created_by: Option<String>,
    size: u64,
    entries: Tally,
    added: Tally,
    changed: Tally,
    removed: Tally,
}

#[derive(Deserialize)]
struct Tally {
    count: u64,
    bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Efficiency {
    score: f64,
    wasted_bytes: u64,
    wasted_of_user: f64,
    wasted: Vec<Wasted>,
}

#[derive(Deserialize)]
struct Wasted {
    path: String,
    count: u64,
    bytes: u64,
}

/// Shows it, and gives the exit code.
pub fn run(flags: Flags, content: Content) -> ExitCode {
    let json = flags.json();
    let changes = flags.look(vec![content], async |images| only(images)?.changes().await);
    give(changes.and_then(|changes| if json { Ok(changes + "\n") } else { read(&changes).map(|it| drawn(&it)) }))
}

fn drawn(Changes { layers, efficiency }: &Changes) -> String {
    let heads = ["LAYER", "STORED", "FILES", "ADDED", "CHANGED", "REMOVED", "MADE BY"].map(str::to_owned).to_vec();
    let rows = layers.iter().map(|layer| {
        let made = layer.created_by.as_deref().map(|by| draw::cut(by, 60)).unwrap_or_default();
        vec![
            layer.layer.to_string(),
            draw::bytes(layer.size),
            draw::bytes(layer.entries.bytes),
            tally(&layer.added),
            tally(&layer.changed),
            tally(&layer.removed),
            made,
        ]
    });
    let mut text = draw::table(std::iter::once(heads).chain(rows), &[1, 2, 3, 4, 5]);
    let Efficiency { score, wasted_bytes, wasted_of_user, wasted } = efficiency;
    text += &format!(
        "\nefficiency {:.2} %, {} wasted, {:.2} % of what the layers above the lowest have\n",
        score * 100.0,
        draw::bytes(*wasted_bytes),
        wasted_of_user * 100.0
    );
    let rows = wasted
        .iter()
        .take(PATHS)
        .map(|Wasted { path, count, bytes }| vec![format!("{count} x"), draw::bytes(*bytes), draw::plain(path)]);
    text + &draw::table(rows, &[0, 1])
}

fn tally(tally: &Tally) -> String {
    if tally.count == 0 { "-".to_owned() } else { format!("{} ({})", tally.count, draw::bytes(tally.bytes)) }
}

/// Paths that are printed.
const PATHS: usize = 20;
