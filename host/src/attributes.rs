//! What a thing in a written file tree is besides its content: owner, extended attributes, mode and time.
//!
//! They are set in this order, for a new owner takes away a capability and the set-user-ID bit, and every change but the last changes a time.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, chmodat, chownat, fchmod, fchown, fstat, futimens, utimensat,
};

use crate::bindings::images::ocix::image::trees::{Entry, Kind};
use crate::error::shown;
use crate::xattrs;

/// How they are set in one tree.
pub struct Attributes {
    /// Others cannot give files away: theirs stay their own.
    owners: bool,
    /// Of what this process makes, unless its folder says otherwise.
    own: (u32, u32),
    /// How many extended attributes were left out, and the first one with its path.
    left_out: Mutex<Option<(u64, String)>>,
}

/// An open folder that things are made in.
pub struct Folder {
    folder: OwnedFd,
    /// What is made in it is not sure to belong to this process's own group.
    foreign: bool,
}

impl Attributes {
    /// As much as this user may.
    pub fn of_user() -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { owners: user.is_root(), own: (user.as_raw(), group.as_raw()), left_out: Mutex::default() }
    }

    /// Of a file that is open and was just made in a folder.
    pub fn set_new(&self, file: impl AsFd, folder: &Folder, entry: &Entry) -> io::Result<()> {
        let is_own = !folder.foreign && (entry.uid, entry.gid) == self.own;
        self.set(file.as_fd(), entry, self.owners && !is_own)
    }

    /// Of a file or folder that is open.
    pub fn set_open(&self, file: impl AsFd, entry: &Entry) -> io::Result<()> {
        self.set(file.as_fd(), entry, self.owners)
    }

    fn set(&self, file: BorrowedFd<'_>, entry: &Entry, owners: bool) -> io::Result<()> {
        if owners && (entry.uid, entry.gid) != (NOBODY, NOBODY) {
            fchown(file, uid(entry), gid(entry)).map_err(|why| owner(entry, why.into()))?;
        }
        self.xattrs(entry, |name, value| xattrs::set_open(file, name, value))?;
        fchmod(file, Mode::from_raw_mode(entry.mode & 0o7777))?;
        Ok(futimens(file, &times(entry))?)
    }

    /// Of a link, device or pipe, by its name.
    pub fn set_name(&self, folder: impl AsFd, name: &OsStr, entry: &Entry) -> io::Result<()> {
        let folder = folder.as_fd();
        if self.owners && (entry.uid, entry.gid) != (NOBODY, NOBODY) {
            let set = chownat(folder, name, uid(entry), gid(entry), AtFlags::SYMLINK_NOFOLLOW);
            set.map_err(|why| owner(entry, why.into()))?;
        }
        self.xattrs(entry, |key, value| xattrs::set_name(folder, name, key, value))?;
        // A link has no mode of its own.
        if !matches!(entry.kind, Kind::Symlink(_)) {
            chmodat(folder, name, Mode::from_raw_mode(entry.mode & 0o7777), AtFlags::empty())?;
        }
        Ok(utimensat(folder, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// What the user should know.
    pub fn warning(&self) -> Option<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(count, first)| match count {
            1 => format!("{first} was not set: this user, or this file system, may not have it"),
            _ => format!(
                "{first}, and {} more, were not set: this user, or this file system, may not have them",
                count - 1
            ),
        })
    }

    fn xattrs(&self, entry: &Entry, set: impl Fn(&str, &[u8]) -> io::Result<()>) -> io::Result<()> {
        for (name, value) in &entry.xattrs {
            let privileged = name.starts_with("security.") || name.starts_with("trusted.");
            match set(name, value) {
                Err(why)
                    if why.kind() == io::ErrorKind::Unsupported
                        || (privileged && why.kind() == io::ErrorKind::PermissionDenied) =>
                {
                    let first = || format!("`{}` of `{}`", shown(name), shown(&String::from_utf8_lossy(&entry.path)));
                    let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
                    left_out.get_or_insert_with(|| (0, first())).0 += 1;
                }
                Err(why) => {
                    return Err(io::Error::other(format!(
                        "its extended attribute `{}` cannot be set: {why}",
                        shown(name)
                    )));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

impl Folder {
    /// Looks at it once: some folders pass their group on, and so do all of some file systems.
    pub fn new(folder: OwnedFd) -> io::Result<Self> {
        let foreign = fstat(&folder)?.st_gid != rustix::process::getegid().as_raw();
        Ok(Self { folder, foreign })
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

fn owner(entry: &Entry, why: io::Error) -> io::Error {
    io::Error::other(format!("its owner {}:{} cannot be set: {why}", entry.uid, entry.gid))
}

fn uid(entry: &Entry) -> Option<Uid> {
    (entry.uid != NOBODY).then(|| Uid::from_raw(entry.uid))
}

fn gid(entry: &Entry) -> Option<Gid> {
    (entry.gid != NOBODY).then(|| Gid::from_raw(entry.gid))
}

fn times(entry: &Entry) -> Timestamps {
    let modified = Timespec { tv_sec: entry.modified.seconds, tv_nsec: entry.modified.nanoseconds.into() };
    Timestamps { last_access: modified, last_modification: modified }
}

/// The number of no owner, with which nothing is to be changed.
const NOBODY: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::images::ocix::image::trees::Timestamp;

    #[test]
    fn only_privileged_attributes_are_left_out() {
        let modified = Timestamp { seconds: 0, nanoseconds: 0 };
        let entry = |name: &str| Entry {
            path: b"bin/ping".to_vec(),
            kind: Kind::Fifo,
            mode: 0,
            uid: 0,
            gid: 0,
            modified,
            xattrs: vec![(name.to_owned(), Vec::new())],
        };
        let attributes = Attributes::of_user();
        let denied = |_: &str, _: &[u8]| Err(io::ErrorKind::PermissionDenied.into());
        assert!(attributes.xattrs(&entry("user.a"), denied).is_err());
        assert_eq!(attributes.warning(), None);
        attributes.xattrs(&entry("security.capability"), denied).unwrap();
        let one = "`security.capability` of `bin/ping` was not set: this user, or this file system, may not have it";
        assert_eq!(attributes.warning().unwrap(), one);
        attributes.xattrs(&entry("trusted.a"), denied).unwrap();
        assert!(
            attributes.warning().unwrap().starts_with("`security.capability` of `bin/ping`, and 1 more, were not set")
        );
        let full = |_: &str, _: &[u8]| Err(io::ErrorKind::StorageFull.into());
        assert!(attributes.xattrs(&entry("trusted.a"), full).is_err());
    }
}
