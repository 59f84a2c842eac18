//! The table as a page for people: `docs/options.md`.

use std::fmt::Write;

use super::output::Exporter;
use super::row::{Kind, Row};
use super::table::table;

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for row in table() {
        section(&mut page, row);
    }
    page.push_str(SHORTHANDS);
    page.push_str("\n## Where ocix is not BuildKit\n\nEverything else is as BuildKit does it.\n\n| BuildKit | ocix |\n|---|---|\n");
    for (buildkit, ocix) in DIFFERENCES {
        line(&mut page, &format!("| {buildkit} | {ocix} |"));
    }
    page
}

fn section(page: &mut String, row: &Row) {
    line(page, &format!("\n### `{}`\n\n{}\n", row.key, row.doc));
    line(page, &format!("- Value: {}", values(row)));
    if !row.default.is_empty() {
        line(page, &format!("- Default: `{}`", row.default));
    }
    if row.exporters.len() < Exporter::ALL.len() {
        let exporters: Vec<String> = row.exporters.iter().map(|exporter| format!("`{}`", exporter.as_str())).collect();
        line(page, &format!("- For `type`: {}", exporters.join(", ")));
    }
    for alias in row.aliases {
        line(page, &format!("- Also written: `{alias}`"));
    }
    for conflict in row.conflicts() {
        let sides: Vec<String> = conflict.split(MIDDLE).map(|side| format!("`{side}`")).collect();
        line(page, &format!("- {}", sides.join(MIDDLE)));
    }
}

fn values(row: &Row) -> String {
    let choices = || row.choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    match row.kind() {
        Kind::Flag => "`true` or `false`; the key alone is true".into(),
        Kind::Bool => "`true` or `false`".into(),
        Kind::Text => "text".into(),
        Kind::Number => format!("a whole number, {}", choices().replace("..", "` to `")),
        Kind::Choice => format!("one of {}", choices()),
        Kind::Texts => "texts, joined by commas; quote the field".into(),
    }
}

fn line(page: &mut String, text: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(page, "{text}");
}

/// Between the sides of a conflict.
const MIDDLE: &str = " conflicts with ";

const INTRODUCTION: &str = "\
# What an `--output` can say

<!-- Made by `ocix options --markdown`; a test fails when it is stale. -->

An output is one line of CSV whose fields are `key=value`, for example

    --output type=image,name=example.com/team/site:v1,push=true,compression=zstd

A value with a comma stands in a quoted field: `\"name=example.com/a,example.com/b\"`. Quotes in a quoted field are doubled. Keys are
read without regard to case. Flags are `true` or `false`, in all spellings of Go's `strconv.ParseBool`. A key that nobody knows, a value out
of range, a conflict and a key given twice are errors before any work, and the exit code is 2. `--output` may be given several times:
the contents are read once.

## Options
";

const SHORTHANDS: &str = "
## Shorthands

- `-o PATH` is `--output type=local,dest=PATH`, when `PATH` has no `=` or starts with `.` or `/`.
- `-o -` is `--output type=tar,dest=-`.
- `-t NAME`, `--tag NAME`: the image's names in every output, in place of `name`. May be given several times.
- `--annotation \"LEVEL[PLATFORM]:KEY=VALUE\"`: an annotation in every output, in place of one with the same key there. Levels are
  `manifest`, `manifest-descriptor`, `index` and `index-descriptor`; several are joined by commas, without one it is `manifest`.
- `--push`: push every output of `type=image` and `type=registry`; when there is none, make one.
- `--load`: one more output, as `type=docker`, that goes into docker, or into podman where docker is not.

Two outputs cannot go to the same `dest`.
";

/// What BuildKit does, and what we do instead.
const DIFFERENCES: &[(&str, &str)] = &[
    ("takes every key in silence", "an unknown key is an error that names the nearest known one"),
    ("takes a key twice; the last one counts", "an error"),
    (
        "`compression-level` is not checked; zstd has four levels",
        "0 to 9 for gzip and estargz, 0 to 22 for zstd, none for uncompressed: anything else is an error, every level is one of its own",
    ),
    (
        "`force-compression` looks at the kind of compression only",
        "a level given with it counts too: the layer is compressed again",
    ),
    ("a timestamp rewrite that fails keeps the layer as it was", "the export fails"),
    ("`annotation.Foo` becomes `annotation.foo`", "the key keeps its case"),
    ("an annotation whose key does not fit the grammar is dropped", "an error that names the key"),
    ("an annotation for a platform that a single image does not have is dropped", "an error that names the platform"),
    ("`push=true` without a name pushes nothing", "an error"),
    ("a name with a digest can be pushed to", "an error: a digest is what a push gives"),
    ("a name that is no reference is stored as it is", "a name is a reference, pushed or not"),
    (
        "`unpack=true` with `rewrite-timestamp=true` is found out about when the image is stored",
        "an error before any work",
    ),
    ("`push-by-digest=true` with a tag is found out about by the push", "an error before any work"),
    (
        "names are pushed one after the other, until one fails",
        "all at the same time; each has an outcome, and the exit code is 1 when one failed",
    ),
    (
        "the results of several outputs overwrite each other in the metadata file",
        "BuildKit's keys are those of the first output; `ocix.exports` has a record of each",
    ),
    ("only the spelling `danging-name-empty-only` works", "`dangling-name-empty-only` works too"),
    (
        "`registry.insecure` replaces all that is configured for the registry",
        "it only adds plain HTTP and unchecked certificates, for that push",
    ),
    ("`store` is ignored where there is no image store", "there is always the embedded store"),
    ("only buildx knows `type=registry`, `-o PATH` and the other shorthands", "they are the same everywhere"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The checked-in page is the table's.
    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
        if std::env::var_os(RENEW).is_some() {
            std::fs::write(path, markdown()).expect("writable");
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/options.md is stale; renew it with {RENEW}=1 cargo test -p ocix-core page_is_fresh"
        );
    }

    #[test]
    fn the_page_has_every_option() {
        let page = markdown();
        for row in table() {
            assert!(page.contains(&format!("### `{}`\n\n{}", row.key, row.doc)), "{}", row.key);
            for conflict in row.conflicts() {
                assert_eq!(conflict.split(MIDDLE).count(), 2, "{conflict}");
            }
        }
    }

    const RENEW: &str = "OCIX_RENEW_DOCS";
}
