//! Whole exports in memory: what one writes, another reads.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod engine;
mod runtime;

use serde_json::Value;

use super::*;
use crate::layer::trial::wait;
use crate::media::{Directory as _, Entry, Event, File as _, Kind};
use crate::memory::{Destination, Directory, File, Input, Memory, Tree};

const EPOCH: i64 = 1_700_000_000;

/// A tree of files: each with its path and content, in the order of the walk.
fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, content) in files {
        let kind = if content.is_empty() { Kind::Directory } else { Kind::Regular(content.len() as u64) };
        let entry = Entry {
            path: path.as_bytes().to_vec(),
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: crate::media::Timestamp { seconds: 1_800_000_000, nanoseconds: 5 },
            xattrs: Vec::new(),
        };
        tree.push(entry, content.as_bytes().to_vec());
    }
    tree
}

fn job(source: Source<Memory>, outputs: &[&str]) -> Job<Memory> {
    let outputs = outputs.iter().map(|output| (*output).to_owned()).collect();
    Job { epoch: Some(EPOCH), ..Job::new(source, "linux/amd64".parse().unwrap(), outputs) }
}

fn files() -> Source<Memory> {
    Source::Files(tree(&[("etc", ""), ("etc/passwd", "root\n"), ("hello", "hello\n")]))
}

struct Done {
    results: Results,
    media: Memory,
    store: Directory,
}

impl Done {
    fn archive(&self, dest: &str) -> File {
        match self.media.destinations.borrow().get(dest) {
            Some(Destination::Archive(file)) => file.clone(),
            other => panic!("{dest}: {other:?}"),
        }
    }

    fn tree(&self, dest: &str) -> Vec<String> {
        match self.media.destinations.borrow().get(dest) {
            Some(Destination::RootFilesystem(entries)) => entries
                .iter()
                .map(|(entry, content)| {
                    format!("{} {}", String::from_utf8_lossy(&entry.path), String::from_utf8_lossy(content))
                })
                .collect(),
            other => panic!("{dest}: {other:?}"),
        }
    }

    fn digest(&self, output: usize) -> Digest {
        self.results.reports[output].targets[0].outcome.clone().unwrap().unwrap()
    }

    fn document(&self, digest: &str) -> Value {
        let path = digest.parse::<Digest>().unwrap().blob_path();
        let file = wait(self.store.open(&path)).unwrap().unwrap();
        serde_json::from_slice(file.as_ref()).unwrap()
    }

    fn root(&self) -> Value {
        self.document(self.digest(0).as_str())
    }

    fn config(&self) -> Value {
        self.document(self.root()["config"]["digest"].as_str().unwrap())
    }
}

fn run_in(store: Directory, job: Job<Memory>) -> Result<Done> {
    let media = Memory { now: 1_900_000_000, ..Memory::default() };
    wait(run(&media, job, store.clone())).map(|results| Done { results, media, store })
}

fn done(job: Job<Memory>) -> Done {
    run_in(Directory::default(), job).unwrap()
}

const IMAGE: &str = "type=image,name=site:v1";

#[test]
fn an_archive_is_the_image_again() {
    let first = done(job(files(), &[IMAGE, "type=oci,dest=a.tar,name=site:v1", "type=docker,dest=b.tar,name=site:v1"]));
    let digest = first.digest(0);
    for (dest, kind) in [("a.tar", "oci"), ("b.tar", "docker")] {
        let archive = first.archive(dest);
        for source in [Source::Archive(archive.clone()), Source::Piped(Input::from(archive.as_ref().to_vec()))] {
            let again = done(job(source, &["type=image,name=*"]));
            assert_eq!(again.digest(0), digest, "{kind}");
            assert_eq!(again.results.reports[0].targets[0].name, "docker.io/library/site:v1", "{kind}");
        }
    }
    let stored = run_in(first.store, job(Source::Stored("site:v1".into()), &["type=oci,dest=c.tar"])).unwrap();
    assert_eq!(stored.digest(0), digest);
}

#[test]
fn several_outputs_are_of_one_reading() {
    let tar = {
        let done = done(job(files(), &["type=tar,dest=-"]));
        assert_eq!(done.results.reports[0].targets[0].outcome, Ok(None));
        done.archive("-")
    };
    let outputs = [
        IMAGE,
        "type=oci,dest=a.tar,compression=zstd",
        "type=oci,dest=b.tar,compression=estargz",
        "type=oci,dest=c.tar,rewrite-timestamp=true",
        "type=oci,dest=d.tar,compression=uncompressed",
        "type=local,dest=root",
        "type=cacheonly",
    ];
    let all = done(job(Source::Piped(Input::from(tar.as_ref().to_vec())), &outputs));
    for (number, output) in outputs.iter().enumerate().take(5) {
        let one = done(job(Source::Archive(tar.clone()), &[output]));
        assert_eq!(one.digest(0), all.digest(number), "{output}");
    }
    assert_eq!(all.tree("root"), ["etc ", "etc/passwd root\n", "hello hello\n"]);
    assert!(all.results.reports[6].targets.is_empty());
}

