//! What says something about an image is found by the image's digest: in the registry's own list, or in an index under a tag.

use std::cell::Cell;

use super::double::{Answer, Double, run};
use super::{Image, Places, REGISTRY, push_image, target};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Error, Fault, Result};
use crate::media_type::{EMPTY, INDEX, MANIFEST};
use crate::registry::{Policy, Uploads, push};

const PATH: &str = "/v2/team/site/manifests/";

/// Pushes a manifest about an image that the registry is thought to have, and the index of both.
fn push_about(media: &Double, word: &str) -> Result<()> {
    push_image(media, &image(word), &target(REGISTRY, Some("v1"))).map(drop)
}

fn image(word: &str) -> Image<'static, Double> {
    let about = manifest(word);
    let index = format!(r#"{{"schemaVersion":2,"word":"{word}"}}"#).into_bytes();
    let manifests = vec![(Descriptor::of(MANIFEST, &about), about), (Descriptor::of(INDEX, &index), index)];
    Image { blobs: Vec::new(), manifests, places: Places::new() }
}

fn manifest(word: &str) -> Vec<u8> {
    let subject = subject();
    format!(
        r#"{{"schemaVersion":2,"artifactType":"a/b","subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":7}},"annotations":{{"k":"{word}"}}}}"#
    )
    .into_bytes()
}

fn subject() -> Digest {
    Digest::of(b"subject")
}

fn tag() -> String {
    subject().as_str().replace(':', "-")
}

/// The index that has these entries.
fn index(entries: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, entries.join(","))
}

fn entry(word: &str) -> String {
    let of = Descriptor::of(MANIFEST, &manifest(word));
    format!(
        r#"{{"mediaType":"{MANIFEST}","digest":"{}","size":{},"annotations":{{"k":"{word}"}},"artifactType":"a/b"}}"#,
        of.digest, of.size
    )
}

