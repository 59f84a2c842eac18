//! Which of several images is meant: the platform decides.

use std::collections::BTreeSet;

use super::attestation;
use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::media_type;
use crate::platform::Platform;
use crate::text::shown;

/// The one image among these for the platform: a manifest, or an index in which to select again. Attestations are no images; one image
/// under several names is one; a single image is taken whatever it runs on, since nothing else can be meant. Of several, those of the very
/// platform are looked at, and indexes that do not say one; manifests that do not say one only when there is nothing else.
///
/// # Errors
/// `not-found` with the platforms that there are; `unsupported` when several images fit.
pub fn select<'a>(manifests: impl Iterator<Item = &'a Descriptor>, platform: &Platform) -> Result<Descriptor> {
    let images = images(manifests);
    let fits = |image: &&&Descriptor| match &image.platform {
        Some(own) => own.fits(platform),
        None => media_type::is_index(&image.media_type),
    };
    let mut chosen: Vec<&Descriptor> =
        if images.len() == 1 { images.clone() } else { images.iter().filter(fits).copied().collect() };
    if chosen.is_empty() {
        chosen.extend(images.iter().filter(|image| image.platform.is_none()));
    }
    match chosen.as_slice() {
        [image] => Ok((*image).clone()),
        [] if images.is_empty() => {
            Err(Error::new(Fault::Source, Code::NotFound, "there is no image, at least none that can be read here"))
        }
        [] => {
            let platforms: BTreeSet<String> =
                images.iter().filter_map(|image| image.platform.as_ref()).map(Platform::to_string).collect();
            let platforms = shown(&platforms.into_iter().collect::<Vec<_>>().join(", "));
            let message =
                format!("there is no image for {platform}; there are {platforms}: choose one with --platform");
            Err(Error::new(Fault::Request, Code::NotFound, message))
        }
        several => {
            let message = format!(
                "there are {} images for {platform}, and nothing tells which one is meant: keep one of them",
                several.len()
            );
            Err(Error::unsupported("several images", message))
        }
    }
}

/// The images among these, and indexes of images; attestations, other artifacts and blobs are none. One under several names is one.
pub fn images<'a>(listed: impl Iterator<Item = &'a Descriptor>) -> Vec<&'a Descriptor> {
    let mut known = BTreeSet::new();
    listed.filter(|image| is_image(image) && known.insert(&image.digest)).collect()
}

fn is_image(descriptor: &Descriptor) -> bool {
    descriptor.artifact_type.is_none()
        && !attestation::is_attestation(descriptor)
        && (media_type::is_manifest(&descriptor.media_type) || media_type::is_index(&descriptor.media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &str, platform: &str) -> Descriptor {
        let mut image = Descriptor::of(media_type::MANIFEST, content.as_bytes());
        image.platform = platform.parse().ok();
        image
    }

    #[test]
    fn the_platform_selects() {
        let mut attestation = image("a", "unknown/unknown");
        attestation.annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
        let mut nested = image("i", "");
        nested.media_type = media_type::INDEX.into();
        let (amd64, arm64, v7) = (image("1", "linux/amd64"), image("2", "linux/arm64"), image("3", "linux/arm/v7"));
        let (other, bare, blob) = (image("4", "linux/amd64"), image("5", ""), Descriptor::of("text/plain", b"t"));
        for (images, platform, expected) in [
            (vec![&amd64, &arm64, &attestation], "linux/arm64", Ok(&arm64)),
            (vec![&amd64, &arm64, &v7], "linux/arm", Ok(&v7)),
            (vec![&amd64, &amd64, &arm64], "linux/amd64", Ok(&amd64)),
            (vec![&amd64, &attestation, &blob], "linux/s390x", Ok(&amd64)),
            (vec![&bare, &amd64], "linux/amd64", Ok(&amd64)),
            (vec![&bare, &amd64], "linux/arm64", Ok(&bare)),
            (vec![&nested], "linux/arm64", Ok(&nested)),
            (vec![&nested, &amd64], "linux/arm64", Ok(&nested)),
            (vec![&nested, &amd64], "linux/amd64", Err(Code::Unsupported("several images".into()))),
            (vec![&amd64, &other], "linux/amd64", Err(Code::Unsupported("several images".into()))),
            (vec![&amd64, &arm64], "linux/arm/v6", Err(Code::NotFound)),
            (vec![&attestation, &blob], "linux/amd64", Err(Code::NotFound)),
            (vec![], "linux/amd64", Err(Code::NotFound)),
        ] {
            let Ok(platform) = platform.parse() else { panic!("{platform}") };
            let selected = select(images.into_iter(), &platform);
            assert_eq!(selected.map_err(|error| error.code), expected.cloned());
        }
        let Ok(platform) = "linux/s390x".parse() else { panic!("a platform") };
        let error = select([&v7, &amd64].into_iter(), &platform).map_err(|error| error.message);
        assert_eq!(
            error,
            Err("there is no image for linux/s390x; there are linux/amd64, linux/arm/v7: choose one with --platform"
                .into())
        );
    }
}
