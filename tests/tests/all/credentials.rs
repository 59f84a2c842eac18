//! What users keep for registries: in files and helpers that others write, and written for others to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ocix_tests::registry::{PASSWORD, USER};
use ocix_tests::{Auth, Registry, Run, Scratch, base64, need, program};
use serde_json::{Value, json};

/// Each place by itself lets the user in.
#[test]
fn every_place_is_looked_into() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let auth = base64(format!("{USER}:{PASSWORD}").as_bytes());
    let file = json!({ "auths": { registry.address(): { "auth": auth } } }).to_string();
    let scoped = json!({ "auths": { format!("http://{}/v2/", registry.address()): { "auth": auth } } }).to_string();
    let wrong = json!({ "auths": { registry.address(): { "auth": base64(b"somebody:else") } } }).to_string();
    let table = [
        ("home/.docker/config.json", "", &file),
        ("home/.docker/config.json", "", &scoped),
        ("docker/config.json", "DOCKER_CONFIG=docker", &file),
        ("some/auth.json", "REGISTRY_AUTH_FILE=some/auth.json DOCKER_CONFIG=none", &file),
        ("run/containers/auth.json", "XDG_RUNTIME_DIR=@/run", &file),
        ("home/.config/containers/auth.json", "", &file),
    ];
    for (number, (name, variables, content)) in table.into_iter().enumerate() {
        let path = scratch.write(name, content);
        let output = format!("type=registry,name={}/site:v{number}", registry.address());
        let mut ocix = scratch.exporting(scratch.site(), &output, EPOCH);
        for (variable, value) in variables.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            ocix.env(variable, value.replace('@', scratch.path("").to_str().unwrap()));
        }
        Run::of(&mut ocix).ok();
        fs::remove_file(path).unwrap();
    }
    // The first that has something decides, also when it is wrong.
    scratch.write("home/.docker/config.json", &wrong);
    scratch.write("home/.config/containers/auth.json", &file);
    let output = format!("type=registry,name={}/other:v1", registry.address());
    scratch.export(scratch.site(), &output, EPOCH).failed(1, &[&registry.address()]);
}

#[test]
fn helpers_are_asked() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let address = registry.address();
    helper(&scratch, "keeps", "echo \"$1 $(cat)\" >> asked\ncat answer");
    scratch.write("answer", json!({ "ServerURL": address, "Username": USER, "Secret": PASSWORD }).to_string());
    for (number, config) in [
        json!({ "credsStore": "keeps", "auths": { address.clone(): {} } }),
        json!({ "credHelpers": { address.clone(): "keeps" }, "credsStore": "none-such" }),
    ]
    .into_iter()
    .enumerate()
    {
        scratch.write("home/.docker/config.json", config.to_string());
        let output = format!("type=registry,\"name={address}/site:v{number},{address}/team/other:v{number}\"");
        Run::of(with_helpers(&scratch, &mut scratch.exporting(scratch.site(), &output, EPOCH))).ok();
        // Once, though there are two names.
        assert_eq!(fs::read_to_string(scratch.path("asked")).unwrap(), format!("get {address}\n"));
        fs::remove_file(scratch.path("asked")).unwrap();
    }
}

/// The message names file and field; a secret is in no message.
#[test]
fn helpers_that_fail_are_named() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let output = format!("type=registry,name={}/site:v1", registry.address());
    scratch.write("home/.docker/config.json", json!({ "credsStore": "broken" }).to_string());
    let config = scratch.path("home/.docker/config.json").display().to_string();
    let table = [
        (None, "is not installed"),
        (Some("echo the key ring is locked; exit 1"), "the key ring is locked"),
        (Some("echo '{\"Secret\":\"s3cret\"'"), "did not answer with JSON"),
        (Some("exec cat /dev/zero"), "said more than 65536 bytes"),
    ];
    for (script, said) in table {
        if let Some(script) = script {
            helper(&scratch, "broken", script);
        }
        let run = Run::of(with_helpers(&scratch, &mut scratch.exporting(scratch.site(), &output, EPOCH)));
        let run = run.failed(1, &["docker-credential-broken", "credsStore", &config, said]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.told());
    }
    // Nothing is kept: that is no failure of the helper's, and the registry says no.
    helper(&scratch, "broken", "echo credentials not found in native keychain; exit 1");
    Run::of(with_helpers(&scratch, &mut scratch.exporting(scratch.site(), &output, EPOCH))).failed(1, &["log in"]);
}

/// A helper beside what is exported is none.
#[test]
fn helpers_are_not_looked_for_here() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    helper(&scratch, "near", "touch ran");
    scratch.write("home/.docker/config.json", json!({ "credsStore": "near" }).to_string());
    let output = format!("type=registry,name={}/site:v1", registry.address());
    for path in [".:bin:/usr/bin:/bin", "bin::/usr/bin:/bin", "./bin:/usr/bin:/bin"] {
        let mut ocix = scratch.exporting(scratch.site(), &output, EPOCH);
        Run::of(ocix.env("PATH", path)).failed(1, &["docker-credential-near", "is not installed"]);
    }
    assert!(!scratch.path("ran").exists());
}

