//! A tar that was handed in: an archive of images, or a root file system.
//!
//! Everything that decides which of them it is lives here. What cannot be an archive of images by its first entry's name is not read any
//! further, let alone kept; what can be is put aside when it is compressed or comes only once.

use std::mem;
use std::rc::Rc;

use super::docker::Docker;
use super::headers::Headers;
use super::layout::LayoutArchive;
use super::members::{Members, Spooled, plain};
use super::{Archived, Bytes, Form, Images, Tar};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::{Archive, Contents, decode::Decoder};
use crate::media::{File, Input, Media, Writer};
use crate::memory;
use crate::store::{Layout, PIECE};

/// A tar, plain or compressed as it came, from its first byte on. Nothing of one that is piped was kept but its first bytes.
pub struct Opened<M: Media> {
    from: Place<M>,
}

enum Place<M: Media> {
    AtRest(Spooled<M>, u64),
    /// What was read of it, and the rest.
    Piped(Vec<u8>, M::Input),
}

/// Finds out what a tar is. `scratch` gives the place for what must be put aside, and publishes nothing.
///
/// # Errors
/// `malformed` for an archive of images that is damaged or may be read in two ways; `unsupported`, of the fault `request`, for a tar that
/// is not one although [`Form::Image`] says so.
pub async fn archive<'a, M: Media>(
    media: &'a M,
    tar: Tar<M>,
    scratch: &Layout<M::Directory>,
    form: Form,
) -> Result<Archived<'a, M>> {
    let mut opened = Opened {
        from: match tar {
            Tar::AtRest(file) => Place::AtRest(Spooled { file: Rc::new(file), writer: None }, 0),
            Tar::Piped(input) => Place::Piped(Vec::new(), input),
        },
    };
    if form == Form::RootFilesystem {
        return Ok(Archived::RootFilesystem(opened));
    }
    let (packed, first) = opened.peek().await?;
    if form == Form::Detect && !first.as_deref().is_some_and(may_be_image) {
        return Ok(Archived::RootFilesystem(opened));
    }
    let tar = match Members::index(opened.at_rest(scratch, packed).await?).await? {
        Ok(members) => match images(media, members, form).await? {
            Ok(images) => return Ok(Archived::Images(images)),
            Err(members) => members.into_tar(),
        },
        Err(tar) => tar,
    };
    if form == Form::Image {
        let message =
            "the tar is not an archive of images: it has neither `oci-layout` and `index.json` nor `manifest.json`";
        return Err(Error::new(Fault::Request, Code::Unsupported("archive".into()), message));
    }
    Ok(Archived::RootFilesystem(Opened { from: Place::AtRest(tar, 0) }))
}

/// The images of an archive; its members when there are none. Where both kinds of documents stand, an OCI index that lists something counts.
async fn images<'a, M: Media>(
    media: &'a M,
    members: Members<M>,
    form: Form,
) -> Result<std::result::Result<Images<'a, M>, Members<M>>> {
    let docker = members.has("manifest.json");
    if members.has("oci-layout") && members.has("index.json") {
        members.refuse_outside()?;
        let layout = LayoutArchive::open(members).await?;
        if !(docker && layout.is_empty()) {
            return Ok(Ok(Images::Archive(layout)));
        }
        return Docker::open(media, layout.into_members(), Form::Image).await.map(|docker| docker.map(Images::Docker));
    }
    if !docker {
        return Ok(Err(members));
    }
    Docker::open(media, members, form).await.map(|docker| docker.map(Images::Docker))
}

impl<M: Media> Opened<M> {
    /// Whether it is compressed, and its first entry's name when that can be told; then it stands at its start again.
    async fn peek(&mut self) -> Result<(bool, Option<Vec<u8>>)> {
        let mut tee = Tee { from: self, raw: Vec::new(), failed: None };
        let mut start = Vec::new();
        if let Ok(mut archive) = Archive::open(&mut tee).await {
            while start.len() < ENOUGH
                && let Ok(Some(piece)) = archive.next().await
            {
                start.extend(piece);
            }
        }
        let Tee { raw, failed, .. } = tee;
        if let Some(error) = failed {
            return Err(error);
        }
        let packed = Decoder::of(&raw).is_some();
        match &mut self.from {
            Place::AtRest(_, offset) => *offset = 0,
            Place::Piped(held, _) => *held = raw,
        }
        let start = memory::File::from(start);
        let mut headers = Headers::new(&start);
        while let Ok(Some(header)) = headers.next().await {
            match plain(&header.name) {
                // The root itself says nothing.
                Some(root) if root.is_empty() => {}
                name => return Ok((packed, name)),
            }
        }
        Ok((packed, None))
    }

    /// All of it as it came, to be read more than once; what comes once is put aside.
    ///
    /// # Errors
    /// Those of the tar's place and of the scratch.
    pub async fn kept<'a>(self, scratch: &Layout<M::Directory>) -> Result<Bytes<'a, M>>
    where
        M: 'a,
    {
        let mut opened = match self.from {
            Place::AtRest(tar, _) => return Ok(Bytes::file(tar.file)),
            from => Self { from },
        };
        let mut writer = scratch.create().await?;
        loop {
            let piece = opened.read(PIECE).await?;
            if piece.is_empty() {
                break;
            }
            writer.write(piece).await?;
        }
        Ok(Bytes::file(writer.reader().await?))
    }

    /// The plain tar at rest.
    async fn at_rest(self, scratch: &Layout<M::Directory>, packed: bool) -> Result<Spooled<M>> {
        let opened = match self.from {
            Place::AtRest(tar, _) if !packed => return Ok(tar),
            from => Self { from },
        };
        let mut writer = scratch.create().await?;
        let mut archive = Archive::open(opened).await?;
        while let Some(piece) = archive.next().await? {
            writer.write(piece).await?;
        }
        Ok(Spooled { file: Rc::new(writer.reader().await?), writer: Some(writer) })
    }
}

impl<M: Media> Input for Opened<M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        match &mut self.from {
            Place::AtRest(tar, offset) => {
                let piece = tar.file.read_at(*offset, max).await?;
                *offset = offset.saturating_add(piece.len() as u64);
                Ok(piece)
            }
            Place::Piped(held, input) if held.is_empty() => input.read(max).await,
            Place::Piped(held, _) => {
                let rest = held.split_off(held.len().min(max as usize));
                Ok(mem::replace(held, rest))
            }
        }
    }
}

/// Keeps what passes, up to [`MOST`] bytes, and why no more came.
struct Tee<'o, M: Media> {
    from: &'o mut Opened<M>,
    raw: Vec<u8>,
    failed: Option<Error>,
}

impl<M: Media> Input for &mut Tee<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        if self.raw.len() >= MOST {
            return Ok(Vec::new());
        }
        let read = self.from.read(max.min(ENOUGH as u32)).await;
        match &read {
            Ok(piece) => self.raw.extend_from_slice(piece),
            Err(error) => self.failed = Some(error.clone()),
        }
        read
    }
}

/// Whether an archive of images may begin with this name: what `docker save`, BuildKit, skopeo, podman, crane, Bazel and `tar` in a layout write.
fn may_be_image(name: &[u8]) -> bool {
    let first = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    let id = name.strip_prefix(b"sha256:").unwrap_or(name).get(..64);
    matches!(name, b"oci-layout" | b"index.json" | b"manifest.json" | b"repositories")
        || first == b"blobs"
        || id.is_some_and(|id| id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// Bytes of a tar that surely have its first header.
const ENOUGH: usize = 64 << 10;

/// Bytes that are looked at, at most, for as many of the tar.
const MOST: usize = 4 << 20;
