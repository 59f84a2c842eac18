//! What an export left: blobs by digest, the layout's index, the archive's members, the metadata file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scratch::Scratch;
use crate::sha256;

/// Everything in the scratch folder, and what a registry has.
pub struct Made {
    /// By digest, wherever they are.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// `index.json` of the archive or layout that an output names.
    pub index: Option<String>,
    /// Of the archive, in order.
    pub members: Vec<Member>,
    /// The metadata file.
    pub metadata: Value,
}

/// A file or folder of an archive.
pub struct Member {
    /// As the header has it.
    pub name: String,
    /// `mode uid gid type mtime magic`, each as it stands in the header.
    pub header: String,
    /// A file's.
    pub content: Vec<u8>,
}

impl Made {
    /// `elsewhere` is where a registry, and whoever else was given blobs, keeps its files.
    pub fn read(scratch: &Scratch, outputs: &[&str], elsewhere: &[PathBuf]) -> Self {
        let metadata = fs::read(scratch.path("metadata.json")).map(|bytes| serde_json::from_slice(&bytes).unwrap());
        let mut made =
            Self { blobs: BTreeMap::new(), index: None, members: Vec::new(), metadata: metadata.unwrap_or_default() };
        made.folder(&scratch.path("store"), &["blobs"]);
        for folder in elsewhere {
            made.folder(folder, &["blobs"]);
        }
        for dest in outputs.iter().filter_map(|output| output.split(',').find_map(|field| field.strip_prefix("dest=")))
        {
            let path = scratch.path(dest);
            if path.is_dir() {
                made.folder(&path, &["blobs"]);
                made.index = fs::read_to_string(path.join("index.json")).ok();
            } else if let Ok(archive) = fs::read(&path) {
                made.members = members(&archive);
            }
        }
        for Member { name, content, .. } in &made.members {
            if name.starts_with("blobs/") {
                made.blobs.insert(sha256(content), content.clone());
            } else if name == "index.json" {
                made.index = Some(String::from_utf8(content.clone()).unwrap());
            }
        }
        made
    }

    /// Every file beneath a folder, as far as it is beneath one of these.
    fn folder(&mut self, folder: &Path, within: &[&str]) {
        for entry in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let inside =
                within.is_empty() || within.iter().any(|name| entry.components().any(|part| part.as_os_str() == *name));
            if entry.is_dir() {
                self.folder(&entry, within);
            } else if inside {
                let bytes = fs::read(&entry).unwrap();
                self.blobs.insert(sha256(&bytes), bytes);
            }
        }
    }
}

/// The members of a plain USTAR archive.
fn members(archive: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    let mut at = 0;
    while let Some(block) = archive.get(at..at + 512).filter(|block| block.iter().any(|byte| *byte != 0)) {
        let field = |from: usize, to: usize| {
            let field = block[from..to].split(|byte| *byte == 0).next().unwrap();
            String::from_utf8_lossy(field).trim().to_owned()
        };
        let octal = |from, to| u64::from_str_radix(&field(from, to), 8).unwrap_or_default();
        let size = octal(124, 136) as usize;
        let content = archive[at + 512..at + 512 + size].to_vec();
        let header = format!(
            "{:o} {} {} {} {} {}",
            octal(100, 108),
            octal(108, 116),
            octal(116, 124),
            block[156] as char,
            octal(136, 148),
            field(257, 263)
        );
        members.push(Member { name: field(0, 100), header, content });
        at += 512 + size.next_multiple_of(512);
    }
    members
}
