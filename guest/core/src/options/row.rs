//! A row of the option table: what people read of an option, and how its value gets into an [`Output`] and out again.

use super::conflicts::conflicts;
use super::near;
use super::output::{Exporter, Output};
use crate::error::{Error, Result};
use crate::text::shown;

/// One option of `--output`.
pub struct Row {
    /// As written before `=`; in `annotation.<key>` the user's own words take the place of `<key>`.
    pub key: &'static str,
    /// Other spellings of the key.
    pub aliases: &'static [&'static str],
    /// For a choice, the values; for a number, `least..most`.
    pub choices: &'static [&'static str],
    /// What holds when the key is not given; empty when nothing does.
    pub default: &'static str,
    /// The values of `type` that know this key.
    pub exporters: &'static [Exporter],
    /// A few sentences.
    pub doc: &'static str,
    /// Unknown keys that mean this one, however far away their letters are.
    pub(super) hints: &'static [&'static str],
    /// Where the value goes.
    pub(super) field: Field,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false` in Go's spellings; the key alone, or with nothing behind its `=`, means true.
    Flag,
    /// `true` or `false` in Go's spellings; nothing is not a value.
    Bool,
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// One of the choices.
    Choice,
    /// A list of texts, in one field that CSV quotes.
    Texts,
}

/// Where a value goes in an output.
pub(super) enum Field {
    /// A flag, which is true by its key alone.
    Flag(fn(&mut Output) -> &mut bool),
    /// A flag that needs its value.
    Bool(fn(&mut Output) -> &mut bool),
    /// The same, when it matters whether it was given.
    Given(fn(&mut Output) -> &mut Option<bool>),
    /// Anything else. `print` gives pairs of the user's own words and the value, when it is not the default.
    Other { kind: Kind, set: fn(&mut Output, &Value<'_>) -> Result<()>, print: fn(&Output) -> Vec<(String, String)> },
}

/// A value, as it was given.
pub(super) struct Value<'a> {
    /// The key, as it is to be written.
    pub key: &'a str,
    /// The user's own words in it.
    pub own: &'a str,
    /// What stands behind the `=`.
    pub text: &'a str,
}

impl Value<'_> {
    /// `invalid-option`: the value, and why it cannot be.
    pub fn wrong(&self, why: &str) -> Error {
        Error::invalid_option(self.key, format!("`{}={}` {why}", shown(self.key), shown(self.text)))
    }

    fn truth(&self) -> Result<bool> {
        match self.text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err(self.wrong("is not a flag: write true or false")),
        }
    }
}

impl Row {
    /// How a value is written.
    pub fn kind(&self) -> Kind {
        match self.field {
            Field::Flag(_) => Kind::Flag,
            Field::Bool(_) | Field::Given(_) => Kind::Bool,
            Field::Other { kind, .. } => kind,
        }
    }

    /// What it excludes, for example `compression=estargz conflicts with oci-mediatypes=false`.
    pub fn conflicts(&self) -> Vec<String> {
        conflicts().iter().filter(|conflict| conflict.concerns(self.key)).map(ToString::to_string).collect()
    }

    /// The user's own words in `key` when it is this row's: nothing, or for `annotation.<key>` what stands behind the first word. Keys are
    /// compared without regard to case, as docker buildx lower-cases them; own words keep theirs.
    pub(super) fn own_words<'a>(&self, key: &'a str) -> Option<&'a str> {
        [self.key].iter().chain(self.aliases).find_map(|known| match known.strip_suffix(OWN) {
            None => key.eq_ignore_ascii_case(known).then_some(""),
            Some(known) => {
                let (head, own) = key.split_at_checked(known.len())?;
                (head.eq_ignore_ascii_case(known) && own.starts_with(['.', '['])).then_some(own)
            }
        })
    }

    /// The word before the user's own words, when there are such.
    pub(super) fn head(&self) -> Option<&'static str> {
        self.key.strip_suffix(OWN)
    }

    /// The key as it is to be written, with the user's own words in it.
    pub(super) fn written(&self, own: &str) -> String {
        format!("{}{own}", self.head().unwrap_or(self.key))
    }

    /// Reads a value and puts it into the output.
    pub(super) fn set(&self, output: &mut Output, own: &str, text: Option<&str>) -> Result<()> {
        let key = &self.written(own);
        if text.is_none() && self.kind() != Kind::Flag {
            return Err(Error::invalid_option(key, format!("`{0}` has no value; write {0}=VALUE", shown(key))));
        }
        let value = Value { key, own, text: text.unwrap_or_default() };
        match self.field {
            Field::Flag(field) => *field(output) = value.text.is_empty() || value.truth()?,
            Field::Bool(field) => *field(output) = value.truth()?,
            Field::Given(field) => *field(output) = Some(value.truth()?),
            Field::Other { kind, set, .. } => {
                if kind == Kind::Choice && !self.choices.contains(&value.text) {
                    let meant = near::nearest(value.text, self.choices.iter().copied());
                    let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
                    return Err(value.wrong(&format!("is not possible: it is {}{meant}", self.choices.join(" or "))));
                }
                set(output, &value)?;
            }
        }
        Ok(())
    }

    /// The user's own words and values that make this of the default.
    pub(super) fn print(&self, output: &mut Output, default: &mut Output) -> Vec<(String, String)> {
        let flag = match self.field {
            Field::Flag(field) | Field::Bool(field) => Some(*field(output)).filter(|is| is != field(default)),
            Field::Given(field) => *field(output),
            Field::Other { print, .. } => return print(output),
        };
        flag.into_iter().map(|is| (String::new(), is.to_string())).collect()
    }
}

/// What stands in a row's key for the user's own words.
const OWN: &str = ".<key>";
