//! Keeping the store, as the export `keeper` does it: each question until the user wants it to stop.

use std::pin::pin;

use futures_util::future::{Either, select};

use super::check::{self, Report};
use super::collect::{self, Collection};
use super::images::Images;
use super::{Layout, repair};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::media::{Kept, Media};

/// The images whose name has this text in it.
///
/// # Errors
/// As [`Layout::images`].
pub async fn images<M: Media>(media: &M, filter: &str, store: M::Directory) -> Result<Images> {
    stoppable(media, Layout::store(store).images(filter)).await
}

/// More names for an image.
///
/// # Errors
/// As [`Layout::name_too`].
pub async fn tag<M: Media>(media: &M, source: &str, names: &[String], store: M::Directory) -> Result<Digest> {
    stoppable(media, Layout::store(store).name_too(source, names)).await
}

/// Names that go.
///
/// # Errors
/// As [`Layout::unname`].
pub async fn untag<M: Media>(media: &M, names: &[String], store: M::Directory) -> Result<Vec<Result<Digest>>> {
    stoppable(media, Layout::store(store).unname(names)).await
}

/// What no name needs goes.
///
/// # Errors
/// As [`collect::collect`].
pub async fn collect<M: Media<Directory: Kept>>(
    media: &M,
    untagged: bool,
    dry_run: bool,
    store: M::Directory,
) -> Result<Collection> {
    stoppable(media, collect::collect(media, &Layout::store(store), untagged, dry_run)).await
}

/// Whether all is sound; with `repair`, what is not is repaired as far as nothing is lost by that.
///
/// # Errors
/// As [`check::check`] and [`repair::repair`].
pub async fn check<M: Media<Directory: Kept>>(media: &M, repair: bool, store: M::Directory) -> Result<Report> {
    let store = Layout::store(store);
    let work = async {
        let mut report = check::check(media, &store).await?;
        if repair && !report.findings.is_empty() {
            repair::repair(media, &store, &mut report).await?;
        }
        Ok(report)
    };
    stoppable(media, work).await
}

/// What was done stays done; what was not is not.
async fn stoppable<M: Media, T>(media: &M, work: impl Future<Output = Result<T>>) -> Result<T> {
    match select(pin!(media.cancelled()), pin!(work)).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    }
}
