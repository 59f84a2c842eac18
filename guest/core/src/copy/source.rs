//! What is copied: one image of whatever holds images, by its root document.

use crate::contents::{self, Archived, Form, Images, Tar};
use crate::descriptor::Descriptor;
use crate::documents::index::{self, Index};
use crate::error::{Code, Error, Fault, Result};
use crate::export::{Content, Source};
use crate::media::Media;
use crate::media_type;
use crate::platform::Platform;
use crate::store::Layout;

/// An image, where it is.
pub struct Origin<'a, M: Media> {
    /// The place: its blobs can be read as long as this lives.
    pub images: Images<'a, M>,
    /// What its root document is, with what the place says of it.
    pub root: Descriptor,
    /// Its repository with the registry, when it is in one.
    pub repository: Option<String>,
    /// Whether it is in the embedded store.
    pub stored: bool,
}

/// Finds the image: the one of this name, and for the platform when one is asked for. Puts an archive that comes once, or is compressed,
/// into the store's ingest folder.
///
/// # Errors
/// `unsupported` for what has no manifest: files, root file systems, docker archives; `not-found`; when several images could be meant.
pub async fn open<'a, M: Media>(
    media: &'a M,
    content: Content<M>,
    store: &Layout<M::Directory>,
    insecure: bool,
) -> Result<Origin<'a, M>> {
    let Content { source, name, platform, .. } = content;
    let named = matches!(source, Source::Stored(_) | Source::Named(_));
    let images = match source {
        Source::Files(_) => return Err(no_manifest("a directory is not an image")),
        Source::Layout(directory) => Images::layout(directory),
        Source::Registry(name) => Images::pulled(media, &name, store, insecure).await?,
        Source::Named(name) => Images::named(media, &name, store, insecure).await?,
        Source::Stored(name) => Images::stored(store.clone(), &name.parse()?).await?,
        Source::Archive(file) => archive(media, Tar::AtRest(file), store).await?,
        Source::Piped(input) => archive(media, Tar::Piped(input), store).await?,
    };
    if let Images::Docker(_) = images {
        return Err(no_manifest("a docker archive has no manifest that could be kept"));
    }
    let repository = images.repository();
    let stored = named && repository.is_none();
    let roots = images.roots(name.as_deref()).await?;
    let root = choose(&images, &roots, platform.as_ref()).await?;
    Ok(Origin { images, root, repository, stored })
}

async fn archive<'a, M: Media>(media: &'a M, tar: Tar<M>, store: &Layout<M::Directory>) -> Result<Images<'a, M>> {
    match contents::archive(media, tar, store, Form::Image).await? {
        Archived::Images(images) => Ok(images),
        Archived::RootFilesystem(_) => Err(no_manifest("the tar is not an archive of images")),
    }
}

/// The root that is meant, or the manifest for a platform beneath it.
async fn choose<M: Media>(
    images: &Images<'_, M>,
    roots: &[Descriptor],
    platform: Option<&Platform>,
) -> Result<Descriptor> {
    let found = index::images(roots.iter());
    let Some(platform) = platform else {
        return match found.as_slice() {
            [root] => Ok((*root).clone()),
            // An artifact, perhaps.
            [] if roots.len() == 1 => roots.first().cloned().ok_or_else(none),
            [] => Err(none()),
            several => Err(Error::new(
                Fault::Request,
                Code::Unsupported("several images".into()),
                format!(
                    "there are {} images, and nothing tells which one is meant: name one, as in oci:PATH#NAME, or choose with --platform",
                    several.len()
                ),
            )),
        };
    };
    let mut chosen = index::select(found.into_iter(), platform)?;
    for _ in 0..super::graph::MAX_DEPTH {
        if !media_type::is_index(&chosen.media_type) {
            return of_platform(images, chosen, platform).await;
        }
        let index = Index::parse(&images.document(&chosen).await?, Some(&chosen.media_type))?;
        chosen = index::select(index.manifests(), platform)?;
    }
    Err(super::graph::too_deep())
}

/// A single image is selected whatever it runs on: then its config says it.
async fn of_platform<M: Media>(images: &Images<'_, M>, chosen: Descriptor, platform: &Platform) -> Result<Descriptor> {
    let own = match &chosen.platform {
        Some(own) => Some(own.clone()),
        None => super::combine::platform(images, &chosen).await?,
    };
    match own {
        Some(own) if !own.fits(platform) => {
            let message = format!("there is no image for {platform}; there is one for {own}");
            Err(Error::new(Fault::Request, Code::NotFound, message))
        }
        _ => Ok(chosen),
    }
}

fn none() -> Error {
    Error::new(Fault::Source, Code::NotFound, "there is no image, at least none that can be read here")
}

fn no_manifest(why: &str) -> Error {
    let message = format!("{why}: make an image of it with `ocix export`");
    Error::new(Fault::Request, Code::Unsupported("source".into()), message)
}
