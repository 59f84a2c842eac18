//! Images into containerd's own store, as `ctr` sees them there.

mod faults;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ocix_tests::{Auth, Containerd, Registry, Run, Scratch, need, need_root, program};
use serde_json::Value;

#[test]
fn an_image_arrives_whole_and_stays() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let containerd = Containerd::start(&scratch);
    let output = "type=image,name=example.com/site:v1";
    let epoch = "--source-date-epoch=1700000000";
    let run = scratch.export(scratch.site(), output, &[&containerd.store(""), epoch]).ok();
    let digest = run.digest();
    assert_eq!(run.stdout, format!("example.com/site:v1@{digest}\n"));
    assert_eq!(containerd.list(&["images", "ls", "-q"]), ["example.com/site:v1"]);
    let check = containerd.ctr(&["images", "check", "--snapshotter=native"]).ok().stdout;
    let line = check.lines().nth(1).unwrap();
    assert!(line.contains(&digest) && line.contains("complete (2/2)"), "{check}");
    assert!(line.trim_end().ends_with("false"), "{check}");
    // Nothing of the job is left, and nothing of the image is collected when everything is that can be.
    assert_eq!(containerd.list(&["leases", "ls", "-q"]), Vec::<String>::new());
    assert_eq!(containerd.list(&["content", "active"]).len(), 1, "a heading");
    let blobs = containerd.list(&["content", "ls", "-q"]);
    assert_eq!(blobs.len(), 3);
    collect(&containerd);
    assert_eq!(containerd.list(&["content", "ls", "-q"]), blobs);
    assert!(!scratch.path("store/index.json").exists() && !scratch.path("store/blobs").exists());
    // The same bytes as everywhere.
    assert_eq!(scratch.export(scratch.site(), output, &[epoch]).ok().digest(), digest);
    let manifest = document(&containerd, &digest);
    let [config, layer] = [&manifest["config"], &manifest["layers"][0]].map(|it| it["digest"].as_str().unwrap());
    let held = [format!("containerd.io/gc.ref.content.0={config}"), format!("containerd.io/gc.ref.content.1={layer}")];
    assert_eq!(containerd.labels(&digest), held);
    let diff_id = document(&containerd, config)["rootfs"]["diff_ids"][0].as_str().unwrap().to_owned();
    assert_eq!(containerd.labels(layer), [format!("containerd.io/uncompressed={diff_id}")]);

    // Another image takes the name, and what it had goes.
    scratch.write("site/more", "more\n");
    let other = scratch.export(scratch.site(), output, &[&containerd.store("")]).ok().digest();
    let check = containerd.ctr(&["images", "check", "--snapshotter=native"]).ok().stdout;
    assert!(check.contains(&other) && check.contains("complete (2/2)") && !check.contains(&digest), "{check}");
    collect(&containerd);
    assert!(!containerd.list(&["content", "ls", "-q"]).contains(&digest));
}

/// Namespaces do not see each other's images, and share their blobs.
#[test]
fn namespaces_share_blobs() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let containerd = Containerd::start(&scratch);
    for namespace in ["one", "two"] {
        let store = containerd.store(&format!("?namespace={namespace}"));
        scratch.export(scratch.site(), "type=image,name=example.com/site:v1", &[&store]).ok();
    }
    for namespace in ["one", "two"] {
        let check = containerd.ctr(&["--namespace", namespace, "images", "check"]).ok().stdout;
        assert!(check.contains("complete (2/2)"), "{check}");
    }
    assert_eq!(containerd.list(&["images", "ls", "-q"]), Vec::<String>::new());
    assert_eq!(containerd.list(&["namespaces", "ls", "-q"]), ["one", "two"]);
}

/// An index of two platforms with what is said about them, every codec and a base: containerd finds all of it.
#[test]
fn everything_that_an_index_lists_is_there() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let containerd = Containerd::start(&scratch);
    let site = scratch.site();
    let source = |platform: &str| format!("{platform}={}", site.display());
    scratch.write("predicate", "{\"builder\":{\"id\":\"me\"}}");
    let mut command = scratch.ocix();
    command.args(["export", &source("linux/amd64"), &source("linux/arm64"), "--progress=none"]);
    command.arg("--attestation=type=https://slsa.dev/provenance/v1,predicate=predicate").arg(containerd.store(""));
    for codec in ["gzip", "zstd", "estargz", "uncompressed"] {
        command.args(["-o", &format!("type=image,name=example.com/{codec}:v1,compression={codec},unpack=true")]);
    }
    Run::of(&mut command).ok();
    collect(&containerd);
    let check = containerd.ctr(&["images", "check", "--snapshotter=native"]).ok().stdout;
    assert_eq!(check.lines().count(), 5, "{check}");
    for line in check.lines().skip(1) {
        assert!(line.contains("complete (2/2)") && line.trim_end().ends_with("true"), "{check}");
    }
    // An archive takes what the platform of this machine does not need, too.
    let archive = scratch.path("all.tar").display().to_string();
    containerd.ctr(&["images", "export", "--all-platforms", &archive, "example.com/zstd:v1"]).ok();
}

