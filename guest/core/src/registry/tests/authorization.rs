//! Challenges: who gets which credential or token, how often, and what is said when it does not help.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Double, now};
use super::{PASSWORD, REGISTRY, bearer, fails, layer, origin_of, push_layers, push_one, target, user};
use crate::error::{Code, Fault};
use crate::media::Credential;

#[test]
fn basic_authorization() {
    let expected = "Basic bWU6aHVudGVyMi10aGUtcGFzc3dvcmQ=";
    let script = move |asked: &Asked| {
        let welcome = asked.header("authorization") == Some(expected);
        (!welcome).then(|| Answer::new(401).with("www-authenticate", "Basic realm=\"r\""))
    };
    let media = Double::new(script).knowing(REGISTRY, user());
    push_one(&media).expect("pushed");
    // The first blobs are asked for without it; no body ever is sent without.
    let asked = media.asked();
    assert!(
        asked
            .iter()
            .filter(|asked| asked.header("authorization").is_none())
            .all(|asked| asked.request.method == "HEAD")
    );
    assert!(asked.iter().filter(|asked| asked.header("authorization").is_none()).count() <= 2);

    let wrong = Double::new(script).knowing(REGISTRY, Credential::Basic("me".into(), format!("{PASSWORD}!")));
    let error = fails(&wrong);
    assert_eq!((error.fault, &error.code), (Fault::Registry, &Code::Registry(401, String::new())));
    assert!(error.message.contains("docker login r.example:5000"), "{error}");
    assert!(wrong.asked().iter().all(|asked| asked.request.method == "HEAD"));
    // At most the two blobs that are asked for at once, each without and with authorization.
    assert!(wrong.asked().len() <= 4);

    let anonymous = Double::new(script);
    assert!(fails(&anonymous).message.contains("denied"));
    assert!(anonymous.asked().len() <= 2);
}

/// User and password that were refused are not sent again, least of all with a body.
#[test]
fn refused_credentials_are_not_repeated() {
    let media = Double::new(|asked| {
        let fine = asked.header("authorization").is_some() && asked.request.method != "PUT";
        (!fine).then(|| Answer::new(401).with("www-authenticate", "Basic"))
    })
    .knowing(REGISTRY, user());
    let image = [layer(b"layer")];
    let error = push_layers(&media, &image, &target(REGISTRY, Some("v1"))).expect_err("may not write");
    assert_eq!(error.code, Code::Registry(401, String::new()));
    let puts: Vec<String> = media.lines().into_iter().filter(|line| line.starts_with("PUT")).collect();
    let once: std::collections::BTreeSet<&String> = puts.iter().collect();
    assert!(!puts.is_empty() && once.len() == puts.len(), "{puts:?}");
}

#[test]
fn credentials_are_looked_up_for_the_repository() {
    for (registry, name) in [
        ("docker.io", "docker.io/team/site"),
        ("r.example", "r.example/team/site"),
        ("r.example", "r.example/team"),
        ("r.example", "r.example"),
        ("r.example:443", "r.example/team/site"),
        ("r.example:5000", "r.example:5000/team/site"),
        ("localhost:80", "localhost/team/site"),
    ] {
        let script = |asked: &Asked| {
            let answer = || Answer::new(401).with("www-authenticate", "Basic");
            asked.header("authorization").is_none().then(answer)
        };
        let media = Double::new(script).knowing(name, user());
        push_layers(&media, &[], &target(registry, Some("v1"))).expect(registry);
    }
}

#[test]
fn bearer_authorization() {
    let given = Rc::new(Cell::new(0));
    let script = bearer(Rc::new(Cell::new(1)), Rc::clone(&given));
    let media = Double::new(script).knowing(REGISTRY, user());
    let layers: Vec<_> = (0..8_u8).map(|number| layer(&[number])).collect();
    push_layers(&media, &layers, &target(REGISTRY, Some("v1"))).expect("pushed");
    // Four blobs are refused at once, and one token is got for all.
    assert_eq!(given.get(), 1);
    let asked = media.asked();
    let token = asked.iter().find(|asked| origin_of(asked) == "https://auth.example").expect("a token was asked for");
    assert_eq!(token.request.url, "https://auth.example/token?service=s&scope=repository%3Ateam%2Fsite%3Apull%2Cpush");
    assert_eq!(token.header("authorization"), Some("Basic bWU6aHVudGVyMi10aGUtcGFzc3dvcmQ="));
    // User and password went to the token server only.
    let basic = |asked: &&Asked| asked.header("authorization").is_some_and(|value| value.starts_with("Basic"));
    assert_eq!(asked.iter().filter(basic).count(), 1);
}

