//! An image's way to a registry.

use crate::error::Result;
use crate::media::Media;
use crate::reference::Reference;
use crate::registry::{self, Target};

use super::super::image::Image;
use super::blobs;

/// Pushes to one name: blobs first, then manifests, the root last, under its tag or by its digest.
pub async fn push<M: Media>(media: &M, image: &Image<'_, '_, M>, name: &Reference) -> Result<()> {
    let by_digest = image.output.push_by_digest || name.digest().is_some();
    let name = if by_digest { name.clone() } else { name.clone().with_default_tag() };
    let target = Target {
        registry: name.registry().to_owned(),
        repository: name.repository().to_owned(),
        tag: name.tag().filter(|_| !by_digest).map(str::to_owned),
        insecure: image.output.insecure,
    };
    let manifests = image.manifests.iter().map(|manifest| (manifest.descriptor.clone(), manifest.bytes.to_vec()));
    let content = registry::Image { blobs: blobs(image).into_values().collect(), manifests: manifests.collect() };
    registry::push(media, &content, &target).await
}
