//! What is looked at, wherever it lies: an OCI layout or an archive of images, an image of a registry or of the store, a lone layer, a lone
//! document.

use super::Limits;
use super::layers::Cache;
use crate::contents::{self, Archived, Bytes, Form, Images, Tar, names};
use crate::copy;
use crate::descriptor::Descriptor;
use crate::digest::DiffId;
use crate::documents::config::Config;
use crate::documents::history::Line;
use crate::documents::index::{self, Index};
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Fault, Result};
use crate::export::{Content, Source};
use crate::media::Media;
use crate::media_type;
use crate::platform::Platform;
use crate::store::{Layout, MAX_DOCUMENT};

/// What was opened. Its documents and blobs can be read as long as it lives.
pub struct Image<'a, M: Media> {
    /// Hashers, and the connection to registries.
    pub media: &'a M,
    /// What is read at most.
    pub limits: Limits,
    /// The documents at the top: several when a layout or an archive has several images and none was named; none of a lone layer.
    pub roots: Vec<Descriptor>,
    place: Place<'a, M>,
    wanted: Option<Platform>,
    native: Platform,
    pub(super) cache: Cache<'a, M>,
}

/// How an image is looked at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is read at most.
    pub limits: Limits,
    /// The user allowed the registry certificates that are not trusted, and plain HTTP.
    pub insecure: bool,
    /// Of an image with several platforms, the one that is meant when nothing else says it and there is one for it.
    pub native: Platform,
}

/// One image: its config and its layers.
pub struct Stack<'a, M: Media> {
    /// None of a lone layer.
    pub manifest: Option<Descriptor>,
    /// None of a lone layer.
    pub config: Option<Config>,
    /// The bottom one first.
    pub layers: Vec<Layer<'a, M>>,
}

/// A layer of an image.
pub struct Layer<'a, M: Media> {
    /// As the manifest has it; none of a lone layer.
    pub descriptor: Option<Descriptor>,
    /// As the config says; none where it has too few.
    pub diff_id: Option<DiffId>,
    /// The line of the history that made it; none where there are too few.
    pub history: Option<Line>,
    /// The blob.
    pub bytes: Bytes<'a, M>,
}

