//! What wants to get out of the folder that it is unpacked into: each case of `escapes/` by the command line, and links that change meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ocix_tests::handmade::{self, Entry};
use ocix_tests::scratch::repository;
use ocix_tests::{Run, Scratch, Tree, need_root};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    layers: Vec<Vec<Vec<String>>>,
    verdict: Verdict,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    gives: Vec<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Refused,
    Contained,
    #[serde(rename = "as a file")]
    AsAFile,
}

#[test]
fn the_cases_of_containerd() {
    assert!(all("containerd.toml") >= 33);
}

#[test]
fn more_cases() {
    assert!(all("ours.toml") >= 30);
}

/// Somebody who may write to the folder makes a link of a directory while files go into it.
#[test]
fn a_link_that_comes_in_the_middle_is_not_followed() {
    need_root!();
    let scratch = Scratch::new();
    let outside = outside(&scratch);
    let names: Vec<String> = (0..300).map(|number| format!("d/sub/{number}")).collect();
    let mut entries = vec![Entry::new("d", "d", ""), Entry::new("d", "d/sub", "")];
    entries.extend(names.iter().map(|name| Entry::new("f", name, "x")));
    handmade::image(&scratch.path("layout"), &[handmade::tar(&entries)], json!({}));
    let (before, done) = (Tree::read(&outside), AtomicBool::new(false));
    let into = scratch.folder("into");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for place in ["d", "d/sub"] {
                    let (place, aside) = (into.join(place), into.join("aside"));
                    if fs::rename(&place, &aside).is_ok() {
                        let _ = symlink(&outside, &place);
                        std::thread::yield_now();
                        let _ = fs::remove_file(&place);
                        let _ = fs::rename(&aside, &place);
                    }
                    let _ = fs::remove_dir_all(&aside);
                }
            }
        });
        // It may fail, since things are taken away beneath it.
        let codes: Vec<_> = (0..30)
            .map(|_| Run::of(scratch.ocix().args(["unpack", "-q", "--force", "oci:layout", "into"])).code)
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
    });
    before.assert_same(&Tree::read(&outside));
}

/// Links that stand in the folder already, of whoever, are replaced.
#[test]
fn links_in_the_folder_are_not_followed() {
    need_root!();
    let scratch = Scratch::new();
    let outside = outside(&scratch);
    let entries = [Entry::new("d", "d", ""), Entry::new("f", "d/perm400", "x"), Entry::new("f", "file", "mine")];
    handmade::image(&scratch.path("layout"), &[handmade::tar(&entries)], json!({}));
    let into = scratch.folder("into");
    symlink(&outside, into.join("d")).unwrap();
    symlink(outside.join("perm400"), into.join("file")).unwrap();
    let before = Tree::read(&outside);
    Run::of(scratch.ocix().args(["unpack", "--force", "oci:layout", "into"])).ok();
    before.assert_same(&Tree::read(&outside));
    assert_eq!(listed(&into), ["d/", "d/perm400=x", "file=mine"]);
}

/// Every case of a file; says how many there are.
fn all(file: &str) -> usize {
    if !ocix_tests::need::root() {
        return usize::MAX;
    }
    let text = fs::read_to_string(repository().join("tests/escapes").join(file)).unwrap();
    let cases = toml::from_str::<File>(&text).unwrap().case;
    cases.iter().for_each(|case| {
        try_out(case, &[]);
        try_out(case, &["--rootless"]);
    });
    cases.len()
}

fn try_out(case: &Case, args: &[&str]) {
    let (scratch, name) = (Scratch::new(), &case.name);
    let outside = outside(&scratch);
    scratch.write("canary", "c");
    let at = |text: &str| text.replace('@', outside.to_str().unwrap());
    let layers: Vec<Vec<u8>> = case.layers.iter().map(|layer| tar(layer, at)).collect();
    handmade::image(&scratch.path("layout"), &layers, json!({}));
    scratch.folder("into");
    let around = || Tree::read(&scratch.path("")).without_beneath(&["into", "store", "home"]);
    let (before, machine) = (around(), machine());
    let run = Run::of(scratch.ocix().args(["unpack", "-q", "oci:layout", "into/root"]).args(args));
    before.assert_same(&around());
    assert_eq!(machine, self::machine(), "{name}: {}", run.told());
    if case.verdict == Verdict::Refused {
        assert!(!case.says.is_empty(), "{name} says nothing");
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{name}: {}", run.told());
        // Odd names are warned of before.
        let last = run.stderr.lines().last().unwrap_or_default();
        let missing: Vec<_> =
            case.says.iter().map(|said| at(said)).filter(|said| !last.contains(said.as_str())).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}\n{}", run.told());
        assert_eq!(fs::read_dir(scratch.path("into")).unwrap().count(), 0, "{name} leaves something");
    } else {
        let run = run.ok();
        let gives: Vec<String> = case.gives.iter().map(|line| at(line)).collect();
        assert_eq!(listed(&scratch.path("into/root")), gives, "{name}: {}", run.told());
    }
}

fn tar(layer: &[Vec<String>], at: impl Fn(&str) -> String) -> Vec<u8> {
    let texts: Vec<Vec<String>> = layer.iter().map(|entry| entry.iter().map(|text| at(text)).collect()).collect();
    let entry = |texts: &Vec<String>| match texts.as_slice() {
        [kind, name] => [kind.clone(), name.clone(), String::new()],
        [kind, name, what] => [kind.clone(), name.clone(), what.clone()],
        other => panic!("{other:?} is no entry"),
    };
    let texts: Vec<[String; 3]> = texts.iter().map(entry).collect();
    handmade::tar(&texts.iter().map(|[kind, name, what]| Entry::new(kind, name, what)).collect::<Vec<_>>())
}

/// A folder that nothing may touch.
fn outside(scratch: &Scratch) -> std::path::PathBuf {
    let secret = scratch.write("outside/perm400", "secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).unwrap();
    scratch.write("outside/also", "too");
    scratch.path("outside")
}

/// What these cases name on the machine itself.
fn machine() -> Vec<(u64, u32, u64)> {
    let of = |path| fs::metadata(path).map(|file| (file.ino(), file.mode(), file.nlink())).unwrap();
    vec![of("/etc/passwd"), of("/etc")]
}

/// Every path beneath, in byte order, as `escapes/README.md` writes it.
fn listed(root: &Path) -> Vec<String> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    let mut first: BTreeMap<u64, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for (path, (inode, line)) in found {
        let before = first.entry(inode).or_insert_with(|| path.clone()).clone();
        lines.push(if before == path { format!("{path}{line}") } else { format!("{path}:{before}") });
    }
    lines
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, (u64, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let line = if kind.is_dir() {
            walk(root, &path, found);
            "/".to_owned()
        } else if kind.is_symlink() {
            format!(">{}", fs::read_link(&path).unwrap().display())
        } else if kind.is_file() {
            format!("={}", fs::read_to_string(&path).unwrap())
        } else if kind.is_char_device() || kind.is_block_device() {
            format!("!{},{}", rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()))
        } else {
            "|".to_owned()
        };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        found.insert(name, (metadata.ino(), line));
    }
}