#[test]
fn platforms_become_an_index() {
    let content = |platform: &str| Content {
        platform: Some(platform.parse().unwrap()),
        ..job(files(), &[IMAGE]).contents.remove(0)
    };
    let multi = || Job {
        contents: vec![content("linux/amd64"), content("linux/arm64")],
        ..job(
            files(),
            &["type=image,name=site:v1,annotation[linux/arm64].k=v,annotation-index.i=w", "type=oci,dest=a.tar"],
        )
    };
    let first = done(multi());
    let root = first.root();
    assert_eq!(root["annotations"]["i"], "w");
    let platforms: Vec<&Value> =
        root["manifests"].as_array().unwrap().iter().map(|m| &m["platform"]["architecture"]).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    let annotations =
        |number: usize| first.document(root["manifests"][number]["digest"].as_str().unwrap())["annotations"].clone();
    assert_eq!((annotations(0), &annotations(1)["k"]), (Value::Null, &"v".into()));
    assert_eq!(first.results.image_id, Some(first.digest(0)));

    let whole = done(job(Source::Archive(first.archive("a.tar")), &["type=oci,dest=b.tar"]));
    assert_eq!(whole.digest(0), first.digest(1));
    let picked = Job {
        platforms: vec!["linux/arm64".parse().unwrap()],
        ..job(Source::Archive(first.archive("a.tar")), &[IMAGE])
    };
    let picked = done(picked);
    assert_eq!(picked.config()["architecture"], "arm64");
    assert_eq!(picked.results.image_id.clone().unwrap().as_str(), picked.root()["config"]["digest"]);
    let missing = Job {
        platforms: vec!["linux/s390x".parse().unwrap()],
        ..job(Source::Archive(first.archive("a.tar")), &[IMAGE])
    };
    let error = run_in(Directory::default(), missing).err().unwrap();
    assert_eq!(error.code, Code::NotFound);
    assert!(error.message.contains("linux/amd64, linux/arm64"), "{error}");

    for (output, key) in
        [("type=docker,dest=-", "type"), ("type=oci,dest=-,annotation[linux/s390x].k=v", "annotation.k")]
    {
        let job = Job { request: Request { outputs: vec![output.into()], ..Request::default() }, ..multi() };
        let error = run_in(Directory::default(), job).err().unwrap();
        assert!(
            matches!(&error.code, Code::InvalidOption(wrong) if wrong.contains(key.split('.').next().unwrap())),
            "{output}: {error}"
        );
    }
    let error = run_in(Directory::default(), job(files(), &["type=image,annotation-index.k=v"])).err().unwrap();
    assert_eq!(error.code, Code::InvalidOption("annotation-index.k".into()));
}

#[test]
fn a_base_goes_beneath_and_stays() {
    let base = done(job(files(), &["type=oci,dest=base.tar,compression=zstd"]));
    let beneath = || Some(job(Source::Archive(base.archive("base.tar")), &[IMAGE]).contents.remove(0));
    let layers = |done: &Done| done.root()["layers"].as_array().unwrap().clone();
    let on = |output| done(Job { base: beneath(), ..job(Source::Files(tree(&[("new", "new\n")])), &[output]) });
    let plain = on("type=image,name=site:v1,rewrite-timestamp=true");
    assert_eq!(layers(&plain).len(), 2);
    let types = |done: &Done| {
        layers(done)
            .iter()
            .map(|layer| layer["mediaType"].as_str().unwrap().rsplit('.').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&plain), ["tar+zstd", "tar+gzip"]);
    assert_eq!(layers(&plain)[0]["annotations"], Value::Null);
    assert_eq!(layers(&plain)[1]["annotations"]["buildkit/rewritten-timestamp"], EPOCH.to_string());
    assert_eq!(types(&on("type=image,name=site:v1,force-compression=true")), ["tar+gzip", "tar+gzip"]);

    // An image that is built on a base in one compression, on the same base in another.
    let plain = done(job(files(), &["type=oci,dest=base.tar,compression=uncompressed"]));
    let built = on("type=oci,dest=built.tar,compression=uncompressed").archive("built.tar");
    let other = Some(job(Source::Archive(plain.archive("base.tar")), &[IMAGE]).contents.remove(0));
    let rebased = done(Job { base: other, ..job(Source::Archive(built.clone()), &[IMAGE]) });
    assert_eq!(types(&rebased), ["tar", "tar+gzip"]);
    let stranger = done(job(Source::Files(tree(&[("x", "x")])), &["type=oci,dest=x.tar"]));
    let stranger = Some(job(Source::Archive(stranger.archive("x.tar")), &[IMAGE]).contents.remove(0));
    let error =
        run_in(Directory::default(), Job { base: stranger, ..job(Source::Archive(built), &[IMAGE]) }).err().unwrap();
    assert_eq!(error.code, Code::InvalidOption("base".into()));
    assert!(error.message.contains("not built on the base"), "{error}");
}

