//! Reading from a registry in memory: names, documents and blobs, and what is said when they are not what they should be.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Double, run};
use super::{CONFIG, MANIFEST, REGISTRY, bearer, origin_of, user};
use crate::contents::{Bytes, Images};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media::Input;
use crate::media_type;
use crate::registry::Repository;
use crate::store::MAX_DOCUMENT;

fn open<'a>(media: &'a Double, reference: &str) -> Rc<Repository<'a, Double>> {
    Rc::new(Repository::open(media, &reference.parse().expect("a reference"), false).expect("a repository"))
}

fn site(media: &Double) -> Rc<Repository<'_, Double>> {
    open(media, "r.example:5000/team/site:v1")
}

/// A registry that has a manifest under every name.
fn manifest(answer: Answer) -> Double {
    Double::new(move |asked| asked.is("GET", "/manifests/").then(|| answer.clone()))
}

fn image() -> Answer {
    Answer::new(200).with("content-type", media_type::MANIFEST).saying(MANIFEST)
}

/// The blob's bytes, read in pieces of up to 3.
fn read(media: &Double, blob: &Descriptor) -> Result<Vec<u8>> {
    let bytes = Bytes::Remote { repository: site(media), descriptor: blob.clone() };
    run(async {
        let (mut reader, mut all) = (bytes.open().await?, Vec::new());
        loop {
            let piece = reader.read(3).await?;
            if piece.is_empty() {
                return Ok(all);
            }
            all.extend(piece);
        }
    })
}

#[test]
fn names_become_descriptors() {
    let digest = Digest::of(MANIFEST);
    for (reference, url) in [
        ("hello", "https://registry-1.docker.io/v2/library/hello/manifests/latest".into()),
        ("team/site:v1", "https://registry-1.docker.io/v2/team/site/manifests/v1".into()),
        ("r.example:5000/a/b", "https://r.example:5000/v2/a/b/manifests/latest".into()),
        ("localhost:5000/a:1", "http://localhost:5000/v2/a/manifests/1".into()),
        (&format!("r.example/a:1@{digest}"), format!("https://r.example/v2/a/manifests/{digest}")),
    ] {
        let media = manifest(image().with("docker-content-digest", digest.as_str()));
        let resolved = run(open(&media, reference).resolve()).expect("an image");
        assert_eq!(resolved, (Descriptor::of(media_type::MANIFEST, MANIFEST), MANIFEST.to_vec()));
        let asked = &media.asked()[0];
        assert_eq!(asked.request.url, url);
        let accept = asked.header("accept").expect("a header");
        for kind in [media_type::INDEX, media_type::MANIFEST, media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST] {
            assert!(accept.split(", ").any(|accepted| accepted == kind), "{accept}");
        }
    }
}

#[test]
fn only_the_right_to_pull_is_asked_for() {
    let base = bearer(Rc::new(Cell::new(1)), Rc::default());
    let media = Double::new(move |asked| base(asked).or_else(|| asked.is("GET", "/manifests/").then(image)));
    run(site(&media).resolve()).expect("an image");
    let asked = media.asked();
    let token = asked.iter().find(|asked| asked.request.url.contains("/token")).expect("a token");
    assert!(token.request.url.ends_with("&scope=repository%3Ateam%2Fsite%3Apull"), "{}", token.request.url);
}

#[test]
fn a_manifest_is_the_one_that_was_asked_for() {
    let (right, wrong) = (Digest::of(MANIFEST), Digest::of(b"other"));
    let sha512 = Digest::by(crate::media::HashAlgorithm::Sha512, MANIFEST);
    let named = |digest: &Digest| format!("r.example/a@{digest}");
    for (reference, told, good) in [
        ("r.example/a:v1".to_owned(), None, true),
        ("r.example/a:v1".to_owned(), Some(&right), true),
        ("r.example/a:v1".to_owned(), Some(&wrong), false),
        ("r.example/a:v1".to_owned(), Some(&sha512), true),
        (named(&right), None, true),
        (named(&right), Some(&wrong), false),
        (named(&wrong), None, false),
        (named(&wrong), Some(&wrong), false),
        (named(&sha512), Some(&right), true),
    ] {
        let answer = told.iter().fold(image(), |answer, told| answer.with("docker-content-digest", told.as_str()));
        let media = manifest(answer);
        match run(open(&media, &reference).resolve()) {
            Ok((root, _)) => assert!(good && (root.digest == right || root.digest == sha512), "{reference} {told:?}"),
            Err(error) => {
                assert!(!good, "{error}");
                assert_eq!((error.fault, error.code), (Fault::Registry, Code::DigestMismatch(right.clone())));
            }
        }
    }
}

