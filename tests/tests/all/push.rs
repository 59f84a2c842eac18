//! Pushes to real registries as they are met: behind gateways with limits and broken connections, with passwords, stopped, killed, repeated,
//! to several places at once. Somebody else's client reads back what came.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::{Auth, Gateway, Noise, Plan, Registry, Run, Scratch, Setup, need, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Layers larger than what a gateway takes at once, and than what is sent in one request, come whole; what is lost is sent again, and not more.
#[test]
fn gateways_that_limit_and_cut() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let (image, size) = large(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    for (number, (body_limit, cut_every)) in [(Some(1 << 20), None), (None, Some(5))].into_iter().enumerate() {
        let gateway = Gateway::start(&registry.address(), Plan { body_limit, cut_every, seed: number as u64 });
        let pushed = push(&scratch, &[&image, &format!("{}/site:v{number}", gateway.address()), "--no-mount"]);
        let summary = pushed.summary();
        let told = format!("{number}: {}", pushed.run.told());
        assert_eq!(
            number_of(&summary["uploaded"]["count"]) + number_of(&summary["already_there"]["count"]),
            4,
            "{told}"
        );
        let passed = gateway.passed();
        let cut = passed.iter().filter(|passed| passed.cut.is_some()).count();
        assert_eq!(cut > 0, cut_every.is_some(), "{told}");
        assert!(number_of(&summary["retries"]) >= cut as u64, "{told}");
        // This registry forgets an upload when one of its requests breaks off, so that every cut may cost all of a blob.
        assert!(number_of(&summary["sent"]) <= size * if cut > 0 { 5 } else { 1 } + (32 << 20), "{told}");
        if let Some(limit) = body_limit {
            assert!(passed.iter().any(|passed| passed.body > limit), "{told}");
            assert!(passed.iter().any(|passed| passed.request.starts_with("PATCH") && passed.body <= limit), "{told}");
        }
        read_back(&scratch, &format!("{}/site:v{number}", registry.address()), None, &pushed.run.digest());
        // What is there is there for everybody.
        fs::remove_dir_all(scratch.path("registry/storage/docker")).unwrap();
    }
}

#[test]
fn passwords_tokens_and_deletes() {
    need!("docker-registry", "skopeo", "openssl");
    for (auth, deletes) in [(Auth::Basic, true), (Auth::Bearer, false)] {
        let scratch = Scratch::new();
        let (image, _) = large(&scratch);
        let registry = Registry::with(&scratch, &Setup { auth, deletes, ..Setup::default() });
        scratch.login(&registry.address(), USER, PASSWORD);
        let name = format!("{}/team/site:v1", registry.address());
        let run = push(&scratch, &[&image, &name]).run;
        read_back(&scratch, &name, Some(&format!("{USER}:{PASSWORD}")), &run.digest());
    }
}

