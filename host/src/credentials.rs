//! What the user keeps for registries, for one of them at a time, and the import `credentials`.
//!
//! The files are looked into in this order, and the first that has something for the registry decides:
//! 1. `$REGISTRY_AUTH_FILE`, when that is set, and no other;
//! 2. else `$DOCKER_CONFIG/config.json`, when that is set, and no other;
//! 3. else `~/.docker/config.json`, then containers' `$XDG_RUNTIME_DIR/containers/auth.json` (without the variable
//!    `/run/containers/UID/auth.json`), then `$XDG_CONFIG_HOME/containers/auth.json` (without it `~/.config/containers/auth.json`).
//!
//! What decides within one of them is in `kept`.

mod edit;
mod kept;
mod place;
mod program;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use wasmtime::component::Accessor;

use crate::bindings::images::ocix::image::credentials as seam;
use crate::error::{Error, ErrorCode, Fault, error, shown};
use crate::failure;
use crate::state::{Media, State, ambient};
use edit::Entry;
use kept::Kept;
use place::Place;
use program::{Program, TOKEN};

/// Where the user's credentials are.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Docker's `config.json` or containers' `auth.json`, the first to decide first; without one every registry is anonymous. New ones go
    /// into the first.
    pub files: Vec<PathBuf>,
    /// How long a credential helper may take.
    pub patience: Duration,
}

/// What a registry takes. Shown without its secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// User and password.
    Basic(String, String),
    /// An OAuth2 refresh token.
    IdentityToken(String),
    /// A bearer token that is sent as it is.
    RegistryToken(String),
}

/// What one job has looked up.
pub struct Lookups {
    credentials: Credentials,
    said: Said,
}

/// What helpers have said, by the files that name them and the registries: each is asked once.
#[derive(Default)]
struct Said(Mutex<BTreeMap<(PathBuf, String), Known>>);

type Known = Arc<OnceCell<Option<Credential>>>;

impl Credentials {
    /// As the environment says, which is in the contract above.
    pub fn of_user() -> Self {
        Self::found(|name| std::env::var_os(name), rustix::process::getuid().as_raw())
    }

    /// No file: every registry is anonymous.
    pub fn none() -> Self {
        Self { files: Vec::new(), patience: PATIENCE }
    }

