//! Running cargo and other programs, so that they say little when there is little to say.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::paths;

/// `cargo VERB` in the repository, as if called from a shell.
pub fn cargo(verb: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` said about this program would make build scripts that look at it run again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command.arg(verb).current_dir(paths::root()).env("CARGO_TARGET_DIR", paths::target());
    command
}

/// The same command, which gives way to all others.
fn niced(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.arg(command.get_program()).args(command.get_args()).current_dir(paths::root());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    nice
}

/// Runs a build and passes on what it says, but for the last line: without work to do, nothing is printed.
pub fn build(command: Command) -> Result<()> {
    heard(command, |line| {
        if !line.contains("    Finished") {
            eprintln!("{line}");
        }
    })
}

/// Runs tests; `compiled` is called when they are, and cargo is free.
pub fn test(command: Command, compiled: impl FnOnce()) -> Result<()> {
    let mut compiled = Some(compiled);
    let outcome = heard(command, |line| {
        eprintln!("{line}");
        if line.contains("     Running") {
            compiled.take().into_iter().for_each(|compiled| compiled());
        }
    });
    compiled.into_iter().for_each(|compiled| compiled());
    outcome
}

/// Runs a program, and tells every line of its standard error.
fn heard(mut command: Command, mut tell: impl FnMut(&str)) -> Result<()> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", shown(&command)))?;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line.context("cannot read what cargo says")?;
            tell(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("{} failed: {status}", shown(&command));
    }
    Ok(())
}

/// Runs a program that gives way to all others, and keeps what it says.
pub fn beside(command: &Command, said: &mut String) -> Result<()> {
    let output = niced(command).output().with_context(|| format!("cannot start {}", shown(command)))?;
    for stream in [output.stderr, output.stdout] {
        said.push_str(&String::from_utf8_lossy(&stream));
    }
    if !output.status.success() {
        bail!("{} failed: {}", shown(command), output.status);
    }
    Ok(())
}

/// Runs a program to its end with our standard streams.
pub fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(&command));
    }
    Ok(())
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let words = std::iter::once(program.file_name().unwrap_or(program.as_os_str())).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
