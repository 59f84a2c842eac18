//! The import `trees`: a folder of this machine, walked without following a link.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FileType, Stat, fstat, major, minor, readlinkat, statat};
use wasmtime::component::{Accessor, Resource};

use crate::beneath;
use crate::bindings::images::ocix::image::trees::{
    Device, Entry as Thing, Host, HostTree, HostTreeWithStore, Kind, Timestamp,
};
use crate::error::{Error, Fault, refused};
use crate::files::{self, File};
use crate::state::{Media, State, get, put};
use crate::xattrs::{self, Xattrs};

/// A folder and how far it was walked.
#[derive(Clone)]
pub struct Tree {
    root: Arc<OwnedFd>,
    path: Arc<PathBuf>,
    walk: Arc<Mutex<Walk>>,
}

/// What is still to come: for each open folder on the way, its names that were not yet told, the next one last.
struct Walk {
    folders: Vec<Folder>,
    /// Of every inode that has several names the first one, and how many are still to come.
    linked: HashMap<(u64, u64), (Vec<u8>, u64)>,
}

struct Folder {
    /// Closed while the walk is far below, for a process may only have so many open.
    fd: Option<OwnedFd>,
    /// With a slash at its end, but for the root's.
    prefix: Vec<u8>,
    names: Vec<OsString>,
}

impl Tree {
    /// Opens the root. Links on the way to it are followed, none beneath it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let why = |why: io::Error| refused(Fault::Source, "read the directory", path, &why);
        let root = beneath::root(path).map_err(why)?;
        let again = beneath::root(path).map_err(why)?;
        let first = Folder::read(again, Vec::new()).map_err(why)?;
        let walk = Walk { folders: vec![first], linked: HashMap::new() };
        Ok(Self { root: Arc::new(root), path: Arc::new(path.to_owned()), walk: Arc::new(Mutex::new(walk)) })
    }

    fn walk(&self, max: u32, whole: u32) -> Result<Vec<(Thing, Vec<u8>)>, Error> {
        // A walk that panicked is not there to go on.
        let mut walk = self.walk.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut found = Vec::new();
        let mut room = ENOUGH;
        while found.len() < max as usize && room > 0 {
            let Some(folder) = walk.folders.last_mut() else { break };
            let Some(name) = folder.names.pop() else {
                walk.folders.pop();
                continue;
            };
            let path = [folder.prefix.as_slice(), name.as_bytes()].concat();
            let why = |why: io::Error| refused(Fault::Source, "read", &self.path.join(OsStr::from_bytes(&path)), &why);
            let fd = match &folder.fd {
                Some(fd) => fd,
                None => folder.fd.insert(beneath::descend(self.root.as_ref(), &folder.prefix).map_err(why)?),
            };
            let mut stat = statat(fd, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| why(errno.into()))?;
            let (mut inside, mut target, mut content) = (None, Vec::new(), Vec::new());
            let xattrs = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    let open = beneath::folder(fd, &name).map_err(why)?;
                    let xattrs = xattrs::of_open(&open);
                    inside = Some(Folder::read(open, [path.as_slice(), b"/"].concat()).map_err(why)?);
                    xattrs
                }
                FileType::RegularFile => match beneath::file(fd, &name) {
                    Ok(file) => {
                        stat = fstat(&file).map_err(|errno| why(errno.into()))?;
                        let size = size(&stat);
                        let small = size <= u64::from(whole) && FileType::from_raw_mode(stat.st_mode).is_file();
                        if small && walk.is_new(&stat) {
                            content = files::read(&file, 0, size as usize + 1, size).map_err(why)?;
                            room = room.saturating_sub(content.len());
                        }
                        xattrs::of_open(file)
                    }
                    // A file that is not for us: whether that matters is told when its content is asked for.
                    Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => xattrs::of_name(fd, &name),
                    Err(other) => Err(other),
                },
                FileType::Symlink => {
                    target = readlinkat(fd, &name, Vec::new()).map_err(|errno| why(errno.into()))?.into_bytes();
                    xattrs::of_name(fd, &name)
                }
                _ => xattrs::of_name(fd, &name),
            };
            let xattrs = xattrs.map_err(why)?;
            let kind = walk.kind(&stat, &path, target);
            found.push((entry(path, kind, &stat, xattrs), content));
            if let Some(inside) = inside {
                walk.folders.push(inside);
                let far = walk.folders.len().checked_sub(OPEN).and_then(|far| walk.folders.get_mut(far));
                far.into_iter().for_each(|folder| folder.fd = None);
            }
        }
        Ok(found)
    }

    fn file(&self, path: &[u8]) -> Result<File, Error> {
        let shown = self.path.join(OsStr::from_bytes(path));
        let file =
            beneath::open(self.root.as_ref(), path).map_err(|why| refused(Fault::Source, "read", &shown, &why))?;
        File::new(file, &shown, Fault::Source).map_err(|why| refused(Fault::Source, "read", &shown, &why))
    }
}

impl Walk {
    /// Whether this is the first name of its inode.
    fn is_new(&self, stat: &Stat) -> bool {
        stat.st_nlink < 2 || !self.linked.contains_key(&(stat.st_dev, stat.st_ino))
    }

