//! Unpacked trees: those of umoci and containerd, whole or not there, and what the store keeps.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use ocix_tests::handmade::{self, Entry};
use ocix_tests::layout::text;
use ocix_tests::scratch::repository;
use ocix_tests::{Auth, Containerd, Registry, Run, Scratch, Tree, need, need_root, program, tree};
use rustix::fs::{XattrFlags, lsetxattr};
use serde_json::{Value, json};

/// `ocix unpack -q ARGS…`.
fn unpack(scratch: &Scratch, args: &[&str]) -> Run {
    Run::of(scratch.ocix().args(["unpack", "-q"]).args(args))
}

/// `umoci unpack ARGS…` of an image in a layout; gives the root file system.
fn umoci(scratch: &Scratch, image: &str, bundle: &str, args: &[&str]) -> Tree {
    let bundle = scratch.path(bundle);
    Run::of(program("umoci").args(["unpack", "--image"]).arg(scratch.path(image)).args(args).arg(&bundle)).ok();
    Tree::read(&bundle.join("rootfs"))
}

/// A tree with everything that a layer can hold, as the layout `layout`, `v1`.
fn everything(scratch: &Scratch, output: &str) -> Tree {
    let source = scratch.folder("tree");
    tree::make(&source, EVERYTHING);
    let set = |path: &str, name, value: &[u8]| lsetxattr(source.join(path), name, value, XattrFlags::empty()).unwrap();
    set("bin/ping", "security.capability", CAPABILITY);
    set("etc/passwd", "user.comment", b"kept\0 whole");
    set("etc", "user.folder", b"too");
    scratch.export(&source, &format!("type=oci,tar=false,dest=layout,name=x:v1{output}"), &["--xattrs"]).ok();
    Tree::read(&source)
}

#[test]
fn everything_comes_back() {
    need_root!();
    need!("umoci");
    for compression in ["uncompressed", "gzip", "zstd", "estargz"] {
        let scratch = Scratch::new();
        let source = everything(&scratch, &format!(",compression={compression}"));
        unpack(&scratch, &["oci:layout", "out"]).ok();
        source.assert_same(&Tree::read(&scratch.path("out")));
        // umoci knows neither zstd nor what is no part of an eStargz layer's files.
        if !matches!(compression, "estargz" | "zstd") {
            umoci(&scratch, "layout:v1", "bundle", &[]).assert_same(&Tree::read(&scratch.path("out")));
        }
    }
}

/// What was exported under a name is at hand under it; a registry is asked for what the store has not.
#[test]
fn a_name_is_the_stores_first() {
    need_root!();
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/team/app:v1", registry.address());
    let says = |out: &str| fs::read_to_string(scratch.path(out).join("who")).unwrap();
    scratch.write("old/who", "the registry's");
    scratch.write("new/who", "the store's");
    scratch.export("old", &format!("type=registry,name={name}"), &[]).ok();
    scratch.export("new", &format!("type=image,name={name}"), &[]).ok();
    let asked = registry.requests().len();
    unpack(&scratch, &[&name, "out"]).ok();
    assert_eq!((says("out").as_str(), registry.requests().len()), ("the store's", asked));
    unpack(&scratch, &[&format!("registry:{name}"), "outright"]).ok();
    assert_eq!(says("outright"), "the registry's");
    Run::of(scratch.ocix().args(["rm", &name])).ok();
    unpack(&scratch, &[&name, "removed"]).ok();
    assert_eq!(says("removed"), "the registry's");

    // Others ask the registry, and say where it is.
    let stored = format!("{}/team/stored:v1", registry.address());
    scratch.export("new", &format!("type=image,name={stored}"), &[]).ok();
    let inspected = Run::of(scratch.ocix().args(["inspect", &stored]));
    inspected.failed(1, &["the one in the store is", &format!("store:{stored}")]);
}

/// Without rights owners are where umoci keeps them, and devices, which it makes files of, are not there.
#[test]
fn rootless_as_umoci_has_it() {
    need_root!();
    need!("umoci");
    let scratch = Scratch::new();
    everything(&scratch, "");
    let run = Run::of(scratch.ocix().args(["unpack", "--progress=plain", "--rootless", "oci:layout", "out"])).ok();
    assert!(run.stderr.contains("2 devices were left out, `dev/disk` the first of them"), "{}", run.told());
    let theirs = umoci(&scratch, "layout:v1", "bundle", &["--rootless"]).without(&["dev/disk", "dev/null"]);
    theirs.assert_same(&Tree::read(&scratch.path("out")));
}

