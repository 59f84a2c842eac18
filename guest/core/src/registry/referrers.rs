//! What refers to an image is found by the image (OCI distribution spec, "Pushing Manifests with Subject").
//!
//! A registry that answers with `OCI-Subject` keeps the list itself. For any other it is an index under a tag made of the subject's digest
//! ("Referrers Tag Schema"), which is read, added to and put back. Nothing locks it: when everything else is done it is read again, and
//! what somebody else has overwritten is added again.

use super::client::{AnswerOf, Ask, Client};
use super::retry::{Tries, Wait};
use super::{manifest, url};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::Index;
use crate::documents::read::MAX_READ;
use crate::documents::referrer::referrer;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::media_type;

/// A manifest that was added to an index.
#[derive(Clone)]
pub struct Listed {
    tag: String,
    manifest: Descriptor,
}

/// Lists a manifest that the registry has under its subject, if it has one. `answer`: to the request that put it; none when it was there before.
///
/// # Errors
/// The registry's; of the fault `registry` when there is something else under the tag.
pub async fn record<M: Media>(
    client: &Client<'_, M>,
    manifest: &Descriptor,
    bytes: &[u8],
    answer: Option<&AnswerOf<M>>,
) -> Result<()> {
    // Who keeps the list is not known before it is asked.
    if client.policy.dry_run {
        return Ok(());
    }
    let Some((subject, manifest)) = referrer(bytes, manifest)? else { return Ok(()) };
    let kept = match answer {
        Some(answer) => answer.headers("oci-subject").next().is_some(),
        None => keeps_lists(client, &subject).await?,
    };
    let listed = Listed { tag: tag(&subject), manifest };
    if !kept && add(client, &listed).await? {
        client.listed.borrow_mut().push(listed);
    }
    Ok(())
}

/// Sees to it that what was listed still is.
///
/// # Errors
/// As [`record`]; of the fault `registry` when others overwrite it again and again.
pub async fn settle<M: Media>(client: &Client<'_, M>) -> Result<()> {
    let all = client.listed.take();
    if !all.is_empty() {
        // Who had read an index before it was written has put theirs by then.
        client.media.sleep(PAUSE).await;
    }
    for listed in all {
        let mut tries = Tries::default();
        while add(client, &listed).await? {
            let (tried, why) =
                (format!("listing a manifest under the tag {}", listed.tag), "somebody else overwrote it");
            if !client.again(&mut tries, &tried, why.into(), Wait::Backoff).await {
                let message = format!("{}: {why} again and again; push again later", client.failed(&tried));
                return Err(Error::new(Fault::Registry, Code::Other("referrers".into()), message));
            }
        }
    }
    Ok(())
}

/// What refers to a document, as the registry lists it ("Listing Referrers"), or as the index under its tag does.
///
/// # Errors
/// The registry's; `limit-exceeded` for more than [`PAGES`] pages.
pub async fn list<M: Media>(client: &Client<'_, M>, subject: &Digest) -> Result<Vec<Descriptor>> {
    let mut url = client.url(&format!("referrers/{subject}"));
    let here = client.permitted(&url)?;
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let ask = Ask::new("GET", url.clone(), format!("asking what refers to {subject}"));
        let mut answer = client.send(ask.with("accept", media_type::INDEX)).await?;
        let is_list = answer.headers("content-type").any(|kind| kind.starts_with(media_type::INDEX));
        match answer.status {
            200 if is_list => found.extend(listed(&read(client, &mut answer).await?)?),
            // One that does not know the request answers anything but that.
            200 | 400..=499 if found.is_empty() => return tagged(client, subject).await,
            _ => return Err(client.refused(answer).await),
        }
        let next = answer.headers("link").find_map(next).and_then(|next| url::resolve(&url, next));
        match next {
            None => return Ok(found),
            // Another host has no say in what this one has.
            Some(next) if client.permitted(&next).is_ok_and(|origin| origin == here) => url = next,
            Some(_) => return Err(client.broken("the next page of its list is elsewhere")),
        }
    }
    let message = format!("{} lists what refers to {subject} on more than {PAGES} pages", client.target);
    Err(Error::new(Fault::Registry, Code::LimitExceeded("pages".into()), message))
}

