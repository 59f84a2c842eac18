//! What `inspect`, `ls`, `cat`, `diff`, `verify` and `tree` print, against what other people's programs find in the same images.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ocix_tests::layout::text;
use ocix_tests::scratch::repository;
use ocix_tests::{Auth, Registry, Run, Scratch, need, need_root, program, sha256};
use serde_json::Value;

/// `ocix ARGS…`.
fn ocix(scratch: &Scratch, args: &[&str]) -> Run {
    Run::of(scratch.ocix().args(args))
}

fn golden(path: &str) -> PathBuf {
    repository().join("../shared/golden").join(path)
}

fn sources() -> Vec<String> {
    let folder = fs::read_dir(golden("sources")).unwrap();
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// Layers with unusual entries, plain and compressed: every name, in order.
#[test]
fn a_layer_lists_as_tar_does() {
    need!("tar", "zstd");
    let scratch = Scratch::new();
    for name in ["hard-link-broken", "whiteouts", "whole-tree"] {
        let tar = golden(&format!("layers/{name}.as-built.tar"));
        let told = Run::of(program("tar").args(["--quoting-style=escape", "-tf"]).arg(&tar)).ok().stdout;
        // Each has its own way to write what is no text.
        let told = told.replace("\\377", "\\xff").replace("\\376", "\\xfe").replace("\\n", "\\u{a}");
        let plain = scratch.path("layer.tar");
        fs::copy(&tar, &plain).unwrap();
        Run::of(program("gzip").args(["-kf"]).arg(&plain)).ok();
        Run::of(program("zstd").args(["-qkf"]).arg(&plain)).ok();
        for layer in ["layer.tar", "layer.tar.gz", "layer.tar.zst"] {
            let listed = ocix(&scratch, &["ls", "--layer=0", &format!("tar:{layer}")]).ok().stdout;
            assert_eq!(listed, told, "{name} {layer}");
        }
    }
}

/// What a container sees is what umoci unpacks: every path, with type, mode, owner, size, time and link.
#[test]
fn the_merged_tree_is_what_umoci_unpacks() {
    need_root!();
    need!("umoci");
    // umoci does not know zstd.
    for name in sources().into_iter().filter(|name| name != "base-zstd") {
        let scratch = Scratch::new();
        let layout = scratch.path("layout");
        Run::of(program("cp").arg("-r").arg(golden(&format!("sources/{name}"))).arg(&layout)).ok();
        let graph = json(&ocix(&scratch, &["tree", "--json", "--no-referrers", "oci:layout"]).ok());
        let images = images(&graph["roots"]);
        // umoci knows the OCI's media types alone.
        let images = images.iter().filter(|image| text(&image["mediaType"]).contains("oci"));
        for (number, image) in images.enumerate() {
            let platform = format!("--platform={}", platform_of(&layout, image));
            let listed = ocix(&scratch, &["ls", "-R", "--json", &platform, "oci:layout"]).ok().stdout;
            let bundle = scratch.path(format!("bundle-{number}"));
            // umoci goes by the name in the index.
            let index = serde_json::json!({ "schemaVersion": 2, "manifests": [{
                "mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"],
                "annotations": { "org.opencontainers.image.ref.name": "it" },
            }]});
            let kept = fs::read(layout.join("index.json")).unwrap();
            fs::write(layout.join("index.json"), index.to_string()).unwrap();
            let reference = format!("{}:it", layout.display());
            Run::of(program("umoci").args(["unpack", "--image", &reference]).arg(&bundle)).ok();
            fs::write(layout.join("index.json"), kept).unwrap();
            let mut found = BTreeMap::new();
            walk(&bundle.join("rootfs"), Path::new(""), &mut found);
            let listed: BTreeMap<String, String> = listed.lines().map(shown).collect();
            assert_eq!(listed, found, "{name}");
        }
    }
}

