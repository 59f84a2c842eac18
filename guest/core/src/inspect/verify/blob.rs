//! A blob, read once: its bytes go to the hash of its digest and to the decoder, what comes out of that to the hash of its diff ID and to the
//! reader of its tar. Pieces are handed on, not copied.

use super::entries;
use super::finding::{Findings, Flaw};
use super::second::Decoder;
use super::tar::Tar;
use super::toc;
use crate::contents::{Bytes, Reader};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Result;
use crate::inspect::Limits;
use crate::inspect::meter::Meter;
use crate::media::{HashAlgorithm, Hasher, Input, Media, Timestamp};
use crate::media_type::Packing;
use crate::store::PIECE;

/// What is to be known of a blob.
pub struct Asked<'q> {
    /// None for a lone layer, of which no digest is said.
    pub descriptor: Option<&'q Descriptor>,
    /// By what a layer's diff ID is said; none for what is no tar.
    pub layer: Option<HashAlgorithm>,
    /// Whether no layer is below.
    pub bottom: bool,
}

/// What was found out about a layer whose bytes are what they should be.
pub struct Checked {
    /// How it is compressed.
    pub packing: Packing,
    /// None when it could not be decoded to its end.
    pub diff_id: Option<Digest>,
    /// The earliest and latest time of its entries.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// A layer that is being read.
struct Layer<M: Media> {
    decoder: Option<Decoder>,
    tar: Tar,
    /// Of the tar; none when the blob's own hash is the same.
    hasher: Option<M::Hasher>,
    flaw: Option<Flaw>,
}

/// Reads a blob. `Ok(None)` when its bytes are not what they should be, or it is no layer.
///
/// # Errors
/// The medium's.
pub async fn check<M: Media>(
    media: &M,
    bytes: &Bytes<'_, M>,
    asked: &Asked<'_>,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Option<Checked>> {
    let scope = asked.descriptor.map_or("layer", |descriptor| descriptor.digest.as_str());
    let algorithm = asked.descriptor.map(|descriptor| descriptor.digest.algorithm());
    let mut hasher = algorithm.map(|algorithm| media.hasher(algorithm));
    let mut reader = bytes.open().await?;
    let mut piece = start(&mut reader).await?;
    let toc = asked.descriptor.and_then(|descriptor| descriptor.annotations.get(toc::ANNOTATION));
    let mut layer = asked.layer.map(|wanted| {
        let mut decoder = Decoder::of(&piece, limits.layer);
        if toc.is_some() {
            decoder.iter_mut().for_each(Decoder::remember_members);
        }
        let same = decoder.is_none() && algorithm == Some(wanted);
        let hasher = (!same).then(|| media.hasher(wanted));
        Layer::<M> { decoder, tar: Tar::new(limits.layer, limits.index, toc.is_some()), hasher, flaw: None }
    });
    // What is in a blob says nothing about the image when the blob is another.
    let mut inside = Findings::default();
    let mut meter = asked.layer.map(|_| Meter::new(media, scope.to_owned(), bytes.size()));
    while !piece.is_empty() {
        meter.iter_mut().for_each(|meter| meter.count(piece.len()));
        if let Some(layer) = &mut layer {
            layer.push(&piece, &mut inside, scope).await;
            // Both hashes of a plain layer, when they differ, want the piece.
            if let (None, Some(hasher)) = (&layer.decoder, &mut layer.hasher) {
                let copy = if algorithm.is_some() { piece.clone() } else { std::mem::take(&mut piece) };
                hasher.update(copy).await;
            }
        }
        if let Some(hasher) = &mut hasher {
            hasher.update(piece).await;
        }
        piece = reader.read(PIECE).await?;
    }
    meter.iter_mut().for_each(|meter| meter.count(0));
    let mut own = None;
    if let (Some(mut hasher), Some(descriptor), Some(algorithm)) = (hasher, asked.descriptor, algorithm) {
        let is = Digest::from_hash(algorithm, &hasher.sum().await);
        if is != descriptor.digest {
            let message = format!("the bytes have the digest {is}: they were changed; copy the image again");
            findings.add(super::codes::DIGEST_MISMATCH, scope, None, message);
            return Ok(None);
        }
        own = Some(is);
    }
    let Some(layer) = layer else { return Ok(None) };
    let checked = layer.finish(own, asked, toc.map(String::as_str), &mut inside, scope).await;
    findings.append(inside);
    Ok(Some(checked))
}

impl<M: Media> Layer<M> {
    async fn push(&mut self, mut piece: &[u8], findings: &mut Findings, scope: &str) {
        let Some(decoder) = &mut self.decoder else { return self.tar.push(piece, findings, scope) };
        while self.flaw.is_none() {
            match decoder.push(piece) {
                Ok((0, out)) if out.is_empty() => return,
                Ok((taken, out)) => {
                    piece = piece.get(taken..).unwrap_or_default();
                    self.tar.push(&out, findings, scope);
                    // What follows is not decompressed.
                    self.flaw = self.tar.limit.take();
                    if let Some(hasher) = self.hasher.as_mut().filter(|_| !out.is_empty()) {
                        hasher.update(out).await;
                    }
                }
                Err(flaw) => self.flaw = Some(flaw),
            }
        }
    }

    async fn finish(
        mut self,
        own: Option<Digest>,
        asked: &Asked<'_>,
        toc: Option<&str>,
        findings: &mut Findings,
        scope: &str,
    ) -> Checked {
        let packing = match &self.decoder {
            None => Packing::Plain,
            Some(Decoder::Gzip(_)) => Packing::Gzip,
            Some(Decoder::Zstd(_)) => Packing::Zstd,
        };
        if let Some(decoder) = &self.decoder {
            self.flaw = self.flaw.or_else(|| decoder.finish().err());
            for odd in decoder.oddities() {
                findings.flaw(odd, scope, None);
            }
        }
        let mut diff_id = own;
        match self.flaw {
            // The tar was not read to its end.
            Some(flaw) => {
                findings.flaw(flaw, scope, None);
                diff_id = None;
            }
            None => {
                self.tar.finish(findings, scope);
                if let (Some(mut hasher), Some(algorithm)) = (self.hasher, asked.layer) {
                    diff_id = Some(Digest::from_hash(algorithm, &hasher.sum().await));
                }
                self.tar.entries.finish(asked.bottom, findings, scope);
                if let Some(said) = toc {
                    let members = self.decoder.as_ref().map(Decoder::members).unwrap_or_default();
                    toc::check(said, &self.tar, members, findings, scope);
                }
            }
        }
        Checked { packing, diff_id, times: self.tar.entries.times }
    }
}

/// What is odd about the times of a layer, for an image created when `is_after` says.
pub fn times(checked: &Checked, created: Option<impl Fn(i64) -> bool>) -> Option<Flaw> {
    entries::times(checked.times, created)
}

/// The first bytes: as many as tell compressions apart.
async fn start<M: Media>(reader: &mut Reader<'_, M>) -> Result<Vec<u8>> {
    let mut start = reader.read(PIECE).await?;
    while !start.is_empty() && start.len() < 4 {
        let more = reader.read(PIECE).await?;
        if more.is_empty() {
            break;
        }
        start.extend(more);
    }
    Ok(start)
}
