//! Every output that BuildKit's recorded runs were given, against what this crate says of it.
//!
//! BuildKit's word is the run's exit code. Ours is the same, but for keys and values that are not in this version and for the
//! deliberate differences in [`OTHERWISE`].

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

/// What a recorded run was given, and whether BuildKit took it.
struct Run {
    case: String,
    outputs: Vec<String>,
    taken: bool,
}

/// What we say of a case, where it is not BuildKit's word: a refusal, or the other way round.
enum Ours {
    Refused { key: &'static str, words: &'static str },
    Taken,
}
use Ours::{Refused, Taken};

#[test]
fn recorded_outputs_have_a_verdict() {
    let runs = runs();
    assert!(runs.len() > 100, "only {} runs were found", runs.len());
    for (case, ..) in OTHERWISE {
        assert!(runs.iter().any(|run| run.case == *case), "{case} is not recorded");
    }
    for Run { case, outputs, taken } in &runs {
        let ours = OTHERWISE.iter().find(|(name, ..)| name == case).map(|(_, ours, why)| (ours, *why));
        let verdict = outputs.iter().map(|output| parse(&here(output))).collect::<Result<Vec<_>>>();
        match (ours, not_yet(outputs), verdict) {
            (Some((Refused { key, words }, why)), _, Err(error)) => {
                assert_eq!(error.code, Code::InvalidOption((*key).into()), "{case}: {why}");
                assert_eq!(error.fault, Fault::Request, "{case}");
                assert!(error.message.contains(words), "{case}: {}", error.message);
            }
            (Some((Taken, why)), _, Ok(_)) => assert!(!taken, "{case} is no exception: {why}"),
            (None, Some(key), Err(error)) => {
                assert_eq!(error.code, Code::InvalidOption(key.into()), "{case}");
                let words = if NOT_YET.contains(&key) { "unknown option" } else { "not in this version" };
                assert!(error.message.contains(words), "{case}: {}", error.message);
                assert!(!error.message.contains("did you mean"), "{case}: {}", error.message);
            }
            (None, None, Ok(_)) => assert!(taken, "{case}: BuildKit refuses {outputs:?}"),
            (_, _, verdict) => panic!("{case}: {outputs:?} gave {verdict:?}"),
        }
    }
}

/// The key that most recorded runs have, so that it is taken out above.
#[test]
fn insecure_registries_are_not_in_this_version() {
    let error = parse("type=image,name=localhost:5000/err:t,push=true,registry.insecure=true").unwrap_err();
    assert_eq!(error.code, Code::InvalidOption("registry.insecure".into()));
}

