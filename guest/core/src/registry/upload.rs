//! One blob: asked for, and when the registry does not have it, sent (OCI distribution spec, "Pushing blobs", POST then PUT).

use super::client::{Body, Client};
use super::{Bytes, progress, url};
use crate::descriptor::Descriptor;
use crate::error::Result;
use crate::media::Media;

/// Makes sure that the registry has the blob.
pub async fn blob<M: Media>(client: &Client<'_, M>, blob: &Descriptor, bytes: &Bytes<'_, M::File>) -> Result<()> {
    let known = client.send("HEAD", &client.url(&format!("blobs/{}", blob.digest)), &[], Body::None).await?;
    match known.status {
        200 => {
            progress(client, blob, blob.size, Some("already there"));
            return Ok(());
        }
        404 => {}
        _ => return Err(client.refused(known, &format!("asking for the blob {}", blob.digest)).await),
    }
    let started = client.send("POST", &client.url("blobs/uploads/"), &[], Body::None).await?;
    if started.status != 202 {
        return Err(client.refused(started, "starting an upload").await);
    }
    let location = started.header("location").and_then(|location| url::resolve(&started.url, &location));
    let location = location.ok_or_else(|| client.broken("an upload was started without a usable location"))?;
    let location = url::with(&location, "digest", blob.digest.as_str());
    let told = |done: u64| {
        // The last piece is told when the registry has confirmed it.
        if done < blob.size {
            progress(client, blob, done, None);
        }
    };
    let content = [("content-type".to_owned(), "application/octet-stream".to_owned())];
    let body = match bytes {
        Bytes::Memory(bytes) => Body::Memory(bytes),
        Bytes::File(file) => Body::File(*file, &told),
    };
    let put = client.send("PUT", &location, &content, body).await?;
    if !matches!(put.status, 200..=202) {
        return Err(client.refused(put, &format!("uploading the blob {}", blob.digest)).await);
    }
    progress(client, blob, blob.size, Some("uploaded"));
    Ok(())
}
