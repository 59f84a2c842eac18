//! Exports into a container engine.

use std::collections::BTreeMap;

use super::*;
use crate::media::About;
use crate::memory::Engine;

/// One that identifies images like this.
fn engine(layouts: bool, images: &[(&str, &str)]) -> Engine {
    let about = About { name: "docker".into(), platform: "linux/amd64".parse().unwrap(), layouts };
    let images = images.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect::<BTreeMap<_, _>>();
    Engine::new(about, images)
}

/// The archives that it got.
fn sent(engine: &Engine) -> Vec<Vec<u8>> {
    engine.archives().iter().map(|archive| archive.as_ref().to_vec()).collect()
}

fn two() -> Job<Memory> {
    let at = |platform: &str, content: &str| Content {
        source: Source::Files(tree(&[("file", content)])),
        form: Form::Detect,
        name: None,
        platform: Some(platform.parse().unwrap()),
    };
    Job { contents: vec![at("linux/arm64", "one"), at("linux/amd64", "two")], ..job(files(), &[IMAGE]) }
}

fn warnings(done: &Done) -> usize {
    done.media.events.borrow().iter().filter(|event| matches!(event, Event::Warning(_))).count()
}

#[test]
fn it_gets_the_archive_that_docker_loads() {
    let plain = done(job(files(), &[IMAGE, "type=docker,name=site:v1,dest=a.tar"]));
    let config = plain.root()["config"]["digest"].as_str().unwrap().to_owned();
    let (name, digest) = ("docker.io/library/site:v1", plain.digest(0));
    // By its config, or by its manifest: engines differ.
    for id in [config.as_str(), digest.as_str()] {
        for layouts in [false, true] {
            let docker = engine(layouts, &[(name, id)]);
            let kept = done(Job { engine: Some(docker.clone()), ..job(files(), &[IMAGE]) });
            assert_eq!(sent(&docker), [plain.archive("a.tar").as_ref()]);
            assert_eq!(kept.digest(0), digest);
            assert!(kept.store.files().is_empty(), "the embedded store keeps nothing");
        }
    }
    let docker = engine(false, &[(config.as_str(), config.as_str())]);
    let loaded = Job { load: Some(docker.clone()), ..job(files(), &[]) };
    let request = Request { load: true, ..Request::default() };
    assert_eq!(done(Job { request, ..loaded }).results.reports[0].targets[0].name, "");
    assert_eq!(docker.archives().len(), 1);
}

#[test]
fn it_gets_all_platforms_or_its_own() {
    let plain = done(Job {
        request: Request {
            outputs: vec![IMAGE.into(), "type=oci,name=site:v1,dest=a.tar".into()],
            ..Request::default()
        },
        ..two()
    });
    let index = plain.digest(0);
    let whole = engine(true, &[("docker.io/library/site:v1", index.as_str())]);
    let kept = done(Job { engine: Some(whole.clone()), ..two() });
    assert_eq!((sent(&whole), warnings(&kept)), (vec![plain.archive("a.tar").as_ref().to_vec()], 0));

    let own = plain.document(plain.root()["manifests"][1]["digest"].as_str().unwrap());
    let config = own["config"]["digest"].as_str().unwrap();
    let one = engine(false, &[("docker.io/library/site:v1", config)]);
    let kept = done(Job { engine: Some(one.clone()), ..two() });
    assert_eq!(warnings(&kept), 1);
    // What is in it is an image of that platform, as if there were no other.
    let archive = Source::Archive(one.archives().remove(0));
    let again = done(job(archive, &["type=image,name=*"]));
    assert_eq!(again.digest(0).as_str(), plain.root()["manifests"][1]["digest"]);
    assert_eq!(again.results.reports[0].targets[0].name, "docker.io/library/site:v1");
}

#[test]
fn what_it_cannot_take_is_refused_before_any_work() {
    let amd64 = "linux/s390x".parse().unwrap();
    let about = About { name: "docker".into(), platform: amd64, layouts: false };
    let docker = Engine::new(about, BTreeMap::new());
    let refused = |job| run_in(Directory::default(), job).err().unwrap();
    let error = refused(Job { engine: Some(docker.clone()), ..two() });
    assert_eq!(error.code, Code::Unsupported("platform".into()));
    assert!(
        error.message.contains("runs linux/s390x") && error.message.contains("linux/arm64, linux/amd64"),
        "{error}"
    );
    let load = Request { load: true, ..Request::default() };
    let error = refused(Job { request: load.clone(), load: Some(docker.clone()), ..two() });
    assert_eq!(error.code, Code::Unsupported("platform".into()));
    assert!(docker.archives().is_empty());
    // One that it does not run it may have, though.
    let image = done(Job { engine: Some(docker.clone()), ..job(files(), &["type=oci,dest=a.tar"]) });
    assert_eq!((image.results.reports.len(), docker.archives().len()), (1, 0));
    let error = refused(Job { request: load, ..job(files(), &[]) });
    assert_eq!(error.code, Code::Unsupported("load".into()));
}

#[test]
fn what_it_has_in_the_end_is_looked_at() {
    for (images, said) in [
        (&[][..], "does not know docker.io/library/site:v1"),
        (&[("docker.io/library/site:v1", "sha256:other")], "means sha256:other by docker.io/library/site:v1"),
    ] {
        let docker = engine(false, images);
        let error = run_in(Directory::default(), Job { engine: Some(docker.clone()), ..job(files(), &[IMAGE]) });
        let error = error.err().unwrap();
        assert!(error.fault == Fault::Store && error.message.contains(said), "{error}");
        assert_eq!(docker.archives().len(), 1);
    }
    let docker = engine(false, &[]);
    let error =
        run_in(Directory::default(), Job { engine: Some(docker), ..job(files(), &["type=image"]) }).err().unwrap();
    assert!(error.message.contains("does not know sha256:"), "{error}");
}