/// Where we differ from BuildKit, and why; "§2" is the list of deliberate differences. A conflict and what is not in this
/// version by its key alone are elsewhere.
const OTHERWISE: &[(&str, Ours, &str)] = &[
    // Found out here, by BuildKit only at the registry or never.
    ("buildx-baduid", Refused { key: "name", words: "needs a name" }, "both refuse; buildx calls it a tag"),
    ("img-push-noname", Refused { key: "name", words: "needs a name" }, "§2: BuildKit pushes nothing, silently"),
    ("err-name-empty", Refused { key: "name", words: "no name" }, "§2: BuildKit pushes nothing, silently"),
    ("buildx-tags-output", Refused { key: "name", words: "needs a name" }, "buildx adds the names of its own --tag"),
    ("err-name-space", Refused { key: "name", words: "a b" }, "both refuse; BuildKit after the build"),
    ("err-name-upper", Refused { key: "name", words: "lower case" }, "both refuse; BuildKit after the build"),
    ("err-imgname-upper-nopush", Refused { key: "name", words: "lower case" }, "a name must be one, pushed or not"),
    ("ctd-upper", Refused { key: "name", words: "lower case" }, "a name must be one, pushed or not"),
    ("img-name-digest", Refused { key: "name", words: "digest" }, "a digest is what a push gives, not where it goes"),
    (
        "img-names-space",
        Refused { key: "name", words: "not a reference" },
        "both refuse; BuildKit after the first push",
    ),
    ("img-names-noquote", Refused { key: "localhost:5000/multi4:b", words: "quoted field" }, "both refuse"),
    (
        "buildx-names-quoted",
        Refused { key: "localhost:5000/bx9:m", words: "quoted field" },
        "its quotes were the shell's",
    ),
    // Values.
    ("err-compression", Refused { key: "compression", words: "gzip" }, "both refuse; BuildKit after the build"),
    ("buildx-badcomp", Refused { key: "compression", words: "gzip" }, "both refuse; BuildKit after the build"),
    ("err-compression-empty", Refused { key: "compression", words: "gzip" }, "both refuse"),
    ("err-level-99", Refused { key: "compression-level", words: "0 to 9" }, "both refuse; BuildKit at the first layer"),
    (
        "err-level-neg",
        Refused { key: "compression-level", words: "0 to 9" },
        "both refuse; BuildKit at the first layer",
    ),
    ("err-level-neg1", Refused { key: "compression-level", words: "0 to 9" }, "§2: the range is checked, and is 0..9"),
    ("err-level-neg2", Refused { key: "compression-level", words: "0 to 9" }, "§2: the range is checked, and is 0..9"),
    (
        "err-level-neg3",
        Refused { key: "compression-level", words: "0 to 9" },
        "both refuse; BuildKit at the first layer",
    ),
    ("err-level-empty", Refused { key: "compression-level", words: "0 to 9" }, "both refuse"),
    ("err-level-nan", Refused { key: "compression-level", words: "0 to 9" }, "both refuse"),
    ("err-level-uncompressed", Refused { key: "compression-level", words: "0 to 9" }, "§2: no level is unchecked"),
    ("err-push-bad", Refused { key: "push", words: "perhaps" }, "both refuse"),
    ("err-store-bad", Refused { key: "store", words: "true or false" }, "both refuse; ours has a store always"),
    (
        "err-noeq",
        Refused { key: "name", words: "needs a name" },
        "both refuse; a flag alone is true here, but has no name",
    ),
    // Types.
    ("err-notype", Refused { key: "type", words: "type=image,name=" }, "both refuse"),
    ("err-emptyoutput", Refused { key: "output", words: "empty" }, "both refuse"),
    ("err-badtype", Refused { key: "type", words: "image or registry" }, "both refuse"),
    ("buildx-badtype", Refused { key: "type", words: "image or registry" }, "both refuse"),
    ("ctd-moby", Refused { key: "type", words: "image or registry" }, "both refuse"),
    (
        "buildx-shorthand-tar",
        Refused { key: "dir", words: "key=value" },
        "a path alone is buildx's short form of type=local",
    ),
    // Annotations: what does not fit the grammar BuildKit ignores, so that the annotation is lost.
    ("err-ann-nokey", Refused { key: "annotation", words: "annotation.KEY=VALUE" }, "§2: BuildKit ignores it"),
    ("err-ann-dotonly", Refused { key: "annotation.", words: "annotation.KEY=VALUE" }, "§2: BuildKit ignores it"),
    (
        "err-ann-bracket",
        Refused { key: "annotation[linux/amd64.k", words: "not in this version" },
        "§2: BuildKit ignores it",
    ),
    (
        "err-ann-plat",
        Refused { key: "annotation[linux/foo/bar/baz].k", words: "not in this version" },
        "both refuse; scopes are not in this version",
    ),
    ("err-ann-plat2", Refused { key: "annotation[foo].k", words: "not in this version" }, "both refuse"),
    ("img-multi-ann", Refused { key: "annotation-index.k", words: "annotation.KEY" }, "levels are not in this version"),
    (
        "ctd-mdesc-ann",
        Refused { key: "annotation-manifest-descriptor.k", words: "annotation.KEY" },
        "levels are not in this version",
    ),
    // BuildKit's refusal is not about the output.
    ("err-refused", Taken, "nobody listens there; that is found out when it is pushed"),
    ("img-registry-type", Taken, "`registry` is buildx's, the run was buildctl's"),
];

/// Keys of recorded outputs that are not in this version. `frobnicate` is nobody's: BuildKit takes any key.
const NOT_YET: &[&str] = &[
    "attestation-inline",
    "danging-name-empty-only",
    "dangling-name-empty-only",
    "dangling-name-prefix",
    "dest",
    "force-compression",
    "frobnicate",
    "name-canonical",
    "oci-artifact",
    "oci-mediatypes",
    "output",
    "prefer-nondist-layers",
    "push-by-digest",
    "registry.insecure",
    "rewrite-timestamp",
    "source-date-epoch",
    "tar",
    "unpack",
];

/// The first key of outputs that is not in this version: `type` for another exporter, `compression` for another codec.
fn not_yet(outputs: &[String]) -> Option<&'static str> {
    let fields = outputs.iter().flat_map(|output| csv::fields(&here(output)).unwrap_or_default());
    fields.into_iter().find_map(|csv::Field { key, value }| match (key.as_str(), value.as_deref()) {
        ("type", Some("oci" | "docker" | "tar" | "local" | "cacheonly")) => Some("type"),
        ("compression", Some("estargz" | "zstd")) => Some("compression"),
        (key, _) => NOT_YET.iter().copied().find(|not_yet| *not_yet == key),
    })
}

/// With a registry's address, and without the key that has a test of its own.
fn here(output: &str) -> String {
    output.replace("{registry}", "localhost:5000").replace(",registry.insecure=true", "")
}

fn runs() -> Vec<Run> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/cases");
    let mut runs = Vec::new();
    for folder in fs::read_dir(cases).expect("recorded") {
        let folder = folder.expect("readable").path();
        let case = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let json: Value = serde_json::from_slice(&fs::read(folder.join("case.json")).expect("recorded")).expect("JSON");
        let outputs: Vec<String> = json["outputs"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|output| output.as_str().expect("a text").to_owned())
            .collect();
        if !outputs.is_empty() {
            runs.push(Run { case, outputs, taken: json["exit"] == 0 });
        }
    }
    runs
}
