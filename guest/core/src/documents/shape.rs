//! Entries of an index that are as one before them but for digest, size and annotations: read by comparing what is between those.
//!
//! The names of a store differ in little else. What is as something well-formed is well-formed.

use super::quick::{One, Scan};
use crate::digest::Digest;

/// What such entries have in common.
pub struct Shape<'a> {
    model: One<'a>,
    /// The text before each value, and which one it is.
    values: Vec<(&'a str, Value<'a>)>,
    /// The text behind the last one.
    end: &'a str,
}

enum Value<'a> {
    Digest,
    Size,
    /// Of this key.
    Annotation(&'a str),
}

impl<'a> Shape<'a> {
    /// Of an entry that was read out of this text.
    pub fn of(text: &'a str, model: &One<'a>) -> Option<Self> {
        let annotations = model.annotations().map(|(key, value)| (value, Value::Annotation(key)));
        let mut words: Vec<_> = [(model.digest, Value::Digest), (model.size, Value::Size)].into_iter().collect();
        words.extend(annotations);
        let place = |word: &str| word.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        words.sort_by_key(|(word, _)| place(word));
        let (mut values, mut at) = (Vec::with_capacity(words.len()), 0);
        for (word, value) in words {
            values.push((text.get(at..place(word))?, value));
            at = place(word).checked_add(word.len())?;
        }
        Some(Self { model: model.clone(), values, end: text.get(at..)? })
    }

    /// The entry at the start of a text, when it is one of these, and what stands behind it.
    pub fn read(&self, text: &'a str) -> Option<(One<'a>, &'a str)> {
        let mut one = self.model.clone();
        let mut scan = Scan::new(text);
        let at = |scan: &Scan<'_>| text.len().checked_sub(scan.rest.len());
        let mut annotations = None;
        for (before, value) in &self.values {
            scan.rest = behind(scan.rest, before)?;
            match value {
                Value::Digest => one.digest = scan.word()?,
                Value::Size => one.size = scan.number()?,
                Value::Annotation(key) => {
                    // With the three quotes and the colon.
                    let own = at(&scan)?.checked_sub(key.len())?.checked_sub(4)?;
                    let value = scan.word()?;
                    one.annotate(key, value);
                    annotations = Some((annotations.map_or(own, |(first, _)| first), at(&scan)?.checked_add(1)?));
                }
            }
        }
        let rest = behind(scan.rest, self.end)?;
        if let Some((first, end)) = annotations {
            one.annotations = text.get(first..end)?;
        }
        Digest::check(one.digest).is_ok().then_some((one, rest))
    }
}

/// What stands behind this start of a text. All of it is compared, which is faster than up to the first difference.
fn behind<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (own, rest) = text.split_at_checked(start.len())?;
    let differ = own.bytes().zip(start.bytes()).fold(0, |differ, (own, other)| differ | (own ^ other));
    (differ == 0).then_some(rest)
}
