//! What is in the store: an image for each entry of `index.json`, in the order in which they were named.

use serde::{Serialize, Serializer};

use super::Layout;
use super::summaries::Glances;
use crate::documents::index::{Index, Seen};
use crate::error::Result;
use crate::media::Directory;

/// Those whose name has a text in it.
#[derive(Debug)]
pub struct Images {
    index: Index,
    filter: String,
    glances: Glances,
}

/// An image, under one name; docs/stores.md describes it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image<'a> {
    /// The whole reference, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The tag that stands beside it, or alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<&'a str>,
    /// Of the root document.
    pub digest: &'a str,
    /// Of the root document.
    pub media_type: &'a str,
    /// What kind of artifact it is, when it is no image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<&'a str>,
    /// What it runs on, as `OS/ARCH[/VARIANT]`, with commas between them; a list in JSON.
    #[serde(serialize_with = "list")]
    pub platforms: &'a str,
    /// Bytes of all documents and blobs, each counted once; none when they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was made (RFC 3339): as the store's entry says, else as its configs do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<&'a str>,
    /// Why its documents cannot be read, when they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

impl<D: Directory> Layout<D> {
    /// The images whose name has this text in it; all of them when it is empty.
    ///
    /// # Errors
    /// Those of the medium; an `index.json` that cannot be read.
    pub async fn images(&self, filter: &str) -> Result<Images> {
        let (index, filter) = (self.index().await?, filter.to_owned());
        let mut images = Images { index, filter, glances: Glances::default() };
        images.glances = self.glances(images.seen()).await;
        Ok(images)
    }
}

impl Images {
    /// In the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = Image<'_>> {
        self.seen().enumerate().map(|(number, entry)| {
            let (glance, broken) = match self.glances.of(number, entry.digest) {
                Some(Ok(glance)) => (Some(glance), None),
                Some(Err(why)) => (None, Some(why.to_string())),
                None => (None, None),
            };
            Image {
                name: entry.name,
                tag: entry.tag,
                digest: entry.digest,
                media_type: entry.media_type,
                artifact_type: entry.artifact_type,
                platforms: glance.map_or("", |glance| glance.platforms),
                size: glance.map(|glance| glance.size),
                created: entry.created.or_else(|| glance?.created),
                broken,
            }
        })
    }

    fn seen(&self) -> impl Iterator<Item = Seen<'_>> + Clone {
        let all = self.filter.is_empty();
        self.index.seen().filter(move |entry| all || entry.called().is_some_and(|own| own.contains(&self.filter)))
    }
}

impl Serialize for Images {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

fn list<S: Serializer>(platforms: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(platforms.split(',').filter(|platform| !platform.is_empty()))
}
