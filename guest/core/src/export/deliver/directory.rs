//! An image as an OCI layout in a folder: what others keep there stays.

use std::cell::Cell;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::Result;
use crate::media::{Input, Media, Writer};
use crate::store::{Layout, PIECE};

use super::super::checked::Checked;
use super::super::image::Image;
use super::{blobs, dest, named, progress};

/// Adds the image to the layout at the output's destination: blobs first, then its names in one step.
pub async fn write<M: Media>(media: &M, image: &Image<'_, '_, M>) -> Result<()> {
    let dest = dest(image)?;
    let layout = Layout::store(media.layout(dest).await?);
    let blobs: Vec<_> = blobs(image).into_values().collect();
    let done = fill(media, &layout, &blobs, |done| progress(media, dest, done, false)).await?;
    for manifest in &image.manifests {
        layout.put(&manifest.descriptor, &manifest.bytes).await?;
    }
    layout.tag(&named(image, &image.names)?).await?;
    progress(media, dest, done, true);
    Ok(())
}

/// Adds the blobs that a layout misses, several at a time, each checked as it passes. `told` hears how many bytes were written; the answer is
/// how many it were.
pub async fn fill<M: Media>(
    media: &M,
    layout: &Layout<M::Directory>,
    blobs: &[(Descriptor, Bytes<'_, M>)],
    told: impl Fn(u64),
) -> Result<u64> {
    let done = Cell::new(0_u64);
    let told = |bytes: usize| {
        done.set(done.get().saturating_add(bytes as u64));
        told(done.get());
    };
    let adding = blobs.iter().map(async |(descriptor, bytes)| {
        if layout.has(descriptor).await? {
            return Ok(());
        }
        let mut writer = layout.create().await?;
        let mut checked = Checked::open(media, descriptor, bytes).await?;
        loop {
            let piece = checked.read(PIECE).await?;
            if piece.is_empty() {
                return layout.publish(writer, descriptor).await;
            }
            told(piece.len());
            writer.write(piece).await?;
        }
    });
    stream::iter(adding).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(done.get())
}

/// Blobs that are written at the same time: enough that a slow source does not wait for the disk.
const AT_ONCE: usize = 4;
