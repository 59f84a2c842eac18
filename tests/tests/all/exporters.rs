//! What every exporter writes is read by other people's programs, and by ocix again.

use std::fs;
use std::path::Path;

use ocix_tests::{Auth, Containerd, Layout, Registry, Run, Scratch, Tree, need, need_root, program, sha256, tree};
use serde_json::Value;

/// Two layers: the upper one removes a file, replaces a folder's content and adds a link.
fn stack(scratch: &Scratch) -> String {
    let (lower, upper) = (scratch.folder("lower"), scratch.folder("upper"));
    tree::make(&lower, LOWER);
    tree::make(&upper, UPPER);
    scratch.export(&lower, "type=oci,dest=lower.tar", EPOCH).ok();
    scratch.export(&upper, "type=oci,dest=stack.tar,name=example.com/stack:v1", &[EPOCH, BASE].concat()).ok();
    "oci:stack.tar".into()
}

fn export(scratch: &Scratch, args: &[&str]) -> Run {
    Run::of(scratch.ocix().arg("export").arg("--progress=none").args(args)).ok()
}

#[test]
fn skopeo_reads_every_form() {
    need!("skopeo");
    let scratch = Scratch::new();
    let source = stack(&scratch);
    let outputs = ["type=oci,dest=a.tar,name=example.com/a:v1", "type=oci,dest=layout,tar=false,name=example.com/a:v1"];
    let docker = "type=docker,dest=d.tar,name=example.com/a:v1,oci-mediatypes=false";
    let done = export(&scratch, &[&source, "-o", outputs[0], "-o", outputs[1], "-o", docker]);
    let digest = done.stdout.lines().next().unwrap().rsplit_once('@').unwrap().1.to_owned();
    for from in ["oci-archive:a.tar:v1", "oci:layout:v1", "docker-archive:d.tar:example.com/a:v1"] {
        let mut skopeo = program("skopeo");
        skopeo.current_dir(scratch.path("")).args(["--insecure-policy", "copy", from, "dir:copy"]);
        Run::of(&mut skopeo).ok();
        let manifest = fs::read(scratch.path("copy/manifest.json")).unwrap();
        if from.starts_with("oci") {
            assert_eq!(sha256(&manifest), digest, "{from}");
        }
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 2, "{from}");
        fs::remove_dir_all(scratch.path("copy")).unwrap();
    }
    assert_eq!(Layout::at(scratch.path("layout")).strays(), Vec::<std::path::PathBuf>::new());
    let mut names: Vec<_> =
        fs::read_dir(scratch.path("layout")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
}

/// The tree that umoci unpacks is the one that `local` writes and the one in the archive of `tar`.
#[test]
fn root_file_systems_are_those_of_umoci() {
    need_root!();
    need!("umoci", "tar");
    let scratch = Scratch::new();
    let source = stack(&scratch);
    let layout = "type=oci,dest=layout,tar=false,name=example.com/a:v1";
    let no_epoch = "type=local,dest=local,source-date-epoch=";
    export(&scratch, &[&source, "-o", layout, "-o", no_epoch, "-o", "type=tar,dest=root.tar,source-date-epoch="]);
    let image = format!("{}:v1", scratch.path("layout").display());
    Run::of(program("umoci").args(["unpack", "--image", &image]).arg(scratch.path("bundle"))).ok();
    let expected = Tree::read(&scratch.path("bundle/rootfs"));
    assert_eq!(expected.names(), ["etc", "etc/new", "etc/passwd", "link", "opaque", "opaque/only", "tool", "tool2"]);
    expected.assert_same(&Tree::read(&scratch.path("local")));
    let unpacked = scratch.folder("unpacked");
    Run::of(program("tar").args(["-xpf"]).arg(scratch.path("root.tar")).arg("-C").arg(&unpacked)).ok();
    expected.assert_same(&Tree::read(&unpacked));

    // What stands there already stays, unless the image has it.
    scratch.write("local/mine", "mine");
    scratch.write("local/etc/passwd", "mine");
    export(&scratch, &[&source, "-o", "local"]);
    assert_eq!(fs::read_to_string(scratch.path("local/mine")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(scratch.path("local/etc/passwd")).unwrap(), "root:x:0:0");
    // With an epoch, it is the time of everything.
    let modified = fs::metadata(scratch.path("local/etc/passwd")).unwrap().modified().unwrap();
    assert_eq!(modified, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_002));
    Run::of(scratch.ocix().args(["export", &source, "-o", "other", "--progress=none"]).args(EPOCH)).ok();
    let modified = fs::metadata(scratch.path("other/etc/passwd")).unwrap().modified().unwrap();
    assert_eq!(modified, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000));
}

