//! An image's way into a container engine: as an archive, and then a look at what the engine has made of it.

use crate::documents::docker_archive::repo_tag;
use crate::error::{Code, Error, Fault, Result};
use crate::media::{About, Engine, Event, Media};
use crate::platform::Platform;
use crate::text::shown;

use super::super::bug;
use super::super::image::{Image, Picture};
use super::{archive, entry_name, stored};

/// Loads an image, and sees to it that every name of it, or its digest, is there afterwards and means it.
///
/// # Errors
/// What the engine says; what it has in the place of the image afterwards.
pub async fn load<M: Media>(media: &M, image: &Image<'_, '_, M>, engine: &M::Engine) -> Result<()> {
    let about = engine.about();
    let (members, pictures) = match only(&about, image)? {
        Some(picture) => {
            let (name, platform) = (&about.name, &picture.platform);
            media.emit(Event::Warning(format!("{name} takes one image at a time: it gets the one for {platform}")));
            (archive::of_picture(image, picture)?, std::slice::from_ref(picture))
        }
        None => (archive::members(image, true)?, image.pictures.as_slice()),
    };
    archive::pack(media, &about.name, engine.load().await?, &members).await?;
    let of_pictures = pictures.iter().flat_map(|picture| [&picture.config.digest, &picture.manifest.digest]);
    let expected: Vec<&str> = of_pictures.chain([&image.entry.digest]).map(|digest| digest.as_str()).collect();
    let failed =
        |what: String| Err(Error::new(Fault::Store, Code::Other("engine".into()), format!("{} {what}", about.name)));
    for name in &image.names {
        // Podman has a name without a registry for its own or for Docker Hub's: as it read the archive.
        let (short, name) = (repo_tag(name), entry_name(name).full);
        let mut id = engine.image(&short).await?;
        if short != name && id.as_ref().is_none_or(|id| !expected.contains(&id.as_str())) {
            id = engine.image(&name).await?.or(id);
        }
        match id {
            Some(id) if expected.contains(&id.as_str()) => {}
            Some(id) => return failed(format!("means {} by {name}, and not this image: load it again", shown(&id))),
            None => return failed(format!("took the image and does not know {name}: see its log")),
        }
    }
    if image.names.is_empty() {
        for digest in &expected {
            if engine.image(digest).await?.is_some() {
                return Ok(());
            }
        }
        return failed(format!("took the image and does not know {}: see its log", image.entry.digest));
    }
    Ok(())
}

/// Loads the images of every output that wants to be kept, in the place of the embedded store.
///
/// # Errors
/// As [`load`].
pub async fn keep<M: Media>(media: &M, images: &[Image<'_, '_, M>], engine: &M::Engine) -> Result<()> {
    for image in images.iter().filter(|image| image.is_stored()) {
        load(media, image, engine).await?;
        for name in &image.names {
            stored(media, entry_name(name).full);
        }
    }
    Ok(())
}

/// Whether an engine can take an image of these platforms: found out before any work.
///
/// # Errors
/// When it takes one image at a time, and its machine runs none of these.
pub fn check<'p>(about: &About, platforms: impl Iterator<Item = &'p Platform> + Clone) -> Result<()> {
    if about.layouts || platforms.clone().count() < 2 || platforms.clone().any(|it| it.fits(&about.platform)) {
        return Ok(());
    }
    let there: Vec<String> = platforms.map(Platform::to_string).collect();
    let message = format!(
        "{} takes one image at a time and runs {}, and there are images for {}: choose one with --platform",
        about.name,
        about.platform,
        there.join(", ")
    );
    Err(Error::new(Fault::Request, Code::Unsupported("platform".into()), message))
}

/// The one picture that an engine gets of an index, unless it takes the whole.
fn only<'i, 'a, M: Media>(about: &About, image: &'i Image<'a, '_, M>) -> Result<Option<&'i Picture<'a, M>>> {
    let is_whole = image.pictures.iter().any(|picture| picture.manifest.digest == image.entry.digest);
    if about.layouts || is_whole {
        return Ok(None);
    }
    let fitting = image.pictures.iter().find(|picture| picture.platform.fits(&about.platform));
    match (fitting, image.pictures.as_slice()) {
        (Some(picture), _) | (None, [picture]) => Ok(Some(picture)),
        (None, _) => Err(bug("an engine that runs none of the images")),
    }
}
