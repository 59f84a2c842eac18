//! Verification: whether an image is what it says, and what is odd or dangerous in it. Everything is looked at, whatever is found on the way.
//!
//! Findings say what they are about, what is wrong and what to do; [`codes`] has all of them. What ends the work is no finding: a network that is
//! gone, a user who stops it. What is wrong with the place so that no image can be opened at all is a report of its own: [`refused`].

mod blob;
mod codes;
mod documents;
mod entries;
mod finding;
mod graph;
mod second;
mod tar;
#[cfg(test)]
mod tests;
mod toc;

use serde::Serialize;

use self::finding::{Findings, Flaw};
use self::graph::Walk;
use super::{Image, Settings};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::export::Content;
use crate::media::Media;
use crate::store::Layout;

pub use codes::{Code, codes};
pub use finding::{Finding, Severity};

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// In one word.
    pub verdict: Verdict,
    /// In the order of the walk: roots first, layers behind their config.
    pub findings: Vec<Finding>,
    /// Indexes, manifests and configs that were read.
    pub documents: u64,
    /// Blobs that were read: layers and what artifacts have.
    pub blobs: u64,
    /// Layers among them.
    pub layers: u64,
    /// Bytes of all of them, as they are stored.
    pub bytes: u64,
}

/// What is to be thought of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing worse than notes.
    Sound,
    /// Warnings.
    Odd,
    /// Something is broken, or was not checked.
    Broken,
}

/// Verifies an image: all of its roots and everything beneath them, or `only` what is beneath one document. Each blob is read once, in one pass.
///
/// # Errors
/// What keeps it from going on: those of the network and the medium. What is wrong with the image is in the report, limits too.
pub async fn verify<M: Media>(image: &Image<'_, M>, only: Option<&Descriptor>) -> Result<Report> {
    let mut walk = Walk::new(image);
    match only {
        Some(only) => walk.all(std::slice::from_ref(only)).await?,
        None if image.roots.is_empty() => {
            for layer in &image.stack().await?.layers {
                walk.lone(&layer.bytes).await?;
            }
        }
        None => walk.all(&image.roots).await?,
    }
    let Walk { findings, documents, blobs, layers, bytes, .. } = walk;
    Ok(Report { documents, blobs, layers, bytes, ..Report::of(findings) })
}

/// Opens what is to be verified, and verifies it: the image for the platform that was asked for, else all that is there. What cannot be opened
/// because of what is in it is broken.
///
/// # Errors
/// As [`verify`]; what is wrong with the request.
pub async fn source<M: Media>(
    media: &M,
    content: Content<M>,
    store: &Layout<M::Directory>,
    settings: Settings,
) -> Result<Report> {
    let image = match Image::open(media, content, store, settings).await {
        Ok(image) => image,
        Err(error) => return refused(error),
    };
    let only = match image.platform() {
        None => None,
        Some(_) => match image.manifest().await {
            Ok(only) => only,
            Err(error) => return refused(error),
        },
    };
    verify(&image, only.as_ref()).await
}

/// The report about a place whose images cannot even be opened because of what is in it.
///
/// # Errors
/// The same error when it says nothing about what is there: the user's request, the network.
fn refused(error: Error) -> Result<Report> {
    let is_absent = error.code == crate::error::Code::NotFound;
    let flaw = Flaw::of(error)?;
    let mut findings = Findings::default();
    findings.flaw(Flaw { code: if is_absent { codes::CONTENT_MISSING } else { flaw.code }, ..flaw }, "", None);
    Ok(Report::of(findings))
}

impl Report {
    fn of(findings: Findings) -> Self {
        let findings = findings.into_all();
        let verdict = match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Broken) => Verdict::Broken,
            Some(Severity::Warning) => Verdict::Odd,
            Some(Severity::Note) | None => Verdict::Sound,
        };
        Self { verdict, findings, documents: 0, blobs: 0, layers: 0, bytes: 0 }
    }
}
