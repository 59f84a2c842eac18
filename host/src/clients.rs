//! How registries are reached: without redirects, cookies and decoding; without TLS on this machine only, unless the user says otherwise; and
//! only where the user's word or a public address leads.
//!
//! HTTP/1.1 is all that is spoken. What a registry lets be under way with HTTP/2, for all uploads together, is about a megabyte: 1 GB to
//! `docker-registry` with TLS at a round trip of 50 ms took 57 seconds with it and 7 without, 400 blobs of 4 KiB 17 seconds either way;
//! with no distance between, 4 seconds and 1 second either way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, Url};

use crate::addresses::{Addresses, is_loopback};
use crate::certificates::{Certificates, Own};
use crate::error::{Error, ErrorCode, Fault, error};
use crate::transport::Transport;

/// How registries are reached in one job; each client is made when the first request needs it, and keeps its connections.
#[derive(Default)]
pub struct Clients {
    made: Mutex<BTreeMap<(Way, Own), Client>>,
    transport: Transport,
    addresses: Addresses,
    allow_insecure: bool,
}

/// Where a request goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
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
    /// The user named these hosts. Certificates are only left unread where a request to one of them says so and `allow_insecure` is true.
    pub fn new(transport: Transport, named: impl IntoIterator<Item = String>, allow_insecure: bool) -> Self {
        let named = named.into_iter().chain(transport.private_hosts.iter().cloned());
        let addresses = Addresses::new(named, Transport::proxies());
        Self { made: Mutex::default(), transport, addresses, allow_insecure }
    }

    /// How long nothing may happen on a connection.
    pub fn idle_timeout(&self) -> Duration {
        self.transport.idle_timeout
    }

    /// The client for a URL with a host. `insecure`: the request says that it trusts anyone there.
    pub fn to(&self, url: &Url, insecure: bool) -> Result<Client, Error> {
        let host = url.host_str().unwrap_or_default();
        let place = place(url);
        let denied = |message| Err(error(Fault::Registry, ErrorCode::Denied, message));
        if insecure && !(self.allow_insecure && self.addresses.is_named(host)) {
            let message = format!("{place} is not reached: that a registry is insecure was not allowed");
            return Err(error(Fault::Request, ErrorCode::Denied, message));
        }
        let Some(way) = Way::to(url.scheme(), host, insecure) else {
            return denied(format!(
                "{place} is not reached: without TLS only this machine is, as localhost or a loopback address"
            ));
        };
        if let Err(forbidden) = self.addresses.check(host) {
            return denied(format!("{place} is not reached: {forbidden}; {PRIVATE}"));
        }
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let own = match way.trust {
            Trust::Plain => Own::default(),
            Trust::Certificate | Trust::Anyone => Own::of(&self.transport, &authority, self.addresses.is_named(host)),
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&(way, own.clone())) {
            return Ok(client.clone());
        }
        let certificates = match way.trust {
            Trust::Plain => Certificates::default(),
            Trust::Certificate | Trust::Anyone => Certificates::read(&self.transport, &own)?,
        };
        let client = self.client(way, certificates).map_err(|why| {
            let why = told(&why);
            error(Fault::Host, ErrorCode::Other(why.clone()), format!("HTTP is not available: {why}"))
        })?;
        made.insert((way, own), client.clone());
        Ok(client)
    }

    fn client(&self, way: Way, certificates: Certificates) -> reqwest::Result<Client> {
        // Another part of the program may have chosen a provider: then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(self.transport.connect_timeout)
            // Gateways close what has been idle for a minute, and what is then sent on it is lost.
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(self.addresses.clone())
            .https_only(way.trust == Trust::Certificate);
        if way.local {
            builder = builder.no_proxy();
        }
        if let Some(identity) = certificates.identity {
            builder = builder.identity(identity);
        }
        match way.trust {
            Trust::Certificate => builder.tls_certs_merge(certificates.authorities),
            // Certificates are not read, nor missed.
            Trust::Anyone => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true),
            Trust::Plain => builder.tls_certs_only([]),
        }
        .build()
    }
}

impl Way {
    /// None where nothing may go.
    fn to(scheme: &str, host: &str, insecure: bool) -> Option<Self> {
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

/// Scheme, host and port, for errors: never the rest of a URL, which may hold a secret.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// The innermost cause, without the URL.
pub fn told(why: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, why) { "the request could not be made".into() } else { cause.to_string() }
}

/// What to do about a host at an address that only the user may name.
pub const PRIVATE: &str = "if it belongs to the registry, say --private-host";

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
        let transport = Transport { authorities: vec!["/nonexistent".into()], ..Transport::default() };
        let clients = Clients::new(transport, ["localhost".to_owned()], true);
        assert!(clients.to(&"http://localhost:1/".parse().unwrap(), false).is_ok());
        assert!(clients.to(&"https://localhost:1/".parse().unwrap(), false).is_err());
    }
}
