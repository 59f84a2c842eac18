//! Options: from the text of one `--output` to an [`Output`] that is ready to be used.
//!
//! Two steps, neither of which has an effect. The first reads the fields against the [`table`]: every key is known, none comes twice, every
//! value is of its kind. The second resolves: defaults, what one option means for another, conflicts. BuildKit accepts unknown keys
//! and any level in silence; here both are errors, before any work.

mod csv;
mod table;

use std::collections::BTreeMap;

pub use table::{Kind, Row, table};

use crate::error::{Code, Error, Fault, Result};
use crate::layer::{Codec, DEFAULT_GZIP_LEVEL};
use crate::reference::Reference;
use crate::text::shown;

/// One output, ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Each is stored or pushed under as many names as there are.
    pub names: Vec<Reference>,
    /// Push to the registry of every name.
    pub push: bool,
    /// Keep the image in the embedded store.
    pub store: bool,
    /// How new layers are compressed.
    pub codec: Codec,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// Reads one output.
///
/// # Errors
/// `invalid-option` with the key, or `conflict` with both keys; the fault is the request's.
///
/// ```
/// let output = ocix_core::options::parse(r#"type=image,"name=a,b",compression-level=9"#)?;
/// assert_eq!(output.names.len(), 2);
/// assert!(ocix_core::options::parse("type=image,compresion=gzip").unwrap_err().message.contains("compression"));
/// # Ok::<(), ocix_core::error::Error>(())
/// ```
pub fn parse(text: &str) -> Result<Output> {
    let mut given = Given::default();
    for csv::Field { key, value } in csv::fields(text)? {
        given.add(&key, value)?;
    }
    given.resolve()
}

/// What was given, each value of its kind. Nothing is defaulted yet.
#[derive(Default)]
struct Given {
    values: BTreeMap<&'static str, Value>,
    annotations: BTreeMap<String, String>,
}

enum Value {
    Flag(bool),
    Text(String),
    Number(u8),
    Texts(Vec<String>),
}

impl Given {
    fn add(&mut self, key: &str, value: Option<String>) -> Result<()> {
        if let Some(annotation) = annotation(key)? {
            let value = value.ok_or_else(|| {
                Error::invalid_option(key, format!("`{}` has no value; write {ANNOTATION}KEY=VALUE", shown(key)))
            })?;
            if self.annotations.insert(annotation.to_owned(), value).is_some() {
                return Err(twice(key));
            }
            return Ok(());
        }
        // As docker buildx does; annotations above keep their case.
        let lower = key.to_ascii_lowercase();
        let row = table().iter().find(|row| row.key == lower).ok_or_else(|| unknown(key))?;
        let value = read(row, value)?;
        match self.values.insert(row.key, value) {
            Some(_) => Err(twice(row.key)),
            None => Ok(()),
        }
    }

    fn resolve(mut self) -> Result<Output> {
        let exporter = match self.values.remove("type") {
            Some(Value::Text(exporter)) => exporter,
            _ => {
                return Err(Error::invalid_option(
                    "type",
                    "an output needs its type, for example type=image,name=site:latest",
                ));
            }
        };
        let names = match self.values.remove("name") {
            Some(Value::Texts(names)) => names.iter().map(|name| name_of(name)).collect::<Result<Vec<_>>>()?,
            _ => Vec::new(),
        };
        let push = self.flag("push").unwrap_or(exporter == "registry");
        if push && names.is_empty() {
            return Err(Error::invalid_option(
                "name",
                "pushing needs a name, for example name=example.com/team/site:v1",
            ));
        }
        if let Some(name) = names.iter().find(|name| push && name.digest().is_some()) {
            let message =
                format!("`{}` has a digest, so it cannot be pushed to; give it a tag instead", shown(name.as_given()));
            return Err(Error::invalid_option("name", message));
        }
        let level = match self.values.remove("compression-level") {
            Some(Value::Number(level)) => Some(level),
            _ => None,
        };
        let codec = match (self.values.remove("compression"), level) {
            (Some(Value::Text(compression)), None) if compression == "uncompressed" => Codec::Uncompressed,
            (Some(Value::Text(compression)), Some(_)) if compression == "uncompressed" => {
                let code = Code::Conflict("compression=uncompressed".into(), "compression-level".into());
                let message =
                    "compression=uncompressed conflicts with compression-level: there is nothing to set a level of";
                return Err(Error::new(Fault::Request, code, message));
            }
            (_, level) => Codec::Gzip { level: level.unwrap_or(DEFAULT_GZIP_LEVEL) },
        };
        let store = self.flag("store").unwrap_or(true);
        Ok(Output { names, push, store, codec, annotations: self.annotations })
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.values.remove(key) {
            Some(Value::Flag(value)) => Some(value),
            _ => None,
        }
    }
}

