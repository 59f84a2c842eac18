//! The cases that are data: folders in `cases/`, described in `cases/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::scratch::repository;
use crate::{golden, tree};

/// One folder: what is exported, and what comes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// One line: what it shows.
    pub about: String,
    /// `tree` for the tree that `tree.txt` describes, or a folder of the recorded data.
    pub source: String,
    /// The value of `--output`.
    pub output: String,
    /// More arguments of the command line.
    #[serde(default)]
    pub args: Vec<String>,
    /// The exit code.
    #[serde(default)]
    pub exit: i32,
    /// The digest that is printed.
    pub digest: Option<String>,
    /// The diff ID of the one layer.
    pub diff_id: Option<String>,
    /// What the line on standard error says.
    #[serde(default)]
    pub stderr: Vec<String>,
    /// Hosts that cannot run this case: why.
    #[serde(default)]
    pub skip: std::collections::BTreeMap<String, String>,
}

impl Case {
    /// All cases, by name.
    pub fn all() -> Vec<Self> {
        let folder = repository().join("tests/cases");
        let folders = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut cases: Vec<_> = folders.filter(|path| path.is_dir()).map(|path| Self::read(&path)).collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        assert!(!cases.is_empty(), "no cases in {}", folder.display());
        cases
    }

    /// Makes the source in `folder` and says what to export; `None` where its data is not at hand.
    pub fn prepare(&self, folder: &Path) -> Option<PathBuf> {
        if self.source != "tree" {
            return golden::path(&self.source);
        }
        let description =
            fs::read_to_string(repository().join("tests/cases").join(&self.name).join("tree.txt")).unwrap();
        fs::create_dir_all(folder).unwrap();
        tree::make(folder, &description);
        Some(folder.to_owned())
    }

    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("case.toml")).unwrap();
        let case: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Self { name: folder.file_name().unwrap().to_string_lossy().into_owned(), ..case }
    }
}
