//! Docker archives, and layouts in a tar: with one fault each.

use super::made::{Recipe, gzip, make};
use super::tars::{file, link, tar};
use super::{Files, expect, in_file};
use crate::digest::Digest;
use crate::inspect::Limits;
use crate::inspect::verify::Verdict;
use crate::layer::tar::END;

/// A docker archive of one layer, without its end.
fn docker(listing: &str, layer: &[u8], said: &[u8]) -> Vec<Vec<u8>> {
    let diff_id = Digest::of(said);
    let config =
        format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#);
    vec![file("manifest.json", listing.as_bytes()), file("l.tar", layer), file("c.json", config.as_bytes())]
}

const LISTING: &str = r#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}]"#;

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), END.to_vec()].concat()
}

#[test]
fn docker_archives() {
    let layer = tar(&[]);
    let good = docker(LISTING, &layer, &layer);
    for members in [good.clone(), docker(LISTING, &gzip(&layer), &layer)] {
        let report = in_file(&archive(&members), Limits::default());
        assert_eq!((report.verdict, report.layers, report.documents), (Verdict::Sound, 1, 2), "{report:#?}");
    }
    let with = |more: Vec<u8>| archive(&[&good[..], &[more]].concat());
    let listing = |listing: &str| archive(&docker(listing, &layer, &layer));
    // What can be seen at once is taken for an archive whatever follows.
    let large = tar(&[file("large", &[1; 200_000])]);
    let large = docker(LISTING, &large, &large);
    let odd = tar(&[file("../x", b"")]);
    for (code, bytes) in [
        // The digest of a plain layer is what the config says.
        ("digest-mismatch", archive(&docker(LISTING, &layer, b"another"))),
        ("diff-id-mismatch", archive(&docker(LISTING, &gzip(&layer), b"another"))),
        ("path-parent", archive(&docker(LISTING, &odd, &odd))),
        ("content-missing", archive(&good[..1].iter().chain(&good[2..]).cloned().collect::<Vec<_>>())),
        ("content-missing", listing("[]")),
        ("content-missing", listing(r#"[{"Config":"../c.json","Layers":["l.tar"]}]"#)),
        ("archive-listing", listing(r#"[{"Config":"c.json","config":"d.json","Layers":["l.tar"]}]"#)),
        ("archive-listing", listing("[{]")),
        ("layer-count", listing(r#"[{"Config":"c.json","Layers":[]}]"#)),
        ("config-malformed", listing(r#"[{"Config":"l.tar","Layers":["l.tar"]}]"#)),
        ("archive-member", with(file("l.tar", b"another"))),
        ("archive-member", with(file("../x", b""))),
        ("archive-member", archive(&[&good[..1], &[link("l.tar", b'2', "../l.tar")], &good[2..]].concat())),
        ("archive-damaged", [archive(&large), b"x".to_vec()].concat()),
        ("archive-damaged", large.concat()),
    ] {
        expect(&in_file(&bytes, Limits::default()), code, &[], code);
    }
}

fn in_a_tar(files: &Files) -> Vec<u8> {
    archive(&files.iter().rev().map(|(path, content)| file(path, content)).collect::<Vec<_>>())
}

#[test]
fn layouts_in_a_tar() {
    let files = make(&Recipe::good());
    let report = in_file(&in_a_tar(&files), Limits::default());
    assert_eq!((report.verdict, report.layers, report.documents), (Verdict::Sound, 4, 6), "{report:#?}");
    for (code, change) in [
        ("blob-missing", (|files, path| drop(files.remove(path))) as fn(&mut Files, &str)),
        ("digest-mismatch", |files, path| files.get_mut(path).unwrap()[30] ^= 1),
        ("size-mismatch", |files, path| files.get_mut(path).unwrap().push(0)),
    ] {
        for blob in files.keys().filter(|path| path.starts_with("blobs/")) {
            if files[blob].len() > 30 {
                let mut changed = files.clone();
                change(&mut changed, blob);
                expect(&in_file(&in_a_tar(&changed), Limits::default()), code, &[], blob);
            }
        }
    }
}

#[test]
fn a_lone_document_stands_alone() {
    let files = make(&Recipe::good());
    let document = files.iter().find(|(_, content)| content.starts_with(br#"{"schemaVersion":2,"mediaType"#)).unwrap();
    let report = in_file(document.1, Limits::default());
    assert_eq!((report.verdict, report.documents), (Verdict::Sound, 1));
    expect(&report, "document-alone", &[], "a document");
    let doubled = String::from_utf8(document.1.clone()).unwrap().replace("\"size\"", "\"size\":1,\"size\"");
    expect(&in_file(doubled.as_bytes(), Limits::default()), "json-duplicate-name", &[], "a document");
}
