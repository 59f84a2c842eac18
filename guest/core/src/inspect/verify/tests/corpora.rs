//! Layouts, archives and tars by other hands, each with our verdict: `verdicts.txt`, a line each, with the codes of what is worse than a note.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Files, codes, found, in_layout};
use crate::export::Source;
use crate::inspect::Limits;
use crate::inspect::verify::{Report, Severity, Verdict};
use crate::memory::{Directory, Memory};

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(path)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn add(folder: &Path, at: &str, files: &mut Files) {
    for path in children(folder) {
        let name = format!("{at}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            add(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

fn line(name: &Path, report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Sound => "sound",
        Verdict::Odd => "odd",
        Verdict::Broken => "broken",
    };
    let name = name.file_name().unwrap().to_str().unwrap();
    [&[name, verdict], codes(report, Severity::Warning).as_slice()].concat().join(" ")
}

#[test]
fn verdicts() {
    let mut is = String::new();
    for path in children(&corpus("layouts")) {
        let mut files = Files::new();
        add(&path, "", &mut files);
        writeln!(is, "{}", line(&path, &in_layout(&files, Limits::default()))).unwrap();
    }
    for folder in ["docker-archives", "tar"] {
        for path in children(&corpus(folder)).iter().filter(|path| !path.ends_with("oracles.json")) {
            let source = Source::Archive(fs::read(path).unwrap().into());
            let report = found(&Memory::default(), source, Directory::default(), Limits::default()).unwrap();
            writeln!(is, "{}", line(path, &report)).unwrap();
        }
    }
    let said: String = include_str!("verdicts.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(is == said, "{is}");
}
