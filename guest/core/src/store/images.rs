//! What is in the store: an image for each entry of `index.json`, in the order in which they were named.

use serde::Serialize;

use super::Layout;
use crate::descriptor::Descriptor;
use crate::documents::index::{name_of, tag_of};
use crate::error::Result;
use crate::export::deliver::CREATED;
use crate::media::Directory;

/// An image, under one name; docs/stores.md describes it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The whole reference, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tag that stands beside it, or alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Of the root document.
    pub digest: String,
    /// Of the root document.
    pub media_type: String,
    /// What kind of artifact it is, when it is no image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on, as `OS/ARCH[/VARIANT]`.
    pub platforms: Vec<String>,
    /// Bytes of all documents and blobs, each counted once; none when they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was made (RFC 3339): as the store's entry says, else as its configs do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Why its documents cannot be read, when they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

impl<D: Directory> Layout<D> {
    /// The images whose name has this text in it; all of them when it is empty.
    ///
    /// # Errors
    /// Those of the medium; an `index.json` that cannot be read.
    pub async fn images(&self, filter: &str) -> Result<Vec<Image>> {
        let index = self.index().await?;
        let fits = |entry: &&Descriptor| filter.is_empty() || called(entry).is_some_and(|own| own.contains(filter));
        let listed: Vec<&Descriptor> = index.listed().filter(fits).collect();
        let glances = self.glances(&listed).await;
        let image = |entry: &Descriptor| {
            let (glance, broken) = match glances.of(&entry.digest) {
                Some(Ok(glance)) => (Some(glance), None),
                Some(Err(why)) => (None, Some(why.to_string())),
                None => (None, None),
            };
            let said = entry.annotations.get(CREATED).cloned();
            Image {
                name: name_of(entry).map(str::to_owned),
                tag: tag_of(entry).map(str::to_owned),
                digest: entry.digest.to_string(),
                media_type: entry.media_type.clone(),
                artifact_type: entry.artifact_type.clone(),
                platforms: glance.map(|glance| glance.platforms.iter().cloned().collect()).unwrap_or_default(),
                size: glance.map(|glance| glance.size),
                created: said.or_else(|| glance.and_then(|glance| glance.created.clone())),
                broken,
            }
        };
        Ok(listed.into_iter().map(image).collect())
    }
}

fn called(entry: &Descriptor) -> Option<&str> {
    name_of(entry).or(tag_of(entry))
}
