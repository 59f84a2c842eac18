//! `ocix options`: the table of what an `--output` can say, as the component describes it.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ocix::{Error, Kind, OptionDoc};

/// The command.
#[derive(Args)]
pub struct Options {
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
    /// Print the table as a page in Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

impl Options {
    /// Prints the table.
    pub fn run(self) -> ExitCode {
        let text = match self {
            Self { json: true, .. } => json(),
            Self { markdown: true, .. } => ocix::markdown(),
            _ => table(),
        };
        match text {
            Ok(text) => {
                // A reader that has gone does not want to know.
                let _ = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            Err(error) => super::failed(&error),
        }
    }
}

/// The table, aligned, a line or more an option.
pub fn table() -> Result<String, Error> {
    let rows: Vec<(String, String)> = ocix::options()?.iter().map(|option| (head(option), body(option))).collect();
    let width = rows.iter().map(|(head, _)| head.chars().count()).max().unwrap_or_default();
    Ok(rows.iter().map(|(head, body)| format!("  {head:width$}  {body}\n")).collect())
}

fn json() -> Result<String, Error> {
    let rows: Vec<_> = ocix::options()?
        .into_iter()
        .map(|OptionDoc { key, aliases, kind, choices, default, exporters, conflicts, doc }| {
            let kind = format!("{kind:?}").rsplit("::").next().unwrap_or_default().to_lowercase();
            serde_json::json!({
                "key": key, "aliases": aliases, "kind": kind, "choices": choices, "default": default, "exporters": exporters,
                "conflicts": conflicts, "doc": doc,
            })
        })
        .collect();
    Ok(format!("{:#}\n", serde_json::Value::Array(rows)))
}

fn head(option: &OptionDoc) -> String {
    let value = match option.kind {
        Kind::Flag | Kind::Bool => "true|false".to_owned(),
        Kind::Choice | Kind::Number => option.choices.join("|"),
        Kind::Text => "TEXT".to_owned(),
        Kind::Texts => "TEXT[,TEXT…]".to_owned(),
    };
    format!("{}={value}", option.key)
}

fn body(option: &OptionDoc) -> String {
    if option.default.is_empty() { option.doc.clone() } else { format!("{} Default: {}.", option.doc, option.default) }
}
