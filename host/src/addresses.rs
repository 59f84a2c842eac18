//! Which addresses may be connected to, decided when one is.
//!
//! A host that the user named may be anywhere. Any other, which a registry has sent us to or a component made up, has to have a public
//! address. A private one it may have only beside a registry that the user named and that has a private address itself: the one is below the
//! other's domain, or both are directly below the same, as `registry.corp.example` and `login.corp.example`. Addresses of a cloud's own
//! services and those of no machine are nobody's but those the user named.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What one job may connect to.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// In lower case, without ports; this machine as `localhost`.
    named: BTreeSet<String>,
    /// Proxies of the environment: asked for by nobody, only gone through.
    proxies: BTreeSet<String>,
    /// Named hosts that turned out to be private.
    private: Mutex<BTreeSet<String>>,
}

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Everywhere.
    Public,
    /// In some network.
    Private,
    /// This machine, its cable, its cloud's services, or nothing that one can talk to.
    Local,
}

/// A host was found at an address that it may not have.
#[derive(Debug)]
pub struct Forbidden {
    host: String,
    address: IpAddr,
}

impl Addresses {
    /// Hosts that the user named, each perhaps with a port, and those of proxies.
    pub fn new(named: impl IntoIterator<Item = String>, proxies: BTreeSet<String>) -> Self {
        let named = named.into_iter().map(|host| known(without_port(&host.to_ascii_lowercase()))).collect();
        Self(Arc::new(Inner { named, proxies, private: Mutex::default() }))
    }

    /// Whether the user named this host.
    pub fn is_named(&self, host: &str) -> bool {
        self.0.named.contains(&known(host))
    }

    /// Fails when the host is an address that may not be connected to. Names are looked at when they are resolved.
    pub fn check(&self, host: &str) -> Result<(), Forbidden> {
        let address = if host == LOCALHOST { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { literal(host) };
        address.map_or(Ok(()), |address| self.permit(host, address))
    }

    fn permit(&self, host: &str, address: IpAddr) -> Result<(), Forbidden> {
        let reach = Reach::of(address);
        let mut private = self.0.private.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_named(host) {
            if reach == Reach::Private {
                private.insert(known(host));
            }
            return Ok(());
        }
        let beside = || literal(host).is_none() && private.iter().any(|named| are_beside(named, host));
        match reach {
            Reach::Public => Ok(()),
            _ if self.0.proxies.contains(host) => Ok(()),
            Reach::Private if beside() => Ok(()),
            Reach::Private | Reach::Local => Err(Forbidden { host: host.to_owned(), address }),
        }
    }

    /// Where the host is, without what it may not be.
    fn resolved(&self, host: &str) -> std::io::Result<Result<Vec<SocketAddr>, Forbidden>> {
        // What this name is, is not for others to say (RFC 6761, 6.3).
        let all: Vec<SocketAddr> = if host == LOCALHOST {
            let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            own.map(|address| SocketAddr::new(address, 0)).into()
        } else {
            (host, 0).to_socket_addrs()?.collect()
        };
        let mut refused = None;
        let permitted = |address: &SocketAddr| match self.permit(host, address.ip()) {
            Ok(()) => true,
            Err(forbidden) => {
                refused = Some(forbidden);
                false
            }
        };
        let permitted: Vec<SocketAddr> = all.into_iter().filter(permitted).collect();
        Ok(match refused {
            Some(forbidden) if permitted.is_empty() => Err(forbidden),
            _ => Ok(permitted),
        })
    }
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let resolved = tokio::task::spawn_blocking(move || addresses.resolved(&host)).await??;
            Ok(Box::new(resolved?.into_iter()) as Addrs)
        })
    }
}

impl Reach {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_four(address),
            IpAddr::V6(address) => embedded(address).map_or_else(|| Self::of_six(address), Self::of_four),
        }
    }

    fn of_four(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0 | 127 | 224..=255, ..] | [169, 254, ..] | [100, 100, 100, 200] | [192, 0, 0, 192] => Self::Local,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => Self::Private,
            [192, 0, 0, _] => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_six(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] | [0xfe80..=0xfebf, ..] | [0xff00..=0xffff, ..] => Self::Local,
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Self::Local,
            [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Self::Private,
            _ => Self::Public,
        }
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address } = self;
        write!(f, "{host} is at {address}, which is no public address, and nobody but a registry named it")
    }
}

impl std::error::Error for Forbidden {}

