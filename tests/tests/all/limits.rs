//! Limits that hold: components that break their rules, in a host that goes on.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use ocix::{Components, Context, ErrorCode, Fault, Job, Limits, Look, Source};
use ocix_tests::Scratch;
use ocix_tests::scratch::repository;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// The real core with workers that fail: the export says why, and leaves nothing.
#[test]
fn a_chunk_that_fails_fails_the_export() {
    let stopped = "a worker stopped unexpectedly: this is a bug in ocix: ";
    let table = [
        ("allocate", "gzip", "a worker ran out of its 16 MiB of memory"),
        ("lie", "gzip", stopped),
        ("recurse", "gzip", stopped),
        ("spin", "gzip", "a worker took longer than 300ms for a chunk"),
        ("trap", "zstd", "a worker stopped unexpectedly: this is a bug in ocix: wasm trap: wasm `unreachable`"),
        ("trap", "estargz", stopped),
    ];
    for (fault, compression, message) in table {
        let scratch = Scratch::new();
        scratch.write(&format!("tree/{fault}"), "");
        let output = format!("type=image,name=example.com/x:t,compression={compression}");
        let job = Job::new(Source::Directory(scratch.path("tree")), output);
        let error = block_on(workers().export(job, context(&scratch))).unwrap_err();
        assert!(error.to_string().starts_with(message), "{fault}: {error}");
        assert_eq!(error.fault, Fault::Component, "{fault}");
        scratch.store().assert_empty();
    }
}

/// Two jobs of one host at once: one that fails, one that does not notice.
#[test]
fn other_jobs_go_on() {
    let scratch = Scratch::new();
    scratch.write("good/file", vec![7; 3 << 20]);
    for fault in ["spin", "trap"] {
        scratch.write(&format!("{fault}/{fault}"), "");
        let job = |tree: &str| {
            let source = Source::Directory(scratch.path(tree));
            workers().export(Job::new(source, format!("type=image,name=example.com/{tree}:t")), context(&scratch))
        };
        let (bad, good) = block_on(async { tokio::join!(job(fault), job("good")) });
        bad.unwrap_err();
        good.unwrap();
        assert!(scratch.store().named("example.com/good:t").is_some());
        assert!(scratch.store().named(&format!("example.com/{fault}:t")).is_none());
        assert_eq!(scratch.store().strays(), Vec::<PathBuf>::new());
    }
}

/// A worker that failed is not used again; one that did not is.
#[test]
fn poisoned_workers_are_gone() {
    let scratch = Scratch::new();
    let words = "work count count trap count spin count lie count recurse count count";
    let context = Context { parallelism: NonZeroUsize::MIN, ..context(&scratch) };
    let told =
        block_on(misbehaving().export(Job::new(Source::Directory(scratch.site()), words), context)).unwrap().metadata;
    let told: Vec<_> = told.lines().map(|line| if line.starts_with('[') { line } else { "failed" }).collect();
    let failed = "failed";
    assert_eq!(told, ["[0]", "[1]", failed, "[0]", failed, "[0]", failed, "[0]", failed, "[0]", "[1]"]);
}

/// What a worker says that is not so, the core finds out where it can; nothing else happens.
#[test]
fn parts_that_are_not_there() {
    let scratch = Scratch::new();
    scratch.write("tree/parts", "");
    for compression in ["gzip", "zstd", "estargz"] {
        let output = format!("type=image,name=example.com/x:t,compression={compression}");
        let job = Job::new(Source::Directory(scratch.path("tree")), output);
        if let Err(error) = block_on(workers().export(job, context(&scratch))) {
            assert_eq!(error.fault, Fault::Host, "{compression}: {error}");
        }
        assert_eq!(scratch.store().strays(), Vec::<PathBuf>::new());
    }
}

/// The component that does the job has limits of its own.
#[test]
fn a_job_that_fails() {
    let stopped = "the component stopped unexpectedly: this is a bug in ocix: wasm trap: ";
    let table = [
        ("allocate", "the component ran out of its 16 MiB of memory", true),
        ("recurse", stopped, true),
        ("trap", stopped, true),
        ("hash spin", "a worker took longer than 300ms for a chunk", false),
        ("hash allocate", "a worker ran out of its 16 MiB of memory", false),
        ("hash trap", stopped, false),
    ];
    let scratch = Scratch::new();
    for (fault, message, native_hashing) in table {
        let context = Context { native_hashing, ..context(&scratch) };
        let error =
            block_on(misbehaving().export(Job::new(Source::Directory(scratch.site()), fault), context)).unwrap_err();
        assert!(error.to_string().starts_with(message), "{fault}: {error}");
        assert_eq!(error.fault, Fault::Component, "{fault}");
    }
}

