//! Layers: each part in every form that outputs ask for. What comes once is read once; what is known already is not made again.

use std::cell::RefCell;
use std::rc::Rc;

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::{self, Archive, Codec, FileInput, Layer, Memo, Memory, PROFILE, Rewritten, TOC_DIGEST};
use crate::media::{Action, Directory, Event, Input, Media, Outcome, Step, Writer};
use crate::media_type::Packing;
use crate::options::{Epoch, Exporter, Output};
use crate::store::known::Known;
use crate::store::{self, Layout};

use super::checked::Checked;
use super::open::{Origin, Part};
use super::{bug, select};

/// What an output wants of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    codec: Codec,
    /// Also of layers that are compressed already.
    force: bool,
    /// Also of layers that are compressed this way already.
    level: bool,
    /// No time in a new layer is later, in seconds.
    rewrite: Option<i64>,
}

/// A layer whose blob is somewhere.
pub struct Blob<'a, M: Media> {
    /// What it is; of OCI's media types.
    pub layer: Layer,
    /// To read it.
    pub bytes: Bytes<'a, M>,
    /// Unpublished, until it is stored; none for a blob that stays where it is.
    pub staged: RefCell<Option<<M::Directory as Directory>::Writer>>,
    /// What the store is to remember of it, each under its key, once it is stored.
    pub records: RefCell<Vec<(String, Known)>>,
}

/// Makes layers, and remembers them: images of several platforms share some.
pub struct Packer<'a, 's, M: Media> {
    pub media: &'a M,
    pub store: &'s Layout<M::Directory>,
    /// Whether any output keeps its image in the store.
    pub keeps: bool,
    /// Whether any output reads layers more than once, so that what is far away is brought here.
    pub unpacks: bool,
    /// Whether everything goes first to a store that checks it, so that layers need not be read for that alone.
    pub checked: bool,
    known: Vec<(Digest, Option<Make>, Rc<Blob<'a, M>>)>,
    /// Parts so far, for progress.
    parts: usize,
}

/// A form that a layer is made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Make {
    codec: Codec,
    rewrite: Option<i64>,
}

impl Recipe {
    /// Of an output; `epoch` is the job's.
    pub fn of(output: &Output, epoch: Option<i64>) -> Self {
        let plain = Self { codec: Codec::Uncompressed, force: false, level: false, rewrite: None };
        if matches!(output.exporter, Exporter::Tar | Exporter::Local | Exporter::CacheOnly) {
            return plain;
        }
        let rewrite = self::epoch(output, epoch).filter(|_| output.rewrite_timestamp);
        Self { codec: output.codec, force: output.force_compression, level: output.level_given, rewrite }
    }

    /// The form of a new layer.
    fn make(&self) -> Make {
        Make { codec: self.codec, rewrite: self.rewrite }
    }

    /// The form that an image's layer is made in anew; none when it is kept as it is.
    async fn remake<M: Media>(&self, layer: &select::Layer<'_, M>, base: bool) -> Result<Option<Make>> {
        let rewrite = self.rewrite.filter(|_| !base);
        let again = self.force && self.differs(layer).await?;
        let new = layer.packing == Packing::Plain && !base && self.codec != Codec::Uncompressed;
        Ok((again || new || rewrite.is_some()).then_some(Make { codec: self.codec, rewrite }))
    }

    /// Whether a layer is not packed in this way; a level that was asked for is never known to be the layer's.
    async fn differs<M: Media>(&self, layer: &select::Layer<'_, M>) -> Result<bool> {
        if self.level && self.codec != Codec::Uncompressed {
            return Ok(true);
        }
        if self.codec.packing() != layer.packing {
            return Ok(true);
        }
        let wanted = match self.codec {
            Codec::Gzip { .. } => false,
            Codec::Estargz { .. } => true,
            Codec::Uncompressed | Codec::Zstd { .. } => return Ok(false),
        };
        let is = match layer.bytes.is_remote() {
            true => layer.descriptor.annotations.contains_key(TOC_DIGEST),
            false => layer::is_estargz(&layer.bytes).await?,
        };
        Ok(is != wanted)
    }
}

