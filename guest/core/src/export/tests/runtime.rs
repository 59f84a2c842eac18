//! Exports into a runtime's store.

use super::*;
use crate::memory::Store;

/// What the runtime's store has in the end.
fn kept(runtime: &Store, source: Source<Memory>, output: &str) -> Done {
    let done = done(Job { runtime: Some(runtime.clone()), ..job(source, &[output]) });
    assert!(done.store.files().is_empty(), "the embedded store keeps nothing");
    done
}

fn warnings(done: &Done) -> Vec<String> {
    let events = done.media.events.borrow();
    events.iter().filter(|event| matches!(event, Event::Warning(_))).map(|event| format!("{event:?}")).collect()
}

#[test]
fn a_document_holds_what_it_lists_and_a_name_its_root() {
    let runtime = Store::default();
    let output = "type=image,\"name=example.com/a:1,b\",name-canonical=true,annotation-manifest-descriptor.k=v";
    let digest = kept(&runtime, files(), output).digest(0);
    let content = runtime.content();
    let embedded = done(job(files(), &["type=image,name=example.com/a:1"]));
    assert_eq!(digest, embedded.digest(0), "the bytes are those of every store");
    let manifest = embedded.root();
    let [config, layer] = [&manifest["config"], &manifest["layers"][0]].map(|one| one["digest"].as_str().unwrap());
    let labels = |digest: &str| {
        let labels = content.blobs[digest].1.iter();
        labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        labels(digest.as_str()),
        [format!("containerd.io/gc.ref.content.0={config}"), format!("containerd.io/gc.ref.content.1={layer}")]
    );
    let diff_id = embedded.config()["rootfs"]["diff_ids"][0].as_str().unwrap().to_owned();
    assert_eq!(labels(layer), [format!("containerd.io/uncompressed={diff_id}")]);
    assert_eq!(labels(config), Vec::<String>::new());
    // As they were given, and not in Docker's normal form.
    let names: Vec<_> = content.names.keys().cloned().collect();
    let canonical = |name: &str| format!("{name}@{digest}");
    assert_eq!(names, ["b".to_owned(), canonical("b"), "example.com/a:1".into(), canonical("example.com/a:1")]);
    for (target, epoch) in content.names.values() {
        assert_eq!((&target.digest, *epoch), (&digest, Some(EPOCH)));
        assert_eq!(target.annotations["k"], "v");
    }
    assert!(content.unpacked.is_empty());
}

#[test]
fn an_index_holds_its_manifests() {
    let runtime = Store::default();
    let at = |platform: &str, content: &str| Content {
        source: Source::Files(tree(&[("file", content)])),
        form: Form::Detect,
        name: None,
        platform: Some(platform.parse().unwrap()),
    };
    let contents = vec![at("linux/amd64", "one"), at("linux/arm64", "two")];
    let job = job(files(), &["type=image,name=example.com/a:1,unpack=true"]);
    let done = done(Job { contents, runtime: Some(runtime.clone()), ..job });
    let content = runtime.content();
    let (index, labels) = &content.blobs[done.digest(0).as_str()];
    let index: Value = serde_json::from_slice(index).unwrap();
    for number in 0..2 {
        let manifest = index["manifests"][number]["digest"].as_str().unwrap();
        assert_eq!(labels[&format!("containerd.io/gc.ref.content.{number}")], manifest);
        assert!(content.blobs[manifest].1.contains_key("containerd.io/gc.ref.content.1"));
    }
    // What this machine runs is unpacked, and nothing else.
    assert_eq!(content.unpacked.len(), 1);
    assert_eq!(warnings(&done), Vec::<String>::new());
}

#[test]
fn layers_are_unpacked_one_on_the_other() {
    let base = done(job(files(), &["type=oci,dest=a.tar"])).archive("a.tar");
    let content = |source| Content { source, form: Form::Detect, name: None, platform: None };
    let (runtime, source) = (Store::default(), Source::Files(tree(&[("new", "new\n")])));
    let job = Job { base: Some(content(Source::Archive(base))), ..job(source, &["type=image,name=a,unpack=true"]) };
    let done = done(Job { runtime: Some(runtime.clone()), ..job });
    let kept = runtime.content();
    let document = |digest: &str| serde_json::from_slice::<Value>(&kept.blobs[digest].0).unwrap();
    let config = document(done.digest(0).as_str())["config"]["digest"].as_str().unwrap().to_owned();
    let diff_ids: Vec<String> = serde_json::from_value(document(&config)["rootfs"]["diff_ids"].clone()).unwrap();
    let top = Digest::of(format!("{} {}", diff_ids[0], diff_ids[1]).as_bytes()).to_string();
    assert_eq!(kept.unpacked, [(diff_ids[0].clone(), None), (top.clone(), Some(diff_ids[0].clone()))]);
    assert_eq!(kept.blobs[&config].1["containerd.io/gc.ref.snapshot.memory"], top);
}

#[test]
fn what_runs_elsewhere_is_not_unpacked() {
    let runtime = Store::default();
    let job =
        Job { platforms: vec!["linux/s390x".parse().unwrap()], ..job(files(), &["type=image,name=a,unpack=true"]) };
    let done = done(Job { runtime: Some(runtime.clone()), ..job });
    assert!(warnings(&done)[0].contains("no image for linux/amd64"));
    assert!(runtime.content().unpacked.is_empty());
}

#[test]
fn without_a_name_there_is_a_warning() {
    let runtime = Store::default();
    let done = kept(&runtime, files(), "type=image");
    assert!(warnings(&done)[0].contains("dangling-name-prefix"));
    assert!(runtime.content().names.is_empty());
    kept(&runtime, files(), "type=image,dangling-name-prefix=example.com/d,name-canonical=true");
    let names: Vec<_> = runtime.content().names.into_keys().collect();
    assert_eq!(names, [format!("example.com/d@{}", done.digest(0))]);
}

#[test]
fn an_interrupted_blob_goes_on_where_it_was_cut_off() {
    let archive = done(job(files(), &["type=oci,dest=a.tar,compression=uncompressed"])).archive("a.tar");
    let first = Store::default();
    let digest = kept(&first, Source::Archive(archive.clone()), IMAGE).digest(0);
    let whole = first.content();
    let (layer, (bytes, _)) = whole.blobs.iter().max_by_key(|(_, (bytes, _))| bytes.len()).unwrap();
    let layer: Digest = layer.parse().unwrap();
    // Its own start, and another's: that is found out about at the end, and written again.
    for begun in [bytes[..100].to_vec(), vec![7; 100]] {
        let runtime = Store::cut_off(&layer, begun);
        assert_eq!(kept(&runtime, Source::Archive(archive.clone()), IMAGE).digest(0), digest);
        assert_eq!(runtime.content().blobs, whole.blobs);
    }
}

#[test]
fn a_damaged_source_has_no_name() {
    let archive = done(job(files(), &["type=oci,dest=a.tar,compression=uncompressed"])).archive("a.tar");
    let mut bytes = archive.as_ref().to_vec();
    let at = bytes.windows(6).position(|window| window == b"hello\n").unwrap();
    bytes[at] = b'j';
    let runtime = Store::default();
    let media = Memory::default();
    let job = Job { runtime: Some(runtime.clone()), ..job(Source::Archive(File::from(bytes)), &[IMAGE]) };
    let error = wait(run(&media, job, Directory::default())).unwrap_err();
    assert_eq!(error.fault, Fault::Source);
    assert!(matches!(error.code, Code::DigestMismatch(_)), "{error}");
    assert!(runtime.content().names.is_empty());
}
