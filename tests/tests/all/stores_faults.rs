//! Faults of the operating system, made with strace and with a disk that is too small; and in which order files become durable.

use std::fs;
use std::path::Path;
use std::process::Command;

use ocix_tests::{Run, Scratch, need, need_root, program};
use serde_json::Value;

/// Whenever the files were written, the image is the same.
const OUTPUT: &str = "type=image,name=site:v1,rewrite-timestamp=true";

/// `ocix export` of a tree under strace.
fn traced(scratch: &Scratch, strace: &[&str]) -> Command {
    let export = scratch.exporting("tree", OUTPUT, &["--source-date-epoch=1700000000"]);
    let mut command = program("strace");
    command
        .args(["-f", "-y", "-o"])
        .arg(scratch.path("trace"))
        .args(strace)
        .arg(export.get_program())
        .args(export.get_args());
    command.current_dir(scratch.path("")).env("OCIX_STORE", scratch.path("store")).env("HOME", scratch.path("home"));
    command
}

/// The store is sound, and its one name stands for the old image or the new one.
fn assert_old_or_new(scratch: &Scratch, store: &Path, old: &str, new: &str, why: &str) {
    let run = Run::of(scratch.ocix().args(["store", "check"]).env("OCIX_STORE", store));
    assert_eq!(run.code, Some(0), "{why}\n{}", run.told());
    let digest = named(scratch, store);
    assert!(digest == old || digest == new, "{why}: {digest}");
}

fn named(scratch: &Scratch, store: &Path) -> String {
    let listed = Run::of(scratch.ocix().args(["images", "--json", "site:v1"]).env("OCIX_STORE", store)).ok().stdout;
    serde_json::from_str::<Value>(&listed).unwrap()["digest"].as_str().unwrap().to_owned()
}

/// A store with an image, and the digest that another tree has under the same name.
fn before(scratch: &Scratch) -> (String, String) {
    scratch.write("tree/file", "new".repeat(1000));
    scratch.export("tree", OUTPUT, &["--store=elsewhere", "--source-date-epoch=1700000000"]).ok();
    let new = named(scratch, &scratch.path("elsewhere"));
    scratch.write("tree/file", "old".repeat(1000));
    scratch.export("tree", OUTPUT, &["--source-date-epoch=1700000000"]).ok();
    let old = named(scratch, &scratch.path("store"));
    scratch.write("tree/file", "new".repeat(1000));
    (old, new)
}

/// Each call fails once, the first one, the second one, and so on until all have, as strace counts them: for each thread.
#[test]
fn calls_that_fail() {
    need!("strace");
    let scratch = Scratch::new();
    let (old, new) = before(&scratch);
    fs::rename(scratch.path("store"), scratch.path("base")).unwrap();
    let _ = fs::remove_dir(scratch.path("base/ingest"));
    let store = scratch.path("store");
    for (call, error) in [
        ("fsync", "EIO"),
        ("fsync", "ENOSPC"),
        ("rename,renameat,renameat2", "EIO"),
        ("mkdirat", "ENOSPC"),
        ("flock", "ENOLCK"),
    ] {
        let mut failed = 0;
        for number in 1.. {
            let _ = fs::remove_dir_all(&store);
            Run::of(program("cp").args(["-r"]).args([scratch.path("base"), store.clone()])).ok();
            let inject = format!("inject={call}:error={error}:when={number}");
            let run = Run::of(&mut traced(&scratch, &["-e", &format!("trace={call}"), "-e", &inject]));
            let trace = fs::read_to_string(scratch.path("trace")).unwrap();
            let why = format!("{inject}\n{}\n{trace}", run.told());
            assert_old_or_new(&scratch, &store, &old, &new, &why);
            if !trace.contains("(INJECTED)") {
                assert_eq!((run.code, named(&scratch, &store)), (Some(0), new.clone()), "{why}");
                break;
            }
            if run.code != Some(0) {
                failed += 1;
                assert_eq!((run.code, run.stderr.lines().count()), (Some(1), 1), "{why}");
                assert!(run.stderr.contains("store"), "{why}");
            }
            // A second time it works, whatever the first one left.
            scratch.export("tree", OUTPUT, &["--source-date-epoch=1700000000"]).ok();
            assert_eq!(named(&scratch, &store), new, "{why}");
            assert_eq!(scratch.store().strays(), Vec::<std::path::PathBuf>::new(), "{why}");
        }
        assert!(failed > 0, "no {call} that failed was told");
    }
}

