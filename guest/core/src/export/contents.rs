//! What comes in, made ready to become layers: a tree or tar is one new layer, a layout brings its manifest's.

use crate::descriptor::Descriptor;
use crate::documents::config::Config;
use crate::documents::index::{self, Index};
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Fault, Result};
use crate::layer::{self, Archive, FileInput, Layer, Ordered, TreeTar};
use crate::media::{Directory, Media};
use crate::media_type::{self, Packing};
use crate::platform::Platform;
use crate::store::Layout;

use super::{Job, Source};

/// An image before its new layers are made.
pub struct Contents<'a, M: Media> {
    /// What the image's config is made from.
    pub config: Config,
    /// The bottom one first.
    pub parts: Vec<Part<'a, M>>,
}

/// Where one layer comes from.
pub enum Part<'a, M: Media> {
    /// A tar still to be compressed.
    New(Tar<'a, M>),
    /// A layout's plain layer, still to be compressed. It is opened when its turn comes.
    Plain { descriptor: Descriptor, file: M::File },
    /// A compressed blob that is kept as it is.
    Kept { layer: Layer, file: M::File },
}

/// The bytes of a new layer.
pub enum Tar<'a, M: Media> {
    /// Made from a tree.
    Tree(TreeTar<'a, M, Ordered<M::Tree>>),
    /// A tar at rest.
    Archive(Archive<FileInput<M::File>>),
    /// A tar that comes once.
    Piped(Archive<M::Input>),
}

impl<M: Media> layer::Contents for Tar<'_, M> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Tree(tar) => tar.next().await,
            Self::Archive(tar) => tar.next().await,
            Self::Piped(tar) => tar.next().await,
        }
    }

    fn warning(&mut self) -> Option<String> {
        match self {
            Self::Tree(tar) => tar.warning(),
            Self::Archive(tar) => tar.warning(),
            Self::Piped(tar) => tar.warning(),
        }
    }
}

/// Opens the job's source. Reads documents, but no layer yet.
pub async fn open<M: Media>(media: &M, job: Job<M>) -> Result<Contents<'_, M>> {
    let tar = match job.source {
        Source::Files(tree) => Tar::Tree(TreeTar::new(media, Ordered::new(tree), job.xattrs)),
        Source::Archive(file) => Tar::Archive(Archive::open(FileInput::new(file)).await?),
        Source::Piped(input) => Tar::Piped(Archive::open(input).await?),
        Source::Layout(directory) => return layout(Layout::source(directory), &job.platform).await,
    };
    Ok(Contents { config: Config::new(&job.platform), parts: vec![Part::New(tar)] })
}

async fn layout<'a, M: Media + 'a>(layout: Layout<M::Directory>, platform: &Platform) -> Result<Contents<'a, M>> {
    let manifest = manifest(&layout, platform).await?;
    let config = Config::parse(&layout.document(&manifest.config).await?)?;
    let diff_ids = config.diff_ids().to_vec();
    if diff_ids.len() != manifest.layers.len() {
        let (layers, ids) = (manifest.layers.len(), diff_ids.len());
        let message = format!("the image's manifest has {layers} layers where its config has {ids} diff IDs");
        return Err(Error::malformed("image", message));
    }
    let mut parts = Vec::new();
    for (descriptor, diff_id) in manifest.layers.into_iter().zip(diff_ids) {
        let file = layout.blob(&descriptor).await?;
        parts.push(match media_type::packing(&descriptor.media_type) {
            Some(Packing::Plain) => Part::Plain { descriptor, file },
            Some(_) => Part::Kept { layer: Layer { descriptor, diff_id }, file },
            None => {
                let what = crate::text::shown(&descriptor.media_type);
                return Err(Error::unsupported(
                    "media type",
                    format!("layer {} is a `{what}`, not a tar layer", descriptor.digest),
                ));
            }
        });
    }
    Ok(Contents { config, parts })
}

/// The one manifest for the platform, through at most one index inside the layout's.
async fn manifest<D: Directory>(layout: &Layout<D>, platform: &Platform) -> Result<Manifest> {
    let top = layout.index().await?;
    let mut chosen = index::select(top.manifests(), platform)?;
    if media_type::is_index(&chosen.media_type) {
        let inner = Index::parse(&layout.document(&chosen).await?, Some(&chosen.media_type))?;
        chosen = index::select(inner.manifests(), platform)?;
    }
    if !media_type::is_manifest(&chosen.media_type) {
        let what = crate::text::shown(&chosen.media_type);
        let message = format!("{} is a `{what}`, not an image manifest", chosen.digest);
        return Err(Error::new(Fault::Source, Code::Unsupported("media type".into()), message));
    }
    Manifest::parse(&layout.document(&chosen).await?, &chosen.media_type)
}
