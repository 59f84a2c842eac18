//! Names in the store: an image gets more of them, or loses one. Blobs stay where they are.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memrchr;

use super::{INDEX_PATH, Layout};
use crate::digest::Digest;
use crate::documents::index::{Seen, tagged};
use crate::documents::naming::Naming;
use crate::error::{Code, Error, Fault, Result};
use crate::export::deliver::entry_name;
use crate::media::Directory;
use crate::reference::Reference;
use crate::text::shown;

impl<D: Directory> Layout<D> {
    /// Gives an image more names, all of them in one step; a name that stood for another image stands for this one. `source` is a name or a
    /// digest.
    ///
    /// # Errors
    /// `malformed` for what is no reference, `not-found`, `digest-mismatch` for a name with another digest; those of the medium.
    pub async fn name_too(&self, source: &str, names: &[String]) -> Result<Digest> {
        let asked = Asked::parse(source)?;
        let names = names.iter().map(|name| name.parse()).collect::<Result<Vec<Reference>>>()?;
        if self.is_new().await? {
            return Err(none(source));
        }
        let _lock = self.directory.lock().await?;
        let (wanted, mut found) = (Wanted::of([(0, &asked)]), Vec::new());
        let entries: Vec<_> = names.iter().map(entry_name).collect();
        let mut naming = Naming::names(&entries);
        let look = |entry: Seen<'_>| {
            if wanted.by_name(entry).or(wanted.by_digest(entry)).is_some() {
                found.extend(entry.descriptor());
            }
        };
        let anew = self.anew(&mut naming, look).await?;
        let Some(image) = found.last().map(|image| tagged(image.clone(), None)) else { return Err(none(source)) };
        if found.iter().any(|other| other.digest != image.digest) {
            let message = format!("`{}` is a tag of several images in the store: write the whole name", shown(source));
            return Err(Error::new(Fault::Request, Code::Unsupported("several images".into()), message));
        }
        if let Some(digest) = names.iter().filter_map(Reference::digest).find(|digest| **digest != image.digest) {
            let message = format!("the image is {}, not {digest}: a name keeps its digest", image.digest);
            return Err(Error::new(Fault::Request, Code::DigestMismatch(image.digest), message));
        }
        let listed: Vec<_> = entries.iter().map(|name| (Some(name.clone()), image.clone())).collect();
        self.name(anew, naming, &listed).await?;
        Ok(image.digest)
    }

    /// Takes names away; one answer each, in order: the digest of the image that the name stood for. A digest means the image of that digest
    /// that has no name.
    ///
    /// # Errors
    /// Those of the medium: then no name was taken away. That a name is not there is its own answer.
    pub async fn unname(&self, names: &[String]) -> Result<Vec<Result<Digest>>> {
        if self.is_new().await? {
            return Ok(names.iter().map(|name| Asked::parse(name).and(Err(none(name)))).collect());
        }
        let _lock = self.directory.lock().await?;
        let mut index = self.index().await?;
        let asked: Vec<Result<Asked>> = names.iter().map(|name| Asked::parse(name)).collect();
        let sound = asked.iter().enumerate().filter_map(|(number, asked)| Some((number, asked.as_ref().ok()?)));
        let wanted = Wanted::of(sound);
        // By its digest goes what has no name.
        let taker = |entry: Seen<'_>| match entry.called() {
            Some(_) => wanted.by_name(entry),
            None => wanted.by_digest(entry),
        };
        let takers: Vec<Option<usize>> = index.seen().map(taker).collect();
        let mut taken: Vec<Option<&str>> = vec![None; names.len()];
        for (entry, taker) in index.seen().zip(&takers) {
            if let Some(place) = taker.and_then(|taker| taken.get_mut(taker)) {
                place.get_or_insert(entry.digest);
            }
        }
        let keeps = |digest: &Digest| {
            let mut kept = index.seen().zip(&takers).filter(|(_, taker)| taker.is_none()).map(|(entry, _)| entry);
            kept.find(|entry| entry.digest == digest.as_str()).and_then(|entry| entry.called())
        };
        let answer = |((asked, name), taken): ((&Result<Asked>, &String), Option<&str>)| match (asked, taken) {
            (Err(error), _) => Err(error.clone()),
            (_, Some(digest)) => digest.parse(),
            (Ok(asked), None) => Err(match asked.digest().and_then(keeps) {
                Some(own) => {
                    let message = format!("the image {} has the name `{}`: remove that", shown(name), shown(own));
                    Error::new(Fault::Request, Code::Unsupported("digest of a name".into()), message)
                }
                None => none(name),
            }),
        };
        let answers: Vec<_> = asked.iter().zip(names).zip(taken).map(answer).collect();
        if answers.iter().any(Result::is_ok) {
            let mut takers = takers.into_iter();
            index.retain(|_| takers.next().flatten().is_none());
            self.write(&index).await?;
        }
        Ok(answers)
    }

    /// Whether nothing was ever named in it: nothing is made then, not even a lock.
    async fn is_new(&self) -> Result<bool> {
        Ok(self.directory.open(INDEX_PATH).await?.is_none())
    }
}

