//! What BuildKit really produced: recorded data beside the repository.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::need;
use crate::scratch::repository;

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
    folder: PathBuf,
    /// `case.json`.
    pub case: Value,
}

impl Recorded {
    /// The run of that name.
    pub fn run(name: &str) -> Option<Self> {
        let folder = path(&format!("cases/{name}"))?;
        let case = serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
        Some(Self { folder, case })
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
