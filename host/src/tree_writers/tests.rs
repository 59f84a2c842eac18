//! Trees that are written, well-meant and not.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use rustix::fs::makedev;

use super::*;
use crate::bindings::images::ocix::image::trees::{Device, Kind, Timestamp};

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ocix-tree-writers-{name}-{}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

fn entry(path: &str, kind: Kind) -> Entry {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let modified = Timestamp { seconds: 1_000_000_000, nanoseconds: 123_456_789 };
    let mode = if matches!(kind, Kind::Directory) { 0o755 } else { 0o640 };
    Entry { path: path.into(), kind, mode, uid, gid, modified, xattrs: Vec::new() }
}

fn open(path: &Path) -> TreeWriter {
    TreeWriter::open(path, Ground::Shared).unwrap()
}

fn put(writer: &TreeWriter, path: &str, kind: Kind) -> Result<(), String> {
    writer.put(vec![(entry(path, kind), Vec::new())]).map_err(|error| error.message)
}

fn file(writer: &TreeWriter, path: &str, content: &str) -> Result<(), String> {
    let entry = entry(path, Kind::Regular(content.len() as u64));
    writer.put(vec![(entry, content.into())]).map_err(|error| error.message)
}

fn time(path: &Path) -> (i64, i64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn every_kind_is_written_with_what_it_has() {
    let root = scratch("kinds");
    let out = root.join("new/out");
    let writer = open(&out);
    let closed = Entry { mode: 0o500, ..entry("a", Kind::Directory) };
    writer.put(vec![(closed, Vec::new())]).unwrap();
    put(&writer, "a/b", Kind::Directory).unwrap();
    let setuid = Entry { mode: 0o4755, ..entry("a/b/tool", Kind::Regular(4)) };
    writer.put(vec![(setuid, Vec::new())]).unwrap();
    writer.write(b"to").unwrap();
    writer.write(b"ol").unwrap();
    put(&writer, "a/empty", Kind::Regular(0)).unwrap();
    put(&writer, "a/link", Kind::Symlink(b"/etc/passwd".to_vec())).unwrap();
    put(&writer, "a/pipe", Kind::Fifo).unwrap();
    put(&writer, "again", Kind::HardLink(b"a/b/tool".to_vec())).unwrap();
    assert_eq!(writer.finish().unwrap(), None);
    for path in ["a", "a/b", "a/b/tool", "a/empty", "a/link", "a/pipe", "again"] {
        assert_eq!(time(&out.join(path)), (1_000_000_000, 123_456_789), "{path}");
    }
    for (path, mode) in [("a", 0o500), ("a/b", 0o755), ("a/b/tool", 0o4755), ("a/empty", 0o640), ("a/pipe", 0o640)] {
        assert_eq!(fs::metadata(out.join(path)).unwrap().permissions().mode() & 0o7777, mode, "{path}");
    }
    assert_eq!(fs::read(out.join("again")).unwrap(), b"tool");
    assert_eq!(fs::metadata(out.join("again")).unwrap().nlink(), 2);
    assert_eq!(fs::read_link(out.join("a/link")).unwrap(), Path::new("/etc/passwd"));
    assert!(fs::metadata(out.join("a/pipe")).unwrap().file_type().is_fifo());
    assert!(writer.finish().is_err() && put(&writer, "late", Kind::Fifo).is_err());
    fs::set_permissions(out.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn nothing_leaves_the_folder() {
    let root = scratch("escape");
    fs::create_dir_all(root.join("out/real")).unwrap();
    fs::create_dir_all(root.join("outside")).unwrap();
    fs::write(root.join("outside/secret"), "secret").unwrap();
    symlink("../outside", root.join("out/there")).unwrap();
    let writer = open(&root.join("out"));
    put(&writer, "up", Kind::Symlink(b"..".to_vec())).unwrap();
    put(&writer, "new", Kind::Symlink(root.join("outside").as_os_str().as_bytes().to_vec())).unwrap();
    let ways = [
        "../x",
        "real/../../x",
        "real/../x",
        "there/x",
        "up/x",
        "up/outside/x",
        "new/x",
        "/x",
        "",
        ".",
        "..",
        "real/",
        "real//x",
        "real/./x",
    ];
    for way in ways {
        assert!(file(&writer, way, "x").is_err(), "{way}");
        // Without a path it is the folder itself.
        assert!(way.is_empty() || put(&writer, way, Kind::Directory).is_err(), "{way}");
        assert!(put(&writer, way, Kind::Symlink(b"x".to_vec())).is_err(), "{way}");
        assert!(put(&writer, way, Kind::HardLink(b"up".to_vec())).is_err(), "{way}");
    }
    for old in ["../outside/secret", "there/secret", "new/secret", "/etc/passwd", "real/../up"] {
        assert!(put(&writer, "hard", Kind::HardLink(old.into())).is_err(), "{old}");
    }
    // A link that stands in the place of a folder or file is replaced, not followed.
    put(&writer, "there", Kind::Directory).unwrap();
    file(&writer, "there/x", "x").unwrap();
    put(&writer, "to", Kind::Symlink(b"../outside/secret".to_vec())).unwrap();
    file(&writer, "to", "mine").unwrap();
    // A hard link to a link is one, and its target untouched.
    put(&writer, "hard", Kind::HardLink(b"new".to_vec())).unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read(root.join("out/to")).unwrap(), b"mine");
    assert!(fs::symlink_metadata(root.join("out/hard")).unwrap().is_symlink());
    assert_eq!(fs::read(root.join("outside/secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(root.join("outside")).unwrap().count(), 1);
    assert!(!root.join("x").exists());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn what_is_there_is_replaced_but_folders_stay() {
    let root = scratch("replace");
    for folder in ["kept", "empty", "full"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for name in ["kept/old", "full/old", "file", "one"] {
        fs::write(root.join(name), "old").unwrap();
    }
    fs::hard_link(root.join("one"), root.join("other")).unwrap();
    let writer = open(&root);
    put(&writer, "kept", Kind::Directory).unwrap();
    file(&writer, "kept/new", "new").unwrap();
    file(&writer, "empty", "a file now").unwrap();
    put(&writer, "file", Kind::Directory).unwrap();
    // The other name of the inode keeps its content.
    file(&writer, "one", "new").unwrap();
    let refused = file(&writer, "full", "x").unwrap_err();
    assert!(refused.contains("full") && refused.contains("not empty"), "{refused}");
    put(&writer, "kept/new", Kind::HardLink(b"one".to_vec())).unwrap();
    assert!(put(&writer, "one", Kind::HardLink(b"one".to_vec())).is_err());
    writer.finish().unwrap();
    let contents =
        [("kept/old", "old"), ("kept/new", "new"), ("empty", "a file now"), ("one", "new"), ("other", "old")];
    for (path, content) in contents {
        assert_eq!(fs::read(root.join(path)).unwrap(), content.as_bytes(), "{path}");
    }
    assert!(root.join("file").is_dir());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn contents_have_their_size() {
    let root = scratch("sizes");
    let writer = open(&root);
    assert!(writer.write(b"x").is_err());
    put(&writer, "file", Kind::Regular(2)).unwrap();
    assert!(writer.write(b"xyz").is_err());
    writer.write(b"x").unwrap();
    assert!(put(&writer, "next", Kind::Fifo).is_err());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn an_attribute_that_cannot_be_set_is_an_error_and_an_unknown_kind_a_warning() {
    let root = scratch("xattrs");
    let told = |name: &str| {
        let writer = open(&root);
        let xattrs = vec![(name.to_owned(), Vec::new())];
        // The last file of a call may have bytes to come: it is complete when the next call says so.
        let put = writer.put(vec![(Entry { xattrs, ..entry("file", Kind::Regular(0)) }, Vec::new())]);
        put.and_then(|()| writer.finish()).map_err(|refused| refused.message)
    };
    let long = format!("user.{}", "x".repeat(300));
    let refused = told(&long).unwrap_err();
    assert!(refused.contains("file") && refused.contains(&long), "{refused}");
    let warning = told("no-such.name").unwrap().unwrap();
    assert!(warning.contains("file") && warning.contains("no-such.name"), "{warning}");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn devices_are_made_by_those_who_may() {
    let root = scratch("devices");
    let writer = open(&root);
    match put(&writer, "null", Kind::Character(Device { major: 1, minor: 3 })) {
        Ok(()) => {
            let made = fs::metadata(root.join("null")).unwrap();
            assert!(made.file_type().is_char_device());
            assert_eq!(made.rdev(), makedev(1, 3));
        }
        Err(refused) => assert!(refused.contains("null") && refused.contains("only root makes devices"), "{refused}"),
    }
    fs::remove_dir_all(root).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_tree_of_its_own_is_whole_or_not_there() {
    let root = scratch("bare");
    fs::create_dir(root.join("empty")).unwrap();
    symlink("empty", root.join("link")).unwrap();
    for (dest, left) in [("new", vec!["empty", "link"]), ("empty", vec!["empty", "link", "new"]), ("link", vec![])] {
        let bare = || TreeWriter::open(&root.join(dest), Ground::Bare);
        if dest == "link" {
            // It is not empty any more.
            assert!(matches!(bare().err().unwrap().code, crate::error::ErrorCode::AlreadyExists));
            continue;
        }
        let writer = bare().unwrap();
        put(&writer, "", Kind::Directory).unwrap();
        put(&writer, "closed", Kind::Directory).unwrap();
        file(&writer, "closed/file", "x").unwrap();
        assert!(names(&root).iter().any(|name| name.starts_with(&format!(".{dest}.ocix-"))));
        writer.abandon();
        assert_eq!(names(&root), left, "{dest}");
        assert!(file(&writer, "late", "x").is_err());
        let writer = bare().unwrap();
        put(&writer, "", Kind::Directory).unwrap();
        file(&writer, "file", "x").unwrap();
        assert!(!root.join(dest).join("file").exists());
        writer.finish().unwrap();
        writer.abandon();
        assert_eq!(fs::read(root.join(dest).join("file")).unwrap(), b"x");
        assert_eq!(time(&root.join(dest)), (1_000_000_000, 123_456_789));
    }
    assert_eq!(names(&root), ["empty", "link", "new"]);
    let message = |dest: &Path| TreeWriter::open(dest, Ground::Bare).err().unwrap().message;
    assert!(message(&root.join("new")).contains("is not empty"));
    assert!(message(&root.join("new/file")).contains("is not a directory"));
    assert!(message(&root.join("not/there")).contains("does not exist; make it first"));
    assert!(message(Path::new("..")).contains("is not empty"));
    // What takes the place meanwhile stays.
    let writer = TreeWriter::open(&root.join("race"), Ground::Bare).unwrap();
    fs::create_dir(root.join("race")).unwrap();
    fs::write(root.join("race/mine"), "x").unwrap();
    assert!(writer.finish().unwrap_err().message.contains("in the meantime"));
    writer.abandon();
    assert_eq!(names(&root.join("race")), ["mine"]);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn zeros_are_holes() {
    let root = scratch("holes");
    let writer = open(&root);
    let size = 8 << 20;
    let first = vec![b'x'; 4096];
    writer.put(vec![(entry("file", Kind::Regular(size)), first.clone())]).unwrap();
    let mut rest = size - first.len() as u64;
    while rest > 0 {
        let piece = rest.min(1 << 20);
        writer.write(&vec![0; piece as usize]).unwrap();
        rest -= piece;
    }
    writer.finish().unwrap();
    let metadata = fs::metadata(root.join("file")).unwrap();
    assert_eq!(metadata.len(), size);
    assert!(metadata.blocks() * 512 < size / 2, "{} blocks", metadata.blocks());
    let content = fs::read(root.join("file")).unwrap();
    assert!(content.starts_with(&first) && content[first.len()..].iter().all(|byte| *byte == 0));
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn many_files_come_from_several_threads() {
    let root = scratch("many");
    let writer = open(&root);
    let name = |number: usize| format!("folder/{number}");
    let mut entries = vec![(entry("folder", Kind::Directory), Vec::new())];
    entries.extend((0..500).map(|number| {
        let content = number.to_string().into_bytes();
        (entry(&name(number), Kind::Regular(content.len() as u64)), content)
    }));
    entries.push((entry("again", Kind::HardLink(name(499).into())), Vec::new()));
    writer.put(entries).unwrap();
    // One of many that cannot be made.
    let entries = (0..100).map(|number| {
        let place = if number == 70 { "nowhere/x".into() } else { format!("more{number}") };
        (entry(&place, Kind::Regular(0)), Vec::new())
    });
    assert!(writer.put(entries.collect()).unwrap_err().message.contains("nowhere/x"));
    writer.finish().unwrap();
    for number in 0..500 {
        assert_eq!(fs::read(root.join(name(number))).unwrap(), number.to_string().as_bytes());
    }
    assert_eq!(fs::read(root.join("again")).unwrap(), b"499");
    fs::remove_dir_all(root).unwrap();
}
