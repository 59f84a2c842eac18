//! From a directory to a layer: headers, names, workers, large files, and files that do not hold still.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use ocix_tests::layout::text;
use ocix_tests::{Run, Scratch, golden, need, need_root, program, sha256};

/// A tree unpacked from BuildKit's layer becomes that layer again.
#[test]
fn header_format_is_buildkits() {
    need_root!();
    need!("tar");
    for layer in ["hard-link-broken", "whiteouts", "whole-tree"] {
        let Some(tar) = golden::path(&format!("layers/{layer}.as-built.tar")) else { return };
        let scratch = Scratch::new();
        let tree = scratch.folder("tree");
        Run::of(program("tar").args(["--xattrs", "--xattrs-include=*", "-xpf"]).arg(&tar).arg("-C").arg(&tree)).ok();
        let run = scratch.export(&tree, "type=image,name=example.com/tree:t,compression=uncompressed", EPOCH).ok();
        let (manifest, config) = scratch.store().image(&run.digest());
        let ours = scratch.store().blob(text(&manifest["layers"][0]["digest"]));
        let theirs = fs::read(&tar).unwrap();
        let differs =
            ours.iter().zip(&theirs).position(|(one, other)| one != other).unwrap_or(ours.len().min(theirs.len()));
        assert!(
            ours == theirs,
            "{layer}: {} and {} bytes, the first that differs is {differs}",
            ours.len(),
            theirs.len()
        );
        assert_eq!(config["rootfs"]["diff_ids"][0], sha256(&theirs));
    }
}

#[test]
fn workers_do_not_change_bytes() {
    let scratch = Scratch::new();
    // Several chunks, none of them like the other, and one that does not end on a border.
    let numbers: String = (0..900_000).map(|n: u64| format!("{}\n", n.wrapping_mul(2_654_435_761))).collect();
    for part in 0..3 {
        let name = format!("tree/{part}");
        ocix_tests::tree::touch(&scratch.write(&name, &numbers[part * 1_234_567..]), 1_600_000_000, 0);
    }
    for output in ["compression=gzip", "compression=gzip,compression-level=1", "compression=uncompressed"] {
        let output = format!("type=image,name=example.com/workers:t,{output}");
        let digests = ["1", "2", "7"].map(|workers| {
            let store = format!("--store={}", scratch.path(format!("store-{workers}")).display());
            let args = [EPOCH[0], "--workers", workers, &store];
            scratch.export(scratch.path("tree"), &output, &args).ok().digest()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{output}: {digests:?}");
        // Nor does where digests are computed.
        let sandboxed = scratch.export(scratch.path("tree"), &output, &[EPOCH[0], "--hash-in-sandbox"]).ok().digest();
        assert_eq!(sandboxed, digests[0], "{output}");
    }
}

/// Eight gibibytes are what a classic tar header can say.
#[test]
fn file_over_8_gib() {
    need!("gzip", "tar");
    let scratch = Scratch::new();
    scratch.write("tree/small", "s");
    fs::File::create(scratch.path("tree/huge")).unwrap().set_len(HUGE).unwrap();
    let run =
        scratch.export(scratch.path("tree"), "type=image,name=example.com/huge:t,compression-level=1", EPOCH).ok();
    let (manifest, _) = scratch.store().image(&run.digest());
    let blob = scratch.store().blob_path(text(&manifest["layers"][0]["digest"]));
    // The listing needs the header alone: the rest of the stream is left unread.
    let mut gzip = program("gzip").arg("-dc").arg(&blob).stdout(Stdio::piped()).spawn().unwrap();
    let mut head = vec![0; 1 << 20];
    std::io::Read::read_exact(&mut gzip.stdout.take().unwrap(), &mut head).unwrap();
    gzip.kill().unwrap();
    gzip.wait().unwrap();
    let listing = Run::of(program("tar").arg("-tvf").arg(scratch.write("head.tar", head)));
    assert!(listing.stdout.contains(&format!(" {HUGE} ")), "{}", listing.told());
    // A gzip stream ends with the length of what was compressed, modulo 2^32: headers, both files in whole blocks, two blocks of zeros.
    let bytes = fs::read(&blob).unwrap();
    let length = u32::from_le_bytes(*bytes.last_chunk().unwrap());
    let blocks = (u64::from(length) + (2 << 32) - HUGE.next_multiple_of(512)) / 512;
    assert!(u64::from(length) % 512 == 0 && (5..=9).contains(&blocks), "{blocks} blocks beside the content");
}

#[test]
fn socket_is_skipped_with_a_warning() {
    let scratch = Scratch::new();
    scratch.write("tree/file", "x");
    let _listener = UnixListener::bind(scratch.path("tree/a.socket")).unwrap();
    let mut ocix = scratch.ocix();
    ocix.args([
        "export",
        "tree",
        "--output",
        "type=image,name=example.com/socket:t,compression=uncompressed",
        "--progress=plain",
    ]);
    let run = Run::of(&mut ocix).ok();
    assert!(run.stderr.contains("a.socket") && run.stderr.contains("socket"), "{}", run.told());
    let (manifest, _) = scratch.store().image(&run.digest());
    assert_eq!(names(&scratch.store().tar(&manifest["layers"][0]), &scratch), "file\n");
}

/// A file in sysfs says that it is as long as a page, and is shorter.
#[test]
fn file_that_is_shorter_than_it_said() {
    let folder = Path::new("/sys/kernel/mm/transparent_hugepage");
    let lies = |file: &str| fs::metadata(folder.join(file)).is_ok_and(|meta| meta.len() == 4096);
    if !lies("enabled") && !need::missing("no file in sysfs that is shorter than it says") {
        return;
    }
    let scratch = Scratch::new();
    scratch.export(folder, "type=image,name=example.com/short:t", &[]).failed(1, &["shorter", "while it was read"]);
    scratch.store().assert_empty();
}

/// Somebody keeps appending: the file is longer in the end than it was in the beginning.
#[test]
fn file_that_grows() {
    let scratch = Scratch::new();
    let path = scratch.write("tree/growing", "");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(400 << 20).unwrap();
    let over = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                file.write_all(b"more").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let run =
            scratch.export(scratch.path("tree"), "type=image,name=example.com/growing:t,compression-level=1", &[]);
        over.store(true, Ordering::SeqCst);
        run
    });
    run.failed(1, &["growing", "while it was read"]);
    scratch.store().assert_empty();
}

