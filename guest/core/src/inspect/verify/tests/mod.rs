//! Images with one fault each, and images without: what verification finds in them.

mod archives;
mod corpora;
mod documents;
mod estargz;
mod hostile;
mod layers;
mod lone;
mod made;
mod reproducible;
mod split;
mod table;
mod tars;

use std::collections::BTreeMap;

use futures_util::FutureExt;

use super::{Finding, Report, Severity, Verdict, refused, verify};
use crate::contents::Form;
use crate::error::Result;
use crate::export::{Content, Source};
use crate::inspect::{Image, Limits, Settings};
use crate::layer::trial::wait;
use crate::media::{Directory as _, Media, Writer as _};
use crate::memory::{Directory, Memory};
use crate::store::Layout;

/// Files of a layout, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

pub fn directory(files: &Files) -> Directory {
    let directory = Directory::default();
    for (path, content) in files {
        let written = async {
            let mut writer = directory.create().await?;
            writer.write(content.clone()).await?;
            writer.publish(path).await
        };
        written.now_or_never().unwrap().unwrap();
    }
    directory
}

/// What is found, whether or not it can be opened.
pub fn found<M: Media>(media: &M, source: Source<M>, store: M::Directory, limits: Limits) -> Result<Report> {
    let settings = Settings { limits, insecure: false, native: "linux/amd64".parse().unwrap() };
    let content = Content { source, form: Form::Detect, name: None, platform: None };
    let report = async {
        match Image::open(media, content, &Layout::store(store), settings).await {
            Ok(image) => verify(&image, None).await,
            Err(error) => refused(error),
        }
    };
    wait(report)
}

pub fn in_layout(files: &Files, limits: Limits) -> Report {
    found(&Memory::default(), Source::Layout(directory(files)), Directory::default(), limits).unwrap()
}

pub fn in_file(bytes: &[u8], limits: Limits) -> Report {
    found(&Memory::default(), Source::Archive(bytes.to_vec().into()), Directory::default(), limits).unwrap()
}

/// The names of the codes of a severity, or of a worse one, each once.
pub use made::{gzip, zstd};

pub fn codes(report: &Report, severity: Severity) -> Vec<&'static str> {
    let mut codes: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity >= severity)
        .map(|finding| finding.code.name)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The code was found, and nothing else that is as bad, `also` aside.
pub fn expect(report: &Report, code: &str, also: &[&str], what: &str) {
    let found = codes(report, Severity::Note);
    assert!(found.contains(&code), "{what}: {code} is not in {report:#?}");
    let severity = report.findings.iter().filter(|finding| finding.code.name == code).map(|finding| finding.severity);
    let worse: Vec<&str> = codes(report, severity.max().unwrap().max(Severity::Warning));
    let unexpected: Vec<&&str> = worse.iter().filter(|found| **found != code && !also.contains(found)).collect();
    assert!(unexpected.is_empty(), "{what}: {unexpected:?} in {report:#?}");
    for other in also {
        assert!(found.contains(other), "{what}: {other} is not in {report:#?}");
    }
    report.findings.iter().for_each(fit);
}

/// Fit to be shown: one line, no control characters.
fn fit(finding: &Finding) {
    for text in [&finding.subject, &finding.message] {
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{finding:?}");
    }
    assert!(!finding.message.is_empty() && !finding.message.ends_with('.'), "{finding:?}");
}

#[test]
fn a_report_is_plain_json() {
    let mut recipe = made::Recipe::good();
    recipe.config = |config| config.replace(r#""rootfs""#, r#""Rootfs":1,"rootfs""#);
    let report = in_layout(&made::make(&recipe), Limits::default());
    let json = crate::inspect::json(&report);
    let start = r#"{"verdict":"broken","findings":[{"severity":"broken","code":"json-case-variant","subject":"sha256:"#;
    assert!(json.starts_with(start), "{json}");
    assert!(
        json.contains(r#"","message":"`Rootfs` is `rootfs` to some readers: build the document again"}"#),
        "{json}"
    );
    assert!(
        json.ends_with(&format!(
            r#","documents":{},"blobs":6,"layers":4,"bytes":{}}}"#,
            report.documents, report.bytes
        ))
    );
    assert!(report.bytes > 1000);
}

#[test]
fn good_images_are_sound() {
    let report = in_layout(&made::make(&made::Recipe::good()), Limits::default());
    assert_eq!(report.verdict, Verdict::Sound, "{report:#?}");
    assert_eq!((report.documents, report.blobs, report.layers), (6, 6, 4), "{report:#?}");
    assert_eq!(codes(&report, Severity::Warning), [""; 0]);
}
