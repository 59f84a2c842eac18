//! From contents to images: new layers are written, kept ones verified, documents made; one image an output.
//!
//! The contents are read once. A second codec packs what the first one wrote.

use std::cell::RefCell;
use std::rc::Rc;

use crate::descriptor::Descriptor;
use crate::documents::manifest;
use crate::error::{Fault, Result};
use crate::layer::{self, Archive, Codec, FileInput, Layer};
use crate::media::{Action, Directory, Event, Media, Step, Writer};
use crate::media_type;
use crate::options::Output;
use crate::platform::Platform;
use crate::store::{self, Layout};

use super::contents::{self, Part, Tar};
use super::{Job, bug};

/// What one output delivers.
pub struct Image<M: Media> {
    /// The bottom one first.
    pub layers: Vec<Rc<Blob<M>>>,
    /// The image's config.
    pub config: Document,
    /// Its manifest, which is its root document.
    pub manifest: Document,
    /// What it runs on.
    pub platform: Platform,
    /// Seconds since 1970 that the layout's entry says.
    pub created: i64,
}

/// A document and its descriptor.
pub struct Document {
    /// Of the bytes.
    pub descriptor: Descriptor,
    /// The document.
    pub bytes: Vec<u8>,
}

/// A layer whose blob is somewhere.
pub struct Blob<M: Media> {
    /// What it is.
    pub layer: Layer,
    /// To read it.
    pub file: Rc<M::File>,
    /// Unpublished, until it is stored; none for a blob that stays in its layout.
    pub staged: RefCell<Option<<M::Directory as Directory>::Writer>>,
}

impl Document {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { descriptor: Descriptor::of(media_type, &bytes), bytes }
    }
}

/// One image an output, in order.
pub async fn make<M: Media>(
    media: &M,
    job: Job<M>,
    outputs: &[Output],
    store: &Layout<M::Directory>,
) -> Result<Vec<Image<M>>> {
    let (epoch, now) = (job.epoch, media.wall());
    let keeps = outputs.iter().any(|output| output.store);
    let mut codecs: Vec<Codec> = Vec::new();
    for output in outputs {
        if !codecs.contains(&output.codec) {
            codecs.push(output.codec);
        }
    }
    let contents = contents::open(media, job).await?;
    let mut sets: Vec<Vec<Rc<Blob<M>>>> = codecs.iter().map(|_| Vec::new()).collect();
    for (number, part) in contents.parts.into_iter().enumerate() {
        let number = number.saturating_add(1);
        match part {
            Part::New(mut tar) => add(&mut sets, pack(media, &mut tar, None, &codecs, number, store).await?),
            Part::Plain { descriptor, file } => {
                let mut tar = Tar::Archive(Archive::open(FileInput::new(file)).await?);
                add(&mut sets, pack(media, &mut tar, Some(&descriptor), &codecs, number, store).await?);
            }
            Part::Kept { layer, file } => {
                let blob = keep(media, layer, file, keeps.then_some(store)).await?;
                sets.iter_mut().for_each(|set| set.push(blob.clone()));
            }
        }
    }
    outputs
        .iter()
        .map(|output| {
            let at = codecs.iter().position(|codec| *codec == output.codec);
            let layers = at.and_then(|at| sets.get(at)).ok_or_else(|| bug("an output without layers"))?.clone();
            let list: Vec<Layer> = layers.iter().map(|blob| blob.layer.clone()).collect();
            let config = Document::new(media_type::CONFIG, contents.config.assemble(&list, epoch, now)?);
            let descriptors: Vec<Descriptor> = list.into_iter().map(|layer| layer.descriptor).collect();
            let manifest = manifest::manifest(&config.descriptor, &descriptors, &output.annotations)?;
            Ok(Image {
                layers,
                config,
                manifest: Document::new(media_type::MANIFEST, manifest),
                platform: contents.config.platform(),
                created: epoch.unwrap_or(now),
            })
        })
        .collect()
}

fn add<B>(sets: &mut [Vec<B>], blobs: Vec<B>) {
    sets.iter_mut().zip(blobs).for_each(|(set, blob)| set.push(blob));
}

/// A new layer in every codec; the tar is read once.
async fn pack<M: Media>(
    media: &M,
    tar: &mut Tar<'_, M>,
    expected: Option<&Descriptor>,
    codecs: &[Codec],
    number: usize,
    store: &Layout<M::Directory>,
) -> Result<Vec<Rc<Blob<M>>>> {
    let mut blobs: Vec<Rc<Blob<M>>> = Vec::new();
    let mut again: Option<M::File> = None;
    for codec in codecs {
        let subject = if codecs.len() == 1 { number.to_string() } else { format!("{number} as {codec}") };
        let mut writer = store.create().await?;
        let layer = match again.take() {
            None => {
                let written = layer::write(media, tar, *codec, &subject, &mut writer).await;
                written.map_err(|error| match expected {
                    Some(layer) if error.fault == Fault::Source => {
                        error.within(format!("layer {} of the source cannot be packed", layer.digest))
                    }
                    _ => error,
                })?
            }
            Some(file) => {
                let mut tar = Archive::open(FileInput::new(file)).await?;
                layer::write(media, &mut tar, *codec, &subject, &mut writer).await?
            }
        };
        if let Some(descriptor) = expected {
            store::verify(descriptor, layer.diff_id.0.clone(), Fault::Source)?;
        }
        let file = Rc::new(writer.reader().await?);
        again = Some(writer.reader().await?);
        blobs.push(Rc::new(Blob { layer, file, staged: RefCell::new(Some(writer)) }));
    }
    Ok(blobs)
}

/// A compressed blob as it is, its digest checked; copied when it is to be stored.
async fn keep<M: Media>(
    media: &M,
    layer: Layer,
    file: M::File,
    store: Option<&Layout<M::Directory>>,
) -> Result<Rc<Blob<M>>> {
    let mut staged = match store {
        Some(store) => Some(store.create().await?),
        None => None,
    };
    let descriptor = &layer.descriptor;
    let step = |done, finished| {
        let (id, subject) = (descriptor.digest.to_string(), descriptor.digest.to_string());
        let total = Some(descriptor.size);
        media.emit(Event::Step(Step { id, action: Action::Copy, subject, done, total, note: None, finished }));
    };
    let digest = store::hash(media, &file, async |piece, done| {
        if let Some(writer) = &mut staged {
            writer.write(piece).await?;
        }
        step(done, false);
        Ok(())
    })
    .await?;
    store::verify(descriptor, digest, Fault::Source)?;
    step(descriptor.size, true);
    Ok(Rc::new(Blob { layer, file: Rc::new(file), staged: RefCell::new(staged) }))
}
