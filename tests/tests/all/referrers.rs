//! Attestations are found by the image that they are about, at a registry that has no referrers API: Debian's `docker-registry`.

use ocix_tests::layout::text;
use ocix_tests::{Auth, Layout, Registry, Run, Scratch, need, program};
use serde_json::Value;

/// OCI distribution spec, "Referrers Tag Schema".
#[test]
fn attestations_are_listed_under_a_tag() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    scratch.write("predicate", "{\"builder\":{\"id\":\"me\"}}");
    let output = format!("type=registry,oci-artifact=true,name={}/team/site:v1", registry.address());
    let digest = scratch.export(scratch.site(), &output, ATTESTED).ok().digest();
    let root = scratch.store().json(&digest);
    let (image, attestation) = (text(&root["manifests"][0]["digest"]), &root["manifests"][1]);
    let listed = listed(&registry, image);
    assert_eq!(listed["mediaType"], "application/vnd.oci.image.index.v1+json");
    let [entry] = listed["manifests"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    for member in ["mediaType", "digest", "size"] {
        assert_eq!(entry[member], attestation[member], "{member}");
    }
    assert_eq!(entry["artifactType"], "application/vnd.docker.attestation.manifest.v1+json");
    // It is there before the image has its name.
    let writes = registry.writes();
    assert!(writes.last().unwrap().starts_with("PUT /v2/team/site/manifests/v1 "), "{writes:#?}");

    assert_eq!(scratch.export(scratch.site(), &output, ATTESTED).ok().digest(), digest);
    assert_eq!(registry.writes(), writes);
    let legacy = format!("type=registry,oci-artifact=false,name={}/legacy:v1", registry.address());
    scratch.export(scratch.site(), &legacy, ATTESTED).ok();
    assert_eq!(registry.tags("legacy"), ["v1"]);
}

/// Nobody's entry is lost when two say something about the same image at once.
#[test]
fn two_at_once_are_both_listed() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    for round in 0..4 {
        scratch.write("tree/round", round.to_string());
        let running: Vec<_> = ["one", "other"]
            .iter()
            .map(|who| {
                scratch.write(who, format!("{{\"builder\":{{\"id\":\"{who}\"}}}}"));
                let predicate = format!("--attestation=type=https://slsa.dev/provenance/v1,predicate={who}");
                let store = format!("--store={}", scratch.path(format!("store-{who}")).display());
                let name = format!("{}/team/site:{who}", registry.address());
                let output = format!("type=registry,oci-artifact=true,name={name}");
                let args = ["--source-date-epoch=1700000000", &predicate, &store];
                let mut ocix = scratch.exporting(scratch.path("tree"), &output, &args);
                ocix.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                ocix.spawn().unwrap()
            })
            .collect();
        let mut attestations = Vec::new();
        let mut image = String::new();
        for (child, who) in running.into_iter().zip(["one", "other"]) {
            let run = Run::ended(who.to_owned(), child.wait_with_output().unwrap()).ok();
            let root = Layout::at(scratch.path(format!("store-{who}"))).json(&run.digest());
            attestations.push(text(&root["manifests"][1]["digest"]).to_owned());
            image = text(&root["manifests"][0]["digest"]).to_owned();
        }
        attestations.sort();
        let listed = listed(&registry, &image);
        let entries = listed["manifests"].as_array().unwrap();
        let mut found: Vec<&str> = entries.iter().map(|entry| text(&entry["digest"])).collect();
        found.sort_unstable();
        assert_eq!(found, attestations, "{round}");
    }
}

/// What another client reads under the tag of an image.
fn listed(registry: &Registry, image: &str) -> Value {
    let name = format!("docker://{}/team/site:{}", registry.address(), image.replace(':', "-"));
    let raw = Run::of(program("skopeo").args(["inspect", "--raw", "--tls-verify=false", &name])).ok();
    serde_json::from_str(&raw.stdout).unwrap()
}

const ATTESTED: &[&str] =
    &["--source-date-epoch=1700000000", "--attestation=type=https://slsa.dev/provenance/v1,predicate=predicate"];
