//! From contents to images: layers, then documents; one image an output, of one platform or of several.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::{index, manifest};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::Layer;
use crate::media::{Event, Media};
use crate::media_type::Family;
use crate::options::{Exporter, Level, Name, Output};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::store::Layout;

use super::attest;
use super::layers::{self, Blob, Packer, Recipe};
use super::open::{Draft, Opened};

/// What keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The embedded store.
    Embedded,
    /// A container engine.
    Engine,
    /// A runtime's store.
    Runtime,
}

/// What one output delivers.
pub struct Image<'a, 'o, M: Media> {
    /// What was asked for.
    pub output: &'o Output,
    /// Under these it is stored and pushed.
    pub names: Vec<Reference>,
    /// One a platform, in the index's order.
    pub pictures: Vec<Picture<'a, M>>,
    /// Configs and statements.
    pub documents: Vec<Document>,
    /// Manifests, then the index if there is one: the last one is the root.
    pub manifests: Vec<Document>,
    /// The root's descriptor as a layout's `index.json` lists it.
    pub entry: Descriptor,
    /// Seconds since 1970 that the layout's entry says.
    pub created: i64,
    /// The same, if anything but the clock said so.
    pub epoch: Option<i64>,
}

/// The image for one platform.
pub struct Picture<'a, M: Media> {
    /// What it runs on.
    pub platform: Platform,
    /// Its manifest, as an index lists it.
    pub manifest: Descriptor,
    /// Its config.
    pub config: Descriptor,
    /// Its layers, as the manifest lists them; the bottom one first.
    pub listed: Vec<Descriptor>,
    /// The same, as they were made.
    pub layers: Vec<Rc<Blob<'a, M>>>,
}

/// A document and its descriptor.
pub struct Document {
    /// Of the bytes.
    pub descriptor: Descriptor,
    /// The document.
    pub bytes: Rc<[u8]>,
}

impl Document {
    /// Of bytes that are written.
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { descriptor: Descriptor::of(media_type, &bytes), bytes: bytes.into() }
    }

    /// To be sent.
    pub fn content<'a, M: Media>(&self) -> Bytes<'a, M> {
        Bytes::Memory(self.bytes.clone())
    }
}

impl<'a, M: Media> Image<'a, '_, M> {
    /// Whether it has documents that go somewhere: file trees have none.
    pub fn is_image(&self) -> bool {
        matches!(self.output.exporter, Exporter::Image | Exporter::Registry | Exporter::Oci | Exporter::Docker)
    }

    /// Whether the embedded store keeps it, or what is in its place.
    pub fn is_stored(&self) -> bool {
        is_stored(self.output)
    }

    /// Of the root document; none when no document goes anywhere.
    pub fn digest(&self) -> Option<Digest> {
        self.is_image().then(|| self.entry.digest.clone())
    }

    /// Every layer, the bottom one first; some of them several times.
    pub fn layers(&self) -> impl Iterator<Item = &Rc<Blob<'a, M>>> {
        self.pictures.iter().flat_map(|picture| &picture.layers)
    }

    /// Its names in the store: with `name-canonical`, also each with the digest.
    pub fn stored_names(&self) -> Result<Vec<Reference>> {
        let mut names = self.names.clone();
        if self.output.name_canonical && !self.output.names.is_empty() {
            for name in self.names.iter().filter(|name| name.digest().is_none()) {
                names.push(format!("{}@{}", name.as_given(), self.entry.digest).parse()?);
            }
        }
        Ok(names)
    }
}

