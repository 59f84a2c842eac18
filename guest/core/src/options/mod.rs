//! Options: from the text of one `--output` to an [`Output`] that is ready to be used.
//!
//! Two steps, neither of which has an effect. The first reads the fields against the [`table`]: every key is known, none comes twice, every
//! value is of its kind. The second resolves: defaults, what one option means for another, conflicts. BuildKit accepts unknown keys
//! and any level in silence; here both are errors, before any work.

mod csv;
mod near;
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
    /// What is made.
    pub exporter: Exporter,
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

/// A value of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporter {
    /// An image, stored and, when asked for, pushed.
    Image,
    /// An image that is pushed by default.
    Registry,
}

impl Exporter {
    /// As written behind `type=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Registry => "registry",
        }
    }
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

/// What was given, each value of its row's kind, by the row's key and the user's own words in it. Nothing is defaulted yet.
#[derive(Default)]
struct Given(BTreeMap<(&'static str, String), (&'static Row, Value)>);

#[derive(Debug, PartialEq)]
enum Value {
    Flag(bool),
    Text(String),
    Number(u8),
    Texts(Vec<String>),
}

impl Given {
    /// Reads one field against its row.
    fn add(&mut self, key: &str, value: Option<String>) -> Result<()> {
        refuse_scope(key)?;
        let Some((row, own)) = table().iter().find_map(|row| row.own_words(key).map(|own| (row, own))) else {
            return Err(unknown(key, value.is_some()));
        };
        let key = row.written(own);
        let value = read(row, &key, value)?;
        match self.0.insert((row.key, own.to_owned()), (row, value)) {
            Some(_) => Err(Error::invalid_option(&key, format!("`{}` is given twice; give it once", shown(&key)))),
            None => Ok(()),
        }
    }

    /// Defaults, what one option means for another, and conflicts: all of them here.
    fn resolve(mut self) -> Result<Output> {
        let exporter = match self.take("type") {
            Some(Value::Text(text)) if text == Exporter::Registry.as_str() => Exporter::Registry,
            Some(_) => Exporter::Image,
            None => {
                let message = "an output needs its type, for example type=image,name=site:latest";
                return Err(Error::invalid_option("type", message));
            }
        };
        self.0.iter().try_for_each(|((_, own), (row, _))| refuse_foreign(row, own, exporter))?;
        let push = self.take("push").unwrap_or(Value::Flag(exporter == Exporter::Registry)) == Value::Flag(true);
        let store = self.take("store").unwrap_or(Value::Flag(true)) == Value::Flag(true);
        let names = match self.take("name") {
            Some(Value::Texts(names)) => names.iter().map(|name| name_of(name)).collect::<Result<Vec<_>>>()?,
            _ => Vec::new(),
        };
        if push && names.is_empty() {
            let message = "pushing needs a name, for example name=example.com/team/site:v1";
            return Err(Error::invalid_option("name", message));
        }
        if let Some(name) = names.iter().find(|name| push && name.digest().is_some()) {
            let message =
                format!("`{}` has a digest, so it cannot be pushed to; give it a tag instead", shown(name.as_given()));
            return Err(Error::invalid_option("name", message));
        }
        let codec = match (self.take("compression"), self.take("compression-level")) {
            (Some(Value::Text(codec)), level) if codec == "uncompressed" => match level {
                None => Codec::Uncompressed,
                Some(_) => {
                    let message = "compression=uncompressed conflicts with compression-level: it has no levels; leave one of them out";
                    let code = Code::Conflict("compression".into(), "compression-level".into());
                    return Err(Error::new(Fault::Request, code, message));
                }
            },
            (_, Some(Value::Number(level))) => Codec::Gzip { level },
            _ => Codec::Gzip { level: DEFAULT_GZIP_LEVEL },
        };
        let annotations = self.0.into_iter().filter_map(|((key, own), (_, value))| match value {
            Value::Text(text) if key == ANNOTATION => Some((own, text)),
            _ => None,
        });
        Ok(Output { exporter, names, push, store, codec, annotations: annotations.collect() })
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.0.remove(&(key, String::new())).map(|(_, value)| value)
    }
}

