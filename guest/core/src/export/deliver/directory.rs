//! An image as an OCI layout in a folder: what others keep there stays.

use crate::error::Result;
use crate::media::{Input, Media, Writer};
use crate::store::{Layout, PIECE};

use super::super::checked::Checked;
use super::super::image::Image;
use super::{blobs, dest, named, progress};

/// Adds the image to the layout at the output's destination: blobs first, then its names in one step. Blobs are checked as they pass.
pub async fn write<M: Media>(media: &M, image: &Image<'_, '_, M>) -> Result<()> {
    let dest = dest(image)?;
    let layout = Layout::store(media.layout(dest).await?);
    let mut done = 0_u64;
    for (descriptor, bytes) in blobs(image).into_values() {
        if layout.has(&descriptor).await? {
            continue;
        }
        let mut writer = layout.create().await?;
        let mut checked = Checked::open(media, &descriptor, &bytes).await?;
        loop {
            let piece = checked.read(PIECE).await?;
            if piece.is_empty() {
                break;
            }
            done = done.saturating_add(piece.len() as u64);
            writer.write(piece).await?;
            progress(media, dest, done, false);
        }
        layout.publish(writer, &descriptor).await?;
    }
    for manifest in &image.manifests {
        layout.put(&manifest.descriptor, &manifest.bytes).await?;
    }
    layout.tag(&named(image, &image.names)?).await?;
    progress(media, dest, done, true);
    Ok(())
}