/// The upload that was under way is taken back. This registry only does that when no request of it was in the middle of its bytes, so that what
/// counts is that it was asked.
#[test]
fn an_interrupt_takes_its_upload_back() {
    need!("docker-registry");
    let scratch = Scratch::new();
    fs::File::create(scratch.folder("tree").join("file")).unwrap().set_len(1 << 30).unwrap();
    let output = "type=image,name=huge:v1,compression=uncompressed";
    scratch.export("tree", output, EPOCH).ok();
    let registry = Registry::with(&scratch, &Setup { deletes: true, ..Setup::default() });
    let gateway = Gateway::start(&registry.address(), Plan::default());
    let mut command = scratch.ocix();
    command.args(["push", "huge:v1", &format!("{}/huge:v1", gateway.address()), "--progress=none"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let uploads = scratch.path("registry/storage/docker/registry/v2/repositories/huge/_uploads");
    // Bytes are there only when the push knows where to send them.
    let has_bytes = |upload: fs::DirEntry| fs::metadata(upload.path().join("data")).is_ok_and(|data| data.len() > 0);
    wait_until("an upload", || fs::read_dir(&uploads).is_ok_and(|all| all.flatten().any(has_bytes)));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Run::ended(format!("{command:?}"), child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.told());
    let asked = |passed: &ocix_tests::Passed| passed.request.starts_with("DELETE /v2/huge/blobs/uploads/");
    wait_until("the upload's end", || gateway.passed().iter().any(asked));
    assert!(registry.tags("huge").is_empty());
}

/// A push that was killed and runs again sends what is missing; a third time nothing.
#[test]
fn a_killed_push_runs_again() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let (image, size) = large(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/site:v1", registry.address());
    let mut command = scratch.ocix();
    command.args(["push", &image, &name, "--progress=none"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let layers = scratch.path("registry/storage/docker/registry/v2/repositories/site/_layers/sha256");
    wait_until("a blob", || fs::read_dir(&layers).map_or(0, Iterator::count) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let again = push(&scratch, &[&image, &name]);
    let summary = again.summary();
    assert!(number_of(&summary["already_there"]["count"]) > 0, "{}", again.run.told());
    assert!(number_of(&summary["sent"]) < size, "{}", again.run.told());
    read_back(&scratch, &name, None, &again.run.digest());
    let third = push(&scratch, &[&image, &name]);
    let summary = third.summary();
    assert_eq!(
        (number_of(&summary["sent"]), number_of(&summary["already_there"]["count"])),
        (0, 4),
        "{}",
        third.run.told()
    );
    assert_eq!(third.run.digest(), again.run.digest());
}

/// From where the user says, from where this store has pushed before, or from nowhere.
#[test]
fn layers_are_mounted() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let (image, _) = large(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    let name = |name: &str| format!("{}/{name}:v1", registry.address());
    let mounted = |args: &[&str]| {
        let pushed = push(&scratch, args);
        let from =
            pushed.events.iter().filter_map(|event| event["from"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(number_of(&pushed.summary()["mounted"]["count"]), from.len() as u64, "{}", pushed.run.told());
        from
    };
    assert!(mounted(&[&image, &name("first")]).is_empty());
    assert_eq!(mounted(&[&image, &name("second")]), ["first"; 3]);
    assert!(mounted(&[&image, &name("third"), "--no-mount"]).is_empty());
    // A store of its own knows of no place.
    let (store, address) = (scratch.path("other").display().to_string(), registry.address());
    let source = format!("oci:{}#{image}", scratch.path("store").display());
    let copy = |to: &str, args: &[&str]| {
        let mut command = scratch.ocix();
        command
            .args(["copy", &source, &format!("docker://{}", name(to)), "--store", &store, "--progress=json"])
            .args(args);
        Pushed::of(Run::of(&mut command).ok()).summary()
    };
    assert_eq!(number_of(&copy("fourth", &[])["mounted"]["count"]), 0);
    let from = format!("{address}/first");
    let summary = copy("fifth", &["--mount-from", &from]);
    assert_eq!(
        (number_of(&summary["mounted"]["count"]), number_of(&summary["sent"])),
        (3, manifest_size(&scratch, &image))
    );
    read_back(&scratch, &name("fifth"), None, "");
}

/// Each has its own outcome, and the exit code says that one failed.
#[test]
fn several_targets_and_one_is_dead() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let names =
        [format!("{}/a:v1", registry.address()), format!("{dead}/b:v1"), format!("{}/c:v1", registry.address())];
    let output = format!("type=registry,\"name={}\"", names.join(","));
    let run = scratch.export(scratch.site(), &output, EPOCH);
    assert_eq!(run.code, Some(1), "{}", run.told());
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with(&names[0]) && lines[1].starts_with(&names[2]), "{}", run.told());
    assert!(
        run.stderr.contains(&format!("{dead}/b:v1")) && run.stderr.contains("is the registry running there"),
        "{}",
        run.told()
    );
    let digest = lines[0].rsplit_once('@').unwrap().1;
    for name in [&names[0], &names[2]] {
        read_back(&scratch, name, None, digest);
    }
    let run = scratch.export(scratch.site(), &output, &[EPOCH, &["--fail-fast"]].concat());
    assert_eq!(run.code, Some(1), "{}", run.told());
    // By its digest alone: no tag.
    let output = format!("type=registry,name={}/d,push-by-digest=true", registry.address());
    let run = scratch.export(scratch.site(), &output, EPOCH).ok();
    assert!(registry.tags("d").is_empty());
    read_back(&scratch, &format!("{}/d@{}", registry.address(), run.digest()), None, &run.digest());
}

/// The requests that would be made, and not one is.
#[test]
fn a_dry_run_asks_nobody() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let registry = listener.local_addr().unwrap();
    let output = format!("type=registry,name={registry}/site:v1");
    let run = scratch.export(scratch.site(), &output, &[EPOCH, &["--dry-run"]].concat()).ok();
    assert!(listener.accept().is_err());
    assert_eq!(scratch.store().entries().len(), 0);
    let requests: Vec<(&str, &str)> =
        run.stdout.lines().skip(1).filter_map(|line| line.trim().split_once(' ')).collect();
    let methods: Vec<&str> = requests.iter().map(|(method, _)| *method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD", "POST", "PUT", "HEAD", "PUT"], "{}", run.told());
    assert!(requests.iter().all(|(_, rest)| rest.trim().starts_with(&format!("http://{registry}/v2/site/"))));
    assert!(requests[2].1.ends_with(" bytes") && requests[7].1.contains("/manifests/v1 "), "{}", run.told());
}

/// What programs read: every line is an object, every blob comes to its end, and the sums are what the registry has.
#[test]
fn progress_as_json() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let (image, size) = large(&scratch);
    let registry = Registry::start(&scratch, Auth::None);
    let pushed = push(&scratch, &[&image, &format!("{}/site:v1", registry.address())]);
    let steps = pushed.events.iter().filter(|event| event["action"] == "push");
    let ends: Vec<&Value> = steps.filter(|step| !step["outcome"].is_null()).collect();
    assert_eq!(ends.len(), 4, "{}", pushed.run.told());
    for end in &ends {
        assert_eq!((&end["done"], &end["outcome"]), (&end["total"], &Value::from("uploaded")), "{end}");
    }
    let summary = pushed.summary();
    assert_eq!(ends.iter().map(|end| number_of(&end["total"])).sum::<u64>(), size);
    assert_eq!((number_of(&summary["uploaded"]["bytes"]), number_of(&summary["sent"])), (size, size), "{summary}");
}

/// A push with its events.
struct Pushed {
    run: Run,
    events: Vec<Value>,
}

impl Pushed {
    fn of(run: Run) -> Self {
        let events = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
        Self { events: events.collect(), run }
    }

    fn summary(&self) -> Value {
        self.events.iter().find(|event| !event["summary"].is_null()).unwrap()["summary"].clone()
    }
}

/// `ocix push ARGS…`, which must succeed.
fn push(scratch: &Scratch, args: &[&str]) -> Pushed {
    let mut command = scratch.ocix();
    command.args(["push", "--progress=json"]).args(args);
    Pushed::of(Run::of(&mut command).ok())
}

/// An image in the store with a layer of some megabytes and one that goes in several parts, and the bytes of all that is pushed of it.
fn large(scratch: &Scratch) -> (String, u64) {
    for (folder, megabytes) in [("small", 3), ("large", 36)] {
        scratch.write(&format!("{folder}/noise"), Noise::new(megabytes as u64).bytes(megabytes << 20));
    }
    scratch.export("small", "type=oci,tar=false,dest=base,name=base:v1", EPOCH).ok();
    let output = "type=image,name=large:v1,compression=uncompressed";
    scratch.export("large", output, &[EPOCH, &["--base", "oci:base"]].concat()).ok();
    let manifest = scratch.store().manifest("docker.io/library/large:v1");
    let blobs = manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]);
    let size: u64 = blobs.map(|blob| number_of(&blob["size"])).sum();
    ("large:v1".into(), size + manifest_size(scratch, "large:v1"))
}

fn manifest_size(scratch: &Scratch, image: &str) -> u64 {
    number_of(&scratch.store().named(&format!("docker.io/library/{image}")).unwrap()["size"])
}

/// Somebody else's client reads all of it, and checks each digest; nothing is expected of an empty one.
fn read_back(scratch: &Scratch, name: &str, user: Option<&str>, digest: &str) {
    let to = scratch.path("read-back");
    let mut skopeo = program("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false", &format!("docker://{name}")]);
    skopeo.arg(format!("dir:{}", to.display())).env("HOME", scratch.path("home"));
    if let Some(user) = user {
        skopeo.args(["--src-creds", user]);
    }
    Run::of(&mut skopeo).ok();
    let manifest = fs::read(Path::new(&to).join("manifest.json")).unwrap();
    assert!(digest.is_empty() || ocix_tests::sha256(&manifest) == digest, "{name}");
    fs::remove_dir_all(to).unwrap();
}

fn number_of(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