/// One image an output, in order.
///
/// # Errors
/// What does not fit the contents is found before any layer is made: annotations for platforms that there are not, levels that a single
/// image does not have, attestations with Docker's types.
pub async fn make<'a, 'o, M: Media>(
    media: &'a M,
    opened: &mut Opened<'a, M>,
    outputs: &'o [Output],
    store: &Layout<M::Directory>,
    keeper: Keeper,
) -> Result<Vec<Image<'a, 'o, M>>> {
    let (drafts, indexed, epoch) = (std::mem::take(&mut opened.drafts), opened.indexed, opened.epoch);
    let name = opened.name.as_deref();
    let mut recipes: Vec<Recipe> = Vec::new();
    for output in outputs {
        check(output, &drafts, indexed)?;
        names(output, name)?;
        if output.rewrite_timestamp && layers::epoch(output, epoch).is_none() {
            media.emit(Event::Warning(NO_EPOCH.into()));
        }
        let recipe = Recipe::of(output, epoch);
        if !recipes.contains(&recipe) {
            recipes.push(recipe);
        }
    }
    let unpacks = |output: &Output| matches!(output.exporter, Exporter::Tar | Exporter::Local);
    let keeps = keeper == Keeper::Embedded && outputs.iter().any(is_stored);
    let checked = keeper == Keeper::Runtime && outputs.iter().all(is_stored);
    let mut packer = Packer::new(media, store, keeps, outputs.iter().any(unpacks), checked);
    let mut packed = Vec::new();
    for mut draft in drafts {
        let mut sets: Vec<Vec<Rc<Blob<M>>>> = recipes.iter().map(|_| Vec::new()).collect();
        for part in std::mem::take(&mut draft.parts) {
            sets.iter_mut().zip(packer.part(part, &recipes).await?).for_each(|(set, blob)| set.push(blob));
        }
        packed.push((draft, sets));
    }
    let now = media.wall();
    let mut images = Vec::new();
    for output in outputs {
        let recipe = Recipe::of(output, epoch);
        let at = recipes.iter().position(|known| *known == recipe).unwrap_or_default();
        let layered = packed.iter().map(|(draft, sets)| (draft, sets.get(at).cloned().unwrap_or_default()));
        let assembly = Assembly { output, indexed, name, epoch: layers::epoch(output, epoch), now };
        images.push(assembly.image(layered.collect())?);
    }
    Ok(images)
}

/// A draft with its layers, by one recipe.
type Layered<'d, 'a, M> = (&'d Draft<'a, M>, Vec<Rc<Blob<'a, M>>>);

/// How one output's documents are made.
struct Assembly<'o, 'n> {
    output: &'o Output,
    indexed: bool,
    name: Option<&'n str>,
    epoch: Option<i64>,
    now: i64,
}

impl<'o> Assembly<'o, '_> {
    fn image<'a, M: Media>(&self, drafts: Vec<Layered<'_, 'a, M>>) -> Result<Image<'a, 'o, M>> {
        let output = self.output;
        let attested = drafts.iter().any(|(draft, _)| attests(output, draft));
        let family = if output.docker_types(attested) { Family::Docker } else { Family::Oci };
        let mut names = names(output, self.name)?;
        let (mut documents, mut manifests, mut pictures, mut said) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (draft, layers) in drafts {
            let listed: Vec<Descriptor> = layers
                .iter()
                .map(|blob| manifest::layer(&blob.layer.descriptor, family, output.prefer_nondist))
                .collect();
            let made: Vec<Layer> = layers.iter().map(|blob| blob.layer.clone()).collect();
            let config = draft.config.assemble(&made, self.epoch, self.now, draft.base.as_ref())?;
            let config = Document::new(family.config(), config);
            let annotations = annotations(output, Level::Manifest, &draft.platform);
            let bytes = manifest::manifest(family, &config.descriptor, &listed, &annotations)?;
            let mut manifest = Document::new(family.manifest(), bytes);
            manifest.descriptor.platform = Some(draft.platform.clone());
            manifest.descriptor.annotations = self::annotations(output, Level::ManifestDescriptor, &draft.platform);
            let statements: Vec<_> = draft.statements.iter().filter(|statement| statement.is_for(output)).collect();
            if !statements.is_empty() {
                let artifact = output.oci_artifact(true);
                let attested = attest::manifest(&statements, &manifest.descriptor, &names, artifact)?;
                documents.extend(attested.documents);
                said.push(attested.manifest);
            }
            pictures.push(Picture {
                platform: draft.platform.clone(),
                manifest: manifest.descriptor.clone(),
                config: config.descriptor.clone(),
                listed,
                layers,
            });
            documents.push(config);
            manifests.push(manifest);
        }
        manifests.extend(said);
        let mut entry =
            manifests.first().map(|manifest| manifest.descriptor.clone()).ok_or_else(|| super::bug("no image"))?;
        if self.indexed || attested {
            let listed: Vec<Descriptor> = manifests.iter().map(|manifest| manifest.descriptor.clone()).collect();
            let bytes = index::image_index(family, &listed, &of_level(output, Level::Index))?;
            let root = Document::new(family.index(), bytes);
            entry = root.descriptor.clone();
            entry.annotations = of_level(output, Level::IndexDescriptor);
            manifests.push(root);
        }
        if let Some(prefix) = &output.dangling_prefix
            && (names.is_empty() || !output.dangling_empty_only)
        {
            names.push(format!("{}@{}", prefix.as_given(), entry.digest).parse()?);
        }
        Ok(Image {
            output,
            names,
            pictures,
            documents,
            manifests,
            entry,
            created: self.epoch.unwrap_or(self.now),
            epoch: self.epoch,
        })
    }
}

