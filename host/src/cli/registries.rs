//! How registries are connected to, as flags.

use std::path::PathBuf;

use clap::Args;
use ocix::{Identity, Transport};

/// The flags.
#[derive(Args)]
#[command(next_help_heading = "Registries")]
pub struct Registries {
    /// A file of certificate authorities to trust, in PEM; repeatable. Those of the system are trusted, and of certs.d/HOST[:PORT] as docker
    /// and podman keep them.
    #[arg(long, value_name = "FILE")]
    registry_ca: Vec<PathBuf>,
    /// What this user is to the registries that are named, when they ask: a certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "registry_key")]
    registry_cert: Option<PathBuf>,
    /// Its key in PEM, not encrypted.
    #[arg(long, value_name = "FILE", requires = "registry_cert")]
    registry_key: Option<PathBuf>,
    /// A host that registries may send requests to although its address is private; repeatable. Registries that are named may be anywhere.
    #[arg(long = "private-host", value_name = "HOST")]
    private_hosts: Vec<String>,
}

impl Registries {
    /// With what the user keeps.
    pub fn transport(self) -> Transport {
        let Self { registry_ca, registry_cert, registry_key, private_hosts } = self;
        let identity = registry_cert.zip(registry_key).map(|(certificate, key)| Identity { certificate, key });
        Transport { authorities: registry_ca, identity, private_hosts, ..Transport::of_user() }
    }
}
