//! The export `options`: the core's table. Both shells use this file: their bindings have the same shape.

use ocix_core::options::{self, Row};

use crate::bindings::exports::ocix::image::options::{Guest, Kind, OptionDoc};
use crate::bindings::ocix::image::types::Error;
use crate::{Shell, errors};

impl Guest for Shell {
    fn describe() -> Vec<OptionDoc> {
        options::table().iter().map(described).collect()
    }

    fn markdown() -> String {
        options::markdown()
    }

    fn check(output: String) -> Result<(), Error> {
        options::parse(&output).map(drop).map_err(errors::outward)
    }
}

fn described(row: &Row) -> OptionDoc {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    OptionDoc {
        key: row.key.into(),
        aliases: texts(row.aliases),
        kind: match row.kind() {
            options::Kind::Flag => Kind::Flag,
            options::Kind::Bool => Kind::Bool,
            options::Kind::Text => Kind::Text,
            options::Kind::Number => Kind::Number,
            options::Kind::Choice => Kind::Choice,
            options::Kind::Texts => Kind::Texts,
        },
        choices: texts(row.choices),
        default: row.default.into(),
        exporters: row.exporters.iter().map(|exporter| exporter.as_str().to_owned()).collect(),
        conflicts: row.conflicts(),
        doc: row.doc.into(),
    }
}
