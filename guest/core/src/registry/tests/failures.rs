//! Pushes that fail: what is sent no more, and what is said.

use std::cell::Cell;

use super::double::{Answer, Double, File};
use super::{REGISTRY, fails, push_layers, push_one, target};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Code, Fault};
use crate::media_type;

#[test]
fn digests_that_differ_are_failures() {
    let other = Digest::of(b"other");
    for (part, status) in [("/manifests/", 201), ("/uploads/", 201), ("/manifests/", 202)] {
        let digest = other.to_string();
        let media = Double::new(move |asked| {
            asked.is("PUT", part).then(|| Answer::new(status).with("docker-content-digest", &digest))
        });
        assert_eq!(fails(&media).code, Code::DigestMismatch(other.clone()));
    }
    let media = Double::new(|asked| {
        asked.is("PUT", "/manifests/").then(|| Answer::new(201).with("docker-content-digest", "sha256:\u{1b}"))
    });
    assert_eq!(fails(&media).code, Code::Malformed("registry protocol".into()));
    // One that says nothing, or speaks of another algorithm, is believed.
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for answer in [Answer::new(200), Answer::new(201).with("docker-content-digest", &sha512)] {
        let media = Double::new(move |asked| asked.is("PUT", "/manifests/").then(|| answer.clone()));
        push_one(&media).expect("pushed");
    }
}

/// A registry on files may read a link that another push is just writing, and then finds no digest in it.
#[test]
fn manifests_that_arrive_as_others_are_sent_again() {
    let invalid = || Answer::new(400).saying(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
    for (bad, fine) in [(1, true), (5, true), (6, false)] {
        let left = Cell::new(bad);
        let media = Double::new(move |asked| {
            let refuses = asked.is("PUT", "/manifests/") && left.get() > 0;
            refuses.then(|| left.set(left.get() - 1)).map(|()| invalid())
        });
        match fine {
            true => push_one(&media).map(drop).expect("pushed"),
            false => assert!(fails(&media).to_string().contains("status 400, 6 times: it got other bytes")),
        }
        assert_eq!(media.asked().iter().filter(|asked| asked.is("PUT", "/manifests/")).count(), (bad + 1).min(6));
    }
}

/// 202 is a promise, which is checked.
#[test]
fn what_is_promised_is_asked_for() {
    let media = Double::new(|asked| asked.is("PUT", "/manifests/").then(|| Answer::new(202)));
    assert!(fails(&media).message.contains("does not have it"));
    let media = Double::new(|asked| asked.is("PUT", "/uploads/").then(|| Answer::new(202)));
    assert!(fails(&media).message.contains("does not have it"));
    assert!(!media.lines().iter().any(|line| line.contains("/manifests/")));
}

#[test]
fn what_the_registry_says_is_told() {
    let denied = r#"{"errors":[{"code":"DENIED","message":"no room for\u001b[2J you\n\u202e"}]}"#;
    for (method, part, status, body, code, words) in [
        ("POST", "/uploads/", 403, denied, "DENIED", "no room for\\u{1b}[2J you"),
        ("PUT", "/uploads/", 413, "<html>too large</html>", "", "this size"),
        ("PUT", "/manifests/", 429, r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#, "TOOMANYREQUESTS", "wait"),
        ("HEAD", "/blobs/", 500, "", "", "push again later"),
        ("HEAD", "/manifests/", 502, "", "", "asking for the manifest v1"),
        ("POST", "/uploads/", 404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#, "NAME_UNKNOWN", "starting an upload"),
        (
            "PUT",
            "/manifests/",
            400,
            r#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#,
            "MANIFEST_INVALID",
            "putting the manifest v1",
        ),
    ] {
        let media = Double::new(move |asked| asked.is(method, part).then(|| Answer::new(status).saying(body)));
        let error = fails(&media);
        assert_eq!((error.fault, &error.code), (Fault::Registry, &Code::Registry(status, code.into())));
        let line = error.to_string();
        assert!(
            line.contains(words) && line.contains("r.example:5000/team/site:v1") && line.contains(&status.to_string()),
            "{line}"
        );
    }
}

#[test]
fn an_endless_error_is_cut() {
    let endless = Answer { endless: true, ..Answer::new(500).saying("no\u{7}") };
    let media = Double::new(move |asked| asked.is("POST", "").then(|| endless.clone()));
    let error = fails(&media);
    assert!(error.to_string().contains("no\\u{7}") && error.to_string().len() < 2000);
}

/// A registry that answers while the body is still on its way: its answer counts, but not a yes.
#[test]
fn early_answers() {
    let early = |status: u16| {
        let answer = Answer { takes: 1, ..Answer::new(status).saying("told early") };
        Double::new(move |asked| asked.is("PUT", "/uploads/").then(|| answer.clone()))
    };
    let error = fails(&early(413));
    assert_eq!(error.code, Code::Registry(413, String::new()));
    assert!(error.to_string().contains("told early"));
    assert!(fails(&early(201)).message.contains("before it had everything"));
    let error = fails(&early(0));
    assert!(
        error.message.contains("uploading the blob") && error.causes == ["the connection was closed: push again"],
        "{error:?}"
    );
}

#[test]
fn files_of_another_size_are_not_sent() {
    let descriptor = Descriptor::of(media_type::LAYER, b"layer");
    for file in [File { bytes: b"lay".to_vec(), size: 3 }, File { bytes: b"layer!".to_vec(), size: 6 }] {
        let media = Double::new(|_| None);
        let error = push_layers(&media, &[(descriptor.clone(), Bytes::file(file))], &target(REGISTRY, None))
            .expect_err("another size");
        assert!(matches!((error.fault, error.code), (Fault::Store, Code::SizeMismatch(3 | 6))));
        assert!(!media.lines().iter().any(|line| line.contains("/manifests/")));
    }
    // One that has become shorter since it was opened.
    let media = Double::new(|_| None);
    let file = File { bytes: b"lay".to_vec(), size: 5 };
    let error = push_layers(&media, &[(descriptor, Bytes::file(file))], &target(REGISTRY, None)).expect_err("shorter");
    assert_eq!((error.fault, error.code), (Fault::Store, Code::SizeMismatch(3)));
}
