//! Two documents field by field. Both have been read as what they are before: they are JSON, not too deep, and no name stands twice in an
//! object.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::value::RawValue;

use super::classes;
use super::lists::{self, Couple};
use super::side::Read;
use super::verdict::{Cause, Causes};
use crate::documents::index::{self, Index};
use crate::documents::json::Value;
use crate::error::{Error, Result};

/// Two documents of the same role, and where they differ.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// What they are.
    pub document: Role,
    /// The first side's.
    pub a: Party,
    /// The second side's.
    pub b: Party,
    /// How far they are equal.
    pub likeness: Likeness,
    /// How many fields differ.
    pub count: u64,
    /// The first [`MAX_FIELDS`] of them: members in byte order of their names, items of lists as they belong together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An index.
    Index,
    /// An image's manifest.
    Manifest,
    /// An image's config.
    Config,
}

/// What is compared besides two documents, of which nothing needs to be told here.
pub enum Besides {
    /// Of indexes: the positions of entries that are images, of both sides.
    Images(BTreeSet<usize>, BTreeSet<usize>),
    /// Of manifests: whether their configs are.
    Config(bool),
    /// Of configs: the layers.
    Layers,
}

/// A document that was compared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// As its descriptor says.
    pub media_type: String,
    /// Of its bytes.
    pub digest: String,
    /// In bytes.
    pub size: u64,
}

/// How far two documents are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// Byte for byte.
    Identical,
    /// The same content; order of members, white space or escapes differ.
    OtherSpelling,
    /// Fields differ.
    Different,
}

/// A field that differs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// From the document down: `config.Env[3]`, by the smaller of both positions; names of other than letters, digits, `-` and `_` as in `annotations["a.b"]`.
    pub path: String,
    /// The first side's JSON value, without white space; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Box<RawValue>>,
    /// The second side's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Box<RawValue>>,
}

/// A part of a field's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An item of a list, on both sides or on one.
    Item(Couple),
}

/// The positions of the entries of an index that are images, or indexes of images.
pub fn images((descriptor, bytes): &Read) -> Result<BTreeSet<usize>> {
    let index = Index::parse(bytes, Some(&descriptor.media_type))?;
    let images: BTreeSet<_> = index::images(index.manifests()).into_iter().map(|image| image.digest.clone()).collect();
    let entries = index.entries().unwrap_or_default();
    let positions = entries.iter().enumerate().filter(|(_, (entry, _))| images.contains(&entry.digest));
    Ok(positions.map(|(position, _)| position).collect())
}

/// Compares two documents, and tells why they differ.
pub fn compare(besides: &Besides, a: &Read, b: &Read, causes: &mut Causes) -> Result<Document> {
    let mut out = Differences { besides, path: Vec::new(), count: 0, fields: Vec::new(), causes };
    let identical = a.1 == b.1;
    if !identical {
        out.causes.derived();
        out.differ(Some(raw(&a.1)?), Some(raw(&b.1)?));
        if out.count == 0 {
            out.causes.add(Cause::Spelling, 1);
        }
    }
    let document = match besides {
        Besides::Images(..) => Role::Index,
        Besides::Config(_) => Role::Manifest,
        Besides::Layers => Role::Config,
    };
    let likeness = match (identical, out.count) {
        (true, _) => Likeness::Identical,
        (false, 0) => Likeness::OtherSpelling,
        (false, _) => Likeness::Different,
    };
    let Differences { count, fields, .. } = out;
    Ok(Document { document, a: Party::of(a), b: Party::of(b), likeness, count, fields })
}

impl Party {
    fn of((descriptor, bytes): &Read) -> Self {
        let (media_type, digest) = (descriptor.media_type.clone(), descriptor.digest.to_string());
        Self { media_type, digest, size: bytes.len() as u64 }
    }
}

struct Differences<'c> {
    besides: &'c Besides,
    path: Vec<Step>,
    count: u64,
    fields: Vec<Field>,
    causes: &'c mut Causes,
}

impl Differences<'_> {
    fn differ(&mut self, a: Option<&RawValue>, b: Option<&RawValue>) {
        let (text_a, text_b) = (a.map(RawValue::get), b.map(RawValue::get));
        if text_a == text_b {
            return;
        }
        if let (Some(a), Some(b)) = (text_a, text_b) {
            if let (Some(a), Some(b)) = (parsed::<BTreeMap<String, &RawValue>>(a), parsed(b)) {
                return self.members(&a, &b);
            }
            if let (Some(a), Some(b)) = (parsed::<Vec<&RawValue>>(a), parsed::<Vec<&RawValue>>(b)) {
                // The order of images in an index means something.
                let couples = match self.besides {
                    Besides::Images(..) => lists::by_position(a.len(), b.len()),
                    Besides::Config(_) | Besides::Layers => lists::couples(&a, &b),
                };
                for (at_a, at_b) in couples {
                    let one = at_a.and_then(|at| a.get(at).copied());
                    let other = at_b.and_then(|at| b.get(at).copied());
                    self.below(Step::Item((at_a, at_b)), one, other);
                }
                return;
            }
            if let (Some(a), Some(b)) = (parsed::<String>(a), parsed::<String>(b))
                && a == b
            {
                return;
            }
        }
        self.count = self.count.saturating_add(1);
        if let Some(cause) = classes::cause(self.besides, &self.path, text_a, text_b) {
            self.causes.add(cause, 1);
        }
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(Field { path: path(&self.path), a: a.and_then(compact), b: b.and_then(compact) });
        }
    }

    fn members(&mut self, a: &BTreeMap<String, &RawValue>, b: &BTreeMap<String, &RawValue>) {
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            self.below(Step::Name(name.clone()), a.get(name).copied(), b.get(name).copied());
        }
    }

    fn below(&mut self, step: Step, a: Option<&RawValue>, b: Option<&RawValue>) {
        self.path.push(step);
        self.differ(a, b);
        self.path.pop();
    }
}

fn raw(bytes: &[u8]) -> Result<&RawValue> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::malformed("document", format!("a document is no JSON: {error}")))
}

/// Of a JSON text, what it is when it is that.
pub fn parsed<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn compact(raw: &RawValue) -> Option<Box<RawValue>> {
    RawValue::from_string(Value::Raw(raw.get()).compact()).ok()
}

fn path(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Item((a, b)) => text.push_str(&format!("[{}]", a.or(*b).min(b.or(*a)).unwrap_or_default())),
            Step::Name(name) if plain(name) && text.is_empty() => text.push_str(name),
            Step::Name(name) if plain(name) => text.push_str(&format!(".{name}")),
            Step::Name(name) => text.push_str(&format!("[{}]", Value::from(name.as_str()).compact())),
        }
    }
    text
}

fn plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Fields of two documents that are listed at most; all are counted.
pub const MAX_FIELDS: usize = 10_000;
