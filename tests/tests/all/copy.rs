//! Copies of images as they are, and indexes of images, between the store, layouts, archives and a real registry: what `skopeo` and
//! `docker-registry` have then is what there was.

use std::fs;

use ocix_tests::layout::text;
use ocix_tests::{Auth, Layout, Registry, Run, Scratch, need, program, sha256};
use serde_json::Value;

/// `ocix ARGS…` without progress.
fn ocix(scratch: &Scratch, args: &[&str]) -> Run {
    Run::of(scratch.ocix().args(args).arg("--progress=none"))
}

/// The root document of an image in a registry.
fn raw(name: &str) -> Vec<u8> {
    let args = ["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")];
    Run::of(program("skopeo").args(args)).ok().stdout.into_bytes()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&raw(name)).unwrap()
}

/// Two platforms, with something said about both, in the store; the index's digest.
fn everything(scratch: &Scratch, name: &str) -> String {
    scratch.write("said.json", "{\"said\":1}");
    scratch.write("other/file", "another file system\n");
    let site = scratch.site();
    let args = [
        "export",
        &format!("linux/amd64={}", site.display()),
        &format!("linux/arm64={}", scratch.path("other").display()),
        "--attestation=type=https://example.com/said,predicate=said.json",
        &format!("--tag={name}"),
        "--source-date-epoch=1700000000",
    ];
    ocix(scratch, &args).ok().digest()
}

/// Every blob of one is in the other, with the same bytes.
fn assert_within(part: &Layout, whole: &Layout) {
    for digest in part.blobs() {
        assert_eq!(part.blob(&digest), whole.blob(&digest));
    }
}

#[test]
fn from_the_store_and_back_by_way_of_everything() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/team/site:v1", registry.address());
    let digest = everything(&scratch, &name);
    let index = scratch.store().blob(&digest);
    assert_eq!(scratch.store().json(&digest)["manifests"].as_array().unwrap().len(), 4);

    // Under its own name, again, and under others.
    let run = ocix(&scratch, &["push", &name]).ok();
    assert_eq!(run.stdout, format!("{name}@{digest}\n"));
    assert_eq!(raw(&name), index);
    let writes = registry.writes();
    ocix(&scratch, &["push", &name]).ok();
    assert_eq!(registry.writes(), writes);
    let (tag, by_digest) =
        (format!("{}/team/site:v2", registry.address()), format!("{}/b/c@{digest}", registry.address()));
    let run = ocix(&scratch, &["push", &name, &tag, &by_digest]).ok();
    assert_eq!(run.stdout, format!("{tag}@{digest}\n{by_digest}\n"));
    assert_eq!((raw(&tag), raw(&by_digest)), (index.clone(), index.clone()));
    let mounts = registry.writes().into_iter().filter(|write| write.contains("from=team%2Fsite"));
    assert!(mounts.count() > 0, "{:#?}", registry.writes());

    // Registry to layout, archive and another store, several at once; each blob is read once.
    let reads = |registry: &Registry| {
        registry.requests().iter().filter(|line| line.starts_with("GET ") && line.contains("/blobs/")).count()
    };
    let before = reads(&registry);
    let store = format!("--store={}", scratch.path("second").display());
    let run = ocix(&scratch, &["copy", &name, "oci:out#v1", "oci-archive:out.tar#v1", "store:site", &store]).ok();
    assert_eq!(run.stdout, format!("out#v1@{digest}\nout.tar#v1@{digest}\nsite@{digest}\n"));
    let (out, second) = (Layout::at(scratch.path("out")), Layout::at(scratch.path("second")));
    assert_eq!(reads(&registry) - before, out.blobs().len() - 5, "documents are not blobs there");
    for layout in [&out, &second] {
        assert_within(layout, &scratch.store());
        assert!(layout.blobs().len() >= 11);
        assert_eq!(layout.strays(), Vec::<std::path::PathBuf>::new());
    }
    assert_eq!(out.entries()[0]["annotations"]["org.opencontainers.image.ref.name"], "v1");
    assert_eq!(text(&second.named("docker.io/library/site:latest").unwrap()["digest"]), digest);
    // skopeo reads the layout and the archive, all of them.
    for source in ["oci:out:v1", "oci-archive:out.tar:v1"] {
        let to =
            format!("docker://{}/skopeo:{}", registry.address(), if source.contains("tar") { "tar" } else { "oci" });
        let args = ["--insecure-policy", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", source, &to];
        Run::of(program("skopeo").args(args).current_dir(scratch.path("."))).ok();
        assert_eq!(raw(to.trim_start_matches("docker://")), index, "{source}");
    }

    // Layout to registry, archive to store, registry to registry.
    let other = |tag: &str| format!("{}/other:{tag}", registry.address());
    assert_eq!(ocix(&scratch, &["copy", "out", &other("layout")]).ok().digest(), digest);
    let third = format!("--store={}", scratch.path("third").display());
    assert_eq!(ocix(&scratch, &["copy", "out.tar", "store:again", &third]).ok().digest(), digest);
    assert_within(&Layout::at(scratch.path("third")), &scratch.store());
    let by_digest = format!("{}/b/c@{digest}", registry.address());
    assert_eq!(ocix(&scratch, &["copy", &by_digest, &other("registry")]).ok().digest(), digest);
    assert_eq!((raw(&other("layout")), raw(&other("registry"))), (index.clone(), index));
}

