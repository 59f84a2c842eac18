//! How an image is run: the `config` in its config (OCI config.md, and what Docker adds), and the user's changes to it.
//!
//! Values are what the Dockerfile's instructions take. A change keeps every other member; written again, the known ones come first, in
//! the order of BuildKit's own structure, and the others behind them as they came.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::healthcheck;
use super::json::Value;
use super::read::{self, Object};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::text::shown;

/// The members of an image's `config`, each as JSON text.
pub struct Execution {
    members: Vec<(String, String)>,
    windows: bool,
}

/// A command as a Dockerfile has it.
enum Command {
    /// A JSON array: program and arguments.
    Exec(Vec<String>),
    /// For the shell.
    Shell(String),
}

impl Execution {
    /// Of an image for this platform; `json` is the object, which was [`check`]ed.
    pub fn new(json: Option<&str>, platform: &Platform) -> Result<Self> {
        let json = json.filter(|json| *json != "null").unwrap_or("{}");
        let object = read::document(json.as_bytes(), "config")?;
        let members = object.members().map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect();
        Ok(Self { members, windows: platform.os == "windows" })
    }

    /// One flag's value.
    pub fn change(&mut self, flag: &str, value: &str) -> Result<()> {
        let refuse = |why: String| Error::invalid_option(flag, format!("--{flag} `{}` {why}", shown(value)));
        match flag {
            "entrypoint" => {
                let command = self.command(value).map_err(refuse)?;
                self.set_texts("Entrypoint", &command);
            }
            "cmd" => {
                let command = self.command(value).map_err(refuse)?;
                self.set_texts("Cmd", &command);
                if !command.is_empty() {
                    self.set("ArgsEscaped", "true".into());
                }
            }
            "env" => {
                let (key, _) = pair(value).map_err(refuse)?;
                let mut all = self.texts("Env");
                match all.iter_mut().find(|line| line.split('=').next() == Some(key)) {
                    Some(line) => value.clone_into(line),
                    None => all.push(value.to_owned()),
                }
                self.set_texts("Env", &all);
            }
            "label" => {
                let (key, text) = pair(value).map_err(refuse)?;
                self.insert("Labels", key, Value::from(text).compact());
            }
            "user" => self.set_text("User", value),
            "workdir" => {
                let path = self.directory(value).map_err(refuse)?;
                self.set_text("WorkingDir", &path);
            }
            "expose" => {
                for port in ports(value).map_err(refuse)? {
                    self.insert("ExposedPorts", &port, "{}".into());
                }
            }
            "volume" => {
                let paths = match command(value).map_err(refuse)? {
                    Command::Exec(paths) => paths,
                    Command::Shell(path) => vec![path],
                };
                if paths.is_empty() || paths.iter().any(String::is_empty) {
                    return Err(refuse("names no directory".into()));
                }
                for path in paths {
                    self.insert("Volumes", &path, "{}".into());
                }
            }
            "stop-signal" => {
                if !value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-')) {
                    return Err(refuse("is not a signal's name or number, for example SIGTERM".into()));
                }
                self.set_text("StopSignal", value);
            }
            "healthcheck" => self.set("Healthcheck", healthcheck::parse(value).map_err(refuse)?),
            _ => {
                return Err(Error::invalid_option(flag, format!("there is no `{}` in an image's config", shown(flag))));
            }
        }
        Ok(())
    }

    /// The object: compact.
    pub fn to_json(&self) -> String {
        let known = ORDER.iter().filter_map(|name| self.members.iter().find(|(own, _)| own == name));
        let others = self.members.iter().filter(|(name, _)| !ORDER.contains(&name.as_str()));
        Value::Object(known.chain(others).map(|(name, json)| (name.as_str(), Value::Raw(json))).collect()).compact()
    }

    /// For the entrypoint: a command for the shell becomes the shell's, an empty one nothing.
    fn command(&self, value: &str) -> Result<Vec<String>, String> {
        Ok(match command(value)? {
            Command::Exec(words) => words,
            Command::Shell(text) if text.is_empty() => Vec::new(),
            Command::Shell(text) => {
                let mut words = self.texts("Shell");
                if words.is_empty() {
                    let shell: &[&str] = if self.windows { &["cmd", "/S", "/C"] } else { &["/bin/sh", "-c"] };
                    words = shell.iter().map(|word| (*word).to_owned()).collect();
                }
                words.push(text);
                words
            }
        })
    }

    /// The directory that `value` names from the current one, cleaned.
    fn directory(&self, value: &str) -> Result<String, String> {
        if value.is_empty() {
            return Err("names no directory".into());
        }
        let separators: &[char] = if self.windows { &['/', '\\'] } else { &['/'] };
        let drive = |path: &str| {
            let drive = path.get(..2).filter(|drive| self.windows && drive.ends_with(':'))?;
            Some(drive.to_owned())
        };
        let current: Option<String> = self.get("WorkingDir").and_then(|json| serde_json::from_str(json).ok());
        let current = current.unwrap_or_default();
        let rest = drive(value).map_or(value, |_| value.get(2..).unwrap_or_default());
        let current_rest = drive(&current).map_or(current.as_str(), |_| current.get(2..).unwrap_or_default());
        let start = if rest.starts_with(separators) || drive(value).is_some() { "" } else { current_rest };
        let mut parts: Vec<&str> = Vec::new();
        for part in start.split(separators).chain(rest.split(separators)) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        Ok(if self.windows {
            let drive = drive(value).or_else(|| drive(&current)).unwrap_or_else(|| "C:".into());
            format!("{drive}\\{}", parts.join("\\"))
        } else {
            format!("/{}", parts.join("/"))
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(own, _)| own == name).map(|(_, json)| json.as_str())
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.get(name).and_then(|json| serde_json::from_str::<Option<_>>(json).ok()?).unwrap_or_default()
    }

    fn set(&mut self, name: &str, json: String) {
        match self.members.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = json,
            None => self.members.push((name.to_owned(), json)),
        }
    }

    /// What is empty is not written.
    fn set_texts(&mut self, name: &str, texts: &[String]) {
        match texts {
            [] => self.members.retain(|(own, _)| own != name),
            _ => self.set(name, Value::list(texts).compact()),
        }
    }

    fn set_text(&mut self, name: &str, text: &str) {
        match text {
            "" => self.members.retain(|(own, _)| own != name),
            _ => self.set(name, Value::from(text).compact()),
        }
    }

    /// A member of a member, which is an object and written in byte order of its keys.
    fn insert(&mut self, name: &str, key: &str, json: String) {
        let own: Option<BTreeMap<String, &RawValue>> = self.get(name).and_then(|own| serde_json::from_str(own).ok()?);
        let own = own.unwrap_or_default();
        let mut all: BTreeMap<&str, &str> = own.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
        all.insert(key, &json);
        let all = Value::Object(all.into_iter().map(|(key, json)| (key, Value::Raw(json))).collect()).compact();
        self.set(name, all);
    }
}

