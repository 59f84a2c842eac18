//! Two images beside each other: where their documents, layers and files differ, what that amounts to in words, and which options would
//! make them equal.
//!
//! Only what differs is read: a layer that both have, as diff IDs or digests say, is never opened, and every other one is read once.
//! Diff IDs are believed here; [`Image`]s that lie about them are found by verifying. `a` and `b` are equals: what holds of one against the
//! other holds the other way round.

mod classes;
mod documents;
mod files;
mod layers;
mod lists;
mod pair;
mod read;
mod record;
mod side;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;

use serde::Serialize;

use self::documents::Besides;
use self::read::Budget;
use self::side::Listed;
use self::verdict::Causes;
use super::Image;
use crate::error::Result;
use crate::media::Media;

pub use documents::{Document, Field, Likeness, MAX_FIELDS, Party, Role};
pub use files::{Change, Changed, Counts, FileState, Files, MAX_CHANGES};
pub use layers::{Blob, LayerPair, Packed, Relation};
pub use pair::Pair;
pub use record::{Kind, What};
pub use verdict::{Cause, Finding, Reason, Verdict};

/// What two images have to do with each other.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Of everything that was compared.
    #[serde(flatten)]
    pub finding: Finding,
    /// The indexes of both, in the order in which they are met from the roots; empty when a platform was asked for.
    pub documents: Vec<Document>,
    /// The images that belong together: the one of each side, or those for the same platform.
    pub images: Vec<Pair>,
    /// Images for which the second side has none of the same platform.
    pub only_a: Vec<Single>,
    /// Images for which the first side has none of the same platform.
    pub only_b: Vec<Single>,
}

/// An image that only one side has.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Single {
    /// As an index or the config says; absent when nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Compares two images. Where a side was asked for a platform, or has one image only, that is the image; else all of both are matched by
/// platform, in order where several have the same. Names and hashes of all files that are read are counted against the smaller of both
/// limits `index`.
///
/// # Errors
/// `limit-exceeded` with `index`, `nodes` or a limit of layers; what reading documents and the layers that differ says.
pub async fn compare<M1: Media, M2: Media>(a: &Image<'_, M1>, b: &Image<'_, M2>) -> Result<Comparison> {
    let (mut listed_a, mut listed_b) = (side::list(a).await?, side::list(b).await?);
    let mut causes = Causes::default();
    let mut documents = Vec::new();
    for (one, other) in listed_a.indexes.iter().zip(&listed_b.indexes) {
        let besides = Besides::Images(documents::images(one)?, documents::images(other)?);
        documents.push(documents::compare(&besides, one, other, &mut causes)?);
    }
    if listed_a.images.len().max(listed_b.images.len()) > 1 {
        side::name_platforms(a, &mut listed_a).await?;
        side::name_platforms(b, &mut listed_b).await?;
    }
    let (pairs, only_a, only_b) = matched(listed_a, listed_b);
    causes.add(Cause::Platforms, only_a.len().saturating_add(only_b.len()) as u64);
    let mut budget = Budget::new(a.limits.index.min(b.limits.index));
    let mut images = Vec::new();
    for (one, other) in pairs {
        let pair = pair::compare(a, one, b, other, &mut budget).await?;
        causes.all(&pair.causes);
        images.push(pair);
    }
    Ok(Comparison { finding: causes.finding(), documents, images, only_a, only_b })
}

/// The images that belong together, and those that are alone.
fn matched(a: Listed, b: Listed) -> (Vec<(side::Found, side::Found)>, Vec<Single>, Vec<Single>) {
    let single = |found: side::Found| Single {
        platform: found.platform.as_ref().map(ToString::to_string),
        digest: found.manifest.map(|manifest| manifest.digest.to_string()),
    };
    if a.images.len() == 1 && b.images.len() == 1 {
        return (a.images.into_iter().zip(b.images).collect(), Vec::new(), Vec::new());
    }
    let mut others: BTreeMap<Option<String>, Vec<side::Found>> = BTreeMap::new();
    // The last one is taken first.
    let mut only_b: Vec<side::Found> = Vec::new();
    for found in b.images.into_iter().rev() {
        others.entry(found.platform.as_ref().map(ToString::to_string)).or_default().push(found);
    }
    let (mut pairs, mut only_a) = (Vec::new(), Vec::new());
    for found in a.images {
        let platform = found.platform.as_ref().map(ToString::to_string);
        match others.get_mut(&platform).and_then(Vec::pop) {
            Some(other) => pairs.push((found, other)),
            None => only_a.push(single(found)),
        }
    }
    others.into_values().for_each(|left| only_b.extend(left.into_iter().rev()));
    (pairs, only_a, only_b.into_iter().map(single).collect())
}
