//! Where a container engine listens: what the user named, else where docker's and podman's own command lines look.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::addresses::is_loopback;
use crate::error::{Error, ErrorCode, Fault, error, shown};
use crate::hashers::sha256;

/// Which container engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Docker's, at a host as `docker --host` takes it; where `docker` finds it when none is said: `DOCKER_HOST`, the context, its sockets.
    Docker(Option<String>),
    /// podman's, at a socket; where `podman` finds it when none is said: `CONTAINER_HOST`, its sockets.
    Podman(Option<String>),
    /// Docker's when it is there, else podman's.
    Any,
}

/// One place where an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket of this machine.
    Socket(PathBuf),
    /// `HOST:PORT` of this machine.
    Port(String),
}

impl Engine {
    /// Where it may be, the likeliest place first.
    ///
    /// # Errors
    /// When what was named cannot be spoken to.
    pub fn places(&self) -> Result<Vec<Place>, Error> {
        self.found(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn found(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Vec<Place>, Error> {
        let text = |name: &str| variable(name)?.into_string().ok();
        let running = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let sockets = |own: &str, everybodys: &str| {
            let own = running.iter().map(|folder| folder.join(own));
            own.chain([PathBuf::from(everybodys)]).map(Place::Socket).collect::<Vec<_>>()
        };
        match self {
            Self::Docker(Some(host)) | Self::Podman(Some(host)) => Ok(vec![Place::parse(host)?]),
            Self::Docker(None) | Self::Any => {
                // Whoever says where docker is does not mean another engine.
                if let Some(host) = text("DOCKER_HOST").map_or_else(|| context(variable), |host| Ok(Some(host)))? {
                    return Ok(vec![Place::parse(&host)?]);
                }
                let mut places: Vec<Place> = sockets("docker.sock", "/var/run/docker.sock");
                places.reverse();
                if *self == Self::Any {
                    places.extend(Self::Podman(None).found(variable)?);
                }
                Ok(places)
            }
            Self::Podman(None) => match text("CONTAINER_HOST") {
                Some(host) => Ok(vec![Place::parse(&host)?]),
                None => Ok(sockets("podman/podman.sock", "/run/podman/podman.sock")),
            },
        }
    }
}

impl Place {
    /// `unix:///PATH`, `tcp://HOST[:PORT]`, or a path.
    fn parse(host: &str) -> Result<Self, Error> {
        let refused = |why: &str| {
            let message = format!("`{}` is not spoken to: {why}", shown(host));
            Err(error(Fault::Request, ErrorCode::InvalidOption("store".into()), message))
        };
        match host.split_once("://") {
            None if host.contains('/') => Ok(Self::Socket(host.into())),
            None => refused("write unix:///PATH or the path of a socket"),
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Socket(path.into())),
            Some(("tcp" | "http", address)) => {
                let address = address.trim_end_matches('/');
                let (name, port) = match address.rsplit_once(':') {
                    Some((name, port)) if port.parse::<u16>().is_ok() => (name, port),
                    _ => (address, "2375"),
                };
                if is_loopback(name) {
                    return Ok(Self::Port(format!("{name}:{port}")));
                }
                refused("without TLS only this machine is; bring the engine's socket here, for example with ssh -L")
            }
            Some(("ssh", _)) => refused("bring its socket here with ssh -L, and name that"),
            Some(_) => refused("write unix:///PATH or tcp://localhost:PORT"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", shown(&path.to_string_lossy())),
            Self::Port(address) => write!(f, "tcp://{}", shown(address)),
        }
    }
}

/// The host of docker's current context, unless that is the default one.
fn context(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<String>, Error> {
    let home = || variable("HOME").map(|home| Path::new(&home).join(".docker"));
    let Some(folder) = variable("DOCKER_CONFIG").map(PathBuf::from).or_else(home) else { return Ok(None) };
    let config = || -> Option<String> {
        let config: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).ok()?).ok()?;
        Some(config.get("currentContext")?.as_str()?.to_owned())
    };
    let name = variable("DOCKER_CONTEXT").and_then(|name| name.into_string().ok()).or_else(config);
    let Some(name) = name.filter(|name| !name.is_empty() && name != "default") else { return Ok(None) };
    // Docker keeps a context under the hash of its name.
    let id = sha256(&name);
    let file = folder.join("contexts/meta").join(id).join("meta.json");
    let host = || -> Option<String> {
        let meta: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        Some(meta.pointer("/Endpoints/docker/Host")?.as_str()?.to_owned())
    };
    host().map(Some).ok_or_else(|| {
        let message =
            format!("docker's context `{}` names no host: see `docker context ls`, or set DOCKER_HOST", shown(&name));
        error(Fault::Request, ErrorCode::InvalidOption("store".into()), message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(engine: &Engine, variables: &[(&str, &str)]) -> String {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).into());
        match engine.found(&variable) {
            Ok(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.message,
        }
    }

    #[test]
    fn engines_are_where_their_own_tools_look() {
        let run = ("XDG_RUNTIME_DIR", "/run/user/7");
        let (docker, podman) = (Engine::Docker(None), Engine::Podman(None));
        assert_eq!(places(&docker, &[]), "unix:///var/run/docker.sock");
        assert_eq!(places(&docker, &[run]), "unix:///var/run/docker.sock unix:///run/user/7/docker.sock");
        assert_eq!(places(&docker, &[run, ("DOCKER_HOST", "unix:///d.sock")]), "unix:///d.sock");
        assert_eq!(places(&podman, &[run]), "unix:///run/user/7/podman/podman.sock unix:///run/podman/podman.sock");
        assert_eq!(places(&podman, &[("CONTAINER_HOST", "tcp://localhost:8888")]), "tcp://localhost:8888");
        let any = places(&Engine::Any, &[]);
        assert_eq!(any, "unix:///var/run/docker.sock unix:///run/podman/podman.sock");
        assert_eq!(places(&Engine::Any, &[("DOCKER_HOST", "unix:///d.sock")]), "unix:///d.sock");
    }

    #[test]
    fn hosts_are_what_docker_takes() {
        let table = [
            ("unix:///run/d.sock", "unix:///run/d.sock"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("./d.sock", "unix://./d.sock"),
            ("tcp://localhost", "tcp://localhost:2375"),
            ("tcp://127.0.0.1:1234/", "tcp://127.0.0.1:1234"),
            ("tcp://[::1]:1234", "tcp://[::1]:1234"),
        ];
        for (host, place) in table {
            assert_eq!(places(&Engine::Docker(Some(host.into())), &[]), place);
        }
        for host in ["tcp://10.0.0.1:2375", "ssh://me@there", "npipe:////./pipe/docker", "unix://d.sock", "d", ""] {
            let said = places(&Engine::Docker(Some(host.into())), &[]);
            assert!(said.starts_with(&format!("`{host}` is not spoken to: ")), "{said}");
        }
    }

    #[test]
    fn contexts_are_followed() {
        let folder = std::env::temp_dir().join(format!("ocix-contexts-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let docker = Engine::Docker(None);
        let config = ("DOCKER_CONFIG", folder.to_str().unwrap());
        assert_eq!(places(&docker, &[config]), "unix:///var/run/docker.sock");
        fs::write(folder.join("config.json"), r#"{"currentContext":"mine"}"#).unwrap();
        assert!(places(&docker, &[config]).contains("context `mine` names no host"));
        let id = sha256("mine");
        let meta = folder.join("contexts/meta").join(id);
        fs::create_dir_all(&meta).unwrap();
        let host = r#"{"Name":"mine","Endpoints":{"docker":{"Host":"unix:///mine.sock"}}}"#;
        fs::write(meta.join("meta.json"), host).unwrap();
        assert_eq!(places(&docker, &[config]), "unix:///mine.sock");
        assert_eq!(places(&docker, &[config, ("DOCKER_CONTEXT", "default")]), "unix:///var/run/docker.sock");
        fs::remove_dir_all(folder).unwrap();
    }
}
