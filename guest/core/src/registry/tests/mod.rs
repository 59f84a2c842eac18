//! Whole pushes to a registry in memory: what is sent where, in which order, with which authorization, and what is said when it fails.

mod attacks;
mod authorization;
mod between;
mod cancel;
mod double;
mod elsewhere;
mod failures;
mod faults;
mod golden;
mod insecure;
mod never;
mod pull;
mod referrers;

use std::cell::Cell;
use std::rc::Rc;

use super::{Image, Places, Policy, Pushed, Target, Uploads, push};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Fault, Result};
use crate::media::{Credential, Event, Outcome, Step};
use crate::media_type;
use double::{Answer, Asked, Double, File, run};

const CONFIG: &[u8] = b"{\"rootfs\":{}}";
const MANIFEST: &[u8] = b"{\"schemaVersion\":2}";
const REGISTRY: &str = "r.example:5000";
const PASSWORD: &str = "hunter2-the-password";

fn target(registry: &str, tag: Option<&str>) -> Target {
    Target { registry: registry.into(), repository: "team/site".into(), tag: tag.map(Into::into), insecure: false }
}

fn layer(bytes: &[u8]) -> (Descriptor, Bytes<'static, Double>) {
    (Descriptor::of(media_type::LAYER, bytes), Bytes::file(File::from(bytes.to_vec())))
}

/// Pushes an image as the program does when nobody says how.
fn push_image(media: &Double, image: &Image<'_, Double>, target: &Target) -> Result<Pushed> {
    run(push(media, image, target, &Policy::default(), &Uploads::default()))
}

/// Pushes layers with a config and one manifest.
fn push_layers<'a>(media: &'a Double, layers: &[(Descriptor, Bytes<'a, Double>)], target: &Target) -> Result<Pushed> {
    let config = (Descriptor::of(media_type::CONFIG, CONFIG), Bytes::Memory(CONFIG.into()));
    let blobs = layers.iter().cloned().chain([config]).collect();
    let manifests = vec![(Descriptor::of(media_type::MANIFEST, MANIFEST), MANIFEST.to_vec())];
    push_image(media, &Image { blobs, manifests, places: Places::new() }, target)
}

fn push_one(media: &Double) -> Result<Pushed> {
    push_layers(media, &[layer(b"layer")], &target(REGISTRY, Some("v1")))
}

/// The error of a push, after a look at every form that people may see of it.
fn fails(media: &Double) -> Error {
    let error = push_one(media).expect_err("this push fails");
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(PASSWORD) && !shown.contains("c2VjcmV0") && !shown.contains("TOKEN"), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control()), "{shown}");
    }
    assert!(error.to_string().contains("r.example:5000"), "{error}");
    error
}

fn user() -> Credential {
    Credential::Basic("me".into(), PASSWORD.into())
}

fn origin_of(asked: &Asked) -> String {
    super::url::origin(&asked.request.url).expect("a URL").to_string()
}

fn steps(media: &Double) -> Vec<Step> {
    let events = media.events.borrow();
    events.iter().filter_map(|event| if let Event::Step(step) = event { Some(step.clone()) } else { None }).collect()
}

