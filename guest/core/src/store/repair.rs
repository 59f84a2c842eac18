//! Repairs what a check found, under the lock. What a name needs is never removed: a damaged blob is set aside, so that the image can be
//! stored again; its name stays until somebody takes it away.

use std::collections::BTreeSet;

use super::check::{DAMAGED, Finding, LAYOUT, RECORD, Report, SET_ASIDE, Seen};
use super::{LAYOUT_PATH, Layout, PIECE};
use crate::digest::Digest;
use crate::documents::index::LAYOUT_FILE;
use crate::error::Result;
use crate::media::{Directory, File, Kept, Media, Writer};

/// Repairs what can be repaired without anything of an image being lost.
///
/// # Errors
/// Those of the medium: what was repaired before stays so.
pub async fn repair<M: Media<Directory: Kept>>(
    media: &M,
    store: &Layout<M::Directory>,
    report: &mut Report,
) -> Result<()> {
    // Whoever has the lock sweeps what crashed writers left.
    let lock = store.directory.lock().await?;
    for finding in &mut report.findings {
        match finding.code {
            LAYOUT => {
                store.replace(LAYOUT_PATH, [LAYOUT_FILE]).await?;
                finding.repaired = Some("written".into());
            }
            RECORD if store.directory.remove(&lock, &finding.subject).await?.is_some() => {
                finding.repaired = Some("removed".into())
            }
            DAMAGED => damaged(media, store, &lock, finding).await?,
            _ => {}
        }
    }
    report.judge();
    Ok(())
}

async fn damaged<M: Media<Directory: Kept>>(
    media: &M,
    store: &Layout<M::Directory>,
    lock: &<M::Directory as Directory>::Lock,
    finding: &mut Finding,
) -> Result<()> {
    let Ok(digest) = finding.subject.parse::<Digest>() else { return Ok(()) };
    // It may have been replaced, or named, since it was looked at.
    if !matches!(store.see(media, &digest).await?, Seen::Damaged(_)) {
        finding.repaired = Some("replaced meanwhile".into());
        return Ok(());
    }
    let path = digest.blob_path();
    let needed = store.needed(&BTreeSet::from([&digest])).await;
    finding.images = needed.into_values().flatten().collect();
    if finding.images.is_empty() {
        if store.directory.remove(lock, &path).await?.is_some() {
            finding.repaired = Some("removed".into());
        }
        return Ok(());
    }
    let aside = format!("{SET_ASIDE}/{}", path.trim_start_matches("blobs/"));
    if let Some(file) = store.directory.open(&path).await? {
        let mut writer = store.directory.create().await?;
        let mut at = 0_u64;
        loop {
            let piece = file.read_at(at, PIECE).await?;
            if piece.is_empty() {
                break;
            }
            at = at.saturating_add(piece.len() as u64);
            writer.write(piece).await?;
        }
        drop(file);
        writer.publish(&aside).await?;
    }
    // The image stays broken: what it needs is missing now, and is taken when it is stored again.
    if store.directory.remove(lock, &path).await?.is_some() {
        finding.message =
            format!("its bytes were set aside as `{aside}`; store these images again, or remove their names");
    }
    Ok(())
}
