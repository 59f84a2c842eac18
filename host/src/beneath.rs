//! Opening paths beneath a folder, whatever the path says: no link is followed, on the way or at its end.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::fs::{chmodat, fchmod, fsync, mkdirat, openat, openat2, statat, unlinkat};
use rustix::io::Errno;

/// Opens a folder to start from. Links on the way to it are the user's own.
pub fn root(path: &std::path::Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a relative path for reading. Never waits for the other end of a pipe.
pub fn open(root: impl AsFd, path: &[u8]) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&root, OsStr::from_bytes(path), flags, Mode::empty(), within) {
        Ok(file) => Ok(file.into()),
        // A kernel, or a sandbox, without this call, or a path longer than it takes: component by component is the same, but slower.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {
            step_by_step(root.as_fd().try_clone_to_owned()?, path, flags)
        }
        Err(why) => Err(why.into()),
    }
}

/// Opens a file in an open folder for reading. Never waits for the other end of a pipe.
pub fn file(parent: impl AsFd, name: &OsStr) -> io::Result<File> {
    Ok(openat(parent, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?
        .into())
}

/// The size of a regular file in an open folder, in bytes.
pub fn size(parent: impl AsFd, name: &OsStr) -> io::Result<u64> {
    regular(&statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The size of what has to be a regular file, in bytes.
pub fn regular(stat: &Stat) -> io::Result<u64> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat.st_size.cast_unsigned()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// What is there.
pub fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Opens a folder in an open folder.
pub fn folder(parent: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens the folder at a relative path, however long. Empty for the root itself.
pub fn descend(root: impl AsFd, path: &[u8]) -> io::Result<OwnedFd> {
    let mut components = path.split(|byte| *byte == b'/').filter(|component| !component.is_empty()).peekable();
    let mut at = root.as_fd().try_clone_to_owned()?;
    while components.peek().is_some() {
        // As many as one call takes.
        let some = components.by_ref().take(15).collect::<Vec<_>>().join(&b'/');
        at = open(at, &some)?.into();
    }
    Ok(at)
}

/// Opens the folder at a relative path, and makes what is missing of it, each durable in the one above. Empty for the root itself.
pub fn make(root: OwnedFd, path: &str) -> io::Result<OwnedFd> {
    path.split('/').filter(|name| !name.is_empty()).map(OsStr::new).try_fold(root, |parent, name| {
        match folder(&parent, name) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                match mkdirat(&parent, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => fsync(&parent)?,
                    Err(why) => return Err(why.into()),
                }
                folder(&parent, name)
            }
            other => other,
        }
    })
}

/// Removes what stands at a name in an open folder, with all that is in it.
pub fn remove(parent: impl AsFd, name: &OsStr) -> io::Result<()> {
    match unlinkat(&parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        Err(Errno::NOENT) => return Ok(()),
        other => return Ok(other?),
    }
    let open = match folder(&parent, name) {
        // Its owner may make it his own again.
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {
            chmodat(&parent, name, Mode::RWXU, AtFlags::empty())?;
            folder(&parent, name)?
        }
        other => other?,
    };
    let _ = fchmod(&open, Mode::RWXU);
    clear(&open)?;
    Ok(unlinkat(&parent, name, AtFlags::REMOVEDIR)?)
}

/// Removes all that is in an open folder.
pub fn clear(folder: impl AsFd) -> io::Result<()> {
    names(&folder)?.iter().try_for_each(|name| remove(&folder, name))
}

/// What is in an open folder, in no order.
pub fn names(folder: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        match entry?.file_name().to_bytes() {
            b"." | b".." => {}
            name => names.push(OsStr::from_bytes(name).to_owned()),
        }
    }
    Ok(names)
}

fn step_by_step(root: OwnedFd, path: &[u8], flags: OFlags) -> io::Result<File> {
    let mut components: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    if components.iter().any(|component| matches!(*component, b"" | b"." | b"..")) {
        return Err(Errno::XDEV.into());
    }
    let last = components.pop().unwrap_or_default();
    let parent = components.into_iter().try_fold(root, |parent, name| folder(parent, OsStr::from_bytes(name)))?;
    Ok(openat(parent, OsStr::from_bytes(last), flags, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_root() {
        let scratch = std::env::temp_dir().join(format!("ocix-beneath-{}", std::process::id()));
        std::fs::create_dir_all(scratch.join("root/sub")).unwrap();
        std::fs::write(scratch.join("secret"), "s").unwrap();
        std::fs::write(scratch.join("root/sub/file"), "f").unwrap();
        std::os::unix::fs::symlink("..", scratch.join("root/up")).unwrap();
        std::os::unix::fs::symlink("sub/file", scratch.join("root/link")).unwrap();
        let top = root(&scratch.join("root")).unwrap();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        for path in ["../secret", "up/secret", "link", "/etc/passwd", "sub/../../secret"] {
            assert!(open(&top, path.as_bytes()).is_err(), "{path}");
            assert!(step_by_step(top.try_clone().unwrap(), path.as_bytes(), flags).is_err(), "{path}");
        }
        assert!(open(&top, b"sub/file").is_ok());
        assert!(step_by_step(top.try_clone().unwrap(), b"sub/file", flags).is_ok());
        std::fs::remove_dir_all(scratch).unwrap();
    }
}