#[test]
fn anonymous_identity_and_registry_tokens() {
    for (credential, method, asked_for) in [
        (None, Some("GET"), ""),
        (
            Some(Credential::IdentityToken("c2VjcmV0+".into())),
            Some("POST"),
            "grant_type=refresh_token&refresh_token=c2VjcmV0%2B&client_id=ocix&service=s&scope=repository%3Ateam%2Fsite%3Apull%2Cpush",
        ),
        (Some(Credential::RegistryToken("TOKEN1".into())), None, ""),
    ] {
        let mut media = Double::new(bearer(Rc::new(Cell::new(1)), Rc::default()));
        media.credentials.extend(credential.map(|credential| (REGISTRY.to_owned(), credential)));
        push_one(&media).expect("pushed");
        let tokens: Vec<Asked> =
            media.asked().into_iter().filter(|asked| origin_of(asked) == "https://auth.example").collect();
        assert_eq!(tokens.first().map(|asked| asked.request.method.as_str()), method);
        assert!(
            tokens.iter().all(|asked| asked.header("authorization").is_none() && asked.body == asked_for.as_bytes())
        );
    }
}

/// The token expires between POST and PUT: the body is sent again from its start.
#[test]
fn an_expired_token_is_renewed_once() {
    let (valid, given) = (Rc::new(Cell::new(1)), Rc::new(Cell::new(0)));
    let script = bearer(Rc::clone(&valid), Rc::clone(&given));
    let media = Double::new(move |asked| {
        if asked.is("PUT", "/uploads/1") && valid.get() == 1 {
            valid.set(2);
            return script(asked).map(|answer| Answer { takes: 1 << 20, ..answer });
        }
        script(asked)
    });
    push_layers(&media, &[layer(&vec![1; 3 << 20])], &target(REGISTRY, Some("v1"))).expect("pushed");
    assert_eq!(given.get(), 2);
    let puts: Vec<usize> =
        media.asked().iter().filter(|asked| asked.is("PUT", "/uploads/1")).map(|asked| asked.body.len()).collect();
    assert!(matches!(puts.as_slice(), [first, second] if first < second), "{puts:?}");
    assert_eq!(media.blobs().len(), 2);
}

/// Some token servers know one way to ask only; the likelier one is tried first.
#[test]
fn either_way_to_ask_for_a_token_will_do() {
    let identity = || Some(Credential::IdentityToken("c2VjcmV0+".into()));
    for (credential, only, refusal, methods) in [
        (Some(user()), "GET", 405, &["GET"][..]),
        (Some(user()), "POST", 404, &["GET", "POST"]),
        (Some(user()), "none", 404, &["GET", "POST"]),
        // A wrong password is not tried twice.
        (Some(user()), "none", 401, &["GET"]),
        (identity(), "POST", 405, &["POST"]),
        (identity(), "GET", 405, &["POST", "GET"]),
        (identity(), "GET", 401, &["POST", "GET"]),
        (identity(), "none", 400, &["POST"]),
        (None, "POST", 404, &["GET"]),
    ] {
        let script = bearer(Rc::new(Cell::new(1)), Rc::default());
        let mut media = Double::new(move |asked| {
            let refused = origin_of(asked) == "https://auth.example" && asked.request.method != only;
            if refused { Some(Answer::new(refusal)) } else { script(asked) }
        });
        media.credentials.extend(credential.map(|credential| (REGISTRY.to_owned(), credential)));
        let pushed = push_layers(&media, &[], &target(REGISTRY, Some("v1")));
        let asked = media.asked().into_iter().filter(|asked| origin_of(asked) == "https://auth.example");
        let asked: Vec<String> = asked.map(|asked| asked.request.method).collect();
        assert_eq!(asked, methods, "{only}");
        assert_eq!(pushed.is_ok(), methods.last() == Some(&only), "{only}");
    }
}