#[test]
fn flags_change_the_config() {
    let changes = [("env", "A=b"), ("cmd", "[\"run\"]"), ("author", "me")];
    let changes = changes.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let config = done(Job { changes, ..job(files(), &[IMAGE]) }).config();
    assert_eq!(config["author"], "me");
    assert_eq!(config["config"]["Cmd"][0], "run");
    assert_eq!(config["config"]["Env"][1], "A=b");
    let whole = File::from(br#"{"architecture":"amd64","os":"linux","config":{"User":"7"},"x":1}"#.to_vec());
    let config = done(Job { config: Some(whole), ..job(files(), &[IMAGE]) }).config();
    assert_eq!((&config["config"]["User"], &config["x"]), (&"7".into(), &1.into()));
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
}

#[test]
fn attestations_follow_their_images() {
    let attestation = || Attestation {
        file: File::from(br#"{"builder":{"id":"me"}}"#.to_vec()),
        predicate_type: Some("https://slsa.dev/provenance/v1".into()),
        platform: None,
        inline_only: false,
    };
    let attested = |outputs: &[&str]| Job { attestations: vec![attestation()], ..job(files(), outputs) };
    let first =
        done(attested(&["type=image,name=example.com/site:v1", "type=oci,dest=a.tar,name=example.com/site:v1"]));
    let root = first.root();
    let (image, said) = (&root["manifests"][0], &root["manifests"][1]);
    assert_eq!(said["annotations"]["vnd.docker.reference.digest"], image["digest"]);
    let said = first.document(said["digest"].as_str().unwrap());
    assert_eq!(said["subject"]["digest"], image["digest"]);
    let statement = first.document(said["layers"][0]["digest"].as_str().unwrap());
    assert_eq!(statement["subject"][0]["digest"]["sha256"], image["digest"].as_str().unwrap()[7..]);

    // The same image passes unchanged; one with another manifest takes what is said about it along.
    let archive = || Source::Archive(first.archive("a.tar"));
    assert_eq!(done(job(archive(), &["type=image,name=example.com/site:v1"])).digest(0), first.digest(0));
    let other = done(job(archive(), &["type=image,name=example.com/site:v1,annotation.k=v"]));
    let root = other.root();
    assert_ne!(root["manifests"][0]["digest"], image["digest"]);
    assert_eq!(root["manifests"][1]["annotations"]["vnd.docker.reference.digest"], root["manifests"][0]["digest"]);
    let said = other.document(root["manifests"][1]["digest"].as_str().unwrap());
    let statement = other.document(said["layers"][0]["digest"].as_str().unwrap());
    assert_eq!(statement["subject"][0]["digest"]["sha256"], root["manifests"][0]["digest"].as_str().unwrap()[7..]);

    let error = run_in(Directory::default(), attested(&["type=image,name=a,oci-mediatypes=false"])).err().unwrap();
    assert!(error.message.contains("attestations"), "{error}");
    let inline = Attestation { inline_only: true, ..attestation() };
    let job = Job { attestations: vec![inline], ..job(files(), &[IMAGE, "type=oci,dest=a.tar"]) };
    let done = done(job);
    assert!(done.root().get("manifests").is_some());
    assert_ne!(done.digest(0), done.digest(1));
}

#[test]
fn what_the_config_does_not_say_is_refused() {
    let first = done(job(files(), &["type=oci,dest=a.tar,compression=gzip"]));
    let archive = first.archive("a.tar");
    // A byte of the layer's blob changes, behind the first two headers.
    let mut bytes = archive.as_ref().to_vec();
    let at = bytes.windows(2).position(|two| two == [0x1f, 0x8b]).unwrap() + 15;
    bytes[at] ^= 1;
    assert!(archive.size() > 0);
    for output in [IMAGE, "type=oci,dest=b.tar,compression=zstd,force-compression=true", "type=cacheonly"] {
        let error = run_in(Directory::default(), job(Source::Archive(bytes.clone().into()), &[output])).err().unwrap();
        assert_eq!(error.fault, Fault::Source, "{output}: {error}");
    }
}
