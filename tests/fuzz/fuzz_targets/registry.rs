//! What registries send: challenges, places, tokens. Nothing that they say leads to another origin than it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::registry::fuzzing::{Token, challenges, escaped, origin, resolve, with};

fuzz_target!(|data: &[u8]| {
    Token::read(data, 0, None);
    let Ok(text) = std::str::from_utf8(data) else { return };
    challenges(text);
    // A date of a token server; a place, or a place and what it is relative to.
    let (base, location) = text.split_once('\n').unwrap_or(("https://example.com/v2/a/blobs/uploads/1?x=y", text));
    Token::read(br#"{"token":"t","expires_in":60}"#, 0, Some(base));
    if let Some(own) = origin(text) {
        assert_eq!(origin(&own.to_string()), Some(own.clone()));
        assert_eq!(origin(&with(text, "digest", text)), Some(own.clone()), "a parameter changes the origin");
    }
    if let (Some(own), Some(resolved)) = (origin(base), resolve(base, location)) {
        let to = origin(&resolved).expect("what is resolved is a URL");
        assert!(to == own || location.contains("//"), "{location} leads from {own} to {to}");
        assert_eq!(resolve(&resolved, &resolved).as_ref(), Some(&resolved));
    }
    assert!(escaped(text).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
});
