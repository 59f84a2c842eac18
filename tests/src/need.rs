//! What a test needs from the machine. Where nothing may be skipped (`CI=true`) a need that is not met is a failure; elsewhere the
//! test says that it was skipped, on the real standard error, which the test runner does not keep to itself.

use std::io::Write;

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

/// Reports a need that is not met.
pub fn missing(what: &str) -> bool {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!ci, "{what}, and in CI nothing is skipped");
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {what}", thread.name().unwrap_or("a test"));
    false
}
