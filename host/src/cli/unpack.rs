//! `ocix unpack`: an image's root file system in a folder, alone or as a bundle that a runtime starts.

use std::process::ExitCode;

use clap::Args;
use ocix::{Components, Error, Unpack};

use super::settings::Common;
use super::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image: a name of the store, or else of a registry, unless it is a path that exists: of an OCI layout, or of an archive or a root file system in a tar.
    ///
    /// Said outright: registry:REF or docker://REF, oci:PATH[#NAME], oci-archive:PATH[#NAME], docker-archive:PATH[#NAME], tar:PATH, store:NAME.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The directory that it goes to: a new one, or one that is empty. It appears as a whole.
    #[arg(value_name = "DIR")]
    directory: String,
    /// Make a bundle for runc and other runtimes: DIR/rootfs, and DIR/config.json of what the image says.
    #[arg(long)]
    bundle: bool,
    /// Unpack without being root: everything is yours, its owner kept in the extended attribute user.rootlesscontainers; devices are left out.
    #[arg(long)]
    rootless: bool,
    /// Write into a directory that is not empty: what stands in the way is replaced, but directories stay with what is in them.
    #[arg(long)]
    force: bool,
    /// Of an image with several platforms the one that is unpacked, as OS/ARCH[/VARIANT] [default: this machine's].
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Talk to the registry that is named although nobody vouches for it: certificates are not verified, and plain HTTP is allowed.
    #[arg(long, help_heading = "Registries")]
    insecure: bool,
    /// Print no progress.
    #[arg(short, long, help_heading = "How it runs")]
    quiet: bool,
    #[command(flatten)]
    common: Common,
}

impl Command {
    /// Unpacks, and gives the exit code.
    pub fn run(self) -> ExitCode {
        match self.unpack() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        }
    }

    fn unpack(self) -> Result<(), Error> {
        let Self { source, directory: dest, bundle, rootless, force: over, platform, insecure, quiet, common } = self;
        let mut content = source::parse_named(&source)?;
        content.platform = platform.or(content.platform);
        let unpack = Unpack { content, dest, over, rootless, bundle, insecure };
        let work = async |components: Components, context| components.unpack(unpack, context).await;
        common.run(quiet, insecure, work, |_| Vec::new()).map(|_| ())
    }
}