/// Whether an output keeps its image, in the embedded store or in what is in its place.
pub fn is_stored(output: &Output) -> bool {
    output.store && matches!(output.exporter, Exporter::Image | Exporter::Registry)
}

/// Whether an output says anything about a draft's image.
fn attests<M: Media>(output: &Output, draft: &Draft<'_, M>) -> bool {
    draft.statements.iter().any(|statement| statement.is_for(output))
}

/// What an output wants and the contents do not have.
fn check<M: Media>(output: &Output, drafts: &[Draft<'_, M>], indexed: bool) -> Result<()> {
    let refused = |key: String, message: String| Err(Error::new(Fault::Request, Code::InvalidOption(key), message));
    let attested = drafts.iter().any(|draft| attests(output, draft));
    if attested && output.oci_types_given == Some(false) {
        let message = "attestations are not exported with oci-mediatypes=false: leave it out, or the attestations";
        return refused("oci-mediatypes".into(), message.into());
    }
    if output.exporter == Exporter::Docker && !output.is_loaded() && (indexed || drafts.len() > 1) {
        let message = "type=docker holds one platform: choose one with --platform, or use type=oci";
        return refused("type".into(), message.into());
    }
    for annotation in &output.annotations {
        let (level, key) = (annotation.level, annotation.written());
        if matches!(level, Level::Index | Level::IndexDescriptor) {
            if !indexed && !attested {
                let message = format!("`{}` is for an index, and this is an image of one platform", key);
                return refused(key, message);
            }
        } else if let Some(platform) = &annotation.platform
            && !drafts.iter().any(|draft| draft.platform.fits(platform))
        {
            let there: Vec<String> = drafts.iter().map(|draft| draft.platform.to_string()).collect();
            let there = there.join(", ");
            let message = format!("`{key}` is for an image that there is not; there are images for {there}");
            return refused(key, message);
        }
    }
    Ok(())
}

/// An output's names, those of the source in place of `*`.
fn names(output: &Output, of_source: Option<&str>) -> Result<Vec<Reference>> {
    let name = |name: &Name| match (name, of_source) {
        (Name::Given(name), _) => Ok(name.clone()),
        (Name::OfSource, Some(name)) => name.parse(),
        (Name::OfSource, None) => {
            let message = "`name=*` takes the source's name, and this source has none: give one";
            Err(Error::new(Fault::Request, Code::InvalidOption("name".into()), message))
        }
    };
    output.names.iter().map(name).collect()
}

/// The annotations of a level for a platform: those for every platform, and over them those for this one.
fn annotations(output: &Output, level: Level, platform: &Platform) -> BTreeMap<String, String> {
    let of = |own: bool| {
        let meant = output.annotations.iter().filter(move |annotation| annotation.level == level);
        meant.filter(move |annotation| annotation.platform.as_ref().map_or(!own, |other| own && platform.fits(other)))
    };
    of(false).chain(of(true)).map(|annotation| (annotation.key.clone(), annotation.value.clone())).collect()
}

/// The annotations of a level that has no platform: one that was given all the same means nothing.
fn of_level(output: &Output, level: Level) -> BTreeMap<String, String> {
    let meant = output.annotations.iter().filter(|annotation| annotation.level == level);
    meant.map(|annotation| (annotation.key.clone(), annotation.value.clone())).collect()
}

const NO_EPOCH: &str =
    "rewrite-timestamp does nothing without an epoch: give --source-date-epoch or source-date-epoch=SECONDS";
