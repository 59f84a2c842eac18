//! The values of options that are more than a flag: each is read by a `set_…` and written by a `print_…`.

use super::annotation::Level;
use super::output::{Epoch, Exporter, Name, OF_SOURCE, Output};
use super::row::Value;
use crate::documents::time;
use crate::error::{Code, Error, Result};
use crate::layer::{Codec, DEFAULT_GZIP_LEVEL, DEFAULT_ZSTD_LEVEL};
use crate::reference::Reference;

type Printed = Vec<(String, String)>;

/// The first of all: what was in the output before is gone.
pub fn set_type(output: &mut Output, value: &Value<'_>) -> Result<()> {
    let known = Exporter::ALL.into_iter().find(|exporter| exporter.as_str() == value.text);
    *output = Output::of(known.ok_or_else(|| value.wrong("is not possible"))?);
    Ok(())
}

pub fn print_type(output: &Output) -> Printed {
    printed(Some(output.exporter.as_str()))
}

pub fn set_names(output: &mut Output, value: &Value<'_>) -> Result<()> {
    let name = |text| if text == OF_SOURCE { Ok(Name::OfSource) } else { reference(value.key, text).map(Name::Given) };
    output.names = value.text.split(',').map(name).collect::<Result<_>>()?;
    Ok(())
}

pub fn print_names(output: &Output) -> Printed {
    let names: Vec<String> = output.names.iter().map(Name::to_string).collect();
    printed(Some(names.join(",")).filter(|names| !names.is_empty()))
}

pub fn set_prefix(output: &mut Output, value: &Value<'_>) -> Result<()> {
    let prefix = reference(value.key, value.text)?;
    if prefix.tag().is_some() || prefix.digest().is_some() {
        return Err(value.wrong("is not possible: it is a name without tag and digest"));
    }
    output.dangling_prefix = Some(prefix);
    Ok(())
}

pub fn print_prefix(output: &Output) -> Printed {
    printed(output.dangling_prefix.as_ref().map(Reference::as_given))
}

pub fn set_codec(output: &mut Output, value: &Value<'_>) -> Result<()> {
    output.codec = match value.text {
        "uncompressed" => Codec::Uncompressed,
        "estargz" => Codec::Estargz { level: DEFAULT_GZIP_LEVEL },
        "zstd" => Codec::Zstd { level: DEFAULT_ZSTD_LEVEL },
        _ => Codec::Gzip { level: DEFAULT_GZIP_LEVEL },
    };
    Ok(())
}

pub fn print_codec(output: &Output) -> Printed {
    printed(match output.codec {
        Codec::Uncompressed => Some("uncompressed"),
        Codec::Estargz { .. } => Some("estargz"),
        Codec::Gzip { .. } => None,
        Codec::Zstd { .. } => Some("zstd"),
    })
}

pub fn set_level(output: &mut Output, value: &Value<'_>) -> Result<()> {
    let level = |codec, most| {
        let number = value.text.parse::<u8>().ok().filter(|number| *number <= most);
        number
            .ok_or_else(|| value.wrong(&format!("is not possible: for {codec} it is a whole number from 0 to {most}")))
    };
    output.codec = match output.codec {
        // There is a conflict, which is told later.
        Codec::Uncompressed => Codec::Uncompressed,
        Codec::Estargz { .. } => Codec::Estargz { level: level("estargz", 9)? },
        Codec::Gzip { .. } => Codec::Gzip { level: level("gzip", 9)? },
        Codec::Zstd { .. } => match level("zstd", 22)? {
            0 => Codec::Zstd { level: DEFAULT_ZSTD_LEVEL },
            level => Codec::Zstd { level },
        },
    };
    output.level_given = true;
    Ok(())
}

pub fn print_level(output: &Output) -> Printed {
    let level = match output.codec {
        Codec::Uncompressed => None,
        Codec::Estargz { level } | Codec::Gzip { level } | Codec::Zstd { level } => Some(level),
    };
    printed(level.filter(|_| output.level_given))
}

pub fn set_epoch(output: &mut Output, value: &Value<'_>) -> Result<()> {
    output.epoch = match value.text {
        "" => Epoch::None,
        text => {
            let seconds = text.parse().map_err(|_| value.wrong("is not an epoch: write whole seconds since 1970"))?;
            time::rfc3339(seconds)?;
            Epoch::At(seconds)
        }
    };
    Ok(())
}

pub fn print_epoch(output: &Output) -> Printed {
    printed(match output.epoch {
        Epoch::OfJob => None,
        Epoch::None => Some(String::new()),
        Epoch::At(seconds) => Some(seconds.to_string()),
    })
}

pub fn set_compatibility(output: &mut Output, value: &Value<'_>) -> Result<()> {
    output.compatibility = value.text.parse().map_err(|_| value.wrong("is not a number"))?;
    Ok(())
}

pub fn print_compatibility(output: &Output) -> Printed {
    let default = Output::of(output.exporter).compatibility;
    printed(Some(output.compatibility).filter(|version| *version != default))
}

pub fn set_annotation(output: &mut Output, level: Level, value: &Value<'_>) -> Result<()> {
    let annotation = super::Annotation::of_key(level, value.own, value.text);
    let annotation = annotation.map_err(|why| value.wrong(&why))?;
    match annotation.position(&output.annotations) {
        Ok(_) => Err(super::twice(&annotation.written())),
        Err(at) => {
            output.annotations.insert(at, annotation);
            Ok(())
        }
    }
}

pub fn print_annotations(output: &Output, level: Level) -> Printed {
    let annotations = output.annotations.iter().filter(|annotation| annotation.level == level);
    annotations.map(|annotation| (annotation.own_words(), annotation.value.clone())).collect()
}

pub fn set_dest(output: &mut Output, value: &Value<'_>) -> Result<()> {
    if value.text.is_empty() {
        return Err(value.wrong("is empty: write a path, or - for standard output"));
    }
    output.dest = Some(value.text.into());
    Ok(())
}

pub fn print_dest(output: &Output) -> Printed {
    let default = Output::of(output.exporter).dest;
    printed(output.dest.as_deref().filter(|dest| Some(*dest) != default.as_deref()))
}

/// A reference; what is wrong with it is wrong with the option.
pub fn reference(key: &str, text: &str) -> Result<Reference> {
    text.parse().map_err(|mut error: Error| {
        error.code = Code::InvalidOption(key.into());
        error
    })
}

fn printed(value: Option<impl ToString>) -> Printed {
    value.into_iter().map(|value| (String::new(), value.to_string())).collect()
}
