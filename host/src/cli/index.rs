//! `ocix index create`: an image index of images that there are.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ocix::{Components, Created, Destination, Error, NewIndex};

use super::copy::{Flags, give};
use super::{destination, failed, source};

/// The command.
#[derive(Args)]
pub struct Index {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an image index of images in registries or the store, as docker buildx imagetools create does.
    ///
    /// It lists the images, and in place of one that is an index what that lists. Those that are not in the index's repository are copied to it.
    /// With --dry-run the index is printed, and nothing is sent.
    Create(Box<Create>),
}

#[derive(Args)]
struct Create {
    /// The index's name in a registry, or another DESTINATION of ocix copy.
    name: String,
    /// An image, in a registry or another SOURCE of ocix copy; several become one index.
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// One more name; repeatable.
    #[arg(short, long = "tag", value_name = "NAME")]
    tags: Vec<String>,
    /// An annotation of the index, or with manifest-descriptor[OS/ARCH]: before it of what it lists; repeatable.
    #[arg(long = "annotation", value_name = "[LEVEL:]KEY=VALUE")]
    annotations: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

impl Index {
    /// Runs the command, gives the answer, and the exit code.
    pub fn run(self) -> ExitCode {
        let Command::Create(create) = self.command;
        match create.run() {
            Ok((created, false)) => give(&created.copied),
            Ok((created, true)) => {
                // A reader that has gone does not want to know.
                let _ = std::io::stdout().write_all(&created.index).and_then(|()| std::io::stdout().write_all(b"\n"));
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        }
    }
}

impl Create {
    /// The index, and whether it was only to be shown.
    fn run(self) -> Result<(Created, bool), Error> {
        let Self { name, images, tags, annotations, flags } = self;
        let names = [name].into_iter().chain(tags);
        let destinations: Vec<Destination> = names.map(|name| destination::parse(&name)).collect::<Result<_, _>>()?;
        let parts = images.iter().map(|image| source::parse_image(image)).collect::<Result<_, _>>()?;
        let (delivery, common, quiet) = flags.parts(destinations);
        let (insecure, dry_run) = (delivery.insecure, delivery.transfer.dry_run);
        let index = NewIndex { parts, annotations, delivery };
        let work = async |components: Components, context| components.create_index(index, context).await;
        let created = common.run(quiet, insecure, work, |created| created.copied.targets.clone())?;
        Ok((created, dry_run))
    }
}
