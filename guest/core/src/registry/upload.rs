//! One blob: asked for, and when the registry does not have it, taken from another of its repositories or sent (OCI distribution spec,
//! "Pushing blobs", POST then PUT, and "Mounting a blob from another repository").

use super::body::Body;
use super::client::{Ask, Client};
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
    let Some(location) = start(client, blob, bytes).await? else {
        progress(client, blob, blob.size, Some("mounted"));
        return Ok(());
    };
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
        body: Body { bytes: bytes.clone(), told: &told },
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
        body: Body::none(),
        tried: format!("asking for the blob {}", blob.digest),
    };
    let answer = client.send(head).await?;
    match answer.status {
        200 => Ok(true),
        404 | 405 => Ok(false),
        _ => Err(client.refused(answer).await),
    }
}

/// Opens an upload: where its bytes go. `None` when the registry took the blob from another of its repositories.
async fn start<M: Media>(client: &Client<'_, M>, blob: &Descriptor, bytes: &Bytes<'_, M>) -> Result<Option<String>> {
    let post = |url| {
        let tried = "starting an upload".to_owned();
        client.send(Ask { method: "POST", url, headers: Vec::new(), body: Body::none(), tried })
    };
    let plain = client.url("blobs/uploads/");
    let source = match bytes {
        Bytes::Remote { repository, .. } => repository.name_in(&client.target.registry),
        Bytes::Memory(_) | Bytes::File { .. } => None,
    };
    if let Some(source) = source.filter(|source| client.sources.borrow().contains(*source)) {
        let url = url::with(&url::with(&plain, "mount", blob.digest.as_str()), "from", source);
        let answer = post(url).await?;
        match answer.status {
            201 => return confirm(client, &answer, &blob.digest).map(|()| None),
            202 => return client.location(&answer).map(Some),
            // What it does not give away is sent.
            _ => {}
        }
    }
    let answer = post(plain).await?;
    if answer.status != 202 {
        return Err(client.refused(answer).await);
    }
    client.location(&answer).map(Some)
}
