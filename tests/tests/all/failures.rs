//! What can go wrong, goes wrong in one line that names the thing, with the right exit code, and leaves nothing behind.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use ocix_tests::http::{Response, Server};
use ocix_tests::{Noise, Run, Scratch, need, need_root, program};
use serde_json::json;

#[test]
fn missing_source() {
    let scratch = Scratch::new();
    for source in ["no-such-folder", "dir:no-such-folder", "tar:no-such-folder", "oci:no-such-folder"] {
        scratch.export(source, OUTPUT, &[]).failed(1, &["no-such-folder", "not"]);
        scratch.store().assert_empty();
    }
}

#[test]
fn source_of_another_kind() {
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("text", "this is not a tar at all\n".repeat(100));
    scratch.write("empty", "");
    scratch.write("folder/index.json", "{}");
    let table = [
        ("dir:text", "text"),
        ("tar:site", "site"),
        ("oci:site", "site"),
        ("text", "text"),
        ("empty", "empty"),
        ("oci:folder", "folder"),
    ];
    for (source, word) in table {
        scratch.export(source, OUTPUT, &[]).failed(1, &[word]);
        scratch.store().assert_empty();
    }
}

#[test]
fn tar_cut_short() {
    need!("tar", "gzip", "zstd");
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("site/big", "0123456789abcdef".repeat(40_000));
    Run::of(program("tar").args(["-cf", "whole.tar", "site"]).current_dir(scratch.path(""))).ok();
    Run::of(program("gzip").args(["-k", "whole.tar"]).current_dir(scratch.path(""))).ok();
    Run::of(program("zstd").args(["-q", "-k", "whole.tar"]).current_dir(scratch.path(""))).ok();
    for whole in ["whole.tar", "whole.tar.gz", "whole.tar.zst"] {
        // Whole it is fine, so that it is the cut that fails.
        scratch.export(whole, OUTPUT, &["--store=good"]).ok();
        let bytes = fs::read(scratch.path(whole)).unwrap();
        for part in [bytes.len() / 2, bytes.len().saturating_sub(10_300), 700, bytes.len() - bytes.len() / 16]
            .map(|part| part.min(bytes.len() - 9))
        {
            scratch.write("short", &bytes[..part]);
            scratch.export("short", OUTPUT, &[]).failed(1, &["short"]);
            scratch.store().assert_empty();
        }
    }
}

#[test]
fn tar_that_is_damaged() {
    need!("tar", "gzip");
    let scratch = Scratch::new();
    scratch.site();
    Run::of(program("tar").args(["-cf", "whole.tar", "site"]).current_dir(scratch.path(""))).ok();
    Run::of(program("gzip").args(["-k", "whole.tar"]).current_dir(scratch.path(""))).ok();
    // A bit of the first header's owner; a bit of the gzip trailer's checksum.
    for (whole, place) in
        [("whole.tar", 110), ("whole.tar.gz", fs::metadata(scratch.path("whole.tar.gz")).unwrap().len() as usize - 6)]
    {
        let mut bytes = fs::read(scratch.path(whole)).unwrap();
        bytes[place] ^= 1;
        scratch.write("damaged", bytes);
        scratch.export("damaged", OUTPUT, &[]).failed(1, &["damaged"]);
        scratch.store().assert_empty();
    }
}

/// A layout whose blob has other bytes than its name says.
#[test]
fn layout_that_lies() {
    let Some(source) = ocix_tests::golden::path("sources/default") else { return };
    let scratch = Scratch::new();
    copy(&source, &scratch.path("layout"));
    let layout = ocix_tests::Layout::at(scratch.path("layout"));
    let manifest = layout.entries()[0]["digest"].as_str().unwrap().to_owned();
    let layer = layout.json(&manifest)["layers"][0]["digest"].as_str().unwrap().to_owned();
    let mut bytes = layout.blob(&layer);
    bytes[1000] ^= 1;
    fs::write(layout.blob_path(&layer), &bytes).unwrap();
    scratch.export("oci:layout", OUTPUT, &[]).failed(1, &[&layer[7..19]]);
    assert_eq!(scratch.store().entries().len(), 0);
    assert_eq!(scratch.store().strays(), Vec::<std::path::PathBuf>::new());

    fs::remove_file(layout.blob_path(&layer)).unwrap();
    scratch.export("oci:layout", OUTPUT, &[]).failed(1, &[&layer[7..19]]);
    assert_eq!(scratch.store().entries().len(), 0);
}

