//! Sparse files: GNU's old format, and its formats 0.0, 0.1 and 1.0 within pax. Maps are lists of offset and length of data.

use std::collections::{BTreeMap, VecDeque};

use super::header::Header;
use crate::error::Error;
use crate::layer::header::number;

/// What is left of an entry's content.
#[derive(Default)]
pub struct Content(VecDeque<Segment>);

/// Where data is: offset and length, in order.
pub type Map = Vec<(u64, u64)>;

/// A part of a content: so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Which stand in the tar.
    Data(u64),
    /// Of zeros, which do not.
    Hole(u64),
}

/// Where a sparse file's map is.
pub enum Version {
    /// The file is not sparse.
    None,
    /// In the extended header: 0.0 and 0.1.
    Records,
    /// Before the data: 1.0.
    Content,
}

impl Content {
    /// Without holes.
    pub fn plain(size: u64) -> Self {
        Self(VecDeque::from([Segment::Data(size)]))
    }

    /// With holes wherever the map has no data; `stored` bytes stand in the tar.
    pub fn sparse(map: &[(u64, u64)], size: u64, stored: u64) -> Result<Self, &'static str> {
        let mut segments = VecDeque::new();
        let (mut end, mut data) = (0_u64, 0_u64);
        for (offset, length) in map {
            let hole = offset.checked_sub(end).ok_or("has a sparse map that is out of order")?;
            end = offset.checked_add(*length).filter(|end| *end <= size).ok_or("has a sparse map beyond its size")?;
            data = data.saturating_add(*length);
            segments.extend([Segment::Hole(hole), Segment::Data(*length)]);
        }
        segments.push_back(Segment::Hole(size.saturating_sub(end)));
        if data != stored {
            return Err("has a sparse map that does not fit its data");
        }
        Ok(Self(segments))
    }

    /// How many bytes of it stand in the tar.
    pub fn stored(&self) -> u64 {
        let stored = |segment: &Segment| if let Segment::Data(size) = segment { *size } else { 0 };
        self.0.iter().map(stored).fold(0, u64::saturating_add)
    }

    /// What comes next. At most `most` bytes of a hole, which are then taken; data is taken by [`Content::taken`].
    pub fn next(&mut self, most: u64) -> Option<Segment> {
        loop {
            match self.0.front_mut()? {
                Segment::Data(0) | Segment::Hole(0) => {
                    self.0.pop_front();
                }
                Segment::Hole(left) => {
                    let now = most.min(*left);
                    *left = left.saturating_sub(now);
                    return Some(Segment::Hole(now));
                }
                data => return Some(*data),
            }
        }
    }

    /// So many bytes of the data that came next are read.
    pub fn taken(&mut self, count: u64) {
        if let Some(Segment::Data(left)) = self.0.front_mut() {
            *left = left.saturating_sub(count);
        }
    }
}

/// The records of an extended header by key, the last of each counting; those of format 0.0, which come several times, become the one
/// of 0.1.
pub fn joined(records: Vec<(&[u8], &[u8])>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, &'static str> {
    let mut map: Vec<&[u8]> = Vec::new();
    let mut joined = BTreeMap::new();
    for (key, value) in records {
        let expected: &[u8] = if map.len().is_multiple_of(2) { OFFSET } else { LENGTH };
        if key != OFFSET && key != LENGTH {
            joined.insert(key.to_vec(), value.to_vec());
        } else if key == expected && !value.contains(&b',') {
            map.push(value);
        } else {
            return Err("has a sparse map that is out of order");
        }
    }
    if !map.is_empty() {
        joined.insert(MAP.to_vec(), map.join(&b','));
    }
    Ok(joined)
}