#[test]
fn what_a_root_document_is() {
    let index = format!(r#"{{"mediaType":"{}"}}"#, media_type::DOCKER_LIST);
    for (content_type, body, expected) in [
        (media_type::DOCKER_MANIFEST, "{}", Some(media_type::DOCKER_MANIFEST)),
        ("application/vnd.oci.image.index.v1+json; charset=utf-8", "{}", Some(media_type::INDEX)),
        ("application/json", &index, Some(media_type::DOCKER_LIST)),
        ("", r#"{"manifests":[]}"#, Some(media_type::INDEX)),
        ("text/plain; charset=utf-8", r#"{"config":{},"layers":[]}"#, Some(media_type::MANIFEST)),
        ("application/json", r#"{"schemaVersion":1,"fsLayers":[]}"#, None),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}", None),
        ("text/html", &index, None),
        ("application/json", "<html>", None),
        ("application/json", r#"{"mediaType":"a/b","layers":[]}"#, None),
    ] {
        let media = manifest(Answer::new(200).with("content-type", content_type).saying(body));
        match (run(site(&media).resolve()), expected) {
            (Ok((root, _)), Some(expected)) => assert_eq!(root.media_type, expected, "{content_type}"),
            (Err(error), None) => assert_eq!(error.code, Code::Unsupported("media type".into()), "{error}"),
            (other, _) => panic!("{content_type}: {other:?}"),
        }
    }
}

#[test]
fn documents_are_verified() {
    let media = Double::new(|asked| asked.is("GET", "/manifests/").then(image)).has_blob(CONFIG);
    let (config, manifest) =
        (Descriptor::of(media_type::CONFIG, CONFIG), Descriptor::of(media_type::MANIFEST, MANIFEST));
    for (descriptor, bytes, path) in [(&config, CONFIG, "blobs"), (&manifest, MANIFEST, "manifests")] {
        assert_eq!(run(site(&media).document(descriptor)).expect("a document"), bytes);
        let asked = media.asked().pop().expect("a request");
        assert_eq!(asked.line(), format!("GET /v2/team/site/{path}/{}", descriptor.digest));
        assert_eq!(asked.header("accept"), Some(&*format!("{}, */*", descriptor.media_type)));
    }
    let other = Descriptor { digest: Digest::of(b"other"), ..manifest.clone() };
    let error = run(site(&media).document(&other)).expect_err("other bytes");
    assert_eq!((error.fault, error.code), (Fault::Source, Code::DigestMismatch(manifest.digest.clone())));
    let shorter = Descriptor { size: 3, ..manifest.clone() };
    let error = run(site(&media).document(&shorter)).expect_err("another size");
    assert_eq!((error.fault, error.code), (Fault::Source, Code::SizeMismatch(manifest.size)));
    let endless = Answer { endless: true, ..image() };
    let media = Double::new(move |_| Some(endless.clone()));
    let tries = [run(site(&media).document(&manifest)), run(site(&media).resolve()).map(|(_, bytes)| bytes)];
    for error in tries.map(|tried| tried.expect_err("too much")) {
        assert_eq!(error.code, Code::LimitExceeded("document size".into()));
        assert!(error.message.contains(&MAX_DOCUMENT.to_string()));
    }
}

#[test]
fn a_blob_may_lie_elsewhere() {
    let blob = Descriptor::of(media_type::LAYER, b"the layer");
    let media = Double::new(|asked| match origin_of(asked).as_str() {
        "https://cdn.example" => Some(Answer::new(200).with("content-length", "9").saying("the layer")),
        _ if asked.header("authorization").is_none() => Some(Answer::new(401).with("www-authenticate", "Basic")),
        _ => Some(Answer::new(307).with("location", "https://cdn.example/x?sig=1")),
    })
    .knowing(REGISTRY, user());
    assert_eq!(read(&media, &blob).expect("a blob"), b"the layer");
    assert!(media.asked().last().is_some_and(|asked| asked.header("authorization").is_none()));

    let media = Double::new(|_| Some(Answer::new(200).with("content-length", "8").saying("8 bytes!")));
    let error = read(&media, &blob).expect_err("another size");
    assert_eq!((error.fault, &error.code), (Fault::Source, &Code::SizeMismatch(8)));
    assert!(error.message.contains(blob.digest.as_str()), "{error}");
}

/// Answers each range of `content` with so many bytes at most, then breaks off, with an error or without.
fn brittle(content: &'static [u8], most: usize, breaks: bool) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| {
        let range = asked.header("range").map(|range| range.trim_start_matches("bytes=").trim_end_matches('-'));
        let start: usize = range.map_or(0, |start| start.parse().expect("a number"));
        let answer = Answer::new(if range.is_some() { 206 } else { 200 })
            .with("content-range", &format!("bytes {start}-{}/{}", content.len() - 1, content.len()));
        let rest = &content[start..];
        Some(Answer { breaks, ..answer.saying(&rest[..rest.len().min(most)]) })
    }
}

#[test]
fn a_blob_that_breaks_off_is_resumed_twice() {
    let content = b"nine bytes";
    let blob = Descriptor::of(media_type::LAYER, content);
    for breaks in [true, false] {
        for (most, requests) in [(10, 1), (9, 2), (5, 2), (4, 3)] {
            let media = Double::new(brittle(content, most, breaks));
            assert_eq!(read(&media, &blob).expect("all of it"), content);
            assert_eq!(media.asked().len(), requests, "{most}");
        }
        let media = Double::new(brittle(content, 3, breaks));
        let error = read(&media, &blob).expect_err("too often");
        assert_eq!((error.fault, &error.code), (Fault::Registry, &Code::Other("connection".into())));
        let words = format!("the blob {} of r.example:5000/team/site:v1 broke off after 9 of 10 bytes", blob.digest);
        assert!(error.message.contains(&words) && error.causes.is_empty() != breaks, "{error:?}");
    }
    // A registry that cannot go on from the middle, or goes on from elsewhere.
    let wrong =
        [Answer::new(200).saying(content), Answer::new(206).with("content-range", "bytes 0-9/10"), Answer::new(416)];
    for wrong in wrong {
        let media = Double::new(move |asked| match asked.header("range") {
            None => Some(Answer::new(200).saying("nine")),
            Some(_) => Some(wrong.clone()),
        });
        let error = read(&media, &blob).expect_err("no way on");
        assert!(error.message.contains("broke off after 4 of 10 bytes"), "{error}");
    }
}

#[test]
fn what_the_registry_refuses_is_told() {
    for (status, body, words) in [
        (404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#, "check the name, its tag and its digest"),
        (401, "", "docker login r.example:5000"),
        (403, "", "as a user who may pull there"),
        (429, "", "wait, then pull again"),
        (503, "", "pull again later"),
    ] {
        let media = Double::new(move |_| Some(Answer::new(status).saying(body)));
        let blob = Descriptor::of(media_type::LAYER, b"layer");
        let errors: [Error; 2] = [run(site(&media).resolve()).map(|_| ()), read(&media, &blob).map(|_| ())]
            .map(|tried| tried.expect_err("refused"));
        for error in errors {
            let line = error.to_string();
            assert!(line.contains(words) && line.contains("r.example:5000/team/site:v1"), "{line}");
            assert!(matches!(error.code, Code::Registry(is, _) if is == status));
        }
    }
}

/// The root is asked for once, a layer when it is read.
#[test]
fn images_of_a_registry() {
    let media = Double::new(|asked| asked.is("GET", "/manifests/").then(image)).has_blob(CONFIG).has_blob(b"layer");
    let reference = "r.example:5000/team/site".parse().expect("a reference");
    let images = run(Images::registry(&media, &reference, false)).expect("an image");
    let roots = run(images.roots(None)).expect("a root");
    assert_eq!((roots.len(), &roots[0].digest), (1, &Digest::of(MANIFEST)));
    assert_eq!(images.name(&roots[0]).as_deref(), Some("r.example:5000/team/site:latest"));
    assert_eq!(run(images.document(&roots[0])), Ok(MANIFEST.to_vec()));
    let layer = run(images.blob(&Descriptor::of(media_type::LAYER, b"layer"))).expect("a layer");
    assert_eq!((media.asked().len(), layer.size()), (1, 5));
    assert!(run(layer.read_at(0, 1)).is_none());
    assert_eq!(run(run(layer.open()).expect("opened").read(100)), Ok(b"layer".to_vec()));
    assert_eq!(run(images.document(&Descriptor::of(media_type::CONFIG, CONFIG))), Ok(CONFIG.to_vec()));
    assert_eq!(media.asked().len(), 3);
}
