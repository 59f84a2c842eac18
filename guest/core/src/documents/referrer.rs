//! Manifests and indexes that say something about another one, their `subject` (OCI manifest.md and image-index.md), and how the list of all that
//! do so has them (OCI distribution spec, "Pushing Manifests with Subject").

use super::descriptor::Listed;
use super::read;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Result;

/// What a document of this descriptor is about, and the document as its list has it: with annotations of its own, and with what kind of artifact
/// it is, which the media type of its config says when nothing else does. `None` for what has no subject.
///
/// # Errors
/// `malformed` for what is not unambiguously a document; `unsupported` for a subject whose digest is neither of sha256 nor of sha512.
pub fn referrer(bytes: &[u8], of: &Descriptor) -> Result<Option<(Digest, Descriptor)>> {
    let object = read::document(bytes, "manifest")?.known(&["subject", "artifactType", "config", "annotations"])?;
    let Some(subject) = object.object("subject")? else { return Ok(None) };
    let subject = Listed::read(subject)?.into_descriptor()?;
    let config = object.object("config")?.map(|config| Listed::read(config)?.into_descriptor()).transpose()?;
    let kind = object.text("artifactType")?.filter(|kind| !kind.is_empty());
    let mut listed = Descriptor::new(of.media_type.as_str(), of.digest.clone(), of.size);
    listed.artifact_type = kind.or(config.map(|config| config.media_type));
    listed.annotations = object.map("annotations")?;
    Ok(Some((subject.digest, listed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_type;

    #[test]
    fn what_refers_is_listed_with_what_it_says_of_itself() {
        let subject = Descriptor::of(media_type::MANIFEST, b"subject");
        let (digest, size) = (subject.digest.as_str(), subject.size);
        let subject =
            format!(r#""subject":{{"mediaType":"{}","digest":"{digest}","size":{size}}}"#, media_type::MANIFEST);
        let config = format!(r#""config":{{"mediaType":"{}","digest":"{digest}","size":{size}}}"#, media_type::EMPTY);
        for (members, found) in [
            ("\"artifactType\":\"a/b\"".to_owned(), None),
            (format!("{subject},\"artifactType\":\"a/b\",{config}"), Some((Some("a/b"), None))),
            (format!("{subject},\"artifactType\":\"\",{config}"), Some((Some(media_type::EMPTY), None))),
            (format!("{subject},\"annotations\":{{\"k\":\"v\"}}"), Some((None, Some("v")))),
        ] {
            let bytes = format!("{{{members}}}").into_bytes();
            let mut of = Descriptor::of(media_type::MANIFEST, &bytes);
            of.annotations.insert("only".into(), "in the image's index".into());
            let referrer = referrer(&bytes, &of).expect("a document");
            let said = referrer.as_ref().map(|(about, listed)| {
                assert_eq!((about.as_str(), &listed.digest, listed.size), (digest, &of.digest, of.size));
                assert!(!listed.annotations.contains_key("only"));
                (listed.artifact_type.as_deref(), listed.annotations.get("k").map(String::as_str))
            });
            assert_eq!(said, found, "{members}");
        }
        for wrong in ["\"subject\":{}", "\"subject\":1", "\"Subject\":null"] {
            let bytes = format!("{{{wrong}}}").into_bytes();
            assert!(referrer(&bytes, &Descriptor::of(media_type::MANIFEST, &bytes)).is_err(), "{wrong}");
        }
    }
}
