//! How far the reading of a blob is, told to whoever watches.

use super::Layer;
use crate::media::{Action, Event, Media, Outcome, Step};

/// Of one blob.
pub struct Meter<'a, M: Media> {
    media: &'a M,
    subject: String,
    total: u64,
    done: u64,
    told: u64,
}

impl<'a, M: Media> Meter<'a, M> {
    /// Before the first byte of so many.
    pub fn new(media: &'a M, subject: String, total: u64) -> Self {
        Self { media, subject, total, done: 0, told: 0 }
    }

    /// Of a layer's blob.
    pub fn of(media: &'a M, layer: &Layer<'a, M>) -> Self {
        let subject = layer.descriptor.as_ref().map_or_else(|| "layer".to_owned(), |own| own.digest.to_string());
        Self::new(media, subject, layer.bytes.size())
    }

    /// So many bytes more; none at the end.
    pub fn read(&mut self, count: usize) {
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
            id: self.subject.clone(),
            action: Action::Read,
            subject: self.subject.clone(),
            target: None,
            done: self.done,
            total: Some(self.total),
            outcome,
        }));
    }
}

/// Bytes between two words.
const OFTEN: u64 = 4 << 20;
