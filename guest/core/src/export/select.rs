//! Which images of a source are meant: all platforms of one image, those that were asked for, or the one that there is.

use std::collections::BTreeSet;

use crate::contents::{Bytes, Images};
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::documents::attestation;
use crate::documents::config::Config;
use crate::documents::index::{self, Index};
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Media;
use crate::media_type::{self, Packing};
use crate::platform::Platform;
use crate::text::shown;

/// What was chosen.
pub struct Chosen<'a, M: Media> {
    /// At least one, in the index's order.
    pub images: Vec<Image<'a, M>>,
    /// Whether they are those of an index, more than one of which may be meant.
    pub indexed: bool,
}

/// One image of a source.
pub struct Image<'a, M: Media> {
    /// Of its manifest.
    pub digest: Digest,
    /// What its config says that it runs on.
    pub platform: Platform,
    /// Its config.
    pub config: Config,
    /// The bottom one first.
    pub layers: Vec<Layer<'a, M>>,
    /// The manifests of what is said about it.
    pub attestations: Vec<Descriptor>,
}

/// A layer of a source's image.
#[derive(Clone)]
pub struct Layer<'a, M: Media> {
    /// As the manifest has it.
    pub descriptor: Descriptor,
    /// Of the tar in it, as the config says.
    pub diff_id: DiffId,
    /// As its media type says.
    pub packing: Packing,
    /// The blob.
    pub bytes: Bytes<'a, M>,
}

/// The images of a source: of `name` when it has several, and for the wanted platforms when any are.
///
/// # Errors
/// `not-found` when there is none for a wanted platform, with the platforms that there are; when several images could be meant; what is not
/// an image.
pub async fn choose<'a, M: Media>(
    images: &Images<'a, M>,
    name: Option<&str>,
    wanted: &[Platform],
) -> Result<Chosen<'a, M>> {
    let roots = images.roots(name).await?;
    let mut listed: Vec<Descriptor> = index::images(roots.iter()).into_iter().cloned().collect();
    if let ([platform], [_, _, ..]) = (wanted, listed.as_slice()) {
        listed = vec![index::select(listed.iter(), platform)?];
    }
    let mut said: Vec<(Digest, Descriptor)> = roots.iter().filter_map(about).collect();
    let mut indexed = listed.len() > 1;
    if let [root] = listed.as_slice()
        && media_type::is_index(&root.media_type)
    {
        let inner = Index::parse(&images.document(root).await?, Some(&root.media_type))?;
        said = inner.attestations().map(|(image, manifest)| (image, manifest.clone())).collect();
        listed = index::images(inner.manifests()).into_iter().cloned().collect();
        indexed = true;
    }
    if listed.is_empty() {
        return Err(Error::new(
            Fault::Source,
            Code::NotFound,
            "there is no image, at least none that can be read here",
        ));
    }
    let mut found = Vec::new();
    for descriptor in &listed {
        if media_type::is_index(&descriptor.media_type) {
            return Err(several(listed.len()));
        }
        found.push(image(images, descriptor, &said).await?);
    }
    let platforms: BTreeSet<String> = found.iter().map(|image| image.platform.to_string()).collect();
    if let Some(missing) = wanted.iter().find(|wanted| !found.iter().any(|image| image.platform.fits(wanted))) {
        let there = platforms.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("there is no image for {missing}; there are {}", shown(&there));
        return Err(Error::new(Fault::Request, Code::NotFound, message));
    }
    found.retain(|image| wanted.is_empty() || wanted.iter().any(|wanted| image.platform.fits(wanted)));
    let mut once = BTreeSet::new();
    if !found.iter().all(|image| once.insert(image.platform.clone())) {
        return Err(several(found.len()));
    }
    Ok(Chosen { indexed: indexed && wanted.len() != 1, images: found })
}

/// The base for a platform.
///
/// # Errors
/// As [`choose`].
pub async fn base<'a, M: Media>(
    images: &Images<'a, M>,
    name: Option<&str>,
    platform: &Platform,
) -> Result<Image<'a, M>> {
    let of_base = |error: Error| error.within("the base cannot be used");
    let chosen = choose(images, name, std::slice::from_ref(platform)).await.map_err(of_base)?;
    chosen.images.into_iter().next().ok_or_else(|| super::bug("no base was chosen"))
}

/// A manifest of attestations, with the image that it is about.
fn about(listed: &Descriptor) -> Option<(Digest, Descriptor)> {
    attestation::image_of(listed).map(|image| (image, listed.clone()))
}

async fn image<'a, M: Media>(
    images: &Images<'a, M>,
    descriptor: &Descriptor,
    said: &[(Digest, Descriptor)],
) -> Result<Image<'a, M>> {
    let manifest = Manifest::parse(&images.document(descriptor).await?, &descriptor.media_type)?;
    let config = Config::parse(&images.document(&manifest.config).await?)?;
    let diff_ids = config.diff_ids().to_vec();
    if diff_ids.len() != manifest.layers.len() {
        let (layers, ids) = (manifest.layers.len(), diff_ids.len());
        let message = format!("the image's manifest has {layers} layers where its config has {ids} diff IDs");
        return Err(Error::malformed("image", message));
    }
    let mut layers = Vec::new();
    for (descriptor, diff_id) in manifest.layers.into_iter().zip(diff_ids) {
        let Some(packing) = media_type::packing(&descriptor.media_type) else {
            let message =
                format!("layer {} is a `{}`, not a tar layer", descriptor.digest, shown(&descriptor.media_type));
            return Err(Error::unsupported("media type", message));
        };
        let bytes = images.blob(&descriptor).await?;
        layers.push(Layer { descriptor, diff_id, packing, bytes });
    }
    let attestations = said.iter().filter(|(image, _)| *image == descriptor.digest).map(|(_, said)| said.clone());
    let attestations = attestations.collect();
    Ok(Image { platform: config.platform(), digest: descriptor.digest.clone(), config, layers, attestations })
}

fn several(count: usize) -> Error {
    let message = format!(
        "there are {count} images, and nothing tells which one is meant: name one, as in oci:PATH#NAME, or choose with --platform"
    );
    Error::new(Fault::Request, Code::Unsupported("several images".into()), message)
}
