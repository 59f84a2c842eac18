//! Pushes that are stopped in the middle: what was begun at the registry is taken back, and nobody waits for long.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Does, Double, Rules, now, run, run_until};
use super::faults::{Tokens, double, image, policy};
use super::{REGISTRY, origin_of, target};
use crate::registry::{Uploads, push};

/// Stops a push when so many requests were made, and takes back what is open. `None` when it was over before.
fn stopped(after: usize, media: &Double) -> Option<()> {
    let uploads = Uploads::default();
    let (image, target, policy) = (image(), target(REGISTRY, Some("v1")), policy());
    let pushing = push(media, &image, &target, &policy, &uploads);
    let stopped = run_until(pushing, || media.asked().len() >= after).is_none();
    assert_eq!(deletes(media).len(), 0);
    let began = now();
    run(uploads.close(media));
    assert!(now() - began <= 1000, "{} milliseconds", now() - began);
    // A second time there is nothing to do.
    let all = media.asked().len();
    run(uploads.close(media));
    assert_eq!(media.asked().len(), all);
    stopped.then_some(())
}

fn deletes(media: &Double) -> Vec<Asked> {
    media.asked().into_iter().filter(|asked| asked.request.method == "DELETE").collect()
}

/// Uploads that the registry has and nobody was told about.
fn unheard(media: &Double) -> usize {
    media.asked().iter().filter(|asked| asked.is("POST", "") && asked.heard.is_none()).count()
}

#[test]
fn uploads_are_taken_back() {
    for strict in [false, true] {
        let rules = Rules { strict, ..Rules::default() };
        let mut taken_back = 0;
        for after in 1.. {
            let media = double(rules, &Tokens::new(), |_| None);
            if stopped(after, &media).is_none() {
                assert!(after > 20 && taken_back > 20, "{after} {taken_back}");
                break;
            }
            // A PATCH that was stopped has moved on an upload whose location names its offset.
            if !strict {
                assert!(media.open_uploads() <= unheard(&media), "{after}: {:?}", media.lines());
            }
            for asked in deletes(&media) {
                assert_eq!(origin_of(&asked), "https://r.example:5000");
                assert!(asked.header("authorization").is_some_and(|value| value.starts_with("Bearer ")));
                taken_back += 1;
            }
            assert!(media.manifests().is_empty() || after > 20);
        }
    }
}

/// With the token that is valid now, not with the one that the upload began with.
#[test]
fn uploads_are_taken_back_with_a_new_token() {
    let tokens = Tokens::new();
    let (expires, seen) = (Rc::clone(&tokens), Cell::new(0));
    let media = double(Rules::default(), &tokens, move |asked| {
        seen.set(seen.get() + u32::from(asked.is("PATCH", "")));
        if asked.is("PATCH", "") && seen.get() == 2 {
            expires.expire();
        }
        None
    });
    let patches = |media: &Double| media.asked().iter().filter(|asked| asked.is("PATCH", "")).count();
    let uploads = Uploads::default();
    let (image, target, policy) = (image(), target(REGISTRY, Some("v1")), policy());
    run_until(push(&media, &image, &target, &policy, &uploads), || patches(&media) == 4);
    run(uploads.close(&media));
    assert!(!deletes(&media).is_empty() && media.open_uploads() == 0, "{:?}", media.lines());
}

/// A location elsewhere is asked to forget the upload too, and gets no authorization for it.
#[test]
fn uploads_elsewhere_are_taken_back_without_authorization() {
    let media = double(Rules::default(), &Tokens::new(), |asked| match origin_of(asked).as_str() {
        "https://cdn.example" => Some(Answer { takes: 0, stalls: true, ..Answer::new(0) }),
        _ if asked.is("POST", "") => {
            let answer = Answer { does: Does::Answers, ..Answer::new(202) };
            Some(answer.with("location", "https://cdn.example/u?sig=1"))
        }
        _ => None,
    });
    stopped(14, &media).expect("stopped");
    let deletes = deletes(&media);
    assert!(!deletes.is_empty(), "{:?}", media.lines());
    for asked in deletes {
        assert_eq!((origin_of(&asked).as_str(), asked.header("authorization")), ("https://cdn.example", None));
    }
}

/// Who does not take an upload back is not asked again, and not waited for.
#[test]
fn registries_that_do_not_take_uploads_back() {
    for answer in [
        Answer { stalls: true, ..Answer::new(0) },
        Answer { endless: true, slow: true, ..Answer::new(503).saying("x") },
        Answer::new(0),
        Answer::new(401).with("www-authenticate", "Basic"),
        Answer::new(404),
        Answer::new(307).with("location", "https://evil.example/u"),
        Answer::new(429).with("retry-after", "60"),
    ] {
        let media =
            double(Rules::default(), &Tokens::new(), move |asked| asked.is("DELETE", "").then(|| answer.clone()));
        stopped(16, &media).expect("stopped");
        let deletes: Vec<String> = deletes(&media).iter().map(Asked::line).collect();
        let once: std::collections::BTreeSet<&String> = deletes.iter().collect();
        assert!(!deletes.is_empty() && once.len() == deletes.len(), "{deletes:?}");
        assert!(media.asked().iter().all(|asked| !asked.request.url.contains("evil")));
    }
}
