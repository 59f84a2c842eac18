//! Images as file trees: the root file system that an image's layers give, alone or in a bundle that a runtime starts.
//!
//! Nothing is written before all layers were read once and every digest was right; what is written then is a tree in a place of its own, which
//! appears as a whole, unless the user wants it over what is there.

mod accounts;
mod kept;
mod rootless;
mod stack;

#[cfg(test)]
mod tests;

use std::pin::pin;

use futures_util::future::{Either, select};

use crate::documents::runtime;
use crate::error::{Code, Error, Fault, Result};
use crate::export::Content;
use crate::inspect::meter::Meter;
use crate::inspect::{self, Image, Limits};
use crate::layer::merged::{Files, Placed, Plan, Sink};
use crate::media::{Entry, Event, Ground, Kind, Media, NOBODY, Timestamp};
use crate::platform::Platform;
use crate::store::Layout;

use accounts::Watched;
use rootless::{Rootless, owned};

pub use kept::keep;
pub use runtime::User;
pub use stack::Stack;

/// How an image is unpacked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to, as [`Media::root_filesystem`] takes it.
    pub dest: String,
    /// Into whatever is there already.
    pub over: bool,
    /// For this user, who has no rights.
    pub rootless: Option<User>,
    /// With a `config.json`, as the OCI runtime spec has a bundle.
    pub bundle: bool,
    /// The user allowed the registry certificates that are not trusted, and plain HTTP.
    pub insecure: bool,
    /// Of an image with several platforms, the one that is meant when the content says none.
    pub native: Platform,
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Entries of the root file system.
    pub entries: u64,
    /// Bytes of its regular files.
    pub bytes: u64,
}

/// Unpacks an image, or a root file system that is a tar.
///
/// # Errors
/// When the image cannot be found or read, is damaged, or has an entry that could end up elsewhere; those of the destination. Then nothing is
/// there that was not before, unless it was to be written over something.
pub async fn unpack<M: Media>(
    media: &M,
    content: Content<M>,
    settings: Settings,
    store: M::Directory,
) -> Result<Unpacked> {
    match select(pin!(media.cancelled()), pin!(whole(media, content, settings, store))).await {
        Either::Left(_) => Err(Error::cancelled()),
        Either::Right((done, _)) => done,
    }
}

async fn whole<M: Media>(media: &M, content: Content<M>, settings: Settings, store: M::Directory) -> Result<Unpacked> {
    let Settings { dest, over, rootless, bundle, insecure, native } = settings;
    let store = Layout::store(store);
    let looked = inspect::Settings { limits: Limits::default(), insecure, native };
    let image = Image::open(media, content, &store, looked).await?;
    let inspect::Stack { config, layers, .. } = image.stack().await?;
    let config = match config.filter(|_| bundle) {
        None if bundle => return Err(Error::new(Fault::Request, Code::Unsupported("bundle".into()), NO_CONFIG)),
        config => config,
    };
    // What is wrong with the destination is said before anything is read.
    let writer = media.root_filesystem(&dest, if over { Ground::Shared } else { Ground::Bare }).await?;
    let stack = Stack::bring(media, &store, layers).await?;
    let plan = Plan::new(&stack, |warning| media.emit(Event::Warning(warning))).await?;
    let mut meter = Meter::writing(media, &dest, plan.bytes());
    let mut files = Files::new(writer, |bytes| meter.count(bytes));
    match config {
        None => root(media, &plan, &stack, rootless.is_some(), None, &mut files).await?,
        Some(config) => {
            let own = |path: &str, kind| Entry { path: path.into(), kind, ..of_writer(media) };
            files.entry(own("", Kind::Directory)).await?;
            let mut watched = Watched::new(&mut files);
            root(media, &plan, &stack, rootless.is_some(), Some(runtime::ROOT.into()), &mut watched).await?;
            let Watched { accounts, linked, .. } = watched;
            let made = runtime::config(&config, &accounts, rootless).map_err(|error| match error.code {
                Code::NotFound if linked => error.because("one of the two is a link, which is not followed"),
                _ => error,
            })?;
            made.warning.into_iter().for_each(|warning| media.emit(Event::Warning(warning)));
            let config = own(CONFIG, Kind::Regular(made.bytes.len() as u64));
            files.entry(Entry { mode: 0o644, ..config }).await?;
            files.content(made.bytes).await?;
        }
    }
    files.finish().await?;
    meter.count(0);
    Ok(Unpacked { entries: plan.entries() as u64, bytes: plan.bytes() })
}

/// The root file system, itself included, alone or in a folder.
async fn root<M: Media>(
    media: &M,
    plan: &Plan,
    stack: &Stack<'_, M>,
    rootless: bool,
    folder: Option<Vec<u8>>,
    sink: &mut impl Sink,
) -> Result<()> {
    let alone = folder.is_none();
    let mut placed = Placed { folder, epoch: None, sink };
    let top = if rootless { owned(plan.root().clone()) } else { plan.root().clone() };
    if alone {
        placed.entry(top).await?
    } else {
        placed.begin(top).await?
    }
    if !rootless {
        return plan.write(stack, &mut placed).await;
    }
    let mut rootless = Rootless::new(&mut placed);
    plan.write(stack, &mut rootless).await?;
    rootless.warning().into_iter().for_each(|warning| media.emit(Event::Warning(warning)));
    Ok(())
}

/// A folder that is no part of the image.
fn of_writer<M: Media>(media: &M) -> Entry {
    let modified = Timestamp { seconds: media.wall(), nanoseconds: 0 };
    let (path, xattrs) = (Vec::new(), Vec::new());
    Entry { path, kind: Kind::Directory, mode: 0o755, uid: NOBODY, gid: NOBODY, modified, xattrs }
}

/// A bundle's, beside its root file system.
const CONFIG: &str = "config.json";
const NO_CONFIG: &str =
    "a root file system alone has no config that a bundle could be made from: unpack it without --bundle";