/// The epoch of an output; `job` is the job's.
pub fn epoch(output: &Output, job: Option<i64>) -> Option<i64> {
    match output.epoch {
        Epoch::OfJob => job,
        Epoch::None => None,
        Epoch::At(epoch) => Some(epoch),
    }
}

impl<'a, 's, M: Media> Packer<'a, 's, M> {
    /// Nothing is made yet.
    pub fn new(media: &'a M, store: &'s Layout<M::Directory>, keeps: bool, unpacks: bool, checked: bool) -> Self {
        Self { media, store, keeps, unpacks, checked, known: Vec::new(), parts: 0 }
    }

    /// One part, by each recipe, in their order.
    pub async fn part(&mut self, part: Part<'a, M>, recipes: &[Recipe]) -> Result<Vec<Rc<Blob<'a, M>>>> {
        self.parts = self.parts.saturating_add(1);
        let mut wanted: Vec<Option<Make>> = Vec::new();
        for recipe in recipes {
            wanted.push(match &part.origin {
                Origin::Tar(_) => Some(recipe.make()),
                Origin::Layer(layer) => recipe.remake(layer, part.base).await?,
            });
        }
        let made = self.all(part.origin, &wanted).await?;
        let blob = |make: &Option<Make>| made.iter().find(|(known, _)| known == make).map(|(_, blob)| blob.clone());
        wanted.iter().map(|make| blob(make).ok_or_else(|| bug("a layer was not made"))).collect()
    }

    /// Every form that is wanted, each once.
    async fn all(
        &mut self,
        origin: Origin<'a, M>,
        wanted: &[Option<Make>],
    ) -> Result<Vec<(Option<Make>, Rc<Blob<'a, M>>)>> {
        let mut makes: Vec<Make> = Vec::new();
        for make in wanted.iter().flatten() {
            if !makes.contains(make) {
                makes.push(*make);
            }
        }
        let mut made = Vec::new();
        match origin {
            Origin::Layer(layer) => {
                if wanted.contains(&None) {
                    made.push((None, self.kept(&layer).await?));
                }
                for make in makes {
                    made.push((Some(make), self.remade(&layer, make).await?));
                }
            }
            Origin::Tar(mut tar) => {
                // What comes once is first written as it is when nothing else could be made from what is written.
                makes.sort_by_key(|make| !make.is_neutral());
                if let [first, _, ..] = makes.as_slice()
                    && !first.is_neutral()
                {
                    makes.insert(0, Make { codec: Codec::Uncompressed, rewrite: None });
                }
                let mut neutral: Option<Bytes<'a, M>> = None;
                let several = makes.len() > 1;
                for make in makes {
                    let subject =
                        if several { format!("{} as {}", self.parts, make.codec) } else { self.parts.to_string() };
                    let blob = match &neutral {
                        None => self.pack(&mut tar, make, &subject).await?,
                        Some(bytes) => {
                            self.pack(&mut Archive::open(bytes.open().await?).await?, make, &subject).await?
                        }
                    };
                    neutral = neutral.or_else(|| Some(blob.bytes.clone()));
                    made.push((Some(make), Rc::new(blob)));
                }
            }
        }
        Ok(made)
    }

    /// An image's layer in another form.
    async fn remade(&mut self, layer: &select::Layer<'a, M>, make: Make) -> Result<Rc<Blob<'a, M>>> {
        if let Some(known) = self.known(&layer.descriptor.digest, Some(make)) {
            return Ok(known);
        }
        let key = make.key(&layer.diff_id);
        let recalled = if self.keeps { self.store.recall(&key).await } else { None };
        if let Some(Known { layer: made, .. }) = recalled {
            let blob = Rc::new(self.stored(made).await?);
            self.known.push((layer.descriptor.digest.clone(), Some(make), blob.clone()));
            return Ok(blob);
        }
        let failed = |error: Error| match error.fault {
            Fault::Source => error.within(format!("layer {} of the source cannot be packed", layer.descriptor.digest)),
            _ => error,
        };
        let subject = format!("{} as {}", layer.descriptor.digest, make.codec);
        let payload = self.payload(layer).await?;
        let blob = match &payload {
            Some((bytes, end)) => {
                let mut tar = Archive::open_payload(FileInput::until(bytes.clone(), *end)).await.map_err(failed)?;
                self.pack(&mut tar, make, &subject).await
            }
            None => {
                let checked = Checked::open(self.media, &layer.descriptor, &layer.bytes).await?;
                let mut tar = Archive::open(checked).await.map_err(failed)?;
                self.pack(&mut tar, make, &subject).await
            }
        };
        let blob = blob.map_err(failed)?;
        let same = payload.is_none() && make.is_neutral();
        if same && blob.layer.diff_id != layer.diff_id {
            let message = format!(
                "layer {} of the source has the diff ID {}, and its config says {}",
                layer.descriptor.digest, blob.layer.diff_id, layer.diff_id
            );
            return Err(Error::new(Fault::Source, Code::DigestMismatch(blob.layer.diff_id.0), message));
        }
        blob.records.borrow_mut().push((key, Known { layer: blob.layer.clone(), pieces: Vec::new() }));
        let blob = Rc::new(blob);
        self.known.push((layer.descriptor.digest.clone(), Some(make), blob.clone()));
        Ok(blob)
    }

    /// A blob that the store has.
    async fn stored(&self, layer: Layer) -> Result<Blob<'a, M>> {
        let bytes = Bytes::file(self.store.blob(&layer.descriptor).await?);
        Ok(Blob { layer, bytes, staged: RefCell::default(), records: RefCell::default() })
    }

    /// Of an eStargz layer, its checked bytes and how many of them stand before its table of contents.
    async fn payload(&self, layer: &select::Layer<'a, M>) -> Result<Option<(Bytes<'a, M>, u64)>> {
        let said = layer.descriptor.annotations.contains_key(TOC_DIGEST);
        if layer.packing != Packing::Gzip || (layer.bytes.is_remote() && !said) {
            return Ok(None);
        }
        let mut bytes = layer.bytes.clone();
        // Its end is read before its start, so one that is far away is brought here.
        let mut writer = if bytes.is_remote() { Some(self.store.create().await?) } else { None };
        if writer.is_none() && layer::payload(&bytes).await?.is_none() {
            return Ok(None);
        }
        let mut checked = Checked::open(self.media, &layer.descriptor, &bytes).await?;
        loop {
            let piece = checked.read(store::PIECE).await?;
            if piece.is_empty() {
                break;
            }
            if let Some(writer) = &mut writer {
                writer.write(piece).await?;
            }
        }
        if let Some(writer) = &writer {
            bytes = Bytes::file(writer.reader().await?);
        }
        Ok(layer::payload(&bytes).await?.map(|end| (bytes, end)))
    }

    /// An image's layer as it is; copied when it is to be stored, its digest checked unless it only passes to where that is done, or is far away.
    async fn kept(&mut self, layer: &select::Layer<'a, M>) -> Result<Rc<Blob<'a, M>>> {
        let descriptor = &layer.descriptor;
        if let Some(known) = self.known(&descriptor.digest, None) {
            return Ok(known);
        }
        if self.keeps && self.store.has(descriptor).await? {
            let layer = Layer { descriptor: descriptor.clone(), diff_id: layer.diff_id.clone() };
            let blob = Rc::new(self.stored(layer).await?);
            self.known.push((descriptor.digest.clone(), None, blob.clone()));
            return Ok(blob);
        }
        let copy = self.keeps || (self.unpacks && layer.bytes.is_remote());
        let mut staged = if copy { Some(self.store.create().await?) } else { None };
        let mut bytes = layer.bytes.clone();
        if staged.is_some() || !(self.checked || layer.bytes.is_remote()) {
            let mut checked = Checked::open(self.media, &layer.descriptor, &layer.bytes).await?;
            let mut done = 0_u64;
            loop {
                let piece = checked.read(store::PIECE).await?;
                self.copied(descriptor, done, piece.is_empty());
                if piece.is_empty() {
                    break;
                }
                done = done.saturating_add(piece.len() as u64);
                if let Some(writer) = &mut staged {
                    writer.write(piece).await?;
                }
            }
        }
        if let Some(writer) = &staged {
            bytes = Bytes::file(writer.reader().await?);
        }
        let layer = Layer { descriptor: descriptor.clone(), diff_id: layer.diff_id.clone() };
        let blob = Rc::new(Blob { layer, bytes, staged: RefCell::new(staged), records: RefCell::default() });
        self.known.push((descriptor.digest.clone(), None, blob.clone()));
        Ok(blob)
    }

    fn known(&self, digest: &Digest, make: Option<Make>) -> Option<Rc<Blob<'a, M>>> {
        let found = self.known.iter().find(|(known, how, _)| known == digest && *how == make);
        found.map(|(.., blob)| blob.clone())
    }

    /// A tar, written as a blob.
    async fn pack(&self, tar: &mut impl layer::Contents, make: Make, subject: &str) -> Result<Blob<'a, M>> {
        let mut writer = self.store.create().await?;
        let memo = self.keeps.then(|| Memo::new(self.store, make.codec));
        let (mut layer, memory) = match make.rewrite {
            None => layer::write(self.media, tar, make.codec, subject, &mut writer, memo.clone()).await?,
            Some(epoch) => {
                let mut tar = Rewritten::new(tar, epoch);
                layer::write(self.media, &mut tar, make.codec, subject, &mut writer, memo.clone()).await?
            }
        };
        let mut records = Vec::new();
        if let (Memory::New(pieces), Some(memo)) = (&memory, memo)
            && let Some(first) = pieces.first()
        {
            records.push((memo.key(&first.tar), Known { layer: layer.clone(), pieces: pieces.clone() }));
            if make.rewrite.is_none() {
                records.push((make.key(&layer.diff_id), Known { layer: layer.clone(), pieces: Vec::new() }));
            }
        }
        if let Some(epoch) = make.rewrite {
            layer.descriptor.annotations.insert(REWRITTEN.into(), epoch.to_string());
        }
        if let Memory::Known(_) = memory {
            return self.stored(layer).await;
        }
        let bytes = Bytes::file(writer.reader().await?);
        Ok(Blob { layer, bytes, staged: RefCell::new(Some(writer)), records: RefCell::new(records) })
    }

    fn copied(&self, descriptor: &Descriptor, done: u64, finished: bool) {
        let (id, subject) = (descriptor.digest.to_string(), descriptor.digest.to_string());
        let total = Some(descriptor.size);
        let outcome = finished.then_some(Outcome::Done);
        self.media.emit(Event::Step(Step { id, action: Action::Copy, subject, target: None, done, total, outcome }));
    }
}

impl Make {
    /// Under which the store remembers what an image's layer became.
    fn key(&self, diff_id: &DiffId) -> String {
        let times = self.rewrite.map_or_else(|| "as they are".into(), |epoch| format!("until {epoch}"));
        format!("profile {PROFILE} {}, times {times}, layer {}", self.codec, diff_id.0)
    }

    /// Whether every other form can be made from this one.
    fn is_neutral(&self) -> bool {
        self.rewrite.is_none() && !matches!(self.codec, Codec::Estargz { .. })
    }
}

/// How BuildKit marks layers whose times it clamped; it stays in the manifest.
const REWRITTEN: &str = "buildkit/rewritten-timestamp";
