//! One manifest: asked for, put when another or none stands under its name, and listed where it says something about another one (OCI
//! distribution spec, "Pushing manifests").

use super::client::{AnswerOf, Ask, Client};
use super::retry::{Tries, Wait};
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
    let ask = Ask::new("PUT", url.clone(), format!("putting the manifest {reference}"));
    let answer = send(client, ask, manifest, bytes).await?;
    // 202 is a promise only.
    if answer.status == 202 && !stands(client, manifest, &url, tag).await? {
        return Err(client.broken("it took a manifest and does not have it"));
    }
    referrers::record(client, manifest, bytes, Some(&answer)).await?;
    Ok(Outcome::Uploaded)
}

/// Has the registry take these bytes, whose descriptor is right. One that finds another digest has got others, or was reading what somebody
/// else was writing: it gets them again.
pub async fn send<M: Media>(client: &Client<'_, M>, ask: Ask, of: &Descriptor, bytes: &[u8]) -> Result<AnswerOf<M>> {
    let ask = Ask { body: bytes.to_vec(), ..ask.with("content-type", &of.media_type) };
    let mut tries = Tries::default();
    loop {
        let answer = client.send(ask.clone()).await?;
        if matches!(answer.status, 200..=204) {
            confirm(client, &answer, &of.digest)?;
            return Ok(answer);
        }
        let tried = answer.tries.max(tries.0.saturating_add(1));
        let refused = client.refused(answer.after(tried)).await;
        let passes = matches!(&refused.code, Code::Registry(_, code) if code == "DIGEST_INVALID");
        if !passes || !client.again(&mut tries, &ask.tried, "it found another digest".into(), Wait::Backoff).await {
            return Err(refused);
        }
    }
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
