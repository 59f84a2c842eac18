//! `ocix copy`: an image as it is, from anywhere to anywhere else.

use std::process::ExitCode;

use clap::Args;
use ocix::{Components, Content, Copied, Copy, Delivery, Destination, Error};

use super::settings::Common;
use super::transfer::Transfer;
use super::{answer, destination, failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image: a reference in a registry, unless it is a path that exists: of an OCI layout, or of a tar of one.
    ///
    /// Said outright: registry:REF or docker://REF, oci:PATH[#NAME] (a layout, or a tar of one), oci-archive:PATH[#NAME], store:NAME.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where it goes: a reference in a registry, unless it is a folder that exists: an OCI layout; repeatable.
    ///
    /// Said outright: registry:REF or docker://REF, oci:PATH[#NAME], oci-archive:PATH[#NAME] (- is standard output), store:NAME. NAME is a
    /// reference or a tag.
    #[arg(value_name = "DESTINATION", required = true)]
    destinations: Vec<String>,
    /// Of an image with several platforms the manifest of this one alone, as OS/ARCH[/VARIANT] [default: all of them, as they are].
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

/// The flags of all that is copied.
#[derive(Args)]
pub struct Flags {
    /// Talk to the registries that are named although nobody vouches for them: certificates are not verified, and plain HTTP is allowed.
    #[arg(long, help_heading = "Registries")]
    insecure: bool,
    /// Print no progress.
    #[arg(short, long, help_heading = "How it runs")]
    quiet: bool,
    #[command(flatten)]
    transfer: Transfer,
    #[command(flatten)]
    common: Common,
}

impl Command {
    /// Copies, gives the answer, and the exit code.
    pub fn run(self) -> ExitCode {
        let Self { source, destinations, platform, flags } = self;
        let parsed = content(&source, platform).and_then(|content| {
            Ok((content, destinations.iter().map(|text| destination::parse(text)).collect::<Result<_, _>>()?))
        });
        match parsed.and_then(|(content, destinations)| flags.copy(content, destinations)) {
            Ok(copied) => give(&copied),
            Err(error) => failed(&error),
        }
    }
}

impl Flags {
    /// Copies to these.
    ///
    /// # Errors
    /// Those of the copy.
    pub fn copy(self, content: Content, destinations: Vec<Destination>) -> Result<Copied, Error> {
        let (delivery, common, quiet) = self.parts(destinations);
        let insecure = delivery.insecure;
        let copy = Copy { content, delivery };
        let work = async |components: Components, context| components.copy(copy, context).await;
        common.run(quiet, insecure, work, |copied| copied.targets.clone())
    }

    /// Where and how a copy goes, how it runs, and whether that is not to be shown.
    pub fn parts(self, destinations: Vec<Destination>) -> (Delivery, Common, bool) {
        let Self { insecure, quiet, transfer, common } = self;
        (Delivery { destinations, transfer: transfer.settings(), insecure }, common, quiet)
    }
}

/// Gives the answer, a line for each target, and the exit code.
pub fn give(copied: &Copied) -> ExitCode {
    let (lines, worst) = answer::lines(copied.targets.iter());
    answer::print(&lines, copied.standard_output);
    worst
}

fn content(text: &str, platforms: Vec<String>) -> Result<Content, Error> {
    let mut content = source::parse_image(text)?;
    let mut platforms = platforms.into_iter().chain(content.platform.take());
    content.platform = platforms.next();
    match platforms.next() {
        None => Ok(content),
        Some(_) => Err(source::wrong(
            "of several platforms there is no index that could be kept: copy one of them, or without --platform all"
                .into(),
        )),
    }
}
