//! An image's ways to its destinations, all at the same time.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::documents::index::{Name, tagged};
use crate::error::{Code, Error, Fault, Result};
use crate::export::deliver::{archive, directory, entry_name, progress, together};
use crate::export::{Checked, Target};
use crate::media::{Action, Directory, Event, Input, Media, Outcome, Step, Writer};
use crate::reference::Reference;
use crate::registry::{self, Places, Pushed, Uploads};
use crate::store::{Layout, PIECE};

use super::graph::Graph;
use super::{Delivery, Destination, repository};

/// An image on its way.
pub struct Parcel<'a, M: Media> {
    /// What is beneath the root, by where it comes from.
    pub parts: Vec<Part<'a, M>>,
    /// The root document.
    pub root: (Descriptor, Vec<u8>),
}

/// What comes from one place.
pub struct Part<'a, M: Media> {
    /// The repository with its registry, when that is the place.
    pub repository: Option<String>,
    /// Whether the embedded store is.
    pub stored: bool,
    /// Empty when no destination needs it.
    pub graph: Graph<'a, M>,
}

/// A destination whose names are understood.
pub enum Parsed {
    /// A file.
    Archive(String, Called),
    /// A folder.
    Layout(String, Called),
    /// A registry.
    Registry(Reference),
    /// The embedded store.
    Stored(Reference),
}

/// What a copy is called in a layout.
pub enum Called {
    /// By a whole reference.
    Full(Reference),
    /// Not at all.
    Nothing,
    /// By a tag alone.
    Tag(String),
}

/// Understands destinations.
///
/// # Errors
/// `malformed` for what is no reference.
pub fn parse(destinations: &[Destination]) -> Result<Vec<Parsed>> {
    let parse = |destination: &Destination| {
        Ok(match destination {
            Destination::Archive(place) => Parsed::Archive(place.dest.clone(), called(place.name.as_deref())?),
            Destination::Layout(place) => Parsed::Layout(place.dest.clone(), called(place.name.as_deref())?),
            Destination::Registry(name) => Parsed::Registry(name.parse()?),
            Destination::Stored(name) => Parsed::Stored(name.parse()?),
        })
    };
    destinations.iter().map(parse).collect()
}

impl Parsed {
    /// Whether it is in this repository.
    pub fn is_in(&self, place: Option<&str>) -> bool {
        matches!((self, place), (Self::Registry(name), Some(place)) if repository(name) == place)
    }

    /// As the user gave it.
    fn name(&self) -> String {
        match self {
            Self::Registry(name) | Self::Stored(name) => name.as_given().to_owned(),
            Self::Archive(dest, called) | Self::Layout(dest, called) => match called {
                Called::Full(name) => format!("{dest}#{}", name.as_given()),
                Called::Nothing => dest.clone(),
                Called::Tag(tag) => format!("{dest}#{tag}"),
            },
        }
    }
}

/// Sends the image to every destination, and tells what became of each.
///
/// # Errors
/// When what several destinations need cannot be read.
pub async fn deliver<M: Media>(
    media: &M,
    store: &Layout<M::Directory>,
    mut parcel: Parcel<'_, M>,
    destinations: &[Parsed],
    delivery: &Delivery,
    uploads: &Uploads,
) -> Result<Vec<Target>> {
    let places = places(store, &parcel).await;
    // What is kept goes with these.
    let mut kept = Vec::new();
    if !delivery.policy.dry_run {
        for part in &mut parcel.parts {
            if is_read_twice(part, destinations) {
                kept.extend(keep(media, store, &mut part.graph).await?);
            }
        }
    }
    let way = Way { media, store, parcel: &parcel, places: &places, delivery, uploads };
    let sending = destinations.iter().map(async |destination| way.send(destination).await);
    let sent = together(sending, delivery.fail_fast).await;
    let target = |(destination, sent): (&Parsed, Result<Option<Pushed>>)| Target {
        name: destination.name(),
        pushed: sent.as_ref().ok().cloned().flatten(),
        outcome: sent.map(|_| Some(way.parcel.root.0.digest.clone())),
    };
    Ok(destinations.iter().zip(sent).map(target).collect())
}

