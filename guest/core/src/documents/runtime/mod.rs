//! A bundle's `config.json` (OCI runtime-spec, config.md), made from an image's config as the image-spec's conversion.md says.
//!
//! What that leaves open is as `runc spec` has it, with and without `--rootless`, but for a root file system that may be written to. Text is
//! indented by two blanks and the same for the same image everywhere.

mod defaults;
mod user;

use std::collections::BTreeMap;

use super::config::Config;
use super::json::Value;
use super::read::{self, Object};
use crate::error::{Error, Result};
use crate::text::shown;

pub use user::Accounts;

/// Who runs a bundle without rights: inside, that is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// On the host.
    pub uid: u32,
    /// On the host.
    pub gid: u32,
}

/// A document, and what the user should know about it.
pub struct Runtime {
    /// JSON.
    pub bytes: Vec<u8>,
    /// That something of the image was left out.
    pub warning: Option<String>,
}

/// The document for an image whose users and groups are these. A rootless one runs as root alone, who is the user outside.
///
/// # Errors
/// `unsupported` for what Linux does not run; `not-found` for a user or group of the image's config that its file system does not know;
/// `malformed` for one that no system has.
pub fn config(image: &Config, accounts: &Accounts, rootless: Option<User>) -> Result<Runtime> {
    let platform = image.platform();
    if platform.os != "linux" {
        let message = format!("the image is for {platform}, and bundles are made for Linux alone");
        return Err(Error::unsupported("bundle", message));
    }
    let execution = read::document(image.member("config").unwrap_or("{}").as_bytes(), "config")?;
    let user = user::resolve(&execution.text("User")?.unwrap_or_default(), accounts)?;
    let mapped = rootless.is_some() && (user.uid, user.gid) != (0, 0);
    let warning = mapped.then(|| {
        format!("the image's user {}:{} has no place in a rootless bundle, which runs as root", user.uid, user.gid)
    });
    let user = if rootless.is_some() { user::resolve("", accounts)? } else { user };
    let annotations = annotations(image, &execution)?;
    let document = Value::Object(vec![
        ("ociVersion", "1.0.2".into()),
        ("process", process(&execution, &user, rootless.is_some())?),
        ("root", Value::Object(vec![("path", ROOT.into())])),
        ("hostname", "ocix".into()),
        ("mounts", mounts(&execution, rootless.is_some())?),
        ("annotations", Value::texts(&annotations)),
        ("linux", linux(rootless)),
    ]);
    let mut bytes = document.indented().into_bytes();
    bytes.push(b'\n');
    Ok(Runtime { bytes, warning })
}

fn process<'a>(execution: &Object<'_>, user: &user::Found, rootless: bool) -> Result<Value<'a>> {
    let texts = |name| Ok::<_, Error>(execution.texts(name)?.unwrap_or_default());
    let owned = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::Owned).collect());
    let mut args = texts("Entrypoint")?;
    args.extend(texts("Cmd")?);
    if args.is_empty() {
        args.push("sh".into());
    }
    let mut env = texts("Env")?;
    let home = format!("HOME={}", user.home);
    for more in [PATH, "TERM=xterm", home.as_str()] {
        let name = more.split_inclusive('=').next().unwrap_or_default();
        if !env.iter().any(|line| line.starts_with(name)) {
            env.push(more.to_owned());
        }
    }
    let directory = execution.text("WorkingDir")?.unwrap_or_default();
    let directory = if directory.starts_with('/') { directory } else { format!("/{directory}") };
    let id = |id: u32| if rootless { 0 } else { id.into() };
    let mut who = vec![("uid", Value::Number(id(user.uid))), ("gid", Value::Number(id(user.gid)))];
    if !rootless && !user.groups.is_empty() {
        who.push(("additionalGids", Value::Array(user.groups.iter().map(|id| Value::Number((*id).into())).collect())));
    }
    Ok(Value::Object(vec![
        ("terminal", Value::Bool(true)),
        ("user", Value::Object(who)),
        ("args", owned(args)),
        ("env", owned(env)),
        ("cwd", Value::Owned(directory)),
        ("capabilities", Value::Raw(defaults::CAPABILITIES)),
        ("rlimits", Value::Raw(defaults::LIMITS)),
        ("noNewPrivileges", Value::Bool(true)),
    ]))
}

/// What every container has, and a place in memory for every volume.
fn mounts<'a>(execution: &Object<'_>, rootless: bool) -> Result<Value<'a>> {
    let mut mounts: Vec<Value> = defaults::mounts(rootless).into_iter().map(Value::Raw).collect();
    let volumes = keys(execution, "Volumes")?;
    for path in volumes {
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        mounts.push(Value::Object(vec![
            ("destination", Value::Owned(path)),
            ("type", "tmpfs".into()),
            ("source", "none".into()),
            ("options", Value::Raw(defaults::VOLUME)),
        ]));
    }
    Ok(Value::Array(mounts))
}

fn linux<'a>(rootless: Option<User>) -> Value<'a> {
    let mapping = |id: u32| {
        let ids =
            vec![("containerID", Value::Number(0)), ("hostID", Value::Number(id.into())), ("size", Value::Number(1))];
        Value::Array(vec![Value::Object(ids)])
    };
    let mut members = match rootless {
        Some(User { uid, gid }) => vec![("uidMappings", mapping(uid)), ("gidMappings", mapping(gid))],
        None => vec![("resources", Value::Raw(defaults::RESOURCES))],
    };
    members.extend([
        ("namespaces", Value::Raw(defaults::namespaces(rootless.is_some()))),
        ("maskedPaths", Value::Raw(defaults::MASKED)),
        ("readonlyPaths", Value::Raw(defaults::READ_ONLY)),
    ]);
    Value::Object(members)
}

/// The labels, and what conversion.md makes of other members where there is no label of that name.
fn annotations(image: &Config, execution: &Object<'_>) -> Result<BTreeMap<String, String>> {
    let mut all = execution.map("Labels")?;
    let text = |name: &str| image.member(name).and_then(|raw| serde_json::from_str::<String>(raw).ok());
    let features = image.member("os.features").and_then(|raw| serde_json::from_str::<Vec<String>>(raw).ok());
    let implied = [
        ("architecture", text("architecture")),
        ("author", text("author")),
        ("created", image.created_raw().and_then(|raw| serde_json::from_str(raw).ok())),
        ("exposedPorts", Some(keys(execution, "ExposedPorts")?.join(","))),
        ("os", text("os")),
        ("os.features", features.map(|features| features.join(","))),
        ("os.version", text("os.version")),
        ("stopSignal", execution.text("StopSignal")?),
        ("variant", text("variant")),
    ];
    for (name, value) in implied {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.entry(format!("org.opencontainers.image.{name}")).or_insert(value);
        }
    }
    Ok(all)
}

/// The names in an object, in byte order.
fn keys(execution: &Object<'_>, name: &str) -> Result<Vec<String>> {
    let object = execution.object(name)?;
    let mut keys: Vec<String> =
        object.iter().flat_map(|object| object.members().map(|(key, _)| key.to_owned()).collect::<Vec<_>>()).collect();
    keys.sort();
    match keys.iter().find(|key| key.contains('\0')) {
        Some(key) => Err(execution.malformed(format!("has `{}` in its `{name}`", shown(key)))),
        None => Ok(keys),
    }
}

/// Where the root file system is in a bundle.
pub const ROOT: &str = "rootfs";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[cfg(test)]
mod tests;
