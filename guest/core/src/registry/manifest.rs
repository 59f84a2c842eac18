//! One manifest: asked for, put when another or none stands under its name, and listed where it says something about another one (OCI
//! distribution spec, "Pushing manifests").

use super::client::{AnswerOf, Ask, Client};
use super::{progress, referrers};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Media, Outcome};
use crate::store::MAX_DOCUMENT;

/// Puts a manifest under its digest or a tag, unless it stands there already.
pub async fn put<M: Media>(
    client: &Client<'_, M>,
    manifest: &Descriptor,
    bytes: &[u8],
    tag: Option<&str>,
) -> Result<Outcome> {
    let reference = tag.unwrap_or(manifest.digest.as_str());
    let url = client.url(&format!("manifests/{reference}"));
    if stands(client, manifest, &url, tag).await? {
        // Whoever put it may have been stopped before it was listed.
        referrers::record(client, manifest, bytes, None).await?;
        return Ok(Outcome::AlreadyThere);
    }
    progress(client, manifest, 0);
    let put = Ask::new("PUT", url.clone(), format!("putting the manifest {reference}"));
    let put = put.with("content-type", &manifest.media_type);
    let answer = client.send(Ask { body: bytes.to_vec(), ..put }).await?;
    if !matches!(answer.status, 200..=204) {
        return Err(client.refused(answer).await);
    }
    confirm(client, &answer, &manifest.digest)?;
    // 202 is a promise only.
    if answer.status == 202 && !stands(client, manifest, &url, tag).await? {
        return Err(client.broken("it took a manifest and does not have it"));
    }
    referrers::record(client, manifest, bytes, Some(&answer)).await?;
    Ok(Outcome::Uploaded)
}

/// Whether this very manifest stands there. A registry that does not say what stands under a tag is asked for all of it.
async fn stands<M: Media>(client: &Client<'_, M>, manifest: &Descriptor, url: &str, tag: Option<&str>) -> Result<bool> {
    let ask = |method| {
        let tried = format!("asking for the manifest {}", tag.unwrap_or(manifest.digest.as_str()));
        Ask::new(method, url.to_owned(), tried).with("accept", &manifest.media_type)
    };
    let answer = client.send(ask("HEAD")).await?;
    match answer.status {
        200 => {}
        404 | 405 => return Ok(false),
        _ => return Err(client.refused(answer).await),
    }
    if let Some(is) = answer.headers("docker-content-digest").next() {
        return Ok(is == manifest.digest.as_str());
    }
    if tag.is_none() {
        return Ok(true);
    }
    let mut answer = client.send(ask("GET")).await?;
    let mut bytes = Vec::new();
    let whole = answer.status == 200 && answer.read(&mut bytes, MAX_DOCUMENT as usize).await?;
    Ok(whole && Digest::by(manifest.digest.algorithm(), &bytes) == manifest.digest)
}

/// Fails when the registry says that it took the bytes for others. One that speaks of another algorithm says nothing.
pub fn confirm<M: Media>(client: &Client<'_, M>, answer: &AnswerOf<M>, sent: &Digest) -> Result<()> {
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
