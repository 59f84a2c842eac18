//! Which layers of two images are the same, as diff IDs and digests say.

use serde::Serialize;

use super::lists::in_order;
use super::side::Member;
use crate::contents::Bytes;
use crate::error::Result;
use crate::layer::decode::Decoder;
use crate::media::{Input, Media};

/// Two layers that belong together, or one that is alone. First those of the first side from the bottom up, then what only the second
/// side has.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerPair {
    /// What they have to do with each other.
    pub relation: Relation,
    /// Whether both have it, beneath another layer that both have on one side and above it on the other.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// The first side's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Blob>,
    /// The second side's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Blob>,
}

/// What two layers have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The same digest.
    SameBlob,
    /// The same diff ID, compressed otherwise.
    SameTar,
    /// They stand in the same place between layers that both have.
    Replaced,
    /// The first side has it.
    OnlyA,
    /// The second side has it.
    OnlyB,
}

/// A layer that was compared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blob {
    /// Its number in the image, from 0.
    pub layer: usize,
    /// As the manifest says; absent of a lone layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Of the blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// As the config says, or what was read; absent when neither is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// Of the blob, in bytes.
    pub size: u64,
    /// What its bytes are; absent when they were not looked at, because both sides have the same blob or it is no layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
    /// The command that made it, as the history says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// How a layer is packed, as its bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packed {
    /// A plain tar, or what is none.
    Uncompressed,
    /// gzip.
    Gzip,
    /// gzip with a table of contents.
    Estargz,
    /// zstd.
    Zstd,
}

impl Blob {
    /// As its documents have it.
    pub fn of<M: Media>(layer: usize, member: &Member<'_, M>) -> Self {
        let descriptor = member.descriptor.as_ref();
        Self {
            layer,
            media_type: descriptor.map(|descriptor| descriptor.media_type.clone()),
            digest: member.digest().map(ToString::to_string),
            diff_id: member.diff_id.as_ref().map(ToString::to_string),
            size: descriptor.map_or_else(|| member.bytes.as_ref().map_or(0, Bytes::size), |descriptor| descriptor.size),
            packed: None,
            created_by: member.created_by.clone(),
        }
    }
}

/// The first bytes of a blob: as many as tell how it is packed.
pub async fn start<M: Media>(bytes: &Bytes<'_, M>) -> Result<Vec<u8>> {
    let (mut reader, mut start) = (bytes.open().await?, Vec::new());
    while start.len() < START as usize {
        let piece = reader.read(START).await?;
        if piece.is_empty() {
            break;
        }
        start.extend(piece);
    }
    Ok(start)
}

/// What a layer that starts with these bytes is.
pub fn packed(start: &[u8], estargz: bool) -> Packed {
    match start {
        [0x1f, 0x8b, ..] if estargz => Packed::Estargz,
        [0x1f, 0x8b, ..] => Packed::Gzip,
        _ if Decoder::of(start).is_some() => Packed::Zstd,
        _ => Packed::Uncompressed,
    }
}

/// Matches the layers of two images: as many as there are in the same order, then those that moved, then what is left by its place.
pub fn matched<M1: Media, M2: Media>(a: &[Member<'_, M1>], b: &[Member<'_, M2>]) -> Vec<LayerPair> {
    let keys_a: Vec<_> = a.iter().map(|member| (member.diff_id.as_ref(), member.digest())).collect();
    let keys_b: Vec<_> = b.iter().map(|member| (member.diff_id.as_ref(), member.digest())).collect();
    let same = |i: usize, j: usize| match (keys_a.get(i), keys_b.get(j)) {
        (Some(one), Some(other)) => (one.0.is_some() && one.0 == other.0) || (one.1.is_some() && one.1 == other.1),
        _ => false,
    };
    // Of too many layers only those at the start.
    let most = if a.len().saturating_mul(b.len()) > MOST { 0 } else { MOST };
    let anchors = in_order(a.len(), b.len(), most, same);
    let mut free: Vec<usize> = (0..b.len()).filter(|j| !anchors.iter().any(|(_, anchor)| anchor == j)).collect();
    let anchored = |i: usize| anchors.iter().any(|(anchor, _)| *anchor == i);
    let mut moved = Vec::new();
    for i in (0..a.len()).filter(|i| !anchored(*i)) {
        if let Some(at) = free.iter().position(|j| same(i, *j)) {
            moved.push((i, free.remove(at)));
        }
    }
    let mut pairs = Vec::new();
    let mut gap = 0;
    for i in 0..a.len() {
        let other = |pairs: &[(usize, usize)]| pairs.iter().find(|(one, _)| *one == i).map(|(_, j)| *j);
        let (j, relation) = match (other(&anchors), other(&moved)) {
            (Some(j), _) => {
                gap = j.saturating_add(1);
                (Some(j), None)
            }
            (None, Some(j)) => (Some(j), None),
            (None, None) => {
                let until = anchors.iter().find(|(anchor, _)| *anchor > i).map_or(b.len(), |(_, j)| *j);
                let at = free.iter().position(|j| *j >= gap && *j < until);
                let j = at.map(|at| free.remove(at));
                (j, Some(if j.is_some() { Relation::Replaced } else { Relation::OnlyA }))
            }
        };
        let blobs = (a.get(i).map(|one| Blob::of(i, one)), j.and_then(|j| Some(Blob::of(j, b.get(j)?))));
        let crosses = |(one, another): &(usize, usize)| j.is_some_and(|j| (*one < i) != (*another < j) && *one != i);
        let crossed = relation.is_none() && !moved.is_empty() && anchors.iter().chain(&moved).any(crosses);
        pairs.push(pair(blobs, relation, crossed));
    }
    for j in free {
        pairs.push(pair((None, b.get(j).map(|other| Blob::of(j, other))), Some(Relation::OnlyB), false));
    }
    pairs
}

fn pair((a, b): (Option<Blob>, Option<Blob>), relation: Option<Relation>, moved: bool) -> LayerPair {
    let mut pair = LayerPair { relation: relation.unwrap_or(Relation::SameTar), moved, a, b };
    if relation.is_none() {
        pair.same();
    }
    pair
}

impl LayerPair {
    /// Both have the same tar; whether in the same blob, their digests say.
    pub fn same(&mut self) {
        let digest = |blob: &Option<Blob>| blob.as_ref().and_then(|blob| blob.digest.clone());
        let same = digest(&self.a).is_some() && digest(&self.a) == digest(&self.b);
        self.relation = if same { Relation::SameBlob } else { Relation::SameTar };
    }

    /// Whether the tars differ.
    pub fn differs(&self) -> bool {
        matches!(self.relation, Relation::Replaced | Relation::OnlyA | Relation::OnlyB)
    }
}

/// Bytes that tell how a layer is packed.
pub const START: u32 = 4;
/// Pairs of layers that are looked at for those in the same order; an image has some hundred layers at most.
const MOST: usize = 4_000_000;
