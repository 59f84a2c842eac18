//! Flags that change the image's config, one for each key that WIT's `changes` knows.

use std::path::PathBuf;

use clap::Args;

/// The flags. ENTRYPOINT, CMD and HEALTHCHECK are written as in a Dockerfile.
#[derive(Args)]
#[command(next_help_heading = "Image config")]
pub struct Config {
    /// What runs: a JSON array, or a text for the shell.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    entrypoint: Option<String>,
    /// Its default arguments, or what runs without an entrypoint: a JSON array, or a text for the shell.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    cmd: Option<String>,
    /// An environment variable; repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// A label; repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// The user, and perhaps group, that runs it.
    #[arg(long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// The directory that it starts in.
    #[arg(long, value_name = "PATH")]
    workdir: Option<String>,
    /// A port that it listens on; repeatable.
    #[arg(long, value_name = "PORT[/PROTOCOL]")]
    expose: Vec<String>,
    /// A directory with data of its own; repeatable.
    #[arg(long, value_name = "PATH")]
    volume: Vec<String>,
    /// The signal that asks it to stop.
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// How to ask it whether it is well, or NONE.
    #[arg(long, value_name = "CHECK", allow_hyphen_values = true)]
    healthcheck: Option<String>,
    /// Who is responsible for the image.
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
    /// What the history says has made the new layer.
    #[arg(long, value_name = "TEXT")]
    created_by: Option<String>,
    /// A whole image config (OCI JSON) in place of the source's, but for its rootfs; the other flags change it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Config {
    /// The file with a whole config, and the changes: keys in the order of the flags above, values of one key as they were given.
    pub fn parts(self) -> (Option<PathBuf>, Vec<(String, String)>) {
        let one = |value: Option<String>| value.into_iter().collect::<Vec<_>>();
        let changes = [
            ("entrypoint", one(self.entrypoint)),
            ("cmd", one(self.cmd)),
            ("env", self.env),
            ("label", self.label),
            ("user", one(self.user)),
            ("workdir", one(self.workdir)),
            ("expose", self.expose),
            ("volume", self.volume),
            ("stop-signal", one(self.stop_signal)),
            ("healthcheck", one(self.healthcheck)),
            ("author", one(self.author)),
            ("created-by", one(self.created_by)),
        ];
        let pairs =
            changes.into_iter().flat_map(|(key, values)| values.into_iter().map(move |value| (key.to_owned(), value)));
        (self.config, pairs.collect())
    }
}
