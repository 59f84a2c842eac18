//! What is exported, as it is handed to the component.

use std::fs;
use std::path::{Path, PathBuf};

use wasmtime::component::{ResourceTable, ResourceTableError};

use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::directories::Directory;
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};
use crate::files::{File, Input};
use crate::limits::{Who, stopped};
use crate::trees::Tree;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder with a root file system.
    Directory(PathBuf),
    /// A tar, plain, gzip or zstd: of a root file system, or an archive of images.
    Archive(PathBuf),
    /// The same, on standard input.
    Stdin,
    /// A folder with an OCI image layout.
    Layout(PathBuf),
    /// An image in a registry, by its reference.
    Registry(String),
    /// An image of the embedded store, by its name.
    Stored(String),
    /// An image by its name: of the embedded store when that has one of this name, else in its registry.
    Named(String),
}

impl Source {
    /// The seam's form of it.
    pub(crate) fn open(&self, table: &mut ResourceTable) -> Result<seam::Source, Error> {
        let full = |why: ResourceTableError| stopped(Who::Job, &why.into());
        Ok(match self {
            Self::Directory(path) => seam::Source::Files(table.push(Tree::open(path)?).map_err(full)?),
            Self::Layout(path) => seam::Source::Layout(table.push(Directory::source(path)).map_err(full)?),
            Self::Registry(reference) => seam::Source::Registry(reference.clone()),
            Self::Stored(name) => seam::Source::Stored(name.clone()),
            Self::Named(name) => seam::Source::Named(name.clone()),
            Self::Stdin => {
                let input = Input::blocking(std::io::stdin(), "standard input");
                seam::Source::Piped(table.push(input).map_err(full)?)
            }
            Self::Archive(path) => {
                let why = |why| refused(Fault::Source, "read", path, &why);
                let file = fs::File::open(path).map_err(why)?;
                // A pipe or device is read once, from its beginning to its end.
                if !file.metadata().map_err(why)?.is_file() {
                    return Ok(seam::Source::Piped(table.push(Input::blocking(file, "the source")).map_err(full)?));
                }
                seam::Source::Archive(table.push(File::new(file, path, Fault::Source).map_err(why)?).map_err(full)?)
            }
        })
    }

    /// A directory with the store in it would be exported into itself.
    pub(crate) fn apart(&self, store: &Path) -> Result<(), Error> {
        let Self::Directory(root) = self else { return Ok(()) };
        // What does not exist yet will be where its nearest folder is.
        let whole = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
        let nearest = whole.ancestors().find_map(|path| fs::canonicalize(path).ok());
        match (fs::canonicalize(root).ok(), nearest) {
            (Some(inside_of), Some(nearest)) if nearest.starts_with(&inside_of) => {
                let message = format!(
                    "the store `{}` is inside of `{}`, which is exported: choose another place with --store",
                    shown(&store.to_string_lossy()),
                    shown(&root.to_string_lossy())
                );
                Err(error(Fault::Request, ErrorCode::InvalidOption("store".into()), message))
            }
            _ => Ok(()),
        }
    }

    /// The component does not know the source's path: its errors about what is in the source get it here, with what was to be done.
    pub(crate) fn named(&self, verb: &str, mut error: Error) -> Error {
        let name = match self {
            Self::Directory(path) | Self::Archive(path) | Self::Layout(path) => shown(&path.to_string_lossy()),
            Self::Registry(name) | Self::Stored(name) | Self::Named(name) => shown(name),
            Self::Stdin => "standard input".into(),
        };
        if error.fault == Fault::Source && !error.message.contains(&name) {
            error.message = format!("cannot {verb} `{name}`: {}", error.message);
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_not_in_its_source() {
        let root = std::env::temp_dir().join(format!("ocix-apart-{}", std::process::id()));
        fs::create_dir_all(root.join("site/sub")).unwrap();
        std::os::unix::fs::symlink("site/sub", root.join("link")).unwrap();
        let apart = |source: &Path, store: &Path| Source::Directory(source.to_owned()).apart(store).is_ok();
        let site = root.join("site");
        for store in ["site", "site/sub", "site/not/yet", "link", "link/not/yet", "site/../site/new"] {
            assert!(!apart(&site, &root.join(store)), "{store}");
        }
        for store in ["store", "site-2", "not/yet", "site/../store"] {
            assert!(apart(&site, &root.join(store)), "{store}");
        }
        assert!(!apart(Path::new("/"), Path::new("/nowhere/yet")));
        assert!(!apart(Path::new("."), Path::new("not-yet")));
        assert!(apart(&site, Path::new("not-yet")));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn errors_name_the_source_once() {
        let source = Source::Archive("folder/a\u{1b}.tar".into());
        let inner = || error(Fault::Source, ErrorCode::Malformed("tar".into()), "the header is damaged");
        let named = source.named("export", inner());
        assert_eq!(named.message, "cannot export `folder/a\\u{1b}.tar`: the header is damaged");
        assert_eq!(source.named("export", named.clone()).message, named.message);
        assert_eq!(source.named("export", Error { fault: Fault::Store, ..inner() }).message, "the header is damaged");
    }
}
