//! Which image of several a name means.

use crate::descriptor::Descriptor;
use crate::error::{Code, Error, Fault, Result};
use crate::reference::Reference;
use crate::text::shown;

/// What an image is called.
pub enum Own {
    /// A reference.
    Full(String),
    /// A tag alone.
    Tag(String),
}

/// The images that `asked` names: in its own words or their normal form, else by the tag alone.
///
/// # Errors
/// `not-found`, of the fault `request`, with the names that there are.
pub fn choose<'t, T>(images: &'t [T], names: impl Fn(&T) -> Vec<Own>, asked: &str) -> Result<Vec<&'t T>> {
    for fits in [Own::is, Own::has_tag] {
        let chosen: Vec<&T> = images.iter().filter(|image| names(image).iter().any(|own| fits(own, asked))).collect();
        if !chosen.is_empty() {
            return Ok(chosen);
        }
    }
    let there = images.iter().flat_map(names).map(|(Own::Full(name) | Own::Tag(name))| name);
    let message = format!("there is no image `{}`: {}", shown(asked), list(&there.collect::<Vec<_>>()));
    Err(Error::new(Fault::Request, Code::NotFound, message))
}

/// Names, for a message.
pub fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", shown(name))).collect();
    match names.len().saturating_sub(MOST) {
        0 if names.is_empty() => "none has a name".into(),
        0 => format!("there are {}", shown.join(", ")),
        more => format!("there are {} and {more} more", shown.join(", ")),
    }
}

/// The names of a layout's entry.
pub fn of(image: &Descriptor) -> Vec<Own> {
    let tag = image.annotations.get(TAG).cloned().map(|tag| {
        // Some put the whole reference there.
        if tag.contains(['/', ':']) { Own::Full(tag) } else { Own::Tag(tag) }
    });
    image.annotations.get(NAME).cloned().map(Own::Full).into_iter().chain(tag).collect()
}

/// The whole name of a layout's entry: containerd's, or a reference where others put one.
pub fn full(image: &Descriptor) -> Option<&String> {
    let reference =
        || image.annotations.get(TAG).filter(|name| name.contains('/') && name.parse::<Reference>().is_ok());
    image.annotations.get(NAME).or_else(reference)
}

impl Own {
    fn is(&self, asked: &str) -> bool {
        let normal =
            |text: &str| text.parse::<Reference>().ok().map(Reference::with_default_tag).map(|name| name.to_string());
        match self {
            Self::Full(own) => own == asked || normal(own).is_some_and(|own| Some(own) == normal(asked)),
            Self::Tag(_) => false,
        }
    }

    fn has_tag(&self, asked: &str) -> bool {
        match self {
            Self::Full(own) => own.parse::<Reference>().is_ok_and(|own| own.with_default_tag().tag() == Some(asked)),
            Self::Tag(tag) => tag == asked,
        }
    }
}

/// Containerd's annotation: the whole reference.
pub const NAME: &str = "io.containerd.image.name";

/// OCI annotations.md.
const TAG: &str = "org.opencontainers.image.ref.name";

/// Names in a message at most.
const MOST: usize = 20;