#[test]
fn what_is_unpacked_runs_and_is_used_again() {
    need_root!();
    need!("containerd", "ctr", "runc");
    let scratch = Scratch::new();
    let containerd = Containerd::start(&scratch);
    let root = scratch.folder("root");
    programs(&root, &["echo", "cat"]);
    scratch.write("root/greeting", "hello from a layer\n");
    let export = |name: &str| {
        let output = format!("type=image,name={name},unpack=true,compression=zstd");
        scratch.export(&root, &output, &[&containerd.store("")]).ok()
    };
    export("example.com/run:v1");
    let snapshots = containerd.list(&["snapshots", "--snapshotter=native", "ls"]);
    assert_eq!(snapshots.len(), 2, "a heading and a layer: {snapshots:?}");
    // The layer is there, and what holds it.
    export("example.com/run:v2");
    assert_eq!(containerd.list(&["snapshots", "--snapshotter=native", "ls"]), snapshots);
    collect(&containerd);
    assert_eq!(containerd.list(&["snapshots", "--snapshotter=native", "ls"]), snapshots);
    let check = containerd.ctr(&["images", "check", "--snapshotter=native"]).ok().stdout;
    assert!(check.lines().skip(1).all(|line| line.trim_end().ends_with("true")), "{check}");
    let image = "example.com/run:v1";
    let run = ["run", "--rm", "--snapshotter=native", "--net-host", image, "greeter", "/usr/bin/cat", "/greeting"];
    assert_eq!(containerd.ctr(&run).ok().stdout, "hello from a layer\n");
    // A failure tells so, and leaves nothing active.
    let store = containerd.store("").replace("native", "no-such");
    let output = "type=image,name=example.com/other:v1,unpack=true";
    scratch.export(&root, output, &[&store]).failed(1, &["no-such"]);
    assert_eq!(containerd.list(&["images", "ls", "-q"]), [image, "example.com/run:v2"]);
    assert_eq!(containerd.list(&["snapshots", "--snapshotter=native", "ls"]), snapshots);
}

/// Where an image was pushed is known to containerd, and to the next push.
#[test]
fn pushes_are_remembered_in_labels() {
    need_root!();
    need!("containerd", "ctr", "docker-registry");
    let scratch = Scratch::new();
    let (containerd, registry) = (Containerd::start(&scratch), Registry::start(&scratch, Auth::None));
    let push = |repository: &str| {
        let output = format!("type=image,name={}/{repository}:v1,push=true", registry.address());
        let mut command = scratch.ocix();
        command.arg("export").arg(scratch.site()).args(["-o", &output, "--progress=plain"]);
        Run::of(command.arg(containerd.store(""))).ok()
    };
    let digest = push("team/one").stdout.trim().rsplit_once('@').unwrap().1.to_owned();
    let layer = document(&containerd, &digest)["layers"][0]["digest"].as_str().unwrap().to_owned();
    let label = |names: &str| format!("containerd.io/distribution.source.{}={names}", registry.address());
    assert!(containerd.labels(&layer).contains(&label("team/one")), "{:?}", containerd.labels(&layer));
    let again = push("team/two");
    assert!(again.stderr.contains("mounted from team/one"), "{}", again.told());
    // `ctr` shows labels with commas between them, and this one has one in it.
    let listed = containerd.ctr(&["content", "ls"]).ok().stdout;
    assert!(listed.contains(&label("team/one,team/two")), "{listed}");
}

/// A collection of everything that nothing holds, done when this is.
fn collect(containerd: &Containerd) {
    let lease = containerd.ctr(&["leases", "create"]).ok().stdout;
    containerd.ctr(&["leases", "delete", "--sync", lease.trim()]).ok();
}

/// A document of the namespace `default`.
fn document(containerd: &Containerd, digest: &str) -> Value {
    serde_json::from_str(&containerd.ctr(&["content", "get", digest]).ok().stdout).unwrap()
}

/// This machine's programs in a root file system, with the libraries that they need.
fn programs(root: &Path, names: &[&str]) {
    for name in names {
        let path = PathBuf::from("/usr/bin").join(name);
        let needed = Run::of(program("ldd").arg(&path)).ok().stdout;
        let libraries = needed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
        for file in libraries.chain([path]) {
            let to = root.join(file.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&file, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    for folder in ["proc", "sys", "dev", "run", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
}