#[test]
fn between_registries_nothing_is_taken_twice() {
    need!("docker-registry", "skopeo");
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let (one, two) = (Registry::start(&scratch, Auth::None), Registry::start(&elsewhere, Auth::None));
    let name = format!("{}/site:v1", one.address());
    let digest = everything(&scratch, &name);
    ocix(&scratch, &["push", &name]).ok();
    let target = format!("{}/site:v1", two.address());
    assert_eq!(
        ocix(&scratch, &["copy", &format!("docker://{name}"), &format!("registry:{target}")]).ok().digest(),
        digest
    );
    assert_eq!(raw(&target), raw(&name));
    let copy = ["--insecure-policy", "copy", "--all", "--src-tls-verify=false", &format!("docker://{target}")];
    Run::of(program("skopeo").args(copy).arg(format!("dir:{}", scratch.path("dir").display()))).ok();

    // Within a repository there is nothing to do but to name it, and within a registry nothing to read.
    let before = one.requests().len();
    ocix(&scratch, &["copy", &name, &format!("{}/site:again", one.address())]).ok();
    let asked: Vec<_> =
        one.requests()[before..].iter().filter(|line| !line.starts_with("GET /v2/ ")).cloned().collect();
    assert!(asked.iter().all(|line| line.contains("/manifests/")), "{asked:#?}");
    assert_eq!(asked.last().unwrap(), "PUT /v2/site/manifests/again 201");
    let before = one.requests().len();
    ocix(&scratch, &["copy", &name, &format!("{}/mounted:v1", one.address())]).ok();
    let asked = one.requests()[before..].to_vec();
    assert!(asked.iter().all(|line| !(line.starts_with("GET ") && line.contains("/blobs/"))), "{asked:#?}");
    assert_eq!(json(&format!("{}/mounted:v1", one.address()))["manifests"].as_array().unwrap().len(), 4);

    // One platform is one manifest.
    let arm = text(&json(&name)["manifests"][1]["digest"]).to_owned();
    let run = ocix(&scratch, &["copy", &name, &format!("{}/arm:v1", two.address()), "--platform=linux/arm64"]).ok();
    assert_eq!(run.digest(), arm);
    assert_eq!(sha256(&raw(&format!("{}/arm:v1", two.address()))), arm);
}

