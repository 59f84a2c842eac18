//! Images that are made to keep a reader busy for ever: each ends by a limit.

use super::made::{Recipe, gzip, listed, make, zstd};
use super::tars::{Head, extended, tar};
use super::{expect, in_file, in_layout};
use crate::digest::Digest;
use crate::inspect::Limits;
use crate::layer;
use crate::layer::tar::END;
use crate::media_type;

/// So much of it that no limit is met by chance.
fn zeros(megabytes: usize) -> Vec<u8> {
    vec![0; megabytes << 20]
}

#[test]
fn bombs() {
    let small = Limits { layer: layer::Limits { decompressed: 100 << 20, ..Default::default() }, ..Limits::default() };
    let head = Head { size: 0o777_7777_7777, ..Head::of("zeros", b'0') }.bytes();
    let bomb = [head, zeros(200)].concat();
    expect(&in_file(&gzip(&bomb), small), "limit-decompressed-size", &[], "gzip");
    let tight = Limits { layer: layer::Limits { ratio: 100, ..Default::default() }, ..Limits::default() };
    expect(&in_file(&gzip(&bomb), tight), "limit-compression-ratio", &[], "gzip");
    // Blocks of one byte said 128 Ki times, without an end.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    for _ in 0..20_000 {
        frame.extend([2, 0, 0x10, 0]);
    }
    expect(&in_file(&frame, Limits::default()), "limit-compression-ratio", &[], "zstd");
    expect(&in_file(&zstd(&bomb), tight), "limit-compression-ratio", &[], "zstd");
}

#[test]
fn millions_of_entries() {
    let one = Head::of("f", b'0').bytes();
    let all = [one.repeat(200_000), END.to_vec()].concat();
    let few = Limits { layer: layer::Limits { entries: 100_000, ..Default::default() }, ..Limits::default() };
    expect(&in_file(&gzip(&all), few), "limit-entries", &["entry-twice"], "entries");
    let mut names = Vec::new();
    for number in 0..20_000 {
        names.extend(Head::of(format!("{number}"), b'0').bytes());
    }
    let small = Limits { index: 1 << 20, ..Limits::default() };
    let report = in_file(&gzip(&[names, END.to_vec()].concat()), small);
    expect(&report, "limit-index", &[], "names");
}

#[test]
fn findings_are_counted_not_told() {
    let mut names = Vec::new();
    for number in 0..5000 {
        names.push(Head::of(format!("../{number}"), b'0').bytes());
    }
    let report = in_file(&tar(&names), Limits::default());
    let told: Vec<u64> = report.findings.iter().map(|finding| finding.more).collect();
    assert_eq!((told.len(), told.iter().sum::<u64>()), (10, 4990), "{report:#?}");
}

#[test]
fn endless_extended_headers() {
    let endless = extended(b'x', b"9 path=x\n").repeat(100_000);
    expect(&in_file(&gzip(&endless), Limits::default()), "limit-extended-header", &["tar-stacked-headers"], "x");
    let global = extended(b'g', b"12 comment=\n").repeat(30_000);
    let few = Limits { layer: layer::Limits { entries: 10_000, ..Default::default() }, ..Limits::default() };
    expect(&in_file(&gzip(&global), few), "limit-entries", &[], "g");
}

#[test]
fn many_children_and_cycles() {
    let mut recipe = Recipe::good();
    recipe.files = |files, names| {
        let blob = names.index.blob_path();
        let entries: Vec<String> =
            (0..30_000).map(|number| listed(media_type::MANIFEST, format!("{number}").as_bytes(), "")).collect();
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        files.insert("index.json".into(), index.into_bytes());
        files.remove(&blob);
    };
    let report = in_layout(&make(&recipe), Limits::default());
    expect(&report, "limit-nodes", &["blob-missing"], "children");
    // One that lists itself cannot have its own digest.
    recipe.files = |files, _| {
        let own = Digest::of(b"x");
        let text = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{own}","size":SIZE}}]}}"#,
            media_type::INDEX
        );
        let text = text.replace("SIZE", &(text.len() - 1).to_string());
        files.insert(own.blob_path(), text.clone().into_bytes());
        files.insert("index.json".into(), text.into_bytes());
    };
    expect(&in_layout(&make(&recipe), Limits::default()), "digest-mismatch", &[], "a cycle");
}

/// Limits are met where they are set.
#[test]
fn limits_can_be_set() {
    let files = make(&Recipe::good());
    for (code, limits) in [
        ("limit-nodes", Limits { nodes: 3, ..Limits::default() }),
        ("limit-depth", Limits { depth: 1, ..Limits::default() }),
        ("limit-index", Limits { index: 200, ..Limits::default() }),
        ("limit-entries", Limits { layer: layer::Limits { entries: 5, ..Default::default() }, ..Limits::default() }),
        ("limit-path", Limits { layer: layer::Limits { path: 7, ..Default::default() }, ..Limits::default() }),
        ("limit-window", Limits { layer: layer::Limits { window: 1, ..Default::default() }, ..Limits::default() }),
        (
            "limit-decompressed-size",
            Limits { layer: layer::Limits { decompressed: 3000, ..Default::default() }, ..Limits::default() },
        ),
    ] {
        expect(&in_layout(&files, limits), code, &[], code);
    }
}
