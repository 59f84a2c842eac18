//! Connections to registries: whom they trust, as whom, through what, and where they do not go.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ocix_tests::certificates::Pair;
use ocix_tests::http::{Response, Server};
use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::{Auth, Authority, Gateway, Plan, Registry, Run, Scratch, Setup, Tunnel, need, program, sha256};

#[test]
fn a_private_authority_is_trusted_when_the_user_says_so() {
    need!("docker-registry", "openssl", "skopeo");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let (registry, authority) = with_tls(&scratch, address, None);
    let name = format!("{}/site", registry.address());
    let to = |tag: &str| format!("type=registry,name={name}:{tag}");
    let file = authority.certificate().to_str().unwrap();

    scratch.export(scratch.site(), &to("no"), EPOCH).failed(1, &[&registry.address(), "not trusted", "--registry-ca"]);
    scratch.export(scratch.site(), &to("flag"), &[EPOCH, &["--registry-ca", file]].concat()).ok();
    let insecure = format!("{},registry.insecure=true", to("insecure"));
    scratch.export(scratch.site(), &insecure, EPOCH).ok();
    let certs = scratch.folder(&format!("home/.config/containers/certs.d/{}", registry.address()));
    fs::copy(file, certs.join("ca.crt")).unwrap();
    let run = scratch.export(scratch.site(), &to("folder"), EPOCH).ok();
    for tag in ["flag", "folder", "insecure"] {
        read_back(&format!("{name}:{tag}"), &certs, &run.digest());
    }
    // The tag of a registry that was not trusted is not there.
    let list = ["list-tags", "--cert-dir", certs.to_str().unwrap(), &format!("docker://{name}")];
    assert!(!Run::of(program("skopeo").args(list)).ok().stdout.contains("\"no\""));

    fs::write(certs.join("ca.crt"), "nothing").unwrap();
    scratch.export(scratch.site(), &to("x"), EPOCH).failed(1, &["ca.crt", "has no certificate in PEM"]);
}

#[test]
fn registries_get_to_see_the_users_certificate() {
    need!("docker-registry", "openssl", "skopeo");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let people = Authority::new(&scratch, "people");
    let (registry, authority) = with_tls(&scratch, address, Some(&people));
    let Pair { certificate, key } = people.certify("me", "DNS:me");
    let name = format!("{}/site", registry.address());
    let to = |tag: &str| format!("type=registry,name={name}:{tag}");
    let certs = scratch.folder(&format!("home/.config/docker/certs.d/{}", registry.address()));
    fs::copy(authority.certificate(), certs.join("ca.crt")).unwrap();

    scratch.export(scratch.site(), &to("no"), EPOCH).failed(1, &[&registry.address(), "--registry-cert"]);
    let mine = ["--registry-cert", certificate.to_str().unwrap(), "--registry-key", key.to_str().unwrap()];
    scratch.export(scratch.site(), &to("flag"), &[EPOCH, &mine].concat()).ok();
    fs::copy(&key, certs.join("client.key")).unwrap();
    scratch.export(scratch.site(), &to("x"), EPOCH).failed(1, &["client.key", "is missing"]);
    fs::copy(&certificate, certs.join("client.cert")).unwrap();
    let run = scratch.export(scratch.site(), &to("folder"), EPOCH).ok();
    for tag in ["flag", "folder"] {
        read_back(&format!("{name}:{tag}"), &certs, &run.digest());
    }
    let args = [EPOCH, &["--registry-cert", certificate.to_str().unwrap()]].concat();
    let run = scratch.export(scratch.site(), &to("x"), &args);
    assert_eq!(run.code, Some(2), "{}", run.told());
}

/// Another host's certificate is not this one's, whoever has signed it.
#[test]
fn a_certificate_is_for_its_name() {
    need!("docker-registry", "openssl");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let authority = Authority::new(&scratch, "authority");
    let tls = Some(authority.certify("server", "DNS:other.example"));
    let registry = Registry::with(&scratch, &Setup { address, tls, ..Setup::default() });
    let output = format!("type=registry,name={}/site:v1", registry.address());
    let args = [EPOCH, &["--registry-ca", authority.certificate().to_str().unwrap()]].concat();
    scratch.export(scratch.site(), &output, &args).failed(1, &["certificate", "not valid for"]);
}

#[test]
fn insecure_registries_are_spoken_to_without_tls() {
    need!("docker-registry", "skopeo");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let registry = Registry::with(&scratch, &Setup { address, auth: Auth::Basic, ..Setup::default() });
    let name = format!("{}/site:v1", registry.address());
    let mut ocix = scratch.ocix();
    ocix.args(["login", &registry.address(), "-u", USER, "-p", PASSWORD]);
    Run::of(&mut ocix).failed(1, &[&registry.address()]);
    Run::of(ocix.arg("--insecure")).ok();
    scratch.export(scratch.site(), &format!("type=registry,name={name}"), EPOCH).failed(1, &[&registry.address()]);
    assert!(registry.writes().is_empty());
    scratch.export(scratch.site(), &format!("type=registry,name={name},registry.insecure=true"), EPOCH).ok();
    assert_eq!(registry.writes().last().unwrap(), "PUT /v2/site/manifests/v1 201");
}