/// The real thing: another user, who has no rights at all.
#[test]
fn another_user_unpacks() {
    need_root!();
    need!("setpriv");
    let scratch = Scratch::new();
    everything(&scratch, "");
    let home = scratch.folder("user");
    std::os::unix::fs::chown(&home, Some(4321), Some(4322)).unwrap();
    let binary = scratch.path("ocix");
    fs::copy(ocix_tests::scratch::binary(), &binary).unwrap();
    let as_user = |args: &[&str]| {
        let mut command = program("setpriv");
        command.args(["--reuid=4321", "--regid=4322", "--clear-groups", "--bounding-set=-all"]);
        command.arg(&binary).arg("unpack").args(args).current_dir(&home);
        Run::of(command.env("HOME", &home).env("OCIX_STORE", home.join("store")))
    };
    as_user(&["-q", "oci:../layout", "out"]).failed(1, &["only root", "--rootless"]);
    let run = as_user(&["--progress=plain", "--rootless", "oci:../layout", "out"]).ok();
    assert!(run.stderr.contains("`security.capability` of `bin/ping` was not set"), "{}", run.told());
    for (path, mode) in [("", 0o755), ("bin/su", 0o4755), ("etc/shadow", 0), ("tmp", 0o1777)] {
        let metadata = fs::symlink_metadata(home.join("out").join(path)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (4321, 4322, mode), "{path}");
    }
    assert_eq!(xattr(&home.join("out/etc/shadow"), "user.rootlesscontainers"), [8, 1, 16, 2]);
}