#[test]
fn file_that_may_not_be_read() {
    need_root!();
    need!("setpriv");
    let scratch = Scratch::new();
    scratch.write("tree/open", "x");
    let secret = scratch.write("tree/folder/secret", "x");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o000)).unwrap();
    for name in ["store", "home"] {
        std::os::unix::fs::chown(scratch.folder(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // Where the real one is, nobody may look.
    fs::copy(ocix_tests::scratch::binary(), scratch.path("ocix")).unwrap();
    let mut ocix = as_nobody(&scratch);
    ocix.args(["export", "tree", "--output=type=image,name=example.com/secret:t", "--progress=none"]);
    Run::of(&mut ocix).failed(1, &["folder/secret", "permission"]);
    scratch.store().assert_empty();
}

/// Without root's powers the rest works: an export of what one may read.
#[test]
fn nobody_can_export() {
    need_root!();
    need!("setpriv");
    let scratch = Scratch::new();
    scratch.site();
    std::os::unix::fs::chown(scratch.folder("home"), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::copy(ocix_tests::scratch::binary(), scratch.path("ocix")).unwrap();
    let mut ocix = as_nobody(&scratch);
    // The default store is in the home folder.
    ocix.env_remove("OCIX_STORE").args([
        "export",
        "site",
        "--output=type=image,name=example.com/site:t",
        "--progress=none",
    ]);
    let run = Run::of(&mut ocix).ok();
    let store = ocix_tests::Layout::at(scratch.path("home/.local/share/ocix/store"));
    store.image(&run.digest());
    assert_eq!(store.strays(), Vec::<std::path::PathBuf>::new());
}

/// `ocix` as a user without any powers.
fn as_nobody(scratch: &Scratch) -> Command {
    let mut setpriv = program("setpriv");
    setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(scratch.path("ocix"));
    setpriv.env_clear().current_dir(scratch.path(""));
    setpriv.envs(scratch.ocix().get_envs().filter_map(|(name, value)| Some((name, value?))));
    setpriv
}

/// What GNU tar finds in it.
fn names(tar: &[u8], scratch: &Scratch) -> String {
    Run::of(program("tar").arg("-tf").arg(scratch.write("listed.tar", tar))).ok().stdout
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000"];

const HUGE: u64 = 8_590_000_000;

const NOBODY: u32 = 65534;