/// The IPv4 address that is reached through an IPv6 one (RFC 4291, 2.5.5; RFC 6052; RFC 8215; RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let four = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => four(high, low),
        _ => None,
    }
}

/// An address written out; one of IPv6 perhaps in brackets.
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// `localhost`, or an address of this machine written out.
pub fn is_loopback(host: &str) -> bool {
    host == LOCALHOST || literal(host).is_some_and(|address| address.is_loopback())
}

/// One name for each host.
fn known(host: &str) -> String {
    match literal(host) {
        _ if is_loopback(host) => LOCALHOST.to_owned(),
        Some(address) => address.to_canonical().to_string(),
        None => host.trim_end_matches('.').to_owned(),
    }
}

/// An IPv6 address has its colons in brackets when a port follows.
fn without_port(host: &str) -> &str {
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if digits(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// Whether the one's domain is the other, or they have the same one, that is not a country's or the like.
fn are_beside(named: &str, host: &str) -> bool {
    let domain = |host: &str| host.split_once('.').map(|(_, domain)| domain.to_owned()).filter(|it| it.contains('.'));
    let (host, host_domain) = (host.trim_end_matches('.'), domain(host.trim_end_matches('.')));
    match domain(named) {
        Some(named_domain) if named_domain == host || host_domain.as_ref() == Some(&named_domain) => true,
        _ => host_domain.as_deref() == Some(named),
    }
}

const LOCALHOST: &str = "localhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_reach_as_far_as_they_do() {
        use Reach::{Local, Private, Public};
        let table = [
            (Public, "1.1.1.1 172.32.0.1 100.63.255.255 192.0.2.1 2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::101:101"),
            (Private, "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 198.18.0.1 fc00::1 fd12::1 fec0::1"),
            (Private, "::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::192.168.0.1 2002:a00:1::1 192.0.0.8"),
            (Local, "127.0.0.1 127.9.9.9 169.254.169.254 0.0.0.0 0.1.2.3 255.255.255.255 224.0.0.1 240.0.0.1"),
            (Local, "::1 :: fe80::1 ff02::1 fd00:ec2::254 100.100.100.200 192.0.0.192"),
            (Local, "::ffff:169.254.169.254 64:ff9b::169.254.169.254 2002:a9fe:a9fe:: ::ffff:127.0.0.1 ::127.0.0.2"),
        ];
        for (reach, addresses) in table {
            for address in addresses.split(' ') {
                assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}");
            }
        }
    }

    #[test]
    fn only_named_hosts_are_anywhere() {
        let named = ["10.0.0.5:5000", "[fd12::1]:443", "Registry.Corp.Example", "localhost:5000", "r.lan"];
        let addresses = Addresses::new(named.map(str::to_owned), BTreeSet::from(["proxy.corp".to_owned()]));
        let may = |host: &str, address: &str| addresses.permit(host, address.parse().unwrap()).is_ok();
        for (host, address) in [
            ("10.0.0.5", "10.0.0.5"),
            ("[fd12::1]", "fd12::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("other.example", "1.1.1.1"),
            ("proxy.corp", "10.0.0.9"),
            ("r.lan", "169.254.1.1"),
        ] {
            assert!(may(host, address), "{host} {address}");
        }
        let beside = ["login.corp.example", "corp.example", "x.registry.corp.example"];
        let elsewhere =
            ["corp.example.evil", "evil.example", "x.lan", "10.0.0.6", "169.254.169.254", "login.other.example"];
        for host in beside.iter().chain(&elsewhere) {
            assert!(!may(host, "10.0.0.6"), "{host}");
        }
        assert!(may("registry.corp.example", "10.0.0.7") && may("r.lan", "10.0.0.8"));
        for host in beside {
            assert!(may(host, "10.0.0.6") && !may(host, "127.0.0.1") && !may(host, "169.254.169.254"), "{host}");
        }
        for host in elsewhere {
            assert!(!may(host, "10.0.0.6"), "{host}");
        }
        assert!(Addresses::default().check("localhost").is_err() && Addresses::default().check("127.0.0.1").is_err());
        assert!(Addresses::default().check("[::ffff:169.254.169.254]").is_err());
    }

    /// A name that is somewhere it may not be is not connected to.
    #[test]
    fn names_are_looked_at_where_they_are() {
        let nobody = Addresses::default();
        assert!(nobody.resolved("localhost").unwrap().is_err());
        let named = Addresses::new(["localhost".to_owned()], BTreeSet::new());
        assert_eq!(named.resolved("localhost").unwrap().unwrap().len(), 2);
    }
}
