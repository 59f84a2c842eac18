//! `--store`: a folder for the embedded store, or what keeps images itself: a container runtime or engine.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use ocix::{Containerd, Engine, Error, ErrorCode, Fault, shown};

/// Where images are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the folder of an embedded store.
    Embedded(PathBuf),
    /// In containerd's own store.
    Containerd(Containerd),
    /// In a container engine.
    Engine(Engine),
}

/// What the user means.
///
/// # Errors
/// When a runtime's settings are not understood.
pub fn parse(text: &OsStr) -> Result<Kind, Error> {
    let meant = |name: &str| text.to_str().and_then(|text| runtime(text, name));
    if let Some(settings) = meant("containerd") {
        return containerd(settings, |name| env::var(name).ok()).map(Kind::Containerd);
    }
    if let Some(host) = meant("docker") {
        return Ok(Kind::Engine(Engine::Docker(place("docker", host)?)));
    }
    if let Some(host) = meant("podman") {
        return Ok(Kind::Engine(Engine::Podman(place("podman", host)?)));
    }
    // What is no text is a path.
    Ok(Kind::Embedded(text.into()))
}

/// What stands behind a runtime's name: nothing, `:SOCKET`, `?SETTINGS`, or both.
fn runtime<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with([':', '?']))
}

/// Where an engine is, if that is said.
fn place(name: &str, rest: &str) -> Result<Option<String>, Error> {
    match rest.strip_prefix(':') {
        Some("") => Err(wrong(format!("`{name}:` is followed by the path of its socket, or by unix:///PATH"))),
        None if !rest.is_empty() => Err(wrong(format!("`{name}` has no settings: write {name} or {name}:SOCKET"))),
        host => Ok(host.map(str::to_owned)),
    }
}

/// `[:SOCKET][?namespace=NAME&snapshotter=NAME]`; what is not said is as `ctr` and `nerdctl` have it, from the environment.
fn containerd(settings: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Containerd, Error> {
    let (socket, settings) = settings.split_once('?').unwrap_or((settings, ""));
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let own = Containerd::default();
    let mut containerd = Containerd {
        socket: variable("CONTAINERD_ADDRESS").map_or(own.socket, |address| path(&address)),
        namespace: variable("CONTAINERD_NAMESPACE").unwrap_or(own.namespace),
        snapshotter: variable("CONTAINERD_SNAPSHOTTER").unwrap_or(own.snapshotter),
    };
    if let Some(socket) = socket.strip_prefix(':') {
        if socket.is_empty() {
            return Err(wrong("`containerd:` is followed by the path of its socket".into()));
        }
        containerd.socket = path(socket);
    }
    for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
        match setting.split_once('=') {
            Some((_, "")) => return Err(wrong(format!("`{}` has no value", shown(setting)))),
            Some(("namespace", name)) => containerd.namespace = name.to_owned(),
            Some(("snapshotter", name)) => containerd.snapshotter = name.to_owned(),
            _ => {
                let message = format!(
                    "`{}` is not a setting of containerd: write namespace=NAME or snapshotter=NAME, joined by &",
                    shown(setting)
                );
                return Err(wrong(message));
            }
        }
    }
    Ok(containerd)
}

fn path(address: &str) -> PathBuf {
    address.strip_prefix("unix://").unwrap_or(address).into()
}

fn wrong(message: String) -> Error {
    Error { code: ErrorCode::InvalidOption("store".into()), fault: Fault::Request, message, causes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_from_runtimes() {
        for path in ["store", "./containerd", "containerd/x", "containerd-store", "/containerd:x", "-"] {
            assert_eq!(parse(path.as_ref()).unwrap(), Kind::Embedded(path.into()));
        }
        let said = |text: &str| containerd(runtime(text, "containerd").unwrap(), |_| None).unwrap();
        let own = Containerd::default();
        let at = |socket: &str| Containerd { socket: socket.into(), ..own.clone() };
        assert_eq!(said("containerd"), own);
        assert_eq!(said("containerd:/run/c.sock"), at("/run/c.sock"));
        assert_eq!(said("containerd:unix:///run/c.sock"), at("/run/c.sock"));
        let named = Containerd { namespace: "k8s.io".into(), snapshotter: "native".into(), ..at("s") };
        assert_eq!(said("containerd:s?namespace=k8s.io&snapshotter=native"), named);
        assert_eq!(said("containerd?namespace=k8s.io"), Containerd { namespace: "k8s.io".into(), ..own.clone() });
    }

    #[test]
    fn the_environment_says_what_nobody_does() {
        let variable = |name: &str| Some(format!("unix://{name}"));
        let found = containerd("?snapshotter=native", variable).unwrap();
        assert_eq!(found.socket, PathBuf::from("CONTAINERD_ADDRESS"));
        assert_eq!((found.namespace.as_str(), found.snapshotter.as_str()), ("unix://CONTAINERD_NAMESPACE", "native"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            (":", "followed by the path of its socket"),
            ("?space=a", "`space=a` is not a setting"),
            ("?namespace", "`namespace` is not a setting"),
            ("?namespace=", "`namespace=` has no value"),
        ];
        for (text, said) in table {
            let error = containerd(text, |_| None).unwrap_err();
            assert!(error.message.contains(said), "{text}: {}", error.message);
        }
    }

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
