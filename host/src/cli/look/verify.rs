//! `ocix verify`: all that is wrong or odd with an image.

use std::process::ExitCode;

use clap::Args;
use ocix::{Code, Severity};
use serde::Deserialize;

use super::{Flags, draw, read};
use crate::cli::{failed, source};

/// The command.
#[derive(Args)]
pub struct Command {
    /// The image: a reference in a registry, unless it is a path that exists; or as `ocix copy` takes it.
    #[arg(value_name = "SOURCE", required_unless_present = "codes")]
    source: Option<String>,
    /// Print notes too, and what each code means.
    #[arg(short, long)]
    verbose: bool,
    /// Print every code that a finding can have, with its severity and what it means, and look at nothing.
    #[arg(long)]
    codes: bool,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    verdict: String,
    findings: Vec<Finding>,
    documents: u64,
    layers: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Finding {
    severity: String,
    code: String,
    subject: String,
    message: String,
}

impl Command {
    /// Verifies, and gives the exit code: 1 for an image that is broken.
    pub fn run(self) -> ExitCode {
        let Self { source, verbose, codes, flags } = self;
        let json = flags.json();
        let Some(source) = source.filter(|_| !codes) else { return explain(json) };
        let content = match source::parse_image(&source) {
            Ok(content) => content,
            Err(error) => return failed(&error),
        };
        let report = flags.run(vec![content], async |components, look, context| components.verify(look, context).await);
        let told = report.and_then(|text| {
            let report: Report = read(&text)?;
            let broken = report.verdict == "broken";
            Ok((broken, if json { text + "\n" } else { drawn(&report, verbose) }))
        });
        match told {
            Ok((broken, text)) => {
                draw::print(&text);
                if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Err(error) => failed(&error),
        }
    }
}

fn explain(json: bool) -> ExitCode {
    let row = |Code { name, severity, explanation }| {
        let severity = match severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Broken => "broken",
        };
        (name, severity, explanation)
    };
    super::give(ocix::finding_codes().map(|codes| {
        let codes = codes.into_iter().map(row);
        if json {
            let objects = codes.map(|(name, severity, explanation)| {
                serde_json::json!({ "name": name, "severity": severity, "explanation": explanation })
            });
            return format!("{:#}\n", serde_json::Value::Array(objects.collect()));
        }
        draw::table(codes.map(|(name, severity, meaning)| vec![name, severity.to_owned(), meaning]), &[])
    }))
}

fn drawn(report: &Report, verbose: bool) -> String {
    let Report { verdict, findings, documents, layers, bytes } = report;
    let mut text = String::new();
    let count = |severity: &str| findings.iter().filter(|finding| finding.severity == severity).count();
    for Finding { severity, code, subject, message } in findings {
        let colour = match severity.as_str() {
            "broken" => draw::RED,
            "warning" => draw::YELLOW,
            _ if !verbose => continue,
            _ => draw::DIM,
        };
        let (code, subject) = (draw::plain(code), draw::plain(subject));
        text += &format!("{} {code} {subject}: {}\n", draw::coloured(colour, severity), draw::plain(message));
    }
    let (broken, warnings, notes) = (count("broken"), count("warning"), count("note"));
    let hint = if notes > 0 && !verbose { " (see --verbose)" } else { "" };
    let bold = draw::coloured(draw::BOLD, draw::plain(verdict));
    let (documents, layers) = (draw::count(*documents, "document"), draw::count(*layers, "layer"));
    let (warnings, notes) = (draw::count(warnings as u64, "warning"), draw::count(notes as u64, "note"));
    let read = draw::bytes(*bytes);
    text + &format!("{bold}: {documents}, {layers}, {read} read; {broken} broken, {warnings}, {notes}{hint}\n")
}