/// Recorded images, of one platform or several, with whiteouts, opaque folders and links across layers.
#[test]
fn recorded_images_are_as_umoci_has_them() {
    need_root!();
    need!("umoci");
    let sources = repository().join("../shared/golden/sources");
    let mut compared = 0;
    for source in fs::read_dir(&sources).unwrap().map(|entry| entry.unwrap().path()) {
        let scratch = Scratch::new();
        Run::of(program("cp").arg("-r").arg(&source).arg(scratch.path("layout"))).ok();
        let graph = Run::of(scratch.ocix().args(["tree", "--json", "--no-referrers", "oci:layout"])).ok();
        let graph: Value = serde_json::from_str(&graph.stdout).unwrap();
        for (number, image) in images(&graph["roots"]).iter().enumerate() {
            // umoci goes by the name in the index.
            let index = json!({ "schemaVersion": 2, "manifests": [{
                "mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"],
                "annotations": { "org.opencontainers.image.ref.name": "it" },
            }]});
            fs::write(scratch.path("layout/index.json"), index.to_string()).unwrap();
            let out = format!("out-{number}");
            unpack(&scratch, &["oci:layout#it", &out]).ok();
            // It knows neither Docker's media types nor zstd.
            let known = text(&image["mediaType"]).contains("oci") && !source.ends_with("base-zstd");
            if known {
                let theirs = umoci(&scratch, "layout:it", &format!("bundle-{number}"), &[]);
                theirs.assert_same(&Tree::read(&scratch.path(&out)));
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// containerd unpacks the same image into a snapshot of its own.
#[test]
fn trees_are_those_of_containerd() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let layers = [
        handmade::tar(&[
            Entry::new("d", "d", ""),
            Entry::new("f", "d/gone", "0"),
            Entry::new("f", "d/kept", "1"),
            Entry { owner: (7, 8), ..Entry::new("f", "one", "1") },
            // As any tar has it: with the attributes of what it links to.
            Entry { owner: (7, 8), ..Entry::new("h", "two", "one") },
            Entry::new("d", "o", ""),
            Entry::new("f", "o/old", "0"),
            Entry::new("c", "null", "1,3"),
        ]),
        handmade::tar(&[
            Entry::new("d", "d", ""),
            Entry::new("f", "d/.wh.gone", ""),
            Entry::new("f", ".wh.one", ""),
            Entry::new("d", "o", ""),
            Entry::new("f", "o/.wh..wh..opq", ""),
            Entry::new("f", "o/new", "2"),
            Entry::new("l", "link", "d/kept"),
        ]),
    ];
    handmade::image(&scratch.path("layout"), &layers, json!({}));
    unpack(&scratch, &["oci:layout", "out"]).ok();
    Run::of(program("tar").args(["-cf", "image.tar", "-C", "layout", "."]).current_dir(scratch.path(""))).ok();
    let containerd = Containerd::start(&scratch);
    let archive = scratch.path("image.tar").display().to_string();
    containerd.ctr(&["images", "import", "--snapshotter=native", "--base-name=example.com/x", &archive]).ok();
    let mounted = scratch.folder("mounted");
    let place = mounted.display().to_string();
    containerd.ctr(&["images", "mount", "--snapshotter=native", "example.com/x:v1", &place]).ok();
    let theirs = Tree::read(&mounted);
    Run::of(program("umount").arg(&mounted)).ok();
    theirs.assert_same(&Tree::read(&scratch.path("out")));
}

#[test]
fn a_directory_is_new_or_empty_or_written_over() {
    need_root!();
    let scratch = Scratch::new();
    scratch.export(scratch.site(), "type=oci,dest=image.tar", &[]).ok();
    scratch.write("full/mine", "mine");
    scratch.write("file", "x");
    scratch.folder("empty");
    let names = || Tree::read(&scratch.path("")).without_beneath(&["store", "home"]);
    let before = names();
    for (dest, words) in [
        ("full", vec!["full", "not empty", "--force"]),
        ("file", vec!["file", "not a directory"]),
        ("not/there", vec!["not", "does not exist; make it first"]),
    ] {
        unpack(&scratch, &["image.tar", dest]).failed(1, &words);
        before.assert_same(&names());
    }
    unpack(&scratch, &["image.tar", "empty"]).ok();
    unpack(&scratch, &["--force", "image.tar", "full"]).ok();
    let mut all = Tree::read(&scratch.path("empty")).names().iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    all.push("mine".into());
    all.sort();
    assert_eq!(Tree::read(&scratch.path("full")).names(), all);
    // What is no image is said to be none.
    unpack(&scratch, &["site", "new"]).failed(1, &["site", "directory of files", "ocix export"]);
    unpack(&scratch, &["store:nothing", "new"]).failed(1, &["nothing"]);
}

/// Nothing can take the place of a mounted file system's root: it is filled, and emptied when that fails.
#[test]
fn a_mounted_directory_is_filled() {
    need_root!();
    need!("unshare", "mount");
    let scratch = Scratch::new();
    let good = handmade::tar(&[Entry::new("d", "d", ""), Entry::new("f", "d/file", "x")]);
    let long = "a".repeat(300);
    let bad = handmade::tar(&[Entry::new("d", "d", ""), Entry::new("f", "d/file", "x"), Entry::new("f", &long, "x")]);
    handmade::image(&scratch.path("good"), &[good], json!({}));
    handmade::image(&scratch.path("bad"), &[bad], json!({}));
    scratch.folder("mounted");
    let script = "mount -t tmpfs none mounted && ! $OCIX unpack -q oci:bad mounted && [ -z \"$(ls -A mounted)\" ] &&
        $OCIX unpack -q oci:good mounted && cat mounted/d/file && ls -A . | tr '\\n' ' '";
    let mut shell = program("unshare");
    shell.args(["--mount", "sh", "-c", script]).current_dir(scratch.path(""));
    shell.env("OCIX", ocix_tests::scratch::binary()).env("OCIX_STORE", scratch.path("store"));
    let run = Run::of(&mut shell).ok();
    assert_eq!(run.stdout, "xbad good home mounted ");
}

#[test]
fn what_is_damaged_is_not_written() {
    need_root!();
    let scratch = Scratch::new();
    let output = "type=oci,tar=false,dest=layout,name=x:v1,compression=uncompressed";
    let digest = scratch.export(scratch.site(), output, &[]).ok().digest();
    let layout = ocix_tests::Layout::at(scratch.path("layout"));
    let blob = layout.blob_path(text(&layout.image(&digest).0["layers"][0]["digest"]));
    let mut bytes = fs::read(&blob).unwrap();
    // In the content of `css/style.css`, behind two headers.
    bytes[1030] ^= 1;
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&blob, bytes).unwrap();
    unpack(&scratch, &["oci:layout", "out"]).failed(1, &["layer 1 of 1", "digest"]);
    assert!(!scratch.path("out").exists());
    assert_eq!(
        fs::read_dir(scratch.path(""))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains(".ocix-") })
            .count(),
        0
    );
}

