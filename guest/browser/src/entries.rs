//! Entries of trees, from and to JavaScript: `{ path, type, size, mode, uid, gid, seconds, nanoseconds, target?, major?, minor?, xattrs? }`.
//!
//! `path` and `target` are `Uint8Array`s, `xattrs` pairs of a name and a `Uint8Array`; `type` is `file`, `directory`, `symlink`, `hardlink`,
//! `character`, `block`, `fifo` or `socket`.

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;

use ocix_core::error::Result;
use ocix_core::media::{Device, Entry, Kind, Timestamp};

use crate::value::{self, set};

/// From JavaScript.
pub fn inward(object: &JsValue) -> Result<Entry> {
    let bytes = |name| value::bytes(object, name)?.ok_or_else(|| value::wrong(name, "is missing"));
    let count = |name| Ok(value::count(object, name)?.unwrap_or_default());
    let device = || Ok(Device { major: count("major")?, minor: count("minor")? });
    let kind = match value::text(object, "type")?.unwrap_or_default().as_str() {
        "file" => Kind::Regular(value::size(object, "size")?.unwrap_or_default()),
        "directory" => Kind::Directory,
        "symlink" => Kind::Symlink(bytes("target")?),
        "hardlink" => Kind::HardLink(bytes("target")?),
        "character" => Kind::Character(device()?),
        "block" => Kind::Block(device()?),
        "fifo" => Kind::Fifo,
        "socket" => Kind::Socket,
        _ => return Err(value::wrong("type", "is not a type of entry")),
    };
    let mut xattrs = Vec::new();
    for pair in value::list(object, "xattrs")?.unwrap_or_default().iter() {
        let name = value::text(&pair, "0")?.unwrap_or_default();
        xattrs.push((name, value::bytes(&pair, "1")?.unwrap_or_default()));
    }
    let (seconds, nanoseconds) = (value::whole(object, "seconds")?.unwrap_or_default(), count("nanoseconds")?);
    Ok(Entry {
        path: bytes("path")?,
        kind,
        mode: count("mode")?,
        uid: count("uid")?,
        gid: count("gid")?,
        modified: Timestamp { seconds, nanoseconds },
        xattrs,
    })
}

/// To JavaScript.
pub fn outward(entry: Entry) -> JsValue {
    let object = Object::new();
    let Entry { path, kind, mode, uid, gid, modified, xattrs } = entry;
    let bytes = |bytes: &[u8]| JsValue::from(Uint8Array::from(bytes));
    set(&object, "path", &bytes(&path));
    let kind = match kind {
        Kind::Regular(size) => {
            set(&object, "size", &(size as f64).into());
            "file"
        }
        Kind::Directory => "directory",
        Kind::Symlink(target) => {
            set(&object, "target", &bytes(&target));
            "symlink"
        }
        Kind::HardLink(target) => {
            set(&object, "target", &bytes(&target));
            "hardlink"
        }
        Kind::Character(device) => numbered(&object, device, "character"),
        Kind::Block(device) => numbered(&object, device, "block"),
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
    };
    set(&object, "type", &kind.into());
    set(&object, "mode", &mode.into());
    set(&object, "uid", &uid.into());
    set(&object, "gid", &gid.into());
    set(&object, "seconds", &(modified.seconds as f64).into());
    set(&object, "nanoseconds", &modified.nanoseconds.into());
    let pair = |(name, value): (String, Vec<u8>)| JsValue::from(Array::of2(&name.into(), &bytes(&value)));
    set(&object, "xattrs", &xattrs.into_iter().map(pair).collect::<Array>());
    object.into()
}

fn numbered(object: &Object, Device { major, minor }: Device, kind: &'static str) -> &'static str {
    set(object, "major", &major.into());
    set(object, "minor", &minor.into());
    kind
}