/// Through the proxy, unless it is not for this registry; what goes on inside is between the two.
#[test]
fn proxies_of_the_environment_are_used() {
    need!("docker-registry", "openssl", "skopeo");
    let Some(address) = need::address() else { return };
    let scratch = Scratch::new();
    let (registry, authority) = with_tls(&scratch, address, None);
    let args = [EPOCH, &["--registry-ca", authority.certificate().to_str().unwrap()]].concat();
    let own = address.to_string();
    let table: [(&[&str], &str, bool); 7] = [
        (&["HTTPS_PROXY"], "", true),
        (&["https_proxy"], "", true),
        (&["ALL_PROXY"], "", true),
        (&["all_proxy"], "", true),
        (&["HTTP_PROXY"], "", false),
        (&["HTTPS_PROXY"], &own, false),
        (&["https_proxy", "ALL_PROXY"], "other.example", true),
    ];
    for (number, (variables, not, used)) in table.into_iter().enumerate() {
        let tunnel = Tunnel::start();
        let output = format!("type=registry,name={}/site:v{number}", registry.address());
        let mut ocix = scratch.exporting(scratch.site(), &output, &args);
        for variable in variables {
            ocix.env(variable, tunnel.url());
        }
        Run::of(ocix.env(if number % 2 == 0 { "NO_PROXY" } else { "no_proxy" }, not)).ok();
        let targets = tunnel.targets();
        assert!(targets.iter().all(|target| *target == registry.address()), "{targets:?}");
        assert_eq!(!targets.is_empty(), used, "{variables:?}, not for {not:?}: {targets:?}");
    }
    // This machine is reached directly, whatever the environment says.
    let here = Scratch::new();
    let registry = Registry::start(&here, Auth::None);
    let output = format!("type=registry,name={}/site:v1", registry.address());
    let mut ocix = here.exporting(here.site(), &output, EPOCH);
    Run::of(ocix.env("ALL_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1")).ok();
}

/// A registry sends us to what only this machine, its network or its cloud can reach.
#[test]
fn nobody_is_sent_to_private_addresses() {
    for place in ["169.254.169.254", "[::ffff:169.254.169.254]", "10.255.255.1", "[fd00:ec2::254]", "0xa9fea9fe"] {
        let realm = format!("Bearer realm=\"https://{place}/token\",service=\"s\"");
        let server = Server::start(move |_| Response {
            status: 401,
            headers: vec![("www-authenticate", realm.clone())],
            body: Vec::new(),
        });
        let scratch = Scratch::new();
        scratch.login(&server.address(), USER, PASSWORD);
        let output = format!("type=registry,name={}/site:v1", server.address());
        scratch.export(scratch.site(), &output, EPOCH).failed(1, &["is not reached", "no public address"]);
        let login = ["login", &server.address(), "-u", USER, "-p", PASSWORD];
        Run::of(scratch.ocix().args(login)).failed(1, &["is not reached", "no public address"]);
    }
}

/// The user may name what a registry needs.
#[test]
fn hosts_that_the_user_vouches_for_are_reached() {
    let realm = "Bearer realm=\"https://127.0.0.2:1/token\",service=\"s\"";
    for (vouched, said) in [(&[][..], "is not reached"), (&["--private-host", "127.0.0.2"], "cannot be connected to")] {
        let Some(address) = need::address() else { return };
        let answer =
            |_: &_| Response { status: 401, headers: vec![("www-authenticate", realm.into())], body: Vec::new() };
        let server = Server::on(address, answer);
        let scratch = Scratch::new();
        let output = format!("type=registry,name={}/site:v1,registry.insecure=true", server.address());
        scratch.export(scratch.site(), &output, &[EPOCH, vouched].concat()).failed(1, &[said, "127.0.0.2"]);
    }
}

/// Whether anything can be deleted is no matter of a push.
#[test]
fn registries_with_and_without_deletes() {
    need!("docker-registry", "skopeo");
    for deletes in [false, true] {
        let scratch = Scratch::new();
        let registry = Registry::with(&scratch, &Setup { deletes, ..Setup::default() });
        let name = format!("{}/site:v1", registry.address());
        let run = scratch.export(scratch.site(), &format!("type=registry,name={name}"), EPOCH).ok();
        read_back(&name, &scratch.folder("none"), &run.digest());
    }
}

#[test]
fn a_gateway_with_a_limit_lets_small_bodies_through() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::None);
    let gateway = Gateway::start(&registry.address(), Plan { body_limit: Some(1 << 20), ..Plan::default() });
    let name = format!("{}/site:v1", gateway.address());
    let run = scratch.export(scratch.site(), &format!("type=registry,name={name}"), EPOCH).ok();
    read_back(&name, &scratch.folder("none"), &run.digest());
    assert!(gateway.passed().iter().any(|passed| passed.request == "PUT /v2/site/manifests/v1"));
}

fn with_tls(scratch: &Scratch, address: Ipv4Addr, clients: Option<&Authority>) -> (Registry, Authority) {
    let authority = Authority::new(scratch, "authority");
    let tls = Some(authority.certify("server", &format!("IP:{address}")));
    let clients = clients.map(|clients| clients.certificate().to_owned());
    (Registry::with(scratch, &Setup { address, tls, clients, ..Setup::default() }), authority)
}

/// skopeo finds this manifest, fetches the layers and checks them. Certificates are in the folder.
fn read_back(name: &str, certs: &Path, digest: &str) {
    let plain = name.starts_with("127.0.0.1");
    let (name, certs) = (format!("docker://{name}"), certs.to_str().unwrap());
    let verify = |flag: &str| format!("--{flag}={}", !plain);
    let raw = ["inspect", "--raw", &verify("tls-verify"), "--cert-dir", certs, &name];
    let raw = Run::of(program("skopeo").args(raw)).ok();
    assert_eq!(sha256(raw.stdout.as_bytes()), digest);
    let scratch = Scratch::new();
    let to = format!("dir:{}", scratch.path("copy").display());
    let copy = ["--insecure-policy", "copy", &verify("src-tls-verify"), "--src-cert-dir", certs, &name, &to];
    Run::of(program("skopeo").args(copy)).ok();
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
