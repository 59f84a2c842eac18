//! Names in the store: an image gets more of them, or loses one. Blobs stay where they are.

use super::{INDEX_PATH, Layout};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::index::{Seen, name_of, tag_of, tagged};
use crate::error::{Code, Error, Fault, Result};
use crate::export::deliver::entry_name;
use crate::media::Directory;
use crate::reference::Reference;
use crate::text::shown;

impl<D: Directory> Layout<D> {
    /// Gives an image more names, all of them in one step; a name that stood for another image stands for this one. `source` is a name or a
    /// digest.
    ///
    /// # Errors
    /// `malformed` for what is no reference, `not-found`, `digest-mismatch` for a name with another digest; those of the medium.
    pub async fn name_too(&self, source: &str, names: &[String]) -> Result<Digest> {
        let asked = Asked::parse(source)?;
        let names = names.iter().map(|name| name.parse()).collect::<Result<Vec<Reference>>>()?;
        if self.is_new().await? {
            return Err(none(source));
        }
        let _lock = self.directory.lock().await?;
        let index = self.index().await?;
        let found: Vec<_> =
            index.seen().filter(|entry| asked.is(*entry)).filter_map(|entry| entry.descriptor()).collect();
        let Some(image) = found.last().map(|image| tagged((*image).clone(), None)) else { return Err(none(source)) };
        if found.iter().any(|other| other.digest != image.digest) {
            let message = format!("`{}` is a tag of several images in the store: write the whole name", shown(source));
            return Err(Error::new(Fault::Request, Code::Unsupported("several images".into()), message));
        }
        if let Some(digest) = names.iter().filter_map(Reference::digest).find(|digest| **digest != image.digest) {
            let message = format!("the image is {}, not {digest}: a name keeps its digest", image.digest);
            return Err(Error::new(Fault::Request, Code::DigestMismatch(image.digest), message));
        }
        let entries: Vec<_> = names.iter().map(|name| (Some(entry_name(name)), image.clone())).collect();
        self.name(index, &entries).await?;
        Ok(image.digest)
    }

    /// Takes names away; one answer each, in order: the digest of the image that the name stood for. A digest means the image of that digest
    /// that has no name.
    ///
    /// # Errors
    /// Those of the medium: then no name was taken away. That a name is not there is its own answer.
    pub async fn unname(&self, names: &[String]) -> Result<Vec<Result<Digest>>> {
        if self.is_new().await? {
            return Ok(names.iter().map(|name| Asked::parse(name).and(Err(none(name)))).collect());
        }
        let _lock = self.directory.lock().await?;
        let mut index = self.index().await?;
        let mut answers = Vec::new();
        for name in names {
            let asked = match Asked::parse(name) {
                Ok(asked) => asked,
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            };
            // By its digest goes what has no name.
            let means = |entry: Seen<'_>| asked.is(entry) && entry.called().is_some() != asked.is_digest();
            let meant = index.seen().find(|entry| means(*entry)).and_then(|entry| entry.descriptor());
            let digest = meant.map(|entry| entry.digest.clone());
            index.retain(|entry| !means(entry));
            let named = index.seen().find(|entry| asked.is(*entry)).and_then(|own| own.called());
            answers.push(match (digest, named) {
                (Some(digest), _) => Ok(digest),
                (None, Some(own)) => {
                    let message = format!("the image {} has the name `{}`: remove that", shown(name), shown(own));
                    Err(Error::new(Fault::Request, Code::Unsupported("digest of a name".into()), message))
                }
                (None, None) => Err(none(name)),
            });
        }
        if answers.iter().any(Result::is_ok) {
            self.write(&index).await?;
        }
        Ok(answers)
    }

    /// Whether nothing was ever named in it: nothing is made then, not even a lock.
    async fn is_new(&self) -> Result<bool> {
        Ok(self.directory.open(INDEX_PATH).await?.is_none())
    }
}

/// Whether an entry has a name, or a tag alone.
pub fn is_named(entry: &Descriptor) -> bool {
    name_of(entry).is_some() || tag_of(entry).is_some()
}

/// Which entry is meant.
enum Asked {
    Digest(Digest),
    /// The name in its normal form, and as it was given: a tag alone is found by that.
    Name {
        full: String,
        given: String,
    },
}

impl Asked {
    fn parse(text: &str) -> Result<Self> {
        if let Ok(digest) = text.parse() {
            return Ok(Self::Digest(digest));
        }
        let full = text.parse::<Reference>()?.with_default_tag().to_string();
        Ok(Self::Name { full, given: text.to_owned() })
    }

    fn is_digest(&self) -> bool {
        matches!(self, Self::Digest(_))
    }

    fn is(&self, entry: Seen<'_>) -> bool {
        match self {
            Self::Digest(digest) => entry.digest == digest.as_str(),
            // Others put whole names where a tag belongs.
            Self::Name { full, given } => match entry.called() {
                Some(own) => {
                    own == full || own == given || same_end(own, full) && normal(own).is_some_and(|own| own == *full)
                }
                None => false,
            },
        }
    }
}

/// Whether two names could be the same: what stands behind the last `/` of `own` stands in `full` too.
fn same_end(own: &str, full: &str) -> bool {
    full.contains(own.rsplit('/').next().unwrap_or(own))
}

/// A name of others, in its normal form.
fn normal(own: &str) -> Option<String> {
    own.contains('/').then(|| own.parse::<Reference>().ok())?.map(|own| own.with_default_tag().to_string())
}

fn none(name: &str) -> Error {
    let message = format!("there is no image `{}` in the store: `ocix images` lists those that there are", shown(name));
    Error::new(Fault::Request, Code::NotFound, message)
}
