//! An image's way to a registry.

use crate::error::Result;
use crate::media::Media;
use crate::reference::Reference;
use crate::registry::{self, Places, Pushed, Target};

use super::super::image::Image;
use super::{Sending, blobs};

/// Pushes to one name: blobs first, then manifests, the root last, under its tag or by its digest. The store remembers where its layers are
/// now.
pub async fn push<M: Media>(
    media: &M,
    image: &Image<'_, '_, M>,
    name: &Reference,
    sending: &Sending<'_, M>,
) -> Result<Pushed> {
    let by_digest = image.output.push_by_digest || name.digest().is_some();
    let name = if by_digest { name.clone() } else { name.clone().with_default_tag() };
    let target = Target {
        registry: name.registry().to_owned(),
        repository: name.repository().to_owned(),
        tag: name.tag().filter(|_| !by_digest).map(str::to_owned),
        insecure: image.output.insecure,
    };
    let layers = image.pictures.iter().flat_map(|picture| &picture.listed);
    let mut places = Places::new();
    for layer in layers.clone().filter(|_| image.is_stored()) {
        let known = match sending.runtime {
            Some(runtime) => runtime.places(&layer.digest).await?,
            None => sending.store.places(&layer.digest).await,
        };
        places.insert(layer.digest.to_string(), known);
    }
    let manifests = image.manifests.iter().map(|manifest| (manifest.descriptor.clone(), manifest.bytes.to_vec()));
    let blobs = blobs(image).into_values().collect();
    let content = registry::Image { blobs, manifests: manifests.collect(), places };
    let pushed = registry::push(media, &content, &target, sending.policy, sending.uploads).await?;
    if !sending.policy.dry_run {
        let place = format!("{}/{}", target.registry, target.repository);
        for layer in layers {
            match (content.places.get(layer.digest.as_str()).filter(|known| !known.contains(&place)), sending.runtime) {
                (Some(known), Some(runtime)) => runtime.note(layer, known, &name).await?,
                (Some(known), None) => sending.store.note(layer.digest.as_str(), known, &place).await?,
                (None, _) => {}
            }
        }
    }
    Ok(pushed)
}