/// All that a destination's way needs.
struct Way<'w, 'a, M: Media> {
    media: &'w M,
    store: &'w Layout<M::Directory>,
    parcel: &'w Parcel<'a, M>,
    places: &'w Places,
    delivery: &'w Delivery,
    uploads: &'w Uploads,
}

impl<'a, M: Media> Way<'_, 'a, M> {
    async fn send(&self, destination: &Parsed) -> Result<Option<Pushed>> {
        let (root, _) = &self.parcel.root;
        let name = match destination {
            Parsed::Registry(name) | Parsed::Stored(name) => Some(name),
            Parsed::Archive(_, called) | Parsed::Layout(_, called) => called.full(),
        };
        if let Some(digest) = name.and_then(Reference::digest).filter(|digest| **digest != root.digest) {
            let message = format!("the image is {}, not {digest}: a copy keeps its digest", root.digest);
            return Err(Error::new(Fault::Request, Code::DigestMismatch(root.digest.clone()), message));
        }
        match destination {
            Parsed::Registry(name) => self.push(name).await.map(Some),
            _ if self.delivery.policy.dry_run => Ok(None),
            Parsed::Archive(dest, called) => {
                let members = archive::layout(vec![called.entry(root)], self.blobs(None), self.manifests(None))?;
                archive::pack(self.media, dest, self.media.archive(dest).await?, &members).await.map(|()| None)
            }
            Parsed::Layout(dest, called) => {
                let layout = Layout::store(self.media.layout(dest).await?);
                self.fill(&layout, dest, called.entry(root)).await.map(|()| None)
            }
            Parsed::Stored(name) => {
                let (full, entry) = Called::Full(name.clone()).entry(root);
                let subject = full.as_ref().map(|name| name.full.clone()).unwrap_or_default();
                self.fill(self.store, &subject, (full, entry)).await?;
                for part in &self.parcel.parts {
                    if let Some(place) = &part.repository {
                        self.note(part, place).await?;
                    }
                }
                let id = format!("store {subject}");
                let (done, total, outcome) = (0, None, Some(Outcome::Stored));
                let step = Step { id, action: Action::Tag, subject, target: None, done, total, outcome };
                self.media.emit(Event::Step(step));
                Ok(None)
            }
        }
    }

    async fn push(&self, name: &Reference) -> Result<Pushed> {
        let name = name.clone().with_default_tag();
        let home = repository(&name);
        let target = registry::Target {
            registry: name.registry().to_owned(),
            repository: name.repository().to_owned(),
            tag: name.tag().filter(|_| name.digest().is_none()).map(str::to_owned),
            insecure: self.delivery.insecure,
        };
        let (blobs, manifests) = (self.blobs(Some(&home)).collect(), self.manifests(Some(&home)).collect());
        let image = registry::Image { blobs, manifests, places: self.places.clone() };
        let pushed = registry::push(self.media, &image, &target, &self.delivery.policy, self.uploads).await?;
        for part in self.parcel.parts.iter().filter(|part| part.stored && !self.delivery.policy.dry_run) {
            self.note(part, &home).await?;
        }
        Ok(pushed)
    }

    /// The store remembers where blobs of its own are.
    async fn note(&self, part: &Part<'a, M>, place: &str) -> Result<()> {
        for (blob, _) in &part.graph.blobs {
            let known = self.store.places(&blob.digest).await;
            if !known.contains(place) {
                self.store.note(blob.digest.as_str(), &known, place).await?;
            }
        }
        Ok(())
    }

    /// Blobs first, then documents, children first, then the name.
    async fn fill(&self, layout: &Layout<M::Directory>, dest: &str, entry: (Option<Name>, Descriptor)) -> Result<()> {
        let blobs: Vec<_> = self.blobs(None).collect();
        let done = directory::fill(self.media, layout, &blobs, |done| progress(self.media, dest, done, false)).await?;
        for (descriptor, bytes) in self.manifests(None) {
            layout.put(&descriptor, &bytes).await?;
        }
        layout.tag(&[entry]).await?;
        progress(self.media, dest, done, true);
        Ok(())
    }

    /// Those that are not at home there, each once.
    fn blobs(&self, home: Option<&str>) -> impl Iterator<Item = (Descriptor, Bytes<'a, M>)> {
        let mut known = BTreeSet::new();
        let blobs = self.away(home).flat_map(|graph| &graph.blobs);
        blobs.filter(move |(blob, _)| known.insert(&blob.digest)).cloned()
    }

    /// The same of documents, and the root.
    fn manifests(&self, home: Option<&str>) -> impl Iterator<Item = (Descriptor, Vec<u8>)> {
        let mut known = BTreeSet::from([&self.parcel.root.0.digest]);
        let manifests = self.away(home).flat_map(|graph| &graph.manifests);
        let manifests = manifests.filter(move |(manifest, _)| known.insert(&manifest.digest));
        manifests.chain([&self.parcel.root]).cloned()
    }

    fn away(&self, home: Option<&str>) -> impl Iterator<Item = &Graph<'a, M>> {
        let parts = self.parcel.parts.iter();
        parts.filter(move |part| home.is_none() || part.repository.as_deref() != home).map(|part| &part.graph)
    }
}