/// Manifests of images beneath roots, each once.
fn images(roots: &Value) -> Vec<Value> {
    let mut found = BTreeMap::new();
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

fn platform_of(layout: &Path, image: &Value) -> String {
    let blob = |digest: &Value| -> Value {
        let path = layout.join("blobs").join(text(digest).replace(':', "/"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let config = blob(&blob(&image["digest"])["config"]["digest"]);
    let variant = config["variant"].as_str().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", text(&config["os"]), text(&config["architecture"]))
}

/// A line of `ls --json`: path, and everything that is compared.
fn shown(line: &str) -> (String, String) {
    let entry: Value = serde_json::from_str(line).unwrap();
    let (kind, mode) = (text(&entry["type"]), entry["mode"].as_u64().unwrap());
    // A further name of an inode is what the first one is.
    let kind = if kind == "hard-link" { "file" } else { kind };
    let rest = match kind {
        "symlink" => format!("{} {} {}", entry["uid"], entry["gid"], text(&entry["link"])),
        _ => format!("{mode:o} {} {} {} {}", entry["uid"], entry["gid"], entry["size"], entry["modified"]),
    };
    (text(&entry["path"]).to_owned(), format!("{kind} {rest}"))
}

/// The same of what stands on disk.
fn walk(root: &Path, under: &Path, found: &mut BTreeMap<String, String>) {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let mut entries: Vec<_> = fs::read_dir(root.join(under)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    entries.sort();
    for name in entries {
        let path = under.join(&name);
        let meta = root.join(&path).symlink_metadata().unwrap();
        let kind = meta.file_type();
        let (uid, gid, mode) = (meta.uid(), meta.gid(), meta.mode() & 0o7777);
        let line = if kind.is_symlink() {
            let link = fs::read_link(root.join(&path)).unwrap();
            format!("symlink {uid} {gid} {}", link.display())
        } else if kind.is_dir() {
            format!("directory {mode:o} {uid} {gid} 0 {}", meta.mtime())
        } else if kind.is_file() {
            format!("file {mode:o} {uid} {gid} {} {}", meta.size(), meta.mtime())
        } else {
            let kind = [(kind.is_char_device(), "character"), (kind.is_block_device(), "block")];
            let kind = kind.iter().find(|(is, _)| *is).map_or("fifo", |(_, kind)| kind);
            format!("{kind} {mode:o} {uid} {gid} 0 {}", meta.mtime())
        };
        found.insert(path.to_str().unwrap().to_owned(), line);
        if kind.is_dir() {
            walk(root, &path, found);
        }
    }
}

#[test]
fn files_are_printed_as_they_are() {
    let scratch = Scratch::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    scratch.write("tree/data/large", &bytes);
    scratch.write("tree/usr/lib/release", "NAME=site\n");
    fs::create_dir_all(scratch.path("tree/etc")).unwrap();
    std::os::unix::fs::symlink("../usr/lib/release", scratch.path("tree/etc/release")).unwrap();
    std::os::unix::fs::symlink("/etc/release", scratch.path("tree/outside")).unwrap();
    for compression in ["uncompressed", "gzip", "zstd", "estargz"] {
        let output = format!("type=oci,dest={compression}.tar,compression={compression}");
        scratch.export("tree", &output, &[]).ok();
        let cat = |path: &str| {
            let place = format!("{compression}.tar:{path}");
            scratch.ocix().args(["cat", &place]).output().unwrap()
        };
        assert_eq!(cat("/data/large").stdout, bytes, "{compression}");
        for link in ["/etc/release", "/outside", "/usr/../etc/release"] {
            assert_eq!(cat(link).stdout, b"NAME=site\n", "{compression} {link}");
        }
        let archive = format!("{compression}.tar");
        let by_flag = ocix(&scratch, &["inspect", "--file=/etc/release", &archive]).ok().stdout;
        assert_eq!(by_flag, "NAME=site\n");
        ocix(&scratch, &["cat", &format!("{archive}:/nowhere")]).failed(1, &["nowhere"]);
        ocix(&scratch, &["cat", &format!("{archive}:/etc")]).failed(1, &["directory"]);
    }
}

#[test]
fn an_image_at_a_glance() {
    let scratch = Scratch::new();
    let site = scratch.site();
    let args = ["--label=note=\u{1b}[31mred", "--cmd=serve", "--env=A=b", "--source-date-epoch=1700000000"];
    let digest = scratch.export(&site, "type=oci,dest=a.tar,name=example.com/site:v1", &args).ok().digest();
    let seen = ocix(&scratch, &["inspect", "a.tar"]).ok().stdout;
    for word in [digest.as_str(), "example.com/site:v1", "A=b", "serve", "note=\\u{1b}[31mred", "LAYER"] {
        assert!(seen.contains(word), "{word}\n{seen}");
    }
    assert!(!seen.contains('\u{1b}'), "{seen}");
    let raw = ocix(&scratch, &["inspect", "--raw", "a.tar"]).ok().stdout;
    assert_eq!(sha256(raw.as_bytes()), digest);
    let summary = json(&ocix(&scratch, &["inspect", "--json", "a.tar"]).ok());
    let config = ocix(&scratch, &["inspect", "--config", "a.tar"]).ok().stdout;
    assert_eq!(sha256(config.as_bytes()), text(&summary["configDigest"]));
    assert_eq!(summary["config"], serde_json::from_str::<Value>(&config).unwrap());
    assert_eq!(summary["layers"].as_array().unwrap().len(), 1);
    let listed = ocix(&scratch, &["ls", "a.tar:/"]).ok().stdout;
    assert_eq!(listed, ocix(&scratch, &["ls", "a.tar"]).ok().stdout);
    assert!(ocix(&scratch, &["inspect", "--layers", "a.tar"]).ok().stdout.contains("efficiency"));
    assert!(ocix(&scratch, &["inspect", "--tree", "a.tar"]).ok().stdout.lines().count() >= 3);
    ocix(&scratch, &["inspect", site.to_str().unwrap()]).failed(1, &["ocix export"]);
}

/// Everywhere where an image can be, it is the same one.
#[test]
fn wherever_it_lies() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/team/site:v1", registry.address());
    let digest = scratch.export(scratch.site(), &format!("type=image,name={name},push=true"), &[]).ok().digest();
    ocix(&scratch, &["copy", &format!("store:{name}"), "oci-archive:a.tar", "oci:b#v1"]).ok();
    Run::of(program("gzip").args(["-k"]).arg(scratch.path("a.tar"))).ok();
    let places = [name.clone(), format!("store:{name}"), "a.tar".into(), "a.tar.gz".into(), "oci:b".into()];
    let of = |place: &String, verb: &[&str]| ocix(&scratch, &[verb, &[place]].concat()).ok().stdout;
    for place in &places {
        let summary: Value = serde_json::from_str(&of(place, &["inspect", "--json"])).unwrap();
        assert_eq!(summary["digest"], digest.as_str(), "{place}");
        assert_eq!(of(place, &["ls", "-lR"]), of(&places[0], &["ls", "-lR"]), "{place}");
        let report: Value = serde_json::from_str(&of(place, &["verify", "--json"])).unwrap();
        assert_ne!(report["verdict"], "broken", "{place}");
        let compared = json(&ocix(&scratch, &["diff", "--json", "--exit-code", place, &places[0]]).ok());
        assert_eq!(compared["verdict"], "identical", "{place}");
    }
}

/// What the golden pairs differ in is known.
#[test]
fn other_times_are_told() {
    let scratch = Scratch::new();
    for name in ["hard-link-broken", "whiteouts", "whole-tree"] {
        let tar = |kind: &str| format!("tar:{}", golden(&format!("layers/{name}.{kind}.tar")).display());
        let (one, other) = (tar("as-built"), tar("timestamps-rewritten"));
        let compared = json(&ocix(&scratch, &["diff", "--json", &one, &other]).ok());
        let run = ocix(&scratch, &["diff", "--exit-code", &one, &other]);
        // Two of the three were made at a time that the rewrite leaves as it is.
        if fs::read(golden(&format!("layers/{name}.as-built.tar"))).unwrap()
            == fs::read(golden(&format!("layers/{name}.timestamps-rewritten.tar"))).unwrap()
        {
            assert_eq!((&compared["verdict"], run.code), (&Value::from("identical"), Some(0)), "{name}");
            continue;
        }
        assert_eq!(compared["verdict"], "same-files-other-times", "{name}");
        assert!(run.stdout.contains("rewrite-timestamp"), "{}", run.stdout);
        assert_eq!(run.code, Some(1));
    }
}

/// Good images of others are not broken, as skopeo finds too; a bit that flips is found.
#[test]
fn verification_agrees_with_skopeo() {
    need!("skopeo");
    // A layer that lies elsewhere is no matter for us, and skopeo wants to fetch it.
    for name in sources().into_iter().filter(|name| name != "base-nondist") {
        let scratch = Scratch::new();
        let layout = scratch.path("layout");
        Run::of(program("cp").arg("-r").arg(golden(&format!("sources/{name}"))).arg(&layout)).ok();
        let report = json(&ocix(&scratch, &["verify", "--json", "oci:layout"]).ok());
        assert_ne!(report["verdict"], "broken", "{name}: {report}");
        let copy = |to: &str| {
            let (from, to) = (format!("oci:{}", layout.display()), format!("dir:{}", scratch.path(to).display()));
            Run::of(program("skopeo").args(["--insecure-policy", "copy", "--all", &from, &to]))
        };
        copy("good").ok();
        let largest = blobs(&layout).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
        let mut bytes = fs::read(&largest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&largest, bytes).unwrap();
        assert_ne!(copy("bad").code, Some(0), "{name}");
        let run = ocix(&scratch, &["verify", "--json", "oci:layout"]);
        assert_eq!(run.code, Some(1), "{name}");
        let findings = json(&run)["findings"].to_string();
        assert!(findings.contains("digest-mismatch"), "{name}: {findings}");
    }
}

fn blobs(layout: &Path) -> Vec<PathBuf> {
    fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What is said about an image is found beneath it, where the registry has it under a tag.
#[test]
fn referrers_stand_in_the_graph() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    scratch.write("said.json", "{\"said\":1}");
    let name = format!("{}/team/site:v1", registry.address());
    let output = format!("type=registry,oci-artifact=true,name={name}");
    let args = ["--attestation=type=https://example.com/said,predicate=said.json", "--platform=linux/amd64"];
    scratch.export(scratch.site(), &output, &args).ok();
    let graph = json(&ocix(&scratch, &["tree", "--json", &name]).ok());
    let image = &graph["roots"][0]["children"][0];
    assert_eq!(image["role"], "image");
    let referrer = image["children"].as_array().unwrap().last().unwrap();
    assert_eq!(referrer["subject"], image["digest"], "{graph}");
    let drawn = ocix(&scratch, &["tree", &name]).ok().stdout;
    assert!(drawn.matches(text(&referrer["digest"])).count() >= 2, "{drawn}");
    let alone = json(&ocix(&scratch, &["tree", "--json", "--no-referrers", &name]).ok());
    assert!(
        alone["roots"][0]["children"][0]["children"].as_array().unwrap().iter().all(|node| node["subject"].is_null())
    );
}

/// Documents and layers without an image are looked at as far as they go, and what cannot be is told.
#[test]
fn what_stands_alone() {
    let scratch = Scratch::new();
    fs::copy(golden("layers/whiteouts.as-built.tar"), scratch.path("layer.tar")).unwrap();
    let layout = golden("sources/multi");
    let top: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let blob = |digest: &Value| fs::read(layout.join("blobs").join(text(digest).replace(':', "/"))).unwrap();
    let index = blob(&top["manifests"][0]["digest"]);
    let listed: Value = serde_json::from_slice(&index).unwrap();
    let manifest = blob(&listed["manifests"][1]["digest"]);
    scratch.write("index.json", &index);
    scratch.write("manifest.json", &manifest);
    let seen = ocix(&scratch, &["inspect", "index.json"]).ok().stdout;
    assert!(seen.contains("linux/arm64") && seen.contains(text(&listed["manifests"][1]["digest"])), "{seen}");
    let seen = json(&ocix(&scratch, &["inspect", "--json", "manifest.json"]).ok());
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(seen["configDigest"], manifest["config"]["digest"]);
    assert_eq!(seen["layers"][1]["digest"], manifest["layers"][1]["digest"]);
    assert!(ocix(&scratch, &["inspect", "manifest.json"]).ok().stdout.contains(text(&seen["layers"][0]["digest"])));
    let graph = json(&ocix(&scratch, &["tree", "--json", "index.json"]).ok());
    assert_eq!((&graph["alone"], &graph["roots"][0]["children"][1]["error"]), (&Value::Bool(true), &Value::Null));
    assert!(ocix(&scratch, &["tree", "index.json"]).ok().stdout.contains("alone"));
    ocix(&scratch, &["ls", "manifest.json"]).failed(1, &["stands alone"]);
    assert!(ocix(&scratch, &["inspect", "layer.tar"]).ok().stdout.contains("1, 12.00 KiB"));
    ocix(&scratch, &["tree", "layer.tar"]).failed(2, &["a lone layer has no document"]);
    ocix(&scratch, &["ls", "layer.tar:x"]).failed(2, &["write layer.tar:/x"]);
    ocix(&scratch, &["ls", "lair.tar"]).failed(1, &["lair.tar", "does not exist"]);
    ocix(&scratch, &["ls", "./lair"]).failed(1, &["./lair", "does not exist"]);
}

/// An archive of several images is looked at as a whole, and one of them by its name.
#[test]
fn several_images_in_an_archive() {
    let scratch = Scratch::new();
    let bundle = repository().join("../shared/corpora/docker-archives/test_bundle.tar");
    fs::copy(bundle, scratch.path("bundle.tar")).unwrap();
    for command in ["inspect", "tree"] {
        let seen = ocix(&scratch, &[command, "bundle.tar"]).ok().stdout;
        assert!(seen.contains("test_image_1") && seen.contains("test_image_2"), "{seen}");
    }
    assert_eq!(json(&ocix(&scratch, &["verify", "--json", "bundle.tar"]).ok())["verdict"], "sound");
    ocix(&scratch, &["ls", "bundle.tar"]).failed(1, &["name one", "test_image_1"]);
    let one = json(&ocix(&scratch, &["inspect", "--json", "docker-archive:bundle.tar#test_image_1"]).ok());
    assert!(text(&one["name"]).contains("test_image_1"), "{one}");
}

/// The documentation has every code, as the component says it.
#[test]
fn every_code_is_documented() {
    let scratch = Scratch::new();
    let codes = json(&ocix(&scratch, &["verify", "--codes", "--json"]).ok());
    let documented = fs::read_to_string(repository().join("docs/inspect.md")).unwrap();
    for code in codes.as_array().unwrap() {
        let row =
            format!("| `{}` | {} | {} |", text(&code["name"]), text(&code["severity"]), text(&code["explanation"]));
        assert!(documented.contains(&row), "docs/inspect.md has no row\n{row}");
    }
}

/// Limits can be set, and what is met is told.
#[test]
fn limits_are_told() {
    let scratch = Scratch::new();
    scratch.export(scratch.site(), "type=oci,dest=a.tar", &[]).ok();
    ocix(&scratch, &["ls", "--limit=entries=1", "a.tar"]).failed(1, &["more than 1 entries"]);
    ocix(&scratch, &["ls", "--limit=decompressed=1KiB", "a.tar"]).failed(1, &["more than 1 KiB"]);
    ocix(&scratch, &["ls", "--limit=files=1", "a.tar"]).failed(2, &["not a limit"]);
    let run = ocix(&scratch, &["verify", "--json", "--limit=entries=1", "a.tar"]);
    assert!(json(&run)["findings"].to_string().contains("limit-"), "{}", run.stdout);
}
