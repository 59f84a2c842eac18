//! A credential helper: the program `docker-credential-NAME`, which keeps secrets in a place of its own (the protocol of
//! docker-credential-helpers: a verb as the only argument, input and output as text or JSON).
//!
//! It is started without a shell, from an absolute folder of the path, has a time limit, and its output has a size limit. What it says of a
//! failure is told; what it gives is not.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::Credential;
use crate::error::{Error, ErrorCode, Fault, error, shown};

/// A helper that a file of the user's names.
pub struct Program<'a> {
    /// What comes after `docker-credential-`.
    pub name: &'a str,
    /// The field that names it, for errors.
    pub field: &'a str,
    /// The file with the field.
    pub file: &'a Path,
    /// How long it may take.
    pub patience: Duration,
}

/// The protocol's message. Not `Debug`: it has a secret.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Program<'_> {
    /// What it keeps for the server, if anything.
    pub async fn get(&self, server: &str) -> Result<Option<Credential>, Error> {
        self.get_from(&self.find()?, server).await
    }

    /// The same of a program that was found.
    pub async fn get_from(&self, program: &Path, server: &str) -> Result<Option<Credential>, Error> {
        let (status, output, complaint) = self.run(program, "get", server.as_bytes()).await?;
        if !status.success() {
            let none = String::from_utf8_lossy(&output).to_ascii_lowercase().contains(NOT_FOUND);
            return if none { Ok(None) } else { Err(self.failed(status, &output, &complaint)) };
        }
        let message: Message = serde_json::from_slice(&output).map_err(|_| self.error("did not answer with JSON"))?;
        Ok(match message {
            Message { username, secret, .. } if username.is_empty() && secret.is_empty() => None,
            Message { username, secret, .. } if username == TOKEN => Some(Credential::IdentityToken(secret)),
            Message { username, secret, .. } => Some(Credential::Basic(username, secret)),
        })
    }

    /// Keeps user and password, or an identity token.
    pub async fn store(&self, server: &str, user: &str, secret: &str) -> Result<(), Error> {
        let message = Message { server_url: server.to_owned(), username: user.to_owned(), secret: secret.to_owned() };
        let message = serde_json::to_vec(&message).map_err(|_| self.error("cannot be told this secret"))?;
        self.done("store", &message).await
    }

    /// Forgets what it keeps, if anything.
    pub async fn erase(&self, server: &str) -> Result<(), Error> {
        self.done("erase", server.as_bytes()).await
    }

    async fn done(&self, verb: &str, input: &[u8]) -> Result<(), Error> {
        let (status, output, complaint) = self.run(&self.find()?, verb, input).await?;
        let none = String::from_utf8_lossy(&output).to_ascii_lowercase().contains(NOT_FOUND);
        if status.success() || none { Ok(()) } else { Err(self.failed(status, &output, &complaint)) }
    }

    /// How it ended, its output, and the beginning of its complaints.
    async fn run(&self, program: &Path, verb: &str, input: &[u8]) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), Error> {
        let mut command = Command::new(program);
        command.arg(verb).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|why| self.error(format!("cannot be started: {why}")))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // One that does not want to read has its reasons, and says them.
                    let _ = stdin.write_all(input).await;
                }
            };
            let ((), output, complaint) = tokio::join!(feed, read(stdout), read(stderr));
            let (output, complaint) = (output.unwrap_or_default(), complaint.unwrap_or_default());
            if output.len() > MOST {
                return Err(self.error(format!("said more than {MOST} bytes")));
            }
            let status = child.wait().await.map_err(|why| self.error(format!("was lost: {why}")))?;
            Ok((status, output, complaint))
        };
        let late = || self.error(format!("did not answer within {} seconds", self.patience.as_secs_f32()));
        tokio::time::timeout(self.patience, talk).await.map_err(|_| late())?
    }

    /// Relative folders of the path are not looked into: what is being exported does not say what is run.
    fn find(&self) -> Result<PathBuf, Error> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(sound) {
            let message = format!(
                "{} in `{}` is not the name of a credential helper: write what follows docker-credential-",
                self.field,
                shown(&self.file.to_string_lossy())
            );
            return Err(error(Fault::Request, ErrorCode::Malformed("credentials".into()), message));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = format!("docker-credential-{}", self.name);
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&program))
            .find(|file| file.is_file())
            .ok_or_else(|| self.error("is not installed: install it, or take it out of the file and log in again"))
    }

    /// By the protocol a failure's reason is on standard output; programs that it runs complain elsewhere.
    fn failed(&self, status: ExitStatus, output: &[u8], complaint: &[u8]) -> Error {
        let line = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
            // What looks like an answer may hold a secret.
            (!line.contains(['{', '"'])).then(|| line.chars().take(LINE).collect::<String>())
        };
        let why = line(output).or_else(|| line(complaint)).unwrap_or_else(|| status.to_string());
        self.error(format!("failed: {why}"))
    }

    fn error(&self, what: impl AsRef<str>) -> Error {
        let message = format!(
            "the credential helper docker-credential-{}, which {} in `{}` names, {}",
            shown(self.name),
            self.field,
            shown(&self.file.to_string_lossy()),
            shown(what.as_ref())
        );
        error(Fault::Host, ErrorCode::Other("credential helper".into()), message)
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(MOST as u64 + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// The user of what is not a password but an identity token.
pub const TOKEN: &str = "<token>";

/// How helpers say that there is nothing.
const NOT_FOUND: &str = "credentials not found";

/// Output that is read, in bytes.
const MOST: usize = 64 << 10;

/// Of a foreign message, in characters.
const LINE: usize = 200;
