//! Stores in memory: names, garbage, what a check finds, and what faults leave.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod double;
mod faults;
mod found;

use super::collect::collect;
use super::*;
use crate::documents::index::name_of;
use crate::export::deliver::entry_name;
use crate::layer::trial::wait;
use crate::media::Kept as _;
use crate::media_type;
use crate::memory::{self, Memory};

/// The blobs of an image of one layer, which are put where the layout has them; its entry.
async fn image<D: Directory>(layout: &Layout<D>, word: &str) -> Result<Descriptor> {
    let layer = Descriptor::of(media_type::LAYER, word.as_bytes());
    let config = format!(
        r#"{{"architecture":"amd64","created":"2024-01-01T00:00:00Z","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        layer.digest
    );
    let config = (Descriptor::of(media_type::CONFIG, config.as_bytes()), config);
    let listed = |descriptor: &Descriptor| serde_json::json!({ "mediaType": descriptor.media_type, "digest": descriptor.digest.as_str(), "size": descriptor.size });
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": listed(&config.0), "layers": [listed(&layer)] });
    let manifest = manifest.to_string();
    let entry = Descriptor::of(media_type::MANIFEST, manifest.as_bytes());
    layout.put(&layer, word.as_bytes()).await?;
    layout.put(&config.0, config.1.as_bytes()).await?;
    layout.put(&entry, manifest.as_bytes()).await?;
    Ok(entry)
}

/// Stores an image under names, or under none.
async fn store<D>(directory: &D, word: &str, names: &[&str]) -> Result<Descriptor>
where
    D: Directory + Clone,
{
    let layout = Layout::store(directory.clone());
    let entry = image(&layout, word).await?;
    let named = |name: &&str| (Some(entry_name(&name.parse().unwrap())), entry.clone());
    let names: Vec<_> = if names.is_empty() { vec![(None, entry.clone())] } else { names.iter().map(named).collect() };
    layout.tag(&names).await?;
    Ok(entry)
}

fn names(directory: &memory::Directory) -> Vec<Option<String>> {
    let index = wait(Layout::store(directory.clone()).index()).unwrap();
    index.listed().map(|entry| name_of(entry).map(str::to_owned)).collect()
}

fn blobs(directory: &memory::Directory) -> usize {
    directory.files().iter().filter(|(path, _)| path.starts_with("blobs/")).count()
}

fn gc(directory: &memory::Directory, untagged: bool, dry_run: bool) -> collect::Collection {
    wait(collect(&Memory::default(), &Layout::store(directory.clone()), untagged, dry_run)).unwrap()
}

#[test]
fn names_come_and_go() {
    let directory = memory::Directory::default();
    let one = wait(store(&directory, "one", &["one"])).unwrap();
    let two = wait(store(&directory, "two", &["two:v1"])).unwrap();
    let nameless = wait(store(&directory, "three", &[])).unwrap();
    let layout = Layout::store(directory.clone());
    let tag = |source: &str, names: &[&str]| {
        wait(layout.name_too(source, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()))
    };
    assert_eq!(tag("docker.io/library/one", &["r.example/a:1", "two:v1"]), Ok(one.digest.clone()));
    assert_eq!(tag(nameless.digest.as_str(), &["three"]), Ok(nameless.digest.clone()));
    let all = [
        "docker.io/library/one:latest",
        "",
        "r.example/a:1",
        "docker.io/library/two:v1",
        "docker.io/library/three:latest",
    ];
    let all = all.map(|name| Some(name.to_owned()).filter(|name| !name.is_empty()));
    assert_eq!(names(&directory), all);
    assert_eq!(tag("none", &["x"]).unwrap_err().code, Code::NotFound);
    assert_eq!(tag("one", &["UPPER"]).unwrap_err().code, Code::Malformed("reference".into()));
    let other = format!("x@{}", two.digest);
    assert_eq!(tag("one", &[&other]).unwrap_err().code, Code::DigestMismatch(one.digest.clone()));
    assert_eq!(names(&directory), all, "what fails changes nothing");

    let remove = ["one:latest", "none", one.digest.as_str(), nameless.digest.as_str(), "one"].map(str::to_owned);
    let answers = wait(layout.unname(&remove)).unwrap();
    let codes: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.code)).collect();
    let named = Code::Unsupported("digest of a name".into());
    let absent = || Err(Code::NotFound);
    assert_eq!(codes, [Ok(one.digest), absent(), Err(named), Ok(nameless.digest), absent()]);
    assert_eq!(names(&directory), [all[2].clone(), all[3].clone(), all[4].clone()]);
}

#[test]
fn nothing_is_named_that_is_not_whole() {
    let directory = memory::Directory::default();
    let entry = wait(store(&directory, "one", &["one"])).unwrap();
    let layer = Descriptor::of(media_type::LAYER, b"one").digest.blob_path();
    assert_eq!(wait(directory.remove(&(), &layer)), Ok(Some(3)));
    let error = wait(Layout::store(directory.clone()).tag(&[(None, entry)])).unwrap_err();
    assert_eq!((error.code, error.fault), (Code::NotFound, Fault::Store));
    assert_eq!(names(&directory).len(), 1);
}

