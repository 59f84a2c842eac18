//! The second pass in the order of a walk: parents first, siblings in byte order of their names, as a tar of a folder has it.
//!
//! Whoever unpacks such a tar sets a folder's times when it leaves the folder for good. Layers mostly stand in this order themselves, so
//! that all of them are read side by side; where one does not, entries come as [`Plan::write`] has them.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Step;
use super::{Layers, Plan, Reader, Sink};
use crate::error::Result;
use crate::media::Entry;

/// What stands next.
enum Place<'p> {
    Directory(&'p Entry),
    /// Of a layer.
    Step(usize, &'p Step),
}

impl Plan {
    /// The second pass; the layers must be those of the first.
    ///
    /// # Errors
    /// Those of the layers and the sink.
    pub async fn walk<L: Layers>(&self, layers: &L, sink: &mut impl Sink) -> Result<()> {
        let Some(places) = self.places() else { return self.write(layers, sink).await };
        let mut open = BTreeMap::new();
        for place in places {
            let (layer, step) = match place {
                Place::Directory(entry) => {
                    sink.entry(entry.clone()).await?;
                    continue;
                }
                Place::Step(layer, step) => (layer, step),
            };
            let mut cursor = match open.remove(&layer) {
                Some(cursor) => cursor,
                None => Reader::open(layers, layer).await?,
            };
            cursor.give(step, sink).await?;
            // A layer of which nothing is needed any more is closed.
            if self.steps.get(layer).and_then(|steps| steps.last()).is_some_and(|last| last != step) {
                open.insert(layer, cursor);
            }
        }
        Ok(())
    }

    /// Everything in the order of a walk; none when a layer would have to be read twice for it, or too many at once.
    fn places(&self) -> Option<Vec<Place<'_>>> {
        if self.steps.iter().filter(|steps| !steps.is_empty()).count() > AT_ONCE {
            return None;
        }
        let steps =
            self.steps.iter().enumerate().flat_map(|(layer, steps)| steps.iter().map(move |step| (layer, step)));
        let mut places: Vec<Place<'_>> = self.directories.iter().map(Place::Directory).collect();
        places.extend(steps.map(|(layer, step)| Place::Step(layer, step)));
        places.sort_by(|one, other| one.parts().cmp(other.parts()));
        let (mut reached, mut written) = (BTreeMap::new(), BTreeSet::new());
        for place in &places {
            let Place::Step(layer, step) = place else { continue };
            let linked = step.link.as_ref().is_none_or(|first| written.contains(first));
            let before = reached.insert(layer, step.number);
            if !linked || before.is_some_and(|before| before >= step.number) {
                return None;
            }
            written.insert(&step.path);
        }
        Some(places)
    }
}

impl Place<'_> {
    /// Components compare one after the other, so that what is in `a` comes before `a.b`.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let path = match self {
            Self::Directory(entry) => &entry.path,
            Self::Step(_, step) => &step.path,
        };
        path.split(|byte| *byte == b'/')
    }
}

/// Layers that are read side by side.
const AT_ONCE: usize = 32;
