//! Layers read once: written while they are read for the first time, the topmost first, each entry where nothing above hides it.
//!
//! What stands where is still decided by a [`Plan`], made of the headers that were read: what was written is just what it says, or good for nothing.
//! Where a layer says two things of one path, or links to what was not written, it can only be known at the end what is meant, and nothing is said.

use std::collections::{HashMap, HashSet};

use super::plan::{self, Meaning, Path, Stack, above, parents};
use super::{Layers, Plan, Reader, Sink, within};
use crate::error::Result;
use crate::media::{Entry, Kind};

/// Hands over the root file system that these layers give, the root too, and tells its plan. `None` when it takes all layers to know what is meant, or
/// there are very many entries: what was handed over must be thrown away, and [`Plan::new`] be asked. `warn` is told what the layers' contents warn of.
///
/// # Errors
/// Those of [`Plan::new`] and of the sink.
pub async fn once<L: Layers>(layers: &L, sink: &mut impl Sink, mut warn: impl FnMut(String)) -> Result<Option<Plan>> {
    let mut once = Once { sink, hidden: Hidden::default(), made: HashSet::new(), last: Path::new(), left: MOST };
    let (mut read, mut written) = (Vec::new(), Vec::new());
    once.sink.entry(plan::implied()).await?;
    for layer in (0..layers.count()).rev() {
        let Some((entries, numbers)) = once.layer(layers, layer, &mut warn).await? else { return Ok(None) };
        read.push(entries);
        written.push(numbers);
    }
    let Once { sink, made, .. } = once;
    let mut stack = Stack::default();
    for (layer, entries) in read.into_iter().rev().enumerate() {
        let mut upper = stack.layer(layer);
        for (entry, number) in entries {
            upper.add(entry, number).map_err(|error| within(error, layer, layers))?;
        }
        upper.finish();
    }
    let plan = stack.finish(layers.count());
    let planned = plan.steps.iter().map(|steps| steps.iter().map(|step| (step.number, step.link.is_some())));
    let same = planned.zip(written.iter().rev()).all(|(planned, written)| planned.eq(written.iter().copied()));
    let kept = |path: &Path| plan.directories.binary_search_by(|directory| directory.path.cmp(path)).is_ok();
    if !same || !made.iter().all(kept) {
        return Ok(None);
    }
    for directory in [&plan.root].into_iter().chain(&plan.directories) {
        sink.entry(directory.clone()).await?;
    }
    Ok(Some(plan))
}

/// The entries of a layer with their numbers, and the numbers of those that were written: of each whether it is a link to another one.
type Read = (Vec<(Entry, u64)>, Vec<(u64, bool)>);

struct Once<'s, S> {
    sink: &'s mut S,
    hidden: Hidden,
    /// Directories that the sink has been given, to get their attributes later; one that was asked for last.
    made: HashSet<Path>,
    last: Path,
    /// Entries that may still come.
    left: usize,
}

/// What the layers above hide.
#[derive(Default)]
struct Hidden {
    /// With all that is in them: what is no directory, and whiteouts.
    paths: HashSet<Path>,
    /// All that is in them.
    opaque: HashSet<Path>,
    /// What is none.
    directories: HashSet<Path>,
}

/// What the layer that is read has at a path.
enum Place {
    Directory,
    Written,
    Hidden,
}

/// What is done with an entry.
enum Use {
    /// It is written.
    Write,
    /// It is not, for it is hidden, a directory, or says something of others.
    Note,
    /// It is not known what it means.
    Unclear,
}

/// A layer that is being read.
#[derive(Default)]
struct Own {
    places: HashMap<Path, Place>,
    /// A directory that was noted last, with all that it is in.
    last: Path,
    whiteouts: HashSet<Path>,
    opaque: HashSet<Path>,
}

