//! What can go wrong with one request.

use jiff::Timestamp;

use super::super::double::{Answer, Asked, Does, START, now};
use super::unauthorized;

/// Something that goes wrong.
pub struct Strike {
    /// For messages.
    pub name: &'static str,
    /// What the peer answers.
    pub answer: fn(&Asked) -> Answer,
    /// What it is, for what may come of it.
    pub kind: Kind,
    /// Seconds that the answer asks to wait.
    pub wait: Option<u64>,
}

/// What may come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It passes, and nothing is lost but the request.
    Passing,
    /// The same; the registry knows more than it has told.
    Unsaid,
    /// It passes with a new token.
    Expired,
    /// The upload is no more.
    Lost,
    /// The upload is not where the request thinks.
    Misplaced,
    /// Nobody said what that means here.
    Absurd,
}

const fn strike(name: &'static str, kind: Kind, answer: fn(&Asked) -> Answer) -> Strike {
    Strike { name, answer, kind, wait: None }
}

const fn asking(seconds: u64, name: &'static str, answer: fn(&Asked) -> Answer) -> Strike {
    Strike { name, answer, kind: Kind::Passing, wait: Some(seconds) }
}

/// All of them.
pub const STRIKES: &[Strike] = &[
    strike("500", Kind::Passing, |_| Answer::new(500)),
    strike("502", Kind::Passing, |_| Answer::new(502).saying("<html>bad gateway</html>")),
    strike("503", Kind::Passing, |_| Answer::new(503)),
    strike("504", Kind::Passing, |_| Answer::new(504)),
    strike("408", Kind::Passing, |_| Answer::new(408)),
    strike("500 before the body", Kind::Passing, |_| taking(0, 500)),
    strike("503 in the body, which is kept", Kind::Unsaid, |asked| keeping(asked, 503)),
    strike("504 in the body, which is lost", Kind::Passing, |asked| taking(half(asked), 504)),
    strike("502 after all was done", Kind::Unsaid, |_| acting(502)),
    strike("429", Kind::Passing, |_| Answer::new(429)),
    asking(7, "429 for 7 seconds", |_| Answer::new(429).with("retry-after", "7")),
    asking(7, "429 until a date", |_| Answer::new(429).with("retry-after", &date(7))),
    asking(60, "429 for an hour", |_| Answer::new(429).with("retry-after", "3600")),
    asking(60, "429 until next year", |_| Answer::new(429).with("retry-after", &date(40_000_000))),
    asking(3, "503 for 3 seconds before the body", |_| taking(0, 503).with("retry-after", "3")),
    strike("429 for no time", Kind::Passing, |_| Answer::new(429).with("retry-after", "0")),
    strike("429 until last year", Kind::Passing, |_| {
        Answer::new(429).with("retry-after", "Sat, 06 Nov 1993 08:49:37 GMT")
    }),
    strike("expired token", Kind::Expired, |_| unauthorized()),
    strike("expired token before the body", Kind::Expired, |_| Answer { takes: 0, ..unauthorized() }),
    strike("expired token in the body, which is kept", Kind::Expired, |asked| Answer {
        does: Does::Keeps,
        takes: half(asked),
        ..unauthorized()
    }),
    strike("lost session", Kind::Lost, |_| {
        Answer::new(404).saying(r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"who?"}]}"#)
    }),
    strike("lost session before the body", Kind::Lost, |_| taking(0, 404)),
    strike("416", Kind::Misplaced, |_| Answer::new(416)),
    strike("reset before the body", Kind::Passing, |_| taking(0, 0)),
    strike("reset in the body, which is kept", Kind::Unsaid, |asked| keeping(asked, 0)),
    strike("reset in the body, which is lost", Kind::Passing, |asked| taking(half(asked), 0)),
    strike("reset after one byte, which is kept", Kind::Unsaid, |_| Answer { does: Does::Keeps, ..taking(1, 0) }),
    strike("reset after the body", Kind::Passing, |_| Answer::new(0)),
    strike("reset after all was done", Kind::Unsaid, |_| acting(0)),
    strike("stall before the body", Kind::Passing, |_| Answer { stalls: true, ..taking(0, 0) }),
    strike("stall in the body", Kind::Unsaid, |asked| Answer { stalls: true, ..keeping(asked, 0) }),
    strike("stall after all was done", Kind::Unsaid, |_| Answer { stalls: true, ..acting(0) }),
    strike("a byte a second", Kind::Passing, |_| Answer { slow: true, ..own() }),
    strike("a byte a second, then 503", Kind::Passing, |_| Answer { slow: true, ..Answer::new(503).saying("slow") }),
    strike("cut response", Kind::Passing, |_| Answer { breaks: true, ..own() }),
    strike("cut error", Kind::Passing, |_| Answer { breaks: true, ..Answer::new(503).saying("{\"err") }),
    strike("wrong location", Kind::Lost, |_| {
        own().with("location", "/v2/team/site/blobs/uploads/nowhere?_state=a%2Bb")
    }),
    strike("201 for all that was done", Kind::Absurd, |_| acting(201)),
    // Who says so of a manifest is believed.
    strike("202 for nothing", Kind::Absurd, |asked| {
        if asked.is("PUT", "/manifests/") { acting(202) } else { Answer::new(202) }
    }),
];

/// The registry's own answer.
pub fn own() -> Answer {
    Answer { does: Does::Answers, ..Answer::new(200) }
}

fn acting(status: u16) -> Answer {
    Answer { does: Does::Acts, ..Answer::new(status) }
}

fn taking(takes: usize, status: u16) -> Answer {
    Answer { takes, ..Answer::new(status) }
}

fn keeping(asked: &Asked, status: u16) -> Answer {
    Answer { does: Does::Keeps, ..taking(half(asked), status) }
}

fn half(asked: &Asked) -> usize {
    asked.request.content_length as usize / 2
}

/// As RFC 9110, 5.6.7 writes it.
fn date(seconds: i64) -> String {
    let at = Timestamp::from_second(START + (now() / 1000) as i64 + seconds).expect("a time");
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
