//! In-toto statements: about other subjects they are statements still, and passed on to the same image they keep every byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::digest::Digest;
use ocix_core::documents::statement::{Statement, Subject};

fuzz_target!(|data: &[u8]| {
    let (old, new) = (Digest::of(b""), Digest::of(b"new"));
    let subject = Subject { name: "pkg:docker/site@v1?platform=linux%2Famd64".into(), digest: old.clone() };
    if let Ok(statement) = Statement::passed_on(data, &old, &old) {
        assert_eq!(statement.bytes, data);
        let there = Statement::passed_on(data, &old, &new).expect("it was one before");
        assert_eq!(there.bytes.len(), data.len());
        let again = Statement::passed_on(&there.bytes, &old, &new).expect("it was one before");
        assert_eq!(again, there, "an old digest was left");
    }
    let Ok(about) = Statement::about(data, std::slice::from_ref(&subject)) else {
        // Any object is a predicate.
        if let Ok(statement) = Statement::new("https://example.com/predicate", data, &[subject]) {
            assert_eq!(Statement::passed_on(&statement.bytes, &new, &new), Ok(statement));
        }
        return;
    };
    assert_eq!(Statement::about(&about.bytes, &[subject]), Ok(about.clone()));
    assert_eq!(Statement::passed_on(&about.bytes, &new, &new), Ok(about));
});
