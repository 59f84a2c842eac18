//! How registries are reached: without redirects, cookies and decoding, and without TLS on this machine only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;

use crate::error::{Error, ErrorCode, Fault, error};

/// How registries are reached; made when the first request is.
#[derive(Default)]
pub struct Clients {
    plain: OnceLock<Result<Client, String>>,
    local: OnceLock<Result<Client, String>>,
    world: OnceLock<Result<Client, String>>,
}

/// Where a request goes, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Without TLS, to this machine.
    Plain,
    /// With TLS, to this machine.
    Local,
    /// With TLS, perhaps by a proxy.
    World,
}

impl Clients {
    /// Made when it is asked for first.
    pub fn get(&self, way: Way) -> Result<Client, Error> {
        let slot = match way {
            Way::Plain => &self.plain,
            Way::Local => &self.local,
            Way::World => &self.world,
        };
        let client = slot.get_or_init(|| client(way).map_err(|why| told(&why)));
        client
            .clone()
            .map_err(|why| error(Fault::Host, ErrorCode::Other(why.clone()), format!("HTTP is not available: {why}")))
    }
}

impl Way {
    /// None where nothing may go.
    pub fn to(scheme: &str, host: &str) -> Option<Self> {
        match (scheme, is_loopback(host)) {
            ("https", false) => Some(Self::World),
            ("https", true) => Some(Self::Local),
            ("http", true) => Some(Self::Plain),
            _ => None,
        }
    }
}

fn client(way: Way) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(30))
        .https_only(way != Way::Plain);
    // Another part of the program may have chosen a provider: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|address| SocketAddr::new(address, 0));
    match way {
        Way::World => builder,
        Way::Local => builder.no_proxy().resolve_to_addrs("localhost", &own),
        // Without TLS this machine's certificates are not read, nor missed.
        Way::Plain => builder.no_proxy().tls_certs_only([]).resolve_to_addrs("localhost", &own),
    }
    .build()
}

/// `localhost`, or an address of this machine written out.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost cause, without the URL.
pub fn told(why: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, why) { "the request could not be made".into() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_reached() {
        let table = [
            ("http", "localhost", Some(Way::Plain)),
            ("http", "127.9.9.9", Some(Way::Plain)),
            ("http", "[::1]", Some(Way::Plain)),
            ("https", "localhost", Some(Way::Local)),
            ("https", "example.com", Some(Way::World)),
            ("http", "example.com", None),
            ("http", "192.168.0.1", None),
            ("http", "localhost.example.com", None),
            ("http", "[::ffff:192.0.2.1]", None),
            ("ftp", "localhost", None),
        ];
        for (scheme, host, way) in table {
            assert!(Way::to(scheme, host) == way, "{scheme}://{host}");
        }
    }

    #[test]
    fn plain_http_needs_no_certificates() {
        assert!(Clients::default().get(Way::Plain).is_ok());
    }
}
