//! What a list shows, and what a check finds and repairs.

use super::super::check::{Report, check};
use super::super::images::Image;
use super::super::known::Known;
use super::super::repair::repair;
use super::*;
use crate::digest::DiffId;
use crate::layer::Layer;

fn write(directory: &memory::Directory, path: &str, bytes: &[u8]) {
    let mut writer = wait(directory.create()).unwrap();
    wait(writer.write(bytes.to_vec())).unwrap();
    wait(writer.publish(path)).unwrap();
}

fn remove(directory: &memory::Directory, path: &str) {
    assert!(wait(directory.remove(&(), path)).unwrap().is_some());
}

fn checked(directory: &memory::Directory) -> Report {
    wait(check(&Memory::default(), &Layout::store(directory.clone()))).unwrap()
}

fn repaired(directory: &memory::Directory) -> Report {
    let mut report = checked(directory);
    let layout = Layout::store(directory.clone());
    wait(repair(&Memory::default(), &layout, &mut report)).unwrap();
    report
}

fn codes(report: &Report) -> Vec<(&str, bool)> {
    report.findings.iter().map(|finding| (finding.code, finding.repaired.is_some())).collect()
}

#[test]
fn images_are_listed() {
    let directory = memory::Directory::default();
    let layout = || Layout::store(directory.clone());
    assert_eq!(wait(layout().images("")).unwrap().iter().count(), 0);
    let one = wait(store(&directory, "one", &["one", "r.example/team/one:v1"])).unwrap();
    wait(store(&directory, "two", &[])).unwrap();
    let images = wait(layout().images("")).unwrap();
    let listed: Vec<Image<'_>> = images.iter().collect();
    let rows = [
        (Some("docker.io/library/one:latest"), Some("latest")),
        (Some("r.example/team/one:v1"), Some("v1")),
        (None, None),
    ];
    let rows = rows.map(|(name, tag)| (name, tag, "linux/amd64", Some("2024-01-01T00:00:00Z")));
    assert_eq!(
        listed.iter().map(|image| (image.name, image.tag, image.platforms, image.created)).collect::<Vec<_>>(),
        rows
    );
    let size = |path: String| directory.files().into_iter().find(|(own, _)| *own == path).unwrap().1.as_ref().len();
    let config = listed[0].size.unwrap() - size(one.digest.blob_path()) as u64 - 3;
    assert!(
        directory.files().iter().any(|(path, file)| path.starts_with("blobs/") && file.as_ref().len() as u64 == config)
    );
    // A second time nothing is read: that the documents have gone is not noticed.
    let glanced = directory.files().iter().any(|(path, _)| *path == summaries::path());
    assert!(glanced);
    remove(&directory, &one.digest.blob_path());
    assert_eq!(wait(layout().images("")).unwrap().iter().collect::<Vec<_>>(), listed);
    assert_eq!(wait(layout().images("team/")).unwrap().iter().count(), 1);
    remove(&directory, &summaries::path());
    let broken = wait(layout().images("one:latest")).unwrap();
    let broken = broken.iter().next().unwrap();
    assert!(broken.broken.is_some_and(|why| why.contains("missing")) && broken.size.is_none());
}

#[test]
fn a_sound_store_is_sound() {
    let directory = memory::Directory::default();
    assert_eq!(codes(&checked(&directory)), []);
    let entry = wait(store(&directory, "one", &["one"])).unwrap();
    let layer = Descriptor::of(media_type::LAYER, b"one");
    let layout = Layout::store(directory.clone());
    let known =
        Known { layer: Layer { diff_id: DiffId(layer.digest.clone()), descriptor: layer.clone() }, pieces: Vec::new() };
    wait(layout.remember("key", &known)).unwrap();
    wait(layout.note(layer.digest.as_str(), &Default::default(), "r.example/a")).unwrap();
    wait(layout.images("")).unwrap();
    let report = checked(&directory);
    assert_eq!((codes(&report), report.sound, report.images, report.blobs), (vec![], true, 1, 3));
    // The same without a name: there for nothing, but sound. What is remembered goes with the blobs.
    wait(layout.unname(&["one".into()])).unwrap();
    assert_eq!((codes(&checked(&directory)), checked(&directory).sound), (vec![("unreached", false)], true));
    assert_eq!(gc(&directory, false, false).records, 2);
    assert_eq!(codes(&checked(&directory)), []);
    assert!(!directory.files().iter().any(|(path, _)| *path == entry.digest.blob_path()));
}

