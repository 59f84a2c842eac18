//! Pushing an image to a registry (OCI distribution spec, "Push"), and reading from one ([`Repository`]).
//!
//! Everything that decides what is sent in which order lives in this file: blobs first, several at a time and each once, then the manifests,
//! children before the root, and the tag with the root, last. What the registry has already is not sent, what it has in another repository
//! is mounted. What does not work is tried again ([`retry`]), a blob from where it broke off ([`session`]).

mod challenge;
mod client;
mod exchange;
mod feed;
mod grant;
mod manifest;
mod mounts;
mod pull;
mod referrers;
mod refusal;
mod retry;
mod session;
mod token;
mod upload;
mod uploads;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Result};
use crate::media::{Action, Event, Media, Outcome, Step};
use client::{Client, Purpose};

pub use mounts::DISTRIBUTION_SOURCE;
pub use pull::{Download, Repository};
pub use uploads::Uploads;

/// Where an image goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `docker.io`, or a host with its port where one was given.
    pub registry: String,
    /// Within the registry.
    pub repository: String,
    /// Without one the image goes by its digest.
    pub tag: Option<String>,
    /// The user allowed this registry certificates that are not trusted, and plain HTTP when it does not answer with TLS.
    pub insecure: bool,
}

/// Everything of one image, ready to be sent.
pub struct Image<'a, M: Media> {
    /// Layers and configs, in any order; a blob may come several times. Those that may not be distributed are not sent.
    pub blobs: Vec<(Descriptor, Bytes<'a, M>)>,
    /// Children first, the root last.
    pub manifests: Vec<(Descriptor, Vec<u8>)>,
    /// Where blobs are known to be, by their digests: registries with repositories, as in `example.com/team/base`.
    pub places: Places,
}

/// Repositories with their registries, by the digests of blobs that they have.
pub type Places = BTreeMap<String, BTreeSet<String>>;

/// How images are pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Let the registry take blobs from other repositories of its own.
    pub mounts: bool,
    /// Repositories with their registries, as in `example.com/team/base`, that are tried before those that are known.
    pub mount_from: Vec<String>,
    /// Ask nobody: answer as a registry that has nothing would, and tell the requests.
    pub dry_run: bool,
    /// Blobs of more bytes are sent in parts of as many.
    pub chunk: u64,
}

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Sent.
    pub uploaded: Tally,
    /// Taken by the registry from another of its repositories.
    pub mounted: Tally,
    /// Not needed.
    pub already_there: Tally,
    /// Bytes of bodies that were sent, those that were sent again included.
    pub sent: u64,
    /// Requests that were made again.
    pub retries: u32,
    /// Uploads that went on where they had broken off.
    pub resumed: u32,
    /// Of a dry run, in order.
    pub requests: Vec<Planned>,
}

/// Blobs and manifests that ended the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u32,
    /// The sum of their sizes.
    pub bytes: u64,
}

/// A request of a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// For example `PUT`.
    pub method: String,
    /// Absolute; an upload's session is `SESSION`.
    pub url: String,
    /// Of its body.
    pub bytes: u64,
}

