//! From registry to registry: blobs are streamed and verified on their way, or mounted.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Double, run};
use super::{CONFIG, REGISTRY, bearer, layer, origin_of, push_image, push_layers, steps, target};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Fault, Result};
use crate::media::Outcome;
use crate::media_type;
use crate::registry::{Image, Places, Policy, Pushed, Repository, Uploads, push};

const LAYER: &[u8] = b"a layer somewhere";

/// Pushes the layer of a repository.
fn push_from(media: &Double, reference: &str, descriptor: &Descriptor) -> Result<Pushed> {
    let repository = Rc::new(Repository::open(media, &reference.parse()?, false)?);
    let bytes = Bytes::Remote { repository, descriptor: descriptor.clone() };
    push_layers(media, &[(descriptor.clone(), bytes)], &target(REGISTRY, Some("v1")))
}

/// What another registry answers with.
fn source(asked: &Asked, blob: &[u8]) -> Option<Answer> {
    (origin_of(asked) == "https://s.example").then(|| Answer::new(200).saying(blob))
}

fn large() -> Vec<u8> {
    (0..3_000_000_u32).map(|number| (number % 251) as u8).collect()
}

#[test]
fn a_blob_is_streamed() {
    for content in [large(), LAYER.to_vec(), b"x".to_vec(), Vec::new()] {
        let blob = Descriptor::of(media_type::LAYER, &content);
        let media = Double::new(move |asked| source(asked, &content));
        push_from(&media, "s.example/a:v1", &blob).expect("pushed");
        assert!(media.blobs().contains(blob.digest.as_str()));
        let done: Vec<u64> = steps(&media)
            .into_iter()
            .filter(|step| step.subject == blob.digest.as_str())
            .map(|step| step.done)
            .collect();
        assert!(done.is_sorted() && done.last() == Some(&blob.size), "{done:?}");
        assert!(!media.asked().iter().any(|asked| asked.request.url.contains("mount=")));
    }
}

#[test]
fn what_is_there_is_not_fetched() {
    let media = Double::new(|asked| source(asked, LAYER)).has_blob(LAYER);
    push_from(&media, "s.example/a:v1", &Descriptor::of(media_type::LAYER, LAYER)).expect("pushed");
    assert!(media.asked().iter().all(|asked| origin_of(asked) == "https://r.example:5000"));
}

/// The last bytes are held back, so that no upload of other bytes is ever whole.
#[test]
fn damage_does_not_arrive() {
    let content = large();
    let blob = Descriptor::of(media_type::LAYER, &content);
    for flipped in [0, content.len() - 1] {
        let mut damaged = content.clone();
        damaged[flipped] ^= 1;
        let is = Digest::of(&damaged);
        let media = Double::new(move |asked| source(asked, &damaged));
        let error = push_from(&media, "s.example/a:v1", &blob).expect_err("other bytes");
        assert_eq!((error.fault, error.code), (Fault::Source, Code::DigestMismatch(is)));
        let put = media.asked().into_iter().find(|asked| asked.is("PUT", blob.digest.hex())).expect("it was begun");
        assert!(put.body.len() < content.len());
        assert!(!media.blobs().contains(blob.digest.as_str()) && media.manifests().is_empty());
    }
    // Of one that cannot be had nothing is sent.
    let media = Double::new(|asked| (origin_of(asked) == "https://s.example").then(|| Answer::new(404)));
    let error = push_from(&media, "s.example/a:v1", &blob).expect_err("nothing there");
    assert_eq!(error.code, Code::Registry(404, String::new()));
    assert!(media.asked().iter().all(|asked| !asked.is("PUT", blob.digest.hex()) || asked.offered == 0));
}

#[test]
fn an_upload_that_is_started_again_is_fetched_again() {
    let given = Rc::new(Cell::new(0));
    let valid = Rc::new(Cell::new(1));
    let (base, expires) = (bearer(Rc::clone(&valid), Rc::clone(&given)), Rc::clone(&valid));
    let hex = Descriptor::of(media_type::LAYER, LAYER).digest.hex().to_owned();
    let media = Double::new(move |asked| {
        if asked.is("PUT", &hex) && expires.get() == 1 {
            expires.set(2);
        }
        source(asked, LAYER).or_else(|| base(asked))
    });
    let blob = Descriptor::of(media_type::LAYER, LAYER);
    push_from(&media, "s.example/a:v1", &blob).expect("pushed");
    assert!(media.blobs().contains(blob.digest.as_str()));
    let count = |method: &str, part: &str| media.asked().iter().filter(|asked| asked.is(method, part)).count();
    assert_eq!((count("PUT", blob.digest.hex()), count("GET", "s.example")), (2, 2));
}

