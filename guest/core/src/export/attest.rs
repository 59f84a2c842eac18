//! What is said about images: statements that come with a source or from the user, and the manifests that hold them.

use crate::contents::{Bytes, Images};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::attestation::{self, Attested, Shape};
use crate::documents::statement::{self, MAX_STATEMENT};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{File, Input, Media};
use crate::media_type;
use crate::options::Output;
use crate::reference::Reference;
use crate::store::{self, PIECE};

use super::image::Document;
use super::open::Draft;
use super::{Attestation, select};

/// What is said about one image.
#[derive(Clone)]
pub struct Statement {
    kind: Kind,
    bytes: Vec<u8>,
    inline_only: bool,
}

#[derive(Clone)]
enum Kind {
    /// A statement becomes one, about the image under its names.
    Predicate { predicate_type: String },
    /// The user's: about the image under its names instead of its own subjects.
    Given,
    /// A source's: what it says of the image's old manifest it says of the new one.
    Passed { of: Digest, descriptor: Descriptor },
}

impl Statement {
    /// Whether an output takes it.
    pub fn is_for(&self, output: &Output) -> bool {
        !self.inline_only || output.attestation_inline
    }

    /// As a layer of the manifest that holds it.
    fn document(&self, image: &Descriptor, names: &[Reference]) -> Result<Document> {
        let subjects = || {
            let platform = image.platform.as_ref();
            platform.map(|platform| statement::subjects(names, platform, &image.digest)).unwrap_or_default()
        };
        let made = match &self.kind {
            Kind::Predicate { predicate_type } => statement::Statement::new(predicate_type, &self.bytes, &subjects())?,
            Kind::Given => statement::Statement::about(&self.bytes, &subjects())?,
            Kind::Passed { of, .. } if *of != image.digest => {
                statement::Statement::passed_on(&self.bytes, of, &image.digest)?
            }
            Kind::Passed { descriptor, .. } => {
                return Ok(Document { descriptor: descriptor.clone(), bytes: self.bytes.as_slice().into() });
            }
        };
        Ok(Document { descriptor: made.descriptor(), bytes: made.bytes.into() })
    }
}

/// Documents that say something about an image.
pub struct Said {
    /// The manifest, as the image's index lists it.
    pub manifest: Document,
    /// Its config and its statements.
    pub documents: Vec<Document>,
}

/// The manifest of what is said about an image, whose platform and digest are its descriptor's.
pub fn manifest(statements: &[&Statement], image: &Descriptor, names: &[Reference], artifact: bool) -> Result<Said> {
    let mut documents = Vec::new();
    for statement in statements {
        documents.push(statement.document(image, names)?);
    }
    let layers: Vec<Descriptor> = documents.iter().map(|document| document.descriptor.clone()).collect();
    let shape = if artifact { Shape::Artifact } else { Shape::Legacy };
    let made = attestation::Attestation::new(shape, image, &layers)?;
    let (descriptor, bytes) = made.config;
    documents.push(Document { descriptor, bytes: bytes.into() });
    Ok(Said { manifest: Document { descriptor: made.descriptor, bytes: made.manifest.into() }, documents })
}

/// What a source says about its image.
///
/// # Errors
/// What cannot be read or understood, or is not what its digest says.
pub async fn passed<M: Media>(images: &Images<'_, M>, image: &select::Image<'_, M>) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for manifest in &image.attestations {
        let attested = Attested::parse(&images.document(manifest).await?, manifest)?;
        for descriptor in attested.layers.into_iter().filter(|layer| layer.media_type == media_type::STATEMENT) {
            let bytes = read(&images.blob(&descriptor).await?).await?;
            store::verify(&descriptor, Digest::by(descriptor.digest.algorithm(), &bytes), Fault::Source)?;
            let kind = Kind::Passed { of: image.digest.clone(), descriptor };
            statements.push(Statement { kind, bytes, inline_only: false });
        }
    }
    Ok(statements)
}

/// Adds what the user says, each to the images that it is about.
///
/// # Errors
/// When there is no image for an attestation's platform, or a file has more than [`MAX_STATEMENT`] bytes.
pub async fn add<M: Media>(drafts: &mut [Draft<'_, M>], attestations: Vec<Attestation<M>>) -> Result<()> {
    for Attestation { file, predicate_type, platform, inline_only } in attestations {
        let bytes = whole(&file, MAX_STATEMENT as u64, "an attestation").await?;
        let kind = predicate_type.map_or(Kind::Given, |predicate_type| Kind::Predicate { predicate_type });
        let statement = Statement { kind, bytes, inline_only };
        let about = |draft: &&mut Draft<'_, M>| platform.as_ref().is_none_or(|asked| draft.platform.fits(asked));
        let mut count = 0_usize;
        for draft in drafts.iter_mut().filter(about) {
            draft.statements.push(statement.clone());
            count = count.saturating_add(1);
        }
        if let (0, Some(platform)) = (count, &platform) {
            let message = format!("there is no image for {platform} that an attestation could be about");
            return Err(Error::new(Fault::Request, Code::InvalidOption("attestation".into()), message));
        }
    }
    Ok(())
}

/// A file of the user's, at most `most` bytes.
pub async fn whole<F: File>(file: &F, most: u64, what: &str) -> Result<Vec<u8>> {
    if file.size() > most {
        let message = format!("{what} has {} bytes, and {most} is the most", file.size());
        return Err(Error::new(Fault::Request, Code::LimitExceeded("document size".into()), message));
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < file.size() {
        let piece = file.read_at(bytes.len() as u64, PIECE).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend(piece);
    }
    Ok(bytes)
}

/// All bytes of a statement, whose size was checked when its manifest was read.
async fn read<M: Media>(bytes: &Bytes<'_, M>) -> Result<Vec<u8>> {
    let mut reader = bytes.open().await?;
    let mut all = Vec::new();
    loop {
        let piece = reader.read(PIECE).await?;
        if piece.is_empty() {
            return Ok(all);
        }
        all.extend(piece);
    }
}
