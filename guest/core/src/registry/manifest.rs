//! One manifest: asked for, and put when another or none stands under its name (OCI distribution spec, "Pushing manifests").

use super::client::{AnswerOf, Ask, Client};
use super::progress;
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

