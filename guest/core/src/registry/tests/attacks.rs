//! Registries that mean ill: what they name is not trusted, what they send does not end, and nothing that they say reaches a terminal as it is.

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Does, Rules};
use super::faults::{Tokens, Trial, fails_cleanly, trial};
use super::{fails, origin_of};
use crate::media::Event;

const HOME: &str = "https://r.example:5000";

/// Pushes to a registry that does as `script` says; others ask for user and password, and take whatever comes.
fn pushed(rules: Rules, script: impl Fn(&Asked) -> Option<Answer> + 'static) -> Trial {
    let tokens = Tokens::new();
    let elsewhere = |asked: &Asked| {
        let origin = origin_of(asked);
        let known = origin == HOME || origin == "https://auth.example";
        let challenge = "Bearer realm=\"https://evil.example/token\", Basic realm=\"x\"";
        (!known).then(|| Answer::new(401).with("www-authenticate", challenge))
    };
    trial(rules, &tokens, move |asked| script(asked).or_else(|| elsewhere(asked)))
}

/// What holds of every push: nothing secret goes elsewhere, nothing goes without TLS, it ends, and what is told is fit for a terminal.
fn sound(name: &str, trial: &Trial) {
    let asked = trial.media.asked();
    for asked in &asked {
        let authorization = asked.header("authorization");
        match origin_of(asked).as_str() {
            HOME => assert!(authorization.is_none_or(|value| value.starts_with("Bearer ")), "{name}"),
            "https://auth.example" => {}
            origin => assert!(origin.starts_with("https://") && authorization.is_none(), "{name}: {asked:?}"),
        }
    }
    assert!(asked.len() <= 300 && trial.took <= 900_000, "{name}: {} requests, {} ms", asked.len(), trial.took);
    if let Err(error) = &trial.result {
        fails_cleanly(error, &|| format!("{name}: {error:?}"));
    }
    for event in trial.media.events.borrow().iter() {
        let told = match event {
            Event::Retry(retry) => format!("{}{}{}", retry.target, retry.tried, retry.why),
            Event::Step(step) => format!("{}{}", step.id, step.subject),
            Event::Warning(warning) => warning.clone(),
        };
        assert!(!told.chars().any(|c| c.is_control() || c == '\u{202e}') && told.len() < 2_000, "{name}: {told:?}");
        assert!(!told.contains("TOKEN"), "{name}: {told}");
    }
}

/// The registry's own answer with another header; only for the first `times` such requests.
fn with(
    times: u32,
    method: &'static str,
    header: &'static str,
    value: &'static str,
) -> impl Fn(&Asked) -> Option<Answer> {
    let seen = Cell::new(0);
    move |asked| {
        if origin_of(asked) != HOME || !asked.is(method, "/blobs/uploads/") || seen.get() >= times {
            return None;
        }
        seen.set(seen.get() + 1);
        Some(Answer { does: Does::Answers, ..Answer::new(200) }.with(header, value))
    }
}

/// The same, and the first PATCH breaks off, so that the upload is asked where it is.
fn broken_with(
    times: u32,
    method: &'static str,
    header: &'static str,
    value: &'static str,
) -> impl Fn(&Asked) -> Option<Answer> {
    let (script, broken) = (with(times, method, header, value), Cell::new(false));
    move |asked| {
        if asked.is("PATCH", "") && !broken.replace(true) {
            return Some(Answer { does: Does::Keeps, takes: 500, ..Answer::new(0) });
        }
        script(asked)
    }
}

const ELSEWHERE: [&str; 16] = [
    "https://evil.example/u",
    "//evil.example/u?x=https://r.example:5000",
    "https://r.example:5001/v2/team/site/blobs/uploads/1?_state=a%2Bb",
    "https://r.example/v2/team/site/blobs/uploads/1?_state=a%2Bb",
    "https://r.example:5000.evil.example/u",
    "https://r.example:5000@evil.example/u",
    "https://evil.example\\@r.example:5000/u",
    "https://169.254.169.254/latest/meta-data",
    "http://r.example:5000/v2/team/site/blobs/uploads/1?_state=a%2Bb",
    "http://127.0.0.1/u",
    "http://[::1]/u",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://evil.example/\u{1b}[2J",
    "\u{1b}]8;;https://evil.example\u{7}",
    "",
];

#[test]
fn locations_to_elsewhere() {
    for location in ELSEWHERE {
        for (method, times) in [("POST", 1), ("POST", 99), ("PATCH", 1), ("PATCH", 99), ("GET", 1), ("GET", 99)] {
            let name = format!("{method} {location:?} {times}");
            let trial = pushed(Rules::default(), broken_with(times, method, "location", location));
            sound(&name, &trial);
            let fine = trial.media.asked().iter().all(|asked| !asked.request.url.contains(['\u{1b}', '\\', ' ']));
            assert!(fine, "{name}");
        }
    }
}

#[test]
fn redirects_to_elsewhere() {
    for (status, location) in
        [301, 302, 303, 307, 308].into_iter().flat_map(|status| ELSEWHERE.map(|location| (status, location)))
    {
        for method in ["HEAD", "POST", "PATCH", "PUT", "GET"] {
            let broken = broken_with(0, "", "", "");
            let trial = pushed(Rules::default(), move |asked| {
                let struck = origin_of(asked) == HOME && asked.is(method, "");
                struck.then(|| Answer::new(status).with("location", location)).or_else(|| broken(asked))
            });
            let name = format!("{method} {status} {location:?}");
            // An upload that cannot be found is begun anew.
            assert!(trial.result.is_err() || method == "GET", "{name}");
            sound(&name, &trial);
            let elsewhere = trial.media.asked().into_iter().filter(|asked| origin_of(asked) != HOME);
            let others = elsewhere.filter(|asked| origin_of(asked) != "https://auth.example");
            assert!(others.into_iter().all(|asked| asked.body.is_empty()), "{name}");
        }
    }
    let circle = pushed(Rules::default(), |asked| {
        asked.is("HEAD", "").then(|| Answer::new(307).with("location", &asked.request.url))
    });
    assert!(circle.result.is_err());
    sound("circle", &circle);
}

