//! A registry that the user called insecure: TLS first, then without it, and never for anybody else.

use std::cell::Cell;

use super::double::{Answer, Asked, Double};
use super::{REGISTRY, origin_of, push_layers, target, user};
use crate::error::Result;
use crate::registry::{Pushed, Target};

const SECURE: &str = "https://r.example:5000";
const PLAIN: &str = "http://r.example:5000";

fn push(media: &Double) -> Result<Pushed> {
    push_layers(media, &[super::layer(b"layer")], &Target { insecure: true, ..target(REGISTRY, Some("v1")) })
}

fn broken(origin: &'static str) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| (origin_of(asked) == origin).then(|| Answer::new(0))
}

#[test]
fn without_tls_when_there_is_none() {
    let base = broken(SECURE);
    let media = Double::new(move |asked| {
        let answer = || Answer::new(401).with("www-authenticate", "Basic");
        base(asked).or_else(|| asked.header("authorization").is_none().then(answer))
    })
    .knowing(REGISTRY, user());
    push(&media).expect("pushed");
    let asked = media.asked();
    assert!(asked.iter().all(|asked| asked.request.insecure));
    // Only the two blobs that were asked for at once, before it was known.
    let secure: Vec<&Asked> = asked.iter().filter(|asked| origin_of(asked) == SECURE).collect();
    assert!(secure.len() == 2 && secure.iter().all(|asked| asked.request.method == "HEAD"));
    assert!(asked.iter().all(|asked| [SECURE, PLAIN].contains(&origin_of(asked).as_str())));
    assert_eq!(media.manifests().len(), 1);
}

#[test]
fn with_tls_when_it_answers() {
    let media = Double::new(|_| None);
    push(&media).expect("pushed");
    assert!(media.asked().iter().all(|asked| asked.request.insecure && origin_of(asked) == SECURE));
    // A connection that breaks later is no reason to give it up.
    let media = Double::new(|asked| asked.is("HEAD", "/manifests/").then(|| Answer::new(0)));
    push(&media).expect_err("broken");
    assert!(media.asked().iter().all(|asked| origin_of(asked) == SECURE));
}

#[test]
fn both_failures_are_told() {
    let media = Double::new(|_| Some(Answer::new(0)));
    let error = push(&media).expect_err("nobody there").to_string();
    assert!(error.contains("asking for the blob") && error.contains("and without TLS:"), "{error}");
}

#[test]
fn nobody_is_insecure_unasked() {
    let media = Double::new(broken(SECURE));
    push_layers(&media, &[], &target(REGISTRY, Some("v1"))).expect_err("nobody there");
    assert!(media.asked().iter().all(|asked| !asked.request.insecure && origin_of(asked) == SECURE));
}

/// Uploads go without TLS to the registry itself only; token servers and others are as they always are.
#[test]
fn others_are_not_insecure() {
    for (location, works) in [
        ("http://r.example:5000/v2/team/site/blobs/uploads/N?_state=a%2Bb", true),
        ("https://other.example/v2/team/site/blobs/uploads/N?_state=a%2Bb", true),
        ("http://other.example/u", false),
        ("http://r.example/u", false),
    ] {
        let number = Cell::new(0);
        let media = Double::new(move |asked| match () {
            () if asked.is("GET", "https://auth.example/") => Some(Answer::new(200).saying(r#"{"token":"T"}"#)),
            () if asked.is("POST", "") && asked.header("authorization").is_none() => {
                Some(Answer::new(401).with("www-authenticate", "Bearer realm=\"https://auth.example/\""))
            }
            () => asked.is("POST", "").then(|| {
                number.set(number.get() + 1);
                Answer::new(202).with("location", &location.replace('N', &number.get().to_string()))
            }),
        });
        let pushed = push(&media);
        assert_eq!(pushed.is_ok(), works, "{location}: {pushed:?}");
        for asked in media.asked() {
            let own = [SECURE, PLAIN].contains(&origin_of(&asked).as_str());
            assert_eq!(asked.request.insecure, own, "{}", asked.request.url);
            assert!(own || asked.header("authorization").is_none());
        }
    }
}

/// This machine is asked without TLS, unless the user says that it may be insecure: then it is tried first, as BuildKit does.
#[test]
fn this_machine() {
    for (insecure, first) in [(false, "http://localhost:5000"), (true, "https://localhost:5000")] {
        let media = Double::new(|_| None);
        let target = Target { insecure, ..target("localhost:5000", Some("v1")) };
        push_layers(&media, &[], &target).expect("pushed");
        assert!(media.asked().iter().all(|asked| origin_of(asked) == first));
    }
}
