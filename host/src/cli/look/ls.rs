//! `ocix ls`: what is in an image, as a container sees it, or as a layer has it.

use std::process::ExitCode;

use clap::Args;
use ocix::{Content, Error, Image};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Flags, draw, only, place, read};
use crate::cli::failed;

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image, and a folder in it, as in alpine:3.20:/etc [default: its root].
    #[arg(value_name = "SOURCE[:PATH]")]
    place: String,
    /// Everything beneath, not only what is directly in the folder.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Modes, owners, sizes and times too.
    #[arg(short, long)]
    long: bool,
    /// The entries of this layer alone, counted from 0 at the bottom, in the order of its tar, whiteouts too.
    #[arg(long, value_name = "NUMBER", conflicts_with = "recursive")]
    layer: Option<u32>,
    #[command(flatten)]
    flags: Flags,
}

/// What is listed, and how.
pub struct Listing {
    /// Of one layer.
    pub layer: Option<u32>,
    /// Everything beneath, too.
    pub recursive: bool,
    /// More than names.
    pub long: bool,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
    more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    path: String,
    r#type: String,
    #[serde(default)]
    mode: u32,
    #[serde(default)]
    uid: i64,
    #[serde(default)]
    gid: i64,
    #[serde(default)]
    size: u64,
    modified: Option<i64>,
    link: Option<String>,
    device: Option<Device>,
}

#[derive(Deserialize)]
struct Device {
    major: i64,
    minor: i64,
}

impl Command {
    /// Lists, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { place, recursive, long, layer, flags } = self;
        match place::parse(&place) {
            Ok((content, path)) => run(flags, content, &Listing { layer, recursive, long }, &path.unwrap_or_default()),
            Err(error) => failed(&error),
        }
    }
}

/// Lists what is beneath the path, and gives the exit code.
pub fn run(flags: Flags, content: Content, listing: &Listing, path: &str) -> ExitCode {
    let json = flags.json();
    match flags.look(vec![content], async |images| list(&only(images)?, listing, path, json).await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn list(image: &Image, listing: &Listing, path: &str, json: bool) -> Result<(), Error> {
    let mut first = 0;
    loop {
        let page = match listing.layer {
            Some(layer) => image.entries(layer, first, PAGE).await?,
            None => image.tree(path, listing.recursive, first, PAGE).await?,
        };
        let Page { entries, more } = read(&page)?;
        first += entries.len() as u64;
        let mut text = String::new();
        for entry in entries {
            match json {
                true => text += entry.get(),
                false => text += &line(&read(entry.get())?, listing.long),
            }
            text.push('\n');
        }
        if !draw::print(&text) || !more {
            return Ok(());
        }
    }
}

/// One entry: its path, or as `ls -ln` has it.
fn line(entry: &Entry, long: bool) -> String {
    let path = draw::plain(&entry.path);
    if !long {
        return if entry.r#type == "directory" { path + "/" } else { path };
    }
    let size = match &entry.device {
        Some(Device { major, minor }) => format!("{major}, {minor}"),
        None => entry.size.to_string(),
    };
    let link = match (entry.link.as_deref().map(draw::plain), entry.r#type.as_str()) {
        (Some(link), "hard-link") => format!(" link to {link}"),
        (Some(link), _) => format!(" -> {link}"),
        (None, _) => String::new(),
    };
    let mode = draw::mode(letter(&entry.r#type), entry.mode);
    let time = entry.modified.map_or_else(String::new, draw::time);
    format!("{mode} {:>5} {:>5} {size:>10} {time:19} {path}{link}", entry.uid, entry.gid)
}

/// As `ls` and `tar` have it.
fn letter(kind: &str) -> char {
    match kind {
        "file" => '-',
        "directory" => 'd',
        "symlink" => 'l',
        "hard-link" => 'h',
        "character" => 'c',
        "block" => 'b',
        "fifo" => 'p',
        "whiteout" | "opaque" => 'w',
        _ => '?',
    }
}

/// Entries that are asked for at once.
const PAGE: u32 = 10_000;
