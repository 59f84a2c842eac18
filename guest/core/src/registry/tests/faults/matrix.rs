//! One thing goes wrong with one kind of request: the first one, the second one, or every one.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::rc::Rc;

use super::super::double::{Answer, Asked, Does, Rules};
use super::strikes::Kind;
use super::{Bar, STRIKES, Strike, Tokens, judge, trial};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Token,
    AskBlob,
    Post,
    Patch,
    /// Of an upload whose first PATCH broke off.
    Locate,
    /// With the bytes of a blob.
    Put,
    /// Behind the last PATCH.
    End,
    AskManifest,
    PutManifest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    First,
    Second,
    Always,
}

const ROWS: [Row; 9] = [
    Row::Token,
    Row::AskBlob,
    Row::Post,
    Row::Patch,
    Row::Locate,
    Row::Put,
    Row::End,
    Row::AskManifest,
    Row::PutManifest,
];

impl Row {
    fn is(self, asked: &Asked) -> bool {
        let empty = asked.request.content_length == 0;
        match self {
            Self::Token => asked.request.url.starts_with("https://auth.example/token"),
            Self::AskBlob => asked.is("HEAD", "/blobs/"),
            Self::Post => asked.is("POST", "/blobs/uploads/"),
            Self::Patch => asked.is("PATCH", "/blobs/uploads/"),
            Self::Locate => asked.is("GET", "/blobs/uploads/"),
            Self::Put => asked.is("PUT", "/blobs/uploads/") && !empty,
            Self::End => asked.is("PUT", "/blobs/uploads/") && empty,
            Self::AskManifest => asked.is("HEAD", "/manifests/"),
            Self::PutManifest => asked.is("PUT", "/manifests/"),
        }
    }

    fn is_upload(self) -> bool {
        matches!(self, Self::Patch | Self::Locate | Self::Put | Self::End)
    }
}

/// What is expected of a cell.
fn bar(row: Row, strike: &Strike, when: When, strict: bool, struck: u64) -> Bar {
    let passes = match strike.kind {
        Kind::Passing | Kind::Unsaid => true,
        // A token server that refuses the user means it.
        Kind::Expired => row != Row::Token,
        Kind::Lost if strike.name == "wrong location" => true,
        // What is not there is sent.
        Kind::Lost => row.is_upload() || matches!(row, Row::AskBlob | Row::AskManifest),
        Kind::Misplaced => row.is_upload(),
        Kind::Absurd => false,
    };
    // Of some registries an upload that broke off is gone, and one that was said to be gone is sent again. `0-0` is one byte or none.
    let told_wrong = matches!(strike.kind, Kind::Lost | Kind::Absurd | Kind::Misplaced);
    let loses = told_wrong || strike.name.contains("one byte") || (strict && row.is_upload());
    let sent = match when {
        When::Always => 6_000,
        _ if loses => 300,
        _ => 130,
    };
    let quiet = matches!(strike.kind, Kind::Passing | Kind::Expired) && !strict;
    let held_up = struck * if strike.name.contains("stall") { 60 } else { 1000 };
    Bar {
        right: passes && when != When::Always,
        sent,
        closes: quiet && when != When::Always,
        held_up: if strike.name.contains("stall") || strike.name.contains("a byte a second") { held_up } else { 0 },
        asked_to_wait: strike.wait,
        own_waits: if row == Row::Locate { 700 } else { 0 },
    }
}

fn cell(row: Row, strike: &'static Strike, when: When, strict: bool) {
    let (tokens, seen, patched, struck) = (Tokens::new(), Cell::new(0), Cell::new(false), Rc::new(Cell::new(0)));
    let (expires, count) = (Rc::clone(&tokens), Rc::clone(&struck));
    let rules = Rules { strict, repeats: !strict, ..Rules::default() };
    let trial = trial(rules, &tokens, move |asked| {
        if row == Row::Locate && Row::Patch.is(asked) && !patched.replace(true) {
            return Some(Answer { does: Does::Keeps, takes: 500, ..Answer::new(0) });
        }
        if !row.is(asked) {
            return None;
        }
        seen.set(seen.get() + 1);
        let strikes = match when {
            When::First => seen.get() == 1,
            When::Second => seen.get() == 2,
            When::Always => true,
        };
        strikes.then(|| {
            count.set(count.get() + 1);
            if strike.kind == Kind::Expired {
                expires.expire();
            }
            (strike.answer)(asked)
        })
    });
    let name = format!("{row:?}, {}, {when:?}{}", strike.name, if strict { ", strict" } else { "" });
    judge(&name, &trial, &bar(row, strike, when, strict, struck.get()));
}

/// Every strike against every row.
fn all(when: When) {
    let mut failed = Vec::new();
    for (row, strike) in ROWS.iter().flat_map(|&row| STRIKES.iter().map(move |strike| (row, strike))) {
        for strict in [false, true] {
            if catch_unwind(|| cell(row, strike, when, strict)).is_err() {
                failed.push(format!("{row:?}, {}, {when:?}, strict {strict}", strike.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} cells failed: {failed:#?}", failed.len());
}

#[test]
fn the_first_one() {
    all(When::First);
}

#[test]
fn the_second_one() {
    all(When::Second);
}

#[test]
fn every_one() {
    all(When::Always);
}