/// The same, as the index under the tag has it.
async fn tagged<M: Media>(client: &Client<'_, M>, subject: &Digest) -> Result<Vec<Descriptor>> {
    let tag = tag(subject);
    let ask = Ask::new("GET", client.url(&format!("manifests/{tag}")), format!("asking for the index {tag}"));
    let mut answer = client.send(ask.with("accept", media_type::INDEX)).await?;
    match answer.status {
        404 => Ok(Vec::new()),
        200 => listed(&read(client, &mut answer).await?),
        _ => Err(client.refused(answer).await),
    }
}

/// Artifacts too.
fn listed(index: &Index) -> Result<Vec<Descriptor>> {
    Ok(index.entries()?.into_iter().map(|(entry, _)| entry).collect())
}

/// An index that was asked for.
async fn read<M: Media>(client: &Client<'_, M>, answer: &mut AnswerOf<M>) -> Result<Index> {
    let mut bytes = Vec::new();
    // What is longer is refused by its reader.
    client.patiently(answer.read(&mut bytes, MAX_READ.saturating_add(1))).await?;
    Index::parse(&bytes, Some(media_type::INDEX)).map_err(|why| Error { fault: Fault::Registry, ..why })
}

/// Where a `Link` header has the next page (RFC 8288, 3).
fn next(link: &str) -> Option<&str> {
    let (url, relation) = link.trim().strip_prefix('<')?.split_once('>')?;
    relation.replace('"', "").split(';').any(|part| part.trim() == "rel=next").then_some(url)
}

/// Whether the registry has the referrers API ("Listing Referrers").
async fn keeps_lists<M: Media>(client: &Client<'_, M>, subject: &Digest) -> Result<bool> {
    let ask = Ask::new("GET", client.url(&format!("referrers/{subject}")), format!("asking what refers to {subject}"));
    let answer = client.send(ask.with("accept", media_type::INDEX)).await?;
    match answer.status {
        200 => Ok(answer.headers("content-type").any(|kind| kind.starts_with(media_type::INDEX))),
        500.. => Err(client.refused(answer).await),
        _ => Ok(false),
    }
}

/// Adds a manifest to the index under its tag. Whether it was not there.
async fn add<M: Media>(client: &Client<'_, M>, listed: &Listed) -> Result<bool> {
    let Listed { tag, manifest } = listed;
    let url = client.url(&format!("manifests/{tag}"));
    let ask = Ask::new("GET", url.clone(), format!("asking for the index {tag}")).with("accept", media_type::INDEX);
    let mut answer = client.send(ask).await?;
    let mut index = match answer.status {
        404 => Index::default(),
        200 => read(client, &mut answer).await.map_err(|why| {
            let message =
                format!("what {} has under the tag {tag} is no list of what refers to an image", client.target);
            why.within(format!("{message}; delete that tag"))
        })?,
        _ => return Err(client.refused(answer).await),
    };
    if !index.add(manifest.clone()) {
        return Ok(false);
    }
    let bytes = index.to_bytes()?;
    let index = Descriptor::of(media_type::INDEX, &bytes);
    manifest::send(client, Ask::new("PUT", url, format!("putting the index {tag}")), &index, &bytes).await?;
    Ok(true)
}

/// "Referrers Tag Schema": the digest, as far as a tag has room for it.
fn tag(subject: &Digest) -> String {
    let (algorithm, hex) = subject.as_str().split_once(':').unwrap_or_default();
    format!("{algorithm}-{}", hex.get(..64).unwrap_or(hex))
}

/// Pages of a list at most.
const PAGES: usize = 1000;

/// Milliseconds.
const PAUSE: u64 = 250;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::HashAlgorithm;

    #[test]
    fn tags_have_room_for_64_digits() {
        for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
            let digest = Digest::by(algorithm, b"subject");
            let tag = tag(&digest);
            assert!(digest.as_str().replace(':', "-").starts_with(&tag));
            assert_eq!(tag.len(), 7 + 64);
        }
    }
}
