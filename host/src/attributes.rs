//! What a thing in a written file tree is besides its content: owner, extended attributes, mode and time.
//!
//! They are set in this order, for a new owner takes away a capability and the set-user-ID bit, and every change but the last changes a time.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, chmodat, chownat, fchmod, fchown, futimens, utimensat,
};

use crate::bindings::images::ocix::image::trees::{Entry, Kind};
use crate::error::shown;
use crate::xattrs;

/// How they are set in one tree.
pub struct Attributes {
    /// Others cannot give files away: theirs stay their own.
    owners: bool,
    /// How many extended attributes were left out, and the first one with its path.
    left_out: Option<(u64, String)>,
}

impl Attributes {
    /// As much as this user may.
    pub fn of_user() -> Self {
        Self { owners: rustix::process::geteuid().is_root(), left_out: None }
    }

    /// Of a file or folder that is open.
    pub fn set_open(&mut self, file: impl AsFd, entry: &Entry) -> io::Result<()> {
        let file = file.as_fd();
        if self.owners {
            fchown(file, uid(entry), gid(entry)).map_err(|why| owner(entry, why.into()))?;
        }
        self.xattrs(entry, |name, value| xattrs::set_open(file, name, value))?;
        fchmod(file, Mode::from_raw_mode(entry.mode & 0o7777))?;
        Ok(futimens(file, &times(entry))?)
    }

    /// Of a link, device or pipe, by its name.
    pub fn set_name(&mut self, folder: impl AsFd, name: &OsStr, entry: &Entry) -> io::Result<()> {
        let folder = folder.as_fd();
        if self.owners {
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
        self.left_out.as_ref().map(|(count, first)| match count {
            1 => format!("{first} was not set: this user, or this file system, may not have it"),
            _ => format!(
                "{first}, and {} more, were not set: this user, or this file system, may not have them",
                count - 1
            ),
        })
    }

    fn xattrs(&mut self, entry: &Entry, set: impl Fn(&str, &[u8]) -> io::Result<()>) -> io::Result<()> {
        for (name, value) in &entry.xattrs {
            let privileged = name.starts_with("security.") || name.starts_with("trusted.");
            match set(name, value) {
                Err(why) if privileged && LEFT_OUT.contains(&why.kind()) => {
                    let first = || format!("`{}` of `{}`", shown(name), shown(&String::from_utf8_lossy(&entry.path)));
                    self.left_out.get_or_insert_with(|| (0, first())).0 += 1;
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

fn owner(entry: &Entry, why: io::Error) -> io::Error {
    io::Error::other(format!("its owner {}:{} cannot be set: {why}", entry.uid, entry.gid))
}

/// The one number that is nobody's means to the kernel that nothing is to be changed.
fn uid(entry: &Entry) -> Option<Uid> {
    (entry.uid != u32::MAX).then(|| Uid::from_raw(entry.uid))
}

fn gid(entry: &Entry) -> Option<Gid> {
    (entry.gid != u32::MAX).then(|| Gid::from_raw(entry.gid))
}

fn times(entry: &Entry) -> Timestamps {
    let modified = Timespec { tv_sec: entry.modified.seconds, tv_nsec: entry.modified.nanoseconds.into() };
    Timestamps { last_access: modified, last_modification: modified }
}

const LEFT_OUT: [io::ErrorKind; 2] = [io::ErrorKind::PermissionDenied, io::ErrorKind::Unsupported];

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
        let mut attributes = Attributes::of_user();
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
