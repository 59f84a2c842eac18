//! The import `credentials`: what `docker login` keeps in `config.json`, for one registry at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use wasmtime::component::Accessor;

use crate::bindings::images::ocix::image::credentials::{Credential, Host, HostWithStore};
use crate::bindings::images::ocix::image::progress::Event;
use crate::error::{Error, ErrorCode, Fault, error, refused};
use crate::state::{Media, State, ambient};

/// Where the user's credentials are.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Docker's `config.json`; without one every registry is anonymous.
    pub path: Option<PathBuf>,
}

/// The part of the file that counts. Not `Debug`: it is full of secrets.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kept {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    #[serde(alias = "identityToken")]
    identitytoken: String,
    #[serde(alias = "registryToken")]
    registrytoken: String,
}

impl Config {
    /// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
    pub fn of_user() -> Self {
        let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
        Self { path: folder.or_else(home).map(|folder| folder.join("config.json")) }
    }

    /// What is kept for the registry, and a warning when a helper would have been asked.
    fn lookup(&self, registry: &str) -> Result<(Option<Credential>, Option<String>), Error> {
        let Some(path) = &self.path else { return Ok((None, None)) };
        let bytes = match std::fs::read(path) {
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok((None, None)),
            other => other.map_err(|why| refused(Fault::Request, "read", path, &why))?,
        };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|why| {
            let message = format!(
                "`{}` is not Docker's configuration (line {}): mend it, or log in again",
                path.display(),
                why.line()
            );
            error(Fault::Request, ErrorCode::Malformed("config.json".into()), message)
        })?;
        let auth = kept.auths.iter().find(|(key, _)| host(key) == host(registry));
        if let Some(credential) = auth.and_then(|(_, auth)| auth.credential()) {
            return Ok((Some(credential), None));
        }
        let helped = kept.creds_store.is_some() || kept.cred_helpers.keys().any(|key| host(key) == host(registry));
        let warning = helped.then(|| {
            format!("credential helpers are not asked in this version: {} is used anonymously", host(registry))
        });
        Ok((None, warning))
    }
}

impl Auth {
    fn credential(&self) -> Option<Credential> {
        if !self.registrytoken.is_empty() {
            return Some(Credential::RegistryToken(self.registrytoken.clone()));
        }
        if !self.identitytoken.is_empty() {
            return Some(Credential::IdentityToken(self.identitytoken.clone()));
        }
        if !self.username.is_empty() {
            return Some(Credential::Basic((self.username.clone(), self.password.clone())));
        }
        let text = String::from_utf8(BASE64.decode(&self.auth).ok()?).ok()?;
        let (user, password) = text.trim_end_matches('\0').split_once(':')?;
        Some(Credential::Basic((user.to_owned(), password.to_owned())))
    }
}

/// A key of `auths` without scheme and path, as Docker compares them.
fn host(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

impl Host for State {}

impl<T: Send + 'static> HostWithStore<T> for Media {
    async fn lookup(
        accessor: &Accessor<T, Self>,
        registry: String,
    ) -> wasmtime::Result<Result<Option<Credential>, Error>> {
        let ambient = ambient(accessor);
        Ok(ambient.credentials.lookup(&registry).map(|(credential, warning)| {
            if let Some(warning) = warning {
                (ambient.progress)(Event::Warning(warning));
            }
            credential
        }))
    }
}

/// RFC 4648, 4; padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn look(json: &str, registry: &str) -> (Option<String>, bool) {
        let path = std::env::temp_dir().join(format!("ocix-credentials-{}-{}", std::process::id(), json.len()));
        std::fs::write(&path, json).unwrap();
        let (found, warning) =
            Config { path: Some(path.clone()) }.lookup(registry).map_err(|error| error.message).unwrap();
        std::fs::remove_file(path).unwrap();
        let found = found.map(|credential| match credential {
            Credential::Basic((user, password)) => format!("{user}:{password}"),
            Credential::IdentityToken(token) => format!("identity {token}"),
            Credential::RegistryToken(token) => format!("registry {token}"),
        });
        (found, warning.is_some())
    }

    #[test]
    fn docker_logins_are_found() {
        let json = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpwOng="},"r.example:5000":{"identitytoken":"t"},"b.example":{}}}"#;
        assert_eq!(look(json, "https://index.docker.io/v1/"), (Some("u:p:x".into()), false));
        assert_eq!(look(json, "r.example:5000"), (Some("identity t".into()), false));
        assert_eq!(look(json, "r.example"), (None, false));
        assert_eq!(look(json, "b.example"), (None, false));
        assert_eq!(look(r#"{"credsStore":"desktop"}"#, "r.example"), (None, true));
        assert!(Config { path: Some("/nonexistent/config.json".into()) }.lookup("x").is_ok());
    }
}
