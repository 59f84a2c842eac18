//! `ocix login` and `ocix logout`: what is kept for registries, in the same files and helpers as docker's and podman's.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::Args;
use ocix::{Credential, Credentials, Error, ErrorCode, Fault, shown};
use tokio::runtime::Runtime;

use super::failed;
use super::registries::Registries;

/// The command.
#[derive(Args)]
pub struct Login {
    /// The registry, as HOST[:PORT].
    #[arg(value_name = "REGISTRY", default_value = HUB)]
    registry: String,
    /// Who; asked for on a terminal when it is not given.
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,
    /// The password or token. Other users of this machine can see it here: better let it be asked for, or use --password-stdin.
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin", requires = "username")]
    password: Option<String>,
    /// Read the password or token from standard input.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Do not verify the registry's certificate, and ask without TLS when it does not answer with it.
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    registries: Registries,
}

/// The command.
#[derive(Args)]
pub struct Logout {
    /// The registry, as HOST[:PORT].
    #[arg(value_name = "REGISTRY", default_value = HUB)]
    registry: String,
}

impl Login {
    /// Asks the registry first: what it refuses is not kept.
    pub fn run(self) -> ExitCode {
        let Self { registry, username, password, password_stdin, insecure, registries } = self;
        let done = who(username, password, password_stdin).and_then(|(user, password)| {
            let runtime = runtime()?;
            let transport = registries.transport();
            runtime.block_on(ocix::verify(&registry, &user, &password, transport, insecure))?;
            let credential = Credential::Basic(user.clone(), password);
            let place = runtime.block_on(Credentials::of_user().store(&registry, &credential))?;
            Ok(format!("logged in to {} as {}; kept in {place}", shown(&registry), shown(&user)))
        });
        told(done)
    }
}

impl Logout {
    /// Forgets; that nothing was there is no failure.
    pub fn run(self) -> ExitCode {
        let registry = shown(&self.registry);
        let done = runtime().and_then(|runtime| {
            let credentials = Credentials::of_user();
            let had = runtime.block_on(credentials.erase(&self.registry))?;
            let others = Credentials { files: credentials.files.into_iter().skip(1).collect(), ..Credentials::none() };
            let still = runtime.block_on(others.lookup(&self.registry))?.is_some();
            let end = if still { "; podman's auth.json still has a login: podman logout" } else { "" };
            Ok(format!("{} {registry}{end}", if had { "logged out of" } else { "was not logged in to" }))
        });
        told(done)
    }
}

fn told(done: Result<String, Error>) -> ExitCode {
    match done {
        Ok(story) => {
            eprintln!("ocix: {story}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// User and password, asked for where they are not given.
fn who(user: Option<String>, password: Option<String>, from_stdin: bool) -> Result<(String, String), Error> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() && (user.is_none() || password.is_none() && !from_stdin) {
        return Err(wrong("nobody can be asked here: say --username and --password-stdin"));
    }
    let lost = |why: std::io::Error| wrong(&format!("the answer cannot be read: {why}"));
    let user = match user {
        Some(user) => user,
        None => {
            eprint!("Username: ");
            let _ = std::io::stderr().flush();
            let mut line = String::new();
            stdin.lock().read_line(&mut line).map_err(lost)?;
            line.trim().to_owned()
        }
    };
    let password = match password {
        Some(password) => password,
        None if from_stdin => {
            let mut text = String::new();
            stdin.lock().take(MOST).read_to_string(&mut text).map_err(lost)?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => rpassword::prompt_password("Password: ").map_err(lost)?,
    };
    // What separates the two cannot be in the first (RFC 7617, 2).
    if user.is_empty() || user.contains(':') || password.is_empty() {
        return Err(wrong("a login is a user, without a colon, and a password: neither may be empty"));
    }
    Ok((user, password))
}

fn runtime() -> Result<Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|why| Error {
        code: ErrorCode::Other("host".into()),
        fault: Fault::Host,
        message: format!("no threads can be started: {why}"),
        causes: Vec::new(),
    })
}

fn wrong(message: &str) -> Error {
    let code = ErrorCode::InvalidOption("login".into());
    Error { code, fault: Fault::Request, message: message.into(), causes: Vec::new() }
}

const HUB: &str = "docker.io";

/// Of a password, in bytes: tokens may be long.
const MOST: u64 = 64 << 10;
