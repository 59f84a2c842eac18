//! Images made by hand, also those that no tool would make: tars of any entries, in an OCI layout.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::text::sha256;

/// An entry of a tar: a kind, a name as it is to stand there, and what belongs to the kind, as `escapes/README.md` says.
pub struct Entry<'e> {
    /// `d`, `f`, `l`, `h`, `c`, `b` or `p`.
    pub kind: &'e str,
    /// Its name.
    pub name: &'e str,
    /// Content, link, or numbers.
    pub what: &'e str,
    /// Owner and group.
    pub owner: (u32, u32),
}

impl<'e> Entry<'e> {
    /// Of root.
    pub fn new(kind: &'e str, name: &'e str, what: &'e str) -> Self {
        Self { kind, name, what, owner: (0, 0) }
    }
}

/// A tar of these.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Entry { kind, name, what, owner } in entries {
        let (flag, mode) = match *kind {
            "d" => (b'5', 0o755),
            "f" => (b'0', 0o644),
            "l" => (b'2', 0o777),
            "h" => (b'1', 0o644),
            "c" => (b'3', 0o600),
            "b" => (b'4', 0o600),
            "p" => (b'6', 0o600),
            other => panic!("there is no kind {other}"),
        };
        let link = if matches!(*kind, "l" | "h") { what } else { "" };
        let content = if *kind == "f" { what.as_bytes() } else { b"" };
        let long: String = [("path", *name), ("linkpath", link)]
            .iter()
            .filter(|(_, value)| value.len() > 100)
            .map(|(key, value)| record(key, value))
            .collect();
        if !long.is_empty() {
            bytes.extend(header(b'x', "long", "", 0o644, (0, 0), (0, 0), long.len()));
            padded(&mut bytes, long.as_bytes());
        }
        let numbers = what.split_once(',').filter(|_| matches!(*kind, "c" | "b"));
        let numbers = numbers.map_or((0, 0), |(major, minor)| (major.parse().unwrap(), minor.parse().unwrap()));
        bytes.extend(header(flag, name, link, mode, *owner, numbers, content.len()));
        padded(&mut bytes, content);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// Makes a layout with one image, `v1`, of these layers, each plain; `config` is the `config` in its config.
pub fn image(root: &Path, layers: &[Vec<u8>], config: Value) {
    let blob = |media_type: &str, bytes: &[u8]| {
        let digest = sha256(bytes);
        let path = root.join("blobs").join(digest.replace(':', "/"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let diff_ids: Vec<_> = layers.iter().map(|tar| sha256(tar)).collect();
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture, "os": "linux", "config": config, "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let layers: Vec<_> = layers.iter().map(|tar| blob("application/vnd.oci.image.layer.v1.tar", tar)).collect();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
    let mut manifest = blob(media_type, manifest.to_string().as_bytes());
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
    fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(root.join("index.json"), json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string()).unwrap();
}

fn header(
    flag: u8,
    name: &str,
    link: &str,
    mode: u32,
    (uid, gid): (u32, u32),
    (major, minor): (u64, u64),
    size: usize,
) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, format!("{uid:07o}").as_bytes());
    put(116, format!("{gid:07o}").as_bytes());
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{:011o}", 1_600_000_000).as_bytes());
    put(156, &[flag]);
    put(157, &link.as_bytes()[..link.len().min(100)]);
    put(257, b"ustar\x0000");
    for (at, number) in [(329, major), (337, minor)] {
        // What is too large for digits is written in base 256, as GNU tar does.
        match number < 1 << 21 {
            true => put(at, format!("{number:07o}").as_bytes()),
            false => put(at, &(number | 1 << 63).to_be_bytes()),
        }
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Of an extended header: its length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn padded(bytes: &mut Vec<u8>, content: &[u8]) {
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}
