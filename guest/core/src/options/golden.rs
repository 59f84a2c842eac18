//! Every output that BuildKit's recorded runs were given, against what this crate says of it.
//!
//! BuildKit's word is the run's exit code and error. Ours is the same, and of the same key, but for what [`OTHERWISE`] has, with its reason;
//! "§2" is the list of deliberate differences.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::error::{Code, Fault};

/// What a recorded run was given, and whether BuildKit did it.
struct Run {
    case: String,
    outputs: Vec<String>,
    /// What BuildKit said when it did not.
    refusal: Option<String>,
}

/// What we say of a case.
enum Ours {
    Refused { key: &'static str, words: &'static str },
    Conflict(&'static str, &'static str),
    Taken,
}
use Ours::{Conflict, Refused, Taken};

#[test]
fn recorded_outputs_have_a_verdict() {
    let runs = runs();
    assert!(runs.len() > 230, "only {} runs were found", runs.len());
    for (case, ..) in OTHERWISE {
        assert!(runs.iter().any(|run| run.case == *case), "{case} is not recorded");
    }
    for Run { case, outputs, refusal } in &runs {
        let ours = OTHERWISE.iter().find(|(name, ..)| name == case).map(|(_, ours, why)| (ours, *why));
        let request = Request { outputs: outputs.iter().map(|output| here(output)).collect(), ..Request::default() };
        match (ours, super::outputs(&request)) {
            (Some((Refused { key, words }, why)), Err(error)) => {
                assert_eq!(error.code, Code::InvalidOption((*key).into()), "{case}: {why}");
                assert_eq!(error.fault, Fault::Request, "{case}");
                assert!(error.message.contains(words), "{case}: {}", error.message);
            }
            (Some((Conflict(one, other), why)), Err(error)) => {
                assert_eq!(error.code, Code::Conflict((*one).into(), (*other).into()), "{case}: {why}");
            }
            (Some((Taken, why)), Ok(_)) => assert!(refusal.is_some(), "{case} is no exception: {why}"),
            (None, Ok(_)) => assert_eq!(*refusal, None, "{case}: BuildKit refuses {outputs:?}"),
            // Both refuse, for the same key.
            (None, Err(Error { code: Code::InvalidOption(key), .. })) if names(refusal, &key) => {}
            (None, Err(Error { code: Code::Conflict(one, other), .. }))
                if names(refusal, &one) && names(refusal, &other) => {}
            (_, verdict) => panic!("{case}: {outputs:?} gave {verdict:?}"),
        }
    }
}

