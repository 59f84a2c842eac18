//! Pulling from a repository (OCI distribution spec, "Pull"): a name becomes a descriptor, documents and blobs are read by digest.
//!
//! Documents are verified. A blob is not: whoever reads it to its end checks its digest. One that breaks off is asked for again from
//! there on, twice at most.

use std::rc::Rc;

use super::Target;
use super::client::{AnswerOf, Ask, Client, Purpose};
use super::referrers;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::read;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{HashAlgorithm, Input, Media};
use crate::media_type;
use crate::reference::Reference;
use crate::store::{self, MAX_DOCUMENT};
use crate::text::shown;

/// A repository to read from.
pub struct Repository<'a, M: Media> {
    client: Client<'a, M>,
    digest: Option<Digest>,
}

/// A blob's bytes on their way.
pub struct Download<'a, M: Media> {
    repository: Rc<Repository<'a, M>>,
    blob: Descriptor,
    answer: AnswerOf<M>,
    done: u64,
    resumed: u32,
}

impl<'a, M: Media> Repository<'a, M> {
    /// The repository of a reference, whose tag, `latest` without one, or digest is the image that [`Repository::resolve`] finds. Asks nothing
    /// yet. `insecure`: the user allowed this registry certificates that are not trusted, and plain HTTP.
    ///
    /// # Errors
    /// `malformed` for a reference that no registry can have.
    pub fn open(media: &'a M, reference: &Reference, insecure: bool) -> Result<Self> {
        let reference = reference.clone().with_default_tag();
        let target = Target {
            registry: reference.registry().into(),
            repository: reference.repository().into(),
            tag: reference.tag().map(Into::into),
            insecure,
        };
        Ok(Self { client: Client::new(media, target, Purpose::Pull)?, digest: reference.digest().cloned() })
    }

    /// Which one it is, with its registry.
    pub fn name(&self) -> String {
        format!("{}/{}", self.client.target.registry, self.client.target.repository)
    }

    /// The root document of the image, a manifest or an index, and what it is.
    ///
    /// # Errors
    /// The registry's; `digest-mismatch` when the document is not what the reference or the registry says; `unsupported` for what is no image;
    /// `limit-exceeded` over [`MAX_DOCUMENT`] bytes.
    pub async fn resolve(&self) -> Result<(Descriptor, Vec<u8>)> {
        let name = self.digest.as_ref().map(Digest::as_str).or(self.client.target.tag.as_deref()).unwrap_or_default();
        let accept = [media_type::INDEX, media_type::MANIFEST, media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST];
        let mut answer = self.ask(format!("manifests/{name}"), &accept.join(", "), &format!("manifest {name}")).await?;
        let bytes = self.read(&mut answer, &format!("the manifest {name}")).await?;
        let told = answer.headers("docker-content-digest").next().and_then(|text| text.parse::<Digest>().ok());
        let algorithm = self.digest.as_ref().map_or(HashAlgorithm::Sha256, Digest::algorithm);
        let is = Digest::by(algorithm, &bytes);
        let wrong =
            [&self.digest, &told].into_iter().flatten().find(|said| said.algorithm() == algorithm && **said != is);
        if let Some(said) = wrong {
            let message = format!("{} answered with {is} where {said} was to come; try again", self.client.target);
            return Err(Error::new(Fault::Registry, Code::DigestMismatch(is), message));
        }
        let content_type = answer.headers("content-type").next().unwrap_or_default();
        let media_type = kind(content_type, &bytes).ok_or_else(|| {
            let what = shown(content_type);
            Error::unsupported("media type", format!("{} is a `{what}`, not an image", self.client.target))
        })?;
        Ok((Descriptor::new(media_type, is, bytes.len() as u64), bytes))
    }