/// No list of a push has pages.
#[test]
fn links_are_not_followed() {
    let trial = pushed(Rules::default(), |asked| {
        let answer = Answer { does: Does::Answers, ..Answer::new(200) };
        (origin_of(asked) == HOME).then(|| answer.with("link", "<https://evil.example/next>; rel=\"next\""))
    });
    assert!(trial.result.is_ok());
    sound("link", &trial);
    assert!(trial.media.asked().iter().all(|asked| !asked.request.url.contains("evil")));
}

#[test]
fn bodies_without_an_end() {
    for slow in [false, true] {
        for (method, part, status) in [
            ("HEAD", "/blobs/", 403),
            ("POST", "/uploads/", 403),
            ("POST", "/uploads/", 503),
            ("PATCH", "/uploads/", 500),
            ("PUT", "/uploads/", 413),
            ("PUT", "/manifests/", 400),
            ("GET", "auth.example", 200),
            ("GET", "auth.example", 403),
        ] {
            let trial = pushed(Rules::default(), move |asked| {
                let takes = if slow { 0 } else { usize::MAX };
                let answer = Answer { endless: true, slow, takes, ..Answer::new(status).saying(" [{\u{1b}") };
                asked.is(method, part).then_some(answer)
            });
            assert!(trial.result.is_err());
            sound(&format!("{method} {part} {status} {slow}"), &trial);
        }
    }
}

/// Each time other rights are wanted, and each token is another one.
#[test]
fn rights_without_an_end() {
    for method in ["HEAD", "POST", "PATCH", "PUT"] {
        let number = Rc::new(Cell::new(0));
        let trial = pushed(Rules::default(), move |asked| {
            (origin_of(asked) == HOME && asked.is(method, "")).then(|| {
                number.set(number.get() + 1);
                let challenge =
                    format!("Bearer realm=\"https://auth.example/token\",scope=\"repository:more/{}:*\"", number.get());
                Answer::new(401).with("www-authenticate", &challenge)
            })
        });
        assert!(trial.result.is_err(), "{method}");
        sound(method, &trial);
        assert!(trial.media.asked().len() <= 120, "{method}: {:?}", trial.media.lines());
    }
}

#[test]
fn ranges_that_are_lies() {
    for range in [
        "0-0",
        "0-499",
        "0-5499",
        "0-5500",
        "0-99999",
        "0-18446744073709551614",
        "0-18446744073709551615",
        "0-18446744073709551616",
        "0--1",
        "-1-5",
        "5-2",
        "999-1999",
        "bytes=0-999",
        "0-999, 0-1999",
        "0x10",
        "\u{1b}[2J",
        "",
    ] {
        for (method, times) in [("POST", 99), ("PATCH", 1), ("PATCH", 99), ("GET", 1), ("GET", 99)] {
            for rules in [Rules::default(), Rules { strict: true, ..Rules::default() }] {
                let name = format!("{method} {range:?} {times} {}", rules.strict);
                let trial = pushed(rules, broken_with(times, method, "range", range));
                sound(&name, &trial);
                let sent: u64 = trial.media.asked().iter().map(|asked| asked.offered).sum();
                assert!(sent <= 40_000, "{name}: {sent} bytes");
            }
        }
    }
}

#[test]
fn numbers_that_are_none() {
    for value in ["18446744073709551615", "18446744073709551616", "-1", "1e9", "0", " 7", "\u{1b}[2J", ""] {
        let trial = pushed(Rules::default(), broken_with(99, "POST", "oci-chunk-min-length", value));
        assert!(trial.result.is_ok(), "{value:?}: {:?}", trial.result);
        sound(value, &trial);
        let seen = Cell::new(0);
        let trial = pushed(Rules::default(), move |asked| {
            seen.set(seen.get() + u32::from(asked.is("PATCH", "")));
            (asked.is("PATCH", "") && seen.get() == 2).then(|| Answer::new(429).with("retry-after", value))
        });
        assert!(trial.result.is_ok() && trial.took <= 75_000, "{value:?}: {:?}", trial.result);
        sound(value, &trial);
    }
}

/// Whatever is said in an error, in a header or a body, is fit for a terminal; [`fails`] looks.
#[test]
fn words_that_steer_terminals() {
    let words = "\u{1b}]52;c;x\u{7}\u{1b}[2J\u{9b}2J\r\n::error::\u{202e}";
    let json = serde_json::json!({ "errors": [{ "code": words, "message": words }] }).to_string();
    for (method, part) in [("HEAD", "/blobs/"), ("POST", ""), ("PUT", "/uploads/"), ("PUT", "/manifests/")] {
        for (status, body) in
            [403, 429, 500].into_iter().flat_map(|status| [words, json.as_str()].map(|body| (status, body.to_owned())))
        {
            let media = super::double::Double::new(move |asked| {
                let answer = Answer::new(status).with("retry-after", words).with("range", words);
                let answer = answer.with("location", words).with("docker-content-digest", words);
                asked.is(method, part).then(|| answer.saying(&body))
            });
            assert!(!fails(&media).to_string().contains('\u{202e}'));
        }
    }
}
