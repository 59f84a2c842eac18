//! A layout as an OCI archive: its files in one tar, in BuildKit's order, with owner and time 0.

use super::known::KNOWN;
use crate::error::Result;
use crate::layer::tar;

/// The archive of these files: each with its path in the layout, in byte order of the paths. What a layout remembers stays behind.
///
/// # Errors
/// A path that no tar can hold.
pub fn pack<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    for folder in ["blobs/", "blobs/sha256/"] {
        archive.extend(tar::plain(folder, 0o755, 0)?);
    }
    for (path, content) in files.filter(|(path, _)| !path.starts_with(KNOWN)) {
        let mode = if path == "index.json" { 0o644 } else { 0o444 };
        archive.extend(tar::plain(path, mode, content.len() as u64)?);
        archive.extend_from_slice(content);
        archive.resize(archive.len().saturating_add(tar::padding(content.len() as u64)), 0);
    }
    archive.extend(tar::END);
    Ok(archive)
}