/// Time goes by because the registry is busy. A token of a minute is renewed when there are 6 seconds left; when it cannot be, it is used up.
#[test]
fn tokens_that_are_about_to_end_are_renewed() {
    for (wait, renews, given, refused) in [(40, true, 1, 1), (54, true, 2, 1), (59, true, 2, 1), (54, false, 1, 1)] {
        let tokens = Rc::new(Cell::new(0));
        let (count, busy) = (Rc::clone(&tokens), Cell::new(true));
        let media = Double::new(move |asked| {
            if origin_of(asked) == "https://auth.example" {
                if count.get() > 0 && !renews {
                    return Some(Answer::new(403));
                }
                count.set(count.get() + 1);
                // When it was given is in the token.
                let token = format!(r#"{{"token":"TOKEN{}"}}"#, now());
                return Some(Answer::new(200).saying(token));
            }
            let given =
                asked.header("authorization").and_then(|value| value.strip_prefix("Bearer TOKEN")?.parse().ok());
            let lives = |given: u64| now() < given + if renews { 60_000 } else { 90_000 };
            if !given.is_some_and(lives) {
                let challenge = "Bearer realm=\"https://auth.example/token\",service=\"s\"";
                return Some(Answer::new(401).with("www-authenticate", challenge));
            }
            let later = asked.request.method == "POST" && busy.replace(false);
            later.then(|| Answer::new(429).with("retry-after", &wait.to_string()))
        });
        push_layers(&media, &[], &target(REGISTRY, Some("v1"))).expect("pushed");
        let status = |status| {
            media
                .asked()
                .iter()
                .filter(|asked| asked.heard.as_ref().is_some_and(|heard| heard.status == status))
                .count()
        };
        assert_eq!((tokens.get(), status(401), status(429)), (given, refused, 1), "{wait} {renews}");
        assert_eq!(status(403), usize::from(!renews), "asked once more only");
    }
}

/// A token server may be as busy as a registry.
#[test]
fn token_servers_are_asked_again() {
    for (failures, fine) in [(1, true), (5, true), (6, false)] {
        let left = Cell::new(failures);
        let script = bearer(Rc::new(Cell::new(1)), Rc::default());
        let media = Double::new(move |asked| {
            if origin_of(asked) == "https://auth.example" && left.get() > 0 {
                left.set(left.get() - 1);
                return Some(Answer::new(503));
            }
            script(asked)
        });
        assert_eq!(push_layers(&media, &[], &target(REGISTRY, Some("v1"))).is_ok(), fine, "{failures}");
        let asked = media.asked().iter().filter(|asked| origin_of(asked) == "https://auth.example").count();
        assert_eq!(asked, if fine { failures + 1 } else { failures });
    }
}

/// Whatever a registry asks for, one request is made at most twice.
#[test]
fn challenges_without_an_end_end() {
    let media = Double::new(|asked| {
        if origin_of(asked) == "https://auth.example" {
            return Some(Answer::new(200).saying(r#"{"access_token":"TOKEN"}"#));
        }
        let number = asked.request.headers.len();
        let challenge = format!("Bearer realm=\"https://auth.example/{number}\",scope=\"more:{number}:all\"");
        Some(Answer::new(401).with("www-authenticate", &challenge))
    });
    assert_eq!(fails(&media).code, Code::Registry(401, String::new()));
    assert!(media.asked().len() <= 6, "{:?}", media.lines());
}

#[test]
fn token_servers_that_fail() {
    let padded = format!("{{\"token\":\"TOKEN\"}}{}", " ".repeat(70_000));
    let long = format!("{{\"token\":\"{}\"}}", "x".repeat(70_000));
    for (realm, answer, part) in [
        ("https://auth.example/t", Answer::new(401).saying(format!("{{\"details\":\"{PASSWORD}?\"}}")), "docker login"),
        ("https://auth.example/t", Answer::new(503), "push again later"),
        ("https://auth.example/t", Answer::new(200).saying("{}"), "no token"),
        ("https://auth.example/t", Answer::new(200).saying(&long), "no token"),
        ("https://auth.example/t", Answer::new(200).saying(&padded), "no token"),
        ("https://auth.example/t", Answer { endless: true, ..Answer::new(200).saying(" ") }, "no token"),
        ("https://auth.example/t", Answer::new(302).with("location", "https://evil.example/"), "302"),
        ("http://auth.example/t", Answer::new(200), "plain http is refused"),
        ("http://127.0.0.1/t", Answer::new(200), "plain http is refused"),
        ("https://me@auth.example/t", Answer::new(200), "not one of HTTP"),
        ("file:///etc/passwd", Answer::new(200), "not one of HTTP"),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let media = Double::new(move |asked| {
            Some(match origin_of(asked).as_str() {
                "https://r.example:5000" => Answer::new(401).with("www-authenticate", &challenge),
                _ => answer.clone(),
            })
        })
        .knowing(REGISTRY, user());
        let error = fails(&media);
        assert!(error.to_string().contains(part) && error.fault == Fault::Registry, "{error}");
        assert!(
            media
                .asked()
                .iter()
                .all(|asked| !asked.request.url.contains("evil") && !asked.request.url.starts_with("http:"))
        );
    }
}

/// A registry on this machine may have its token server there too, without TLS; and nowhere else.
#[test]
fn plain_realms_of_plain_registries() {
    for (realm, fine) in
        [("http://localhost:9/t", true), ("https://auth.example/t", true), ("http://auth.example/t", false)]
    {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let media = Double::new(move |asked| match asked.header("authorization") {
            _ if asked.request.url.contains("/t?") => Some(Answer::new(200).saying(r#"{"token":"TOKEN"}"#)),
            None => Some(Answer::new(401).with("www-authenticate", &challenge)),
            Some(_) => None,
        });
        assert_eq!(push_layers(&media, &[], &target("localhost:5000", Some("v1"))).is_ok(), fine, "{realm}");
    }
}
