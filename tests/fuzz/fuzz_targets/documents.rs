//! Documents of images: whatever a reader takes, it takes again after it was written here, as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::descriptor::Descriptor;
use ocix_core::documents::attestation::{Attestation, Attested, Shape};
use ocix_core::documents::config::Config;
use ocix_core::documents::index::{self, Index};
use ocix_core::documents::manifest::Manifest;
use ocix_core::documents::referrer::referrer;
use ocix_core::media_type;
use ocix_core::platform::Platform;

fuzz_target!(|data: &[u8]| {
    let media_type = media_type::of_document(data);
    let listed = Descriptor::of(media_type.clone(), data);
    as_index(data);
    as_config(data);
    if let Ok(manifest) = Manifest::parse(data, &media_type) {
        // No document is two things.
        assert!(Index::parse(data, None).is_err());
        let mut again = index_of(std::iter::once(&manifest.config).chain(&manifest.layers));
        let read = again.remove(0);
        assert!(read == manifest.config && again == manifest.layers, "descriptors change");
    }
    let _ = referrer(data, &listed);
    if let Ok(attested) = Attested::parse(data, &listed) {
        for shape in [Shape::Artifact, Shape::Legacy] {
            let image = Descriptor::new(media_type::MANIFEST, attested.image.clone(), 1);
            let written = Attestation::new(shape, &image, &attested.layers).expect("it was not longer");
            let again = Attested::parse(&written.manifest, &written.descriptor).expect("what was written");
            assert_eq!(again, Attested { shape, ..attested.clone() });
        }
    }
});

fn as_index(data: &[u8]) {
    let Ok(index) = Index::parse(data, None) else { return };
    let written = index.to_bytes().expect("it was not longer");
    let again = Index::parse(&written, None).expect("what was written");
    assert!(again.to_bytes().is_ok_and(|bytes| bytes == written), "written again it is something else");
    assert!(again.manifests().eq(index.manifests()) && again.attestations().eq(index.attestations()));
    assert_eq!(again.annotations(), index.annotations());
    if let (Ok(entries), Ok(again)) = (index.entries(), again.entries()) {
        assert!(entries.iter().map(|(entry, _)| entry).eq(again.iter().map(|(entry, _)| entry)));
    }
    let platform: Platform = "linux/arm64".parse().expect("a platform");
    let _ = index::select(index.manifests(), &platform);
    let mut named = index.clone();
    let image = Descriptor::of(media_type::MANIFEST, b"{}");
    let name = index::Name { full: "docker.io/library/fuzz:v1".into(), tag: Some("v1".into()) };
    named.put(Some(&name), image.clone());
    let named = Index::parse(&named.to_bytes().expect("a little longer"), None).expect("what was written");
    assert!(named.named(&name.full).is_some_and(|found| found.digest == image.digest));
}

/// A config without layers: how it is written depends on it alone, and on the time.
fn as_config(data: &[u8]) {
    let Ok(config) = Config::parse(data) else { return };
    let mut config = Config { ..config };
    if config.replace(data, None).is_err() {
        panic!("what can be parsed can be given");
    }
    let Ok(written) = config.assemble(&[], Some(EPOCH), EPOCH, None) else { return };
    let again = Config::parse(&written).expect("what was written");
    assert_eq!(again.platform(), config.platform());
    let twice = again.assemble(&[], Some(EPOCH), EPOCH, None).expect("it was not longer");
    assert!(twice == written, "written again it is something else");
}

/// Descriptors, written into an index and read from it.
fn index_of<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<Descriptor> {
    let descriptors: Vec<_> = descriptors.cloned().collect();
    let bytes =
        index::image_index(media_type::Family::Oci, &descriptors, &Default::default()).expect("it was not longer");
    let index = Index::parse(&bytes, None).expect("what was written");
    index.entries().expect("known digests").into_iter().map(|(entry, _)| entry).collect()
}

const EPOCH: i64 = 1_000_000_000;
