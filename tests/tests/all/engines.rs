//! Container engines: docker's protocol against an engine that is played, podman's against the real one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use ocix_tests::layout::text;
use ocix_tests::{Docker, Podman, Run, Scratch, need, need_root, sha256};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The archive is the one that `type=docker` writes, and the names mean its config.
#[test]
fn docker_gets_what_docker_load_reads() {
    need!("tar");
    let scratch = Scratch::new();
    let docker = Docker::default().start(&scratch.path("d.sock"));
    let names = ["-t", "site:v1", "-t", "example.com/x"];
    let store = docker.store();
    let args = [&["--store", &store], &names[..], EPOCH].concat();
    let run = scratch.export(scratch.site(), "type=image", &args).ok();
    scratch.export("site", "type=docker,dest=a.tar", &[&names[..], EPOCH].concat()).ok();
    let archives = docker.archives();
    assert_eq!(archives, [fs::read(scratch.path("a.tar")).unwrap()]);
    let config = config(&archives[0]);
    for name in ["docker.io/library/site:v1", "example.com/x:latest"] {
        assert_eq!(docker.images()[name], config);
    }
    assert!(run.stdout.starts_with("site:v1@sha256:") && run.stdout.lines().count() == 2, "{}", run.told());
    scratch.store().assert_empty();
    let asked = docker.asked();
    let expected = [
        "GET /_ping",
        "GET /v1.47/version",
        "GET /v1.47/info",
        "POST /v1.47/images/load?quiet=0",
        "GET /v1.47/images/site:v1/json",
        "GET /v1.47/images/example.com/x:latest/json",
    ];
    assert_eq!(asked, expected);
}

/// Docker that keeps images in containerd takes indexes; the archive is the one that `type=oci` writes.
#[test]
fn containerd_in_docker_gets_every_platform() {
    need!("tar");
    let scratch = Scratch::new();
    scratch.site();
    let docker = Docker { containerd: true, ..Docker::default() }.start(&scratch.path("d.sock"));
    let export = |output: &[&str]| {
        let mut ocix = scratch.ocix();
        ocix.args(["export", "linux/amd64=site", "linux/arm64=site", "-t", "example.com/x:1", "--progress=none"]);
        Run::of(ocix.args(EPOCH).args(output)).ok()
    };
    let digest = export(&["--store", &docker.store(), "-o", "type=image"]).digest();
    export(&["-o", "type=oci,dest=a.tar"]);
    assert_eq!(docker.archives(), [fs::read(scratch.path("a.tar")).unwrap()]);
    assert_eq!(docker.images()["example.com/x:1"], digest);
}

/// Docker itself has one platform: that of its machine.
#[test]
fn docker_gets_the_platform_that_it_runs() {
    need!("tar");
    for (architecture, other) in [("amd64", "arm64"), ("arm64", "amd64")] {
        let scratch = Scratch::new();
        scratch.site();
        scratch.write("arm/file", "arm");
        let docker = Docker { architecture: Some(architecture), ..Docker::default() }.start(&scratch.path("d.sock"));
        let mut ocix = scratch.ocix();
        ocix.args(["export", "linux/amd64=site", "linux/arm64=arm", "-t", "x", "--store", &docker.store()]).args(EPOCH);
        let run = Run::of(&mut ocix).ok();
        assert!(run.stderr.contains(&format!("for linux/{architecture}")), "{}", run.told());
        let archive = docker.archives().remove(0);
        let config: Value = serde_json::from_str(&member(&archive, &path(&config(&archive)))).unwrap();
        assert_eq!(text(&config["architecture"]), architecture);

        let nothing = Docker { architecture: Some("riscv64"), ..Docker::default() }.start(&scratch.path("n.sock"));
        let mut ocix = scratch.ocix();
        ocix.args(["export", "linux/amd64=site", "linux/arm64=arm", "-t", "x", "--store", &nothing.store()])
            .args(EPOCH);
        Run::of(ocix.arg("--progress=none")).failed(1, &["linux/riscv64", &format!("linux/{other}")]);
        assert!(nothing.archives().is_empty());
    }
}

