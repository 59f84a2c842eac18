//! The real thing: a Debian root file system becomes an image, and a container runs from it.

use std::fs;

use ocix_tests::{Run, Scratch, Tree, need, need_root, program};
use serde_json::{Value, json};

#[test]
fn a_container_runs_from_the_image() {
    need_root!();
    need!("mmdebstrap", "umoci", "runc");
    let scratch = Scratch::new();
    let root = scratch.path("debian");
    let mut mmdebstrap = program("mmdebstrap");
    mmdebstrap.args(["--variant=minbase", "--mode=root", "--quiet", "bookworm"]).arg(&root);
    Run::of(mmdebstrap.current_dir(scratch.path(""))).ok();
    scratch.export(&root, "type=image,name=example.com/debian:bookworm", &["--xattrs"]).ok();

    let image = format!("{}:bookworm", scratch.store().root().display());
    let bundle = scratch.path("bundle");
    Run::of(program("umoci").args(["unpack", "--image", &image]).arg(&bundle)).ok();
    Tree::read(&root).assert_same(&Tree::read(&bundle.join("rootfs")));

    let config = bundle.join("config.json");
    let mut runtime: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    runtime["process"]["args"] = json!(["bash", "--version"]);
    runtime["process"]["terminal"] = json!(false);
    // The parent's control groups may be read-only; this container needs none of its own.
    runtime["linux"].as_object_mut().unwrap().remove("resources");
    fs::write(&config, runtime.to_string()).unwrap();
    let name = format!("ocix-test-{}", std::process::id());
    let mut runc = program("runc");
    runc.arg("--root").arg(scratch.path("runc")).arg("run").arg("--bundle").arg(&bundle).arg(name);
    let run = Run::of(&mut runc).ok();
    assert!(run.stdout.starts_with("GNU bash, version 5.2"), "{}", run.told());
}