#[test]
fn what_is_broken_is_found_and_repaired() {
    let directory = memory::Directory::default();
    let entry = wait(store(&directory, "one", &["one", "other"])).unwrap();
    wait(store(&directory, "two", &["two"])).unwrap();
    wait(image(&Layout::store(directory.clone()), "three")).unwrap();
    let path = |word: &str| Descriptor::of("", word.as_bytes()).digest.blob_path();
    write(&directory, &path("one"), b"eno");
    write(&directory, &path("three"), b"eerht");
    remove(&directory, &path("two"));
    remove(&directory, "oci-layout");
    write(&directory, "known/sha256/00", b"{");
    write(&directory, "blobs/sha256/short", b"");
    write(&directory, "notes.txt", b"");
    let report = checked(&directory);
    let mut found = codes(&report);
    found.sort_unstable();
    let all =
        ["damaged", "damaged", "layout", "missing", "record", "stray", "stray", "unreached"].map(|code| (code, false));
    assert_eq!(found, all);
    assert!(!report.sound);
    let of = |report: &Report, path: &str| {
        let finding = report.findings.iter().find(|finding| finding.subject.replace(':', "/") == path[6..]);
        finding.unwrap().images.clone()
    };
    assert_eq!(of(&report, &path("one")), ["docker.io/library/one:latest", "docker.io/library/other:latest"]);
    assert_eq!(of(&report, &path("two")), ["docker.io/library/two:latest"]);
    assert_eq!(of(&report, &path("three")), Vec::<String>::new());

    let before = names(&directory);
    let report = repaired(&directory);
    assert!(!report.sound, "what names need is still missing");
    assert_eq!(names(&directory), before, "no name goes");
    let aside = path("one").replace("blobs", "damaged");
    assert!(directory.files().iter().any(|(own, file)| *own == aside && file.as_ref() == b"eno"));
    let report = checked(&directory);
    let mut found = codes(&report);
    found.sort_unstable();
    assert_eq!(found, ["missing", "missing", "stray", "stray", "unreached"].map(|code| (code, false)));
    // Stored again, the images are whole.
    assert_eq!(wait(store(&directory, "one", &["one"])).unwrap(), entry);
    wait(store(&directory, "two", &["two"])).unwrap();
    assert!(checked(&directory).sound);
}

#[test]
fn an_index_that_cannot_be_read_is_no_reason_to_remove() {
    let directory = memory::Directory::default();
    wait(store(&directory, "one", &["one"])).unwrap();
    write(&directory, "index.json", b"{\"schemaVersion\":2");
    assert_eq!(codes(&checked(&directory)), [("index", false)]);
    assert!(!repaired(&directory).sound);
    let layout = Layout::store(directory.clone());
    assert!(wait(collect(&Memory::default(), &layout, false, false)).is_err());
    assert_eq!(blobs(&directory), 3);
    // Nor is a document that is damaged.
    let directory = memory::Directory::default();
    let entry = wait(store(&directory, "one", &["one"])).unwrap();
    write(&directory, &entry.digest.blob_path(), &vec![b'{'; entry.size as usize]);
    let error = wait(collect(&Memory::default(), &Layout::store(directory.clone()), false, false)).unwrap_err();
    assert!(error.to_string().contains("store check"), "{error}");
    assert_eq!(blobs(&directory), 3);
}
