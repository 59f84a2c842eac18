//! Looking into images: `inspect`, `ls`, `cat`, `diff`, `verify`, `tree`. What is found is the component's; here it is drawn.

pub mod cat;
mod changes;
pub mod diff;
pub mod draw;
pub mod inspect;
pub mod ls;
mod place;
pub mod tree;
pub mod verify;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use ocix::{Components, Content, Context, Error, Image, InspectLimits, Look};
use serde::Deserialize;

use super::settings::Common;
use super::{failed, source};

/// The flags of all of them.
#[derive(Args)]
pub struct Flags {
    /// Of an image with several platforms the one that is looked at, as OS/ARCH[/VARIANT] [default: this machine's].
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Print what was found as JSON, as docs/inspect.md describes it.
    #[arg(long)]
    json: bool,
    /// A limit in place of the usual one, in bytes or as a count; repeatable. NAME is one of decompressed, ratio, window, entries, path, index,
    /// depth, nodes; a number may end in KiB, MiB or GiB.
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<String>,
    /// Talk to the registries that are named although nobody vouches for them: certificates are not verified, and plain HTTP is allowed.
    #[arg(long, help_heading = "Registries")]
    insecure: bool,
    #[command(flatten)]
    common: Common,
}

impl Flags {
    /// Whether JSON is asked for.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Opens these images, and does this with them.
    ///
    /// # Errors
    /// When a source or a limit is wrong; those of the work.
    pub fn look<T>(
        self,
        contents: Vec<Content>,
        work: impl AsyncFnOnce(Vec<Image>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.run(contents, async |components, look, context| work(components.open(look, context).await?).await)
    }

    /// Does this.
    ///
    /// # Errors
    /// When a limit is wrong; those of the work.
    pub fn run<T>(
        self,
        contents: Vec<Content>,
        work: impl AsyncFnOnce(Components, Look, Context) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Self { platform, json: _, limits, insecure, common } = self;
        let limits = self::limits(&limits)?;
        let contents = contents.into_iter();
        let contents = contents
            .map(|content| Content { platform: platform.clone().or_else(|| content.platform.clone()), ..content })
            .collect();
        let look = Look { contents, limits, insecure };
        let looking = async |components: Components, context| work(components, look, context).await;
        // In a log, what was found is enough, unless more is asked for.
        let quiet = common.is_unsaid() && !std::io::stderr().is_terminal();
        common.run(quiet, insecure, looking, |_| Vec::new())
    }
}

/// The one image of several that were opened.
fn only(images: Vec<Image>) -> Result<Image, Error> {
    images.into_iter().next().ok_or_else(|| source::wrong("no image was opened".into()))
}

/// Reads what the component wrote.
pub fn read<'t, T: Deserialize<'t>>(json: &'t str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|why| {
        let message = format!("the component's answer cannot be read: {why}: this is a bug in ocix");
        Error {
            code: ocix::ErrorCode::Other("answer".into()),
            fault: ocix::Fault::Component,
            message,
            causes: Vec::new(),
        }
    })
}

/// Prints the text, and gives the exit code.
fn give(text: Result<String, Error>) -> ExitCode {
    match text {
        Ok(text) => {
            draw::print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn limits(texts: &[String]) -> Result<InspectLimits, Error> {
    let mut limits = InspectLimits::default();
    for text in texts {
        let wrong = || {
            source::wrong(format!("`{}` is not a limit: write NAME=NUMBER, as in entries=5000000", ocix::shown(text)))
        };
        let (name, number) = text.split_once('=').ok_or_else(wrong)?;
        let number = Some(self::number(number).ok_or_else(wrong)?);
        let limit = match name {
            "decompressed" => &mut limits.decompressed,
            "ratio" => &mut limits.ratio,
            "window" => &mut limits.window,
            "entries" => &mut limits.entries,
            "path" => &mut limits.path,
            "index" => &mut limits.index,
            "depth" => &mut limits.depth,
            "nodes" => &mut limits.nodes,
            _ => return Err(wrong()),
        };
        *limit = number;
    }
    Ok(limits)
}

fn number(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (digits, bits) =
        units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits))).unwrap_or((text, 0));
    digits.parse::<u64>().ok()?.checked_mul(1 << bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_with_units() {
        let texts = ["entries=7", "decompressed=2GiB", "window=8MiB", "path=4KiB"].map(str::to_owned);
        let limits = limits(&texts).unwrap();
        assert_eq!((limits.entries, limits.decompressed), (Some(7), Some(2 << 30)));
        assert_eq!((limits.window, limits.path, limits.nodes), (Some(8 << 20), Some(4096), None));
        for wrong in ["entries", "entries=", "entries=x", "entries=-1", "files=1", "ratio=99999999999GiB"] {
            assert!(super::limits(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
