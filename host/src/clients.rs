//! How registries are reached: without redirects, cookies and decoding, and without TLS on this machine only, unless the user says otherwise.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;

use crate::error::{Error, ErrorCode, Fault, error};

/// How registries are reached; each client is made when the first request needs it.
#[derive(Default)]
pub struct Clients {
    made: Mutex<BTreeMap<Way, Result<Client, String>>>,
    allow_insecure: bool,
}

/// Where a request goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// To this machine; to others perhaps by a proxy.
    local: bool,
    trust: Trust,
}

/// Who is believed to be the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// Whoever has a certificate that says so.
    Certificate,
    /// Whoever answers, with or without TLS: the user said so.
    Anyone,
    /// This machine, without TLS.
    Plain,
}

impl Clients {
    /// Certificates are only left unread where a request says so and `allow_insecure` is true.
    pub fn new(allow_insecure: bool) -> Self {
        Self { made: Mutex::default(), allow_insecure }
    }

    /// Whether a request may say that it trusts anyone.
    pub fn allow_insecure(&self) -> bool {
        self.allow_insecure
    }

    /// Made when it is asked for first.
    pub fn get(&self, way: Way) -> Result<Client, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let client = made.entry(way).or_insert_with(|| client(way).map_err(|why| told(&why)));
        client
            .clone()
            .map_err(|why| error(Fault::Host, ErrorCode::Other(why.clone()), format!("HTTP is not available: {why}")))
    }
}

impl Way {
    /// None where nothing may go.
    pub fn to(scheme: &str, host: &str, insecure: bool) -> Option<Self> {
        let local = is_loopback(host);
        let trust = match (scheme, local, insecure) {
            ("http", true, _) => Trust::Plain,
            ("http" | "https", _, true) => Trust::Anyone,
            ("https", _, false) => Trust::Certificate,
            _ => return None,
        };
        Some(Self { local, trust })
    }
}

fn client(way: Way) -> reqwest::Result<Client> {
    // Another part of the program may have chosen a provider: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(30))
        .https_only(way.trust == Trust::Certificate);
    if way.local {
        let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        builder = builder.no_proxy().resolve_to_addrs("localhost", &own.map(|address| SocketAddr::new(address, 0)));
    }
    match way.trust {
        Trust::Certificate => builder,
        // This machine's certificates are not read, nor missed.
        Trust::Anyone => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true),
        Trust::Plain => builder.tls_certs_only([]),
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
        let way = |local, trust| Some(Way { local, trust });
        let table = [
            ("http", "localhost", false, way(true, Trust::Plain)),
            ("http", "127.9.9.9", false, way(true, Trust::Plain)),
            ("http", "[::1]", true, way(true, Trust::Plain)),
            ("https", "localhost", false, way(true, Trust::Certificate)),
            ("https", "localhost", true, way(true, Trust::Anyone)),
            ("https", "example.com", false, way(false, Trust::Certificate)),
            ("https", "example.com", true, way(false, Trust::Anyone)),
            ("http", "example.com", true, way(false, Trust::Anyone)),
            ("http", "example.com", false, None),
            ("http", "192.168.0.1", false, None),
            ("http", "localhost.example.com", false, None),
            ("http", "[::ffff:192.0.2.1]", false, None),
            ("ftp", "localhost", true, None),
        ];
        for (scheme, host, insecure, way) in table {
            assert_eq!(Way::to(scheme, host, insecure), way, "{scheme}://{host} {insecure}");
        }
    }

    #[test]
    fn plain_http_needs_no_certificates() {
        for trust in [Trust::Plain, Trust::Anyone] {
            assert!(Clients::default().get(Way { local: true, trust }).is_ok());
        }
    }
}
