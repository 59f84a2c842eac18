//! Pulling from a registry (OCI distribution spec, "Pull"): documents whole, blobs as they come.

use super::Target;
use super::client::{Ask, Body, Client};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Exchange, Input, Media};
use crate::media_type;
use crate::reference::Reference;
use crate::store::{self, MAX_DOCUMENT, PIECE};
use crate::text::shown;

/// One repository, to be read.
pub struct Repository<'a, M: Media> {
    client: Client<'a, M>,
}

impl<'a, M: Media> Repository<'a, M> {
    /// Of a reference. Nothing is asked yet.
    ///
    /// # Errors
    /// For parts of a reference that no URL can hold.
    pub fn open(media: &'a M, name: &Reference, insecure: bool) -> Result<Self> {
        let target = Target {
            registry: name.registry().to_owned(),
            repository: name.repository().to_owned(),
            tag: name.tag().map(str::to_owned),
            insecure,
        };
        Client::new(media, &target).map(|client| Self { client })
    }

    /// The root document that a reference means: its descriptor and bytes. What the reference's digest says is checked.
    ///
    /// # Errors
    /// The registry's; `malformed` for what is neither a manifest nor an index; `digest-mismatch`.
    pub async fn resolve(&self, name: &Reference) -> Result<(Descriptor, Vec<u8>)> {
        let reference = name.digest().map(Digest::to_string).or_else(|| name.tag().map(str::to_owned));
        let reference = reference.unwrap_or_else(|| "latest".into());
        let answer = self.get(&format!("manifests/{reference}"), &[media_type::MANIFESTS], &reference).await?;
        let said = answer.headers("content-type").next().unwrap_or_default();
        let media_type = said.split(';').next().unwrap_or_default().trim().to_owned();
        let told: Option<Digest> =
            answer.headers("docker-content-digest").next().and_then(|digest| digest.parse().ok());
        let bytes = self.body(answer.into_body()).await?;
        let known = media_type::is_manifest(&media_type) || media_type::is_index(&media_type);
        if !known {
            let message = format!("`{}` is a `{}`, not an image", shown(name.as_given()), shown(&media_type));
            return Err(Error::new(Fault::Source, Code::Unsupported("media type".into()), message));
        }
        let mut descriptor = Descriptor::of(media_type, &bytes);
        for expected in name.digest().into_iter().chain(&told) {
            let is = Digest::by(expected.algorithm(), &bytes);
            descriptor.digest = expected.clone();
            store::verify(&descriptor, is, Fault::Registry)?;
        }
        Ok((descriptor, bytes))
    }

    /// A manifest, index or config: its size and digest are checked.
    ///
    /// # Errors
    /// The registry's; when it is not what its descriptor says, or has more than [`MAX_DOCUMENT`] bytes.
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let listed = media_type::is_manifest(&descriptor.media_type) || media_type::is_index(&descriptor.media_type);
        let kind = if listed { "manifests" } else { "blobs" };
        let digest = descriptor.digest.to_string();
        let answer = self.get(&format!("{kind}/{digest}"), &[descriptor.media_type.as_str()], &digest).await?;
        let bytes = self.body(answer.into_body()).await?;
        if bytes.len() as u64 != descriptor.size {
            let message = format!("{digest} has {} bytes where its descriptor says {}", bytes.len(), descriptor.size);
            return Err(Error::new(Fault::Registry, Code::SizeMismatch(bytes.len() as u64), message));
        }
        let is = Digest::by(descriptor.digest.algorithm(), &bytes);
        store::verify(descriptor, is, Fault::Registry).map(|()| bytes)
    }

    /// A blob's bytes, as they come. Neither their number nor their digest is checked.
    ///
    /// # Errors
    /// The registry's.
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<<M::Exchange as Exchange>::Body> {
        let digest = descriptor.digest.to_string();
        Ok(self.get(&format!("blobs/{digest}"), &[], &digest).await?.into_body())
    }

    async fn get(&self, path: &str, accept: &[&str], what: &str) -> Result<super::client::AnswerOf<M>> {
        let ask = Ask {
            method: "GET",
            url: self.client.url(path),
            headers: accept.iter().map(|accept| ("accept".to_owned(), (*accept).to_owned())).collect(),
            body: Body::of(&[]),
            tried: format!("reading {what}"),
        };
        let answer = self.client.send(ask).await?;
        if answer.status != 200 {
            return Err(self.client.refused(answer).await);
        }
        Ok(answer)
    }

    async fn body(&self, mut body: <M::Exchange as Exchange>::Body) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let piece = body.read(PIECE).await?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(piece);
            if bytes.len() as u64 > MAX_DOCUMENT {
                let message = format!("a document at {} has more than {MAX_DOCUMENT} bytes", self.client.target);
                return Err(Error::new(Fault::Registry, Code::LimitExceeded("document size".into()), message));
            }
        }
    }
}