#[test]
fn containerd_imports_every_archive() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let source = stack(&scratch);
    scratch.write("predicate", "{\"builder\":{\"id\":\"me\"}}");
    let attestation = "--attestation=type=https://slsa.dev/provenance/v1,predicate=predicate";
    for (dest, output, more) in [
        ("a.tar", "type=oci,dest=a.tar,name=example.com/a:v1", None),
        ("b.tar", "type=docker,dest=b.tar,name=example.com/b:v1", None),
        ("c.tar", "type=oci,dest=c.tar,name=example.com/c:v1,compression=zstd,force-compression=true", None),
        ("d.tar", "type=oci,dest=d.tar,name=example.com/d:v1,compression=estargz,force-compression=true", None),
        ("e.tar", "type=oci,dest=e.tar,name=example.com/e:v1", Some(attestation)),
    ] {
        let mut args = vec![source.as_str(), "-o", output];
        args.extend(more);
        export(&scratch, &args);
        assert!(scratch.path(dest).exists());
    }
    let containerd = Containerd::start(&scratch);
    for dest in ["a", "b", "c", "d", "e"] {
        containerd
            .ctr(&[
                "images",
                "import",
                "--all-platforms",
                "--no-unpack",
                &scratch.path(format!("{dest}.tar")).display().to_string(),
            ])
            .ok();
        let name = format!("example.com/{dest}:v1");
        let check = containerd.ctr(&["images", "check", &format!("name=={name}")]).ok().stdout;
        assert!(check.contains(&name) && check.contains("complete"), "{check}");
    }
}

/// Another parser finds every document to be what it says.
#[test]
fn oci_spec_parses_every_document() {
    let scratch = Scratch::new();
    let source = stack(&scratch);
    scratch.write("predicate", "{}");
    let attestation = "--attestation=type=https://slsa.dev/provenance/v1,predicate=predicate";
    let outputs = ["-o", "type=oci,dest=a,tar=false", "-o", "type=oci,dest=b,tar=false,oci-artifact=false,name=x"];
    export(&scratch, &[&[source.as_str(), attestation, "--multi-platform"], &outputs[..]].concat());
    for (folder, artifacts) in [("a", 1), ("b", 0)] {
        let layout = Layout::at(scratch.path(folder));
        let index = oci_spec::image::ImageIndex::from_file(layout.root().join("index.json")).unwrap();
        let root = &index.manifests()[0];
        let index = oci_spec::image::ImageIndex::from_reader(&layout.blob(root.digest().as_ref())[..]).unwrap();
        let mut found = 0;
        for manifest in index.manifests() {
            let manifest = layout.blob(manifest.digest().as_ref());
            let manifest = oci_spec::image::ImageManifest::from_reader(&manifest[..]).unwrap();
            if manifest.artifact_type().is_some() {
                found += 1;
                continue;
            }
            let config = layout.blob(manifest.config().digest().as_ref());
            let config = oci_spec::image::ImageConfiguration::from_reader(&config[..]).unwrap();
            assert_eq!(config.rootfs().diff_ids().len(), manifest.layers().len());
        }
        assert_eq!((index.manifests().len(), found), (2, artifacts), "{folder}");
    }
}

