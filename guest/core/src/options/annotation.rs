//! Annotations of outputs: `annotation[-LEVEL][[PLATFORM]].KEY=VALUE` in an output, `[LEVEL[PLATFORM],…:]KEY=VALUE` behind `--annotation`.
//!
//! Words before the key are compared without regard to case, the key keeps its case. BuildKit drops what does not fit; here it is an error.

use std::str::FromStr;

use super::near;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::text::shown;

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Where it is put.
    pub level: Level,
    /// Of which image's manifest or its descriptor it is, before one for all of them; always `None` at the levels of the index.
    pub platform: Option<Platform>,
    /// At least 1 character, none of them a blank.
    pub key: String,
    /// Any text.
    pub value: String,
}

/// Where an annotation is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// In the manifest.
    Manifest,
    /// In the manifest's descriptor, which is in the index or the layout's `index.json`.
    ManifestDescriptor,
    /// In the image index.
    Index,
    /// In the index's descriptor.
    IndexDescriptor,
}

impl Level {
    /// All, with what they are called.
    pub const ALL: [Self; 4] = [Self::Manifest, Self::ManifestDescriptor, Self::Index, Self::IndexDescriptor];

    /// As users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::ManifestDescriptor => "manifest-descriptor",
            Self::Index => "index",
            Self::IndexDescriptor => "index-descriptor",
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.into_iter().map(Self::as_str);
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let meant =
                near::nearest(text, known()).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            let known: Vec<&str> = known().collect();
            format!("`{}` is not a level, which are {}{meant}", shown(text), known.join(", "))
        })
    }
}

impl Annotation {
    /// From what stands behind the level's word in a key of an output: `.KEY` or `[PLATFORM].KEY`. Fails with why it cannot be.
    pub(super) fn of_key(level: Level, own: &str, value: &str) -> Result<Self, String> {
        let (platform, key) = match own.strip_prefix('[') {
            Some(own) => {
                let (platform, key) = own.split_once(']').ok_or("has a bracket that is not closed")?;
                (Some(platform), key)
            }
            None => (None, own),
        };
        let key = key.strip_prefix('.').ok_or("needs a point before its key: write annotation[OS/ARCH].KEY=VALUE")?;
        Self::new(level, platform, key, value)
    }

    /// From the text behind `--annotation`: one for each level in it.
    ///
    /// # Errors
    /// `invalid-option` with `--annotation` for its key.
    pub fn of_flag(text: &str) -> Result<Vec<Self>> {
        let refuse = |why: String| {
            let message = format!(
                "--annotation `{}`: {why}; write for example index,manifest[linux/amd64]:key=value",
                shown(text)
            );
            Error::invalid_option(FLAG, message)
        };
        let (head, value) = text.split_once('=').ok_or_else(|| refuse("it has no `=`".into()))?;
        let (scopes, key) = head.split_once(':').unwrap_or((Level::Manifest.as_str(), head));
        let annotation = |scope: &str| {
            let (level, platform) = match scope.split_once('[') {
                Some((level, platform)) => (level, Some(platform.strip_suffix(']').ok_or("a bracket is not closed")?)),
                None => (scope, None),
            };
            Self::new(level.parse()?, platform, key, value)
        };
        scopes.split(',').map(|scope| annotation(scope).map_err(refuse)).collect()
    }

    fn new(level: Level, platform: Option<&str>, key: &str, value: &str) -> Result<Self, String> {
        if key.is_empty() {
            return Err("needs a key before its `=`".into());
        }
        if key.contains(|c: char| c.is_ascii_whitespace()) {
            return Err("has a blank in its key".into());
        }
        let platform = platform.map(str::parse::<Platform>).transpose();
        let platform = platform.map_err(|error| format!("names no platform: {}", error.message))?;
        // One index is of all platforms: BuildKit takes and ignores one here.
        let platform = platform.filter(|_| matches!(level, Level::Manifest | Level::ManifestDescriptor));
        Ok(Self { level, platform, key: key.into(), value: value.into() })
    }

    /// What stands behind the level's word in a key of an output.
    pub(super) fn own_words(&self) -> String {
        let platform = self.platform.as_ref().map_or(String::new(), |platform| format!("[{platform}]"));
        format!("{platform}.{}", self.key)
    }

    /// As the key of an output is written.
    pub fn written(&self) -> String {
        let level = if self.level == Level::Manifest { String::new() } else { format!("-{}", self.level.as_str()) };
        format!("annotation{level}{}", self.own_words())
    }

    /// Where it is in a sorted list, whatever its value; `Err` with where it belongs.
    pub(super) fn position(&self, list: &[Self]) -> Result<usize, usize> {
        list.binary_search_by(|other| other.place().cmp(&self.place()))
    }

    fn place(&self) -> (Level, &Option<Platform>, &str) {
        (self.level, &self.platform, &self.key)
    }
}

/// How the flag is called.
pub(super) const FLAG: &str = "--annotation";
