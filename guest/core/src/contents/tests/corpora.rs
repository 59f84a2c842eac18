//! Archives and layouts by other hands, each with our verdict.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Way, all, content, directory, gzip, images, open, pack, wait, zstd};
use crate::contents::{Archived, Form, Images};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::config::Config;
use crate::documents::index::Index;
use crate::documents::manifest::Manifest;
use crate::error::{Code, Fault, Result};
use crate::media_type::{is_index, is_manifest};
use crate::memory::Memory;

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(path)
}

fn archive(name: &str) -> Vec<u8> {
    fs::read(corpus(name)).expect("an archive")
}

/// Reads an image to its last byte; the layers' media types and digests.
fn check(images: &Images<'_, Memory>, root: &Descriptor) -> Result<Vec<String>> {
    let manifest = Manifest::parse(&wait(images.document(root))?, &root.media_type)?;
    let config = Config::parse(&wait(images.document(&manifest.config))?)?;
    assert_eq!(config.diff_ids().len(), manifest.layers.len());
    manifest
        .layers
        .iter()
        .map(|layer| {
            let bytes = content(&wait(images.blob(layer))?);
            assert_eq!(Digest::of(&bytes), layer.digest, "{}", layer.media_type);
            let kind = layer.media_type.rsplit('.').next().unwrap_or_default();
            Ok(format!("{kind} {}", &layer.digest.hex()[..12]))
        })
        .collect()
}

/// A docker archive: what is asked for, the name it has, its layers.
type Case<'c> = (&'c str, Option<&'c str>, Option<&'c str>, &'c [&'c str]);

const SOURCE: &str = "bazel/pkg/v1/mutate:source_image";

const DOCKER: [Case<'_>; 10] = [
    // Its index.json lists nothing, its manifest.json an image without a name.
    ("docker-archives/hello-world-v25.tar", None, None, &["tar 12660636fe55"]),
    ("docker-archives/test_image_1.tar", None, Some("bazel/v1/tarball:test_image_1"), &["tar 8897395fd26d"]),
    ("docker-archives/test_image_2.tar", None, Some("bazel/v1/tarball:test_image_2"), &["tar 3610aa5267a2"]),
    ("docker-archives/test_bundle.tar", Some("test_image_1"), Some("test_image_1"), &["tar 8897395fd26d"]),
    (
        "docker-archives/test_bundle.tar",
        Some("docker.io/library/test_image_2:latest"),
        Some("test_image_2"),
        &["tar 3610aa5267a2"],
    ),
    ("tar/go-containerregistry-source_image.tar", None, Some(SOURCE), &["tar 8897395fd26d"]),
    ("tar/go-containerregistry-source_image_with_empty_layer_history.tar", None, Some(SOURCE), &["tar 8897395fd26d"]),
    (
        "tar/go-containerregistry-whiteout_dir.tar",
        Some("latest"),
        Some("localhost:5000/whiteout:latest"),
        &["tar+gzip e351ee8e5cab", "tar+gzip 66386e0afc5a", "tar+gzip 9d8bff046c70", "tar+gzip a09a7f2d8191"],
    ),
    (
        "tar/go-containerregistry-overwritten_file.tar",
        None,
        Some("bazel/pkg/v1/mutate:overwritten_file"),
        &["tar 48ebc8f0e90e", "tar 6f23bf1fbcc9", "tar 84ff92691f90"],
    ),
    (
        "tar/go-containerregistry-whiteout_image.tar",
        None,
        Some("bazel/pkg/v1/mutate:whiteout_image"),
        &["tar 891f36a00862", "tar 88d2a7b2ae6d", "tar 84ff92691f90"],
    ),
];