#[test]
fn an_image_without_a_name_is_there_by_its_digest() {
    need!("tar");
    let scratch = Scratch::new();
    let docker = Docker::default().start(&scratch.path("d.sock"));
    scratch.export(scratch.site(), "type=image", &["--store", &docker.store(), EPOCH[0]]).ok();
    assert_eq!(docker.images().keys().cloned().collect::<Vec<_>>(), [config(&docker.archives()[0])]);
}

/// What a real one says when it does not take an archive, keeps something else, or goes away.
#[test]
fn the_engine_has_the_last_word() {
    need!("tar");
    let refused = json!({ "errorDetail": { "message": "write /x: no space left on device" }, "error": "write /x: no space left on device" });
    let table: [(Docker, &[&str]); 3] = [
        (
            Docker { says: vec![layer(1), refused], ..Docker::default() },
            &["docker at unix://", "did not take", "no space left on device"],
        ),
        (Docker { hangs_up: true, ..Docker::default() }, &["docker at unix://", "went away"]),
        (Docker { swaps: true, ..Docker::default() }, &["docker at unix://", "example.com/x:1", "and not this image"]),
    ];
    for (docker, words) in table {
        let scratch = Scratch::new();
        let docker = docker.start(&scratch.path("d.sock"));
        let args = ["--store", &docker.store(), EPOCH[0]];
        scratch.export(scratch.site(), "type=image,name=example.com/x:1", &args).failed(1, words);
    }
}

#[test]
fn what_the_engine_does_is_shown() {
    need!("tar");
    let scratch = Scratch::new();
    let docker = Docker { says: vec![layer(1000), layer(2000)], ..Docker::default() }.start(&scratch.path("d.sock"));
    let mut ocix = scratch.ocix();
    ocix.args(["export"]).arg(scratch.site()).args(["-t", "x", "--progress=json", "--store", &docker.store()]);
    let run = Run::of(ocix.args(EPOCH)).ok();
    let steps = run.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let loading: Vec<_> =
        steps.filter(|step| step["subject"].as_str().is_some_and(|it| it.contains("loading layer"))).collect();
    let last = loading.last().unwrap();
    assert_eq!((&last["done"], &last["total"], &last["outcome"]), (&json!(2000), &json!(2000), &json!("done")));
}

/// `--load` finds docker as `docker` does, and says where it looked.
#[test]
fn load_loads() {
    need!("tar");
    let scratch = Scratch::new();
    let docker = Docker::default().start(&scratch.path("d.sock"));
    let load = |host: &str| {
        let mut ocix = scratch.ocix();
        ocix.args(["export"]).arg(scratch.site()).args(["--load", "-t", "site:v1", "--progress=none"]).args(EPOCH);
        Run::of(ocix.env("DOCKER_HOST", host))
    };
    let run = load(&format!("unix://{}", scratch.path("d.sock").display())).ok();
    assert!(run.stdout.starts_with("docker.io/library/site:v1@sha256:"), "{}", run.told());
    assert_eq!(docker.images()["docker.io/library/site:v1"], config(&docker.archives()[0]));
    scratch.store().assert_empty();
    load("unix:///nowhere/d.sock").failed(1, &["unix:///nowhere/d.sock", "docker load", "dest=-"]);
    load("tcp://192.0.2.1:2375").failed(2, &["tcp://192.0.2.1:2375", "without TLS"]);
    load("ssh://me@there").failed(2, &["ssh -L"]);
}

