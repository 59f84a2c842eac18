//! Files and helpers as users have them, and as nobody should.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn of(files: &[&Path]) -> Credentials {
    Credentials { files: files.iter().map(|&file| file.to_owned()).collect(), patience: Duration::from_secs(20) }
}

fn look(json: &str, registry: &str) -> Result<Option<Credential>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    fs::write(&file, json).unwrap();
    let found = runtime().block_on(of(&[&file]).lookup(registry));
    found.map_err(|error| error.to_string().replace(&file.display().to_string(), "FILE"))
}

fn basic(user: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic(user.into(), password.into()))
}

#[test]
fn logins_are_found() {
    let json = r#"{"auths":{
        "https://index.docker.io/v1/": {"auth":"dTpwOng="},
        "r.example:5000": {"identitytoken":"t", "auth":"dTo="},
        "b.example": {},
        "c.example": {"registrytoken":"r", "identitytoken":"i"},
        "d.example": {"username":"u", "password":"p"},
        "e.example/team": {"auth":"dGVhbTpw"},
        "e.example/team/app": {"auth":"YXBwOnA"},
        "f.example": {"auth":"dTpwAAA="}
    }, "detachKeys": 7}"#;
    let table = [
        ("https://index.docker.io/v1/", basic("u", "p:x")),
        ("docker.io/library/alpine", basic("u", "p:x")),
        ("r.example:5000", Some(Credential::IdentityToken("t".into()))),
        ("r.example", None),
        ("b.example", None),
        ("c.example", Some(Credential::RegistryToken("r".into()))),
        ("d.example/any", basic("u", "p")),
        ("e.example", None),
        ("e.example/other", None),
        ("e.example/team/other", basic("team", "p")),
        ("e.example/team/app/x", basic("app", "p")),
        ("f.example", basic("u", "p")),
    ];
    for (registry, found) in table {
        assert_eq!(look(json, registry), Ok(found), "{registry}");
    }
    assert_eq!(look("", "r.example"), Ok(None));
    assert!(runtime().block_on(of(&[Path::new("/nonexistent/config.json")]).lookup("x")).unwrap().is_none());
}

/// File and field, and never what is in it.
#[test]
fn what_is_wrong_is_named() {
    let table = [
        ("{\n\"auths\": secret", "`FILE` is not a JSON object (line 2)"),
        (r#"["secret"]"#, "`FILE` is not a JSON object (line 1)"),
        (r#"{"auths":"secret"}"#, "auths in `FILE` is not an object"),
        (r#"{"auths":{"r":"secret"}}"#, "auths[\"r\"] in `FILE` is not an object"),
        (r#"{"auths":{"r":{"auth":"secret!"}}}"#, "auths[\"r\"].auth in `FILE` is not USER:PASSWORD in base64"),
        (r#"{"auths":{"r":{"auth":"c2VjcmV0"}}}"#, "auths[\"r\"].auth in `FILE` is not USER:PASSWORD in base64"),
        (r#"{"auths":{"r":{"identitytoken":["secret"]}}}"#, "auths[\"r\"].identitytoken in `FILE` is not a text"),
        (r#"{"credsStore":{"secret":1}}"#, "credsStore in `FILE` is not a text"),
        (r#"{"credHelpers":["secret"]}"#, "credHelpers in `FILE` is not an object"),
        (r#"{"credHelpers":{"r":["secret"]}}"#, "credHelpers[\"r\"] in `FILE` is not a text"),
        (r#"{"credsStore":"../x"}"#, "credsStore in `FILE` is not the name of a credential helper"),
        (
            r#"{"credsStore":"none-such"}"#,
            "docker-credential-none-such, which credsStore in `FILE` names, is not installed",
        ),
    ];
    for (json, said) in table {
        let error = look(json, "r").unwrap_err();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
    }
    for registry in ["", "r\nx", "r\u{202e}", "r x"] {
        assert!(look("{}", registry).unwrap_err().contains("is not a registry"), "{registry:?}");
    }
}

#[test]
fn the_first_file_with_something_decides() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&a, r#"{"auths":{"x":{},"y":{"auth":"YTph"}}}"#).unwrap();
    fs::write(&b, r#"{"auths":{"x":{"auth":"Yjpi"},"y":{"auth":"Yjpi"}}}"#).unwrap();
    let found = |registry| runtime().block_on(of(&[&a, &b]).lookup(registry)).unwrap();
    assert_eq!((found("x"), found("y"), found("z")), (basic("b", "b"), basic("a", "a"), None));
}

#[test]
fn the_environment_says_which_files() {
    let files = |variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let found = Credentials::found(variable, 7).files;
        found.iter().map(|file| file.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let table: [(&[(&str, &str)], &str); 6] = [
        (&[("REGISTRY_AUTH_FILE", "a"), ("DOCKER_CONFIG", "d"), ("HOME", "/h")], "a"),
        (&[("DOCKER_CONFIG", "d"), ("HOME", "/h")], "d/config.json"),
        (
            &[("DOCKER_CONFIG", ""), ("HOME", "/h"), ("XDG_RUNTIME_DIR", "/r"), ("XDG_CONFIG_HOME", "/c")],
            "/h/.docker/config.json /r/containers/auth.json /c/containers/auth.json",
        ),
        (&[("HOME", "/h")], "/h/.docker/config.json /run/containers/7/auth.json /h/.config/containers/auth.json"),
        // What is being exported does not say who the user is.
        (&[("HOME", "h"), ("XDG_RUNTIME_DIR", "r")], "/run/containers/7/auth.json"),
        (&[], "/run/containers/7/auth.json"),
    ];
    for (variables, expected) in table {
        assert_eq!(files(variables), expected, "{variables:?}");
    }
}

/// A helper is a program of another's: here each is a shell script in a folder of its own.
fn helped(script: &str, patience: Duration) -> Result<Option<Credential>, String> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-test");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = Program { name: "test", field: "credsStore", file: Path::new("FILE"), patience };
    let found = runtime().block_on(program.get_from(&folder.path().join("docker-credential-test"), "r.example"));
    found.map_err(|error| error.message)
}

#[test]
fn helpers_answer_or_are_told_off() {
    let long = Duration::from_secs(20);
    let asked = r#"test "$1 $(cat)" = "get r.example" && echo '{"ServerURL":"r.example","Username":"u","Secret":"p"}'"#;
    assert_eq!(helped(asked, long), Ok(basic("u", "p")));
    let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
    assert_eq!(helped(token, long), Ok(Some(Credential::IdentityToken("t".into()))));
    assert_eq!(helped("echo credentials not found in native keychain; exit 1", long), Ok(None));
    let table = [
        ("echo locked; exit 1", "failed: locked"),
        ("echo 'no such thing' >&2; exit 3", "failed: no such thing"),
        ("exit 3", "failed: exit status: 3"),
        (r#"echo '{"Username":"u","Secret":"secret"}'; exit 1"#, "failed: exit status: 1"),
        ("echo secret", "did not answer with JSON"),
        (r#"echo '{"Username":7,"Secret":"secret"}'"#, "did not answer with JSON"),
        ("exec cat /dev/zero", "said more than 65536 bytes"),
        ("printf 'a\\033[2J'; exit 1", "failed: a\\u{1b}[2J"),
    ];
    for (script, said) in table {
        let error = helped(script, long).unwrap_err();
        assert!(
            error.contains(said) && error.contains("docker-credential-test, which credsStore in `FILE`"),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
    let late = helped("exec sleep 1000", Duration::from_millis(50)).unwrap_err();
    assert!(late.contains("did not answer within 0.05 seconds"), "{late}");
}
