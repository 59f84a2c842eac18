//! `--attestation`: an in-toto statement in a file, or a predicate with its type, of every image or of one platform's.

use ocix::{Attestation, Error, ErrorCode, Fault, shown};

/// `FILE`, or `statement=FILE` or `type=TYPE,predicate=FILE`, both with `,platform=P` and `,inline-only=true` when that is meant.
///
/// # Errors
/// When a key is unknown or twice, or the file or its type is missing.
pub fn parse(spec: &str) -> Result<Attestation, Error> {
    if !KEYS.iter().any(|key| spec.strip_prefix(key).is_some_and(|rest| rest.starts_with('='))) {
        return Ok(Attestation { path: spec.into(), predicate_type: None, platform: None, inline_only: false });
    }
    let mut given: [Option<&str>; KEYS.len()] = Default::default();
    for field in spec.split(',') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        let place = KEYS.iter().position(|known| *known == key);
        let slot = place.and_then(|place| given.get_mut(place)).ok_or_else(|| wrong(spec, "has an unknown key"))?;
        if value.is_empty() {
            return Err(wrong(spec, "has a key without a value"));
        }
        if slot.replace(value).is_some() {
            return Err(wrong(spec, "has a key twice"));
        }
    }
    let [predicate, statement, platform, kind, inline_only] = given;
    let (path, predicate_type) = match (predicate, statement, kind) {
        (Some(path), None, Some(kind)) => (path, Some(kind.to_owned())),
        (None, Some(path), None) => (path, None),
        _ => return Err(wrong(spec, "is neither a statement nor a predicate with its type")),
    };
    let inline_only = match inline_only {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong(spec, "has an inline-only that is neither true nor false")),
    };
    Ok(Attestation { path: path.into(), predicate_type, platform: platform.map(str::to_owned), inline_only })
}

fn wrong(spec: &str, what: &str) -> Error {
    let message = format!("the attestation `{}` {what}: write FILE, {FORMS}", shown(spec));
    Error { code: ErrorCode::InvalidOption("attestation".into()), fault: Fault::Request, message, causes: Vec::new() }
}

const KEYS: [&str; 5] = ["predicate", "statement", "platform", "type", "inline-only"];
const FORMS: &str = "statement=FILE[,platform=P] or type=TYPE,predicate=FILE[,platform=P]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_predicates() {
        let table = [
            ("sbom.json", "sbom.json", None, None),
            ("a,b=c", "a,b=c", None, None),
            ("types=x", "types=x", None, None),
            ("statement=s.json", "s.json", None, None),
            ("statement=s=1.json,platform=linux/amd64", "s=1.json", None, Some("linux/amd64")),
            ("type=https://spdx.dev/Document,predicate=p", "p", Some("https://spdx.dev/Document"), None),
            ("platform=linux/arm/v7,predicate=p,type=t", "p", Some("t"), Some("linux/arm/v7")),
        ];
        for (spec, path, predicate_type, platform) in table {
            let [predicate_type, platform] = [predicate_type, platform].map(|text| text.map(str::to_owned));
            let expected = Attestation { path: path.into(), predicate_type, platform, inline_only: false };
            assert_eq!(parse(spec).unwrap(), expected, "{spec}");
            assert!(parse("statement=s,inline-only=true").unwrap().inline_only);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            ("type=t", "neither"),
            ("predicate=p", "neither"),
            ("platform=linux/amd64", "neither"),
            ("statement=s,type=t", "neither"),
            ("statement=s,predicate=p,type=t", "neither"),
            ("type=t,type=u,predicate=p", "twice"),
            ("type=t,predicate=", "without a value"),
            ("type=t,predicate", "without a value"),
            ("type=t,file=p", "unknown key"),
            ("type=t,predicate=p,", "unknown key"),
            ("statement=s,inline-only=1", "neither true nor false"),
        ];
        for (spec, said) in table {
            let error = parse(spec).unwrap_err();
            assert!(error.message.contains(said), "{spec}: {}", error.message);
            assert!(matches!(error.code, ErrorCode::InvalidOption(_)));
        }
    }
}