/// The same image, whatever holds it.
#[test]
fn every_source_gives_the_same_image() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let source = stack(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/team/stack:v1", registry.address());
    let digest = export(&scratch, &[&source, "-o", &format!("type=image,name={name},push=true")]).digest();
    export(&scratch, &[&source, "-o", "type=docker,dest=d.tar,name=example.com/d:v1"]);
    export(&scratch, &[&source, "-o", "type=oci,dest=layout,tar=false,name=example.com/l:v1"]);
    Run::of(program("gzip").arg("-k").arg(scratch.path("stack.tar"))).ok();
    for source in [
        format!("registry:{name}"),
        format!("docker://{}/team/stack@{digest}", registry.address()),
        format!("store:{name}"),
        "oci-archive:stack.tar#example.com/stack:v1".into(),
        "stack.tar.gz".into(),
        "docker-archive:d.tar#example.com/d:v1".into(),
        "oci:layout#v1".into(),
        "layout".into(),
    ] {
        let again = export(&scratch, &[&source, "-o", "type=image,name=example.com/again:v1"]).digest();
        assert_eq!(again, digest, "{source}");
    }
    let piped = fs::read(scratch.path("stack.tar")).unwrap();
    let mut ocix = scratch.ocix();
    ocix.args(["export", "-", "-o", "type=image,name=example.com/piped:v1", "--progress=none"]);
    assert_eq!(Run::fed(&mut ocix, &piped).ok().digest(), digest);

    // From one repository to another of the same registry nothing is sent but names: the layers are mounted.
    let other = format!("{}/other/stack:v2", registry.address());
    let before = registry.writes().len();
    let store = scratch.path("other-store").display().to_string();
    export(
        &scratch,
        &[&format!("registry:{name}"), "-o", &format!("type=registry,name={other},store=false"), "--store", &store],
    );
    let writes = registry.writes().split_off(before);
    assert!(writes.iter().any(|request| request.contains("mount=")), "{writes:#?}");
    assert!(!writes.iter().any(|request| request.starts_with("PATCH")), "{writes:#?}");
    assert_eq!(registry.tags("other/stack"), ["v2"]);
    assert_eq!(Layout::at(store).blobs(), Vec::<String>::new());
}

/// Recompressed and annotated without a rebuild.
#[test]
fn recompressed_from_registry_to_registry() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let source = stack(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    let (from, to) = (format!("{}/a:v1", registry.address()), format!("{}/b:v1", registry.address()));
    export(&scratch, &[&source, "-o", &format!("type=registry,name={from}")]);
    let output = format!("type=registry,name={to},compression=zstd,force-compression=true,annotation.x=y");
    let digest = export(&scratch, &[&format!("registry:{from}"), "-o", &output]).digest();
    let (manifest, config) = scratch.store().image(&digest);
    assert_eq!(manifest["annotations"]["x"], "y");
    for layer in manifest["layers"].as_array().unwrap() {
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
    }
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
}

/// `docker buildx` users know these.
#[test]
fn shorthands() {
    let scratch = Scratch::new();
    let site = scratch.site();
    let run = |args: &[&str]| {
        Run::of(scratch.ocix().arg("export").arg(&site).args(["--progress=none"]).args(EPOCH).args(args))
    };
    run(&["-o", "folder"]).ok();
    assert_eq!(Tree::read(&scratch.path("folder")).names(), ["css", "css/style.css", "index.html", "latest"]);
    let mut tar = scratch.ocix();
    tar.args(["export", "site", "-o", "-", "--progress=none"]).args(EPOCH);
    let tar = tar.output().unwrap();
    assert!(tar.status.success() && tar.stdout.len().is_multiple_of(512) && tar.stdout[257..262] == *b"ustar");
    let files = ["--metadata-file", "meta.json", "--iidfile", "iid"];
    let tagged =
        run(&[&["-o", "type=image,name=a:1", "-t", "b:2", "--annotation", "manifest:k=V"], &files[..]].concat()).ok();
    assert!(tagged.stdout.starts_with("b:2@"), "{}", tagged.told());
    let metadata: Value = serde_json::from_slice(&fs::read(scratch.path("meta.json")).unwrap()).unwrap();
    assert_eq!(metadata["image.name"], "b:2");
    assert_eq!(metadata["containerimage.digest"], tagged.digest());
    assert_eq!(metadata["ocix.exports"][0]["targets"][0]["outcome"], "done");
    assert_eq!(metadata["containerimage.config.digest"], fs::read_to_string(scratch.path("iid")).unwrap());
    assert_eq!(scratch.store().image(&tagged.digest()).0["annotations"]["k"], "V");
    assert!(scratch.store().named("docker.io/library/a:1").is_none());
    assert!(run(&["-t", "c:3"]).ok().stdout.starts_with("c:3@"));
    assert!(scratch.store().named("docker.io/library/c:3").is_some());
    run(&["-o", "type=image,name=a:1,bogus=1"]).failed(2, &["bogus"]);
    run(&["-o", "type=cacheonly"]).ok();
    run(&[]).failed(2, &["no output"]);
}