/// Bytes are durable before they have a name, and the name is before anything relies on it.
#[test]
fn in_order() {
    need!("strace");
    let scratch = Scratch::new();
    before(&scratch);
    let calls = "trace=fsync,fdatasync,rename,renameat,renameat2,write,pwrite64";
    Run::of(&mut traced(&scratch, &["-e", calls])).ok();
    let trace = fs::read_to_string(scratch.path("trace")).unwrap();
    let store = fs::canonicalize(scratch.path("store")).unwrap().display().to_string();
    let mut published = Vec::new();
    // Calls of several threads may be told in two parts: a call is done where its end is told.
    let mut durable: Vec<String> = Vec::new();
    let mut pending: Option<String> = None;
    for call in joined(&trace) {
        if let Some(path) = argument(&call, "fsync(") {
            if let Some(name) = pending.take_if(|name| *name == folder_of(name, &path)) {
                published.push(name);
            }
            durable.push(path);
        } else if call.contains("write") {
            let written = call.split('<').nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
            durable.retain(|path| path != written);
        } else if call.starts_with("rename") {
            assert_eq!(pending, None, "renamed before the folder of the last one was durable\n{trace}");
            let (from, to) = renamed(&call, &store);
            assert!(durable.contains(&from), "{from} was renamed before it was durable\n{trace}");
            pending = Some(to);
        }
    }
    assert_eq!(pending, None, "{trace}");
    let blobs = published.iter().filter(|name| name.contains("/blobs/")).count();
    assert_eq!(blobs, 3, "{published:#?}\n{trace}");
    assert!(published.last().is_some_and(|last| last.ends_with("/index.json")), "{published:#?}");
}

/// Of lines that say `unfinished` and `resumed` one call each, where it ends; each without the number of its thread.
fn joined(trace: &str) -> Vec<String> {
    let mut open = std::collections::BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            open.insert(thread, start.to_owned());
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            calls.push(open.remove(thread).unwrap_or_default() + end);
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

/// The path of the descriptor that is a call's only argument.
fn argument(call: &str, name: &str) -> Option<String> {
    let rest = call.strip_prefix(name)?;
    Some(rest.split_once('<')?.1.split_once('>')?.0.to_owned())
}

/// The name itself when the folder is its own.
fn folder_of(name: &str, folder: &str) -> String {
    if Path::new(name).parent() == Some(Path::new(folder)) { name.to_owned() } else { String::new() }
}

/// From where to where, both whole: `renameat(3<FOLDER>, "NAME", 4<FOLDER>, "NAME") = 0`.
fn renamed(call: &str, store: &str) -> (String, String) {
    let folders: Vec<&str> = call.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    let names: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
    assert!(folders.iter().all(|folder| folder.starts_with(store)) && names.len() == 2, "{call}");
    (format!("{}/{}", folders[0], names[0]), format!("{}/{}", folders[1], names[1]))
}

/// A disk with room for nothing, for a little more, and so on until it is enough.
#[test]
fn too_small_a_disk() {
    need_root!();
    need!("mount", "umount");
    let scratch = Scratch::new();
    let (old, new) = {
        scratch.write(
            "tree/noise",
            (0..60_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<_>>(),
        );
        before(&scratch)
    };
    let disk = scratch.folder("disk");
    if Run::of(program("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&disk)).code != Some(0) {
        need::missing("file systems cannot be mounted here");
        return;
    }
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let store = disk.join("store");
        let (mut failed, mut free) = (0, 0);
        loop {
            let _ = fs::remove_dir_all(&store);
            let _ = fs::remove_file(disk.join("filler"));
            Run::of(program("cp").args(["-r"]).arg(scratch.path("store")).arg(&store)).ok();
            fill(&disk.join("filler"), free);
            let run = scratch.export("tree", OUTPUT, &["--source-date-epoch=1700000000", "--store=disk/store"]);
            let why = format!("{free} bytes free\n{}", run.told());
            assert_old_or_new(&scratch, &store, &old, &new, &why);
            assert_eq!(ocix_tests::Layout::at(&store).strays(), Vec::<std::path::PathBuf>::new(), "{why}");
            if run.code == Some(0) {
                assert_eq!(named(&scratch, &store), new, "{why}");
                break;
            }
            failed += 1;
            run.failed(1, &["disk/store", "space"]);
            free += 16 << 10;
        }
        assert!(failed > 4, "only {failed} sizes were too small");
    }));
    Run::of(program("umount").arg(&disk)).ok();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Takes all room but so many bytes.
fn fill(path: &Path, free: u64) {
    let room = rustix::fs::statvfs(path.parent().unwrap()).unwrap();
    let bytes = (room.f_bavail * room.f_frsize).saturating_sub(free);
    fs::write(path, vec![0; bytes as usize]).unwrap();
}