/// Where the map is, by the entry's records; the entry gets the name and size that they say.
pub fn version(header: &mut Header) -> Result<Version, &'static str> {
    let record = |key: &[u8]| header.records.get(key).map(Vec::as_slice).unwrap_or_default();
    let version = match (record(b"GNU.sparse.major"), record(b"GNU.sparse.minor")) {
        (b"0", b"0" | b"1") => Version::Records,
        (b"1", b"0") => Version::Content,
        (b"", b"") if !record(MAP).is_empty() => Version::Records,
        _ => return Ok(Version::None),
    };
    let (name, sizes) =
        (record(b"GNU.sparse.name").to_vec(), [record(b"GNU.sparse.size"), record(b"GNU.sparse.realsize")]);
    if let Some(size) = sizes.iter().find(|size| !size.is_empty()) {
        header.size = decimal(size).ok_or("has a size that is not a number")?;
    }
    if !name.is_empty() {
        header.name = name;
    }
    Ok(version)
}

/// The map in the records of format 0.1.
pub fn recorded(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Map, &'static str> {
    let text = records.get(MAP).map(Vec::as_slice).unwrap_or_default();
    let count = records.get(&b"GNU.sparse.numblocks"[..]).and_then(|count| decimal(count)).ok_or(NOT_ONE)?;
    let numbers: Option<Vec<u64>> =
        if text.is_empty() { Some(Vec::new()) } else { text.split(|byte| *byte == b',').map(decimal).collect() };
    pairs(&numbers.ok_or(NOT_ONE)?, count)
}

/// How many entries a map of format 1.0 has, by its first line.
pub fn first(text: &[u8]) -> Option<usize> {
    usize::try_from(decimal(text.split(|byte| *byte == b'\n').next()?)?).ok()
}

/// The map of format 1.0.
pub fn written(text: &[u8]) -> Result<Map, &'static str> {
    let count = first(text).ok_or(NOT_ONE)?;
    let lines = text.split(|byte| *byte == b'\n').skip(1).take(count.saturating_mul(2));
    let numbers: Option<Vec<u64>> = lines.map(decimal).collect();
    pairs(&numbers.ok_or(NOT_ONE)?, count as u64)
}

/// From the header block of GNU's old format: the file's size, the start of the map, and whether more of it follows.
pub fn old(block: &[u8]) -> Result<(u64, Map, bool), &'static str> {
    if block.get(257..265) != Some(b"ustar  \0") {
        return Err("is a sparse file that is not in GNU's format");
    }
    let size = block.get(483..495).and_then(number).ok_or("has a size that is not a number")?;
    let mut map = Vec::new();
    listed(block.get(386..482).unwrap_or_default(), &mut map)?;
    Ok((size, map, block.get(482) != Some(&0)))
}

/// Another block of such a map, and whether still more of it follows.
///
/// # Errors
/// Why it is none.
pub fn more(block: &[u8], map: &mut Map) -> Result<bool, &'static str> {
    listed(block.get(..504).unwrap_or_default(), map)?;
    let more = block.get(504) != Some(&0);
    if more && map.len() > MOST { Err("has a sparse map of more than 1 MiB") } else { Ok(more) }
}

/// What a map that is too long is answered with.
pub fn too_long() -> Error {
    Error::limit("sparse map", "the map of a sparse file in the tar has more than 1 MiB")
}

fn listed(field: &[u8], map: &mut Map) -> Result<(), &'static str> {
    for pair in field.chunks_exact(24).take_while(|pair| pair.first() != Some(&0)) {
        let (offset, length) = pair.split_at_checked(12).unwrap_or_default();
        map.push((number(offset).ok_or(NOT_ONE)?, number(length).ok_or(NOT_ONE)?));
    }
    Ok(())
}

fn pairs(numbers: &[u64], count: u64) -> Result<Map, &'static str> {
    let pairs: Map = numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
    let whole = numbers.len().is_multiple_of(2) && pairs.len() as u64 == count;
    if whole { Ok(pairs) } else { Err(NOT_ONE) }
}

/// As Go reads it: a sign may stand before it, but it is not negative.
fn decimal(text: &[u8]) -> Option<u64> {
    let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(value).ok()
}

const OFFSET: &[u8] = b"GNU.sparse.offset";
const LENGTH: &[u8] = b"GNU.sparse.numbytes";
const MAP: &[u8] = b"GNU.sparse.map";
const NOT_ONE: &str = "has a sparse map that is not one";
/// Pairs in a map of the old format: 2048 blocks of 21.
const MOST: usize = 43_008;
