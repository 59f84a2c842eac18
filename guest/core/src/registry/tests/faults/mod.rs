//! Everything that can go wrong, everywhere, once or always: a push ends right, or fails cleanly, and is judged from the registry's log.

mod judge;
mod matrix;
mod seeded;
mod strikes;

use std::cell::Cell;
use std::rc::Rc;

use super::double::{Answer, Asked, Does, Double, Rules, now, run};
use super::{REGISTRY, target, user};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::Result;
use crate::media_type;
use crate::registry::{Image, Places, Policy, Pushed, Uploads, push};
pub use judge::fails_cleanly;
use judge::judge;
use strikes::{STRIKES, Strike};

/// A push that is over.
pub struct Trial {
    /// The registry.
    pub media: Double,
    /// What the push said.
    pub result: Result<Pushed>,
    /// Milliseconds that it took.
    pub took: u64,
}

/// What a push may do, besides what it always must.
#[derive(Clone, Copy, Debug)]
struct Bar {
    /// Whether it must end right.
    right: bool,
    /// Bytes of blobs that it may send, in percent of those that there are.
    sent: u64,
    /// Whether every upload that it knew of is closed in the end.
    closes: bool,
    /// Seconds that it takes because others stand still or are slow.
    held_up: u64,
    /// Seconds that it is asked to wait.
    asked_to_wait: Option<u64>,
    /// Waits below this many milliseconds are its own choice.
    own_waits: u64,
}

/// The token server, and what the registry takes: tokens that were given since the last one expired.
pub struct Tokens {
    given: Cell<u32>,
    valid: Cell<u32>,
}

impl Tokens {
    /// Before any was given.
    pub fn new() -> Rc<Self> {
        Rc::new(Self { given: Cell::new(0), valid: Cell::new(1) })
    }

    /// Makes every token that was given worthless.
    pub fn expire(&self) {
        self.valid.set(self.given.get() + 1);
    }

    fn answer(&self, asked: &Asked) -> Option<Answer> {
        if asked.request.url.starts_with("https://auth.example/token") {
            self.given.set(self.given.get() + 1);
            return Some(Answer::new(200).saying(format!(r#"{{"token":"TOKEN{}"}}"#, self.given.get())));
        }
        let number = |value: &str| value.strip_prefix("Bearer TOKEN")?.parse::<u32>().ok();
        let fine = asked.header("authorization").and_then(number).is_some_and(|number| number >= self.valid.get());
        (!fine).then(unauthorized)
    }
}

fn unauthorized() -> Answer {
    Answer::new(401).with("www-authenticate", r#"Bearer realm="https://auth.example/token",service="s""#)
}

/// The blobs of the image: small ones, and one of several parts.
fn blobs() -> Vec<Vec<u8>> {
    let bytes = |size: usize, seed: usize| (0..size).map(|at| (at * 7 + at / 256 + seed) as u8).collect();
    vec![bytes(300, 1), bytes(900, 2), bytes(1, 3), bytes(5_500, 4), bytes(14, 5)]
}

fn manifest() -> Vec<u8> {
    let entry = |bytes: &Vec<u8>| {
        let blob = Descriptor::of(media_type::LAYER, bytes);
        serde_json::json!({ "mediaType": blob.media_type, "digest": blob.digest.as_str(), "size": blob.size })
    };
    let mut entries: Vec<_> = blobs().iter().map(entry).collect();
    let config = entries.pop();
    serde_json::json!({ "schemaVersion": 2, "config": config, "layers": entries }).to_string().into_bytes()
}

/// The image, with its manifest.
pub fn image() -> Image<'static, Double> {
    let blob = |bytes: Vec<u8>| (Descriptor::of(media_type::LAYER, &bytes), Bytes::Memory(bytes.into()));
    let manifests = vec![(Descriptor::of(media_type::MANIFEST, &manifest()), manifest())];
    Image { blobs: blobs().into_iter().map(blob).collect(), manifests, places: Places::new() }
}

/// In parts of 1000 bytes.
pub fn policy() -> Policy {
    Policy { chunk: 1000, ..Policy::default() }
}

/// A registry that wants tokens, of a user that it knows.
pub fn double(rules: Rules, tokens: &Rc<Tokens>, script: impl Fn(&Asked) -> Option<Answer> + 'static) -> Double {
    let tokens = Rc::clone(tokens);
    let media = Double::new(move |asked| match (script(asked), tokens.answer(asked)) {
        // Who is not welcome gets no better answer, only a slow or broken one.
        (Some(scripted), Some(answer)) if scripted.does == Does::Answers => {
            let Answer { breaks, slow, .. } = scripted;
            let headers = answer.headers.into_iter().chain(scripted.headers).collect();
            Some(Answer { breaks, slow, headers, ..answer })
        }
        (scripted, answer) => scripted.or(answer),
    });
    media.with(rules).knowing(REGISTRY, user())
}

/// Pushes the image, and closes what is open.
pub fn trial(rules: Rules, tokens: &Rc<Tokens>, script: impl Fn(&Asked) -> Option<Answer> + 'static) -> Trial {
    let media = double(rules, tokens, script);
    let (uploads, began) = (Uploads::default(), now());
    let result = run(push(&media, &image(), &target(REGISTRY, Some("v1")), &policy(), &uploads));
    let took = now() - began;
    run(uploads.close(&media));
    Trial { media, result, took }
}
