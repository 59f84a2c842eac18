//! The history in an image config (OCI config.md, `history`): one line a layer, and more for what made none.
//!
//! Lines lose members that the spec does not name, as they do in BuildKit.

use super::json::Value;
use super::read::Object;
use super::time::Time;
use crate::error::Result;
use crate::text::shown;

/// One line. Texts that are empty are not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    created: Option<Time>,
    created_by: String,
    author: String,
    comment: String,
    /// Whether it made no layer.
    empty_layer: bool,
}

impl Line {
    /// From a source's config.
    pub fn read(object: Object<'_>) -> Result<Self> {
        let object = object.known(&["created", "created_by", "author", "comment", "empty_layer"])?;
        Ok(Self {
            created: time(&object)?,
            created_by: object.text("created_by")?.unwrap_or_default(),
            author: object.text("author")?.unwrap_or_default(),
            comment: object.text("comment")?.unwrap_or_default(),
            empty_layer: object.flag("empty_layer")?.unwrap_or_default(),
        })
    }

    /// When it was made.
    pub fn created(&self) -> Option<&Time> {
        self.created.as_ref()
    }

    /// The command, as the builder wrote it; empty when it says none.
    pub fn created_by(&self) -> &str {
        &self.created_by
    }

    /// What the builder had to say; mostly empty.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether it made no layer.
    pub fn is_empty_layer(&self) -> bool {
        self.empty_layer
    }

    /// What the config holds of it.
    pub fn value(&self) -> Value<'_> {
        let texts = [
            ("created", self.created.as_ref().map_or("", Time::as_str)),
            ("created_by", &self.created_by),
            ("author", &self.author),
            ("comment", &self.comment),
        ];
        let texts = texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.into()));
        Value::Object(texts.chain(self.empty_layer.then_some(("empty_layer", Value::Bool(true)))).collect())
    }
}

/// The `created` of a config or of a line.
pub fn time(object: &Object<'_>) -> Result<Option<Time>> {
    let wrong =
        |text: &str| object.malformed(format!("has a `created` that is not an RFC 3339 time: `{}`", shown(text)));
    object.text("created")?.map(|text| Time::parse(&text).ok_or_else(|| wrong(&text))).transpose()
}

/// Makes the lines fit the layers, as BuildKit does: lines that claim a layer behind the last one are marked empty, lines are made up for
/// layers that have none, and every line gets a time. A layer's line without one gets `stamp`, which is the epoch or now. Lines that are
/// made up say `created_by`, or else ocix.
pub fn complete(lines: &mut Vec<Line>, layers: usize, created_by: Option<&str>, stamp: &Time) {
    let mut claimed = 0_usize;
    for line in lines.iter_mut().filter(|line| !line.empty_layer) {
        line.empty_layer = claimed >= layers;
        claimed = claimed.saturating_add(1);
        line.created = line.created.take().or_else(|| Some(stamp.clone()));
    }
    let made_up = Line {
        created: Some(stamp.clone()),
        created_by: created_by.unwrap_or(CREATED_BY).into(),
        comment: COMMENT.into(),
        ..Line::default()
    };
    lines.extend(std::iter::repeat_n(made_up, layers.saturating_sub(claimed)));
    // What comes before the first new layer belongs to it rather than to the base image: its time is that of the first line
    // with a time behind the first one without, and only if there is none, that of the last line with a time.
    let mut time = behind_first_gap(lines).or_else(|| lines.iter().rev().find_map(|line| line.created.clone()));
    let mut gap = false;
    for line in lines {
        match &line.created {
            Some(created) if gap => time = Some(created.clone()),
            Some(_) => {}
            None => {
                gap = true;
                line.created = time.clone();
            }
        }
    }
}

/// No line is later than the epoch, and none is without a time; but the first lines stay as long as they are those of the `base` image.
pub fn clamp(lines: &mut [Line], base: &[Line], epoch: i64, stamp: &Time) {
    let kept = lines.iter().zip(base).take_while(|(own, base)| own == base).count();
    for line in lines.iter_mut().skip(kept).filter(|line| line.created.as_ref().is_none_or(|time| time.is_after(epoch)))
    {
        line.created = Some(stamp.clone());
    }
}

fn behind_first_gap(lines: &[Line]) -> Option<Time> {
    lines.iter().skip_while(|line| line.created.is_some()).find_map(|line| line.created.clone())
}

/// Who made a layer that has no line.
const CREATED_BY: &str = "ocix export";
/// How BuildKit marks lines that it made up.
const COMMENT: &str = "buildkit.exporter.image.v0";

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a line: a digit is the minute that it was created at, `-` no time; upper-case `E` before it marks it empty.
    fn lines(text: &str) -> Vec<Line> {
        let line = |word: &str| {
            let minute = word.trim_start_matches('E');
            Line {
                created: Time::parse(&format!("2020-01-01T00:0{minute}:00Z")),
                empty_layer: word.starts_with('E'),
                ..Line::default()
            }
        };
        text.split_whitespace().map(line).collect()
    }

    fn completed(text: &str, layers: usize) -> String {
        let mut lines = lines(text);
        complete(&mut lines, layers, None, &Time::parse("2020-01-01T00:09:00Z").unwrap_or_else(|| panic!("a time")));
        let words = lines.iter().map(|line| {
            let minute = line.created.as_ref().and_then(|time| time.as_str().get(15..16)).unwrap_or("-");
            format!("{}{minute}", if line.empty_layer { "E" } else { "" })
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_fit_the_layers() {
        for (before, layers, after) in [
            ("", 0, ""),
            ("", 2, "9 9"),
            ("1 E2 3", 2, "1 E2 3"),
            ("1 E2", 3, "1 E2 9 9"),
            ("1 2 3", 1, "1 E2 E3"),
            ("E1 2", 0, "E1 E2"),
            ("1 - 2", 3, "1 9 2"),
            ("- E- E-", 1, "9 E9 E9"),
            ("1 E- 2 E- E3", 2, "1 E2 2 E2 E3"),
            ("1 E-", 1, "1 E1"),
            ("E- 1 E- 2 E-", 2, "E1 1 E1 2 E2"),
            ("E-", 0, "E-"),
        ] {
            assert_eq!(completed(before, layers), after, "{before} with {layers}");
        }
    }

    #[test]
    fn the_epoch_is_the_latest_time() {
        let stamp = Time::parse("2020-01-01T00:02:00Z").unwrap_or_else(|| panic!("a time"));
        for (before, base, after) in [
            ("1 2 3 E-", "", "1 2 2 E2"),
            ("3 E4 5", "3 E4", "3 E4 2"),
            ("3 E4 5", "3 E4 5 6", "3 E4 5"),
            ("3 E4 5", "3 4 5", "3 E2 2"),
            ("3 E4 5", "- E4 5", "2 E2 2"),
            ("E- 4", "E- 4", "E- 4"),
        ] {
            let mut clamped = lines(before);
            clamp(&mut clamped, &lines(base), 1_577_836_920, &stamp);
            assert_eq!(clamped, lines(after), "{before} on {base}");
        }
    }
}