/// Pushes the image.
///
/// Tells how far every blob and manifest is as a step of [`Action::Upload`], in bytes. What does not work is tried again, within a budget.
/// Dropped before its end, it drops the requests that are under way; uploads that were begun are still in `uploads`, as they are when it fails.
///
/// # Errors
/// Of the fault `registry`, with what was tried where, what the registry said, and what to do; of a blob that could not be read; of the
/// fault `source` when a blob of another registry is not what its digest says, which is then not taken either. Blobs that were sent stay at the registry, without a name; a tag is only ever set when all else is there.
pub async fn push<M: Media>(
    media: &M,
    image: &Image<'_, M>,
    target: &Target,
    policy: &Policy,
    uploads: &Uploads,
) -> Result<Pushed> {
    let client = Client::new(media, target.clone(), Purpose::Push)?.with(policy, uploads);
    let mut known = BTreeSet::new();
    let mut blobs = Vec::new();
    for (blob, bytes) in image.blobs.iter().filter(|(blob, _)| !is_foreign(blob) && known.insert(&blob.digest)) {
        blobs.push((blob, bytes, mounts::candidates(blob, bytes, target, policy, &image.places)?));
    }
    let sources = blobs.iter().flat_map(|(.., from)| from).take(MOST_SOURCES).cloned().collect();
    *client.sources.borrow_mut() = sources;
    let uploading = blobs.iter().map(async |(blob, bytes, from)| {
        let outcome = upload::blob(&client, blob, bytes, from).await?;
        end(&client, blob, &outcome);
        Ok((*blob, *bytes, outcome))
    });
    let done: Vec<_> = stream::iter(uploading).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut pushed = Pushed::default();
    for (blob, _, outcome) in &done {
        pushed.count(blob, outcome);
    }
    let mut healed = false;
    for (number, (manifest, bytes)) in image.manifests.iter().enumerate() {
        let root = number.saturating_add(1) == image.manifests.len();
        let tag = target.tag.as_deref().filter(|_| root);
        let mut put = manifest::put(&client, manifest, bytes, tag).await;
        // A registry may say that it has a blob, and then not find it.
        if let Err(Error { code: Code::Registry(_, code), .. }) = &put
            && matches!(code.as_str(), "BLOB_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN")
            && !std::mem::replace(&mut healed, true)
        {
            for (blob, bytes, outcome) in &done {
                if *outcome != Outcome::Uploaded {
                    upload::again(&client, blob, bytes).await?;
                }
            }
            put = manifest::put(&client, manifest, bytes, tag).await;
        }
        let outcome = put?;
        end(&client, manifest, &outcome);
        pushed.count(manifest, &outcome);
    }
    referrers::settle(&client).await?;
    Ok(client.tell(pushed))
}

impl Default for Policy {
    fn default() -> Self {
        Self { mounts: true, mount_from: Vec::new(), dry_run: false, chunk: CHUNK }
    }
}

impl Policy {
    /// Fails with `invalid-option` when it names what is no repository.
    pub fn check(&self) -> Result<()> {
        self.mount_from.iter().try_for_each(|named| mounts::repository(named).map(drop))
    }
}

impl Pushed {
    fn count(&mut self, of: &Descriptor, outcome: &Outcome) {
        let tally = match outcome {
            Outcome::Mounted(_) => &mut self.mounted,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::Uploaded | Outcome::Done | Outcome::Stored => &mut self.uploaded,
        };
        tally.count = tally.count.saturating_add(1);
        tally.bytes = tally.bytes.saturating_add(of.size);
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
    }
}

/// Whether a layer is one that its licence keeps at its own place (OCI layer.md, "Non-Distributable Layers"; Docker's "foreign").
fn is_foreign(blob: &Descriptor) -> bool {
    blob.media_type.contains("nondistributable") || blob.media_type.contains("foreign")
}

/// Tells how far a blob or manifest is.
fn progress<M: Media>(client: &Client<'_, M>, of: &Descriptor, done: u64) {
    step(client, of, done, None);
}

fn end<M: Media>(client: &Client<'_, M>, of: &Descriptor, outcome: &Outcome) {
    step(client, of, of.size, Some(outcome.clone()));
}

fn step<M: Media>(client: &Client<'_, M>, of: &Descriptor, done: u64, outcome: Option<Outcome>) {
    // Of a dry run nothing happens.
    if client.policy.dry_run {
        return;
    }
    client.media.emit(Event::Step(Step {
        id: format!("{}@{}", client.target, of.digest),
        action: Action::Upload,
        subject: of.digest.to_string(),
        target: Some(client.target.to_string()),
        done,
        total: Some(of.size),
        outcome,
    }));
}

/// Blobs that are on their way to one registry at the same time.
const AT_ONCE: usize = 4;
/// Other repositories that a token is asked for.
const MOST_SOURCES: usize = 10;
/// Large enough that no time goes by between parts, and small enough that little is lost, and that gateways let it pass.
const CHUNK: u64 = 32 << 20;

/// What registries send is read by these: for the fuzz targets alone.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::challenge::parse as challenges;
    pub use super::grant::Token;
    pub use super::url::{escaped, origin, resolve, with};
}

#[cfg(test)]
mod tests;
