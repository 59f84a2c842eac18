//! Other people's programs read what ocix wrote, and find what was put in.

use std::fs;
use std::path::Path;

use ocix_tests::layout::text;
use ocix_tests::{Layout, Run, Scratch, Tree, need, need_root, program, sha256, tree};

#[test]
fn skopeo_reads_the_store() {
    need!("skopeo");
    let scratch = Scratch::new();
    let digest = scratch.export(scratch.site(), "type=image,name=example.com/team/site:v1", EPOCH).ok().digest();
    let reference = format!("oci:{}:v1", scratch.store().root().display());
    let raw = Run::of(program("skopeo").args(["inspect", "--raw", &reference])).ok();
    assert_eq!(sha256(raw.stdout.as_bytes()), digest);
    let told: serde_json::Value =
        serde_json::from_str(&Run::of(program("skopeo").args(["inspect", &reference])).ok().stdout).unwrap();
    assert_eq!(told["Digest"], digest);
    assert_eq!(told["Created"], "2023-11-14T22:13:20Z");
    assert_eq!((&told["Os"], &told["Architecture"]), (&"linux".into(), &"arm64".into()));
}

/// skopeo checks every digest and size on the way.
#[test]
fn skopeo_copies_from_the_store() {
    need!("skopeo");
    for compression in ["gzip", "uncompressed"] {
        let scratch = Scratch::new();
        let output = format!("type=image,name=example.com/team/site:v1,compression={compression}");
        let digest = scratch.export(scratch.site(), &output, EPOCH).ok().digest();
        let (manifest, config) = scratch.store().image(&digest);
        let to = scratch.path("copy");
        let (from, dir) = (format!("oci:{}:v1", scratch.store().root().display()), format!("dir:{}", to.display()));
        Run::of(program("skopeo").args(["--insecure-policy", "copy", "--preserve-digests", &from, &dir])).ok();
        assert_eq!(sha256(&fs::read(to.join("manifest.json")).unwrap()), digest);
        let layer = &manifest["layers"][0];
        assert_eq!(
            fs::read(to.join(&text(&layer["digest"])[7..])).unwrap(),
            scratch.store().blob(text(&layer["digest"]))
        );
        assert_eq!(config["rootfs"]["diff_ids"][0], sha256(&scratch.store().tar(layer)));
    }
}

/// Types, modes, owners, times, links, devices, extended attributes: umoci puts a tree on disk that is the one that was exported.
#[test]
fn umoci_unpacks_the_tree() {
    need_root!();
    need!("umoci");
    let scratch = Scratch::new();
    let source = scratch.folder("tree");
    tree::make(&source, EVERYTHING);
    set_xattr(&source.join("bin/ping"), "security.capability", CAPABILITY);
    set_xattr(&source.join("etc/passwd"), "user.comment", b"kept\0 whole");
    set_xattr(&source.join("etc"), "user.folder", b"too");
    scratch.export(&source, "type=image,name=example.com/tree:v1", &["--xattrs"]).ok();
    let bundle = unpack(scratch.store(), "v1", &scratch.path("bundle"));
    Tree::read(&source).assert_same(&Tree::read(&bundle));
}

/// Without `--xattrs`, of the extended attributes only capabilities are in the image.
#[test]
fn xattrs_are_asked_for() {
    need_root!();
    need!("umoci");
    let scratch = Scratch::new();
    let source = scratch.folder("tree");
    let ping = scratch.write("tree/ping", "x");
    set_xattr(&ping, "security.capability", CAPABILITY);
    set_xattr(&ping, "user.comment", b"left behind");
    scratch.export(&source, "type=image,name=example.com/tree:v1", &[]).ok();
    let bundle = unpack(scratch.store(), "v1", &scratch.path("bundle"));
    rustix::fs::lremovexattr(&ping, "user.comment").unwrap();
    Tree::read(&source).assert_same(&Tree::read(&bundle));
}

/// GNU tar prints what it reads: the listing is known.
#[test]
fn gnu_tar_lists_the_layer() {
    need_root!();
    need!("tar");
    let scratch = Scratch::new();
    let source = scratch.folder("tree");
    tree::make(&source, EVERYTHING);
    let output = "type=image,name=example.com/tree:v1,compression=uncompressed";
    let (manifest, _) = scratch.store().image(&scratch.export(&source, output, &[]).ok().digest());
    let layer = scratch.store().blob_path(text(&manifest["layers"][0]["digest"]));
    let listing = Run::of(program("tar").args(["--numeric-owner", "--full-time", "-tvf"]).arg(layer)).ok().stdout;
    // The columns are as wide as the widest size so far: single spaces compare better.
    let squeezed: String =
        listing.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect();
    assert_eq!(squeezed, LISTING);
}

