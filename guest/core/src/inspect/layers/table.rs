//! The table of contents of an eStargz layer, to find single files by it (stargz-estargz.md of containerd's stargz-snapshotter, "TOC").
//!
//! Only a table whose digest is the one in the layer's annotation is read at all, and no byte of a chunk is given before its digest is checked.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::content::shorter;
use super::listing::clean;
use super::merged::{Merged, Upper, too_much};
use super::node::{Key, key};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::inspect::payload::{Until, payload};
use crate::inspect::{Item, Layer, Limits};
use crate::layer::decode::Decoder;
use crate::layer::entries::{Entries, Header};
use crate::layer::{Archive, TOC_DIGEST};
use crate::media::{Hasher as _, Input as _, Media};

/// A table that is what the manifest says.
#[derive(Debug, Default)]
pub struct Table {
    entries: Vec<Entry>,
    pieces: Vec<Piece>,
    /// Where in the blob the table itself begins.
    end: u64,
    /// Bytes of memory, about.
    used: u64,
    most: u64,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// As a tar has it.
    flag: u8,
    link: Box<[u8]>,
    size: u64,
    /// The first of its pieces.
    first: usize,
    pieces: usize,
}

/// A chunk of a file.
#[derive(Debug)]
struct Piece {
    /// Of the gzip member in the blob, and of the chunk in what that decompresses to.
    offset: u64,
    inner: u64,
    /// Where in the file it starts.
    start: u64,
    size: u64,
    digest: Option<Digest>,
}

/// An entry as the table has it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    link_name: String,
    offset: u64,
    inner_offset: u64,
    chunk_offset: u64,
    chunk_size: u64,
    chunk_digest: String,
}

impl Table {
    /// Of a layer that has one; `None` when it is not an eStargz one, or is not annotated as such.
    ///
    /// # Errors
    /// When the table is not the annotated one, not a table, or too large.
    pub async fn of<M: Media>(layer: &Layer<'_, M>, limits: &Limits) -> Result<Option<Self>> {
        let Some(wanted) = layer.descriptor.as_ref().and_then(|own| own.annotations.get(TOC_DIGEST)) else {
            return Ok(None);
        };
        let wanted: Digest = wanted.parse()?;
        let Some(end) = payload(layer.descriptor.as_ref(), &layer.bytes).await? else { return Ok(None) };
        let archive = Archive::open(layer.bytes.open_at(end).await?).await?.within(limits.layer);
        let mut entries = Entries::new(archive).within(limits.layer);
        let mut json = Vec::new();
        let most = limits.index / 2;
        if entries.next().await?.is_none_or(|header| header.size > most) {
            return Err(too_much());
        }
        while let Some(piece) = entries.content().await? {
            json.extend(piece);
        }
        if Digest::by(wanted.algorithm(), &json) != wanted {
            return Err(Error::malformed(
                "table of contents",
                "the table of contents of a layer is not the one that its annotation names",
            ));
        }
        let mut table = Self { end, most, ..Self::default() };
        let mut reader = serde_json::Deserializer::from_slice(&json);
        let read = Document(&mut table).deserialize(&mut reader).and_then(|()| reader.end());
        read.map_err(|why| {
            Error::malformed("table of contents", format!("the table of contents of a layer cannot be read: {why}"))
        })?;
        Ok(Some(table))
    }

    /// Its entries as a layer that is about to be put on others; the numbers of contents are those of the table.
    ///
    /// # Errors
    /// As [`Upper::add`].
    pub fn upper(&self, layer: u32, beneath: &Merged, most: u64) -> Result<Upper> {
        let mut upper = Upper::default();
        for (number, entry) in (0..).zip(&self.entries) {
            let name = super::node::path(&entry.key);
            let header =
                Header { flag: entry.flag, name, link: entry.link.to_vec(), size: entry.size, ..Header::default() };
            upper.add(&Item { number, header }, layer, NOWHERE, beneath, most.saturating_sub(self.used))?;
        }
        Ok(upper)
    }

    /// The number of a file of this size.
    pub fn find(&self, key: &[u8], size: u64) -> Option<u64> {
        let found = self.entries.iter().rposition(|entry| *entry.key == *key)?;
        self.entries.get(found).filter(|entry| entry.flag == b'0' && entry.size == size)?;
        u64::try_from(found).ok()
    }

    /// Which chunk of a file has the byte at this offset, and where in the file the chunk starts.
    pub fn chunk(&self, file: u64, offset: u64) -> Option<(usize, u64)> {
        let entry = self.entries.get(usize::try_from(file).ok()?)?;
        let pieces = self.pieces.get(entry.first..)?.get(..entry.pieces)?;
        let at =
            pieces.iter().position(|piece| piece.start <= offset && offset < piece.start.saturating_add(piece.size))?;
        Some((entry.first.saturating_add(at), pieces.get(at)?.start))
    }

