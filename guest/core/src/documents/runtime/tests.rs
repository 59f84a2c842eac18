//! Documents for small images.

use super::*;
use crate::documents::config::Config;
use crate::error::Code;

fn accounts() -> Accounts {
    Accounts {
        passwd: b"# a line that is none\nroot:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n"
            .to_vec(),
        group: b"root:x:0:\nadm:x:4:app,root\napp:x:1001:\nwheel:x:10:root\nadm2:x:4:app\n".to_vec(),
    }
}

fn image(config: &str, more: &str) -> Config {
    let text = format!(r#"{{"os":"linux","architecture":"arm","rootfs":{{"type":"layers"}},"config":{config}{more}}}"#);
    Config::parse(text.as_bytes()).unwrap()
}

fn made(image: &Config, rootless: Option<User>) -> Result<(serde_json::Value, Option<String>)> {
    let Runtime { bytes, warning } = config(image, &accounts(), rootless)?;
    Ok((serde_json::from_slice(&bytes).unwrap(), warning))
}

#[test]
fn what_an_image_says_is_converted() {
    let image = image(
        r#"{"Entrypoint":["/bin/app","-x"],"Cmd":["a b"],"Env":["PATH=/bin","A=b=c"],"WorkingDir":"srv","User":"app",
            "Labels":{"l":"<1>","org.opencontainers.image.author":"label"},"StopSignal":"SIGQUIT","ExposedPorts":{"80/tcp":{},"443/tcp":{}},
            "Volumes":{"/data":{}}}"#,
        r#","variant":"v7","author":"me","created":"2020-01-01T00:00:00.5Z","os.features":["a","b"],"os.version":"9""#,
    );
    let (made, warning) = made(&image, None).unwrap();
    assert_eq!(warning, None);
    let process = &made["process"];
    assert_eq!(process["args"], serde_json::json!(["/bin/app", "-x", "a b"]));
    assert_eq!(process["env"], serde_json::json!(["PATH=/bin", "A=b=c", "TERM=xterm", "HOME=/home/app"]));
    assert_eq!(process["cwd"], "/srv");
    assert_eq!(process["user"], serde_json::json!({ "uid": 1000, "gid": 1001, "additionalGids": [4] }));
    let annotations = serde_json::json!({
        "l": "<1>",
        "org.opencontainers.image.architecture": "arm",
        "org.opencontainers.image.author": "label",
        "org.opencontainers.image.created": "2020-01-01T00:00:00.5Z",
        "org.opencontainers.image.exposedPorts": "443/tcp,80/tcp",
        "org.opencontainers.image.os": "linux",
        "org.opencontainers.image.os.features": "a,b",
        "org.opencontainers.image.os.version": "9",
        "org.opencontainers.image.stopSignal": "SIGQUIT",
        "org.opencontainers.image.variant": "v7",
    });
    assert_eq!(made["annotations"], annotations);
    assert_eq!(made["mounts"].as_array().unwrap().last().unwrap()["destination"], "/data");
}

#[test]
fn what_nobody_says_is_there() {
    for config in ["{}", "null"] {
        let (made, _) = made(&image(config, ""), None).unwrap();
        assert_eq!(made["process"]["args"], serde_json::json!(["sh"]));
        assert_eq!(made["process"]["cwd"], "/");
        assert_eq!(made["process"]["env"], serde_json::json!([PATH, "TERM=xterm", "HOME=/root"]));
        assert_eq!(made["process"]["user"], serde_json::json!({ "uid": 0, "gid": 0, "additionalGids": [4, 10] }));
    }
}

#[test]
fn users_are_numbers_or_looked_up() {
    let none = Accounts::default();
    let all = accounts();
    let table: [(&str, &Accounts, Result<Ids<'_>, Code>); 14] = [
        ("", &none, Ok((0, 0, &[]))),
        ("root", &all, Ok((0, 0, &[4, 10]))),
        ("app", &all, Ok((1000, 1001, &[4]))),
        ("app:", &all, Ok((1000, 1001, &[4]))),
        ("app:adm", &all, Ok((1000, 4, &[]))),
        ("app:7", &all, Ok((1000, 7, &[]))),
        ("1000", &all, Ok((1000, 1001, &[]))),
        ("5", &all, Ok((5, 0, &[]))),
        ("5:6", &none, Ok((5, 6, &[]))),
        ("5:wheel", &all, Ok((5, 10, &[]))),
        ("nobody", &all, Err(Code::NotFound)),
        ("app:nobody", &all, Err(Code::NotFound)),
        ("4294967296", &all, Err(Code::Malformed("config".into()))),
        ("0:4294967295", &all, Err(Code::Malformed("config".into()))),
    ];
    for (text, accounts, expected) in table {
        let found = user::resolve(text, accounts);
        let found = found.as_ref().map(|found| (found.uid, found.gid, found.groups.as_slice()));
        assert_eq!(found.map_err(|error| error.code.clone()), expected, "{text}");
    }
}

#[test]
fn a_rootless_bundle_runs_as_root() {
    let user = Some(User { uid: 1234, gid: 5678 });
    let (told, warning) = made(&image(r#"{"User":"app"}"#, ""), user).unwrap();
    assert_eq!(told["process"]["user"], serde_json::json!({ "uid": 0, "gid": 0 }));
    assert!(warning.unwrap().contains("1000:1001"));
    assert_eq!(told["linux"]["uidMappings"], serde_json::json!([{ "containerID": 0, "hostID": 1234, "size": 1 }]));
    assert_eq!(told["linux"]["gidMappings"], serde_json::json!([{ "containerID": 0, "hostID": 5678, "size": 1 }]));
    assert_eq!(made(&image("{}", ""), user).unwrap().1, None);
}

#[test]
fn only_linux_has_bundles() {
    let windows = Config::parse(br#"{"os":"windows","architecture":"amd64","rootfs":{"type":"layers"}}"#).unwrap();
    assert_eq!(made(&windows, None).unwrap_err().code, Code::Unsupported("bundle".into()));
}

/// The user, the group and the groups beside it.
type Ids<'g> = (u32, u32, &'g [u32]);