/// An index out of two directories.
#[test]
fn directories_of_platforms() {
    let scratch = Scratch::new();
    scratch.site();
    let output = "type=image,name=example.com/multi:v1,annotation-index.k=v";
    let digest = export(&scratch, &["linux/amd64=site", "linux/arm64=site", "-o", output]).digest();
    let index = scratch.store().json(&digest);
    assert_eq!(index["annotations"]["k"], "v");
    let platforms: Vec<&Value> =
        index["manifests"].as_array().unwrap().iter().map(|image| &image["platform"]["architecture"]).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    let picked =
        export(&scratch, &["store:example.com/multi:v1", "--platform=linux/arm64", "-o", "type=image,name=x"]).digest();
    assert_eq!(index["manifests"][1]["digest"], picked);
    let wrong = Run::of(scratch.ocix().args([
        "export",
        "store:example.com/multi:v1",
        "--platform=linux/s390x",
        "-o",
        "type=image",
    ]));
    wrong.failed(1, &["linux/s390x", "linux/amd64, linux/arm64"]);
}

/// Nobody sees half of what is written, and a failure leaves nothing.
#[test]
fn destinations_are_whole_or_not_there() {
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("damaged.tar", vec![b'x'; 4096]);
    scratch.write("out.tar", "mine");
    Run::of(scratch.ocix().args(["export", "damaged.tar", "-o", "type=oci,dest=out.tar", "--progress=none"]))
        .failed(1, &["damaged.tar"]);
    assert_eq!(fs::read_to_string(scratch.path("out.tar")).unwrap(), "mine");
    for (dest, words) in [("site", "directory"), ("no/folder/out.tar", "no/folder")] {
        let output = format!("type=oci,dest={dest}");
        let run = Run::of(scratch.ocix().args(["export", "site", "-o", &output, "--progress=none"]));
        assert!(run.code != Some(0) && run.stderr.contains(words), "{}", run.told());
    }
    let names: Vec<String> = fs::read_dir(scratch.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().all(|name| !name.contains("ocix-")), "{names:?}");
    assert!(Path::new("/dev/full").exists());
    let full = Run::of(scratch.ocix().args(["export", "site", "-o", "type=oci,dest=/dev/full", "--progress=none"]));
    assert!(full.code == Some(1) && full.stderr.contains("space"), "{}", full.told());
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
const BASE: &[&str] = &["--base=oci:lower.tar"];

const LOWER: &str = r"
d 0755 0 0 1600000001 etc
f 0644 0 0 1600000002 etc/passwd root:x:0:0
f 0644 0 0 1600000003 gone gone
d 0755 0 0 1600000004 opaque
f 0644 0 0 1600000005 opaque/hidden hidden
f 0755 7 8 1600000006 tool tool
h 0755 7 8 1600000006 tool2 tool
";

const UPPER: &str = r"
f 0000 0 0 0 .wh.gone
d 0750 0 0 1600000010 etc
f 0600 1 2 1600000011 etc/new new
l 0777 0 0 1600000012 link etc/new
d 0755 0 0 1600000013 opaque
f 0000 0 0 0 opaque/.wh..wh..opq
f 0644 0 0 1600000014 opaque/only only
";