#[test]
fn blobs_of_the_same_registry_are_mounted() {
    let blob = Descriptor::of(media_type::LAYER, LAYER);
    let mount = format!("blobs/uploads/?mount=sha256%3A{}&from=other%2Fsite", blob.digest.hex());
    // Mounted; begun as an upload; refused; refused as often as it was asked.
    for (status, mounts, plain, gets) in [(201, 1, 0, 0), (202, 1, 0, 1), (403, 1, 1, 1), (500, 6, 1, 1)] {
        let asked_for = mount.clone();
        let media = Double::new(move |asked| match () {
            () if asked.is("POST", &asked_for) => {
                Some(Answer::new(status).with("location", "/v2/team/site/blobs/uploads/9?_state=a%2Bb"))
            }
            () if asked.is("GET", "/v2/other/site/blobs/") => Some(Answer::new(200).saying(LAYER)),
            () => None,
        });
        push_from(&media, "r.example:5000/other/site:v1", &blob).expect("pushed");
        let count = |method: &str, part: &str| media.asked().iter().filter(|asked| asked.is(method, part)).count();
        assert_eq!(count("POST", "/uploads/"), mounts + plain + 1, "with the config, {status}");
        assert_eq!((count("POST", &mount), count("GET", "/other/site/")), (mounts, gets), "{status}");
        let expected = if status == 201 { Outcome::Mounted("other/site".into()) } else { Outcome::Uploaded };
        let last = steps(&media).into_iter().rfind(|step| step.subject == blob.digest.as_str());
        assert_eq!(last.and_then(|step| step.outcome), Some(expected));
        assert_eq!(count("PUT", "/uploads/9?_state=a%2Bb&digest="), usize::from(status == 202));
    }
}

/// An upload that a registry opens in place of a mount is used, or taken back.
#[test]
fn refused_mounts_leave_nothing_open() {
    let blob = Descriptor::of(media_type::LAYER, LAYER);
    for (gives, posts, puts, deletes) in [("other/a", 1, 0, 0), ("other/b", 2, 0, 1), ("other/x", 3, 1, 2)] {
        let media = Double::new(|_| None).shares(gives, LAYER);
        let blobs = vec![(blob.clone(), Bytes::Memory(LAYER.into()))];
        let image = Image { blobs, manifests: Vec::new(), places: Places::new() };
        let mount_from = ["a", "b", "c"].map(|name| format!("{REGISTRY}/other/{name}")).to_vec();
        let policy = Policy { mount_from, ..Policy::default() };
        let pushed = run(push(&media, &image, &target(REGISTRY, None), &policy, &Uploads::default())).expect("pushed");
        let count = |method: &str| media.asked().iter().filter(|asked| asked.is(method, "/blobs/uploads/")).count();
        assert_eq!((count("POST"), count("PUT"), count("DELETE")), (posts, puts, deletes), "{gives}");
        assert_eq!((pushed.mounted.count, pushed.uploaded.count), (1 - puts as u32, puts as u32), "{gives}");
        assert!(media.open_uploads() == 0 && media.blobs().contains(blob.digest.as_str()));
    }
}

/// The right to pull from the other repository is asked for from the start; without it the blob is sent.
#[test]
fn mounts_need_a_scope() {
    let blob = Descriptor::of(media_type::LAYER, LAYER);
    for refuses in [false, true] {
        let base = bearer(Rc::new(Cell::new(1)), Rc::default());
        let media = Double::new(move |asked| match () {
            () if refuses && asked.is("GET", "push&scope=repository%3Aother") => Some(Answer::new(400)),
            () if asked.is("GET", "/v2/other/site/blobs/") => Some(Answer::new(200).saying(LAYER)),
            () => base(asked).or_else(|| asked.is("POST", "mount=").then(|| Answer::new(201))),
        });
        push_from(&media, "r.example:5000/other/site:v1", &blob).expect("pushed");
        let tokens: Vec<String> =
            media.asked().into_iter().map(|asked| asked.request.url).filter(|url| url.contains("/token")).collect();
        let scope = "&scope=repository%3Ateam%2Fsite%3Apull%2Cpush";
        let both = format!("{scope}&scope=repository%3Aother%2Fsite%3Apull");
        assert!(tokens[0].ends_with(&both), "{tokens:?}");
        assert_eq!(tokens.len(), if refuses { 2 } else { 1 });
        assert!(!refuses || tokens[1].ends_with(scope), "{tokens:?}");
        assert_eq!(media.asked().iter().any(|asked| asked.is("POST", "mount=")), !refuses);
        assert_eq!(media.blobs().contains(blob.digest.as_str()), refuses);
    }
}

#[test]
fn layers_that_may_not_be_distributed_are_not_pushed() {
    let kinds = [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ];
    let media = Double::new(|_| None);
    let mut blobs = vec![layer(CONFIG)];
    blobs
        .extend(kinds.map(|kind| (Descriptor { media_type: kind.into(), ..layer(b"windows").0 }, layer(b"windows").1)));
    let image = Image { blobs, manifests: Vec::new(), places: Places::new() };
    push_image(&media, &image, &target(REGISTRY, None)).expect("pushed");
    assert_eq!(media.blobs(), [Digest::of(CONFIG).to_string()].into());
    assert!(media.asked().iter().all(|asked| !asked.request.url.contains(layer(b"windows").0.digest.hex())));
}
