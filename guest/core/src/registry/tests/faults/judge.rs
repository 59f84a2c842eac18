//! What holds of every push, whatever goes wrong, as the registry's log has it.

use std::collections::BTreeMap;

use super::super::double::Asked;
use super::super::{PASSWORD, origin_of};
use super::{Bar, Trial, blobs, manifest};
use crate::digest::Digest;
use crate::error::{Code, Error, Fault};
use crate::media::Event;

/// Panics when a push did what it must not; `name` says which one it was.
pub fn judge(name: &str, trial: &Trial, bar: &Bar) {
    let Trial { media, result, took } = trial;
    let asked = media.asked();
    let image = blobs();
    let tag = media.manifests().remove("/v2/team/site/manifests/v1");
    let told = || format!("{name}: {result:?}\n{}", log(&asked));
    match result {
        Ok(pushed) => {
            assert!(image.iter().all(|blob| media.blobs().contains(Digest::of(blob).as_str())), "{}", told());
            assert_eq!(tag, Some(manifest()), "{}", told());
            let ends = pushed.uploaded.count + pushed.mounted.count + pushed.already_there.count;
            assert_eq!(ends as usize, image.len() + 1, "{}", told());
            let events = media.events.borrow();
            let retries = events.iter().filter(|event| matches!(event, Event::Retry(_))).count();
            assert_eq!(pushed.retries as usize, retries, "{}", told());
        }
        Err(error) => {
            assert!(!bar.right, "{}", told());
            fails_cleanly(error, &told);
        }
    }
    assert!(asked.len() <= 60 * image.len(), "{} requests: {}", asked.len(), told());
    for request in &asked {
        let at_home = origin_of(request) == "https://r.example:5000";
        assert!(at_home || origin_of(request) == "https://auth.example", "{}", told());
        let sent = request.header("authorization").unwrap_or(if at_home { "Bearer " } else { "Basic " });
        assert!(sent.starts_with(if at_home { "Bearer " } else { "Basic " }), "{}", told());
    }
    let size: usize = image.iter().map(Vec::len).sum();
    let uploads = asked.iter().filter(|asked| asked.is("", "/blobs/uploads/") || is_upload(asked));
    let sent: u64 = uploads.map(|asked| asked.offered).sum();
    assert!(sent * 100 <= size as u64 * bar.sent, "{sent} bytes of {size} were sent: {}", told());
    ranges_are_contiguous(&asked, &told);
    manifests_come_last(&asked, &told);
    waits_are_bounded(trial, bar, &told);
    retries_say_it_once(&media.events.borrow(), &told);
    assert!(*took <= 1000 * (900 + bar.held_up), "{took} milliseconds: {}", told());
    assert!(!bar.closes || media.open_uploads() == 0, "{} uploads are open: {}", media.open_uploads(), told());
}

/// Says who is at fault and what to do, in one line, without a secret.
pub fn fails_cleanly(error: &Error, told: &dyn Fn() -> String) {
    let line = error.to_string();
    assert!(
        error.fault == Fault::Registry || (error.fault == Fault::Request && error.code == Code::Denied),
        "{}",
        told()
    );
    assert!(line.contains("r.example:5000") || line.contains("auth.example"), "{}", told());
    let advice = ["again", "push to", "log in", "check", "tell those who run it", "raise its limit", "wait"];
    assert!(advice.iter().any(|advice| line.contains(advice)), "it says not what to do: {}", told());
    assert!(!line.contains(PASSWORD) && !line.contains("TOKEN"), "{}", told());
    assert!(!line.chars().any(char::is_control), "{}", told());
}

fn is_upload(asked: &Asked) -> bool {
    asked.request.url.contains("/blobs/uploads/")
}

