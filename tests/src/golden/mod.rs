//! What BuildKit really produced: recorded data beside the repository.

mod command;
mod compare;
mod made;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::need;
use crate::scratch::repository;

pub use command::command;
pub use compare::Comparison;
pub use made::Made;

/// A path in the recorded data; `None`, said aloud, where it is not at hand.
pub fn path(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/golden").join(name);
    match path.canonicalize() {
        Ok(path) => Some(path),
        Err(_) => {
            need::missing(&format!("the recorded data {} is not here", path.display()));
            None
        }
    }
}

/// A recorded run.
pub struct Recorded {
    /// Its name.
    pub name: String,
    folder: PathBuf,
    /// `case.json`.
    pub case: Value,
}

impl Recorded {
    /// The run of that name.
    pub fn run(name: &str) -> Option<Self> {
        let folder = path(&format!("cases/{name}"))?;
        let case = serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
        Some(Self { name: name.to_owned(), folder, case })
    }

    /// All of them, by name.
    pub fn all() -> Option<Vec<Self>> {
        let folders = fs::read_dir(path("cases")?).unwrap().map(|folder| folder.unwrap().file_name());
        let mut names: Vec<String> = folders.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names.iter().map(|name| Self::run(name)).collect()
    }

    /// Its documents, raw, by digest.
    pub fn documents(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        let documents =
            files.filter(|path| name(path).len() == 12 && path.extension().is_some_and(|end| end == "json"));
        documents.map(|path| fs::read(path).unwrap()).map(|bytes| (crate::sha256(&bytes), bytes)).collect()
    }

    /// A file of its folder, if it is there.
    pub fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// Each as `--output` took it, with `{registry}` in it.
    pub fn outputs(&self) -> Vec<&str> {
        self.case["outputs"].as_array().unwrap().iter().map(|output| output.as_str().unwrap()).collect()
    }

    /// What containerd called the image in the end: the names that BuildKit tells of, and with `name-canonical` each with the digest too,
    /// unless it has one or the only name is the dangling one.
    pub fn names(&self) -> Vec<String> {
        let asked = |key: &str| self.outputs().iter().any(|output| output.contains(key));
        let metadata = &self.case["metadata"];
        let told = metadata["image.name"].as_str().unwrap_or_default();
        let mut names: Vec<String> = told.split(',').map(str::to_owned).filter(|name| !name.is_empty()).collect();
        if asked("store=false") {
            names.clear();
        }
        if asked("name-canonical=true") && asked(",\"name=") | asked(",name=") {
            let digest = metadata["containerimage.digest"].as_str().unwrap();
            let plain: Vec<_> = names.iter().filter(|name| !name.contains('@')).cloned().collect();
            names.extend(plain.iter().map(|name| format!("{name}@{digest}")));
        }
        names.sort();
        names
    }

    /// What was exported, as a layout.
    pub fn source(&self) -> PathBuf {
        path(&format!("sources/{}", self.case["source"].as_str().unwrap())).unwrap()
    }

    /// SOURCE_DATE_EPOCH.
    pub fn epoch(&self) -> &str {
        self.case["epoch"].as_str().unwrap()
    }

    /// The digest of the root document.
    pub fn digest(&self) -> &str {
        self.case["tree"][0]["digest"].as_str().unwrap()
    }

    /// A document, raw, by its digest.
    pub fn document(&self, digest: &str) -> Vec<u8> {
        let hex = digest.strip_prefix("sha256:").unwrap();
        fs::read(self.folder.join(&hex[..12]).with_extension("json")).unwrap()
    }

    /// The layout's index, raw.
    pub fn index(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("index.json")).unwrap()).unwrap()
    }
}
