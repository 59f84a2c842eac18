//! Layers without an image, in pieces of any size.

use super::made::{gzip, zstd};
use super::tars::{file, start, tar};
use super::{expect, in_file};
use crate::inspect::Limits;
use crate::inspect::verify::Verdict;
use crate::layer::tar::END;

#[test]
fn lone_layers() {
    let good = tar(&[]);
    for packed in [good.clone(), gzip(&good), zstd(&good)] {
        let report = in_file(&packed, Limits::default());
        assert_eq!((report.verdict, report.documents, report.layers), (Verdict::Sound, 0, 1), "{report:#?}");
        assert_eq!(report.bytes, packed.len() as u64);
    }
    for (code, bytes) in [
        ("tar-none", b"#!/bin/sh\n".to_vec()),
        ("tar-end-missing", start()),
        ("tar-cut-short", good[..good.len() - 1030].to_vec()),
        ("tar-trailing-data", [&good, &b"x"[..]].concat()),
        ("gzip-cut-short", gzip(&good)[..200].to_vec()),
        ("gzip-trailing-data", [gzip(&good), b"x".to_vec()].concat()),
        ("gzip-padding", [gzip(&good), vec![0; 10]].concat()),
        ("zstd-cut-short", zstd(&good)[..200].to_vec()),
        ("zstd-trailing-data", [zstd(&good), b"x".to_vec()].concat()),
        ("path-parent", tar(&[file("../x", b"")])),
        ("whiteout-of-nothing", tar(&[file(".wh.", b"")])),
        ("root-replaced", [file(".", b""), END.to_vec()].concat()),
    ] {
        let report = in_file(&bytes, Limits::default());
        expect(&report, code, &[], code);
        assert!(report.findings.iter().all(|finding| finding.subject.starts_with("layer")), "{report:#?}");
    }
}
