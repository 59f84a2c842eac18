//! The table of codes: complete, in order, and none in it that nothing finds.

use std::collections::BTreeSet;

use super::documents::FAULTS;
use super::layers::entries;
use crate::inspect::verify::codes;

#[test]
fn codes_are_proper() {
    let mut names = BTreeSet::new();
    for code in codes() {
        let kebab = code
            .name
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(kebab && names.insert(code.name), "{code:?}");
        assert!(code.explanation.ends_with('.') && !code.explanation.contains("  "), "{code:?}");
    }
}

/// Each is planted somewhere in these tests.
#[test]
fn every_code_is_found_in_a_test() {
    let planted = [
        include_str!("layers.rs"),
        include_str!("archives.rs"),
        include_str!("lone.rs"),
        include_str!("hostile.rs"),
        include_str!("estargz.rs"),
        include_str!("reproducible.rs"),
    ]
    .concat();
    let tables: BTreeSet<&str> =
        FAULTS.iter().map(|(code, ..)| *code).chain(entries().iter().map(|(code, _)| *code)).collect();
    for code in codes() {
        let found = tables.contains(code.name) || planted.contains(&format!("\"{}\"", code.name));
        assert!(found, "nothing finds {}", code.name);
    }
}
