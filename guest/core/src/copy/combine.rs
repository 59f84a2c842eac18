//! An index out of several images: what each of them lists, or itself, in order and each once, as `docker buildx imagetools create` has it.

use std::collections::BTreeMap;

use crate::contents::Images;
use crate::descriptor::Descriptor;
use crate::documents::config::Config;
use crate::documents::index::{self, Index};
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::media_type::{self, Family};
use crate::options::{Annotation, Level};
use crate::platform::Platform;
use crate::text::shown;

use super::source::Origin;

/// What an index will list.
#[derive(Default)]
pub struct Listed {
    /// With the JSON text, when an index lists it so.
    entries: Vec<(Descriptor, Option<String>)>,
    /// Of each part, those that come from there first.
    own: Vec<Vec<Descriptor>>,
    /// The document of the first part, when it is an index.
    only: Option<(Descriptor, Vec<u8>)>,
}

impl Listed {
    /// Adds an image, or all that an index lists.
    ///
    /// # Errors
    /// When it cannot be read, or two descriptors of the same digest contradict each other.
    pub async fn add<M: Media>(&mut self, origin: &Origin<'_, M>) -> Result<()> {
        let Origin { images, root, .. } = origin;
        let mut own = Vec::new();
        if media_type::is_index(&root.media_type) {
            let bytes = images.document(root).await?;
            let index = Index::parse(&bytes, Some(&root.media_type))?;
            for (entry, raw) in index.entries()? {
                self.put(entry, Some(raw.to_owned()), &mut own)?;
            }
            self.only = self.own.is_empty().then(|| (root.clone(), bytes));
        } else {
            let mut entry = Descriptor::new(root.media_type.as_str(), root.digest.clone(), root.size);
            entry.platform = match &root.platform {
                Some(platform) => Some(platform.clone()),
                None => platform(images, root).await?,
            };
            self.put(entry, None, &mut own)?;
        }
        self.own.push(own);
        Ok(())
    }

    /// What comes from a part, by its number.
    pub fn of(&self, part: usize) -> &[Descriptor] {
        self.own.get(part).map_or(&[], Vec::as_slice)
    }

    /// The index, and what it is: Docker's when all that it lists is, else the OCI's.
    ///
    /// # Errors
    /// `invalid-option` for annotations that have no place; `limit-exceeded` for too large a document.
    pub fn index(&self, annotations: &[Annotation]) -> Result<(Descriptor, Vec<u8>)> {
        if let (Some((root, bytes)), 1, true) = (&self.only, self.own.len(), annotations.is_empty()) {
            return Ok((index::tagged(root.clone(), None), bytes.clone()));
        }
        let docker = self.entries.iter().all(|(entry, _)| entry.media_type.starts_with("application/vnd.docker."));
        let family = if docker { Family::Docker } else { Family::Oci };
        if family == Family::Docker && !annotations.is_empty() {
            return Err(refused("all that it lists is Docker's, and Docker's manifest lists have no annotations"));
        }
        let mut entries = self.entries.clone();
        let mut of_index = BTreeMap::new();
        for Annotation { level, platform, key, value } in annotations {
            if *level == Level::Index {
                of_index.insert(key.clone(), value.clone());
                continue;
            }
            let mut places = 0_usize;
            for (entry, raw) in &mut entries {
                if platform.as_ref().is_none_or(|wanted| entry.platform.as_ref().is_some_and(|own| own.fits(wanted))) {
                    places = places.saturating_add(1);
                    entry.annotations.insert(key.clone(), value.clone());
                    *raw = None;
                }
            }
            if let (Some(platform), 0) = (platform, places) {
                return Err(refused(&format!("`{}` is for {platform}, and nothing here is", shown(key))));
            }
        }
        let bytes = index::combined(family, &entries, &of_index)?;
        Ok((Descriptor::of(family.index(), &bytes), bytes))
    }

    fn put(&mut self, entry: Descriptor, raw: Option<String>, own: &mut Vec<Descriptor>) -> Result<()> {
        let Some((known, said)) = self.entries.iter_mut().find(|(known, _)| known.digest == entry.digest) else {
            own.push(entry.clone());
            self.entries.push((entry, raw));
            return Ok(());
        };
        if (&known.media_type, known.size) != (&entry.media_type, entry.size) {
            let message = format!("{} is listed twice, with different sizes or media types", entry.digest);
            return Err(Error::malformed("index", message));
        }
        // Who lists it says more of it than it does itself.
        if said.is_none() && raw.is_some() {
            (*known, *said) = (entry, raw);
        }
        Ok(())
    }
}

/// From `--annotation`: of the index, or of descriptors in it.
///
/// # Errors
/// `invalid-option`: other levels would change the images.
pub fn annotations(given: &[String]) -> Result<Vec<Annotation>> {
    let mut all = Vec::new();
    for text in given {
        let levelled = text.split_once('=').is_some_and(|(head, _)| head.contains(':'));
        let parsed = Annotation::of_flag(&if levelled { text.clone() } else { format!("index:{text}") })?;
        if let Some(wrong) = parsed.iter().find(|one| !matches!(one.level, Level::Index | Level::ManifestDescriptor)) {
            let level = wrong.level.as_str();
            return Err(refused(&format!(
                "`{level}` is not a level that can change: write index or manifest-descriptor"
            )));
        }
        all.extend(parsed);
    }
    Ok(all)
}

/// What an image runs on, as its config says; none for what is not an image.
///
/// # Errors
/// When its documents cannot be read.
pub async fn platform<M: Media>(images: &Images<'_, M>, image: &Descriptor) -> Result<Option<Platform>> {
    let manifest = Manifest::parse(&images.document(image).await?, &image.media_type)?;
    if !matches!(manifest.config.media_type.as_str(), media_type::CONFIG | media_type::DOCKER_CONFIG) {
        return Ok(None);
    }
    Ok(Some(Config::parse(&images.document(&manifest.config).await?)?.platform()))
}

fn refused(why: &str) -> Error {
    Error::new(Fault::Request, Code::InvalidOption("--annotation".into()), format!("an annotation has no place: {why}"))
}
