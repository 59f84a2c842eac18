//! Pushing to a real registry: what is sent, in which order, to whom, with which credentials.

use ocix_tests::http::{Response, Server};
use ocix_tests::layout::text;
use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::{Auth, Registry, Run, Scratch, need, program, sha256};

#[test]
fn blobs_then_manifest() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let name = format!("{}/team/site:v1", registry.address());
    let run = scratch.export(scratch.site(), &format!("type=registry,name={name}"), EPOCH).ok();
    assert_eq!(run.stdout, format!("{name}@{}\n", run.digest()));

    let requests = registry.requests();
    let writes = registry.writes();
    let last = writes.last().unwrap();
    assert_eq!(*last, "PUT /v2/team/site/manifests/v1 201", "{requests:#?}");
    assert_eq!(writes.iter().filter(|write| write.contains("/manifests/")).count(), 1, "{requests:#?}");
    let (manifest, _) = scratch.store().image(&run.digest());
    for descriptor in [&manifest["config"], &manifest["layers"][0]] {
        let digest = text(&descriptor["digest"]);
        let asked = requests.iter().position(|line| *line == format!("HEAD /v2/team/site/blobs/{digest} 404"));
        let upload = |line: &String| line.starts_with("PUT ") && line.contains(&digest.replace(':', "%3A"));
        let sent = requests.iter().position(|line| upload(line) || line.starts_with("PUT ") && line.contains(digest));
        assert!(asked.unwrap() < sent.unwrap(), "{digest}: {requests:#?}");
    }

    let raw =
        Run::of(program("skopeo").args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")])).ok();
    assert_eq!(sha256(raw.stdout.as_bytes()), run.digest());
    let tags = ["list-tags", "--tls-verify=false", &format!("docker://{}/team/site", registry.address())];
    assert!(Run::of(program("skopeo").args(tags)).ok().stdout.contains("\"v1\""));
    // skopeo fetches the layers and checks them.
    let to = format!("dir:{}", scratch.path("copy").display());
    let copy = ["--insecure-policy", "copy", "--src-tls-verify=false", &format!("docker://{name}"), &to];
    Run::of(program("skopeo").args(copy)).ok();
}

#[test]
fn pushing_again_sends_nothing() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let output = format!("type=registry,name={}/site:v1", registry.address());
    let first = scratch.export(scratch.site(), &output, EPOCH).ok().digest();
    let writes = registry.writes();
    assert!(!writes.is_empty());
    // Also with an empty store: it is the registry that is asked.
    let store = format!("--store={}", scratch.path("another").display());
    for args in [EPOCH.to_vec(), [EPOCH, &[&store]].concat()] {
        assert_eq!(scratch.export(scratch.site(), &output, &args).ok().digest(), first);
        assert_eq!(registry.writes(), writes);
    }
}

/// A change sends what changed.
#[test]
fn layers_that_are_there_stay_there() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let output = format!("type=registry,name={}/site:v1", registry.address());
    scratch.export(scratch.site(), &output, EPOCH).ok();
    let before = registry.writes().len();
    scratch.export(scratch.site(), &format!("{output},annotation.a=b"), EPOCH).ok();
    assert_eq!(registry.writes()[before..], ["PUT /v2/site/manifests/v1 201"]);
}

#[test]
fn several_names_of_one_push() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let (a, b) = (format!("{}/site:a", registry.address()), format!("{}/other:b", registry.address()));
    let run = scratch.export(scratch.site(), &format!("type=registry,\"name={a},{b}\""), EPOCH).ok();
    let writes = registry.writes();
    for name in ["site/manifests/a", "other/manifests/b"] {
        assert_eq!(writes.iter().filter(|write| **write == format!("PUT /v2/{name} 201")).count(), 1, "{writes:#?}");
    }
    let lines: Vec<_> = run.stdout.lines().collect();
    let digest = lines[0].split_once('@').unwrap().1;
    assert_eq!(lines, [format!("{a}@{digest}"), format!("{b}@{digest}")]);
}

#[test]
fn basic_authentication() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let output = format!("type=registry,name={}/site:v1", registry.address());
    let address = registry.address();

    scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&address, "log in"]);
    scratch.login(&address, USER, "wrong-password");
    let run = scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&address]);
    assert!(!run.stderr.contains("wrong-password"), "{}", run.told());
    assert_eq!(registry.writes().iter().filter(|write| write.contains(" 20")).count(), 0);

    scratch.login(&address, USER, PASSWORD);
    scratch.export(scratch.site(), &output, EPOCH).ok();
    assert_eq!(registry.writes().last().unwrap(), "PUT /v2/site/manifests/v1 201");
}

#[test]
fn bearer_authentication() {
    need!("docker-registry", "openssl");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Bearer);
    let output = format!("type=registry,name={}/team/site:v1", registry.address());

    scratch.login(&registry.address(), USER, "wrong-password");
    let run = scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&registry.address()]);
    assert!(!run.stderr.contains("wrong-password"), "{}", run.told());

    scratch.login(&registry.address(), USER, PASSWORD);
    let before = registry.tokens().requests().len();
    scratch.export(scratch.site(), &output, EPOCH).ok();
    assert_eq!(registry.writes().last().unwrap(), "PUT /v2/team/site/manifests/v1 201");
    // One token does for the whole push, and asks for no more than the push needs.
    let requests = registry.tokens().requests();
    let [request] = &requests[before..] else { panic!("not one token: {:#?}", &requests[before..]) };
    let target = request.target.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    assert!(
        target.contains("service=registry.test") && target.contains("scope=repository:team/site:pull,push"),
        "{target}"
    );
}

/// Credentials for one registry are for that one: a realm elsewhere gets them, for the registry said so, but nobody else does.
#[test]
fn credentials_go_nowhere_else() {
    let scratch = Scratch::new();
    let server = Server::start(|_| Response::json(401, "{}"));
    scratch.login("127.0.0.1:1", USER, PASSWORD);
    let output = format!("type=registry,name={}/site:v1", server.address());
    scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&server.address()]);
    assert!(
        server.requests().iter().all(|request| request.header("authorization").is_none()),
        "{:#?}",
        server.requests()
    );
}

/// Plain HTTP is for loopback. Any other address gets TLS or nothing.
#[test]
fn no_plain_http_to_others() {
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let server = Server::on(address, |_| Response::json(200, "{}"));
    scratch.login(&server.address(), USER, PASSWORD);
    let output = format!("type=registry,name={}/site:v1", server.address());
    scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&server.address()]);
    assert!(server.requests().is_empty(), "{:#?}", server.requests());
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
