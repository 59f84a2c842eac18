//! Challenges: who gets which credential or token, how often, and what is said when it does not help.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Double};
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
fn credentials_are_looked_up_under_the_registrys_name() {
    for (registry, name) in [
        ("docker.io", "https://index.docker.io/v1/"),
        ("r.example", "r.example"),
        ("r.example:443", "r.example"),
        ("r.example:5000", "r.example:5000"),
        ("localhost:80", "localhost"),
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
            "grant_type=refresh_token&client_id=ocix&scope=repository%3Ateam%2Fsite%3Apull%2Cpush&refresh_token=c2VjcmV0%2B&service=s",
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