    fn kind(&mut self, stat: &Stat, path: &[u8], target: Vec<u8>) -> Kind {
        let device = || Device { major: major(stat.st_rdev), minor: minor(stat.st_rdev) };
        let file_type = FileType::from_raw_mode(stat.st_mode);
        if file_type != FileType::Directory && stat.st_nlink > 1 {
            match self.linked.entry((stat.st_dev, stat.st_ino)) {
                Entry::Vacant(new) => {
                    new.insert((path.to_vec(), stat.st_nlink - 1));
                }
                Entry::Occupied(mut known) => {
                    let (first, left) = known.get_mut();
                    let first = first.clone();
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        known.remove();
                    }
                    return Kind::HardLink(first);
                }
            }
        }
        match file_type {
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink(target),
            FileType::CharacterDevice => Kind::Character(device()),
            FileType::BlockDevice => Kind::Block(device()),
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            _ => Kind::Regular(size(stat)),
        }
    }
}

impl Folder {
    fn read(fd: OwnedFd, prefix: Vec<u8>) -> io::Result<Self> {
        let mut names = beneath::names(&fd)?;
        names.sort_unstable_by(|one, other| other.as_bytes().cmp(one.as_bytes()));
        Ok(Self { fd: Some(fd), prefix, names })
    }
}

fn entry(path: Vec<u8>, kind: Kind, stat: &Stat, xattrs: Xattrs) -> Thing {
    Thing {
        path,
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: Timestamp {
            seconds: stat.st_mtime,
            nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
        },
        xattrs,
    }
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

impl Host for State {}

impl HostTree for State {
    fn drop(&mut self, tree: Resource<Tree>) -> wasmtime::Result<()> {
        self.table.delete(tree)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostTreeWithStore<T> for Media {
    async fn walk(
        accessor: &Accessor<T, Self>,
        tree: Resource<Tree>,
        max: u32,
        whole: u32,
    ) -> wasmtime::Result<Result<Vec<(Thing, Vec<u8>)>, Error>> {
        let tree = get(accessor, &tree)?;
        Ok(tokio::task::spawn_blocking(move || tree.walk(max, whole)).await?)
    }

    async fn open(
        accessor: &Accessor<T, Self>,
        tree: Resource<Tree>,
        path: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<File>, Error>> {
        match get(accessor, &tree)?.file(&path) {
            Ok(file) => Ok(Ok(put(accessor, file)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Bytes of content after which a list of entries ends.
const ENOUGH: usize = 1 << 20;

/// Folders that are open at once.
const OPEN: usize = 64;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn parents_come_first_and_names_in_byte_order() {
        let root = std::env::temp_dir().join(format!("ocix-trees-{}", std::process::id()));
        fs::create_dir_all(root.join("a/z")).unwrap();
        for name in ["a.b", "a/x", "a/z/deep", "B", "again"] {
            fs::write(root.join(name), name).unwrap();
        }
        fs::remove_file(root.join("again")).unwrap();
        fs::hard_link(root.join("a/x"), root.join("again")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("etc")).unwrap();
        let tree = Tree::open(&root).unwrap();
        let entries: Vec<Thing> = std::iter::from_fn(|| tree.walk(2, 0).ok().filter(|some| !some.is_empty()))
            .flatten()
            .map(|found| found.0)
            .collect();
        let paths: Vec<_> = entries.iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect();
        assert_eq!(paths, ["B", "a", "a/x", "a/z", "a/z/deep", "a.b", "again", "etc"]);
        assert!(matches!(&entries[6].kind, Kind::HardLink(first) if first == b"a/x"));
        assert!(matches!(&entries[7].kind, Kind::Symlink(target) if target == b"/etc"));
        assert!(tree.file(b"etc/passwd").is_err());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn deep_trees_and_long_paths_are_walked() {
        let root = std::env::temp_dir().join(format!("ocix-deep-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let mut fd = beneath::root(&root).unwrap();
        for _ in 0..1500 {
            rustix::fs::mkdirat(&fd, "deep", rustix::fs::Mode::RWXU).unwrap();
            fs::write(format!("/proc/self/fd/{}/z", fd.as_raw_fd()), "content").unwrap();
            fd = beneath::folder(&fd, OsStr::new("deep")).unwrap();
        }
        let tree = Tree::open(&root).unwrap();
        let entries: Vec<Thing> =
            std::iter::from_fn(|| tree.walk(100, 9).map_err(|error| error.message).unwrap().into())
                .take_while(|some: &Vec<(Thing, Vec<u8>)>| !some.is_empty())
                .flatten()
                .map(|(entry, content)| {
                    assert_eq!(content.is_empty(), matches!(entry.kind, Kind::Directory));
                    entry
                })
                .collect();
        assert_eq!(entries.len(), 3000);
        let longest = entries
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::Regular(_)))
            .max_by_key(|entry| entry.path.len())
            .unwrap();
        assert!(longest.path.len() > 4096);
        assert!(tree.file(&longest.path).is_ok());
        // Too deep for remove_dir_all's own recursion on some systems.
        std::process::Command::new("rm").arg("-rf").arg(&root).status().unwrap();
    }
}