/// A value of the row's kind; `key` is how the user's key is written.
fn read(row: &Row, key: &str, value: Option<String>) -> Result<Value> {
    let text = match (row.kind, value) {
        // BuildKit: the key alone, or with an empty value, means true.
        (Kind::Flag, None) => return Ok(Value::Flag(true)),
        (Kind::Flag, Some(text)) if text.is_empty() => return Ok(Value::Flag(true)),
        (_, None) => {
            let key_shown = shown(key);
            return Err(Error::invalid_option(key, format!("`{key_shown}` has no value; write {key_shown}=VALUE")));
        }
        (_, Some(text)) => text,
    };
    let wrong = |why: String| Err(Error::invalid_option(key, format!("`{}={}` {why}", shown(key), shown(&text))));
    match row.kind {
        Kind::Flag => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Flag(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Flag(false)),
            _ => wrong("is not a flag: write true or false".into()),
        },
        Kind::Number => {
            let (least, most) = row.choices.first().and_then(|range| range.split_once("..")).unwrap_or(("0", "255"));
            let range = least.parse().unwrap_or(0)..=most.parse().unwrap_or(u8::MAX);
            match text.parse().ok().filter(|number| range.contains(number)) {
                Some(number) => Ok(Value::Number(number)),
                None => wrong(format!("is not possible: it is a whole number from {least} to {most}")),
            }
        }
        Kind::Choice if row.choices.contains(&text.as_str()) => Ok(Value::Text(text)),
        Kind::Choice if row.later().contains(&text.as_str()) => {
            wrong(format!("is not in this version, which has {}", row.choices.join(" and ")))
        }
        Kind::Choice => {
            let meant = near::nearest(&text, row.choices.iter().copied());
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            wrong(format!("is not possible: it is {}{meant}", row.choices.join(" or ")))
        }
        Kind::Texts => Ok(Value::Texts(text.split(',').map(str::to_owned).collect())),
        Kind::Text => Ok(Value::Text(text)),
    }
}

/// Refuses an annotation without a key, and the levels and platforms of annotations, which are not in this version.
fn refuse_scope(key: &str) -> Result<()> {
    let lower = key.to_ascii_lowercase();
    match lower.strip_prefix("annotation") {
        Some("" | ".") => Err(Error::invalid_option(key, "an annotation needs a key: write annotation.KEY=VALUE")),
        Some(scope) if scope.starts_with(['-', '[']) => {
            let message =
                format!("`{}` is not in this version: annotations go to the manifest, as annotation.KEY", shown(key));
            Err(Error::invalid_option(key, message))
        }
        _ => Ok(()),
    }
}

/// Refuses an option that the exporter does not have.
fn refuse_foreign(row: &Row, own: &str, exporter: Exporter) -> Result<()> {
    if row.exporters.contains(&exporter.as_str()) {
        return Ok(());
    }
    let key = row.written(own);
    let message = format!(
        "`{}` is not for type={}; it is for type={}",
        shown(&key),
        exporter.as_str(),
        row.exporters.join(" and type=")
    );
    Err(Error::invalid_option(key, message))
}

fn name_of(text: &str) -> Result<Reference> {
    text.parse().map_err(|mut error: Error| {
        error.code = Code::InvalidOption("name".into());
        error
    })
}

fn unknown(key: &str, has_value: bool) -> Error {
    // A key with words of the user's own is compared without them.
    let head = key.split_once('.').map_or(key, |(head, _)| head);
    let plain = table().iter().filter(|row| !row.has_own_words()).map(|row| row.key);
    let own = table().iter().filter(|row| row.has_own_words());
    let own = own.filter_map(|row| row.key.split_once('.').map(|(head, _)| head));
    let help = match (near::nearest(key, plain), near::nearest(head, own)) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, Some(meant)) => format!("did you mean `{meant}.KEY`?"),
        (None, None) if !has_value => {
            "a field is key=value, and several names go into one quoted field: \"name=a,b\"".into()
        }
        (None, None) => {
            let known: Vec<&str> = table().iter().map(|row| row.key).collect();
            format!("known are {}", known.join(", "))
        }
    };
    Error::invalid_option(key, format!("unknown option `{}`; {help}", shown(key)))
}

/// The row whose values are the manifest's annotations.
const ANNOTATION: &str = "annotation.<key>";

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