/// Which entry is meant.
enum Asked {
    Digest(Digest),
    /// The name in its normal form, and as it was given: a tag alone is found by that.
    Name {
        full: String,
        given: String,
    },
}

impl Asked {
    fn parse(text: &str) -> Result<Self> {
        if let Ok(digest) = text.parse() {
            return Ok(Self::Digest(digest));
        }
        let full = text.parse::<Reference>()?.with_default_tag().to_string();
        Ok(Self::Name { full, given: text.to_owned() })
    }

    fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::Name { .. } => None,
        }
    }
}

/// Those that are asked for, by what they are found by: the number of the first that asks for it.
#[derive(Default)]
struct Wanted<'a> {
    /// Names as they were given, and in their normal form.
    names: BTreeMap<&'a str, usize>,
    /// How those end, and every name whose normal form is one of them.
    ends: BTreeSet<&'a str>,
    digests: BTreeMap<&'a str, usize>,
}

impl<'a> Wanted<'a> {
    fn of(asked: impl IntoIterator<Item = (usize, &'a Asked)>) -> Self {
        let mut wanted = Self::default();
        for (number, asked) in asked {
            match asked {
                Asked::Digest(digest) => drop(wanted.digests.entry(digest.as_str()).or_insert(number)),
                Asked::Name { full, given } => {
                    for name in [full, given] {
                        wanted.names.entry(name).or_insert(number);
                    }
                    wanted.ends.extend(ends(full).into_iter().chain([end(given)]));
                }
            }
        }
        wanted
    }

    /// Who asks for an entry by its name. Others put whole names where a tag belongs.
    fn by_name(&self, entry: Seen<'_>) -> Option<usize> {
        let own = entry.called().filter(|own| self.ends.contains(end(own)))?;
        let normal = normal(own);
        let normal = normal.as_deref().and_then(|own| self.names.get(own));
        self.names.get(own).into_iter().chain(normal).min().copied()
    }

    /// Who asks for it by its digest.
    fn by_digest(&self, entry: Seen<'_>) -> Option<usize> {
        self.digests.get(entry.digest).copied()
    }
}

/// What stands behind the last `/` of a name.
fn end(name: &str) -> &str {
    memrchr(b'/', name.as_bytes()).and_then(|slash| name.get(slash.checked_add(1)?..)).unwrap_or(name)
}

/// How a name may end whose normal form is `full`.
fn ends(full: &str) -> [&str; 2] {
    let end = end(full);
    [end, end.strip_suffix(":latest").unwrap_or(end)]
}

/// A name of others, in its normal form.
fn normal(own: &str) -> Option<String> {
    own.contains('/').then(|| own.parse::<Reference>().ok())?.map(|own| own.with_default_tag().to_string())
}

fn none(name: &str) -> Error {
    let message = format!("there is no image `{}` in the store: `ocix images` lists those that there are", shown(name));
    Error::new(Fault::Request, Code::NotFound, message)
}
