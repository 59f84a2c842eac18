//! `ocix images`: what is in the store.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use jiff::Timestamp;
use ocix::Error;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::cli::failed;
use crate::cli::look::{draw, read};
use crate::cli::settings::Common;

/// The command.
#[derive(Args)]
pub struct Command {
    /// Only images whose whole name has this in it, as in example.com/team/.
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,
    /// Print an object for each image, one a line, as docs/stores.md describes it.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print names alone, of images without one the digest.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tag: Option<Cow<'a, str>>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    #[serde(borrow)]
    artifact_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    platforms: &'a RawValue,
    size: Option<u64>,
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
    broken: Option<IgnoredAny>,
}

impl Command {
    /// Lists, and gives the exit code.
    pub fn run(self) -> ExitCode {
        let Self { filter, json, quiet, common } = self;
        let listed = super::run(common, async |components, context| components.images(&filter, context).await);
        let drawn =
            listed.and_then(|text| if json { lines(&text) } else { Ok(drawn(&read::<Vec<Image>>(&text)?, quiet)) });
        match drawn {
            Ok(text) => {
                draw::print(&text);
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        }
    }
}

fn lines(text: &str) -> Result<String, Error> {
    Ok(read::<Vec<&RawValue>>(text)?.iter().map(|image| format!("{}\n", image.get())).collect())
}

fn drawn(images: &[Image<'_>], quiet: bool) -> String {
    if quiet {
        return images.iter().map(|image| format!("{}\n", draw::plain(image.called()))).collect();
    }
    if images.is_empty() {
        return String::new();
    }
    let head = ["NAME", "DIGEST", "PLATFORMS", "SIZE", "AGE"].map(str::to_owned);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed();
    // Most are for the same ones.
    let mut last = (RawValue::NULL, "-".to_owned());
    let rows = images.iter().map(|image| {
        if image.platforms.get() != last.0.get() {
            last = (image.platforms, platforms(&read::<Vec<Cow<'_, str>>>(image.platforms.get()).unwrap_or_default()));
        }
        image.row(last.1.clone(), now)
    });
    draw::table([head.to_vec()].into_iter().chain(rows), &[3])
}

impl Image<'_> {
    fn called(&self) -> &str {
        self.name.as_deref().or(self.tag.as_deref()).unwrap_or(&self.digest)
    }

    fn row(&self, platforms: String, now: i64) -> Vec<String> {
        let name = self.name.as_deref().or(self.tag.as_deref()).map_or_else(|| "-".to_owned(), draw::plain);
        let what = match (&self.broken, &self.artifact_type) {
            (Some(_), _) => "broken".to_owned(),
            (None, Some(kind)) => draw::plain(kind),
            (None, None) => platforms,
        };
        let size = self.size.map_or_else(|| "-".to_owned(), draw::bytes);
        let age = self.created.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        let age = age.map_or_else(|| "-".to_owned(), |created| draw::age(now.saturating_sub(created.as_second())));
        vec![name, short(&self.digest), what, size, age]
    }
}

/// Of an operating system that stands on several architectures, once: `linux/amd64,arm64`.
fn platforms(all: &[Cow<'_, str>]) -> String {
    let mut systems: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for platform in all {
        let (os, rest) = platform.split_once('/').unwrap_or((platform, ""));
        systems.entry(os).or_default().push(rest);
    }
    let shown: Vec<String> =
        systems.iter().map(|(os, rest)| draw::plain(&format!("{os}/{}", rest.join(",")))).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(" ") }
}

/// As progress shows it, too.
fn short(digest: &str) -> String {
    draw::plain(digest.get(..19).unwrap_or(digest))
}
