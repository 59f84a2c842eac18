//! Two images, one of each side.

use serde::Serialize;

use super::super::Image;
use super::super::payload::payload;
use super::documents::{self, Besides, Document};
use super::files::{self, Files, Place, Places};
use super::layers::{self, Blob, LayerPair, Packed, Relation};
use super::read::{Budget, Hashes, Source, Tree};
use super::side::{self, Found, Member, Side};
use super::verdict::{Cause, Causes, Finding};
use crate::error::Result;
use crate::media::Media;

/// What two images that belong together differ in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// What both run on, as far as an index says, or as was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Of these two.
    #[serde(flatten)]
    pub finding: Finding,
    /// Manifests, then configs; none of a lone layer.
    pub documents: Vec<Document>,
    /// Every layer of both.
    pub layers: Vec<LayerPair>,
    /// The files of layers that only one side has; absent when both have the same layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// The same as the finding, to be put together with others.
    #[serde(skip)]
    pub(super) causes: Causes,
}

/// Compares two images.
pub async fn compare<M1: Media, M2: Media>(
    image_a: &Image<'_, M1>,
    a: Found,
    image_b: &Image<'_, M2>,
    b: Found,
    budget: &mut Budget,
) -> Result<Pair> {
    let platform = a.platform.as_ref().or(b.platform.as_ref()).map(ToString::to_string);
    let (a, b) = (side::load(image_a, a).await?, side::load(image_b, b).await?);
    let mut causes = Causes::default();
    let mut documents = Vec::new();
    let configs = a.config.is_some() && b.config.is_some();
    let both = [(Besides::Config(configs), &a.manifest, &b.manifest), (Besides::Layers, &a.config, &b.config)];
    for (besides, one, other) in &both {
        if let (Some(one), Some(other)) = (one, other) {
            documents.push(documents::compare(besides, one, other, &mut causes)?);
        }
    }
    let mut pairs = layers::matched(&a.layers, &b.layers);
    let shared = pairs.iter().any(|pair| !pair.differs());
    let one = merged(image_a, &a, &mut pairs, |pair| &mut pair.a, shared, budget).await;
    let one = one.map_err(|error| error.within("the first image's layers cannot be compared"))?;
    let other = merged(image_b, &b, &mut pairs, |pair| &mut pair.b, shared, budget).await;
    let other = other.map_err(|error| error.within("the second image's layers cannot be compared"))?;
    for pair in &mut pairs {
        settle(pair, &mut causes);
    }
    let own = pairs.iter().any(LayerPair::differs);
    let files = own.then(|| {
        let (files, why) = files::compare(one, other, shared);
        // Of a table of contents in the tar more is told as compression.
        if why.is_empty() && !pairs.iter().any(|pair| pair.differs() && repacked(pair)) {
            causes.add(Cause::TarHeaders, 1);
        }
        causes.all(&why);
        files
    });
    Ok(Pair { platform, finding: causes.finding(), documents, layers: pairs, files, causes })
}

/// One side of a pair.
type Of = fn(&mut LayerPair) -> &mut Option<Blob>;

/// Looks at the layers of one side, as far as they are not the same blob, and reads those whose tars differ.
async fn merged<'a, M: Media>(
    image: &Image<'a, M>,
    side: &Side<'a, M>,
    pairs: &mut [LayerPair],
    of: Of,
    shared: bool,
    budget: &mut Budget,
) -> Result<(Tree, Places)> {
    let (mut tree, mut places, mut level) = (Tree::new(shared), Places::new(), 0_usize);
    for (layer, member) in side.layers.iter().enumerate() {
        let at = |pair: &mut LayerPair| of(pair).as_ref().is_some_and(|blob| blob.layer == layer);
        let Some((slot, pair)) = pairs.iter_mut().enumerate().find_map(|(slot, pair)| at(pair).then_some((slot, pair)))
        else {
            continue;
        };
        let differs = pair.differs();
        let looked_at = member.is_layer() && pair.relation != Relation::SameBlob;
        let seen = match (looked_at, differs) {
            (false, _) => None,
            (true, false) => Some((start(member, image).await?, None)),
            (true, true) => {
                places.insert(layer, Place { slot, level });
                let seen = read(image, member, layer, &mut tree, budget).await;
                Some(seen.map_err(|error| error.within(format!("layer {layer} cannot be read")))?)
            }
        };
        level = level.saturating_add(usize::from(!differs));
        if let (Some((packed, hashes)), Some(blob)) = (seen, of(pair)) {
            blob.packed = Some(packed);
            if let Some((digest, diff_id)) = hashes {
                blob.digest.get_or_insert(digest);
                blob.diff_id = blob.diff_id.take().or(diff_id);
            }
        }
    }
    tree.link(budget)?;
    Ok((tree, places))
}

async fn start<'a, M: Media>(member: &Member<'a, M>, image: &Image<'a, M>) -> Result<Packed> {
    let bytes = member.bytes(image).await?;
    let payload = payload(member.descriptor.as_ref(), &bytes).await?;
    Ok(layers::packed(&layers::start(&bytes).await?, payload.is_some()))
}

/// Reads a layer into the tree; with digest and diff ID where they were not known.
async fn read<'a, M: Media>(
    image: &Image<'a, M>,
    member: &Member<'a, M>,
    layer: usize,
    tree: &mut Tree,
    budget: &mut Budget,
) -> Result<(Packed, Option<Hashes>)> {
    let bytes = member.bytes(image).await?;
    let payload = payload(member.descriptor.as_ref(), &bytes).await?;
    let hashed = member.digest().is_none() || member.diff_id.is_none();
    let subject = member.digest().map_or_else(|| "layer".to_owned(), ToString::to_string);
    let source = Source { media: image.media, subject, bytes, layer, payload, hashed, limits: image.limits.layer };
    let seen = tree.add(source, budget).await?;
    Ok((layers::packed(&seen.start, payload.is_some()), seen.hashes))
}

/// What is known of two layers after they were read, and why they are not the same blob.
fn settle(pair: &mut LayerPair, causes: &mut Causes) {
    let same = |of: fn(&Blob) -> Option<&String>| {
        let (one, other) = (pair.a.as_ref().and_then(of), pair.b.as_ref().and_then(of));
        one.is_some() && one == other
    };
    let same = same(|blob| blob.diff_id.as_ref()) || same(|blob| blob.digest.as_ref());
    let looked_at = |blob: &Option<Blob>| blob.as_ref().is_none_or(|blob| blob.packed.is_some());
    if pair.relation == Relation::Replaced && same {
        pair.same();
    }
    if pair.differs() && !(looked_at(&pair.a) && looked_at(&pair.b)) {
        causes.add(Cause::Blobs, 1);
    }
    if pair.relation == Relation::SameTar || repacked(pair) {
        causes.add(Cause::Compression, 1);
    }
    if pair.moved {
        causes.add(Cause::LayerOrder, 1);
    }
}

fn repacked(pair: &LayerPair) -> bool {
    let packed = |blob: &Option<Blob>| blob.as_ref().and_then(|blob| blob.packed);
    packed(&pair.a).zip(packed(&pair.b)).is_some_and(|(a, b)| a != b)
}