/// What stands under the tag.
fn listed(media: &Double) -> Option<String> {
    media.manifests().get(&format!("{PATH}{}", tag())).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn puts(media: &Double) -> usize {
    media.lines().into_iter().filter(|line| *line == format!("PUT {PATH}{}", tag())).count()
}

/// Without the API, in the order in which they came and each once. Nothing is sent that is there.
#[test]
fn an_index_under_a_tag_has_all() {
    let media = Double::new(|_| None);
    for (word, entries, sent) in [("a", &["a"][..], 1), ("b", &["a", "b"], 2), ("a", &["a", "b"], 2)] {
        push_about(&media, word).expect("pushed");
        let entries: Vec<String> = entries.iter().map(|word| entry(word)).collect();
        assert_eq!(listed(&media), Some(index(&entries)));
        assert_eq!(puts(&media), sent);
    }
    let put = media.asked().into_iter().find(|asked| asked.is("PUT", &tag())).expect("put");
    assert_eq!(put.header("content-type"), Some(INDEX));
    // It is listed before the root has its tag.
    let lines = media.lines();
    let at = |line: &str| lines.iter().position(|known| known == line);
    assert!(at(&format!("PUT {PATH}{}", tag())) < at(&format!("PUT {PATH}v1")));
}

#[test]
fn what_others_wrote_stays() {
    let digest = Digest::of(b"theirs");
    let theirs = format!(r#"{{"digest":"{digest}","mediaType":"{EMPTY}","size":1,"x":[1e2,"\u0041"]}}"#);
    for with in ["", ",\"artifactType\":\"\",\"annotations\":{\"a\":\"b\"},\"unknown\":[1.0]"] {
        let before = index(std::slice::from_ref(&theirs));
        let before = format!("{}{with}}}", &before[..before.len() - 1]);
        let (gives, path) = (before.clone(), format!("{PATH}{}", tag()));
        let first = Cell::new(true);
        let media = Double::new(move |asked| {
            let theirs = asked.is("GET", &path) && first.replace(false);
            theirs.then(|| Answer::new(200).saying(&gives)).or_else(|| {
                // The registry has their manifest.
                asked.is("PUT", &path).then(|| Answer { does: super::double::Does::Nothing, ..Answer::new(201) })
            })
        });
        let error = push_about(&media, "a").err();
        assert!(error.is_some_and(|error| error.code == Code::Other("referrers".into())));
        let put = media.asked().into_iter().find(|asked| asked.is("PUT", &tag())).expect("put");
        let after = index(&[theirs.clone(), entry("a")]);
        assert_eq!(String::from_utf8_lossy(&put.body), format!("{}{with}}}", &after[..after.len() - 1]));
    }
}

/// Somebody else puts an index without ours: as often as that may happen by accident.
#[test]
fn lost_updates_are_made_again() {
    for (lost, sent, fine) in [(1, 2, true), (5, 6, true), (u32::MAX, 7, false)] {
        let (left, path) = (Cell::new(lost), tag());
        let media = Double::new(move |asked| {
            let lost = asked.is("PUT", &path) && left.get() > 0;
            lost.then(|| {
                left.set(left.get() - 1);
                Answer::new(201)
            })
        });
        let pushed = push_about(&media, "a");
        assert_eq!((pushed.is_ok(), puts(&media)), (fine, sent), "{lost}");
        match pushed {
            Ok(()) => assert_eq!(listed(&media), Some(index(&[entry("a")]))),
            Err(error) => {
                assert_eq!((error.fault, &error.code), (Fault::Registry, &Code::Other("referrers".into())), "{error}")
            }
        }
    }
}

/// It says so when it takes the manifest, or when it is asked.
#[test]
fn registries_that_keep_the_list_are_left_alone() {
    let subject = subject();
    let media = Double::new(move |asked| {
        let put = asked.is("PUT", "/manifests/sha256:").then(|| {
            let answer = Answer::new(201).with("oci-subject", subject.as_str());
            Answer { does: super::double::Does::Answers, ..answer }
        });
        let list = Answer::new(200).with("content-type", &format!("{INDEX}; charset=utf-8"));
        put.or_else(|| asked.is("GET", &format!("/referrers/{subject}")).then(|| list.saying(index(&[]))))
    });
    push_about(&media, "a").expect("pushed");
    let asked = media.asked().len();
    assert!(media.lines().iter().all(|line| !line.contains("/referrers/")));
    push_about(&media, "a").expect("pushed again");
    let again: Vec<String> = media.lines().split_off(asked);
    let (manifest, subject) = (Digest::of(&manifest("a")), Digest::of(b"subject"));
    let get = format!("GET /v2/team/site/referrers/{subject}");
    assert_eq!(again, [format!("HEAD {PATH}{manifest}"), get, format!("HEAD {PATH}v1")]);
    assert_eq!(listed(&media), None);
}

/// A push that was stopped between both requests is made good by the next one.
#[test]
fn what_is_there_and_not_listed_is_listed() {
    let stopped = Cell::new(true);
    let media = Double::new(move |asked| (asked.is("GET", &tag()) && stopped.replace(false)).then(|| Answer::new(403)));
    let error = push_about(&media, "a").expect_err("may not");
    assert!(error.message.contains("asking for the index sha256-"), "{error}");
    assert!(!media.manifests().contains_key(&format!("{PATH}v1")));
    push_about(&media, "a").expect("pushed");
    assert_eq!(listed(&media), Some(index(&[entry("a")])));
}

#[test]
fn what_is_no_list_is_told() {
    let large = format!("{}{}", index(&[]), " ".repeat(9 << 20));
    for body in ["{\"schemaVersion\":2}", "<html>", large.as_str()] {
        let (body, path) = (body.to_owned(), tag());
        let media = Double::new(move |asked| asked.is("GET", &path).then(|| Answer::new(200).saying(&body)));
        let Err(Error { fault, message, .. }) = push_about(&media, "a") else { panic!("no list") };
        assert_eq!(fault, Fault::Registry);
        assert!(message.contains(&tag()) && message.contains("delete that tag"), "{message}");
        assert_eq!(puts(&media), 0);
    }
}

#[test]
fn a_dry_run_does_not_guess() {
    let media = Double::new(|_| None);
    let policy = Policy { dry_run: true, ..Policy::default() };
    let pushed = run(push(&media, &image("a"), &target(REGISTRY, Some("v1")), &policy, &Uploads::default()));
    assert!(pushed.is_ok_and(|pushed| pushed.requests.iter().all(|request| !request.url.contains(&tag()))));
    assert!(media.asked().is_empty());
}
