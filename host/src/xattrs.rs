//! Extended attributes: all that may be read, of an open file or, for what cannot be opened, of a name in a folder; and set likewise.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;

/// Names and values, sorted by name. A file system without any has none.
pub type Xattrs = Vec<(String, Vec<u8>)>;

/// Of a file or folder that is open.
pub fn of_open(file: impl AsFd) -> io::Result<Xattrs> {
    read(|names| flistxattr(&file, names), |name, value| fgetxattr(&file, name, value))
}

/// Of a link, device, pipe or socket, by its name: not followed, not opened.
pub fn of_name(folder: impl AsFd, name: &OsStr) -> io::Result<Xattrs> {
    let path = path(folder, name)?;
    read(|names| llistxattr(&path, names), |name, value| lgetxattr(&path, name, value)).map_err(without_proc)
}

/// Sets one of a file or folder that is open.
pub fn set_open(file: impl AsFd, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(file, name, value, XattrFlags::empty())?)
}

/// Sets one of a link, device or pipe, by its name.
pub fn set_name(folder: impl AsFd, file: &OsStr, name: &str, value: &[u8]) -> io::Result<()> {
    lsetxattr(&path(folder, file)?, name, value, XattrFlags::empty()).map_err(|why| without_proc(why.into()))
}

/// There is no call that takes a folder and a name; the folder's own link in /proc takes its place.
fn path(folder: impl AsFd, name: &OsStr) -> io::Result<CString> {
    let folder = format!("/proc/self/fd/{}/", folder.as_fd().as_raw_fd());
    Ok(CString::new([folder.as_bytes(), name.as_bytes()].concat())?)
}

fn without_proc(why: io::Error) -> io::Error {
    if why.kind() == io::ErrorKind::NotFound && !Path::new("/proc/self/fd").is_dir() {
        return io::Error::other("its extended attributes cannot be reached without /proc, which is to be mounted");
    }
    why
}

fn read(
    list: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
    get: impl Fn(&str, &mut [u8]) -> rustix::io::Result<usize>,
) -> io::Result<Xattrs> {
    let names = match sized(list) {
        Err(Errno::NOTSUP) => return Ok(Xattrs::new()),
        other => other?,
    };
    let mut xattrs = Xattrs::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        // The kernel's names are ASCII; others cannot be in a tar.
        let Ok(name) = std::str::from_utf8(name) else { continue };
        match sized(|value| get(name, value)) {
            Ok(value) => xattrs.push((name.to_owned(), value)),
            Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => {}
            Err(why) => return Err(why.into()),
        }
    }
    xattrs.sort();
    Ok(xattrs)
}

/// Most answers are short.
fn sized(call: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut short = [0; SHORT];
    match call(&mut short) {
        Ok(length) => Ok(short.get(..length).unwrap_or_default().to_vec()),
        Err(Errno::RANGE) => {
            let mut long = vec![0; LONG];
            let length = call(&mut long)?;
            long.truncate(length);
            Ok(long)
        }
        Err(why) => Err(why),
    }
}

const SHORT: usize = 512;
/// The kernel's limit for all names of a file, and for a value, in bytes.
const LONG: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::setxattr;

    use super::*;

    #[test]
    fn all_ways_find_the_same() {
        // Not in /tmp, which may be of a kind that has none.
        let root = std::env::current_exe().unwrap().with_file_name(format!("ocix-xattrs-{}", std::process::id()));
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", root.join("link")).unwrap();
        let long = vec![7; 2000];
        for name in ["folder", "file"] {
            if setxattr(root.join(name), "user.b", b"", XattrFlags::empty()).is_err() {
                fs::remove_dir_all(root).unwrap();
                return;
            }
            setxattr(root.join(name), "user.a", &long, XattrFlags::empty()).unwrap();
        }
        let mine = |xattrs: io::Result<Xattrs>| -> Xattrs {
            xattrs.unwrap().into_iter().filter(|(name, _)| name.starts_with("user.")).collect()
        };
        let expected = vec![("user.a".to_owned(), long), ("user.b".to_owned(), Vec::new())];
        let top = fs::File::open(&root).unwrap();
        assert_eq!(mine(of_open(fs::File::open(root.join("file")).unwrap())), expected);
        assert_eq!(mine(of_name(&top, OsStr::new("file"))), expected);
        assert_eq!(mine(of_open(fs::File::open(root.join("folder")).unwrap())), expected);
        assert_eq!(mine(of_name(&top, OsStr::new("link"))), []);
        set_name(&top, OsStr::new("file"), "user.a", b"1").unwrap();
        set_open(fs::File::open(root.join("file")).unwrap(), "user.b", b"2").unwrap();
        let expected = [("user.a".to_owned(), b"1".to_vec()), ("user.b".to_owned(), b"2".to_vec())];
        assert_eq!(mine(of_open(fs::File::open(root.join("file")).unwrap())), expected);
        fs::remove_dir_all(root).unwrap();
    }
}
