//! Root file systems that the embedded store keeps beside its images, each under the chain ID of the layers that it is made of: layers that are
//! the same are unpacked once.

use crate::contents::Bytes;
use crate::digest::DiffId;
use crate::error::Result;
use crate::media::{Action, Event, Media, Outcome, Step};
use crate::store::Layout;

use super::{Job, Stack};

/// Unpacks layers, the lowest first, into the store, unless that was done before. They are here and checked.
///
/// # Errors
/// Those of the layers, as [`unpack`](super::unpack) has them, and of the store.
pub async fn keep<'a, M: Media>(
    media: &'a M,
    store: &Layout<M::Directory>,
    layers: impl Iterator<Item = (DiffId, Bytes<'a, M>)>,
) -> Result<()> {
    let (diff_ids, layers): (Vec<_>, Vec<_>) = layers.unzip();
    let Some(chain) = DiffId::chain_of(&diff_ids) else { return Ok(()) };
    let path = store.tree(&chain).await?;
    let Some(writer) = media.kept(store.directory(), &path).await? else {
        let (id, subject) = (format!("write {chain}"), chain.to_string());
        let (action, outcome) = (Action::Write, Some(Outcome::AlreadyThere));
        media.emit(Event::Step(Step { id, action, subject, target: None, done: 0, total: None, outcome }));
        return Ok(());
    };
    let stack = Stack::checked(media, layers.into_iter()).await?;
    let job = Job { media, stack, dest: chain.to_string(), config: None, rootless: None };
    job.alone(writer, async || media.kept(store.directory(), &path).await).await.map(drop)
}
