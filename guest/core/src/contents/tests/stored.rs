//! Images of the embedded store and of layouts, by their names.

use super::{digests, directory, wait};
use crate::contents::Images;
use crate::descriptor::Descriptor;
use crate::documents::index::{Index, Name};
use crate::error::{Code, Fault};
use crate::media_type;
use crate::memory::{self, Memory};
use crate::reference::Reference;
use crate::store::Layout;

fn image(content: &str) -> Descriptor {
    Descriptor::of(media_type::MANIFEST, content.as_bytes())
}

/// A layout whose entries have these names.
fn layout(entries: &[(&str, Option<&str>, Option<&str>)]) -> memory::Directory {
    let mut index = Index::default();
    for (content, full, tag) in entries {
        match (full, tag) {
            (Some(full), tag) => {
                let name = Name { full: (*full).into(), tag: tag.map(str::to_owned) };
                index.put(&[(Some(name), image(content))]);
            }
            (None, tag) => {
                let mut image = image(content);
                let tag = tag.map(|tag| ("org.opencontainers.image.ref.name".to_owned(), tag.to_owned()));
                image.annotations.extend(tag);
                index.put(&[(None, image)]);
            }
        }
    }
    directory(&[("index.json".into(), index.to_bytes().expect("an index"))])
}

const ENTRIES: [(&str, Option<&str>, Option<&str>); 5] = [
    ("one", Some("docker.io/library/site:v1"), Some("v1")),
    ("two", Some("example.com/site:v1"), Some("v1")),
    ("three", Some("example.com/site:v2"), Some("v2")),
    ("four", None, None),
    ("five", None, Some("localhost/podman:latest")),
];

#[test]
fn names_of_a_layout() {
    let images = Images::<'_, Memory>::layout(layout(&ENTRIES));
    for (asked, expected) in [
        (None, vec!["one", "two", "three", "four", "five"]),
        (Some("site:v1"), vec!["one"]),
        (Some("docker.io/library/site:v1"), vec!["one"]),
        (Some("index.docker.io/library/site:v1"), vec!["one"]),
        (Some("example.com/site:v1"), vec!["two"]),
        (Some("v1"), vec!["one", "two"]),
        (Some("v2"), vec!["three"]),
        (Some("localhost/podman"), vec!["five"]),
        (Some("latest"), vec!["five"]),
        (Some("site"), vec![]),
        (Some("site:v2"), vec![]),
        (Some("v3"), vec![]),
        (Some("\u{1b}[2J"), vec![]),
    ] {
        match wait(images.roots(asked)) {
            Ok(roots) => {
                let expected: Vec<Descriptor> = expected.into_iter().map(image).collect();
                assert_eq!(digests(&roots), digests(&expected), "{asked:?}");
            }
            Err(error) => {
                assert!(expected.is_empty(), "{asked:?}: {error}");
                assert_eq!((error.fault, error.code), (Fault::Request, Code::NotFound));
                assert!(error.message.contains("`example.com/site:v2`") && !error.message.contains('\u{1b}'));
            }
        }
    }
    let names: Vec<_> = wait(images.roots(None)).expect("roots").iter().map(|root| images.name(root)).collect();
    let full =
        ["docker.io/library/site:v1", "example.com/site:v1", "example.com/site:v2", "", "localhost/podman:latest"];
    assert_eq!(names, full.map(|name| (!name.is_empty()).then(|| name.to_owned())));
}

#[test]
fn an_image_of_the_store() {
    let digest = image("four").digest;
    for (name, expected) in [
        ("site:v1", Some("one")),
        ("example.com/site:v2", Some("three")),
        (&*format!("whatever@{digest}"), Some("four")),
        ("site", None),
        ("v1", None),
        (&format!("site:v1@{}", image("gone").digest), None),
    ] {
        let name: Reference = name.parse().expect("a reference");
        match wait(Images::<'_, Memory>::stored(Layout::store(layout(&ENTRIES)), &name)) {
            Ok(images) => {
                let root = wait(images.roots(None)).expect("a root").remove(0);
                assert_eq!(Some(root.digest.clone()), expected.map(|content| image(content).digest), "{name}");
                let error = wait(images.blob(&root)).err().expect("it has no blobs");
                assert_eq!((error.fault, error.code), (Fault::Store, Code::NotFound));
            }
            Err(error) => {
                assert!(expected.is_none(), "{name}: {error}");
                assert_eq!((error.fault, error.code), (Fault::Request, Code::NotFound));
            }
        }
    }
}

#[test]
fn a_layout_without_images() {
    for directory in [memory::Directory::default(), layout(&[])] {
        let error = wait(Images::<'_, Memory>::layout(directory).roots(None)).expect_err("nothing there");
        assert_eq!((error.fault, error.code), (Fault::Source, Code::NotFound));
    }
}