impl<S: Sink> Once<'_, S> {
    /// `None` when it is not known what a layer means.
    async fn layer<L: Layers>(
        &mut self,
        layers: &L,
        layer: usize,
        warn: &mut impl FnMut(String),
    ) -> Result<Option<Read>> {
        let named = |error| within(error, layer, layers);
        let mut reader = Reader::open(layers, layer).await.map_err(named)?;
        let (mut own, mut entries, mut written) = (Own::default(), Vec::new(), Vec::new());
        while let Some((entry, number)) = reader.next(warn).await.map_err(named)? {
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.left = left;
            match self.place(&mut own, &entry).map_err(named)? {
                Use::Unclear => return Ok(None),
                Use::Note if entry.kind == Kind::Directory => entries.push((entry, number)),
                // Of what is no directory the plan needs no more.
                Use::Note => entries.push((Entry { xattrs: Vec::new(), ..entry }, number)),
                Use::Write => {
                    let (path, kind, xattrs) = (entry.path.clone(), entry.kind.clone(), Vec::new());
                    entries.push((Entry { path, kind, xattrs, ..entry }, number));
                    written.push((number, matches!(entry.kind, Kind::HardLink(_))));
                    self.parents(&entry.path).await?;
                    let regular = matches!(entry.kind, Kind::Regular(_));
                    self.sink.entry(entry).await?;
                    while regular && let Some(piece) = reader.content().await.map_err(named)? {
                        self.sink.content(piece).await?;
                    }
                }
            }
        }
        self.hidden.add(own);
        Ok(Some((entries, written)))
    }

    /// Notes an entry of a layer.
    fn place(&mut self, own: &mut Own, entry: &Entry) -> Result<Use> {
        let path = &entry.path;
        match plan::meaning(entry)? {
            Meaning::Root | Meaning::Nothing => return Ok(Use::Note),
            Meaning::Itself if matches!(&entry.kind, Kind::HardLink(target) if target == path) => return Ok(Use::Note),
            _ if !own.within(path) => return Ok(Use::Unclear),
            Meaning::Opaque(directory) => {
                own.opaque.insert(directory.into());
                return Ok(Use::Note);
            }
            Meaning::Whiteout(hidden) => {
                own.whiteouts.insert(hidden);
                return Ok(Use::Note);
            }
            Meaning::Itself => {}
        }
        let (place, done) = match &entry.kind {
            Kind::Directory => (Place::Directory, Use::Note),
            _ if self.hidden.hides(path) || self.hidden.directories.contains(path) => (Place::Hidden, Use::Note),
            Kind::HardLink(target) if !matches!(own.places.get(target), Some(Place::Written)) => {
                return Ok(Use::Unclear);
            }
            _ => (Place::Written, Use::Write),
        };
        Ok(match own.places.insert(path.clone(), place) {
            Some(Place::Directory) if entry.kind == Kind::Directory => done,
            Some(_) => Use::Unclear,
            None => done,
        })
    }

    /// Makes the directories that a path is in, as far as they are not there.
    async fn parents(&mut self, path: &[u8]) -> Result<()> {
        let directory = above(path);
        if self.last == directory {
            return Ok(());
        }
        self.last = directory.into();
        let missing: Vec<_> = parents(path).take_while(|directory| !self.made.contains(*directory)).collect();
        for directory in missing.into_iter().rev() {
            self.made.insert(directory.into());
            self.sink.entry(Entry { path: directory.into(), ..plan::implied() }).await?;
        }
        Ok(())
    }
}

impl Hidden {
    /// Whether the layers above hide everything that could stand at a path.
    fn hides(&self, path: &[u8]) -> bool {
        let hidden = |directory: &[u8]| self.opaque.contains(directory) || self.paths.contains(directory);
        self.paths.contains(path) || parents(path).any(hidden) || self.opaque.contains(ROOT)
    }

    /// What a layer hides of those below it.
    fn add(&mut self, own: Own) {
        let Own { places, whiteouts, opaque, .. } = own;
        for (path, place) in places {
            match place {
                Place::Directory => self.directories.insert(path),
                Place::Written | Place::Hidden => self.paths.insert(path),
            };
        }
        self.paths.extend(whiteouts);
        self.opaque.extend(opaque);
    }
}

impl Own {
    /// Notes the directories that a path is in; whether they can be some.
    fn within(&mut self, path: &[u8]) -> bool {
        let directory = above(path);
        if self.last == directory {
            return true;
        }
        self.last = directory.into();
        for directory in parents(path) {
            match self.places.get(directory) {
                Some(Place::Directory) => break,
                Some(Place::Written | Place::Hidden) => return false,
                None => drop(self.places.insert(directory.into(), Place::Directory)),
            }
        }
        true
    }
}

/// The path of the root.
const ROOT: &[u8] = b"";

/// Entries that are remembered twice; more would take more memory than there may be.
const MOST: usize = 500_000;
