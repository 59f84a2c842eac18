//! One blob: asked for, and when the registry does not have it, sent (OCI distribution spec, "Pushing blobs", POST then PUT).

use super::client::{Ask, Body, Client, Content};
use super::{confirm, progress, url};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;

/// Makes sure that the registry has the blob.
pub async fn blob<M: Media>(client: &Client<'_, M>, blob: &Descriptor, bytes: &Bytes<'_, M>) -> Result<()> {
    let size = bytes.size();
    if size != blob.size {
        let message = format!("the blob {} has {size} bytes instead of {}; export it again", blob.digest, blob.size);
        return Err(Error::new(Fault::Store, Code::SizeMismatch(size), message));
    }
    if is_there(client, blob).await? {
        progress(client, blob, blob.size, Some("already there"));
        return Ok(());
    }
    progress(client, blob, 0, None);
    let location = start(client).await?;
    let told = |done: u64| {
        // The end is told when the registry has confirmed it.
        if done < blob.size {
            progress(client, blob, done, None);
        }
    };
    let put = Ask {
        method: "PUT",
        url: url::with(&location, "digest", blob.digest.as_str()),
        headers: vec![("content-type".into(), "application/octet-stream".into())],
        body: Body { content: Content::Blob(bytes), size, told: &told },
        tried: format!("uploading the blob {}", blob.digest),
    };
    let answer = client.send(put).await?;
    if !matches!(answer.status, 200..=204) {
        return Err(client.refused(answer).await);
    }
    confirm(client, &answer, &blob.digest)?;
    // 202 is a promise only.
    if answer.status == 202 && !is_there(client, blob).await? {
        return Err(client.broken("it took a blob and does not have it"));
    }
    progress(client, blob, blob.size, Some("uploaded"));
    Ok(())
}

async fn is_there<M: Media>(client: &Client<'_, M>, blob: &Descriptor) -> Result<bool> {
    let head = Ask {
        method: "HEAD",
        url: client.url(&format!("blobs/{}", blob.digest)),
        headers: Vec::new(),
        body: Body::of(&[]),
        tried: format!("asking for the blob {}", blob.digest),
    };
    let answer = client.send(head).await?;
    match answer.status {
        200 => Ok(true),
        404 | 405 => Ok(false),
        _ => Err(client.refused(answer).await),
    }
}

/// Opens an upload: where its bytes go.
async fn start<M: Media>(client: &Client<'_, M>) -> Result<String> {
    let (url, tried) = (client.url("blobs/uploads/"), "starting an upload".to_owned());
    let answer = client.send(Ask { method: "POST", url, headers: Vec::new(), body: Body::of(&[]), tried }).await?;
    if answer.status != 202 {
        return Err(client.refused(answer).await);
    }
    client.location(&answer)
}
