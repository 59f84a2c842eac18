//! What is exported and how, as the library's users say it: WIT's `job` with paths in the place of open files.

use std::fs;
use std::path::{Path, PathBuf};

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};

use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::bindings::images::ocix::image::types::Platform;
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};
use crate::files::File;
use crate::limits::{Who, stopped};
use crate::source::Source;

pub use crate::bindings::images::exports::ocix::image::exporter::{Form, Transfer};

/// One export.
#[derive(Clone, Debug)]
pub struct Job {
    /// At least one; several become one image index.
    pub contents: Vec<Content>,
    /// An image whose layers go beneath directories and tars, or on which an image is built.
    pub base: Option<Content>,
    /// Which platforms of images with several, each as `OS/ARCH[/VARIANT]`; empty for all of them.
    pub platforms: Vec<String>,
    /// What directories and tars run on when nothing says it, as `OS/ARCH[/VARIANT]`.
    pub native: String,
    /// Make an image index of a single platform too.
    pub multi_platform: bool,
    /// A file with a whole image config in place of the source's, but for its `rootfs`.
    pub config: Option<PathBuf>,
    /// Changes of the image config, in order: key and value as the command line's flags of that name, for example `env` and `KEY=VALUE`.
    pub changes: Vec<(String, String)>,
    /// What is said about the images.
    pub attestations: Vec<Attestation>,
    /// Each as `--output` takes it.
    pub outputs: Vec<String>,
    /// Names that take the place of those in `outputs`.
    pub tags: Vec<String>,
    /// Annotations for every output, as `--annotation` takes them.
    pub annotations: Vec<String>,
    /// Push every image, or make an output that does.
    pub push: bool,
    /// Make one more output, of an image that a container engine takes: the one of the context, else docker, else podman.
    pub load: bool,
    /// SOURCE_DATE_EPOCH, in seconds since 1970.
    pub epoch: Option<i64>,
    /// Keep all extended attributes of a directory.
    pub xattrs: bool,
    /// How images go to registries.
    pub transfer: Transfer,
}

/// Something to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Where it is.
    pub source: Source,
    /// What it is, when it is a tar.
    pub form: Form,
    /// Which image of a layout or archive: a whole reference, or a tag.
    pub name: Option<String>,
    /// What a directory or tar runs on, as `OS/ARCH[/VARIANT]`; of an image, the only platform that is taken.
    pub platform: Option<String>,
}

/// What is said about an image: an in-toto statement, or a predicate of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The JSON file.
    pub path: PathBuf,
    /// The predicate's type when the file is a predicate; none when it is a statement.
    pub predicate_type: Option<String>,
    /// Of which image it is, as `OS/ARCH[/VARIANT]`; none for every one.
    pub platform: Option<String>,
    /// Only for outputs with `attestation-inline`.
    pub inline_only: bool,
}

impl Job {
    /// One source, one output, and nothing else said.
    pub fn new(source: Source, output: impl Into<String>) -> Self {
        Self { contents: vec![source.into()], outputs: vec![output.into()], ..Self::default() }
    }

    /// The seam's form of it, with everything opened.
    pub(crate) fn open(self, table: &mut ResourceTable) -> Result<seam::Job, Error> {
        one_stdin(self.contents.iter().chain(&self.base))?;
        let platforms = self.platforms.iter().map(|text| platform(text)).collect::<Result<_, _>>()?;
        let native = platform(&self.native)?;
        let contents = self.contents.iter().map(|content| content.open(table)).collect::<Result<_, _>>()?;
        let base = self.base.as_ref().map(|base| base.open(table)).transpose()?;
        let config = self.config.as_deref().map(|path| document(path, table)).transpose()?;
        let attestations = self.attestations.into_iter().map(|said| said.open(table)).collect::<Result<_, _>>()?;
        let Self { multi_platform, changes, outputs, tags, annotations, push, epoch, xattrs, transfer, .. } = self;
        Ok(seam::Job {
            contents,
            base,
            platforms,
            native,
            multi_platform,
            config,
            changes,
            attestations,
            outputs,
            tags,
            annotations,
            push,
            epoch,
            xattrs,
            transfer,
            // It is the work's to connect to them.
            load: None,
            engine: None,
            runtime: None,
        })
    }

    /// The source, when errors about a source can only be about it.
    pub(crate) fn only_source(&self) -> Option<Source> {
        match (self.contents.as_slice(), &self.base) {
            ([content], None) => Some(content.source.clone()),
            _ => None,
        }
    }

    /// A directory with the store in it would be exported into itself.
    pub(crate) fn apart(&self, store: &Path) -> Result<(), Error> {
        self.contents.iter().try_for_each(|content| content.source.apart(store))
    }
}

impl Default for Job {
    /// Without contents and outputs, for Linux on this machine's architecture.
    fn default() -> Self {
        Self {
            contents: Vec::new(),
            base: None,
            platforms: Vec::new(),
            native: native(),
            multi_platform: false,
            config: None,
            changes: Vec::new(),
            attestations: Vec::new(),
            outputs: Vec::new(),
            tags: Vec::new(),
            annotations: Vec::new(),
            push: false,
            load: false,
            epoch: None,
            xattrs: false,
            transfer: Transfer::default(),
        }
    }
}

