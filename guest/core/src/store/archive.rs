//! A layout as an OCI archive: its files in one tar, in BuildKit's order, with owner and time 0.

use super::PIECE;
use super::known::KNOWN;
use crate::error::{Code, Error, Fault, Result};
use crate::layer::tar;
use crate::media::{Directory, File, Sink};

/// Writes the archive of these files of a layout, whose paths come in byte order. What a layout remembers stays behind.
///
/// # Errors
/// A path that no tar can hold, or that is not there; what reading and writing say.
pub async fn pack<D: Directory>(layout: &D, paths: &[String], mut sink: impl Sink) -> Result<()> {
    for folder in ["blobs/", "blobs/sha256/"] {
        sink.write(tar::plain(folder, 0o755, 0)?).await?;
    }
    for path in paths.iter().filter(|path| !path.starts_with(KNOWN)) {
        let missing = || Error::new(Fault::Store, Code::NotFound, format!("`{path}` is missing from the layout"));
        let file = layout.open(path).await?.ok_or_else(missing)?;
        let mode = if path == "index.json" { 0o644 } else { 0o444 };
        let mut piece = tar::plain(path, mode, file.size())?;
        let mut done = 0_u64;
        while done < file.size() {
            let read = file.read_at(done, PIECE).await?;
            if read.is_empty() {
                let message = format!("`{path}` became shorter while it was read");
                return Err(Error::new(Fault::Store, Code::SizeMismatch(done), message));
            }
            done = done.saturating_add(read.len() as u64);
            sink.write(std::mem::replace(&mut piece, read)).await?;
        }
        tar::pad(&mut piece, done);
        sink.write(piece).await?;
    }
    sink.write(tar::END.to_vec()).await?;
    sink.finish().await
}
