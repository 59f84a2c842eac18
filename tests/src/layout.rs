//! An OCI image layout, read with eyes of our own (image-layout.md of the OCI image spec).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::run::program;
use crate::text::sha256;

/// A layout on disk.
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout in this folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The descriptors of `index.json`; none when there is no such file.
    pub fn entries(&self) -> Vec<Value> {
        match fs::read(self.root.join("index.json")) {
            Ok(bytes) => {
                let index: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(index["schemaVersion"], 2);
                index["manifests"].as_array().unwrap().clone()
            }
            Err(_) => Vec::new(),
        }
    }

    /// The one descriptor with this image name.
    pub fn named(&self, name: &str) -> Option<Value> {
        let mut entries = self.entries();
        entries.retain(|entry| entry["annotations"]["io.containerd.image.name"] == name);
        assert!(entries.len() <= 1, "{name} stands in several entries: {entries:#?}");
        entries.pop()
    }

    /// Where a blob is.
    pub fn blob_path(&self, digest: &str) -> PathBuf {
        self.root.join("blobs").join(digest.replace(':', "/"))
    }

    /// A blob, which must have the digest that it is kept under.
    pub fn blob(&self, digest: &str) -> Vec<u8> {
        let path = self.blob_path(digest);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(sha256(&bytes), digest, "{}", path.display());
        bytes
    }

    /// A blob, as JSON.
    pub fn json(&self, digest: &str) -> Value {
        serde_json::from_slice(&self.blob(digest)).unwrap()
    }

    /// The manifest and config of an image, whose descriptors must tell the truth.
    pub fn image(&self, manifest: &str) -> (Value, Value) {
        let manifest = self.json(manifest);
        let config = self.json(text(&manifest["config"]["digest"]));
        // Go writes an empty list as null.
        let layers = manifest["layers"].as_array().map_or(&[][..], Vec::as_slice);
        let diff_ids = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        assert_eq!(layers.len(), diff_ids, "layers and diff IDs");
        for descriptor in layers.iter().chain([&manifest["config"]]) {
            let size = fs::metadata(self.blob_path(text(&descriptor["digest"]))).unwrap().len();
            assert_eq!(descriptor["size"], size, "{descriptor}");
        }
        (manifest, config)
    }

    /// The manifest that a name stands for.
    pub fn manifest(&self, name: &str) -> Value {
        let entry = self.named(name).unwrap_or_else(|| panic!("{name} is not in the store"));
        self.image(text(&entry["digest"])).0
    }

    /// The tar of a layer, decompressed by other people's programs.
    pub fn tar(&self, layer: &Value) -> Vec<u8> {
        let bytes = self.blob(text(&layer["digest"]));
        match text(&layer["mediaType"]).rsplit_once('+').map(|(_, codec)| codec) {
            None => bytes,
            Some("gzip") => {
                let file = fs::File::open(self.blob_path(text(&layer["digest"]))).unwrap();
                let output = program("gzip").arg("-dc").stdin(Stdio::from(file)).output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                output.stdout
            }
            Some(other) => panic!("unknown codec {other}"),
        }
    }

    /// Every file that a layout does not have: temporaries, blobs under a wrong name.
    pub fn strays(&self) -> Vec<PathBuf> {
        let mut strays = Vec::new();
        for path in files(&self.root) {
            let name = path.strip_prefix(&self.root).unwrap();
            let blob = || name.strip_prefix("blobs/sha256").ok().and_then(Path::to_str);
            let good = match name.to_str().unwrap_or_default() {
                "oci-layout" => fs::read_to_string(&path).unwrap().contains(r#""imageLayoutVersion""#),
                "index.json" => true,
                // What is remembered of a layer.
                name if name.starts_with("known/sha256/") => true,
                // What a lock is held on; it has no content.
                name if name.contains("lock") && !name.contains('/') => fs::metadata(&path).unwrap().len() == 0,
                _ => blob().is_some_and(|hex| sha256(&fs::read(&path).unwrap()) == format!("sha256:{hex}")),
            };
            if !good {
                strays.push(name.to_owned());
            }
        }
        strays
    }

    /// The digests of all blobs.
    pub fn blobs(&self) -> Vec<String> {
        let blobs = files(&self.root.join("blobs/sha256"));
        blobs.iter().map(|path| format!("sha256:{}", path.file_name().unwrap().to_string_lossy())).collect()
    }

    /// Nothing may be there: no name, no blob, no temporary.
    pub fn assert_empty(&self) {
        assert_eq!(self.entries(), Vec::<Value>::new());
        assert_eq!(self.blobs(), Vec::<String>::new());
        assert_eq!(self.strays(), Vec::<PathBuf>::new());
    }
}

/// The text that a JSON value must be.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// All files under a folder, in order; none when it does not exist.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let within = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.into_iter().flat_map(within).collect()
}
