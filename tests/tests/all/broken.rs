//! `ocix verify` over a folder of broken images: each fault is found by its code, and nothing is found in good ones.

use std::collections::{BTreeMap, BTreeSet};

use ocix_tests::broken::{self, Broken};
use ocix_tests::layout::text;
use ocix_tests::{Run, Scratch, need};
use serde_json::Value;

/// What is wrong, in an order of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Note,
    Warning,
    Broken,
}

fn severity(value: &Value) -> Severity {
    match text(value) {
        "note" => Severity::Note,
        "warning" => Severity::Warning,
        "broken" => Severity::Broken,
        other => panic!("unknown severity {other}"),
    }
}

#[test]
fn every_planted_fault_is_found() {
    need!("gzip", "zstd");
    let scratch = Scratch::new();
    let codes: Value =
        serde_json::from_str(&Run::of(scratch.ocix().args(["verify", "--codes", "--json"])).ok().stdout).unwrap();
    let codes: BTreeMap<&str, Severity> =
        codes.as_array().unwrap().iter().map(|code| (text(&code["name"]), severity(&code["severity"]))).collect();
    let images = broken::all();
    let folder = scratch.folder("broken");
    let mut wrong = Vec::new();
    for image in &images {
        image.write(&folder);
        wrong.extend(judged(&scratch, image, &codes).err().map(|why| format!("{}: {why}", image.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: BTreeSet<&str> = images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names.len(), images.len(), "a name stands twice");
    let planted: BTreeSet<&str> = images.iter().filter_map(|image| image.code).collect();
    let faults = images.iter().filter(|image| image.code.is_some()).count();
    assert!(faults >= 100 && planted.len() >= 70, "{faults} faults of {} kinds", planted.len());
}

/// What `verify` says of an image must be what is wrong with it, and nothing else that is as bad.
fn judged(scratch: &Scratch, image: &Broken, codes: &BTreeMap<&str, Severity>) -> Result<(), String> {
    let run = Run::of(scratch.ocix().args(["verify", "--json"]).arg(format!("broken/{}", image.name)));
    let report: Value = serde_json::from_str(&run.stdout).map_err(|_| run.told())?;
    let findings: Vec<(&str, Severity)> = report["findings"].as_array().unwrap().iter().map(found).collect();
    let Some(code) = image.code else {
        let good = findings.is_empty() && report["verdict"] == "sound" && run.code == Some(0);
        return if good { Ok(()) } else { Err(run.told()) };
    };
    let planted = *codes.get(code).ok_or_else(|| format!("there is no code {code}"))?;
    let expected = |found: &str| found == code || image.also.contains(&found);
    let verdict = match planted {
        Severity::Note => "sound",
        Severity::Warning => "odd",
        Severity::Broken => "broken",
    };
    let exit = if planted == Severity::Broken { 1 } else { 0 };
    let all = std::iter::once(&code).chain(image.also).all(|code| findings.iter().any(|(found, _)| found == code));
    let alone = findings.iter().all(|(found, severity)| {
        codes.get(found) == Some(severity) && (expected(found) || *severity < planted.max(Severity::Warning))
    });
    let fits = all && alone && report["verdict"] == verdict && run.code == Some(exit);
    if fits { Ok(()) } else { Err(format!("{code} is expected\n{}", run.told())) }
}

fn found(finding: &Value) -> (&str, Severity) {
    (text(&finding["code"]), severity(&finding["severity"]))
}
