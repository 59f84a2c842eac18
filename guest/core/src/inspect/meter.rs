//! How far a blob is read, or a tree written, told to whoever watches.

use super::Layer;
use crate::media::{Action, Event, Media, Outcome, Step};

/// Of one blob, or one tree.
pub struct Meter<'a, M: Media> {
    media: &'a M,
    id: String,
    action: Action,
    subject: String,
    total: Option<u64>,
    done: u64,
    told: u64,
}

impl<'a, M: Media> Meter<'a, M> {
    /// Before the first byte of so many is read.
    pub fn new(media: &'a M, subject: String, total: u64) -> Self {
        Self { media, id: subject.clone(), action: Action::Read, subject, total: Some(total), done: 0, told: 0 }
    }

    /// Of a layer's blob.
    pub fn of(media: &'a M, layer: &Layer<'a, M>) -> Self {
        let subject = layer.descriptor.as_ref().map_or_else(|| "layer".to_owned(), |own| own.digest.to_string());
        Self::new(media, subject, layer.bytes.size())
    }

    /// Before the first byte is written to a destination, of so many if that is known.
    pub fn writing(media: &'a M, dest: &str, total: Option<u64>) -> Self {
        Self { id: format!("write {dest}"), action: Action::Write, total, ..Self::new(media, dest.to_owned(), 0) }
    }

    /// So many bytes more; none at the end.
    pub fn count(&mut self, count: usize) {
        self.done = self.done.saturating_add(count as u64);
        if count == 0 {
            self.tell(Some(Outcome::Done));
        } else if self.done.saturating_sub(self.told) >= OFTEN {
            self.tell(None);
        }
    }

    fn tell(&mut self, outcome: Option<Outcome>) {
        self.told = self.done;
        self.media.emit(Event::Step(Step {
            id: self.id.clone(),
            action: self.action,
            subject: self.subject.clone(),
            target: None,
            done: self.done,
            total: self.total.or(outcome.as_ref().map(|_| self.done)),
            outcome,
        }));
    }
}

/// Bytes between two words.
const OFTEN: u64 = 4 << 20;
