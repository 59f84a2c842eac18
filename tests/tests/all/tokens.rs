//! Tokens: how they are asked for, of token servers of several kinds, and with which of the credentials that a user keeps.

use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::token::{Grants, REFRESH_TOKEN};
use ocix_tests::{Auth, Registry, Scratch, Setup, base64, need};
use serde_json::json;

/// As few requests as it takes; no secret is in what is told.
#[test]
fn every_kind_of_token_server_will_do() {
    need!("docker-registry", "openssl");
    let both = Grants::default();
    let password = base64(format!("{USER}:{PASSWORD}").as_bytes());
    let (password, identity) = (json!({ "auth": password }), json!({ "identitytoken": REFRESH_TOKEN }));
    for (grants, auth, asked) in [
        (both, &password, &["GET"][..]),
        (Grants { post: false, ..both }, &password, &["GET"]),
        (Grants { get: false, ..both }, &password, &["GET", "POST"]),
        (both, &identity, &["POST"]),
    ] {
        let scratch = Scratch::new();
        let registry = Registry::with(&scratch, &Setup { auth: Auth::Bearer, grants, ..Setup::default() });
        scratch.write("home/.docker/config.json", json!({ "auths": { registry.address(): auth } }).to_string());
        let output = format!("type=registry,name={}/team/site:v1", registry.address());
        let run = scratch.export(scratch.site(), &output, EPOCH).ok();
        let methods: Vec<String> = registry.tokens().requests().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, asked, "{grants:?}");
        assert!(!run.stderr.contains(PASSWORD) && !run.stderr.contains(REFRESH_TOKEN), "{}", run.told());
        assert_eq!(registry.writes().last().unwrap(), "PUT /v2/team/site/manifests/v1 201");
    }
}

#[test]
fn tokens_that_end_soon_are_enough() {
    need!("docker-registry", "openssl");
    let scratch = Scratch::new();
    let grants = Grants { seconds: 1, ..Grants::default() };
    let registry = Registry::with(&scratch, &Setup { auth: Auth::Bearer, grants, ..Setup::default() });
    scratch.login(&registry.address(), USER, PASSWORD);
    let names = ["a", "b"].map(|name| format!("{}/team/{name}:v1", registry.address())).join(",");
    scratch.export(scratch.site(), &format!("type=registry,\"name={names}\""), EPOCH).ok();
    let writes = registry.writes();
    for name in ["a", "b"] {
        assert!(writes.contains(&format!("PUT /v2/team/{name}/manifests/v1 201")), "{writes:#?}");
    }
}

#[test]
fn wrong_credentials_are_tried_once() {
    need!("docker-registry", "openssl");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Bearer);
    scratch.login(&registry.address(), USER, "wr0ng-password");
    let output = format!("type=registry,name={}/team/site:v1", registry.address());
    let run = scratch.export(scratch.site(), &output, EPOCH).failed(1, &["logging in through", "docker login"]);
    assert!(!run.stderr.contains("wr0ng"), "{}", run.told());
    assert_eq!(registry.tokens().requests().len(), 1);
}

/// As podman writes them: what is kept for a part of a registry is for that part.
#[test]
fn a_repository_may_have_credentials_of_its_own() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let address = registry.address();
    let auth = |password: &str| json!({ "auth": base64(format!("{USER}:{password}").as_bytes()) });
    let auths = json!({ address.clone(): auth("wrong"), format!("{address}/team"): auth(PASSWORD) });
    scratch.write("home/.docker/config.json", json!({ "auths": auths }).to_string());
    scratch.export(scratch.site(), &format!("type=registry,name={address}/team/site:v1"), EPOCH).ok();
    scratch
        .export(scratch.site(), &format!("type=registry,name={address}/teams/site:v1"), EPOCH)
        .failed(1, &["log in"]);
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
