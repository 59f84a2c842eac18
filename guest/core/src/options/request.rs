//! A whole request: the outputs, and the shorthands that say something about all of them, as docker buildx has them.

use super::annotation::{Annotation, FLAG};
use super::output::{Exporter, Name, Output, STANDARD_OUTPUT};
use super::{check, read, value};
use crate::error::{Error, Result};
use crate::text::shown;

/// What a user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Each as `--output` takes it.
    pub outputs: Vec<String>,
    /// Of `--tag`: take the place of the names of every image and archive of images; without any output, an image is stored.
    pub tags: Vec<String>,
    /// Of `--annotation`, `[LEVEL[PLATFORM],…:]KEY=VALUE` each: for every image and archive of images, before an output's own.
    pub annotations: Vec<String>,
    /// `--push`: every output of an image is pushed; without one, there is one more.
    pub push: bool,
    /// `--load`: one more output, an image for a container engine.
    pub load: bool,
}

/// Every output of a request, resolved and checked, in order; those of shorthands are last.
///
/// # Errors
/// As [`super::parse`]; what is wrong with a shorthand names its flag. No output at all, and two to one place, are `invalid-option`.
pub fn outputs(request: &Request) -> Result<Vec<Output>> {
    let mut outputs = request.outputs.iter().map(|text| read(text)).collect::<Result<Vec<_>>>()?;
    if request.push {
        let images = || |output: &&mut Output| matches!(output.exporter, Exporter::Image | Exporter::Registry);
        if outputs.iter_mut().filter(images()).map(|output| output.push = true).count() == 0 {
            outputs.push(Output { push: true, ..Output::of(Exporter::Image) });
        }
    }
    if request.load {
        outputs.push(Output::load());
    }
    if outputs.is_empty() && !request.tags.is_empty() {
        outputs.push(Output::of(Exporter::Image));
    }
    if outputs.is_empty() {
        return Err(Error::invalid_option(
            "type",
            "no output was asked for: say where it goes, for example `--tag site:latest`, `--push` or `--output type=oci,dest=site.tar`",
        ));
    }
    let tags = request.tags.iter().map(|tag| value::reference(TAG, tag).map_err(|error| of_flag(TAG, error)));
    let tags = tags.map(|tag| tag.map(Name::Given)).collect::<Result<Vec<_>>>()?;
    let annotations = annotations(&request.annotations)?;
    for output in &mut outputs {
        if !matches!(output.exporter, Exporter::Tar | Exporter::Local) {
            annotations.iter().for_each(|annotation| put(annotation.clone(), &mut output.annotations));
            if !tags.is_empty() {
                output.names.clone_from(&tags);
            }
        }
        check(output)?;
    }
    refuse_one_place(&outputs)?;
    Ok(outputs)
}

fn annotations(texts: &[String]) -> Result<Vec<Annotation>> {
    let mut annotations = Vec::new();
    for text in texts {
        for annotation in Annotation::of_flag(text)? {
            match annotation.position(&annotations) {
                Ok(_) => {
                    let message = format!("{FLAG} says `{}` twice; say it once", shown(&annotation.written()));
                    return Err(Error::invalid_option(FLAG, message));
                }
                Err(at) => annotations.insert(at, annotation),
            }
        }
    }
    Ok(annotations)
}

/// Takes the place of an output's own.
fn put(annotation: Annotation, list: &mut Vec<Annotation>) {
    match annotation.position(list) {
        Ok(at) => list.iter_mut().skip(at).take(1).for_each(|own| own.clone_from(&annotation)),
        Err(at) => list.insert(at, annotation),
    }
}

fn of_flag(flag: &str, error: Error) -> Error {
    let message = format!("{flag}: {}", error.message);
    Error { message, ..error }
}

/// Two outputs to one place would be a mix of both.
fn refuse_one_place(outputs: &[Output]) -> Result<()> {
    let mut places: Vec<String> = Vec::new();
    for dest in outputs.iter().filter_map(|output| output.dest.as_deref()) {
        let place = place(dest);
        if places.contains(&place) {
            let what = if dest == STANDARD_OUTPUT { "standard output".into() } else { format!("`{}`", shown(dest)) };
            let message = format!("two outputs go to {what}; give each a place of its own with dest=PATH");
            return Err(Error::invalid_option("dest", message));
        }
        places.push(place);
    }
    Ok(())
}

/// One text for all spellings of a path, as far as the path alone can tell.
fn place(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("{root}{}", parts.join("/"))
}

/// How the flag is called.
const TAG: &str = "--tag";
