//! Locations and redirects: where a registry may send us, and what goes along.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::double::{Answer, Asked, Double};
use super::{CONFIG, REGISTRY, bearer, fails, origin_of, push_one, user};
use crate::digest::Digest;
use crate::error::{Code, Fault};

#[test]
fn uploads_elsewhere_get_no_authorization() {
    for location in ["https://other.example/u?sig=c2VjcmV0", "//other.example/u?x=http://y", "https://r.example:5001/u"]
    {
        let base = bearer(Rc::new(Cell::new(1)), Rc::default());
        let media = Double::new(move |asked| match origin_of(asked).as_str() {
            "https://auth.example" | "https://r.example:5000" if asked.request.method != "POST" => base(asked),
            "https://r.example:5000" => {
                Some(base(asked).unwrap_or_else(|| Answer::new(202).with("location", location)))
            }
            _ => Some(Answer::new(201)),
        })
        .knowing(REGISTRY, user());
        push_one(&media).expect("pushed");
        let asked = media.asked();
        let elsewhere: Vec<&Asked> = asked
            .iter()
            .filter(|asked| !["https://auth.example", "https://r.example:5000"].contains(&origin_of(asked).as_str()))
            .collect();
        assert_eq!(elsewhere.len(), 2);
        assert!(
            elsewhere
                .iter()
                .all(|asked| asked.header("authorization").is_none() && asked.is("PUT", "digest=sha256%3A"))
        );
    }
}

/// What asks for authorization elsewhere is not answered, and its location, which may be signed, is not told.
#[test]
fn challenges_from_elsewhere_are_not_answered() {
    let media = Double::new(|asked| match origin_of(asked).as_str() {
        "https://r.example:5000" if asked.request.method == "POST" => {
            Some(Answer::new(202).with("location", "https://other.example/u?sig=c2VjcmV0"))
        }
        "https://r.example:5000" => None,
        _ => Some(Answer::new(401).with("www-authenticate", "Basic realm=\"x\"")),
    })
    .knowing(REGISTRY, user())
    .knowing("other.example", user());
    assert_eq!(fails(&media).code, Code::Registry(401, String::new()));
    assert!(media.asked().iter().all(|asked| asked.header("authorization").is_none()));
}

#[test]
fn locations_that_are_refused() {
    for location in [
        "http://r.example:5000/u",
        "http://127.0.0.1/u",
        "file:///etc/passwd",
        "https://a:c2VjcmV0@other.example/u",
        "",
        "/a b",
    ] {
        let media = Double::new(move |asked| asked.is("POST", "").then(|| Answer::new(202).with("location", location)));
        let error = fails(&media);
        assert_eq!(
            (error.fault, &error.code),
            (Fault::Registry, &Code::Malformed("registry protocol".into())),
            "{error}"
        );
        assert!(media.asked().iter().all(|asked| asked.request.method != "PUT"), "{location}");
    }
    let media = Double::new(move |asked| asked.is("POST", "").then(|| Answer::new(202)));
    fails(&media);
}

#[test]
fn relative_locations_and_locations_with_a_query() {
    for (location, url) in [
        ("/v2/x/u", "https://r.example:5000/v2/x/u?digest="),
        ("u?_state=a%2Bb", "https://r.example:5000/v2/team/site/blobs/uploads/u?_state=a%2Bb&digest="),
        ("https://r.example:5000/v2/x/u?", "https://r.example:5000/v2/x/u?digest="),
    ] {
        let media = Double::new(move |asked| match asked.request.method.as_str() {
            "POST" => Some(Answer::new(202).with("location", location)),
            "PUT" if asked.request.url.contains("/manifests/") => None,
            "PUT" => Some(Answer::new(201)),
            _ => None,
        });
        push_one(&media).expect("pushed");
        let uploads: BTreeSet<String> = media
            .asked()
            .into_iter()
            .filter(|asked| asked.is("PUT", "digest="))
            .map(|asked| asked.request.url)
            .collect();
        let config = Digest::of(CONFIG).to_string().replace(':', "%3A");
        assert!(uploads.len() == 2 && uploads.contains(&format!("{url}{config}")), "{uploads:?}");
    }
}

#[test]
fn only_questions_are_redirected() {
    let elsewhere = |asked: &Asked| origin_of(asked) != "https://r.example:5000";
    let media = Double::new(move |asked| match asked.request.method.as_str() {
        _ if elsewhere(asked) => Some(Answer::new(200)),
        "HEAD" if asked.header("authorization").is_none() => Some(Answer::new(401).with("www-authenticate", "Basic")),
        "HEAD" if asked.request.url.contains("/blobs/") => {
            Some(Answer::new(307).with("location", "https://cdn.example/b?sig=1"))
        }
        _ => None,
    })
    .knowing(REGISTRY, user());
    push_one(&media).expect("the blobs are there, elsewhere");
    let cdn: Vec<Asked> = media.asked().into_iter().filter(|asked| elsewhere(asked)).collect();
    assert!(cdn.len() == 2 && cdn.iter().all(|asked| asked.header("authorization").is_none()));
    assert!(!media.lines().iter().any(|line| line.starts_with("POST")));

    for method in ["POST", "PUT"] {
        let media = Double::new(move |asked| {
            asked.is(method, "").then(|| Answer::new(307).with("location", "https://cdn.example/u"))
        });
        assert_eq!(fails(&media).code, Code::Registry(307, String::new()));
        assert!(!media.asked().iter().any(elsewhere));
    }
    let circle = Double::new(|_| Some(Answer::new(307).with("location", "/again")));
    assert!(fails(&circle).message.contains("without an end"));
    assert!(circle.asked().len() <= 2 * 11);
    let down = Double::new(|_| Some(Answer::new(307).with("location", "http://r.example:5000/x")));
    assert!(fails(&down).message.contains("plain http is refused"));
}
