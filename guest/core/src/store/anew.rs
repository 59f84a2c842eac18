//! `index.json`, written anew while it is read: what stays passes from the old file to the new one in pieces, so that of ten thousand names few
//! are in memory at once. An index that is not as ocix writes it is read as a whole, and written as it is then written.

use super::reach::Reached;
use super::{INDEX_PATH, LAYOUT_PATH, Layout, MAX_INDEX};
use crate::descriptor::Descriptor;
use crate::documents::index::{END, Index, LAYOUT_FILE, Name, START, Seen};
use crate::documents::naming::Naming;
use crate::documents::pieces::Pieces;
use crate::documents::{descriptor, fits};
use crate::error::Result;
use crate::media::{Directory, File, Writer};

/// What stays of the old one.
pub enum Anew<W> {
    /// Written.
    Draft(Draft<W>),
    /// To be written.
    Index(Index),
}

/// A new `index.json` without its end.
pub struct Draft<W> {
    writer: W,
    /// What is not written yet.
    piece: String,
    /// Bytes of all of it.
    size: usize,
    some: bool,
}

impl<D: Directory> Layout<D> {
    /// Everything in the index but what names replace. `look` is given every entry at least once. The lock is held.
    pub(super) async fn anew(
        &self,
        naming: &mut Naming<'_>,
        mut look: impl FnMut(Seen<'_>),
    ) -> Result<Anew<D::Writer>> {
        if let Some(draft) = self.draft(naming, &mut look).await? {
            return Ok(Anew::Draft(draft));
        }
        let mut index = self.index().await?;
        index.seen().for_each(look);
        index.make_room(naming);
        Ok(Anew::Index(index))
    }

    async fn draft(
        &self,
        naming: &mut Naming<'_>,
        look: &mut impl FnMut(Seen<'_>),
    ) -> Result<Option<Draft<D::Writer>>> {
        let Some(file) = self.directory.open(INDEX_PATH).await? else { return Ok(None) };
        if file.size() > MAX_INDEX as u64 {
            return Ok(None);
        }
        let mut draft = Draft::new(self.directory.create().await?);
        let (mut pieces, mut at) = (Pieces::default(), 0_u64);
        loop {
            let piece = file.read_at(at, PIECE).await?;
            if piece.is_empty() {
                return Ok(Some(draft).filter(|_| pieces.is_all()));
            }
            at = at.saturating_add(piece.len() as u64);
            let kept = pieces.next(&piece, |entry| {
                look(entry);
                naming.keeps(entry.as_called())
            });
            let Some(kept) = kept else { return Ok(None) };
            draft.add(&kept);
            draft.flush().await?;
        }
    }

    /// Writes it with these names and images, when all that is beneath them is there.
    ///
    /// # Errors
    /// Those of the medium; `not-found` when something is not there any more: then no name is written.
    pub(super) async fn name(
        &self,
        anew: Anew<D::Writer>,
        naming: Naming<'_>,
        listed: &[(Option<Name>, Descriptor)],
    ) -> Result<()> {
        let mut reached = Reached::default();
        for (_, image) in listed {
            reached.add(self, image).await;
        }
        reached.whole(self).await?;
        let entries = naming.entries(listed);
        match anew {
            Anew::Draft(mut draft) => {
                entries.iter().for_each(|entry| draft.add(&descriptor::compact(entry)));
                let writer = draft.end().await?;
                self.mark().await?;
                writer.publish(INDEX_PATH).await.map(drop)
            }
            Anew::Index(mut index) => {
                index.append(entries);
                self.write(&index).await
            }
        }
    }

    /// Writes `index.json`, and `oci-layout` before it when it is missing. The lock is held.
    pub(super) async fn write(&self, index: &Index) -> Result<()> {
        self.mark().await?;
        let parts = index.parts_within(MAX_INDEX)?;
        self.replace(INDEX_PATH, parts.iter().map(|part| part.as_bytes())).await
    }

    /// As a layout, when it is not yet.
    async fn mark(&self) -> Result<()> {
        match self.directory.open(LAYOUT_PATH).await? {
            Some(_) => Ok(()),
            None => self.replace(LAYOUT_PATH, [LAYOUT_FILE]).await,
        }
    }
}

impl<W: Writer> Draft<W> {
    fn new(writer: W) -> Self {
        Self { writer, piece: START.to_owned(), size: 0, some: false }
    }

    /// Entries, with commas between them.
    fn add(&mut self, entries: &str) {
        if self.some && !entries.is_empty() {
            self.piece.push(',');
        }
        self.piece.push_str(entries);
        self.some |= !entries.is_empty();
    }

    async fn flush(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.piece).into_bytes();
        self.size = self.size.saturating_add(piece.len());
        self.writer.write(piece).await
    }

    /// All of it.
    async fn end(mut self) -> Result<W> {
        self.piece.push_str(END);
        self.flush().await?;
        fits(self.size, MAX_INDEX, "index").map(|()| self.writer)
    }
}

/// How many bytes of the old one are read at once: what hosts read and write without delay.
const PIECE: u32 = 60 << 10;