enum Place<'a, M: Media> {
    Images(Images<'a, M>),
    Layer(Bytes<'a, M>),
    Document(Vec<u8>),
}

impl<'a, M: Media> Image<'a, M> {
    /// Finds it. An archive that comes once, or is compressed, is put into the store's ingest folder. Reads no layer.
    ///
    /// # Errors
    /// `not-found`; `unsupported`, of the fault `request`, for a directory of files; what is wrong with the place's own documents.
    pub async fn open(
        media: &'a M,
        content: Content<M>,
        store: &Layout<M::Directory>,
        settings: Settings,
    ) -> Result<Self> {
        let Content { source, name, platform, form } = content;
        let place = match source {
            Source::Files(_) => {
                let message = "a directory of files is not an image: make one of it with `ocix export`";
                return Err(Error::new(Fault::Request, Code::Unsupported("source".into()), message));
            }
            Source::Layout(directory) => Place::Images(Images::layout(directory)),
            Source::Registry(name) => Place::Images(Images::pulled(media, &name, store, settings.insecure).await?),
            Source::Named(name) => Place::Images(Images::named(media, &name, store, settings.insecure).await?),
            Source::Stored(name) => Place::Images(Images::stored(store.clone(), &name.parse()?).await?),
            Source::Archive(file) => archive(media, Tar::AtRest(file), store, form).await?,
            Source::Piped(input) => archive(media, Tar::Piped(input), store, form).await?,
        };
        let roots = match &place {
            Place::Images(images) if name.is_none() => images.every_root().await?,
            Place::Images(images) => images.roots(name.as_deref()).await?,
            Place::Layer(_) => Vec::new(),
            Place::Document(bytes) => vec![Descriptor::of(media_type::of_document(bytes), bytes)],
        };
        let Settings { limits, insecure: _, native } = settings;
        Ok(Self { media, limits, roots, place, wanted: platform, native, cache: Cache::default() })
    }

    /// A document, its size and digest checked.
    ///
    /// # Errors
    /// As [`Images::document`].
    pub async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        match &self.place {
            Place::Images(images) => images.document(descriptor).await,
            Place::Document(bytes) if Descriptor::of("", bytes).digest == descriptor.digest => Ok(bytes.clone()),
            Place::Document(_) | Place::Layer(_) => Err(alone(descriptor)),
        }
    }

    /// A blob; that it is there and its size are checked, its digest is not.
    ///
    /// # Errors
    /// As [`Images::blob`].
    pub async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes<'a, M>> {
        match &self.place {
            Place::Images(images) => images.blob(descriptor).await,
            Place::Document(_) | Place::Layer(_) => Err(alone(descriptor)),
        }
    }

    /// Whether it is a lone document: what it lists is not at hand.
    pub fn stands_alone(&self) -> bool {
        matches!(self.place, Place::Document(_))
    }

    /// The name that the place itself has for a root.
    pub fn name(&self, root: &Descriptor) -> Option<String> {
        match &self.place {
            Place::Images(images) => images.name(root),
            Place::Document(_) | Place::Layer(_) => None,
        }
    }

    /// The platform that was asked for.
    pub fn platform(&self) -> Option<&Platform> {
        self.wanted.as_ref()
    }

    /// The manifest of the one image that is meant: the only one, that for the platform that was asked for, or that for the native one.
    /// `None` for a lone layer.
    ///
    /// # Errors
    /// When there is none or several could be meant; what is wrong with indexes on the way.
    pub async fn manifest(&self) -> Result<Option<Descriptor>> {
        if matches!(self.place, Place::Layer(_)) {
            return Ok(None);
        }
        let mut listed = self.roots.clone();
        for _ in 0..self.limits.depth {
            let images = index::images(listed.iter());
            let chosen = match (images.as_slice(), &self.wanted) {
                ([only], _) => (*only).clone(),
                // An artifact, perhaps.
                ([], _) if listed.len() == 1 => listed.first().cloned().ok_or_else(none)?,
                _ => {
                    let platform = self.wanted.as_ref().unwrap_or(&self.native);
                    index::select(images.iter().copied(), platform).map_err(|error| self.unclear(error))?
                }
            };
            if !media_type::is_index(&chosen.media_type) {
                return Ok(Some(chosen));
            }
            let index = Index::parse(&self.document(&chosen).await?, Some(&chosen.media_type))?;
            listed = index.manifests().cloned().collect();
        }
        Err(copy::too_deep())
    }

    /// An error of choosing, for several roots: the user can name one.
    fn unclear(&self, error: Error) -> Error {
        match (&error.code, self.roots.len()) {
            (Code::Unsupported(_), 2..) => {
                let names: Vec<String> = self.roots.iter().filter_map(|root| self.name(root)).collect();
                let message = format!(
                    "there are {} images: name one, as in oci:PATH#NAME or docker-archive:PATH#NAME; {}",
                    self.roots.len(),
                    names::list(&names)
                );
                Error::new(Fault::Request, error.code, message)
            }
            _ => error,
        }
    }

    /// What refers to a manifest: what stands beside it in a layout, and what its registry knows.
    ///
    /// # Errors
    /// The registry's.
    pub async fn referrers(&self, of: &Descriptor) -> Result<Vec<Descriptor>> {
        match &self.place {
            Place::Images(images) => images.referrers(&of.digest).await,
            Place::Document(_) | Place::Layer(_) => Ok(Vec::new()),
        }
    }

    /// A manifest, read.
    ///
    /// # Errors
    /// As [`Image::document`]; what is wrong with it.
    pub async fn manifest_document(&self, descriptor: &Descriptor) -> Result<Manifest> {
        Manifest::parse(&self.document(descriptor).await?, &descriptor.media_type)
    }

    /// The one image that is meant. Layers and diff IDs are put beside each other as far as there are both.
    ///
    /// # Errors
    /// As [`Image::manifest`]; what is wrong with the manifest and the config, or is missing.
    pub async fn stack(&self) -> Result<Stack<'a, M>> {
        if let Place::Layer(bytes) = &self.place {
            let layer = Layer { descriptor: None, diff_id: None, history: None, bytes: bytes.clone() };
            return Ok(Stack { manifest: None, config: None, layers: vec![layer] });
        }
        let descriptor = self.manifest().await?.ok_or_else(none)?;
        let manifest = self.manifest_document(&descriptor).await?;
        let config = Config::parse(&self.document(&manifest.config).await?)?;
        let mut lines = config.history().iter().filter(|line| !line.is_empty_layer());
        let mut diff_ids = config.diff_ids().iter();
        let mut layers = Vec::new();
        for descriptor in manifest.layers {
            let bytes = self.blob(&descriptor).await?;
            let (diff_id, history) = (diff_ids.next().cloned(), lines.next().cloned());
            layers.push(Layer { descriptor: Some(descriptor), diff_id, history, bytes });
        }
        Ok(Stack { manifest: Some(descriptor), config: Some(config), layers })
    }
}

async fn archive<'a, M: Media>(
    media: &'a M,
    tar: Tar<M>,
    store: &Layout<M::Directory>,
    form: Form,
) -> Result<Place<'a, M>> {
    let bytes = match contents::archive(media, tar, store, form).await? {
        Archived::Images(images) => return Ok(Place::Images(images)),
        Archived::RootFilesystem(opened) => opened.kept(store).await?,
    };
    let start = bytes.read_at(0, START).await.unwrap_or(Ok(Vec::new()))?;
    if form == Form::Detect && start.trim_ascii_start().starts_with(b"{") {
        return Ok(Place::Document(bytes.whole("the document", MAX_DOCUMENT).await?));
    }
    Ok(Place::Layer(bytes))
}

fn alone(descriptor: &Descriptor) -> Error {
    let message =
        format!("`{}` cannot be looked at: what was opened stands alone, without what it lists", descriptor.digest);
    Error::new(Fault::Source, Code::NotFound, message)
}

/// There is nothing to be looked at.
pub fn none() -> Error {
    Error::new(Fault::Source, Code::NotFound, "there is no image, at least none that can be read here")
}

/// Bytes that tell a document from a tar.
const START: u32 = 64;