/// Refuses a source's `config` whose members are not of the kinds that the spec says; else it is kept as it is.
pub fn check(config: Object<'_>) -> Result<()> {
    let config = config.known(&ORDER)?;
    for name in ["User", "WorkingDir", "StopSignal"] {
        config.text(name)?;
    }
    for name in ["Env", "Entrypoint", "Cmd", "Shell"] {
        config.texts(name)?;
    }
    for name in ["ExposedPorts", "Volumes"] {
        config.object(name)?;
    }
    config.map("Labels")?;
    config.flag("ArgsEscaped").map(|_| ())
}

/// A JSON array of strings, or else text for the shell.
fn command(value: &str) -> Result<Command, String> {
    let text = value.trim();
    match serde_json::from_str::<Vec<serde_json::Value>>(text) {
        Ok(_) => serde_json::from_str(text)
            .map(Command::Exec)
            .map_err(|_| "is a JSON array of something else than strings".into()),
        Err(_) => Ok(Command::Shell(text.to_owned())),
    }
}

fn pair(value: &str) -> Result<(&str, &str), String> {
    value.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| "is not KEY=VALUE".into())
}

/// `PORT[-PORT][/PROTOCOL]`, each port with its protocol.
fn ports(value: &str) -> Result<Vec<String>, String> {
    let parse = || {
        let (range, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
        let protocol = protocol.to_ascii_lowercase();
        let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (port(first)?, port(last)?);
        (first <= last && matches!(protocol.as_str(), "tcp" | "udp" | "sctp"))
            .then(|| (first..=last).map(|port| format!("{port}/{protocol}")).collect())
    };
    parse().ok_or_else(|| "is not PORT[-PORT][/PROTOCOL] with the protocol tcp, udp or sctp".into())
}

/// The members that are known, in the order of BuildKit's structure.
const ORDER: [&str; 14] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "StopTimeout",
    "Shell",
];

#[cfg(test)]
#[path = "execution_tests.rs"]
mod tests;
