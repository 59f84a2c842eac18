//! Runs every case of `cases/` with the command line; other hosts run the same folders.

use ocix_tests::{Case, Scratch, need_root};

#[test]
fn cases() {
    need_root!();
    let mut failures = Vec::new();
    for case in Case::all() {
        if case.skip.contains_key("cli") {
            continue;
        }
        let name = case.name.clone();
        // Every case is told, not only the first that fails.
        if std::panic::catch_unwind(move || run(&case)).is_err() {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "failed: {failures:?}");
}

fn run(case: &Case) {
    let scratch = Scratch::new();
    let Some(source) = case.prepare(&scratch.path("source")) else { return };
    let args: Vec<_> = case.args.iter().map(String::as_str).collect();
    let run = scratch.export(source, &case.output, &args);
    if case.exit != 0 {
        let words: Vec<_> = case.stderr.iter().map(String::as_str).collect();
        run.failed(case.exit, &words);
        scratch.store().assert_empty();
        return;
    }
    let digest = run.ok().digest();
    let (_, config) = scratch.store().image(&digest);
    if let Some(diff_id) = &case.diff_id {
        assert_eq!(config["rootfs"]["diff_ids"][0], **diff_id, "{}: diff ID", case.name);
    }
    assert_eq!(Some(&digest), case.digest.as_ref(), "{}: {}", case.name, case.about);
}
