//! Root file systems that the embedded store keeps beside its images, each under the chain ID of the layers that it is made of: layers that are
//! the same are unpacked once.

use std::rc::Rc;

use crate::contents::Bytes;
use crate::digest::{DiffId, Digest};
use crate::error::Result;
use crate::inspect::meter::Meter;
use crate::layer::merged::{Files, Plan};
use crate::media::{Action, Event, Media, Outcome, Step};
use crate::store::Layout;

use super::{Stack, layers, plan};

/// Unpacks layers, the lowest first, into the store, unless that was done before. They are here and checked.
///
/// # Errors
/// Those of the layers, as [`unpack`](super::unpack) has them, and of the store.
pub async fn keep<'a, M: Media>(
    media: &'a M,
    store: &Layout<M::Directory>,
    all: impl Iterator<Item = (DiffId, Bytes<'a, M>)>,
) -> Result<()> {
    let (diff_ids, blobs): (Vec<_>, Vec<_>) = all.unzip();
    let Some(chain) = DiffId::chain_of(&diff_ids) else { return Ok(()) };
    let path = store.tree(&chain).await?;
    let Some(writer) = media.kept(store.directory(), &path).await? else {
        let (id, subject) = (format!("write {chain}"), chain.to_string());
        let (action, outcome) = (Action::Write, Some(Outcome::AlreadyThere));
        media.emit(Event::Step(Step { id, action, subject, target: None, done: 0, total: None, outcome }));
        return Ok(());
    };
    let stack = Stack::checked(media, blobs.into_iter()).await?;
    if write(media, &chain, &stack, writer, None).await? {
        return Ok(());
    }
    // Unless another one was faster.
    let Some(writer) = media.kept(store.directory(), &path).await? else { return Ok(()) };
    let plan = plan(media, &stack).await?;
    write(media, &chain, &stack, writer, Some(plan)).await.map(drop)
}

/// Whether the tree is there: it is when there is a plan.
async fn write<M: Media>(
    media: &M,
    chain: &Digest,
    stack: &Stack<'_, M>,
    writer: M::TreeWriter,
    plan: Option<Rc<Plan>>,
) -> Result<bool> {
    let mut meter = Meter::writing(media, chain.as_str(), plan.as_ref().map(|plan| plan.bytes()));
    let mut files = Files::new(writer, |bytes| meter.count(bytes));
    let whole = layers(media, stack, plan, &mut files).await?.is_some();
    if whole {
        files.finish().await?;
        meter.count(0);
    }
    Ok(whole)
}
