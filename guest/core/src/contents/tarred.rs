//! A tar that comes in: a root file system, or an archive of images.

use crate::error::{Error, Result};
use crate::layer::{Archive, Contents};
use crate::media::{Action, Event, File, Input, Media, Step, Writer};
use crate::store::Layout;

use super::bytes::{Bytes, Reader};
use super::images::Images;
use super::members::{self, Members};

/// What a tar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Told by its content.
    Detect,
    /// A root file system, whatever it looks like.
    RootFilesystem,
    /// An OCI layout or docker archive; another tar is an error.
    Image,
}

/// What a tar turned out to be.
pub enum Archived<'a, M: Media> {
    /// A root file system, to be read once.
    RootFilesystem(Archive<Tarred<'a, M>>),
    /// Images.
    Images(Images<'a, M>),
}

/// Bytes of a tar that come once.
pub enum Tarred<'a, M: Media> {
    /// Out of a file.
    File(Reader<'a, M>),
    /// As they come.
    Input(M::Input),
}

impl<M: Media> Input for Tarred<'_, M> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        match self {
            Self::File(file) => file.read(max).await,
            Self::Input(input) => input.read(max).await,
        }
    }
}

impl<'a, M: Media> Archived<'a, M> {
    /// A tar at rest, plain, gzip or zstd.
    ///
    /// # Errors
    /// What cannot be read, or is not of the form that was asked for.
    pub async fn at_rest(media: &'a M, file: M::File, scratch: &Layout<M::Directory>, form: Form) -> Result<Self> {
        if form != Form::RootFilesystem && members::may_be_images(&file.read_at(0, HEAD).await?) {
            return Self::indexed(media, file, form).await;
        }
        Self::once(media, Tarred::File(Bytes::file(file).open().await?), scratch, form).await
    }

    /// A tar that comes once, plain, gzip or zstd.
    ///
    /// # Errors
    /// As of one at rest.
    pub async fn piped(media: &'a M, input: M::Input, scratch: &Layout<M::Directory>, form: Form) -> Result<Self> {
        Self::once(media, Tarred::Input(input), scratch, form).await
    }

    async fn once(media: &'a M, tarred: Tarred<'a, M>, scratch: &Layout<M::Directory>, form: Form) -> Result<Self> {
        let mut tar = Archive::open(tarred).await?;
        if form == Form::RootFilesystem || !members::may_be_images(tar.peek().await?) {
            return match form {
                Form::Image => Err(no_images()),
                Form::Detect | Form::RootFilesystem => Ok(Self::RootFilesystem(tar)),
            };
        }
        let mut writer = scratch.create().await?;
        let mut done = 0_u64;
        while let Some(piece) = tar.next().await? {
            done = done.saturating_add(piece.len() as u64);
            writer.write(piece).await?;
            read(media, done, false);
        }
        read(media, done, true);
        Self::indexed(media, writer.reader().await?, form).await
    }

    /// A plain tar at rest that may hold images.
    async fn indexed(media: &'a M, file: M::File, form: Form) -> Result<Self> {
        let members = Members::index(file).await?;
        match Images::archive(media, members).await? {
            Ok(images) => Ok(Self::Images(images)),
            Err(_) if form == Form::Image => Err(no_images()),
            Err(members) => {
                let tar = Tarred::File(members.tar().open().await?);
                Ok(Self::RootFilesystem(Archive::open(tar).await?))
            }
        }
    }
}

fn no_images() -> Error {
    Error::malformed("archive", "this tar holds no images: neither an OCI layout nor a docker archive")
}

fn read<M: Media>(media: &M, done: u64, finished: bool) {
    let (id, subject) = ("archive".to_owned(), "the archive".to_owned());
    media.emit(Event::Step(Step { id, action: Action::Read, subject, done, total: None, note: None, finished }));
}

/// Enough to see the name of the first entry, behind extended headers.
const HEAD: u32 = 64 << 10;
