//! Ctrl-C: over within two seconds, exit code 130, and nothing half done left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ocix_tests::http::{Response, Server};
use ocix_tests::{Run, Scratch, need, need_root, program};
use rustix::process::{Pid, Signal, kill_process};

/// In the middle of a layer.
#[test]
fn while_compressing() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tree")).unwrap();
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(100 << 30).unwrap();
    let mut export = scratch.exporting("tree", OUTPUT, &[]);
    let child = start(&mut export);
    wait_until("a temporary", || bytes(&scratch.path("store")) > 0);
    interrupt(child);
    scratch.store().assert_empty();
}

/// Both signals that ask a program to end.
#[test]
fn by_sigterm() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tree")).unwrap();
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(100 << 30).unwrap();
    let child = start(&mut scratch.exporting("tree", OUTPUT, &[]));
    wait_until("a temporary", || bytes(&scratch.path("store")) > 0);
    end(child, Signal::TERM);
    scratch.store().assert_empty();
}

/// While nobody writes to the pipe that the tar comes from.
#[test]
fn while_waiting_for_input() {
    let scratch = Scratch::new();
    let mut export = scratch.exporting("-", OUTPUT, &[]);
    let mut child = export.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pipe = child.stdin.take();
    std::thread::sleep(Duration::from_millis(500));
    interrupt(child);
    drop(pipe);
    scratch.store().assert_empty();
}

/// While a registry does not answer.
#[test]
fn while_pushing() {
    let scratch = Scratch::new();
    let server = Server::start(|request| {
        if request.method != "HEAD" {
            std::thread::sleep(Duration::from_secs(30));
        }
        Response::json(404, "")
    });
    let output = format!("type=registry,name={}/site:v1", server.address());
    let child = start(&mut scratch.exporting(scratch.site(), &output, &[]));
    wait_until("an upload", || server.requests().iter().any(|request| request.method != "HEAD"));
    interrupt(child);
    assert_eq!(scratch.store().strays(), Vec::<PathBuf>::new());
}

/// In the middle of a file that is unpacked.
#[test]
fn while_unpacking() {
    need_root!();
    need!("tar");
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tree")).unwrap();
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(60 << 30).unwrap();
    let tar = ["-cSf", "huge.tar", "-C", "tree", "."];
    Run::of(program("tar").args(tar).current_dir(scratch.path(""))).ok();
    let child = start(scratch.ocix().args(["unpack", "--progress=none", "tar:huge.tar", "out"]));
    let drafts = || -> Vec<PathBuf> {
        let all = fs::read_dir(scratch.path("")).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_string_lossy().contains("out")).collect()
    };
    wait_until("a file", || drafts().iter().any(|draft| draft.join("huge").exists()));
    interrupt(child);
    assert_eq!(drafts(), Vec::<PathBuf>::new());
}

/// What another process that was killed left behind is gone after the next export.
#[test]
fn killed_outright() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tree")).unwrap();
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(100 << 30).unwrap();
    let mut child = start(&mut scratch.exporting("tree", OUTPUT, &[]));
    wait_until("a temporary", || bytes(&scratch.path("store")) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scratch.store().entries().len(), 0);
    scratch.export(scratch.site(), OUTPUT, &[]).ok();
    assert_eq!(scratch.store().strays(), Vec::<PathBuf>::new());
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: Child) {
    end(child, Signal::INT);
}

fn end(child: Child, signal: Signal) {
    let pid = Pid::from_child(&child);
    let start = Instant::now();
    kill_process(pid, signal).unwrap();
    let run = Run::ended("an export that was stopped".to_owned(), child.wait_with_output().unwrap());
    let elapsed = start.elapsed();
    let run = run.failed(130, &["stopped"]);
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}\n{}", run.told());
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: waited ten seconds");
}

/// How much is in a folder that may not exist yet.
fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |path: &Path| fs::symlink_metadata(path).map_or(0, |meta| meta.len());
    entries.flatten().map(|entry| entry.path()).map(|path| if path.is_dir() { bytes(&path) } else { size(&path) }).sum()
}

const OUTPUT: &str = "type=image,name=example.com/x:t";
