//! Contents, made ready to become layers: images are chosen, bases fitted, documents read; no layer is.

use crate::contents::{self, Archived, Images};
use crate::documents::config::Config;
use crate::documents::manifest::base_layer;
use crate::error::{Code, Error, Fault, Result};
use crate::layer::{Archive, Contents, Ordered, TreeTar};
use crate::media::Media;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::store::Layout;

use super::attest::{self, Statement};
use super::select::{self, Chosen};
use super::{Content, Job, Source};

/// What is exported, before layers are made.
pub struct Opened<'a, M: Media> {
    /// One a platform, in the order of the index.
    pub drafts: Vec<Draft<'a, M>>,
    /// Whether the result is an index also when there is one draft and nothing is attested.
    pub indexed: bool,
    /// The name that the source has by itself.
    pub name: Option<String>,
    /// The job's epoch, in seconds.
    pub epoch: Option<i64>,
    /// Where the images' bytes are: they can be read as long as these live.
    pub sources: Vec<Images<'a, M>>,
}

/// An image before its new layers are made.
pub struct Draft<'a, M: Media> {
    /// What it runs on.
    pub platform: Platform,
    /// What its config is made from.
    pub config: Config,
    /// Its base's config: the history in there keeps its times.
    pub base: Option<Config>,
    /// The bottom one first.
    pub parts: Vec<Part<'a, M>>,
    /// What is said about it.
    pub statements: Vec<Statement>,
}

/// Where one layer comes from.
pub struct Part<'a, M: Media> {
    /// The bytes.
    pub origin: Origin<'a, M>,
    /// Whether it is a base's: never rewritten, and compressed anew only when that is forced.
    pub base: bool,
}

/// A layer's bytes.
pub enum Origin<'a, M: Media> {
    /// A tar that comes once.
    Tar(Tar<'a, M>),
    /// A layer of an image.
    Layer(select::Layer<'a, M>),
}

/// A tar that comes once.
pub enum Tar<'a, M: Media> {
    /// Made from a tree.
    Tree(TreeTar<'a, M, Ordered<M::Tree>>),
    /// As it was found.
    Found(Archive<contents::Opened<M>>),
}

impl<M: Media> Contents for Tar<'_, M> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Tree(tar) => tar.next().await,
            Self::Found(tar) => tar.next().await,
        }
    }

    fn warning(&mut self) -> Option<String> {
        match self {
            Self::Tree(tar) => tar.warning(),
            Self::Found(tar) => tar.warning(),
        }
    }
}

/// Opens everything that the job names. Reads documents, and spools an archive of images that comes once; reads no layer.
///
/// # Errors
/// What cannot be found, read or understood; platforms that come twice; an image that is not built on its base; an attestation for a platform
/// that there is not.
pub async fn open<'a, M: Media>(media: &'a M, job: Job<M>, store: &Layout<M::Directory>) -> Result<Opened<'a, M>> {
    let Job {
        contents,
        base,
        platforms,
        native,
        multi_platform,
        config,
        changes,
        attestations,
        epoch,
        xattrs,
        // How images leave is no matter here.
        request: _,
        policy: _,
        fail_fast: _,
        load: _,
        engine: _,
        runtime: _,
    } = job;
    let several = contents.len() > 1;
    let base = match base {
        Some(base) => Some(images(media, base, store).await?),
        None => None,
    };
    let mut opened =
        Opened { drafts: Vec::new(), indexed: several || multi_platform, name: None, epoch, sources: Vec::new() };
    for content in contents {
        let wanted: Vec<Platform> =
            content.platform.clone().map_or_else(|| platforms.clone(), |platform| vec![platform]);
        match source(media, content, store, xattrs).await? {
            Found::Tar(tar) => {
                let platform = match wanted.as_slice() {
                    [] => native.clone(),
                    [platform] => platform.clone(),
                    _ => return Err(Error::new(Fault::Request, Code::InvalidOption("platform".into()), ONE_PLATFORM)),
                };
                opened.drafts.push(Draft {
                    config: Config::new(&platform),
                    base: None,
                    parts: vec![Part { origin: Origin::Tar(tar), base: false }],
                    statements: Vec::new(),
                    platform,
                });
            }
            Found::Images(images, name) => {
                let Chosen { images: chosen, indexed } = select::choose(&images, name.as_deref(), &wanted).await?;
                opened.indexed |= indexed;
                opened.name =
                    opened.name.or(images.roots(name.as_deref()).await?.first().and_then(|root| images.name(root)));
                for image in chosen {
                    let statements = attest::passed(&images, &image).await?;
                    opened.drafts.push(Draft::of(image, statements));
                }
                opened.sources.push(images);
            }
        }
    }
    distinct(&opened.drafts)?;
    for draft in &mut opened.drafts {
        if let Some((images, name)) = &base {
            draft.build_on(select::base(images, name.as_deref(), &draft.platform).await?)?;
        }
    }
    opened.sources.extend(base.map(|(images, _)| images));
    change(&mut opened.drafts, config, &changes).await?;
    attest::add(&mut opened.drafts, attestations).await?;
    Ok(opened)
}

