//! `--store`: a folder for the embedded store, or what keeps images itself.

use std::ffi::OsStr;
use std::path::PathBuf;

use ocix::{Engine, Error, ErrorCode, Fault};

/// Where images are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the folder of an embedded store.
    Embedded(PathBuf),
    /// In a container engine.
    Engine(Engine),
}

/// What the user means.
///
/// # Errors
/// When an engine's place is not said although a colon is.
pub fn parse(text: &OsStr) -> Result<Kind, Error> {
    let engine = |name: &str| text.to_str().and_then(|text| runtime(text, name));
    // What is no text is a path.
    match (engine("docker"), engine("podman")) {
        (Some(host), _) => Ok(Kind::Engine(Engine::Docker(place("docker", host)?))),
        (_, Some(host)) => Ok(Kind::Engine(Engine::Podman(place("podman", host)?))),
        (None, None) => Ok(Kind::Embedded(text.into())),
    }
}

/// What stands behind a runtime's name: nothing, or a colon and more.
fn runtime<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Where an engine is, if that is said.
fn place(name: &str, rest: &str) -> Result<Option<String>, Error> {
    match rest.strip_prefix(':') {
        Some("") => {
            let message = format!("`{name}:` is followed by the path of its socket, or by unix:///PATH");
            let code = ErrorCode::InvalidOption("store".into());
            Err(Error { code, fault: Fault::Request, message, causes: Vec::new() })
        }
        host => Ok(host.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_from_engines() {
        for path in ["store", "./docker", "docker/x", "docker-store", "/podman:x", "podmans", "-"] {
            assert_eq!(parse(path.as_ref()).unwrap(), Kind::Embedded(path.into()));
        }
        let table = [
            ("docker", Engine::Docker(None)),
            ("podman", Engine::Podman(None)),
            ("docker:/run/d.sock", Engine::Docker(Some("/run/d.sock".into()))),
            ("podman:unix:///run/p.sock", Engine::Podman(Some("unix:///run/p.sock".into()))),
            ("docker:tcp://localhost:2375", Engine::Docker(Some("tcp://localhost:2375".into()))),
        ];
        for (text, engine) in table {
            assert_eq!(parse(text.as_ref()).unwrap(), Kind::Engine(engine));
        }
        assert!(parse("docker:".as_ref()).unwrap_err().message.contains("path of its socket"));
    }
}