/// The tree is in the store under its chain ID, once for all images of the same layers, and what is left of a crash goes.
#[test]
fn the_store_keeps_unpacked_images() {
    need_root!();
    let scratch = Scratch::new();
    let source = scratch.folder("tree");
    tree::make(&source, EVERYTHING);
    let run = |name: &str, more: &str| {
        let mut export = scratch.ocix();
        let output = format!("type=image,name={name},unpack=true{more}");
        Run::of(export.arg("export").arg(&source).args(["--output", &output, "--progress=plain"])).ok()
    };
    let digest = run("a", "").digest();
    let (_, config) = scratch.store().image(&digest);
    // Of a single layer, the chain ID is the diff ID.
    let chain = text(&config["rootfs"]["diff_ids"][0]).replace(':', "/");
    let place = scratch.path("store/unpacked").join(chain);
    Tree::read(&source).assert_same(&Tree::read(&place));
    let inode = fs::metadata(&place).unwrap().ino();
    let again = run("b", ",compression=zstd");
    assert!(again.stderr.contains("already there"), "{}", again.told());
    assert_eq!(fs::metadata(&place).unwrap().ino(), inode);
    let kept = || fs::read_dir(place.parent().unwrap()).unwrap().count();
    // The tree, and what its users have open. Buildx asks for nothing to be unpacked that goes to a registry only.
    assert_eq!(kept(), 2);
    fs::create_dir_all(scratch.path("store/ingest/tree-1-1/deep/er")).unwrap();
    scratch.export(scratch.site(), "type=image,name=c", &[]).ok();
    assert!(!scratch.path("store/ingest/tree-1-1").exists());

    // It stays for as long as an image has these layers.
    let ocix = |args: &[&str]| Run::of(scratch.ocix().args(args)).ok().stdout;
    ocix(&["rm", "a"]);
    assert!(!ocix(&["gc"]).contains("unpacked"));
    Tree::read(&source).assert_same(&Tree::read(&place));
    ocix(&["rm", "b"]);
    let would = ocix(&["gc", "--dry-run"]);
    assert!(would.contains("unpacked sha256:") && kept() == 2, "{would}");
    let told = ocix(&["gc"]);
    assert!(told.contains(", 1 unpacked root file systems"), "{told}");
    assert_eq!(kept(), 0);
    assert!(ocix(&["store", "check"]).starts_with("sound: 1 images"));
    run("a", "");
    Tree::read(&source).assert_same(&Tree::read(&place));
}

/// Manifests of images beneath roots, each once.
fn images(roots: &Value) -> Vec<Value> {
    let mut found = std::collections::BTreeMap::new();
    for root in roots.as_array().unwrap() {
        let own = [root.clone()];
        for node in root["children"].as_array().filter(|_| root["role"] == "index").map_or(&own[..], Vec::as_slice) {
            if node["role"] == "image" {
                found.insert(text(&node["digest"]).to_owned(), node.clone());
            }
        }
    }
    found.into_values().collect()
}

fn xattr(path: &Path, name: &str) -> Vec<u8> {
    let mut value = vec![0; 256];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
    value.truncate(length);
    value
}

/// `cap_net_raw+ep`, version 2.
const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const EVERYTHING: &str = r"
d 0755 0 0 1600000000 bin
f 0755 0 0 1600000001 bin/ping ping
h 0755 0 0 1600000001 bin/ping4 bin/ping
f 4755 0 0 1600000002 bin/su su
l 0777 5 6 1600000003 bin/sh ping
d 0700 0 0 1600000004 dev
b 0660 0 6 1600000005 dev/disk 8,1
p 0600 0 0 1600000006 dev/fifo
c 0666 0 0 1600000007 dev/null 1,3
d 0755 0 0 1600000008 etc
f 0644 0 0 1600000009 etc/passwd root:x:0:0
f 0000 1 2 0 etc/shadow
d 2755 0 50 1600000010 mail
f 0660 8 50 1600000010 mail/box you
d 1777 0 0 1600000010 tmp
f 0640 1000 3000000 1600000011 tmp/big\040owner n
n 0644 0 0 1600000012 tmp/numbers 400000
f 0644 0 0 1600000013 tmp/\303\274n\377 name
f 0644 0 0 1600000014 tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa long
";
