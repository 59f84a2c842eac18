//! The members of an image archive by their names: where in the file their bytes are.
//!
//! A member is found only inside of the archive. Links are followed once, as old `docker save` has them. A name that stands twice is
//! refused when it is asked for, since readers take different ones.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Bytes;
use super::headers::{Header, Headers, Kind};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Directory, File, Media};
use crate::text::shown_bytes;

/// A plain tar at rest.
pub struct Spooled<M: Media> {
    /// The tar.
    pub file: Rc<M::File>,
    /// What keeps an unpublished file from being gone.
    pub writer: Option<<M::Directory as Directory>::Writer>,
}

/// The members of an archive.
pub struct Members<M: Media> {
    tar: Spooled<M>,
    members: BTreeMap<Vec<u8>, Member>,
    /// A name that leads out of the archive.
    outside: Option<Vec<u8>>,
}

enum Member {
    Content {
        offset: u64,
        size: u64,
    },
    /// To this name.
    Link(Vec<u8>),
    Other,
    Twice,
}

impl<M: Media> Members<M> {
    /// Reads all headers. The tar itself comes back when it has more members than any image.
    ///
    /// # Errors
    /// `malformed` for what is no proper tar.
    pub async fn index(tar: Spooled<M>) -> Result<std::result::Result<Self, Spooled<M>>> {
        let (mut members, mut outside) = (BTreeMap::new(), None);
        let file = Rc::clone(&tar.file);
        let mut headers = Headers::new(&*file);
        while let Some(Header { name, kind, offset, size }) = headers.next().await? {
            if offset.saturating_add(size) > file.size() {
                let message = format!("the tar is cut short in `{}`; copy or make it again", shown_bytes(&name));
                return Err(Error::malformed("tar", message));
            }
            let Some(path) = plain(&name) else {
                outside.get_or_insert(name);
                continue;
            };
            let target = |target: Option<Vec<u8>>| target.map_or(Member::Other, Member::Link);
            let folder = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default();
            let member = match kind {
                Kind::Directory => continue,
                Kind::HardLink(name) => target(plain(&name)),
                Kind::Other => Member::Other,
                Kind::Regular => Member::Content { offset, size },
                Kind::Symlink(text) => target(resolved(folder, &text)),
            };
            if members.len() == MOST {
                return Ok(Err(tar));
            }
            members.entry(path).and_modify(|known| *known = Member::Twice).or_insert(member);
        }
        Ok(Ok(Self { tar, members, outside }))
    }

    /// The tar that they are in.
    pub fn into_tar(self) -> Spooled<M> {
        self.tar
    }

    /// Whether there is a member of this name that is no directory.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name.as_bytes())
    }

    /// Fails when any member leads out of the archive.
    pub fn refuse_outside(&self) -> Result<()> {
        match &self.outside {
            None => Ok(()),
            Some(name) => {
                let name = shown_bytes(name);
                Err(Error::malformed("image archive", format!("the archive has a member outside of it, `{name}`")))
            }
        }
    }

    /// A member's bytes; `name` is what a document of the archive says.
    ///
    /// # Errors
    /// `not-found`; `malformed` when the name stands there twice, or is no file.
    pub fn bytes<'a>(&self, name: &str) -> Result<Bytes<'a, M>>
    where
        M: 'a,
    {
        let refuse = |why: &str| {
            Error::malformed("image archive", format!("`{}` in the archive {why}", shown_bytes(name.as_bytes())))
        };
        let member = plain(name.as_bytes()).and_then(|path| self.members.get(&path)).ok_or_else(|| {
            let message = format!("`{}` is missing from the archive", shown_bytes(name.as_bytes()));
            Error::new(Fault::Source, Code::NotFound, message)
        })?;
        let followed = match member {
            Member::Link(target) => self.members.get(target),
            other => Some(other),
        };
        match (followed, member) {
            (Some(Member::Content { offset, size }), _) => {
                Ok(Bytes::File { file: Rc::clone(&self.tar.file), offset: *offset, size: *size })
            }
            (Some(Member::Twice), _) => Err(refuse("stands there twice, and readers take different ones")),
            (_, Member::Link(_)) => Err(refuse("is a link that leads to no file of the archive")),
            _ => Err(refuse("is not a plain file")),
        }
    }
}

/// The components of a member's name; `None` when it is absolute or goes up.
pub fn plain(name: &[u8]) -> Option<Vec<u8>> {
    if name.split(|byte| *byte == b'/').any(|part| part == b"..") { None } else { resolved(b"", name) }
}

/// Where a relative path leads from a folder, `None` when that is outside.
fn resolved(folder: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    if path.starts_with(b"/") {
        return None;
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in folder.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

/// Members of an archive of images at most.
const MOST: usize = 1 << 16;