#[test]
fn docker_archives() {
    for (path, asked, name, layers) in DOCKER {
        let bytes = archive(path);
        let media = Memory::default();
        for (packed, way) in [
            (bytes.clone(), Way::AtRest),
            (bytes.clone(), Way::Piped),
            (gzip(&bytes), Way::AtRest),
            (zstd(&bytes), Way::Piped),
        ] {
            let Ok(Archived::Images(images)) = open(&media, &packed, way, Form::Detect) else {
                panic!("{path} {way:?}");
            };
            let roots = wait(images.roots(asked)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(roots.len(), 1, "{path}");
            let read = check(&images, &roots[0]).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(read, layers, "{path}");
            assert_eq!(images.name(&roots[0]).as_deref(), name, "{path}");
        }
    }
}

#[test]
fn several_images_and_none() {
    let media = Memory::default();
    let bundle = images(&media, &archive("docker-archives/test_bundle.tar")).expect("images");
    let error = wait(bundle.roots(None)).expect_err("which one?");
    assert_eq!((error.fault, error.code), (Fault::Request, Code::Unsupported("several images".into())));
    for part in ["docker-archive:PATH#NAME", "`test_image_1`", "`test_image_2`"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    // A tag that both have.
    assert_eq!(wait(bundle.roots(Some("latest"))).map(|roots| roots.len()), Ok(2));
    let error = wait(bundle.roots(Some("test_image_3"))).expect_err("not there");
    assert_eq!((error.fault, error.code), (Fault::Request, Code::NotFound));
    assert!(error.message.contains("`test_image_3`") && error.message.contains("`test_image_1`"), "{}", error.message);

    let null = archive("docker-archives/null_manifest.tar");
    for form in [Form::Detect, Form::Image] {
        let error = open(&media, &null, Way::AtRest, form).err().expect("nothing in it");
        assert_eq!((error.fault, error.code), (Fault::Source, Code::NotFound));
    }
}

/// A layout's files, with their paths in it.
fn layout(name: &str) -> Vec<(String, Vec<u8>)> {
    fn add(folder: &Path, at: &str, files: &mut Vec<(String, Vec<u8>)>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            let name = format!("{at}{}", path.file_name().and_then(|name| name.to_str()).expect("a name"));
            if path.is_dir() {
                add(&path, &format!("{name}/"), files);
            } else {
                files.push((name, fs::read(path).expect("a file")));
            }
        }
    }
    let mut files = Vec::new();
    add(&corpus(&format!("layouts/{name}")), "", &mut files);
    files
}

/// Everything that can be reached from the roots: how many documents, layers, and what is none of them or cannot be read.
fn reach(images: &Images<'_, Memory>, name: Option<&str>) -> (usize, usize, Vec<String>) {
    let (mut documents, mut layers, mut rest) = (0, 0, Vec::new());
    let mut queue = wait(images.roots(name)).expect("roots");
    while let Some(next) = queue.pop() {
        let read = if is_index(&next.media_type) {
            wait(images.document(&next)).and_then(|bytes| {
                documents += 1;
                queue.extend(Index::parse(&bytes, Some(&next.media_type))?.manifests().cloned());
                Ok(())
            })
        } else if is_manifest(&next.media_type) {
            check(images, &next).map(|read| {
                documents += 2;
                layers += read.len();
            })
        } else {
            Err(crate::error::Error::unsupported("media type", next.media_type))
        };
        rest.extend(read.err().map(|error| error.to_string()));
    }
    (documents, layers, rest)
}

/// Most manifests of two of them say that they are Docker's where their descriptors say OCI: readers would disagree, they are refused.
#[test]
fn layouts() {
    for (name, roots, documents, layers, refused) in
        [("test_index", 4, 2, 0, 4), ("test_index_one_image", 1, 2, 1, 0), ("test_gc_index", 3, 2, 0, 3)]
    {
        let files = layout(name);
        let tar = pack(&files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect::<Vec<_>>());
        let media = Memory::default();
        let mut found = vec![Images::layout(directory(&files))];
        for (packed, way) in [(tar.clone(), Way::AtRest), (gzip(&tar), Way::AtRest), (tar, Way::Piped)] {
            match open(&media, &packed, way, Form::Detect) {
                Ok(Archived::Images(images)) => found.push(images),
                _ => panic!("{name} {way:?}"),
            }
        }
        for images in &found {
            assert_eq!(wait(images.roots(None)).map(|roots| roots.len()), Ok(roots), "{name}");
            let (read, blobs, errors) = reach(images, None);
            assert_eq!((read, blobs, errors.len()), (documents, layers, refused), "{name}: {errors:#?}");
            assert!(
                errors.iter().all(|error| error.contains("its descriptor says") || error.contains("descriptor.v1"))
            );
            match wait(images.roots(Some("3"))) {
                Ok(named) => {
                    assert!(named.len() == 1 && is_index(&named[0].media_type) && images.name(&named[0]).is_none())
                }
                Err(error) => assert!(error.code == Code::NotFound && name == "test_index_one_image", "{error}"),
            }
        }
    }
}

/// None of the other archives is taken for images, whatever is wrong with it, and all of its bytes are handed on.
#[test]
fn other_archives() {
    let media = Memory::default();
    let mut images = 0;
    for file in fs::read_dir(corpus("tar")).expect("the corpus").map(|file| file.expect("a file").path()) {
        let bytes = fs::read(&file).expect("a file");
        for way in [Way::AtRest, Way::Piped] {
            match open(&media, &bytes, way, Form::Detect) {
                Ok(Archived::RootFilesystem(opened)) => assert!(all(opened) == bytes, "{}", file.display()),
                Ok(Archived::Images(_)) => images += 1,
                Err(error) => panic!("{}: {error}", file.display()),
            }
            for form in [Form::RootFilesystem, Form::Image] {
                match open(&media, &bytes, way, form) {
                    Ok(Archived::RootFilesystem(opened)) => {
                        assert!(form == Form::RootFilesystem && all(opened) == bytes)
                    }
                    Ok(Archived::Images(_)) => assert_eq!(form, Form::Image),
                    Err(error) => assert!(form == Form::Image && error.causes.is_empty(), "{}", file.display()),
                }
            }
        }
    }
    assert_eq!(images, 2 * 5);
}
