//! The root file system that an image's layers give, as a tar or as a file tree. Of several platforms, each in a folder of its own,
//! for example `linux_amd64`.

use std::rc::Rc;

use crate::contents::Bytes;
use crate::error::Result;
use crate::layer::merged::{Files, Layers, Placed, Plan, Sink, Tar};
use crate::layer::{self, Archive, FileInput};
use crate::media::{Entry, Event, Ground, Kind, Media, Sink as _, Timestamp};
use crate::options::Exporter;

use super::super::image::{Image, Picture};
use super::super::layers::Blob;
use super::{dest, progress};

/// Writes it to the output's destination. With an epoch, that is the time of everything, as BuildKit has it.
pub async fn write<M: Media>(media: &M, image: &Image<'_, '_, M>) -> Result<()> {
    let dest = dest(image)?;
    let mut done = 0_u64;
    let mut told = |bytes: usize| {
        done = done.saturating_add(bytes as u64);
        progress(media, dest, done, false);
    };
    if image.output.exporter == Exporter::Tar {
        let mut archive = media.archive(dest).await?;
        let mut tar = Tar::new(async |piece: Vec<u8>| {
            told(piece.len());
            archive.write(piece).await
        });
        all(media, image, &mut tar).await?;
        tar.finish().await?;
        archive.finish().await?;
    } else {
        let mut files = Files::new(media.root_filesystem(dest, Ground::Shared).await?, &mut told);
        all(media, image, &mut files).await?;
        files.finish().await?;
    }
    progress(media, dest, done, true);
    Ok(())
}

async fn all<M: Media>(media: &M, image: &Image<'_, '_, M>, sink: &mut impl Sink) -> Result<()> {
    let several = image.pictures.len() > 1;
    for picture in &image.pictures {
        let folder = several.then(|| picture.platform.to_string().replace('/', "_").into_bytes());
        let mut placed = Placed { folder, epoch: image.epoch, sink: &mut *sink };
        placed.begin(root()).await?;
        let stack = Stack(picture);
        let plan = Plan::new(&stack, |warning| media.emit(Event::Warning(warning))).await?;
        plan.walk(&stack, &mut placed).await?;
    }
    Ok(())
}

/// The root of a platform, in its folder.
fn root() -> Entry {
    let (path, modified, xattrs) = (Vec::new(), Timestamp::default(), Vec::new());
    Entry { path, kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, modified, xattrs }
}

/// The layers of an image.
struct Stack<'p, 'a, M: Media>(&'p Picture<'a, M>);

impl<'a, M: Media> Layers for Stack<'_, 'a, M> {
    type Contents = Archive<FileInput<Bytes<'a, M>>>;

    fn count(&self) -> usize {
        self.0.layers.len()
    }

    async fn open(&self, number: usize) -> Result<Self::Contents> {
        let blob: &Rc<Blob<'a, M>> =
            self.0.layers.get(number).ok_or_else(|| super::bug("a layer that there is not"))?;
        let bytes = blob.bytes.clone();
        match layer::payload(&bytes).await? {
            Some(end) => Archive::open_payload(FileInput::until(bytes, end)).await,
            None => Archive::open(FileInput::new(bytes)).await,
        }
    }
}