#[test]
fn parts_that_were_pushed_by_digest_become_an_index() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let repository = format!("{}/team/site", registry.address());
    let mut parts = Vec::new();
    for (architecture, folder) in
        [("amd64", scratch.site()), ("arm64", scratch.write("other/x", "y").parent().unwrap().to_owned())]
    {
        let output = format!("type=image,name={repository},push-by-digest=true,push=true,store=false");
        let run = scratch.export(folder, &output, &[&format!("--platform=linux/{architecture}"), EPOCH]).ok();
        parts.push(format!("{repository}@{}", run.stdout.trim().rsplit_once('@').unwrap().1));
    }
    assert!(registry.tags("team/site").is_empty());
    let name = format!("{repository}:v1");
    let create = |more: &[&str]| ocix(&scratch, &[&["index", "create", &name, &parts[0], &parts[1]], more].concat());
    let shown = create(&["--dry-run"]).ok();
    assert!(registry.tags("team/site").is_empty());
    let before = registry.writes().len();
    let run = create(&[&format!("--tag={repository}:v1.0")]).ok();
    let digest = sha256(&raw(&name));
    assert_eq!(run.stdout, format!("{name}@{digest}\n{repository}:v1.0@{digest}\n"));
    assert_eq!(shown.stdout.trim_end().as_bytes(), raw(&name));
    assert_eq!(registry.tags("team/site"), ["v1", "v1.0"]);
    assert!(
        registry.writes()[before..].iter().all(|write| write.contains("/manifests/v1")),
        "{:#?}",
        registry.writes()
    );
    let index = json(&name);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    for (number, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
        let entry = &index["manifests"][number];
        assert!(parts[number].ends_with(text(&entry["digest"])));
        assert_eq!(entry["platform"], serde_json::json!({ "architecture": architecture, "os": "linux" }));
        assert_eq!(entry["size"], raw(&parts[number]).len());
    }
    // Elsewhere it comes with all that it lists; the store's image is one more.
    let stored = everything(&scratch, "all:v1");
    let other = format!("{}/other:v1", registry.address());
    let args = ["index", "create", &other, &name, "store:all:v1", "--annotation=org.example=1"];
    let run = ocix(&scratch, &args).ok();
    let index = json(&other);
    assert_eq!(run.digest(), sha256(&raw(&other)));
    assert_eq!(index["annotations"], serde_json::json!({ "org.example": "1" }));
    let all = scratch.store().json(&stored)["manifests"].as_array().unwrap().clone();
    let listed = index["manifests"].as_array().unwrap();
    assert_eq!(
        listed.iter().filter(|entry| all.iter().any(|own| own["digest"] == entry["digest"])).count(),
        4,
        "{index}"
    );
    let copy = ["--insecure-policy", "copy", "--all", "--src-tls-verify=false", &format!("docker://{other}")];
    Run::of(program("skopeo").args(copy).arg(format!("dir:{}", scratch.path("dir").display()))).ok();
    // A lone index stays what it is.
    assert_eq!(ocix(&scratch, &["index", "create", &format!("{repository}:same"), &name]).ok().digest(), digest);
}

