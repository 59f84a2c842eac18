//! What is read has a limit.

use super::*;
use crate::error::Code;

#[test]
fn names_and_hashes_have_a_limit() {
    let tar = |text: &str| {
        let names: Vec<String> = (0..1000).map(|number| format!("{number:0>90}")).collect();
        files(&names.iter().map(|name| (name.as_str(), text)).collect::<Vec<_>>())
    };
    let (one, other) = (Made::of(&[tar("a")]).layout(), Made::of(&[tar("b")]).layout());
    let run = |index| {
        let limits = Limits { index, ..Limits::default() };
        both(&|| Source::Layout(one.clone()), &|| Source::Layout(other.clone()), limits)
    };
    assert!(run(1 << 20).is_ok());
    let error = run(100_000).unwrap_err();
    assert_eq!(error.code, Code::LimitExceeded("index".into()));
}
