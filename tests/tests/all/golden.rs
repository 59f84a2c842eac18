//! Documents equal BuildKit's, byte for byte, where its recorded runs allow it.

use std::fs;

use ocix_tests::golden::{self, Recorded};
use ocix_tests::layout::text;
use ocix_tests::{Auth, Registry, Run, Scratch, need, program, sha256};
use serde_json::Value;

/// Exports the source of a recorded run; gives the digest that was printed.
fn export(scratch: &Scratch, run: &Recorded, output: &str) -> String {
    let source = format!("oci:{}", run.source().display());
    scratch.export(source, output, &["--source-date-epoch", run.epoch()]).ok().digest()
}

#[test]
fn uncompressed() {
    let Some(run) = Recorded::run("oci-uncompressed") else { return };
    let scratch = Scratch::new();
    let digest = export(&scratch, &run, "type=image,name=example.com/golden:t,compression=uncompressed");
    assert_eq!(digest, run.digest());
    compare_documents(&scratch, &run, &digest);
    compare_entry(&scratch, &run);
}

#[test]
fn without_layers() {
    let Some(run) = Recorded::run("oci-empty") else { return };
    let scratch = Scratch::new();
    let digest = export(&scratch, &run, "type=image,name=example.com/golden:t");
    assert_eq!(digest, run.digest());
    compare_documents(&scratch, &run, &digest);
    compare_entry(&scratch, &run);
}

/// Another encoder wrote BuildKit's blobs: with our layers' digests and sizes in place of theirs, the documents are equal.
#[test]
fn gzip() {
    let Some(run) = Recorded::run("oci-gzip") else { return };
    let scratch = Scratch::new();
    let digest = export(&scratch, &run, "type=image,name=example.com/golden:t,compression=gzip");
    let (manifest, config) = scratch.store().image(&digest);
    let mut expected = String::from_utf8(run.document(run.digest())).unwrap();
    let theirs: Value = serde_json::from_str(&expected).unwrap();
    for (ours, theirs) in array(&manifest["layers"]).iter().zip(array(&theirs["layers"])) {
        expected = expected.replace(text(&theirs["digest"]), text(&ours["digest"]));
        expected =
            expected.replace(&format!("\"size\": {}\n", theirs["size"]), &format!("\"size\": {}\n", ours["size"]));
    }
    assert_eq!(String::from_utf8(scratch.store().blob(&digest)).unwrap(), expected);
    let config_digest = text(&manifest["config"]["digest"]);
    assert_eq!(scratch.store().blob(config_digest), run.document(config_digest));
    for (layer, diff_id) in array(&manifest["layers"]).iter().zip(array(&config["rootfs"]["diff_ids"])) {
        assert_eq!(sha256(&scratch.store().tar(layer)), text(diff_id));
    }
}

/// Through a real registry and back, raw, by somebody else's program.
#[test]
fn pushed() {
    need!("docker-registry", "skopeo");
    let Some(run) = Recorded::run("img-uncompressed") else { return };
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/img-uncompressed:t", registry.address());
    let digest = export(&scratch, &run, &format!("type=image,name={name},push=true,compression=uncompressed"));
    assert_eq!(digest, run.digest());
    let raw =
        Run::of(program("skopeo").args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")])).ok();
    assert_eq!(raw.stdout.as_bytes(), run.document(run.digest()));
    let config = ["inspect", "--raw", "--config", "--tls-verify=false", &format!("docker://{name}")];
    let config = Run::of(program("skopeo").args(config)).ok();
    assert_eq!(sha256(config.stdout.as_bytes()), run.case["metadata"]["containerimage.config.digest"]);
    let tags = Run::of(program("skopeo").args([
        "list-tags",
        "--tls-verify=false",
        &format!("docker://{}", name.trim_end_matches(":t")),
    ]));
    let tags: Value = serde_json::from_str(&tags.ok().stdout).unwrap();
    assert_eq!(
        tags["Tags"],
        *run.case["registry_tags"].as_object().unwrap().values().next().unwrap().get("tags").unwrap()
    );
}

/// A layer that comes in a tar keeps its bytes, and so its diff ID.
#[test]
fn tars() {
    let Some(folder) = golden::path("layers") else { return };
    let scratch = Scratch::new();
    for tar in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let run = scratch.export(
            &tar,
            "type=image,name=example.com/tar:t,compression=uncompressed",
            &["--source-date-epoch=1700000000"],
        );
        let (manifest, config) = scratch.store().image(&run.ok().digest());
        let bytes = fs::read(&tar).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], sha256(&bytes), "{}", tar.display());
        assert_eq!(config["rootfs"]["diff_ids"][0], sha256(&bytes), "{}", tar.display());
    }
}

/// Times are cut off at the epoch as BuildKit does it, byte for byte.
#[test]
fn rewritten_timestamps() {
    let Some(folder) = golden::path("layers") else { return };
    let scratch = Scratch::new();
    let tars = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let built: Vec<_> = tars.filter(|tar| tar.to_string_lossy().contains(".as-built.")).collect();
    assert_eq!(built.len(), 3);
    for tar in built {
        let output = "type=image,name=example.com/tar:t,compression=uncompressed,rewrite-timestamp=true";
        let run = scratch.export(&tar, output, &["--source-date-epoch=1700000000"]);
        let (manifest, _) = scratch.store().image(&run.ok().digest());
        let rewritten = fs::read(tar.to_string_lossy().replace("as-built", "timestamps-rewritten")).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], sha256(&rewritten), "{}", tar.display());
        assert_eq!(manifest["layers"][0]["annotations"]["buildkit/rewritten-timestamp"], "1700000000");
    }
}

fn compare_documents(scratch: &Scratch, run: &Recorded, digest: &str) {
    let manifest = scratch.store().blob(digest);
    assert_eq!(manifest, run.document(run.digest()), "{}", String::from_utf8_lossy(&manifest));
    let (manifest, _) = scratch.store().image(digest);
    let config_digest = text(&manifest["config"]["digest"]);
    let config = scratch.store().blob(config_digest);
    assert_eq!(config, run.document(config_digest), "{}", String::from_utf8_lossy(&config));
}

/// The descriptor in `index.json` is the recorded one, and has the two names on top.
fn compare_entry(scratch: &Scratch, run: &Recorded) {
    let mut entry = scratch.store().named("example.com/golden:t").expect("no entry with the name");
    let annotations = entry["annotations"].as_object_mut().unwrap();
    assert_eq!(annotations.remove("io.containerd.image.name").unwrap(), "example.com/golden:t");
    assert_eq!(annotations.remove("org.opencontainers.image.ref.name").unwrap(), "t");
    assert_eq!(entry, run.index()["manifests"][0]);
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}
