//! How connections to registries are made: whom they trust, as whom, how long they wait, and through which proxies.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// How connections to registries are made. The system's certificate authorities are always trusted; proxies are those of the environment:
/// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the same in lower case. This machine is reached without them.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Files of certificate authorities in PEM that are trusted too, whichever host it is.
    pub authorities: Vec<PathBuf>,
    /// What the user is to registries that the job names and that ask for a certificate.
    pub identity: Option<Identity>,
    /// Folders that have one for each host, `HOST[:PORT]`, with its authorities as `*.crt`, and `*.cert` with `*.key` of the same name: what
    /// the user is to it. The first one that has the host's counts.
    pub certificate_folders: Vec<PathBuf>,
    /// Hosts that registries may send requests to although their addresses are private.
    pub private_hosts: Vec<String>,
    /// How long a connection may take to be made, TLS included.
    pub connect_timeout: Duration,
    /// How long a connection may be without a byte to or from the registry while one is awaited.
    pub idle_timeout: Duration,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A file with the certificate in PEM, others on the way to its authority behind it.
    pub certificate: PathBuf,
    /// A file with the key in PEM, not encrypted.
    pub key: PathBuf,
}

impl Transport {
    /// With the `certs.d` folders of containers and Docker: first `$XDG_CONFIG_HOME` (or `~/.config`), then `/etc`.
    pub fn of_user() -> Self {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
        let roots = config.into_iter().chain([PathBuf::from("/etc")]);
        let certificate_folders =
            roots.flat_map(|root| ["containers", "docker"].map(|whose| root.join(whose).join("certs.d"))).collect();
        Self { certificate_folders, ..Self::default() }
    }

    /// The hosts of the environment's proxies.
    pub(crate) fn proxies() -> BTreeSet<String> {
        let url = |text: String| match text.contains("://") {
            true => text.parse::<Url>(),
            false => format!("http://{text}").parse(),
        };
        let set = PROXIES.iter().filter_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
        set.filter_map(|text| url(text).ok()?.host_str().map(str::to_owned)).collect()
    }
}

impl Default for Transport {
    /// Without certificates of the user's own.
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            identity: None,
            certificate_folders: Vec::new(),
            private_hosts: Vec::new(),
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
