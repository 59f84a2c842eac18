//! Whether a layer would be the same if it were built again.

use super::made::{Recipe, gzip, make};
use super::tars::{Head, file, tar};
use super::{codes, expect, in_file, in_layout};
use crate::inspect::Limits;
use crate::inspect::verify::Severity;

#[test]
fn gzip_headers() {
    let good = tar(&[]);
    let timed = |tar: &[u8]| {
        let mut packed = gzip(tar);
        packed[4] = 1;
        packed
    };
    let named = |tar: &[u8]| {
        let mut packed = gzip(tar);
        packed[3] = 8;
        packed.splice(10..10, b"layer.tar\0".iter().copied());
        packed
    };
    expect(&in_file(&timed(&good), Limits::default()), "gzip-time", &[], "time");
    expect(&in_file(&named(&good), Limits::default()), "gzip-name", &[], "name");
    assert_eq!(codes(&in_file(&gzip(&good), Limits::default()), Severity::Note), [""; 0]);
}

#[test]
fn times() {
    for (time, found) in [(0, "time-varies"), (1_672_531_200, "time-varies"), (1_672_531_201, "time-after-created")] {
        let mut recipe = Recipe::good();
        recipe.tars[0] = tar(&[Head { time, ..Head::of("x", b'0') }.bytes()]);
        expect(&in_layout(&make(&recipe), Limits::default()), found, &[], found);
    }
    let mut recipe = Recipe::good();
    recipe.tars[0] = tar(&[file("x", b"")]);
    assert_eq!(codes(&in_layout(&make(&recipe), Limits::default()), Severity::Note), [""; 0]);
}