/// Each PATCH goes on where the registry said last that its upload is.
fn ranges_are_contiguous(asked: &[Asked], told: &dyn Fn() -> String) {
    let mut offsets: BTreeMap<String, u64> = BTreeMap::new();
    for request in asked.iter().filter(|asked| is_upload(asked)) {
        let line = request.line();
        let (method, path) = line.split_once(' ').expect("a line");
        let range = request.header("content-range");
        if let Some((from, to)) = range.map(|range| range.split_once('-').expect("a range")) {
            let (from, to): (u64, u64) = (from.parse().expect("a number"), to.parse().expect("a number"));
            assert_eq!(to + 1 - from, request.request.content_length, "{line}: {}", told());
            assert_eq!(from, offsets.get(path).copied().unwrap_or(0), "{line} {from}-{to}: {}", told());
        }
        assert!(method != "PATCH" || range.is_some(), "{}", told());
        let Some(heard) = &request.heard else { continue };
        let said = |name: &str| {
            let found = heard.headers.iter().find(|(known, _)| known == name);
            found.and_then(|(_, value)| str::from_utf8(value).ok())
        };
        let last = said("range").and_then(|range| range.strip_prefix("0-")?.parse::<u64>().ok());
        let sent = range.and_then(|range| range.split_once('-')?.1.parse::<u64>().ok());
        let offset = match last.or(sent.filter(|_| heard.status == 202)) {
            // Registries say 0-0 of an upload without a byte.
            Some(0) => 0,
            Some(last) => last + 1,
            None => continue,
        };
        let moved = said("location").and_then(|location| location.split('?').next());
        offsets.insert(moved.unwrap_or(path).to_owned(), offset);
    }
}

/// No manifest is put before the registry has said of each blob that it is there.
fn manifests_come_last(asked: &[Asked], told: &dyn Fn() -> String) {
    let Some(first) = asked.iter().position(|asked| asked.is("PUT", "/manifests/")) else { return };
    for blob in blobs() {
        let digest = Digest::of(&blob);
        let confirmed = asked.iter().take(first).any(|asked| {
            let yes = asked.heard.as_ref().is_some_and(|heard| matches!(heard.status, 200..=204));
            yes && matches!(asked.request.method.as_str(), "HEAD" | "PUT" | "POST")
                && asked.request.url.contains(digest.hex())
        });
        assert!(confirmed, "{digest} was not confirmed: {}", told());
    }
}

/// What is asked to wait waits as long, and nobody waits for ever.
fn waits_are_bounded(trial: &Trial, bar: &Bar, told: &dyn Fn() -> String) {
    let events = trial.media.events.borrow();
    let waits: Vec<u64> = events
        .iter()
        .filter_map(|event| if let Event::Retry(retry) = event { Some(retry.wait) } else { None })
        .collect();
    assert!(waits.iter().sum::<u64>() <= 900_000 && waits.iter().all(|&wait| wait <= 75_000), "{waits:?} {}", told());
    let Some(seconds) = bar.asked_to_wait else { return };
    // A date has no parts of a second.
    let (least, most) = (seconds * 1000 - 1000, seconds * 1250);
    assert!(waits.iter().all(|&wait| wait < bar.own_waits || (least..=most).contains(&wait)), "{waits:?} {}", told());
    let asked = trial.media.asked();
    for (number, request) in asked.iter().enumerate().filter(|(_, asked)| asked.request.method != "POST") {
        let Some(heard) = request.heard.as_ref().filter(|heard| matches!(heard.status, 429 | 503)) else { continue };
        let path = |asked: &Asked| asked.line().split_once(' ').map(|(_, path)| path.to_owned());
        let again = |next: &&Asked| next.request.method != "DELETE" && path(next) == path(request);
        let next = asked.iter().skip(number + 1).find(again);
        assert!(next.is_none_or(|next| next.at >= heard.at + least), "{}", told());
    }
}

/// What is tried again is told beside why, not in it too.
fn retries_say_it_once(events: &[Event], told: &dyn Fn() -> String) {
    for event in events {
        let Event::Retry(retry) = event else { continue };
        assert!(!retry.why.contains(&retry.tried), "{}: {}", retry.why, told());
    }
}

/// The requests, for whoever reads why it failed.
fn log(asked: &[Asked]) -> String {
    let line = |asked: &Asked| {
        let status = asked.heard.as_ref().map_or(0, |heard| heard.status);
        let range = asked.header("content-range").unwrap_or_default();
        format!("{:>9} {status:>3} {} {range} +{}\n", asked.at, asked.line(), asked.offered)
    };
    asked.iter().map(line).collect()
}
