//! A tree out of JavaScript objects.

use std::collections::BTreeMap;

use js_sys::Array;
use wasm_bindgen::JsValue;

use ocix_core::error::Error;
use ocix_core::media::{Device, Entry, Kind, Timestamp};
use ocix_core::memory::Tree;

use crate::value;

/// The tree of `entries`, each `{ path, type, mode?, uid?, gid?, mtime?, content?, target?, major?, minor?, xattrs? }`.
///
/// `path`, `content`, `target` and the values of `xattrs` are strings or `Uint8Array`s; `type` is one of `file` (the default),
/// `directory`, `symlink`, `hardlink`, `character`, `block`, `fifo`; `mtime` is in seconds. They may come in any order: the walk's is made here.
pub fn tree(entries: &Array) -> Result<Tree, Error> {
    let mut sorted = BTreeMap::new();
    for (number, object) in entries.iter().enumerate() {
        let (entry, content) = entry(&object).map_err(|error| error.within(format!("entry {number} is wrong")))?;
        // Components compare one after the other, so that what is in `a` comes before `a.b`.
        let key: Vec<Vec<u8>> = entry.path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
        sorted.insert(key, (entry, content));
    }
    let mut tree = Tree::default();
    sorted.into_values().for_each(|(entry, content)| tree.push(entry, content));
    Ok(tree)
}

fn entry(object: &JsValue) -> Result<(Entry, Vec<u8>), Error> {
    let path = value::bytes(object, "path")?.ok_or_else(|| value::wrong("path", "is missing"))?;
    let sound = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0);
    if !path.split(|byte| *byte == b'/').all(sound) {
        return Err(value::wrong("path", "must be relative, without empty, `.` and `..` components"));
    }
    let content = value::bytes(object, "content")?.unwrap_or_default();
    let target = || value::bytes(object, "target")?.ok_or_else(|| value::wrong("target", "is missing"));
    let device = || {
        let number = |name| Ok::<_, Error>(value::count(object, name)?.unwrap_or_default());
        Ok::<_, Error>(Device { major: number("major")?, minor: number("minor")? })
    };
    let kind = match value::text(object, "type")?.as_deref().unwrap_or("file") {
        "file" => Kind::Regular(content.len() as u64),
        "directory" => Kind::Directory,
        "symlink" => Kind::Symlink(target()?),
        "hardlink" => Kind::HardLink(target()?),
        "character" => Kind::Character(device()?),
        "block" => Kind::Block(device()?),
        "fifo" => Kind::Fifo,
        _ => return Err(value::wrong("type", "is not a type of entry")),
    };
    let usual = if matches!(kind, Kind::Directory) { 0o755 } else { 0o644 };
    let entry = Entry {
        path,
        mode: value::count(object, "mode")?.unwrap_or(usual) & 0o7777,
        uid: value::count(object, "uid")?.unwrap_or_default(),
        gid: value::count(object, "gid")?.unwrap_or_default(),
        modified: Timestamp { seconds: value::whole(object, "mtime")?.unwrap_or_default(), nanoseconds: 0 },
        xattrs: xattrs(object)?,
        kind,
    };
    Ok((entry, content))
}

fn xattrs(object: &JsValue) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let Some(given) = value::field(object, "xattrs") else { return Ok(Vec::new()) };
    let names = js_sys::Object::keys(&given.clone().into());
    let mut xattrs = Vec::new();
    for name in names.iter().filter_map(|name| name.as_string()) {
        let value = value::bytes(&given, &name)?.unwrap_or_default();
        xattrs.push((name, value));
    }
    xattrs.sort();
    Ok(xattrs)
}
