//! Bundles: their `config.json` is umoci's but for what is said here, and runc runs them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ocix_tests::handmade::{self, Entry};
use ocix_tests::scratch::repository;
use ocix_tests::{Run, Scratch, need, need_root, program, tree};
use serde_json::{Value, json};

/// Makes a bundle; gives its config.
fn bundle(scratch: &Scratch, source: &str, dest: &str, args: &[&str]) -> Value {
    Run::of(scratch.ocix().args(["unpack", "-q", "--bundle", source, dest]).args(args)).ok();
    config(&scratch.path(dest))
}

fn config(bundle: &Path) -> Value {
    serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap()
}

/// Field by field. The differences: versions, host names and paths that are masked are runc's own; umoci sets inheritable capabilities, which runc has
/// left off since CVE-2022-29162; an author and a time that nobody gave are empty and of the year 1 there, and absent here; only here HOME is always set, and only there TERM comes
/// first; it gives numbers further groups too, which the image spec's conversion.md does not want.
#[test]
fn configs_are_those_of_umoci() {
    need_root!();
    need!("umoci");
    for user in ["", "root", "app", "app:adm", "app:7", "1000", "1000:4", "5:6", "5:adm"] {
        let scratch = Scratch::new();
        let config = json!({
            "User": user, "Entrypoint": ["/bin/app", "-x"], "Cmd": ["a b"], "Env": ["PATH=/bin", "A=b=c"], "WorkingDir": "/srv",
            "Labels": { "l": "<1>" }, "StopSignal": "SIGQUIT", "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/data": {} },
        });
        handmade::image(&scratch.path("layout"), &[accounts()], config);
        compare(&scratch, user);
    }
    let scratch = Scratch::new();
    handmade::image(&scratch.path("layout"), &[accounts()], json!({}));
    compare(&scratch, "nothing said");
    let recorded = repository().join("../shared/golden/sources/default");
    let scratch = Scratch::new();
    Run::of(program("cp").arg("-r").arg(recorded).arg(scratch.path("layout"))).ok();
    let index = fs::read_to_string(scratch.path("layout/index.json")).unwrap();
    let mut index: Value = serde_json::from_str(&index).unwrap();
    index["manifests"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
    fs::write(scratch.path("layout/index.json"), index.to_string()).unwrap();
    compare(&scratch, "recorded");
}

fn compare(scratch: &Scratch, what: &str) {
    let mut ours = bundle(scratch, "oci:layout#v1", "ours", &[]);
    let image = format!("{}:v1", scratch.path("layout").display());
    Run::of(program("umoci").args(["unpack", "--image", &image]).arg(scratch.path("theirs"))).ok();
    let mut theirs = config(&scratch.path("theirs"));
    for config in [&mut ours, &mut theirs] {
        for member in ["ociVersion", "hostname"] {
            assert!(config.as_object_mut().unwrap().remove(member).is_some());
        }
        config["process"]["capabilities"].as_object_mut().unwrap().remove("inheritable");
        let mut env = config["process"]["env"].as_array().unwrap().clone();
        env.retain(|line| !line.as_str().unwrap().starts_with("HOME="));
        env.sort_by_key(Value::to_string);
        config["process"]["env"] = env.into();
        config["annotations"]
            .as_object_mut()
            .unwrap()
            .retain(|_, value| value != "" && value != "0001-01-01T00:00:00Z");
        if what.starts_with(|first: char| first.is_ascii_digit()) {
            config["process"]["user"].as_object_mut().unwrap().remove("additionalGids");
        }
    }
    let paths = |config: &mut Value| -> BTreeSet<String> {
        let linux = config["linux"].as_object_mut().unwrap();
        let both = ["maskedPaths", "readonlyPaths"].map(|member| linux.remove(member).unwrap());
        both.iter().flat_map(|paths| paths.as_array().unwrap().clone()).map(|path| path.to_string()).collect()
    };
    let (more, fewer) = (paths(&mut ours), paths(&mut theirs));
    assert!(more.is_superset(&fewer), "{what}: {more:?} {fewer:?}");
    assert_eq!(ours, theirs, "{what}");
}

/// What runc writes itself when it is not told anything.
#[test]
fn what_an_image_does_not_say_is_as_runc_has_it() {
    need_root!();
    need!("runc");
    for (args, spec) in [(&[][..], &[][..]), (&["--rootless"], &["--rootless"])] {
        let scratch = Scratch::new();
        handmade::image(&scratch.path("layout"), &[accounts()], json!({}));
        let mut ours = bundle(&scratch, "oci:layout", "ours", args);
        let folder = scratch.folder("spec");
        Run::of(program("runc").arg("spec").args(spec).current_dir(&folder)).ok();
        let mut theirs = config(&folder);
        for (config, members) in [(&mut ours, ["ociVersion", "annotations"]), (&mut theirs, ["ociVersion", "readonly"])]
        {
            members.iter().for_each(|member| {
                config.as_object_mut().unwrap().remove(*member);
            });
            config["root"].as_object_mut().unwrap().remove("readonly");
            config["hostname"] = "".into();
            config["process"]["user"].as_object_mut().unwrap().remove("additionalGids");
            config["process"]["env"].as_array_mut().unwrap().retain(|line| line != "HOME=/root");
        }
        assert_eq!(ours, theirs, "{args:?}");
    }
}

