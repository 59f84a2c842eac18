//! Documents against BuildKit's recorded ones, and readers against documents by other hands.

mod others;
mod rebuilt;
mod recorded;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::config::Config;
use super::index::{self, Index};
use super::manifest::Manifest;
use crate::descriptor::Descriptor;
use crate::error::Error;
use crate::media_type;
use crate::platform::Platform;

/// The manifest and config of a source's image, through as many indexes as there are.
fn image(source: &str, platform: &Platform) -> Result<(Manifest, Config), Error> {
    let layout = shared("golden/sources").join(source);
    let blob = |descriptor: &Descriptor| fs::read(layout.join(descriptor.digest.blob_path())).expect("a blob");
    let index = Index::parse(&fs::read(layout.join("index.json")).expect("an index"), None)?;
    let mut root = index::select(index.manifests(), platform)?;
    while media_type::is_index(&root.media_type) {
        let index = Index::parse(&blob(&root), Some(&root.media_type))?;
        root = index::select(index.manifests(), platform)?;
    }
    let manifest = Manifest::parse(&blob(&root), &root.media_type)?;
    let config = Config::parse(&blob(&manifest.config))?;
    assert_eq!(config.diff_ids().len(), manifest.layers.len(), "{source}");
    Ok((manifest, config))
}

fn assert_same(written: &[u8], recorded: &[u8], name: &str) {
    assert_eq!(String::from_utf8_lossy(written), String::from_utf8_lossy(recorded), "{name}");
}

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).expect("JSON")
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(shared(folder)).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path)
}
