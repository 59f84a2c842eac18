//! What a test needs from the machine. Where nothing may be skipped (`CI=true`) a need that is not met is a failure; elsewhere the
//! test says that it was skipped, on the real standard error, which the test runner does not keep to itself.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::run;

/// Leaves the test when a program is missing: `need!("skopeo", "umoci")`.
#[macro_export]
macro_rules! need {
    ($($program:literal),+) => {
        if ![$($program),+].iter().all(|program| $crate::need::counterpart(program)) {
            return;
        }
    };
}

/// Leaves the test when it does not run as root, which owners and devices need.
#[macro_export]
macro_rules! need_root {
    () => {
        if !$crate::need::root() {
            return;
        }
    };
}

/// Whether somebody else's program is here.
pub fn counterpart(program: &str) -> bool {
    run::find(program).is_some() || missing(&format!("{program} is not installed"))
}

/// Whether this is root.
pub fn root() -> bool {
    rustix::process::geteuid().is_root() || missing("this is not root")
}

/// An address of this machine that is not a loopback one; nothing is sent for this.
pub fn address() -> Option<Ipv4Addr> {
    let own = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        match socket.local_addr().ok()? {
            SocketAddr::V4(address) if !address.ip().is_loopback() => Some(*address.ip()),
            _ => None,
        }
    };
    let found = own();
    if found.is_none() {
        missing("this machine has only loopback addresses");
    }
    found
}

/// Reports a need that is not met.
pub fn missing(what: &str) -> bool {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!ci, "{what}, and in CI nothing is skipped");
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {what}", thread.name().unwrap_or("a test"));
    false
}