/// A component that does not hear that it should stop is dropped, whatever it does, and so are its workers.
#[test]
fn a_job_that_does_not_end_is_stopped() {
    for fault in ["spin", "work spin", "hash spin"] {
        let scratch = Scratch::new();
        let (stopper, stop) = watch::channel(false);
        let limits = Limits { chunk_time: Duration::from_secs(3600), ..LIMITS };
        let context = Context { stop, limits, native_hashing: false, ..context(&scratch) };
        let runtime = runtime();
        let export = runtime.spawn(misbehaving().export(Job::new(Source::Directory(scratch.site()), fault), context));
        let error = runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            stopper.send(true).unwrap();
            tokio::time::timeout(Duration::from_secs(30), export).await.unwrap().unwrap().unwrap_err()
        });
        assert!(matches!(error.code, ErrorCode::Cancelled), "{fault}: {error}");
        // Waits for every thread, the workers' too.
        drop(runtime);
    }
}

/// One thread for everything is enough to stop a component.
#[test]
fn a_job_that_does_not_end_shares_its_thread() {
    let scratch = Scratch::new();
    let (stopper, stop) = watch::channel(false);
    let context = Context { stop, ..context(&scratch) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let job = misbehaving().export(Job::new(Source::Directory(scratch.site()), "spin"), context);
        let later = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            stopper.send(true).unwrap();
        };
        tokio::join!(job, later).0.unwrap_err()
    });
    assert!(matches!(error.code, ErrorCode::Cancelled), "{error}");
}

/// An image that is looked into is gone when its component fails, and says why.
#[test]
fn an_image_that_fails() {
    let scratch = Scratch::new();
    for fault in ["trap", "allocate", "recurse", "nothing"] {
        block_on(async {
            let look = Look { contents: vec![Source::Stored("a".into()).into()], ..Look::default() };
            let images = misbehaving().open(look, context(&scratch)).await.unwrap();
            let image = images.first().unwrap();
            let document = image.document(fault).await;
            match fault {
                "nothing" => assert_eq!(document.unwrap(), b""),
                _ => assert_eq!(document.unwrap_err().fault, Fault::Component, "{fault}"),
            }
            assert_eq!(image.graph(false).await.is_ok(), fault == "nothing");
        });
    }
}

/// Hosts that the user did not name are those of the world, with certificates, or none: whatever a component makes up.
#[test]
fn a_component_reaches_nothing_private() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let local = [
        format!("http://localhost:{port}/v2/"),
        format!("http://127.0.0.1:{port}/v2/"),
        format!("https://127.0.0.1:{port}/v2/"),
        format!("https://2130706433:{port}/v2/"),
        format!("https://0x7f.1:{port}/v2/"),
        format!("https://[::ffff:127.0.0.1]:{port}/v2/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
    ];
    let plain = ["http://example.com/", "http://10.0.0.1/", "http://169.254.169.254/"].map(str::to_owned);
    let insecure = [format!("!https://localhost:{port}/"), "!http://example.com/".to_owned()];
    let wrong = ["file:///etc/passwd", "https://user:secret@localhost/", "nonsense"].map(str::to_owned);
    let mut table = Vec::new();
    table.extend(local.map(|url| (url, "is not reached: ", "no public address")));
    table.extend(plain.map(|url| (url, "is not reached: ", "without TLS")));
    table.extend(insecure.map(|url| (url, "is not reached: ", "insecure was not allowed")));
    table.extend(wrong.map(|url| (url, "the component made a request with a wrong URL", "")));

    let scratch = Scratch::new();
    let urls: Vec<_> = table.iter().map(|(url, ..)| url.as_str()).collect();
    let job = Job::new(Source::Directory(scratch.site()), format!("ask {}", urls.join(" ")));
    let told = block_on(misbehaving().export(job, context(&scratch))).unwrap().metadata;
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told.len(), table.len(), "{told:#?}");
    for ((url, means, why), told) in table.iter().zip(told) {
        assert!(told.contains(means) && told.contains(why), "{url}: {told}");
        assert!(!told.contains("secret"), "{url}: {told}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "something connected");
}

/// The real core with workers that misbehave.
fn workers() -> &'static Components {
    static COMPONENTS: OnceLock<Components> = OnceLock::new();
    COMPONENTS.get_or_init(|| Components::from_bytes(&component("images"), &component("misbehaving-toolkit")).unwrap())
}

/// A core and workers that misbehave.
fn misbehaving() -> &'static Components {
    static COMPONENTS: OnceLock<Components> = OnceLock::new();
    COMPONENTS.get_or_init(|| {
        Components::from_bytes(&component("misbehaving-images"), &component("misbehaving-toolkit")).unwrap()
    })
}

fn component(name: &str) -> Vec<u8> {
    let path = repository().join("target/components").join(name).with_extension("wasm");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run the tests with `cargo xtask test`", path.display()))
}

fn context(scratch: &Scratch) -> Context {
    Context { limits: LIMITS, ..Context::new(scratch.path("store")) }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

const LIMITS: Limits = Limits { job_memory: 16 << 20, worker_memory: 16 << 20, chunk_time: Duration::from_millis(300) };
