//! The root file system that an image's layers give, as a tar or as a file tree. Of several platforms, each in a folder of its own,
//! for example `linux_amd64`.

use std::rc::Rc;

use crate::contents::Bytes;
use crate::error::Result;
use crate::layer::merged::{Layers, Plan, Sink, Tar};
use crate::layer::{self, Archive, FileInput};
use crate::media::{Entry, Event, Kind, Media, Sink as _, Timestamp, TreeWriter};
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
        let mut tree = Tree { writer: media.root_filesystem(dest).await?, told: &mut told };
        all(media, image, &mut tree).await?;
        tree.writer.finish().await?;
    }
    progress(media, dest, done, true);
    Ok(())
}

async fn all<M: Media>(media: &M, image: &Image<'_, '_, M>, sink: &mut impl Sink) -> Result<()> {
    let several = image.pictures.len() > 1;
    for picture in &image.pictures {
        let folder = several.then(|| picture.platform.to_string().replace('/', "_").into_bytes());
        let mut placed = Placed { folder, epoch: image.epoch, sink: &mut *sink };
        placed.begin().await?;
        let stack = Stack(picture);
        let plan = Plan::new(&stack, |warning| media.emit(Event::Warning(warning))).await?;
        plan.walk(&stack, &mut placed).await?;
    }
    Ok(())
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

/// Entries in their place and time.
struct Placed<'s, S> {
    folder: Option<Vec<u8>>,
    epoch: Option<i64>,
    sink: &'s mut S,
}

impl<S: Sink> Placed<'_, S> {
    /// Makes the folder of a platform.
    async fn begin(&mut self) -> Result<()> {
        let Some(path) = self.folder.clone() else { return Ok(()) };
        let (modified, xattrs) = (Timestamp::default(), Vec::new());
        let folder = Entry { path, kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0, modified, xattrs };
        self.sink.entry(self.timed(folder)).await
    }

    fn timed(&self, mut entry: Entry) -> Entry {
        entry.modified = self.epoch.map_or(entry.modified, |seconds| Timestamp { seconds, nanoseconds: 0 });
        entry
    }
}

impl<S: Sink> Sink for Placed<'_, S> {
    async fn entry(&mut self, mut entry: Entry) -> Result<()> {
        if let Some(folder) = &self.folder {
            let placed = |path: &[u8]| [folder, &b"/"[..], path].concat();
            entry.path = placed(&entry.path);
            if let Kind::HardLink(first) = &mut entry.kind {
                *first = placed(first);
            }
        }
        self.sink.entry(self.timed(entry)).await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        self.sink.content(piece).await
    }
}

/// A file tree on its way out.
struct Tree<'t, W, T> {
    writer: W,
    told: &'t mut T,
}

impl<W: TreeWriter, T: FnMut(usize)> Sink for Tree<'_, W, T> {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        self.writer.put(entry).await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        (self.told)(piece.len());
        self.writer.write(piece).await
    }
}
