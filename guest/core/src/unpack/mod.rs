//! Images as file trees: the root file system that an image's layers give, alone or in a bundle that a runtime starts.
//!
//! A tree in a place of its own is written while its layers are read for the first time, and appears when every digest was right. Over what the
//! user has nothing is written before that.

mod accounts;
mod kept;
mod rootless;
mod stack;

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

use crate::documents::config::Config;
use crate::documents::runtime;
use crate::error::{Code, Error, Fault, Result};
use crate::export::Content;
use crate::inspect::meter::Meter;
use crate::inspect::{self, Image, Limits};
use crate::layer::merged::{Files, Placed, Plan, Sink, once};
use crate::media::{Entry, Event, Ground, Kind, Media, NOBODY, Timestamp};
use crate::platform::Platform;
use crate::store::Layout;

use accounts::Watched;
use rootless::Rootless;

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
    let ground = if over { Ground::Shared } else { Ground::Bare };
    // What is wrong with the destination is said before anything is read.
    let mut writer = media.root_filesystem(&dest, ground).await?;
    let stack = Stack::bring(media, &store, layers).await?;
    let job = Job { media, stack, dest, config, rootless };
    if !over {
        // Nobody sees the tree before it is whole.
        if let Some(plan) = job.write(writer, None).await? {
            return Ok(unpacked(&plan));
        }
        writer = media.root_filesystem(&job.dest, ground).await?;
    }
    let plan = plan(media, &job.stack).await?;
    job.write(writer, Some(plan.clone())).await?;
    Ok(unpacked(&plan))
}

fn unpacked(plan: &Plan) -> Unpacked {
    Unpacked { entries: plan.entries() as u64, bytes: plan.bytes() }
}

/// What is unpacked, and how.
struct Job<'a, M: Media> {
    media: &'a M,
    stack: Stack<'a, M>,
    dest: String,
    /// That a bundle is made from.
    config: Option<Config>,
    rootless: Option<User>,
}

impl<M: Media> Job<'_, M> {
    /// Writes the tree, as the plan says if there is one already; its plan. `None` when it cannot be known without one: then the tree is not finished.
    async fn write(&self, writer: M::TreeWriter, plan: Option<Rc<Plan>>) -> Result<Option<Rc<Plan>>> {
        let Self { media, dest, config, .. } = self;
        let mut meter = Meter::writing(*media, dest, plan.as_ref().map(|plan| plan.bytes()));
        let mut files = Files::new(writer, |bytes| meter.count(bytes));
        let plan = match config {
            None => self.root(plan, None, &mut files).await?,
            Some(config) => {
                let own = |path: &str, kind| Entry { path: path.into(), kind, ..of_writer(*media) };
                files.entry(own("", Kind::Directory)).await?;
                let mut watched = Watched::new(&mut files);
                let plan = self.root(plan, Some(runtime::ROOT.into()), &mut watched).await?;
                let Watched { accounts, linked, .. } = watched;
                if plan.is_some() {
                    let made = runtime::config(config, &accounts, self.rootless).map_err(|error| match error.code {
                        Code::NotFound if linked => error.because("one of the two is a link, which is not followed"),
                        _ => error,
                    })?;
                    made.warning.into_iter().for_each(|warning| media.emit(Event::Warning(warning)));
                    let config = own(CONFIG, Kind::Regular(made.bytes.len() as u64));
                    files.entry(Entry { mode: 0o644, ..config }).await?;
                    files.content(made.bytes).await?;
                }
                plan
            }
        };
        if plan.is_some() {
            files.finish().await?;
            meter.count(0);
        }
        Ok(plan)
    }

    /// The root file system, itself included, alone or in a folder.
    async fn root(
        &self,
        plan: Option<Rc<Plan>>,
        folder: Option<Vec<u8>>,
        sink: &mut impl Sink,
    ) -> Result<Option<Rc<Plan>>> {
        let mut placed = Placed { folder, epoch: None, sink };
        if self.rootless.is_none() {
            return layers(self.media, &self.stack, plan, &mut placed).await;
        }
        let mut rootless = Rootless::new(&mut placed);
        let plan = layers(self.media, &self.stack, plan, &mut rootless).await?;
        if plan.is_some() {
            rootless.warning().into_iter().for_each(|warning| self.media.emit(Event::Warning(warning)));
        }
        Ok(plan)
    }
}

/// Hands over the root file system, itself included, as the plan says if there is one already; its plan. `None` when it cannot be known without one.
async fn layers<M: Media>(
    media: &M,
    stack: &Stack<'_, M>,
    plan: Option<Rc<Plan>>,
    sink: &mut impl Sink,
) -> Result<Option<Rc<Plan>>> {
    match plan {
        None => {
            let mut warnings = Vec::new();
            let plan = once(stack, sink, |warning| warnings.push(warning)).await?;
            // Whoever reads the layers again tells them.
            let told = warnings.into_iter().filter(|_| plan.is_some());
            told.for_each(|warning| media.emit(Event::Warning(warning)));
            Ok(plan.map(Rc::new))
        }
        Some(plan) => {
            sink.entry(plan.root().clone()).await?;
            plan.write(stack, sink).await?;
            Ok(Some(plan))
        }
    }
}

/// Reads all layers to find out what stands where.
async fn plan<M: Media>(media: &M, stack: &Stack<'_, M>) -> Result<Rc<Plan>> {
    Plan::new(stack, |warning| media.emit(Event::Warning(warning))).await.map(Rc::new)
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
