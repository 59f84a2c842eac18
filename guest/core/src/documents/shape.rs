//! Entries of an index that are as one before them but for digest, size and annotations: read by comparing what is between those.
//!
//! The names of a store differ in little else. What is as something well-formed is well-formed.

use super::cursor::{Cursor, is_plain};
use super::entry::{CREATED, NAME, TAG};
use super::quick::One;
use crate::digest::Digest;

/// What such entries have in common.
pub struct Shape<'a> {
    model: One<'a>,
    /// The text before each value, and which one it is.
    values: Vec<(&'a str, Value)>,
    /// The text behind the last one.
    end: &'a str,
    /// How many bytes the first annotation's key takes, with all between it and the value.
    lead: usize,
}

#[derive(Clone, Copy)]
enum Value {
    Digest,
    Size,
    Name,
    Tag,
    Created,
    /// Another annotation.
    Other,
}

impl<'a> Shape<'a> {
    /// Of an entry that was read out of this text.
    pub fn of(text: &'a str, model: &One<'a>) -> Option<Self> {
        let place = |word: &str| word.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let mut words = vec![(model.digest, Value::Digest), (model.size, Value::Size)];
        words.extend(model.annotations().map(|(key, value)| (value, Value::of(key))));
        words.sort_by_key(|(word, _)| place(word));
        let (mut values, mut at) = (Vec::with_capacity(words.len()), 0);
        for (word, value) in words {
            values.push((text.get(at..place(word))?, value));
            at = place(word).checked_add(word.len())?;
        }
        let first = model.annotations().next();
        let lead = first.map_or(0, |(_, value)| place(value).saturating_sub(place(model.annotations)));
        Some(Self { model: model.clone(), values, end: text.get(at..)?, lead })
    }

    /// The entry at a place, which it is then behind, when it is one of these. `plain` says that all of the text is ([`is_plain`]).
    pub fn read(&self, cursor: &mut Cursor<'a>, plain: bool) -> Option<One<'a>> {
        let mut at = Cursor::new(cursor.rest);
        let (mut one, mut annotations) = (None, None);
        for (before, value) in &self.values {
            at.rest = behind(at.rest, before)?;
            let start = at.at();
            let word = if matches!(value, Value::Size) { at.number()? } else { at.word()? };
            let one = one.get_or_insert_with(|| self.model.clone());
            match value {
                Value::Digest => one.digest = word,
                Value::Size => one.size = word,
                Value::Name => one.name = Some(word),
                Value::Tag => one.tag = Some(word),
                Value::Created => one.created = Some(word),
                Value::Other => {}
            }
            if !matches!(value, Value::Digest | Value::Size) {
                // With the quote behind it.
                let (_, end) = annotations.get_or_insert((start.checked_sub(self.lead)?, 0));
                *end = at.at().checked_add(1)?;
                if !plain && !is_plain(word) {
                    return None;
                }
            }
        }
        let (mut one, rest) = (one?, behind(at.rest, self.end)?);
        if let Some((start, end)) = annotations {
            one.annotations = cursor.rest.get(start..end)?;
        }
        Digest::check(one.digest).ok()?;
        cursor.rest = rest;
        Some(one)
    }
}

impl Value {
    fn of(key: &str) -> Self {
        match key {
            NAME => Self::Name,
            TAG => Self::Tag,
            CREATED => Self::Created,
            _ => Self::Other,
        }
    }
}

/// What stands behind this start of a text.
fn behind<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (own, rest) = text.split_at_checked(start.len())?;
    same(own.as_bytes(), start.as_bytes()).then_some(rest)
}

/// Whether texts of one length are the same: eight bytes at once, the last of them also when some were compared before.
fn same(own: &[u8], other: &[u8]) -> bool {
    let (Some(last), Some(other_last)) = (own.last_chunk::<8>(), other.last_chunk::<8>()) else { return own == other };
    let differ = |(own, other): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*own) ^ u64::from_le_bytes(*other);
    let pairs = own.as_chunks().0.iter().zip(other.as_chunks().0);
    pairs.fold(differ((last, other_last)), |found, pair| found | differ(pair)) == 0
}