impl Default for Transfer {
    /// Nothing said.
    fn default() -> Self {
        Self { mount_from: Vec::new(), no_mount: false, fail_fast: false, dry_run: false }
    }
}

impl Content {
    /// The seam's form of it.
    pub(crate) fn open(&self, table: &mut ResourceTable) -> Result<seam::Content, Error> {
        let platform = self.platform.as_deref().map(platform).transpose()?;
        Ok(seam::Content { source: self.source.open(table)?, form: self.form, name: self.name.clone(), platform })
    }

    /// The same where an image is meant: a folder of files would be walked for nothing.
    pub(crate) fn open_image(&self, table: &mut ResourceTable) -> Result<seam::Content, Error> {
        if let Source::Directory(path) = &self.source {
            let path = shown(&path.to_string_lossy());
            let message = format!("`{path}` is a directory of files, not an image: make one of it with `ocix export`");
            return Err(error(Fault::Request, ErrorCode::Unsupported("source".into()), message));
        }
        self.open(table)
    }
}

impl From<Source> for Content {
    /// Told by what it is, whole, of whatever platform.
    fn from(source: Source) -> Self {
        Self { source, form: Form::Detect, name: None, platform: None }
    }
}

impl Attestation {
    fn open(self, table: &mut ResourceTable) -> Result<seam::Attestation, Error> {
        let platform = self.platform.as_deref().map(platform).transpose()?;
        let (predicate_type, inline_only) = (self.predicate_type, self.inline_only);
        Ok(seam::Attestation { file: document(&self.path, table)?, predicate_type, platform, inline_only })
    }
}

/// Fails when standard input is to be read more than once.
pub(crate) fn one_stdin<'c>(contents: impl Iterator<Item = &'c Content>) -> Result<(), Error> {
    if contents.filter(|content| content.source == Source::Stdin).count() > 1 {
        let message = "standard input can be read once only: give the other source as a file";
        return Err(error(Fault::Request, ErrorCode::InvalidOption("source".into()), message));
    }
    Ok(())
}

/// A file that the request names.
fn document(path: &Path, table: &mut ResourceTable) -> Result<Resource<File>, Error> {
    let opened = fs::File::open(path).and_then(|file| File::new(file, path, Fault::Request));
    let file = opened.map_err(|why| refused(Fault::Request, "read", path, &why))?;
    table.push(file).map_err(|why: ResourceTableError| stopped(Who::Job, &why.into()))
}

/// Split only: the component brings it into normal form.
pub(crate) fn platform(text: &str) -> Result<Platform, Error> {
    let parts: Vec<&str> = text.split('/').collect();
    let sound = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match parts.as_slice() {
        [os, architecture, variant @ ..] if variant.len() <= 1 && parts.iter().all(sound) => Ok(Platform {
            os: (*os).to_owned(),
            architecture: (*architecture).to_owned(),
            variant: variant.first().map(|variant| (*variant).to_owned()),
        }),
        _ => {
            let message = format!(
                "`{}` is not a platform: write OS/ARCH or OS/ARCH/VARIANT, for example linux/arm64",
                shown(text)
            );
            Err(error(Fault::Request, ErrorCode::InvalidOption("platform".into()), message))
        }
    }
}

/// Linux on this machine's architecture, in Go's words.
pub(crate) fn native() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("linux/{architecture}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lone_source_is_named() {
        let job = Job::new(Source::Stdin, "type=image");
        assert_eq!(job.only_source(), Some(Source::Stdin));
        let base = Some(Source::Registry("alpine".into()).into());
        assert_eq!(Job { base, ..job.clone() }.only_source(), None);
        let contents = vec![Source::Stdin.into(), Source::Stored("a".into()).into()];
        assert_eq!(Job { contents, ..job }.only_source(), None);
    }

    #[test]
    fn what_cannot_be_opened_is_said_before_any_work() {
        let job = Job::new(Source::Stored("a".into()), "type=image");
        let twice = vec![Source::Stdin.into(), Source::Stdin.into()];
        let attestation =
            |path: &str| Attestation { path: path.into(), predicate_type: None, platform: None, inline_only: false };
        let table = [
            (Job { contents: twice, ..job.clone() }, "standard input can be read once"),
            (Job { native: "linux".into(), ..job.clone() }, "`linux` is not a platform"),
            (Job { platforms: vec!["a/b/c/d".into()], ..job.clone() }, "`a/b/c/d` is not a platform"),
            (Job { config: Some("/no/config".into()), ..job.clone() }, "cannot read `/no/config`"),
            (Job { attestations: vec![attestation("/no/statement")], ..job.clone() }, "cannot read `/no/statement`"),
            (Job { attestations: vec![attestation("/dev/null")], ..job.clone() }, "not a regular file"),
        ];
        for (job, said) in table {
            let refused = job.open(&mut ResourceTable::new()).err().unwrap();
            assert_eq!(refused.fault, Fault::Request);
            assert!(refused.message.contains(said), "{}", refused.message);
        }
        assert!(job.open(&mut ResourceTable::new()).is_ok());
    }
}