#[test]
fn disk_full() {
    need_root!();
    need!("mount", "umount");
    let scratch = Scratch::new();
    scratch.write("tree/big", Noise::new(1).bytes(8 << 20));
    let small = scratch.folder("small");
    if Run::of(program("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&small)).code != Some(0) {
        need::missing("file systems cannot be mounted here");
        return;
    }
    let store = small.join("store");
    let run = scratch.export("tree", OUTPUT, &["--store", store.to_str().unwrap()]);
    let layout = ocix_tests::Layout::at(&store);
    let (entries, strays) = (layout.entries(), layout.strays());
    Run::of(program("umount").arg(&small)).ok();
    run.failed(1, &["small/store", "space"]);
    assert_eq!((entries.len(), strays.len()), (0, 0), "{entries:#?} {strays:#?}");
}

#[test]
fn store_that_cannot_be() {
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("file", "x");
    scratch.export("site", OUTPUT, &["--store=file"]).failed(1, &["file"]);
    scratch.export("site", OUTPUT, &["--store=file/store"]).failed(1, &["file/store"]);
    assert_eq!(fs::read(scratch.path("file")).unwrap(), b"x");
}

#[test]
fn registry_down() {
    let scratch = Scratch::new();
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    scratch
        .export(scratch.site(), &format!("type=registry,name={address}/site:v1"), &[])
        .failed(1, &[&address, "connect"]);
}

#[test]
fn registry_with_an_unknown_name() {
    let scratch = Scratch::new();
    let output = "type=registry,name=registry.invalid/site:v1";
    scratch.export(scratch.site(), output, &[]).failed(1, &["registry.invalid"]);
}

/// The registry's own code and words are passed on, and made fit for a terminal.
#[test]
fn registry_says_no() {
    let scratch = Scratch::new();
    let refusal = json!({ "errors": [{ "code": "DENIED", "message": "no room for\u{1b}[2J you" }] });
    let server = Server::start(move |request| match request.method.as_str() {
        "HEAD" => Response::json(404, ""),
        _ => Response::json(403, &refusal),
    });
    let output = format!("type=registry,name={}/site:v1", server.address());
    let run = scratch.export(scratch.site(), &output, &[]).failed(1, &[&server.address(), "DENIED", "no room for"]);
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.told());
}

/// Of two outputs the good one is made, the other is told, and the exit code says so.
#[test]
fn one_of_two_outputs_fails() {
    let scratch = Scratch::new();
    let server = Server::start(|_| Response::json(403, "{}"));
    let bad = format!("type=registry,name={}/site:v1", server.address());
    let run = scratch.export(scratch.site(), OUTPUT, &["--output", &bad]);
    assert_eq!(run.code, Some(1), "{}", run.told());
    let digest = run.digest();
    assert_eq!(run.stdout, format!("example.com/x:t@{digest}\n"));
    assert!(run.stderr.contains(&server.address()), "{}", run.told());
    assert_eq!(scratch.store().named("example.com/x:t").unwrap()["digest"], digest);
}

#[test]
fn bad_usage() {
    let scratch = Scratch::new();
    scratch.site();
    let table: [(&[&str], &str); 8] = [
        (&["export"], "SOURCE"),
        (&["export", "site"], "no output was asked for"),
        (&["export", "site", "-o", OUTPUT, "--no-such-flag"], "--no-such-flag"),
        (&["export", "site", "-o", OUTPUT, "--source-date-epoch=soon"], "soon"),
        (&["export", "site", "-o", OUTPUT, "--progress=loud"], "loud"),
        (&["export", "site", "-o", OUTPUT, "--platform=linux"], "linux"),
        (&["export", "site", "-o", OUTPUT, "--platform=linux/amd64/v1/x"], "linux/amd64/v1/x"),
        (&["no-such-verb"], "no-such-verb"),
    ];
    for (args, word) in table {
        let run = Run::of(scratch.ocix().args(args));
        assert_eq!(run.code, Some(2), "{}", run.told());
        assert!(run.stdout.is_empty() && run.stderr.contains(word), "{}", run.told());
        scratch.store().assert_empty();
    }
    let run = Run::of(scratch.ocix().args(["export", "site", "-o", OUTPUT]).env("SOURCE_DATE_EPOCH", "soon"));
    assert_eq!(run.code, Some(2), "{}", run.told());
    assert!(run.stderr.contains("SOURCE_DATE_EPOCH") || run.stderr.contains("--source-date-epoch"), "{}", run.told());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::write(to, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

const OUTPUT: &str = "type=image,name=example.com/x:t";
