//! What is measured with: real files, many small ones, images of many layers.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use ocix_tests::sha256;
use serde_json::json;

/// Copies real files and symlinks, folder by folder in the order of their names, until `most` bytes are there; how many there are.
pub fn real(to: &Path, most: u64) -> u64 {
    let mut bytes = 0;
    for folder in ["/usr/share", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/local"] {
        copy(Path::new(folder), &to.join(&folder[1..]), most, &mut bytes);
    }
    bytes
}

fn copy(from: &Path, to: &Path, most: u64, bytes: &mut u64) {
    let Ok(entries) = fs::read_dir(from) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    fs::create_dir_all(to).unwrap();
    for path in entries {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let to = to.join(path.file_name().unwrap());
        if *bytes >= most {
            return;
        } else if metadata.is_dir() {
            copy(&path, &to, most, bytes);
        } else if metadata.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), to).unwrap();
        } else if metadata.is_file() {
            *bytes += fs::copy(&path, to).unwrap_or_default();
        }
    }
}

/// Files below a folder, links among them.
pub fn count(tree: &Path) -> usize {
    let entries = fs::read_dir(tree).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 1 }).sum()
}

/// So many files of so many bytes of text, a thousand in a folder, no two alike.
pub fn small_files(to: &Path, files: usize, bytes: usize) {
    for file in 0..files {
        let folder = to.join(format!("{:04}", file / 1000));
        if file % 1000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::write(folder.join(format!("{file:07}.txt")), words(file as u64, bytes)).unwrap();
    }
}

/// So many megabytes in files of eight: real bytes, over and over.
pub fn large_files(to: &Path, real: &Path, megabytes: usize) {
    fs::create_dir_all(to).unwrap();
    let mut bytes = Vec::new();
    gather(real, &mut bytes, 64 << 20);
    for number in 0..megabytes.div_ceil(8) {
        let start = number * (5 << 20) % (bytes.len() - (8 << 20)).max(1);
        let mut file = File::create(to.join(format!("{number:05}"))).unwrap();
        file.write_all(&bytes[start..start + (8 << 20)]).unwrap();
    }
}

fn gather(folder: &Path, bytes: &mut Vec<u8>, most: usize) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if bytes.len() >= most {
            return;
        } else if path.is_symlink() {
        } else if path.is_dir() {
            gather(&path, bytes, most);
        } else {
            File::open(path).unwrap().read_to_end(bytes).unwrap();
        }
    }
}

/// An OCI layout with an image of so many plain layers, each a tar of one file of half a megabyte.
pub fn layered(to: &Path, layers: usize) {
    layers_of(to, layers, 500 << 10);
}

/// The same with files of so many bytes.
pub fn layers_of(to: &Path, layers: usize, bytes: usize) {
    let blobs = to.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], media_type: &str| {
        let digest = sha256(bytes);
        fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let tars = (0..layers).map(|number| {
        let content = words(number as u64, bytes);
        let mut header = [0; 512];
        let name = format!("file-{number}");
        header[..name.len()].copy_from_slice(name.as_bytes());
        for (at, value) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (136, "00000000000\0")] {
            header[at..at + value.len()].copy_from_slice(value.as_bytes());
        }
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut tar = [&header[..], &content].concat();
        tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
        put(&tar, "application/vnd.oci.image.layer.v1.tar")
    });
    let listed: Vec<_> = tars.collect();
    let diff_ids: Vec<_> = listed.iter().map(|layer| layer["digest"].clone()).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": listed });
    let entry = put(manifest.to_string().as_bytes(), media_type);
    fs::write(to.join("index.json"), json!({ "schemaVersion": 2, "manifests": [entry] }).to_string()).unwrap();
    fs::write(to.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
}

/// Text that compresses about as text does, another one for each seed.
fn words(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = Vec::with_capacity(bytes + 16);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // One of a few thousand words.
        let word = (state >> 52).wrapping_mul(0x2545_f491_4f6c_dd1d);
        let length = 2 + word as usize % 7;
        text.extend((0..length).map(|at| b'a' + (word >> (8 * at)) as u8 % 26));
        text.push(b' ');
    }
    text.truncate(bytes);
    text
}