/// Root's, by runc; the terminal is one that `script` makes.
#[test]
fn runc_runs_a_bundle() {
    need_root!();
    need!("runc", "script", "ldd");
    let scratch = Scratch::new();
    let words = "id -u; id -g; pwd; echo $A $HOME; cat /etc/passwd | wc -l; echo over > /file && cat /file";
    let config = json!({ "Cmd": ["sh", "-c", words], "Env": ["A=it runs"], "WorkingDir": "/etc" });
    runnable(&scratch, config);
    bundle(&scratch, "oci:layout", "bundle", &[]);
    let run = runc(&scratch, &mut program("script"));
    // The terminal shows, somewhere in between, that nobody types.
    assert!(
        run.stdout.replace('\r', "").replace("^@", "").ends_with("0\n0\n/etc\nit runs /root\n2\nover\n"),
        "{}",
        run.told()
    );
}

/// Another user's, who has no rights; where the kernel does not let such a user make a user namespace, runc says so.
#[test]
fn runc_runs_a_rootless_bundle() {
    need_root!();
    need!("runc", "script", "ldd", "setpriv", "unshare");
    let scratch = Scratch::new();
    runnable(&scratch, json!({ "Cmd": ["sh", "-c", "id -u; cat /etc/passwd | wc -l"], "User": "app" }));
    let home = scratch.folder("user");
    std::os::unix::fs::chown(&home, Some(4321), Some(4322)).unwrap();
    let as_user = |program: &Path| {
        let mut command = ocix_tests::program("setpriv");
        command.args(["--reuid=4321", "--regid=4322", "--clear-groups", "--bounding-set=-all"]).arg(program);
        command.env("HOME", &home).env("OCIX_STORE", home.join("store")).env("XDG_RUNTIME_DIR", &home);
        command
    };
    let binary = scratch.path("ocix");
    fs::copy(ocix_tests::scratch::binary(), &binary).unwrap();
    let mut unpack = as_user(&binary);
    let unpack = unpack.args(["unpack", "--progress=plain", "--bundle", "--rootless", "oci:../layout", "bundle"]);
    let run = Run::of(unpack.current_dir(&home)).ok();
    assert!(run.stderr.contains("user 1000:1001 has no place"), "{}", run.told());
    let namespaces = Run::of(as_user(Path::new("unshare")).args(["--user", "--map-root-user", "true"]));
    if namespaces.code != Some(0) && !need::missing("this user may not make user namespaces") {
        return;
    }
    fs::rename(home.join("bundle"), scratch.path("bundle")).unwrap();
    let run = runc(&scratch, &mut as_user(Path::new("script")));
    assert!(run.stdout.replace('\r', "").replace("^@", "").ends_with("0\n2\n"), "{}", run.told());
}

#[test]
fn users_that_the_image_does_not_know() {
    need_root!();
    let scratch = Scratch::new();
    handmade::image(&scratch.path("layout"), &[accounts()], json!({ "User": "nobody" }));
    let run = Run::of(scratch.ocix().args(["unpack", "-q", "--bundle", "oci:layout", "bundle"]));
    run.failed(1, &["user `nobody` is not in its /etc/passwd", "--bundle"]);
    assert!(!scratch.path("bundle").exists());
    Run::of(scratch.ocix().args(["unpack", "-q", "oci:layout", "out"])).ok();
}

/// The container of a bundle, by a program that makes a terminal.
fn runc(scratch: &Scratch, script: &mut std::process::Command) -> Run {
    // The control groups of the machine that tests may be read-only; this container needs none of its own.
    let file = scratch.path("bundle/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config["linux"].as_object_mut().unwrap().remove("resources");
    config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    fs::write(file, config.to_string()).unwrap();
    let state = scratch.folder("runc");
    std::os::unix::fs::chown(&state, Some(4321), Some(4322)).unwrap();
    let name = format!("ocix-test-{}-{:?}", std::process::id(), std::thread::current().id()).replace(['(', ')'], "");
    let runc = ocix_tests::run::find("runc").unwrap();
    let command = format!(
        "{} --root {} run --bundle {} {name}",
        runc.display(),
        state.display(),
        scratch.path("bundle").display()
    );
    Run::of(script.args(["--quiet", "--return", "--command", &command, "/dev/null"])).ok()
}

/// A layer with users and groups.
fn accounts() -> Vec<u8> {
    handmade::tar(&[
        Entry::new("d", "etc", ""),
        Entry::new("f", "etc/passwd", PASSWD),
        Entry::new("f", "etc/group", "root:x:0:\nadm:x:4:app,root\napp:x:1001:\nwheel:x:10:root\n"),
    ])
}

/// An image in which a few of this machine's programs run.
fn runnable(scratch: &Scratch, config: Value) {
    let root = scratch.folder("root");
    scratch.write("root/etc/passwd", PASSWD);
    for folder in ["bin", "dev", "proc", "sys", "tmp"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    for name in ["sh", "id", "cat", "wc"] {
        let program = ocix_tests::run::find(name).unwrap();
        let libraries = Run::of(ocix_tests::program("ldd").arg(&program)).ok().stdout;
        let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
        for file in libraries {
            let to = root.join(file.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
        fs::copy(&program, root.join("bin").join(name)).unwrap();
    }
    tree::touch(&root.join("bin"), 1_600_000_000, 0);
    scratch.export(&root, "type=oci,tar=false,dest=made", &[]).ok();
    let made = scratch.path("made");
    let digest = ocix_tests::Layout::at(&made).entries()[0]["digest"].as_str().unwrap().to_owned();
    let layer = &ocix_tests::Layout::at(&made).image(&digest).0["layers"][0];
    handmade::image(&scratch.path("layout"), &[ocix_tests::Layout::at(&made).tar(layer)], config);
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n";