impl<'a, M: Media> Draft<'a, M> {
    fn of(image: select::Image<'a, M>, statements: Vec<Statement>) -> Self {
        let parts = image.layers.into_iter().map(|layer| Part { origin: Origin::Layer(layer), base: false });
        Self { platform: image.platform, config: image.config, base: None, parts: parts.collect(), statements }
    }

    /// Puts the base's layers beneath a tree or tar; of an image that is built on the base, takes the base's layers in place of its own.
    fn build_on(&mut self, base: select::Image<'a, M>) -> Result<()> {
        let mut parts: Vec<Part<M>> = base.layers.into_iter().map(Part::of_base).collect();
        if self.parts.iter().any(|part| matches!(part.origin, Origin::Tar(_))) {
            self.config = base.config.clone();
            parts.append(&mut self.parts);
        } else {
            let (own, beneath) = (self.config.diff_ids(), base.config.diff_ids());
            let same = own.iter().zip(beneath).take_while(|(own, beneath)| own == beneath).count();
            if same < beneath.len() {
                let message = format!(
                    "the image for {} is not built on the base: the base has {} layers, and only {same} of them are the image's lowest ones",
                    self.platform,
                    beneath.len()
                );
                return Err(Error::new(Fault::Request, Code::InvalidOption("base".into()), message));
            }
            parts.extend(self.parts.drain(..).skip(same));
        }
        self.parts = parts;
        self.base = Some(base.config);
        Ok(())
    }
}

impl<'a, M: Media> Part<'a, M> {
    fn of_base(mut layer: select::Layer<'a, M>) -> Self {
        layer.descriptor = base_layer(layer.descriptor);
        Self { origin: Origin::Layer(layer), base: true }
    }
}

/// What a content turned out to be.
enum Found<'a, M: Media> {
    Tar(Tar<'a, M>),
    Images(Images<'a, M>, Option<String>),
}

async fn source<'a, M: Media>(
    media: &'a M,
    content: Content<M>,
    store: &Layout<M::Directory>,
    xattrs: bool,
) -> Result<Found<'a, M>> {
    let Content { source, form, name, .. } = content;
    let tar = match source {
        Source::Files(tree) => return Ok(Found::Tar(Tar::Tree(TreeTar::new(media, Ordered::new(tree), xattrs)))),
        Source::Layout(directory) => return Ok(Found::Images(Images::layout(directory), name)),
        Source::Registry(name) => return Ok(Found::Images(Images::pulled(media, &name, store, false).await?, None)),
        Source::Named(name) => return Ok(Found::Images(Images::named(media, &name, store, false).await?, None)),
        Source::Stored(name) => {
            let reference: Reference = name.parse()?;
            return Ok(Found::Images(Images::stored(store.clone(), &reference).await?, None));
        }
        Source::Archive(file) => contents::Tar::AtRest(file),
        Source::Piped(input) => contents::Tar::Piped(input),
    };
    Ok(match contents::archive(media, tar, store, form).await? {
        Archived::RootFilesystem(tar) => Found::Tar(Tar::Found(Archive::open(tar).await?)),
        Archived::Images(images) => Found::Images(images, name),
    })
}

/// A base: an image, whatever holds it.
async fn images<'a, M: Media>(
    media: &'a M,
    content: Content<M>,
    store: &Layout<M::Directory>,
) -> Result<(Images<'a, M>, Option<String>)> {
    match source(media, content, store, false).await? {
        Found::Images(images, name) => Ok((images, name)),
        Found::Tar(_) => {
            let message = "the base is not an image: give an OCI layout, an image archive, registry:NAME or store:NAME";
            Err(Error::new(Fault::Request, Code::InvalidOption("base".into()), message))
        }
    }
}

/// Flags that change the config, and a config in place of the source's, are for every image alike.
async fn change<M: Media>(
    drafts: &mut [Draft<'_, M>],
    config: Option<M::File>,
    changes: &[(String, String)],
) -> Result<()> {
    if let Some(file) = config {
        let bytes = attest::whole(&file, crate::store::MAX_DOCUMENT, "the config").await?;
        for draft in drafts.iter_mut() {
            draft.config.replace(&bytes, None)?;
            draft.platform = draft.config.platform();
        }
        distinct(drafts)?;
    }
    drafts.iter_mut().try_for_each(|draft| draft.config.apply(changes))
}

fn distinct<M: Media>(drafts: &[Draft<'_, M>]) -> Result<()> {
    for (number, draft) in drafts.iter().enumerate() {
        if drafts.iter().take(number).any(|other| other.platform == draft.platform) {
            let message = format!("there are two images for {}; an index has one for each platform", draft.platform);
            return Err(Error::new(Fault::Request, Code::InvalidOption("platform".into()), message));
        }
    }
    Ok(())
}

const ONE_PLATFORM: &str =
    "a directory or tar runs on one platform: give one --platform, or PLATFORM=SOURCE for each of several";
