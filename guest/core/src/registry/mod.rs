//! Pushing an image to a registry (OCI distribution spec, "Push"), and reading from one ([`Repository`]).
//!
//! Everything that decides what is sent in which order lives in this file: blobs first, several at a time and each once, then the manifests,
//! children before the root, and the tag with the root, last. What the registry has already is not sent, what it has in another repository
//! that is pushed from is mounted. A blob is one PUT; nothing is tried a second time but a request that lacked authorization.

mod body;
mod challenge;
mod client;
mod pull;
mod refusal;
mod token;
mod upload;
mod url;

use std::collections::BTreeSet;
use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Action, Event, Media, Step};
use body::Body;
use client::{AnswerOf, Ask, Client, Purpose};

pub use pull::{Download, Repository};

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
}

/// Pushes the image.
///
/// Tells how far every blob and manifest is as a step of [`Action::Upload`], in bytes, which ends with the note `uploaded`,
/// `mounted` or `already there`.
/// Dropped before its end, it drops the requests that are under way.
///
/// # Errors
/// Of the fault `registry`, with what was tried where, what the registry said, and what to do; of a blob that could not be read; of the
/// fault `source` when a blob of another registry is not what its digest says, which is then not taken either. Blobs that were sent stay at the registry, without a name; a tag is only ever set when all else is there.
pub async fn push<M: Media>(media: &M, image: &Image<'_, M>, target: &Target) -> Result<()> {
    let client = Client::new(media, target.clone(), Purpose::Push)?;
    let sources = image.blobs.iter().filter_map(|(_, bytes)| match bytes {
        Bytes::Remote { repository, .. } => repository.name_in(&target.registry),
        Bytes::Memory(_) | Bytes::File { .. } => None,
    });
    *client.sources.borrow_mut() = sources.filter(|source| *source != target.repository).map(str::to_owned).collect();
    let mut known = BTreeSet::new();
    let blobs = image.blobs.iter().filter(|(blob, _)| !is_foreign(blob) && known.insert(&blob.digest));
    let uploads = blobs.map(async |(blob, bytes)| upload::blob(&client, blob, bytes).await);
    stream::iter(uploads).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    for (number, (manifest, bytes)) in image.manifests.iter().enumerate() {
        let root = number.saturating_add(1) == image.manifests.len();
        put_manifest(&client, manifest, bytes, target.tag.as_deref().filter(|_| root)).await?;
    }
    Ok(())
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

/// Puts a manifest under its digest or a tag, unless it stands there already.
async fn put_manifest<M: Media>(
    client: &Client<'_, M>,
    manifest: &Descriptor,
    bytes: &[u8],
    tag: Option<&str>,
) -> Result<()> {
    let reference = tag.unwrap_or(manifest.digest.as_str());
    let url = client.url(&format!("manifests/{reference}"));
    let head = Ask {
        method: "HEAD",
        url: url.clone(),
        headers: vec![("accept".into(), manifest.media_type.clone())],
        body: Body::none(),
        tried: format!("asking for the manifest {reference}"),
    };
    let answer = client.send(head).await?;
    let same = match answer.status {
        200 => {
            answer.headers("docker-content-digest").next().map_or(tag.is_none(), |is| is == manifest.digest.as_str())
        }
        404 | 405 => false,
        _ => return Err(client.refused(answer).await),
    };
    if same {
        progress(client, manifest, manifest.size, Some("already there"));
        return Ok(());
    }
    progress(client, manifest, 0, None);
    let put = Ask {
        method: "PUT",
        url,
        headers: vec![("content-type".into(), manifest.media_type.clone())],
        body: Body::of(bytes),
        tried: format!("putting the manifest {reference}"),
    };
    let answer = client.send(put).await?;
    if !matches!(answer.status, 200..=204) {
        return Err(client.refused(answer).await);
    }
    confirm(client, &answer, &manifest.digest)?;
    progress(client, manifest, manifest.size, Some("uploaded"));
    Ok(())
}

/// Fails when the registry says that it took the bytes for others. One that speaks of another algorithm says nothing.
fn confirm<M: Media>(client: &Client<'_, M>, answer: &AnswerOf<M>, sent: &Digest) -> Result<()> {
    let Some(is) = answer.headers("docker-content-digest").next() else { return Ok(()) };
    let is: Digest = is.parse().map_err(|why: Error| {
        let mut error = client.broken("it answered with a digest that is not one");
        error.causes.push(why.message);
        error
    })?;
    if is == *sent || is.algorithm() != sent.algorithm() {
        return Ok(());
    }
    let message = format!("{} took {sent} for {is}: something on the way changed it; push again", client.target);
    Err(Error::new(Fault::Registry, Code::DigestMismatch(is), message))
}

/// Tells how far a blob or manifest is; a note ends it.
fn progress<M: Media>(client: &Client<'_, M>, of: &Descriptor, done: u64, note: Option<&str>) {
    client.media.emit(Event::Step(Step {
        id: format!("{}@{}", client.target, of.digest),
        action: Action::Upload,
        subject: of.digest.to_string(),
        done,
        total: Some(of.size),
        note: note.map(str::to_owned),
        finished: note.is_some(),
    }));
}

/// Blobs that are on their way to one registry at the same time.
const AT_ONCE: usize = 4;

#[cfg(test)]
mod tests;
