//! The command that asks of ocix what a recorded run asked of BuildKit.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Recorded, path};
use crate::scratch::Scratch;

/// `ocix export` with the run's source, base, platforms, attestations, outputs and epoch, in the scratch folder.
///
/// What was attested is in the recorded statements: their predicates go in, and the statements must come out again. The shell
/// gave the runs of `buildx` flags that their records do not have, and an epoch: both are in [`FLAGS`].
pub fn command(run: &Recorded, scratch: &Scratch, registry: &str) -> Command {
    let mut command = scratch.ocix();
    command.args(["export", "--progress=none", "--metadata-file=metadata.json"]);
    let source = |name: &str| format!("oci:{}", path(&format!("sources/{name}")).unwrap().display());
    let base = run.case["base"].as_str();
    // A run that failed before it had a result says no source.
    command.arg(source(run.case["source"].as_str().or(base).unwrap_or("default")));
    base.map(|base| command.arg("--base").arg(source(base)));
    for output in run.outputs() {
        // The quotes of this one were the shell's.
        let names = run.name == "buildx-names-quoted";
        let output = if names { "type=image,\"name={registry}/bx8:n,{registry}/bx9:m\",push=true" } else { output };
        command.arg("--output").arg(output.replace("{registry}", registry));
    }
    if let Some(platforms) = run.case["platforms"].as_str() {
        command.args(["--platform", platforms]);
    }
    if run.case["other_opts"].get("multi-platform").is_some() {
        command.arg("--multi-platform");
    }
    command.args(attestations(run, &scratch.folder("predicates")));
    let buildx = run.case["tool"] == "buildx";
    if let Some(epoch) = run.case["epoch"].as_str().or((buildx || run.name == "oci-env-sde").then_some("1700000000")) {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    if let Some((_, flags)) = FLAGS.iter().find(|(name, _)| *name == run.name) {
        command.args(flags.iter().map(|flag| flag.replace("{registry}", registry)));
    }
    command
}

fn attestations(run: &Recorded, folder: &Path) -> Vec<String> {
    let mut asked = run.case["attest"].as_object().into_iter().flatten().map(|(_, value)| value.as_str().unwrap());
    let asked = asked.next().or(BY_DEFAULT.contains(&run.name.as_str()).then_some("mode=min"));
    let Some(asked) = asked else { return Vec::new() };
    let inline = if asked.contains("inline-only=true") { ",inline-only=true" } else { "" };
    let documents = run.documents();
    let json = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).unwrap();
    let mut flags = Vec::new();
    for (digest, bytes) in &documents {
        let statement = json(bytes);
        let Some(kind) = statement["predicateType"].as_str() else { continue };
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (_, predicate) = text.split_once("\"predicate\":").unwrap();
        let file = folder.join(&digest[7..19]);
        std::fs::write(&file, predicate.strip_suffix('}').unwrap()).unwrap();
        let platform = documents.values().find_map(|index| platform_of(&documents, &json(index), digest));
        let platform = platform.map(|platform| format!(",platform={platform}")).unwrap_or_default();
        flags.extend(["--attestation".into(), format!("type={kind},predicate={}{platform}{inline}", file.display())]);
    }
    if flags.is_empty() {
        // Nothing was recorded of what was attested, but its size has three digits where it was wanted.
        let file = folder.join("unwanted");
        std::fs::write(&file, format!("{{\"builder\":\"{}\"}}", "x".repeat(600))).unwrap();
        flags.extend([
            "--attestation".into(),
            format!("type=https://slsa.dev/provenance/v1,predicate={}{inline}", file.display()),
        ]);
    }
    flags
}

/// The platform of the image that a statement is about, as this index says.
fn platform_of(
    documents: &std::collections::BTreeMap<String, Vec<u8>>,
    index: &Value,
    statement: &str,
) -> Option<String> {
    let listed = index["manifests"].as_array()?;
    let holds = |manifest: &&Value| {
        let bytes = manifest["digest"].as_str().and_then(|digest| documents.get(digest));
        bytes.is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(statement))
    };
    let about = listed.iter().find(holds)?["annotations"]["vnd.docker.reference.digest"].as_str()?;
    let platform = &listed.iter().find(|image| image["digest"] == about)?["platform"];
    Some(format!("{}/{}", platform["os"].as_str()?, platform["architecture"].as_str()?))
}

/// Runs in which buildx attested what it always does.
const BY_DEFAULT: &[&str] = &["buildx-push-tags", "buildx-registry", "buildx-sbomoff", "buildx-tags-output"];

/// What buildx was given besides its outputs, worked out from what came of it.
const FLAGS: &[(&str, &[&str])] = &[
    ("buildx-ann", &["--annotation=k=v", "--annotation=manifest:m=v", "--annotation=manifest-descriptor:md=v"]),
    ("buildx-ann-bad", &["--annotation=foo:k=v"]),
    ("buildx-ann-index", &["--annotation=index:k=v"]),
    ("buildx-ann-index-noprov", &["--annotation=index:k=v"]),
    ("buildx-ann-noeq", &["--annotation=kv"]),
    ("buildx-ann-plat", &["--annotation=manifest[linux/amd64]:k=v"]),
    ("buildx-bydigest-tag", &["--tag={registry}/bx10:t"]),
    ("buildx-multi-docker", &["--multi-platform"]),
    ("buildx-name-and-tag", &["--tag={registry}/bx6:a"]),
    ("buildx-push-notag", &["--push"]),
    ("buildx-push-tags", &["--push", "--tag={registry}/bx3:a", "--tag={registry}/bx4:b"]),
    ("buildx-tags-output", &["--tag={registry}/bx5:a"]),
];
