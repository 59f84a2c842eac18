//! eStargz layers whose table of contents lies.

use super::expect;
use super::made::{Recipe, gzip, make};
use super::tars::{Head, file, tar};
use super::{codes, in_layout};
use crate::digest::Digest;
use crate::inspect::Limits;
use crate::inspect::verify::Severity;
use crate::layer::tar::END;
use crate::layer::trial::{Given, wait};
use crate::layer::{Codec, write};
use crate::media::{Directory as _, File as _, Writer as _};
use crate::memory::{Directory, Memory};

/// Where the table says that the chunk starts, the table's text, the blob.
fn blob(toc: impl Fn(u64) -> String, footer: impl Fn(u64) -> u64) -> (String, Vec<u8>) {
    let content = b"hello";
    let head = gzip(&Head { size: content.len(), ..Head::of("hello", b'0') }.bytes());
    let body = gzip(&[&content[..], &[0; 507]].concat());
    let table = toc(head.len() as u64);
    let at = (head.len() + body.len()) as u64;
    let last = gzip(&[file("stargz.index.json", table.as_bytes()), END.to_vec()].concat());
    let digits = format!("{:016x}", footer(at));
    let end = [
        &b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0"[..],
        digits.as_bytes(),
        b"STARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0",
    ];
    (table, [head, body, last, end.concat()].concat())
}

/// What is found in an image whose first layer is this blob.
fn found(digest: &str, blob: &[u8]) -> super::Report {
    let mut recipe = Recipe::good();
    recipe.tars = [blob.to_vec(), vec![], vec![]];
    recipe.pack = [<[u8]>::to_vec, |_| vec![], |_| vec![]];
    let mut files = make(&recipe);
    let mut manifest = None;
    for content in files.values() {
        let text = String::from_utf8_lossy(content);
        if text.contains("layer.v1.tar+zstd") {
            manifest = Some(text.into_owned());
        }
    }
    // One layer, with the annotation.
    let manifest = manifest.unwrap();
    let (start, rest) = manifest.split_once("\"layers\":[").unwrap();
    let first = rest.split_once("},{").unwrap().0;
    let annotation = format!(r#","annotations":{{"containerd.io/snapshot/stargz/toc.digest":"{digest}"}}}}"#);
    let text = format!("{start}\"layers\":[{first}{annotation}]}}");
    files.insert(Digest::of(text.as_bytes()).blob_path(), text.clone().into_bytes());
    let listed = super::made::listed(crate::media_type::MANIFEST, text.as_bytes(), "");
    files.insert("index.json".into(), format!(r#"{{"schemaVersion":2,"manifests":[{listed}]}}"#).into_bytes());
    in_layout(&files, Limits::default())
}

fn table(name: &str, size: u64, offset: u64) -> String {
    format!(r#"{{"version":1,"entries":[{{"name":"{name}","type":"reg","size":{size},"offset":{offset}}}]}}"#)
}

#[test]
fn tables_that_lie() {
    // The image around the layer is made for another tar.
    let around = ["layer-count", "history-count"];
    for (code, (table, blob), digest) in [
        ("", blob(|at| table("hello", 5, at), |at| at), None),
        ("toc-offset", blob(|at| table("hello", 5, at + 1), |at| at), None),
        ("toc-offset", blob(|_| table("hello", 5, 0), |at| at), None),
        ("toc-entry", blob(|at| table("hello", 6, at), |at| at), None),
        ("toc-entry", blob(|at| table("other", 5, at), |at| at), None),
        ("toc-entry", blob(|_| r#"{"version":1,"entries":[]}"#.into(), |at| at), None),
        ("toc-malformed", blob(|_| "[".into(), |at| at), None),
        ("toc-digest", blob(|at| table("hello", 5, at), |at| at), Some("sha256:00")),
        ("toc-footer", blob(|at| table("hello", 5, at), |at| at + 1), None),
        ("toc-missing", (String::new(), gzip(&tar(&[]))), None),
    ] {
        let digest = digest.map_or_else(|| Digest::of(table.as_bytes()).to_string(), str::to_owned);
        let report = found(&digest, &blob);
        let found = codes(&report, Severity::Broken);
        let own: Vec<&&str> = found.iter().filter(|code| !around.contains(code)).collect();
        if code.is_empty() { assert!(own.is_empty(), "{report:#?}") } else { assert_eq!(own, [&code], "{report:#?}") }
    }
}

/// What the exporter writes, with chunks of several kinds.
#[test]
fn our_own_layers_are_sound() {
    let large: Vec<u8> = (0..9 << 20).map(|at: u32| (at / 1000) as u8).collect();
    let given = tar(&[file("empty", b""), file("large", &large), file("small", b"x")]);
    let media = Memory::default();
    let mut writer = wait(Directory::default().create()).unwrap();
    let codec = Codec::Estargz { level: 1 };
    let (layer, _) = wait(write(&media, &mut Given(&given, 1 << 20, None), codec, "tree", &mut writer, None)).unwrap();
    let blob = wait(wait(writer.reader()).unwrap().read_at(0, u32::MAX)).unwrap();
    let digest = &layer.descriptor.annotations["containerd.io/snapshot/stargz/toc.digest"];
    let report = found(digest, &blob);
    assert_eq!(codes(&report, Severity::Warning), ["history-count", "layer-count"], "{report:#?}");
    expect(&found("sha256:00", &blob), "toc-digest", &["layer-count"], "another digest");
}
