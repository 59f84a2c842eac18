//! Options: from the text of one `--output`, or of all of them and their shorthands, to [`Output`]s that are ready to be used.
//!
//! Two steps, neither of which has an effect. The first reads the fields against the [`table`]: every key is known, none comes twice, every
//! value is of its kind. The second is done when the shorthands have had their say: conflicts, and what one option needs of another. BuildKit
//! accepts unknown keys and any level in silence; here both are errors, before any work.

mod annotation;
mod conflicts;
mod csv;
mod markdown;
mod near;
mod output;
mod request;
mod row;
mod table;
mod value;

pub use annotation::{Annotation, Level};
pub use markdown::markdown;
pub use output::{Epoch, Exporter, Name, Output};
pub use request::{Request, outputs};
pub use row::{Kind, Row};
pub use table::table;

use crate::error::{Error, Result};
use crate::reference::Reference;
use crate::text::shown;
use output::STANDARD_OUTPUT;

/// Reads one output. `PATH` alone is `type=local,dest=PATH`, and `-` is `type=tar,dest=-`.
///
/// # Errors
/// `invalid-option` with the key, or `conflict` with both keys; the fault is the request's.
///
/// ```
/// let output = ocix_core::options::parse(r#"type=image,"name=a,b",compression-level=9"#)?;
/// assert_eq!(output.names.len(), 2);
/// assert_eq!(output.to_string(), r#"type=image,"name=a,b",compression-level=9"#);
/// assert!(ocix_core::options::parse("type=image,compresion=gzip").unwrap_err().message.contains("compression"));
/// # Ok::<(), ocix_core::error::Error>(())
/// ```
pub fn parse(text: &str) -> Result<Output> {
    let output = read(text)?;
    check(&output)?;
    Ok(output)
}

/// The first step.
fn read(text: &str) -> Result<Output> {
    if let Some(output) = path_alone(text) {
        return Ok(output);
    }
    let fields = csv::fields(text)?;
    let mut given = fields.iter().map(find).collect::<Result<Vec<Given<'_>>>>()?;
    given.sort_by_key(|given| given.number);
    if given.first().is_some_and(|first| first.number != 0) {
        return Err(Error::invalid_option("type", "an output needs its type, for example type=image,name=site:latest"));
    }
    let mut output = Output::of(Exporter::Image);
    let mut last = None;
    for Given { number, row, own, text } in given {
        refuse_foreign(row, own, output.exporter)?;
        row.set(&mut output, own, text)?;
        // Own words are compared where they are understood.
        if last.replace(number) == Some(number) && row.head().is_none() {
            return Err(twice(row.key));
        }
    }
    Ok(output)
}

/// The second step.
fn check(output: &Output) -> Result<()> {
    let refuse = |key: &str, message: String| Err(Error::invalid_option(key, message));
    if output.push && output.names.is_empty() && output.dangling_prefix.is_none() {
        return refuse("name", "pushing needs a name, for example name=example.com/team/site:v1".into());
    }
    let with_digest = |name: &&Reference| output.push && name.digest().is_some();
    if let Some(name) = output.names.iter().filter_map(Name::given).find(with_digest) {
        let name = shown(name.as_given());
        return refuse("name", format!("`{name}` has a digest, so it cannot be pushed to; give it a tag instead"));
    }
    let needs_path = output.exporter == Exporter::Local || !output.tar;
    if needs_path && output.dest.as_deref().is_none_or(|dest| dest == STANDARD_OUTPUT) {
        return refuse("dest", "a directory is written to a path: write for example dest=out".into());
    }
    conflicts::refuse(output)
}

/// buildx's short forms.
fn path_alone(text: &str) -> Option<Output> {
    let is_key = text.contains('=') && !text.starts_with(['.', '/']);
    if is_key || text.contains([',', '"']) || text.trim().is_empty() {
        return None;
    }
    let exporter = if text == STANDARD_OUTPUT { Exporter::Tar } else { Exporter::Local };
    Some(Output { dest: Some(text.into()), ..Output::of(exporter) })
}

/// A field whose row is known.
struct Given<'a> {
    number: usize,
    row: &'static Row,
    own: &'a str,
    text: Option<&'a str>,
}

fn find(field: &csv::Field) -> Result<Given<'_>> {
    let mut rows = table().iter().enumerate();
    let found = rows.find_map(|(number, row)| row.own_words(&field.key).map(|own| (number, row, own)));
    let (number, row, own) = found.ok_or_else(|| unknown(&field.key, field.value.is_some()))?;
    Ok(Given { number, row, own, text: field.value.as_deref() })
}

/// Refuses an option that the exporter does not have.
fn refuse_foreign(row: &Row, own: &str, exporter: Exporter) -> Result<()> {
    if row.exporters.contains(&exporter) {
        return Ok(());
    }
    let key = row.written(own);
    let known: Vec<&str> = row.exporters.iter().map(|exporter| exporter.as_str()).collect();
    let (given, known) = (exporter.as_str(), known.join(" and type="));
    let message = format!("`{}` is not for type={given}; it is for type={known}", shown(&key));
    Err(Error::invalid_option(key, message))
}

fn twice(key: &str) -> Error {
    Error::invalid_option(key, format!("`{}` is given twice; give it once", shown(key)))
}

fn unknown(key: &str, has_value: bool) -> Error {
    // A key with words of the user's own is compared without them.
    let head = key.split_once(['.', '[']).map_or(key, |(head, _)| head);
    let is_head = |word: &str| word.eq_ignore_ascii_case(key);
    let hinted = |row: &&Row| row.hints.iter().any(|hint| hint.eq_ignore_ascii_case(key));
    let plain = table().iter().filter(|row| row.head().is_none()).map(|row| row.key);
    let heads = || table().iter().filter_map(Row::head);
    if heads().any(is_head) {
        return Error::invalid_option(key, "an annotation needs a key: write annotation.KEY=VALUE");
    }
    let meant = table().iter().find(hinted).map(|row| row.key).or_else(|| near::nearest(key, plain));
    let help = match (meant, near::nearest(head, heads())) {
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

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod shorthands;
#[cfg(test)]
mod tests;