/// Where we differ, and why.
const OTHERWISE: &[(&str, Ours, &str)] = &[
    // Unknown keys and what does not fit the grammar: BuildKit ignores them.
    ("img-unknown-key", Refused { key: "frobnicate", words: "known are type" }, "§2"),
    ("err-ann-nokey", Refused { key: "annotation", words: "annotation.KEY=VALUE" }, "§2"),
    ("err-ann-dotonly", Refused { key: "annotation.", words: "needs a key" }, "§2"),
    ("err-ann-bracket", Refused { key: "annotation[linux/amd64.k", words: "bracket" }, "§2"),
    ("err-ann-space", Refused { key: "annotation.a b", words: "blank" }, "§2"),
    ("err-ann-plat", Refused { key: "annotation[linux/foo/bar/baz].k", words: "OS/ARCH" }, "both refuse"),
    ("err-ann-plat2", Refused { key: "annotation[foo].k", words: "OS/ARCH" }, "both refuse"),
    // Levels: BuildKit finds out about gzip's at the first layer, and never about others.
    ("err-level-99", Refused { key: LEVEL, words: "0 to 9" }, "both refuse"),
    ("err-level-neg", Refused { key: LEVEL, words: "0 to 9" }, "both refuse"),
    ("err-level-neg1", Refused { key: LEVEL, words: "0 to 9" }, "§2"),
    ("err-level-neg2", Refused { key: LEVEL, words: "0 to 9" }, "§2"),
    ("err-level-neg3", Refused { key: LEVEL, words: "0 to 9" }, "both refuse"),
    ("err-level-zstd-99", Refused { key: LEVEL, words: "0 to 22" }, "§2"),
    ("err-level-uncompressed", Conflict("compression", LEVEL), "§2"),
    // Names.
    ("img-push-noname", Refused { key: "name", words: "needs a name" }, "§2: BuildKit pushes nothing, silently"),
    ("err-name-empty", Refused { key: "name", words: "no name" }, "§2: BuildKit pushes nothing, silently"),
    ("err-noeq", Refused { key: "name", words: "needs a name" }, "a flag alone is true here, but there is no name"),
    ("buildx-baduid", Refused { key: "name", words: "needs a name" }, "both refuse; buildx calls it a tag"),
    ("buildx-tags-output", Refused { key: "name", words: "needs a name" }, "its names were in --tag"),
    ("buildx-bydigest-tag", Refused { key: "name", words: "needs a name" }, "its name was in --tag"),
    ("err-name-space", Refused { key: "name", words: "a b" }, "both refuse; BuildKit when it pushes"),
    ("err-name-upper", Refused { key: "name", words: "lower case" }, "both refuse; BuildKit when it pushes"),
    ("err-ociname-bad", Refused { key: "name", words: "lower case" }, "both refuse"),
    ("img-names-space", Refused { key: "name", words: "not a reference" }, "both refuse; BuildKit when it pushes"),
    ("err-imgname-upper-nopush", Refused { key: "name", words: "lower case" }, "a name is a reference, pushed or not"),
    ("ctd-upper", Refused { key: "name", words: "lower case" }, "a name is a reference, pushed or not"),
    ("img-name-digest", Refused { key: "name", words: "digest" }, "a digest is what a push gives, not where it goes"),
    ("img-bydigest-tag", Conflict("push-by-digest", "name"), "both refuse; BuildKit when it pushes"),
    (
        "buildx-names-quoted",
        Refused { key: "localhost:5000/bx9:m", words: "quoted field" },
        "its quotes were the shell's",
    ),
    // Types.
    ("err-badtype", Refused { key: "type", words: "image or registry" }, "both refuse"),
    ("buildx-badtype", Refused { key: "type", words: "image or registry" }, "both refuse"),
    ("ctd-moby", Refused { key: "type", words: "image or registry" }, "both refuse"),
    ("err-emptyoutput", Refused { key: "output", words: "empty" }, "both refuse"),
    ("img-registry-type", Taken, "`registry` is buildx's, the run was buildctl's"),
    ("err-dest", Refused { key: "dest", words: "not for type=image" }, "both refuse; BuildKit calls it output"),
    // What the output alone cannot say.
    (
        "img-unpack-rewrite",
        Conflict("unpack", "rewrite-timestamp"),
        "that BuildKit had no image store; there is always one here",
    ),
    ("err-refused", Taken, "nobody listens there; found out when it is pushed"),
    ("err-ocidirdest", Taken, "the place is a directory; found out when it is opened"),
    ("oci-prov-dockertypes", Taken, "there are attestations; found out when the image is made"),
    ("oci-ann-index-single", Taken, "there is no index; found out when the image is made"),
    ("oci-ann-idesc-single", Taken, "there is no index; found out when the image is made"),
    ("docker-multi", Taken, "there are several platforms; found out when the image is made"),
    ("buildx-multi-docker", Taken, "there are several platforms; found out when the image is made"),
    ("buildx-ann-index", Taken, "the annotation was in --annotation"),
    ("buildx-ann-index-noprov", Taken, "the annotation was in --annotation"),
    ("buildx-ann-bad", Taken, "the annotation was in --annotation"),
    ("buildx-ann-noeq", Taken, "the annotation was in --annotation"),
];

const LEVEL: &str = "compression-level";

fn names(refusal: &Option<String>, key: &str) -> bool {
    refusal.as_ref().is_some_and(|refusal| refusal.contains(key))
}

/// With a registry's address.
fn here(output: &str) -> String {
    output.replace("{registry}", "localhost:5000")
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
            let refusal = (json["exit"] != 0).then(|| here(json["error"][0].as_str().expect("a line")));
            runs.push(Run { case, outputs, refusal });
        }
    }
    runs
}