    /// The bytes of a chunk, which are those that the table means.
    ///
    /// # Errors
    /// When they are not; those of the blob.
    pub async fn read<M: Media>(
        &self,
        media: &M,
        layer: &Layer<'_, M>,
        limits: &Limits,
        chunk: usize,
    ) -> Result<Vec<u8>> {
        let piece = self.pieces.get(chunk).ok_or_else(shorter)?;
        let (Some(wanted), Some(left)) = (&piece.digest, self.end.checked_sub(piece.offset)) else {
            return Err(shorter());
        };
        let until = piece.inner.saturating_add(piece.size);
        let Some(until) = usize::try_from(until).ok().filter(|until| *until <= CHUNK) else { return Err(shorter()) };
        let mut input = Until::new(layer.bytes.open_at(piece.offset).await?, Some(left), None);
        let mut held = Vec::new();
        let (mut decoder, mut made) = (None, Vec::new());
        while made.len() < until {
            let more = input.read(PIECE).await?;
            if more.is_empty() {
                return Err(shorter());
            }
            held.extend(more);
            if decoder.is_none() && held.len() >= 4 {
                decoder = Decoder::of(&held).map(|decoder| decoder.within(limits.layer));
            }
            let Some(decoder) = &mut decoder else { continue };
            let mut taken = 0_usize;
            while made.len() < until {
                let (now, out) = decoder.push(held.get(taken..).unwrap_or_default())?;
                taken = taken.saturating_add(now);
                if now == 0 && out.is_empty() {
                    break;
                }
                made.extend(out);
            }
            held.drain(..taken.min(held.len()));
        }
        made.truncate(until);
        made.drain(..usize::try_from(piece.inner).unwrap_or_default().min(until));
        let mut hasher = media.hasher(wanted.algorithm());
        hasher.update(made.clone()).await;
        if Digest::from_hash(wanted.algorithm(), &hasher.sum().await) == *wanted { Ok(made) } else { Err(shorter()) }
    }

    fn add(&mut self, written: Written) -> Result<(), &'static str> {
        let Written { name, kind, size, link_name, .. } = &written;
        let flag = match kind.as_str() {
            "chunk" => return self.piece(&written),
            "reg" => b'0',
            "hardlink" => b'1',
            "symlink" => b'2',
            "char" => b'3',
            "block" => b'4',
            "dir" => b'5',
            "fifo" => b'6',
            _ => return Err("an entry of an unknown type"),
        };
        let (key, link) = (key(&clean(name.as_bytes()).0), link_name.as_bytes().into());
        let lengths = key.len().saturating_add(link_name.len()).saturating_add(size_of::<Entry>()) as u64;
        self.used = self.used.saturating_add(lengths.saturating_mul(2));
        let first = self.pieces.len();
        self.entries.push(Entry { key, flag, link, size: *size, first, pieces: 0 });
        if flag == b'0' && *size > 0 { self.piece(&written) } else { Ok(()) }
    }

    fn piece(&mut self, written: &Written) -> Result<(), &'static str> {
        let file = self.entries.last_mut().filter(|file| *file.key == *key(&clean(written.name.as_bytes()).0));
        let file = file.ok_or("a chunk that is behind another file")?;
        let rest = file.size.saturating_sub(written.chunk_offset);
        // The last one may leave out its size.
        let size = if written.chunk_size == 0 { rest } else { written.chunk_size };
        file.pieces = file.pieces.saturating_add(1);
        self.pieces.push(Piece {
            offset: written.offset,
            inner: written.inner_offset,
            start: written.chunk_offset,
            size: size.min(rest),
            digest: written.chunk_digest.parse().ok(),
        });
        self.used = self.used.saturating_add(PLACE);
        if self.used > self.most { Err("more entries than fit the limit `index`") } else { Ok(()) }
    }
}

/// The table's document.
struct Document<'t>(&'t mut Table);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of contents")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(name) = map.next_key::<String>()? {
            if name != "entries" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(serde::de::Error::custom("it has its entries twice"));
            }
            map.next_value_seed(List(&mut *self.0))?;
        }
        Ok(())
    }
}

/// The table's entries, one after the other.
struct List<'t>(&'t mut Table);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(entry) = list.next_element()? {
            self.0.add(entry).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }
}

/// The offset of contents that a table tells of, which no tar has.
pub const NOWHERE: u64 = u64::MAX;
/// Bytes of a chunk at most, since it is held to be verified.
const CHUNK: usize = 32 << 20;
/// Bytes that are read at once.
const PIECE: u32 = 256 << 10;
/// Bytes of memory of a piece, about.
const PLACE: u64 = 2 * (size_of::<Piece>() as u64 + 96);