/// The annotation's own key, when the option is one; levels and platforms are not in this version.
fn annotation(key: &str) -> Result<Option<&str>> {
    let lower = key.to_ascii_lowercase();
    if !lower.starts_with("annotation") {
        return Ok(None);
    }
    match key.get(ANNOTATION.len()..).filter(|_| lower.starts_with(ANNOTATION)) {
        Some("") => Err(Error::invalid_option(key, "an annotation needs a key: write annotation.KEY=VALUE")),
        Some(own) => Ok(Some(own)),
        None if lower.starts_with("annotation-") || lower.starts_with("annotation[") => {
            let message =
                format!("`{}` is not in this version: annotations go to the manifest, as annotation.KEY", shown(key));
            Err(Error::invalid_option(key, message))
        }
        None => Ok(None),
    }
}

/// A value of the row's kind.
fn read(row: &Row, value: Option<String>) -> Result<Value> {
    let key = row.key;
    let text = match (row.kind, value) {
        // BuildKit: the key alone, or with an empty value, means true.
        (Kind::Flag, None) => return Ok(Value::Flag(true)),
        (Kind::Flag, Some(text)) if text.is_empty() => return Ok(Value::Flag(true)),
        (_, None) => return Err(Error::invalid_option(key, format!("`{key}` has no value; write {key}=VALUE"))),
        (_, Some(text)) => text,
    };
    let refuse =
        |what: String| Err(Error::invalid_option(key, format!("`{key}={}` is not possible: {what}", shown(&text))));
    match row.kind {
        Kind::Flag => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Flag(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Flag(false)),
            _ => refuse("write true or false".into()),
        },
        Kind::Number => {
            let range = row.choices.first().and_then(|range| range.split_once(".."));
            let (least, most) = range.unwrap_or(("0", "255"));
            let within = |number: &u8| {
                least.parse().is_ok_and(|least: u8| least <= *number)
                    && most.parse().is_ok_and(|most: u8| *number <= most)
            };
            match text.parse::<u8>().ok().filter(within) {
                Some(number) => Ok(Value::Number(number)),
                None => refuse(format!("it is a whole number from {least} to {most}")),
            }
        }
        Kind::Choice if row.choices.contains(&text.as_str()) => Ok(Value::Text(text)),
        Kind::Choice if LATER.contains(&text.as_str()) => {
            refuse(format!("this version has {}", row.choices.join(" and ")))
        }
        Kind::Choice => {
            refuse(format!("it is {}{}", row.choices.join(" or "), meant(&text, row.choices.iter().copied())))
        }
        Kind::Texts => Ok(Value::Texts(text.split(',').map(|text| text.trim().to_owned()).collect())),
        Kind::Text => Ok(Value::Text(text)),
    }
}

fn name_of(text: &str) -> Result<Reference> {
    text.parse().map_err(|mut error: Error| {
        error.code = Code::InvalidOption("name".into());
        error
    })
}

fn twice(key: &str) -> Error {
    Error::invalid_option(key, format!("`{}` is given twice", shown(key)))
}

fn unknown(key: &str) -> Error {
    let meant = meant(key, table().iter().map(|row| row.key));
    Error::invalid_option(key, format!("unknown option `{}`{meant}; `ocix options` lists them all", shown(key)))
}

/// `, did you mean …`, when something known is close.
fn meant<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    let text = text.to_ascii_lowercase();
    let near = known.map(|known| (distance(&text, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 3 && distance < known.len() => format!(", did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// How many letters have to be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.chars().take(64).enumerate() {
        let mut next = vec![number.saturating_add(1)];
        for ((diagonal, above), known) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let changed = diagonal.saturating_add(usize::from(letter != *known));
            let left = next.last().copied().unwrap_or_default();
            next.push(changed.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const ANNOTATION: &str = "annotation.";

/// Values that BuildKit knows and this version does not.
const LATER: [&str; 8] = ["estargz", "zstd", "oci", "docker", "tar", "local", "cacheonly", "nydus"];

#[cfg(test)]
mod tests;