/// A registry that wants a bearer token: the `valid`th one that its token server gave.
fn bearer(valid: Rc<Cell<u32>>, given: Rc<Cell<u32>>) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| {
        if asked.request.url.starts_with("https://auth.example/token") {
            given.set(given.get() + 1);
            return Some(Answer::new(200).saying(format!(r#"{{"token":"TOKEN{}"}}"#, given.get())));
        }
        let wanted = format!("Bearer TOKEN{}", valid.get());
        let challenge = r#"Bearer realm="https://auth.example/token",service="s",scope="repository:team/site:pull""#;
        (asked.header("authorization") != Some(&wanted)).then(|| Answer::new(401).with("www-authenticate", challenge))
    }
}

#[test]
fn blobs_then_manifest() {
    let media = Double::new(|_| None);
    let image = Image {
        blobs: vec![(Descriptor::of(media_type::CONFIG, CONFIG), Bytes::Memory(CONFIG.into()))],
        manifests: vec![(Descriptor::of(media_type::MANIFEST, MANIFEST), MANIFEST.to_vec())],
        places: Places::new(),
    };
    push_image(&media, &image, &target(REGISTRY, Some("v1"))).expect("pushed");
    let config = Digest::of(CONFIG);
    assert_eq!(
        media.lines(),
        [
            format!("HEAD /v2/team/site/blobs/{config}"),
            "POST /v2/team/site/blobs/uploads/".into(),
            "PUT /v2/team/site/blobs/uploads/1".into(),
            "HEAD /v2/team/site/manifests/v1".into(),
            "PUT /v2/team/site/manifests/v1".into(),
        ]
    );
    let asked = media.asked();
    assert!(asked.iter().all(|asked| asked.request.url.starts_with("https://r.example:5000/v2/")));
    assert_eq!(asked[2].header("content-type"), Some("application/octet-stream"));
    assert_eq!(asked[3].header("accept"), Some(media_type::MANIFEST));
    assert_eq!(asked[4].header("content-type"), Some(media_type::MANIFEST));
    assert_eq!(media.manifests()["/v2/team/site/manifests/v1"], MANIFEST);
}

#[test]
fn children_by_digest_root_by_tag() {
    let children = [&b"{\"a\":1}"[..], b"{\"b\":2}"];
    for tag in [Some("v1"), None] {
        let media = Double::new(|_| None);
        let mut manifests: Vec<_> =
            children.iter().map(|bytes| (Descriptor::of(media_type::MANIFEST, bytes), bytes.to_vec())).collect();
        manifests.push((Descriptor::of(media_type::INDEX, MANIFEST), MANIFEST.to_vec()));
        let digests: Vec<String> = manifests.iter().map(|(manifest, _)| manifest.digest.to_string()).collect();
        let image = Image { blobs: Vec::new(), manifests, places: Places::new() };
        push_image(&media, &image, &target(REGISTRY, tag)).expect("pushed");
        let puts: Vec<String> = media.lines().into_iter().filter(|line| line.starts_with("PUT")).collect();
        let root = tag.unwrap_or(&digests[2]);
        let expected = [&digests[0], &digests[1], root].map(|name| format!("PUT /v2/team/site/manifests/{name}"));
        assert_eq!(puts, expected);
    }
}

#[test]
fn what_is_there_is_not_sent() {
    let media = Double::new(|_| None);
    push_one(&media).expect("pushed");
    let first = media.asked().len();
    media.events.borrow_mut().clear();
    push_one(&media).expect("pushed again");
    assert!(media.asked().iter().skip(first).all(|asked| asked.request.method == "HEAD"));
    assert!(steps(&media).iter().all(|step| step.outcome == Some(Outcome::AlreadyThere)));
    assert_eq!(steps(&media).len(), 3);
    // Another image under the tag is replaced.
    push_layers(&media, &[], &target(REGISTRY, Some("v1"))).expect("pushed");
    let other = b"{\"schemaVersion\":2,\"other\":true}";
    let manifests = vec![(Descriptor::of(media_type::MANIFEST, other), other.to_vec())];
    let image = Image { blobs: Vec::new(), manifests, places: Places::new() };
    push_image(&media, &image, &target(REGISTRY, Some("v1"))).expect("pushed");
    assert_eq!(media.manifests()["/v2/team/site/manifests/v1"], other);
}

/// A tag may stand on anything; a digest can only be of one manifest.
#[test]
fn a_manifest_without_a_digest_header() {
    for (tag, puts) in [(Some("v1"), 1), (None, 0)] {
        let media = Double::new(|asked| asked.is("HEAD", "/manifests/").then(|| Answer::new(200)));
        push_layers(&media, &[], &target(REGISTRY, tag)).expect("pushed");
        assert_eq!(media.asked().iter().filter(|asked| asked.is("PUT", "/manifests/")).count(), puts);
    }
}

#[test]
fn each_digest_once_and_four_at_a_time() {
    let media = Double::new(|_| None);
    let layers: Vec<_> = (0..24_u8).map(|number| layer(&[number % 12; 9])).collect();
    push_layers(&media, &layers, &target(REGISTRY, Some("v1"))).expect("pushed");
    let count = |method: &str, part: &str| media.asked().iter().filter(|asked| asked.is(method, part)).count();
    assert_eq!((count("HEAD", "/blobs/"), count("POST", "/uploads/"), count("PUT", "/uploads/")), (13, 13, 13));
    assert_eq!(media.most_open(), 4);
    assert_eq!(media.blobs().len(), 13);
    // No manifest before every blob is confirmed.
    let lines = media.lines();
    assert!(
        lines.iter().position(|line| line.contains("/manifests/"))
            > lines.iter().rposition(|line| line.contains("/blobs/"))
    );
}

/// At the start, after each MiB, however small the pieces are that files are read in, and at the end.
#[test]
fn progress_is_told_in_bytes() {
    const KIB: u64 = 1024;
    for (size, told) in [
        (0, vec![0, 0]),
        (7, vec![0, 7]),
        (1200 * KIB, vec![0, 1200 * KIB]),
        (2560 * KIB, vec![0, 1200 * KIB, 2400 * KIB, 2560 * KIB]),
    ] {
        let media = Double::new(|_| None);
        let bytes = vec![7; size as usize];
        push_layers(&media, &[layer(&bytes)], &target("docker.io", Some("v1"))).expect("pushed");
        let digest = Digest::of(&bytes);
        let id = format!("docker.io/team/site:v1@{digest}");
        let steps: Vec<Step> = steps(&media).into_iter().filter(|step| step.id == id).collect();
        let done: Vec<u64> = steps.iter().map(|step| step.done).collect();
        assert_eq!(done, told);
        let sound = |step: &Step| step.subject == digest.as_str() && step.total == Some(size);
        assert!(steps.iter().all(sound), "{steps:?}");
        let ends: Vec<&Outcome> = steps.iter().filter_map(|step| step.outcome.as_ref()).collect();
        assert_eq!(
            (ends, steps.last().and_then(|step| step.outcome.as_ref())),
            (vec![&Outcome::Uploaded], Some(&Outcome::Uploaded))
        );
        assert!(media.asked().iter().all(|asked| asked.request.url.starts_with("https://registry-1.docker.io/v2/")));
    }
}

#[test]
fn plain_http_for_this_machine_only() {
    for (registry, base) in [
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("localhost", "http://localhost"),
        ("[::1]:80", "http://[::1]:80"),
        ("localhost.evil.com", "https://localhost.evil.com"),
        ("10.0.0.1:80", "https://10.0.0.1:80"),
    ] {
        let media = Double::new(|_| None);
        push_layers(&media, &[], &target(registry, Some("v1"))).expect("pushed");
        assert!(media.asked().iter().all(|asked| asked.request.url.starts_with(&format!("{base}/v2/"))), "{registry}");
    }
}

#[test]
fn names_that_are_none_go_nowhere() {
    let media = Double::new(|_| None);
    for (registry, repository, tag) in [
        ("user@r.example", "a", "v1"),
        ("r.example/x", "a", "v1"),
        ("", "a", "v1"),
        ("r.example", "../a", "v1"),
        ("r.example", "a//b", "v1"),
        ("r.example", "", "v1"),
        ("r.example", "a", "v1?x"),
        ("r.example", "a", ".."),
        ("r.example", "a", "\u{1b}[2J"),
    ] {
        let target =
            Target { registry: registry.into(), repository: repository.into(), tag: Some(tag.into()), insecure: false };
        let error = push_layers(&media, &[], &target).expect_err("not a name");
        assert_eq!(error.fault, Fault::Request, "{error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    assert!(media.asked().is_empty());
}
