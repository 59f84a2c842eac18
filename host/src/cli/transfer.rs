//! How images go to registries, as flags.

use clap::Args;

/// The flags.
#[derive(Args)]
#[command(next_help_heading = "Pushing")]
pub struct Transfer {
    /// A repository, as in example.com/team/base, of which its registry may take layers that it misses in the target; repeatable. Those that
    /// an image is known to have come from are tried by themselves.
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Vec<String>,
    /// Send what a registry misses, whatever it has in other repositories.
    #[arg(long, conflicts_with = "mount_from")]
    no_mount: bool,
    /// When one target fails, stop the others.
    #[arg(long)]
    fail_fast: bool,
    /// Print what a registry that has nothing would be asked for, in order, and send nothing. No name is written, no archive, no layout.
    #[arg(long)]
    dry_run: bool,
}

impl Transfer {
    /// As the library has them.
    pub fn settings(self) -> ocix::Transfer {
        let Self { mount_from, no_mount, fail_fast, dry_run } = self;
        ocix::Transfer { mount_from, no_mount, fail_fast, dry_run }
    }
}