    fn found(variable: impl Fn(&str) -> Option<OsString>, user: u32) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(only) = path("REGISTRY_AUTH_FILE").or(path("DOCKER_CONFIG").map(|it| it.join("config.json"))) {
            return Self { files: vec![only], ..Self::none() };
        }
        let home = path("HOME").filter(|home| home.is_absolute());
        let absolute = |name| path(name).filter(|path| path.is_absolute());
        let running = absolute("XDG_RUNTIME_DIR").map(|run| run.join("containers"));
        let running = running.unwrap_or_else(|| PathBuf::from(format!("/run/containers/{user}")));
        let config = absolute("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let files = [
            home.as_ref().map(|home| home.join(".docker/config.json")),
            Some(running.join("auth.json")),
            config.map(|config| config.join("containers/auth.json")),
        ];
        Self { files: files.into_iter().flatten().collect(), ..Self::none() }
    }

    /// What is kept for `HOST[:PORT]`, or for `HOST[:PORT]/REPOSITORY`, for which what is kept for a part of the registry counts too. Docker
    /// Hub is `docker.io`, or `https://index.docker.io/v1/`. None means: go anonymously.
    ///
    /// # Errors
    /// When a file cannot be read or understood, or its helper fails: with the file and the field, never with a secret.
    pub async fn lookup(&self, registry: &str) -> Result<Option<Credential>, failure::Error> {
        Ok(self.kept(registry, &Said::default()).await?)
    }

    /// Keeps a credential for a registry: with the helper that the first file names for it, else in that file, which is replaced at once and
    /// whole, readable for its owner. Where it is now, in words.
    ///
    /// # Errors
    /// When there is no file to write, it cannot be read, understood or written, or its helper fails.
    pub async fn store(&self, registry: &str, credential: &Credential) -> Result<String, failure::Error> {
        let (place, file) = (place(registry)?, self.first()?);
        let kept = Kept::read(file)?;
        let Some((field, name)) = kept.helper(&place)? else {
            edit::write(file, &place, &Entry::Is(credential))?;
            return Ok(format!("`{}`", shown(&file.to_string_lossy())));
        };
        let (user, secret) = match credential {
            Credential::Basic(user, password) => (user.as_str(), password),
            Credential::IdentityToken(token) => (TOKEN, token),
            Credential::RegistryToken(_) => {
                let message = format!("docker-credential-{} cannot keep a registry token", shown(name));
                return Err(error(Fault::Request, ErrorCode::Unsupported("credential helper".into()), message).into());
            }
        };
        let program = Program { name, field: &field, file, patience: self.patience };
        program.store(&place.server(), user, secret).await?;
        edit::write(file, &place, &Entry::Elsewhere)?;
        Ok(format!("docker-credential-{}", shown(name)))
    }

    /// Forgets what the first file and its helper keep for a registry. Whether there was something.
    ///
    /// # Errors
    /// As of [`Credentials::store`].
    pub async fn erase(&self, registry: &str) -> Result<bool, failure::Error> {
        let (place, file) = (place(registry)?, self.first()?);
        let kept = Kept::read(file)?;
        let mut had = false;
        if let Some((field, name)) = kept.helper(&place)? {
            let program = Program { name, field: &field, file, patience: self.patience };
            had = program.get(&place.server()).await?.is_some();
            program.erase(&place.server()).await?;
        }
        Ok(edit::write(file, &place, &Entry::None)? || had)
    }

    fn first(&self) -> Result<&PathBuf, Error> {
        self.files.first().ok_or_else(|| {
            let message = "there is no home to keep credentials in: say where with DOCKER_CONFIG or REGISTRY_AUTH_FILE";
            error(Fault::Request, ErrorCode::NotFound, message)
        })
    }

    async fn kept(&self, registry: &str, said: &Said) -> Result<Option<Credential>, Error> {
        let place = place(registry)?;
        for file in &self.files {
            if let Some(found) = Kept::read(file)?.lookup(&place, self.patience, said).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(user, _) => write!(f, "Basic({user:?}, …)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(…)"),
            Self::RegistryToken(_) => f.write_str("RegistryToken(…)"),
        }
    }
}

impl Lookups {
    /// Nothing is looked up yet.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, said: Said::default() }
    }

    async fn lookup(&self, repository: &str) -> Result<Option<Credential>, Error> {
        self.credentials.kept(repository, &self.said).await
    }
}

impl Said {
    /// What a helper keeps for a registry; those who ask at the same time wait for the first.
    async fn get(&self, program: &Program<'_>, server: &str) -> Result<Option<Credential>, Error> {
        let known = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry((program.file.to_owned(), server.to_owned())).or_default().clone()
        };
        known.get_or_try_init(|| program.get(server)).await.cloned()
    }
}

/// `HOST[:PORT]` of the registry's interface.
pub fn endpoint(registry: &str) -> Result<String, Error> {
    Ok(place(registry)?.endpoint().to_owned())
}

/// A helper reads lines: a name is nothing else.
fn place(registry: &str) -> Result<Place, Error> {
    let place = Place::parse(registry);
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if !place.host.is_empty() && place.host.bytes().all(sound) {
        return Ok(place);
    }
    let message = format!("`{}` is not a registry: write for example example.com or localhost:5000", shown(registry));
    Err(error(Fault::Request, ErrorCode::Malformed("reference".into()), message))
}

impl seam::Host for State {}

impl<T: Send + 'static> seam::HostWithStore<T> for Media {
    async fn lookup(
        accessor: &Accessor<T, Self>,
        repository: String,
    ) -> wasmtime::Result<Result<Option<seam::Credential>, Error>> {
        let ambient = ambient(accessor);
        let found = ambient.credentials.lookup(&repository).await;
        Ok(found.map(|found| {
            found.map(|credential| match credential {
                Credential::Basic(user, password) => seam::Credential::Basic((user, password)),
                Credential::IdentityToken(token) => seam::Credential::IdentityToken(token),
                Credential::RegistryToken(token) => seam::Credential::RegistryToken(token),
            })
        }))
    }
}

/// As long as a user needs to unlock a key ring.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