impl Called {
    fn full(&self) -> Option<&Reference> {
        match self {
            Self::Full(name) => Some(name),
            Self::Nothing | Self::Tag(_) => None,
        }
    }

    /// What `index.json` says of the image.
    fn entry(&self, root: &Descriptor) -> (Option<Name>, Descriptor) {
        match self {
            Self::Full(name) => (Some(entry_name(name)), tagged(root.clone(), None)),
            Self::Nothing => (None, tagged(root.clone(), None)),
            Self::Tag(tag) => (None, tagged(root.clone(), Some(tag))),
        }
    }
}

fn called(name: Option<&str>) -> Result<Called> {
    let Some(name) = name else { return Ok(Called::Nothing) };
    let tag = || format!("x:{name}").parse::<Reference>().is_ok_and(|whole| whole.tag() == Some(name));
    if !name.contains(['/', ':', '@']) && tag() {
        return Ok(Called::Tag(name.to_owned()));
    }
    name.parse().map(Called::Full)
}

/// Where registries may find blobs that they miss: where they come from, and where the store knows them to be.
async fn places<M: Media>(store: &Layout<M::Directory>, parcel: &Parcel<'_, M>) -> Places {
    let mut places = Places::new();
    for Part { repository, graph, .. } in &parcel.parts {
        for (blob, _) in &graph.blobs {
            let mut known = store.places(&blob.digest).await;
            known.extend(repository.clone());
            places.entry(blob.digest.to_string()).or_default().extend(known);
        }
    }
    places
}

/// Whether blobs of a registry go to more places than one that do not have them by themselves.
fn is_read_twice<M: Media>(part: &Part<'_, M>, destinations: &[Parsed]) -> bool {
    let registry = |repository: &str| repository.split('/').next().map(str::to_owned);
    let Some(own) = part.repository.as_deref().and_then(registry) else { return false };
    let away = |destination: &&Parsed| !matches!(destination, Parsed::Registry(name) if name.registry() == own);
    destinations.iter().filter(away).count() > 1
}

/// Reads what is far away, so that it is near. It is gone with the writers.
async fn keep<'a, M: Media>(
    media: &M,
    store: &Layout<M::Directory>,
    graph: &mut Graph<'a, M>,
) -> Result<Vec<<M::Directory as Directory>::Writer>> {
    let keeping = graph.blobs.iter_mut().map(async |(blob, bytes)| {
        let mut writer = store.create().await?;
        let mut checked = Checked::open(media, blob, bytes).await?;
        let mut done = 0_u64;
        loop {
            let piece = checked.read(PIECE).await?;
            let end = piece.is_empty();
            done = done.saturating_add(piece.len() as u64);
            let (id, subject) = (format!("read {}", blob.digest), blob.digest.to_string());
            let (total, outcome) = (Some(blob.size), end.then_some(Outcome::Done));
            let step = Step { id, action: Action::Read, subject, target: None, done, total, outcome };
            media.emit(Event::Step(step));
            if end {
                break;
            }
            writer.write(piece).await?;
        }
        *bytes = Bytes::file(writer.reader().await?);
        Ok(writer)
    });
    stream::iter(keeping).buffer_unordered(AT_ONCE).try_collect().await
}

/// Blobs that are read at the same time.
const AT_ONCE: usize = 4;