#[test]
fn garbage_is_what_no_name_needs() {
    let directory = memory::Directory::default();
    wait(store(&directory, "one", &["one", "other"])).unwrap();
    wait(store(&directory, "two", &["two"])).unwrap();
    wait(store(&directory, "three", &[])).unwrap();
    assert_eq!(blobs(&directory), 9);
    assert_eq!(gc(&directory, false, false), collect::Collection::default());
    let layout = Layout::store(directory.clone());
    wait(layout.unname(&["one".into(), "two".into()])).unwrap().into_iter().for_each(|answer| drop(answer.unwrap()));
    // Of `one`, another name is left.
    let would = gc(&directory, false, true);
    assert_eq!((would.blobs.len(), would.images.len(), blobs(&directory)), (3, 0, 9));
    let went = gc(&directory, false, false);
    assert_eq!((&went.blobs, went.bytes, blobs(&directory)), (&would.blobs, would.bytes, 6));
    let would = gc(&directory, true, true);
    assert_eq!((would.blobs.len(), would.images.len(), blobs(&directory)), (3, 1, 6));
    assert_eq!(gc(&directory, true, false).images, would.images);
    assert_eq!((blobs(&directory), names(&directory).len()), (3, 1));
}

#[test]
fn what_a_running_job_needs_stays() {
    let directory = memory::Directory::default();
    wait(store(&directory, "one", &["one"])).unwrap();
    wait(Layout::store(directory.clone()).unname(&["one".into()])).unwrap();
    let job = Layout::store(directory.clone());
    // It finds the layer, and publishes the rest; it has named nothing yet.
    let entry = wait(image(&job, "one")).unwrap();
    let went = gc(&directory, false, false);
    assert_eq!((went.blobs.len(), went.held), (0, 3));
    wait(job.tag(&[(None, entry)])).unwrap();
    drop(job);
    assert_eq!((gc(&directory, false, false).held, blobs(&directory)), (0, 3));
    // A job that ends without a name leaves its blobs to the next collection.
    drop(wait(image(&Layout::store(directory.clone()), "two")).unwrap());
    assert_eq!(gc(&directory, false, false).blobs.len(), 3);
}

/// What stands beside an image and is about it, as signatures are.
#[test]
fn what_is_about_a_kept_image_is_kept() {
    let directory = memory::Directory::default();
    let entry = wait(store(&directory, "one", &["one"])).unwrap();
    let layout = Layout::store(directory.clone());
    let empty = Descriptor::of(media_type::EMPTY, b"{}");
    wait(layout.put(&empty, b"{}")).unwrap();
    let about = |subject: &Descriptor| {
        let text = format!(
            r#"{{"schemaVersion":2,"artifactType":"a/b","config":{{"mediaType":"{}","digest":"{}","size":2}},"layers":[],"subject":{{"mediaType":"{}","digest":"{}","size":{}}}}}"#,
            media_type::EMPTY,
            empty.digest,
            subject.media_type,
            subject.digest,
            subject.size
        );
        let descriptor = Descriptor::of(media_type::MANIFEST, text.as_bytes());
        wait(layout.put(&descriptor, text.as_bytes())).unwrap();
        wait(layout.tag(&[(None, descriptor.clone())])).unwrap();
        descriptor
    };
    let signature = about(&entry);
    let about_signature = about(&signature);
    about(&Descriptor::of(media_type::MANIFEST, b"gone"));
    drop(layout);
    assert_eq!(gc(&directory, true, false).images.len(), 1);
    let index = wait(Layout::store(directory.clone()).index()).unwrap();
    let nameless: Vec<_> =
        index.seen().filter(|entry| entry.called().is_none()).filter_map(|entry| entry.descriptor()).collect();
    let nameless: Vec<_> = nameless.iter().map(|entry| entry.digest.clone()).collect();
    assert_eq!(nameless, [signature.digest, about_signature.digest]);
}

/// In pieces, and as others write it.
#[test]
fn many_names_are_written_as_if_they_were_read_as_a_whole() {
    let directory = memory::Directory::default();
    let layout = Layout::store(directory.clone());
    let (old, new) = (wait(image(&layout, "old")).unwrap(), wait(image(&layout, "new")).unwrap());
    let name = |number: usize| Some(entry_name(&format!("a.example/name:{number}").parse().unwrap()));
    let many: Vec<_> = (0..700).map(|number| (name(number), old.clone())).collect();
    wait(layout.tag(&many)).unwrap();
    let index = || String::from_utf8(wait(layout.index_bytes()).unwrap().unwrap()).unwrap();
    assert!(index().len() > 2 * (60 << 10), "{} bytes are few pieces", index().len());
    let listed = [name(3), name(699), name(1000), None].map(|name| (name, new.clone()));
    for before in [index(), index().replace(":[", ": [")] {
        wait(layout.replace(INDEX_PATH, [before.as_bytes()])).unwrap();
        let mut expected = Index::of_layout(before.into_bytes()).unwrap();
        expected.put(&listed);
        wait(layout.tag(&listed)).unwrap();
        assert_eq!(index(), expected.parts_within(MAX_INDEX).unwrap().concat());
        let digest = wait(layout.name_too("a.example/name:5", &["b.example/x:1".into(), "a.example/name:6".into()]));
        assert_eq!(digest, Ok(old.digest.clone()));
        let names = names(&directory);
        assert_eq!(names[names.len() - 2..], ["b.example/x:1", "a.example/name:6"].map(|name| Some(name.to_owned())));
    }
}
