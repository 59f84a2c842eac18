//! What goes wrong with containerd: it is not there, says no, is full, or the export is stopped or killed in the middle.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocix_tests::{Containerd, Noise, Run, Scratch, need, need_root, program, sha256};
use rustix::process::{Pid, Signal, kill_process};

const OUTPUT: &str = "type=image,name=example.com/big:v1";

#[test]
fn who_does_not_listen_is_told() {
    let scratch = Scratch::new();
    let export = |store: &str| scratch.export(scratch.site(), "type=image,name=a", &["--store", store]);
    export("containerd:none")
        .failed(1, &["cannot reach containerd at `none`", "is containerd running?", "containerd:SOCKET"]);
    drop(UnixListener::bind(scratch.path("dead")).unwrap());
    export("containerd:dead").failed(1, &["cannot reach containerd at `dead`", "nobody listens there"]);
    scratch.write("file", "");
    export("containerd:file").failed(1, &["cannot reach containerd at `file`"]);
    export("containerd?space=a").failed(2, &["`space=a` is not a setting of containerd"]);
    // Nothing but an export keeps anything there.
    let copy = ["copy", "oci:none", "store:a", "--store", "containerd:none"];
    fs::create_dir(scratch.path("none")).unwrap();
    scratch.write("none/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    Run::of(scratch.ocix().args(copy)).failed(1, &["only an export keeps images in containerd"]);
    // A folder of that name is a folder.
    export("./containerd").ok();
    assert!(scratch.path("containerd/index.json").exists());
}

#[test]
fn who_may_not_ask_is_told() {
    need_root!();
    need!("containerd", "ctr", "setpriv");
    let scratch = Scratch::new();
    let containerd = Containerd::start(&scratch);
    let socket = containerd.store("");
    let mut command = program("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(ocix_tests::scratch::binary());
    command.current_dir(scratch.path("")).env("HOME", "/nonexistent").env("OCIX_STORE", "/nonexistent/store");
    command.arg("export").arg(scratch.site()).args(["-o", "type=image,name=a", "--progress=none", &socket]);
    Run::of(&mut command).failed(1, &["cannot reach containerd at", "permission denied; run as root"]);
    let space = containerd.store("?namespace=a b");
    scratch
        .export(scratch.site(), "type=image,name=a", &[&space])
        .failed(2, &["`a b` is not a namespace of containerd"]);
}

#[test]
fn a_full_disk_is_told_and_nothing_named() {
    need_root!();
    need!("containerd", "ctr", "mount", "umount");
    let scratch = Scratch::new();
    let root = scratch.folder("small");
    if !need::counterpart("mount")
        || Run::of(program("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&root)).code != Some(0)
    {
        need::missing("no file system can be mounted");
        return;
    }
    let mounted = Mounted(root.display().to_string());
    {
        let containerd = Containerd::with_root(&scratch, root.clone());
        scratch.write("tree/big", Noise::new(1).bytes(16 << 20));
        let run = scratch.export(scratch.path("tree"), OUTPUT, &[&containerd.store("")]);
        run.failed(1, &["containerd cannot take the blob sha256:", "no space is left where it keeps its images"]);
        assert_eq!(containerd.list(&["images", "ls", "-q"]), Vec::<String>::new());
        assert_eq!(containerd.list(&["leases", "ls", "-q"]), Vec::<String>::new());
        // What there is room for goes in.
        scratch.export(scratch.site(), OUTPUT, &[&containerd.store("")]).ok();
    }
    drop(mounted);
}

/// Ctrl-C while a layer is on its way: no name, no lease, no half of a blob, not even a whole one.
#[test]
fn a_stop_leaves_nothing() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let (containerd, source) = (Containerd::start(&scratch), Source::start());
    let child = start(&mut source.export(&scratch, &containerd));
    wait_until("a half", || containerd.list(&["content", "active"]).len() > 1 && source.is_stalled());
    let pid = Pid::from_child(&child);
    let begin = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    let run = Run::ended("an export that was stopped".into(), child.wait_with_output().unwrap());
    run.failed(130, &["stopped"]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    for what in [&["content", "ls", "-q"][..], &["images", "ls", "-q"], &["leases", "ls", "-q"]] {
        assert_eq!(containerd.list(what), Vec::<String>::new(), "{what:?}");
    }
    assert_eq!(containerd.list(&["content", "active"]).len(), 1, "a heading");
}

/// What was killed left a lease, which expires, and half a blob: the next export goes on behind it.
#[test]
fn a_killed_export_is_taken_up() {
    need_root!();
    need!("containerd", "ctr");
    let scratch = Scratch::new();
    let (containerd, source) = (Containerd::start(&scratch), Source::start());
    let mut child = start(&mut source.export(&scratch, &containerd));
    wait_until("a half", || containerd.list(&["content", "active"]).len() > 1 && source.is_stalled());
    // What was sent is on its way still.
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    let leases = containerd.ctr(&["leases", "ls"]).ok().stdout;
    assert!(leases.contains("ocix-") && leases.contains("containerd.io/gc.expire="), "{leases}");
    assert_eq!(containerd.list(&["images", "ls", "-q"]), Vec::<String>::new());
    source.go_on();
    Run::of(&mut source.export(&scratch, &containerd)).ok();
    let asked = source.ranges();
    let from: u64 = asked.last().unwrap().strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    assert!(from > 0 && from <= (SIZE / 2) as u64, "{asked:?}");
    let check = containerd.ctr(&["images", "check"]).ok().stdout;
    assert!(check.contains("complete (2/2)"), "{check}");
}

/// Unmounted when dropped.
struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        wait_until("umount", || Run::of(program("umount").arg(&self.0)).code == Some(0));
    }
}

/// A registry with one image, whose layer comes by half until it is to go on.
struct Source {
    address: String,
    whole: Arc<AtomicBool>,
    stalled: Arc<AtomicBool>,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Source {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (whole, stalled, ranges): (Arc<AtomicBool>, Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) = Default::default();
        let source = Self { address, whole: whole.clone(), stalled: stalled.clone(), ranges: ranges.clone() };
        let layer = tar(Noise::new(1).bytes(SIZE));
        let digest = sha256(&layer);
        let config = format!(
            "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{digest}\"]}}}}"
        );
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\
             \"digest\":\"{}\",\"size\":{}}},\"layers\":[{{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"{digest}\",\
             \"size\":{}}}]}}",
            sha256(config.as_bytes()),
            config.len(),
            layer.len()
        );
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (layer, digest, config, manifest) =
                    (layer.clone(), digest.clone(), config.clone(), manifest.clone());
                let (whole, stalled, ranges) = (whole.clone(), stalled.clone(), ranges.clone());
                std::thread::spawn(move || {
                    let (target, range) = head(&connection);
                    if !target.contains(&digest) {
                        let (kind, body) = match target.contains("/manifests/") {
                            true => (MANIFEST, manifest.as_bytes()),
                            false => ("application/octet-stream", config.as_bytes()),
                        };
                        return answer(&connection, 200, kind, body, body.len());
                    }
                    let from = range
                        .as_deref()
                        .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
                    ranges.lock().unwrap().extend(range.clone());
                    let status = if range.is_some() { 206 } else { 200 };
                    let part = &layer[from..];
                    if whole.load(Ordering::SeqCst) {
                        return answer(&connection, status, "application/octet-stream", part, part.len());
                    }
                    answer(&connection, status, "application/octet-stream", &part[..SIZE / 2], part.len());
                    stalled.store(true, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_secs(30));
                });
            }
        });
        source
    }

    fn export(&self, scratch: &Scratch, containerd: &Containerd) -> Command {
        let output = format!("{OUTPUT},compression=uncompressed");
        scratch.exporting(format!("registry:{}/big:v1", self.address), &output, &[&containerd.store("")])
    }

    fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst)
    }

    fn go_on(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }

    /// What parts of the layer were asked for.
    fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

/// The target of a request, and which part of it.
fn head(connection: &TcpStream) -> (String, Option<String>) {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let target = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
    let range = lines.find_map(|line| Some(line.to_ascii_lowercase().strip_prefix("range: ")?.to_owned()));
    (target, range)
}

fn answer(mut connection: &TcpStream, status: u16, kind: &str, body: &[u8], length: usize) {
    let total = SIZE + 2048;
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\
         content-range: bytes {}-{}/{total}\r\n\r\n",
        total.saturating_sub(length),
        total - 1
    );
    // Whoever was killed does not read it.
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body));
}

/// A tar of one file.
fn tar(content: Vec<u8>) -> Vec<u8> {
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"file");
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156..157].copy_from_slice(b"0");
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], &content, &[0; 1536]].concat()
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..500 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: waited ten seconds");
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Of the layer's one file.
const SIZE: usize = 16 << 20;