/// An image without a name, and two names that share a tag, are all in the index.
#[test]
fn names_of_the_store() {
    let scratch = Scratch::new();
    let site = scratch.site();
    let first = scratch.export(&site, "type=image,\"name=example.com/a:t,example.com/b:t\"", EPOCH).ok();
    let lines: Vec<_> = first.stdout.lines().collect();
    let digest = lines[0].strip_prefix("example.com/a:t@").unwrap();
    assert_eq!(lines, [format!("example.com/a:t@{digest}"), format!("example.com/b:t@{digest}")]);
    for name in ["example.com/a:t", "example.com/b:t"] {
        let entry = scratch.store().named(name).unwrap();
        assert_eq!(entry["digest"], digest);
        assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "t");
    }
    // A name that moves leaves no entry behind.
    scratch.write("site/more", "more");
    let second = scratch.export(&site, "type=image,name=example.com/a:t", EPOCH).ok().digest();
    assert_ne!(second, digest);
    assert_eq!(scratch.store().named("example.com/a:t").unwrap()["digest"], second);
    assert_eq!(scratch.store().named("example.com/b:t").unwrap()["digest"], digest);
    assert_eq!(scratch.store().entries().len(), 2);
    assert_eq!(scratch.store().strays(), Vec::<std::path::PathBuf>::new());
}

/// Makes a bundle as root; gives its root file system.
fn unpack(store: Layout, tag: &str, bundle: &Path) -> std::path::PathBuf {
    let image = format!("{}:{tag}", store.root().display());
    Run::of(program("umoci").args(["unpack", "--image", &image]).arg(bundle)).ok();
    bundle.join("rootfs")
}

fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

const EPOCH: &[&str] = &["--source-date-epoch=1700000000", "--platform=linux/arm64"];

/// `cap_net_raw+ep`, version 2.
const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const EVERYTHING: &str = r"
d 0755 0 0 1600000000 bin
f 0755 0 0 1600000001 bin/ping ping
h 0755 0 0 1600000001 bin/ping4 bin/ping
f 4755 0 0 1600000002 bin/su su
l 0777 0 0 1600000003 bin/sh ping
d 0700 0 0 1600000004 dev
b 0660 0 6 1600000005 dev/disk 8,1
p 0600 0 0 1600000006 dev/fifo
c 0666 0 0 1600000007 dev/null 1,3
d 0755 0 0 1600000008 etc
f 0644 0 0 1600000009 etc/passwd root:x:0:0
f 0000 1 2 0 etc/shadow
d 1777 0 0 1600000010 tmp
f 0640 1000 3000000 1600000011 tmp/big\040owner n
n 0644 0 0 1600000012 tmp/numbers 20000
f 0644 0 0 1600000013 tmp/\303\274n\377 name
f 0644 0 0 1600000014 tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa long
";

const LISTING: &str = r"drwxr-xr-x 0/0 0 2020-09-13 12:26:40 bin/
-rwxr-xr-x 0/0 4 2020-09-13 12:26:41 bin/ping
hrwxr-xr-x 0/0 0 2020-09-13 12:26:41 bin/ping4 link to bin/ping
lrwxrwxrwx 0/0 0 2020-09-13 12:26:43 bin/sh -> ping
-rwsr-xr-x 0/0 2 2020-09-13 12:26:42 bin/su
drwx------ 0/0 0 2020-09-13 12:26:44 dev/
brw-rw---- 0/6 8,1 2020-09-13 12:26:45 dev/disk
prw------- 0/0 0 2020-09-13 12:26:46 dev/fifo
crw-rw-rw- 0/0 1,3 2020-09-13 12:26:47 dev/null
drwxr-xr-x 0/0 0 2020-09-13 12:26:48 etc/
-rw-r--r-- 0/0 10 2020-09-13 12:26:49 etc/passwd
---------- 1/2 0 1970-01-01 00:00:00 etc/shadow
drwxrwxrwt 0/0 0 2020-09-13 12:26:50 tmp/
-rw-r--r-- 0/0 4 2020-09-13 12:26:54 tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-rw-r----- 1000/3000000 1 2020-09-13 12:26:51 tmp/big owner
-rw-r--r-- 0/0 108890 2020-09-13 12:26:52 tmp/numbers
-rw-r--r-- 0/0 4 2020-09-13 12:26:53 tmp/ün\377
";
