//! What people and documents write in a line: references, digests, platforms, times, paths. Their normal form is their own normal form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::digest::Digest;
use ocix_core::documents::docker_archive::repo_tag;
use ocix_core::documents::time::Time;
use ocix_core::inspect::{path_bytes, path_text};
use ocix_core::platform::Platform;
use ocix_core::reference::Reference;
use ocix_core::text::{shown, shown_bytes};

fuzz_target!(|data: &[u8]| {
    assert_eq!(path_bytes(&path_text(data)), data);
    assert!(!shown_bytes(data).chars().any(char::is_control));
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(!shown(text).chars().any(char::is_control));
    path_bytes(text);
    if let Ok(reference) = text.parse::<Reference>() {
        let parts = |of: &Reference| {
            let (tag, digest) = (of.tag().map(str::to_owned), of.digest().cloned());
            (of.registry().to_owned(), of.repository().to_owned(), tag, digest)
        };
        let normal: Reference = reference.to_string().parse().expect("the normal form is a reference");
        assert_eq!(parts(&normal), parts(&reference));
        assert_eq!(normal.to_string(), reference.to_string());
        let familiar: Reference = repo_tag(&reference).parse().expect("the familiar form is a reference");
        assert_eq!(parts(&familiar), parts(&reference.with_default_tag()));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.as_str(), text);
        assert_eq!(digest.blob_path().replacen('/', ":", 2), format!("blobs:{text}"));
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse(), Ok(platform.clone()));
        assert!(platform.fits(&platform));
    }
    if let Some(time) = Time::parse(text) {
        assert_eq!(Time::parse(time.as_str()).as_ref().map(Time::as_str), Some(time.as_str()));
    }
});
