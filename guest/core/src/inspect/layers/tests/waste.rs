//! Waste, counted by hand after dive's definition.

use super::*;

/// Counted by hand, after dive's definition.
#[test]
fn waste_is_counted_as_dive_does() {
    let image = stack(&["a=12345 d/ d/x=123 d/y=1234 keep=1", "a=123 .wh.d new=12", "a=1234567 .wh.keep"]);
    let changes = wait(image.changes()).unwrap();
    let efficiency = &changes.efficiency;
    // a: 5, 3, 7 in three layers; d/x and d/y once each, d once as a whiteout of 7 bytes; keep: 1, and a whiteout of a file, 0; new: 2.
    let told: Vec<_> = efficiency.wasted.iter().map(|it| (it.path.as_str(), it.count, it.bytes)).collect();
    assert_eq!(told, [("a", 3, 15), ("keep", 2, 1)]);
    assert_eq!((efficiency.wasted_bytes, efficiency.user_bytes), (16, 12));
    // At their smallest: a 3, d/x 3, d/y 4, d 7, keep 0, new 2; in all: 15, 3, 4, 7, 1, 2.
    assert!((efficiency.score - 19.0 / 32.0).abs() < 1e-9, "{}", efficiency.score);
    let deeds: Vec<_> =
        changes.layers.iter().map(|it| [it.added, it.changed, it.removed].map(|it| (it.count, it.bytes))).collect();
    assert_eq!(deeds, [[(5, 13), (0, 0), (0, 0)], [(1, 2), (1, 3), (1, 7)], [(0, 0), (1, 7), (1, 1)]]);
    let none = wait(stack(&[]).changes()).unwrap().efficiency;
    assert_eq!((none.score, none.wasted_of_user), (1.0, 0.0));
}

/// Dive knows no opaque directories, and takes a directory for one only where the last layer says so.
#[test]
fn a_whiteout_of_a_directory_counts_as_dive_does() {
    let score = |layers: &[&str]| wait(stack(layers).changes()).unwrap().efficiency.score;
    for (layers, least, sum) in [
        // a: 1 and 3. d/x 5, e/f 3, d/y 2, and d hides 7.
        (["a=1 d/ d/x=12345 e/f=123", "a=123 d/ d/.wh..wh..opq d/y=12", ".wh.d .wh.e"], 18, 21),
        // The second layer has no entry for d: then it hides nothing.
        (["a=1 d/ d/x=12345 e/f=123", "a=123 d/y=12", ".wh.d .wh.e"], 11, 14),
        // What was hidden before is not hidden again.
        (["a=1 d/ d/x=12345", "a=123 d/ d/.wh.x", ".wh.d"], 1, 9),
        // d and what is beneath it stand in the same layer as the whiteout: it counts what is below.
        (["a=1 d/ d/x=12345", ".wh.d d/ d/y=1", "a=1"], 12, 13),
    ] {
        let (score, expected) = (score(&layers), f64::from(least) / f64::from(sum));
        assert!((score - expected).abs() < 1e-9, "{layers:?}: {score} is not {expected}");
    }
}