#[test]
fn what_is_logged_in_is_read_by_others() {
    need!("docker-registry", "openssl", "skopeo");
    for auth in [Auth::Basic, Auth::Bearer] {
        let scratch = Scratch::new();
        let registry = Registry::start(&scratch, auth);
        let address = registry.address();
        let name = format!("{address}/site:v1");
        let config =
            scratch.write("home/.docker/config.json", "{\n\t\"detachKeys\": \"ctrl-e\",\n\t\"a\": [1,  2]\n}\n");

        let run = login(&scratch, &address, "wr0ng-password").failed(1, &[&address, "does not take this user"]);
        assert!(!run.stderr.contains("wr0ng"), "{}", run.told());
        assert!(!fs::read_to_string(&config).unwrap().contains("auths"));

        let run = login(&scratch, &address, PASSWORD).ok();
        assert!(run.stderr.contains(config.to_str().unwrap()) && !run.stderr.contains(PASSWORD), "{}", run.told());
        assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains("\"detachKeys\": \"ctrl-e\",\n\t\"a\": [1,  2]"), "{text}");
        let kept: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(kept["auths"][&address]["auth"], base64(format!("{USER}:{PASSWORD}").as_bytes()));

        scratch.export(scratch.site(), &format!("type=registry,name={name}"), EPOCH).ok();
        let mut skopeo = program("skopeo");
        skopeo.args(["inspect", "--raw", "--tls-verify=false", "--authfile"]).arg(&config);
        Run::of(skopeo.arg(format!("docker://{name}"))).ok();

        let run = Run::of(scratch.ocix().args(["logout", &address])).ok();
        assert!(run.stderr.contains("logged out of"), "{}", run.told());
        assert!(!fs::read_to_string(&config).unwrap().contains(&address));
        scratch.export(scratch.site(), &format!("type=registry,name={address}/b:v1"), EPOCH).failed(1, &["log in"]);
        let run = Run::of(scratch.ocix().args(["logout", &address])).ok();
        assert!(run.stderr.contains("was not logged in to"), "{}", run.told());
    }
}

#[test]
fn what_others_log_in_is_read() {
    need!("docker-registry", "skopeo");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let file = scratch.path("auth.json");
    let mut skopeo = program("skopeo");
    skopeo.args(["login", "--tls-verify=false", "--username", USER, "--password-stdin", "--authfile"]).arg(&file);
    Run::fed(skopeo.arg(registry.address()), PASSWORD.as_bytes()).ok();
    let output = format!("type=registry,name={}/site:v1", registry.address());
    Run::of(scratch.exporting(scratch.site(), &output, EPOCH).env("REGISTRY_AUTH_FILE", &file)).ok();
}

/// The helper has the secret, the file only that there is one.
#[test]
fn helpers_keep_logins() {
    need!("docker-registry");
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch, Auth::Basic);
    let address = registry.address();
    let script = "case $1 in store) cat > kept;; get) cat kept 2> /dev/null || { echo credentials not found in native \
                  keychain; exit 1; };; erase) rm kept;; esac";
    helper(&scratch, "keeps", script);
    let config = scratch.write("home/.docker/config.json", json!({ "credsStore": "keeps" }).to_string());
    let mut ocix = scratch.ocix();
    ocix.args(["login", &address, "--username", USER, "--password", PASSWORD]);
    let run = Run::of(with_helpers(&scratch, &mut ocix)).ok();
    assert!(run.stderr.contains("docker-credential-keeps"), "{}", run.told());
    let kept: Value = serde_json::from_slice(&fs::read(scratch.path("kept")).unwrap()).unwrap();
    assert_eq!(kept, json!({ "ServerURL": address, "Username": USER, "Secret": PASSWORD }));
    let written: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    assert_eq!(written, json!({ "credsStore": "keeps", "auths": { address.clone(): {} } }));

    let output = format!("type=registry,name={address}/site:v1");
    Run::of(with_helpers(&scratch, &mut scratch.exporting(scratch.site(), &output, EPOCH))).ok();
    Run::of(with_helpers(&scratch, scratch.ocix().args(["logout", &address]))).ok();
    assert!(!scratch.path("kept").exists());
    let written: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    assert_eq!(written, json!({ "credsStore": "keeps", "auths": {} }));
}

#[test]
fn a_login_needs_a_user_and_a_password() {
    let scratch = Scratch::new();
    let table: [(&[&str], &str); 4] = [
        (&["r.example"], "--password-stdin"),
        (&["r.example", "--username", "u"], "--password-stdin"),
        (&["r.example", "--username", "", "--password", "p"], "neither may be empty"),
        (&["r.example", "--username", "a:b", "--password", "p"], "without a colon"),
    ];
    for (args, said) in table {
        Run::of(scratch.ocix().arg("login").args(args)).failed(2, &[said]);
    }
    Run::of(scratch.ocix().args(["login", "r\u{1b}", "-u", "u", "-p", "p"])).failed(2, &["is not a registry"]);
    assert!(!scratch.path("home/.docker").exists());
}

fn login(scratch: &Scratch, registry: &str, password: &str) -> Run {
    let mut ocix = scratch.ocix();
    ocix.args(["login", registry, "--username", USER, "--password-stdin"]);
    Run::fed(&mut ocix, format!("{password}\n").as_bytes())
}

/// A credential helper, as a shell script in the folder `bin`.
fn helper(scratch: &Scratch, name: &str, script: &str) {
    let path = scratch.write(&format!("bin/docker-credential-{name}"), format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn with_helpers<'a>(scratch: &Scratch, command: &'a mut Command) -> &'a mut Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [scratch.path("bin")].into_iter().chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap()).current_dir(scratch.path(Path::new("")))
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];
