//! Pushing an image to a registry (OCI distribution spec, "Push").
//!
//! Everything that decides what is sent in which order lives in this file: blobs first, several at a time and each once, then the manifests,
//! children before the root, and the tag with the root, last. What the registry has already is not sent.

mod challenge;
mod client;
mod refusal;
mod upload;
mod url;

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Result;
use crate::media::{Action, Event, Media, Step};
use client::{Body, Client};

/// Where an image goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `docker.io`, or a host with its port where one was given.
    pub registry: String,
    /// Within the registry.
    pub repository: String,
    /// Without one the image goes by its digest.
    pub tag: Option<String>,
}

/// Everything of one image, ready to be sent.
pub struct Image<'a, F> {
    /// Layers and config, in any order; a blob may come several times.
    pub blobs: Vec<(Descriptor, Bytes<'a, F>)>,
    /// Children first, the root last.
    pub manifests: Vec<(Descriptor, Vec<u8>)>,
}

/// A blob's bytes.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a, F> {
    /// A document.
    Memory(&'a [u8]),
    /// A layer.
    File(&'a F),
}

/// Pushes the image.
///
/// # Errors
/// Of the fault `registry`, with what was tried where, what the registry said, and what to do; of a store that could not be read. Blobs that
/// were sent stay at the registry, without a name.
pub async fn push<M: Media>(media: &M, image: &Image<'_, M::File>, target: &Target) -> Result<()> {
    let client = Client::new(media, target)?;
    let mut known = BTreeSet::new();
    let blobs = image.blobs.iter().filter(|(blob, _)| known.insert(&blob.digest));
    let uploads = blobs.map(async |(blob, bytes)| upload::blob(&client, blob, bytes).await);
    stream::iter(uploads).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    for (number, (manifest, bytes)) in image.manifests.iter().enumerate() {
        let root = number.saturating_add(1) == image.manifests.len();
        let reference = match &target.tag {
            Some(tag) if root => tag.as_str(),
            _ => manifest.digest.as_str(),
        };
        put_manifest(&client, manifest, bytes, reference).await?;
    }
    Ok(())
}

/// Puts a manifest under a tag or its digest, unless it stands there already.
async fn put_manifest<M: Media>(
    client: &Client<'_, M>,
    manifest: &Descriptor,
    bytes: &[u8],
    reference: &str,
) -> Result<()> {
    let path = format!("manifests/{reference}");
    let accept = [("accept".to_owned(), manifest.media_type.clone())];
    let there = client.send("HEAD", &client.url(&path), &accept, Body::None).await?;
    let same = there.status == 200 && there.header("docker-content-digest") == Some(manifest.digest.to_string());
    if same {
        progress(client, manifest, manifest.size, Some("already there"));
        return Ok(());
    }
    let content = [("content-type".to_owned(), manifest.media_type.clone())];
    let put = client.send("PUT", &client.url(&path), &content, Body::Memory(bytes)).await?;
    if !matches!(put.status, 200..=202) {
        return Err(client.refused(put, &format!("putting the manifest {reference}")).await);
    }
    if let Some(is) =
        put.header("docker-content-digest").and_then(|is| is.parse::<Digest>().ok()).filter(|is| *is != manifest.digest)
    {
        let message =
            format!("{} took the manifest for another one, {is}: something on the way changed it", client.target());
        return Err(crate::error::Error::new(
            crate::error::Fault::Registry,
            crate::error::Code::DigestMismatch(is),
            message,
        ));
    }
    progress(client, manifest, manifest.size, Some("uploaded"));
    Ok(())
}

/// Tells how far a blob or manifest is; a note ends it.
fn progress<M: Media>(client: &Client<'_, M>, of: &Descriptor, done: u64, note: Option<&str>) {
    client.media.emit(Event::Step(Step {
        id: format!("{} {}", client.target(), of.digest),
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