#[test]
fn what_cannot_be_copied_is_said() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let site = scratch.site();
    scratch.export(&site, "type=docker,dest=docker.tar,name=site:v1", &[EPOCH]).ok();
    scratch.export(&site, "type=oci,dest=oci.tar,name=site:v1", &[EPOCH]).ok();
    scratch.export(&site, "type=image,name=site:v1", &[EPOCH]).ok();
    Run::of(program("tar").args(["cf", "files.tar", "site"]).current_dir(scratch.path("."))).ok();
    // `docker save` alone: no layout beside it.
    fs::create_dir(scratch.path("old")).unwrap();
    Run::of(program("tar").args(["xf", "docker.tar", "-C", "old"]).current_dir(scratch.path("."))).ok();
    Run::of(
        program("tar").args(["cf", "old.tar", "-C", "old", "blobs", "manifest.json"]).current_dir(scratch.path(".")),
    )
    .ok();
    let there = format!("{}/there:v1", registry.address());
    let none = format!("sha256:{}", "0".repeat(64));
    let other = format!("{}/there@{none}", registry.address());
    for (args, code, words) in [
        (&["copy", "old.tar", &there][..], 1, &["docker archive", "ocix export"][..]),
        (&["copy", "files.tar", &there], 1, &["not an archive of images"]),
        (&["copy", "site", &there], 1, &["directory of files", "ocix export"]),
        (&["copy", "store:none", &there], 1, &["there is no image `docker.io/library/none:latest`"]),
        (&["copy", "store:site:v1", "docker-archive:x.tar"], 2, &["ocix export"]),
        (&["copy", "store:site:v1", "site"], 2, &["oci:site"]),
        (&["copy", "store:site:v1", "oci:"], 2, &["PATH#NAME"]),
        (&["copy", "store:site:v1", &other], 1, &[&none, "keeps its digest"]),
        (&["copy", "store:site:v1", "a:b:c"], 2, &["is not a reference"]),
        (&["copy", "store:site:v1", &there, "--platform=linux/s390x"], 1, &["there is no image for linux/s390x"]),
        (
            &["copy", "store:site:v1", &there, "--platform=linux/s390x", "--platform=linux/amd64"],
            2,
            &["several platforms"],
        ),
        (&["push", "none:v1"], 1, &["none:v1"]),
        (&["copy", &there, "store:x"], 1, &[there.rsplit_once(':').unwrap().0]),
        (&["index", "create", &there, "store:site:v1", "--annotation=manifest:a=b"], 2, &["manifest-descriptor"]),
        (&["index", "create", &there, "store:none"], 1, &["none"]),
    ] {
        ocix(&scratch, args).failed(code, words);
    }
    assert_eq!(registry.writes(), Vec::<String>::new());

    // One that fails does not stop the others, unless that is asked for; dry runs send nothing.
    let nobody = "127.0.0.1:1/nobody:v1";
    let run = ocix(&scratch, &["copy", "store:site:v1", nobody, &there, "--dry-run"]).ok();
    assert!(
        run.stdout.contains(&format!("  PUT   http://{}/v2/there/manifests/v1 ", registry.address())),
        "{}",
        run.told()
    );
    assert_eq!(registry.writes(), Vec::<String>::new());
    let run = ocix(&scratch, &["copy", "store:site:v1", &format!("{}/Bad@x", registry.address())]);
    run.failed(2, &["is not a reference"]);
    let run = ocix(&scratch, &["copy", "store:site:v1", "oci-archive:none/x.tar", &there]);
    assert_eq!(run.code, Some(1), "{}", run.told());
    assert!(run.stdout.starts_with(&there) && run.stdout.lines().count() == 1, "{}", run.told());
}

/// A blob that is not what its digest says is not taken by anybody.
#[test]
fn damage_is_found_on_the_way() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let digest = scratch.export(scratch.site(), "type=image,name=site:v1", &[EPOCH]).ok().digest();
    let (manifest, _) = scratch.store().image(&digest);
    let layer = scratch.store().blob_path(text(&manifest["layers"][0]["digest"]));
    let mut bytes = fs::read(&layer).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(&layer).unwrap();
    fs::write(&layer, bytes).unwrap();
    let name = format!("{}/site:v1", registry.address());
    for destination in [name.as_str(), "oci:out", "oci-archive:out.tar"] {
        ocix(&scratch, &["copy", "store:site:v1", destination]).failed(1, &[text(&manifest["layers"][0]["digest"])]);
    }
    assert!(registry.tags("site").is_empty());
    assert_eq!(Layout::at(scratch.path("out")).entries(), Vec::<Value>::new());
    assert!(!scratch.path("out.tar").exists());
}

const EPOCH: &str = "--source-date-epoch=1700000000";