/// The engine has half an archive, which is none: the connection ends before the chunk that would be the last.
#[test]
fn an_interrupt_leaves_the_engine_without_it() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(scratch.path("d.sock")).unwrap();
    let (begun, begins) = mpsc::channel();
    let engine = std::thread::spawn(move || {
        for connection in listener.incoming().map(|connection| connection.unwrap()) {
            let mut reader = BufReader::new(connection);
            let (mut first, mut line) = (String::new(), String::new());
            reader.read_line(&mut first).unwrap();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let body = match first.split(' ').nth(1).unwrap() {
                "/_ping" => "OK",
                "/v1.47/version" => r#"{"Os":"linux","Arch":"amd64"}"#,
                "/v1.47/info" => "{}",
                _ => {
                    reader.read_exact(&mut vec![0; 1 << 20]).unwrap();
                    begun.send(()).unwrap();
                    std::thread::sleep(Duration::from_millis(500));
                    let mut rest = Vec::new();
                    let _ = reader.read_to_end(&mut rest);
                    return rest.ends_with(b"\r\n0\r\n\r\n");
                }
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\napi-version: 1.47\r\ncontent-length: {length}\r\n\r\n{body}");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
        false
    });
    // More than is ever on the way.
    fs::create_dir(scratch.path("tree")).unwrap();
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(64 << 20).unwrap();
    let store = format!("docker:{}", scratch.path("d.sock").display());
    let mut ocix = scratch.exporting("tree", "type=image,name=x,compression=uncompressed", &["--store", &store]);
    let child = ocix.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    begins.recv_timeout(Duration::from_secs(60)).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Run::ended("an export that was stopped".into(), child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.told());
    assert!(!engine.join().unwrap(), "the archive came to its end");
    scratch.store().assert_empty();
}

#[test]
fn podman_has_the_image() {
    need!("podman");
    need_root!();
    let scratch = Scratch::new();
    let podman = Podman::start(&scratch);
    let store = podman.store();
    let args = ["--store", &store, "-t", "example.com/x:1", "-t", "site", EPOCH[0]];
    for compression in ["gzip", "zstd", "uncompressed"] {
        let output = format!("type=image,compression={compression}");
        scratch.export(scratch.site(), &output, &args).ok();
        scratch.export("site", &format!("type=docker,compression={compression},dest=a.tar"), EPOCH).ok();
        let archive = fs::read(scratch.path("a.tar")).unwrap();
        let expected: Value = serde_json::from_str(&member(&archive, &path(&config(&archive)))).unwrap();
        // What has no registry is Docker Hub's or podman's own, as podman read the archive; it knows the name as it was given.
        for name in ["example.com/x:1", "site"] {
            let inspected: Value = serde_json::from_str(&podman.run(&["image", "inspect", name]).ok().stdout).unwrap();
            assert_eq!(format!("sha256:{}", text(&inspected[0]["Id"])), config(&archive), "{compression} {name}");
            assert_eq!(inspected[0]["RootFS"]["Layers"], expected["rootfs"]["diff_ids"], "{compression} {name}");
        }
    }
    scratch.store().assert_empty();
    let container = podman.run(&["create", "example.com/x:1", "none"]).ok().stdout;
    assert!(podman.run(&["export", container.trim()]).ok().stdout.contains("<p>hello</p>"));
}

#[test]
fn podman_takes_its_platform_of_an_index() {
    need!("podman");
    need_root!();
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("other/file", "other");
    let podman = Podman::start(&scratch);
    let own = if cfg!(target_arch = "x86_64") {
        ["linux/amd64=site", "linux/s390x=other"]
    } else {
        ["linux/arm64=site", "linux/s390x=other"]
    };
    let mut ocix = scratch.ocix();
    ocix.args(["export"]).args(own).args(["-t", "example.com/m:1", "--store", &podman.store(), "--progress=none"]);
    Run::of(ocix.args(EPOCH)).ok();
    let inspected: Value =
        serde_json::from_str(&podman.run(&["image", "inspect", "example.com/m:1"]).ok().stdout).unwrap();
    assert_ne!(text(&inspected[0]["Architecture"]), "s390x");
}

/// What docker says while it unpacks a layer.
fn layer(done: u64) -> Value {
    json!({ "status": "Loading layer", "progressDetail": { "current": done, "total": 2000 }, "progress": "[>  ]", "id": "d4fc045c9e3a" })
}

/// The digest of the config that an archive's `manifest.json` names.
fn config(archive: &[u8]) -> String {
    let manifest: Value = serde_json::from_str(&member(archive, "manifest.json")).unwrap();
    let digest = text(&manifest[0]["Config"]).replace("blobs/", "").replace('/', ":");
    assert_eq!(sha256(member(archive, &path(&digest)).as_bytes()), digest);
    digest
}

fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// A file of an archive, as `tar` sees it.
fn member(archive: &[u8], name: &str) -> String {
    Run::fed(ocix_tests::program("tar").args(["-xO", "-f", "-", name]), archive).ok().stdout
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