    /// A manifest, index or config, its size and digest checked.
    ///
    /// # Errors
    /// The registry's; `size-mismatch` and `digest-mismatch`; `limit-exceeded` over [`MAX_DOCUMENT`] bytes.
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let Descriptor { media_type, digest, .. } = descriptor;
        let is_manifest = media_type::is_manifest(media_type) || media_type::is_index(media_type);
        let path = format!("{}/{digest}", if is_manifest { "manifests" } else { "blobs" });
        let mut answer = self.ask(path, &format!("{media_type}, */*"), &format!("document {digest}")).await?;
        let bytes = self.read(&mut answer, &format!("the document {digest}")).await?;
        if bytes.len() as u64 != descriptor.size {
            return Err(self.other_size(descriptor, bytes.len() as u64));
        }
        store::verify(descriptor, Digest::by(digest.algorithm(), &bytes), Fault::Source)?;
        Ok(bytes)
    }

    /// Asks for a blob, from an offset on. Its size is checked as far as the registry tells it.
    ///
    /// # Errors
    /// The registry's; `size-mismatch`.
    pub async fn blob(self: &Rc<Self>, blob: &Descriptor, from: u64) -> Result<Download<'a, M>> {
        let answer = self.from(blob, from).await?;
        Ok(Download { repository: Rc::clone(self), blob: blob.clone(), answer, done: from, resumed: 0 })
    }

    /// What refers to a document of this digest, as the registry lists it.
    ///
    /// # Errors
    /// The registry's.
    pub async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        referrers::list(&self.client, subject).await
    }

    /// The repository's name, when it is of this registry.
    pub(super) fn name_in(&self, registry: &str) -> Option<&str> {
        let Target { registry: own, repository, .. } = &self.client.target;
        (own == registry).then_some(repository.as_str())
    }

    async fn ask(&self, path: String, accept: &str, what: &str) -> Result<AnswerOf<M>> {
        let ask = Ask::new("GET", self.client.url(&path), format!("asking for the {what}")).with("accept", accept);
        let answer = self.client.send(ask).await?;
        if answer.status == 200 { Ok(answer) } else { Err(self.client.refused(answer).await) }
    }

    async fn read(&self, answer: &mut AnswerOf<M>, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if answer.read(&mut bytes, MAX_DOCUMENT as usize).await? {
            return Ok(bytes);
        }
        Err(Error::limit("document size", format!("{what} has more than {MAX_DOCUMENT} bytes, which are read at most")))
    }

    /// Asks for a blob's bytes from an offset on.
    async fn from(&self, blob: &Descriptor, offset: u64) -> Result<AnswerOf<M>> {
        let url = self.client.url(&format!("blobs/{}", blob.digest));
        let mut ask = Ask::new("GET", url, format!("asking for the blob {}", blob.digest));
        if offset > 0 {
            ask = ask.with("range", format!("bytes={offset}-"));
        }
        let answer = self.client.send(ask).await?;
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        let header = |name| answer.headers(name).next();
        match (answer.status, offset) {
            (200, 0) => match number(header("content-length")).filter(|size| *size != blob.size) {
                Some(size) => Err(self.other_size(blob, size)),
                None => Ok(answer),
            },
            (206, 1..) => {
                let range = header("content-range").and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
                if number(range) == Some(offset) { Ok(answer) } else { Err(self.client.broken("it sent other bytes")) }
            }
            (200 | 206, _) => Err(self.client.broken("it sent other bytes than it was asked for")),
            _ => Err(self.client.refused(answer).await),
        }
    }

    fn other_size(&self, descriptor: &Descriptor, is: u64) -> Error {
        let Descriptor { digest, size, .. } = descriptor;
        let message = format!("{digest} has {is} bytes at {} where its descriptor says {size}", self.client.target);
        Error::new(Fault::Source, Code::SizeMismatch(is), message)
    }
}

impl<M: Media> Input for Download<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        loop {
            let Some(body) = &mut self.answer.body else { return Ok(Vec::new()) };
            let why = match body.read(max).await {
                Ok(piece) if piece.is_empty() && self.done < self.blob.size => None,
                Ok(piece) => {
                    self.done = self.done.saturating_add(piece.len() as u64);
                    return Ok(piece);
                }
                Err(why) => Some(why.to_string()),
            };
            self.resume(why).await?;
        }
    }
}

impl<M: Media> Download<'_, M> {
    async fn resume(&mut self, why: Option<String>) -> Result<()> {
        if self.resumed < RESUMES {
            self.resumed = self.resumed.saturating_add(1);
            if let Ok(answer) = Box::pin(self.repository.from(&self.blob, self.done)).await {
                self.answer = answer;
                return Ok(());
            }
        }
        let (Descriptor { digest, size, .. }, target) = (&self.blob, &self.repository.client.target);
        let message = format!("the blob {digest} of {target} broke off after {} of {size} bytes; try again", self.done);
        let mut error = Error::new(Fault::Registry, Code::Other("connection".into()), message);
        error.causes.extend(why);
        Err(error)
    }
}

/// What a root document is: what the registry says, else what the document says or looks like.
fn kind(content_type: &str, bytes: &[u8]) -> Option<String> {
    let is_image = |kind: &str| media_type::is_manifest(kind) || media_type::is_index(kind);
    let told = content_type.split(';').next().unwrap_or_default().trim();
    if is_image(told) {
        return Some(told.to_owned());
    }
    if !matches!(told, "" | "application/json" | "application/octet-stream" | "text/plain") {
        return None;
    }
    let document = read::document(bytes, "manifest").ok()?;
    match document.text("mediaType").ok()? {
        Some(own) => Some(own).filter(|own| is_image(own)),
        None if document.has("manifests") => Some(media_type::INDEX.into()),
        None if document.has("layers") => Some(media_type::MANIFEST.into()),
        None => None,
    }
}

/// How often a blob that broke off is asked for again.
const RESUMES: u32 = 2;
