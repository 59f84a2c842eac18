//! The bytes of a compressed layer's tar from an offset on: read on from the last ones, or from the nearest place before them that was noted when
//! the layer was read ([`Marks`](crate::layer::Marks)), whichever is less to decompress.

use super::content::shorter;
use crate::contents::Reader;
use crate::error::Result;
use crate::inspect::{Image, Layer};
use crate::layer::{Archive, Mark};
use crate::media::Media;

/// A tar whose next bytes are at hand.
pub struct Run<'a, M: Media> {
    layer: usize,
    archive: Archive<Reader<'a, M>>,
    /// Of the next byte.
    offset: u64,
    /// Bytes from there on that were decompressed already, behind the first `passed` ones.
    held: Vec<u8>,
    passed: usize,
}

impl<'a, M: Media> Image<'a, M> {
    /// So many bytes, which are there, from an offset of a layer's tar on.
    pub(super) async fn run(&self, layer: &Layer<'a, M>, number: usize, offset: u64, most: usize) -> Result<Vec<u8>> {
        let marks = self.cache.marks.borrow().get(&number).cloned();
        let mark = marks.as_ref().and_then(|marks| marks.before(offset));
        let nearer = mark.map_or(0, |mark| mark.content);
        let kept = self.cache.run.borrow_mut().take();
        let mut run = match kept.filter(|run| run.layer == number && (nearer..=offset).contains(&run.offset)) {
            Some(run) => run,
            None => Run::open(layer, number, mark, self.limits.layer).await?,
        };
        run.skip(offset.saturating_sub(run.offset)).await?;
        let mut part = Vec::with_capacity(most);
        while part.len() < most {
            part.extend_from_slice(run.take(most.saturating_sub(part.len())).await?);
        }
        self.cache.run.replace(Some(run));
        Ok(part)
    }
}

impl<'a, M: Media> Run<'a, M> {
    /// At a place, or at the layer's start. A registry that gives no parts of a blob is asked for all of it.
    async fn open(
        layer: &Layer<'a, M>,
        number: usize,
        mark: Option<&Mark>,
        limits: crate::layer::Limits,
    ) -> Result<Self> {
        let mut opened = None;
        if let Some(mark) = mark
            && let Ok(input) = layer.bytes.open_at(mark.stream).await
        {
            opened = Some((Archive::at(mark, input), mark.content));
        }
        let (archive, offset) = match opened {
            Some(opened) => opened,
            None => (Archive::open(layer.bytes.open().await?).await?, 0),
        };
        Ok(Self { layer: number, archive: archive.within(limits), offset, held: Vec::new(), passed: 0 })
    }

    async fn skip(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let most = usize::try_from(count).unwrap_or(usize::MAX);
            count = count.saturating_sub(self.take(most).await?.len() as u64);
        }
        Ok(())
    }

    /// The next bytes, at least 1 and at most so many.
    async fn take(&mut self, most: usize) -> Result<&[u8]> {
        while self.passed >= self.held.len() {
            (self.held, self.passed) = (self.archive.decoded().await?, 0);
            if self.held.is_empty() {
                return Err(shorter());
            }
        }
        let from = self.passed;
        self.passed = from.saturating_add(most).min(self.held.len());
        self.offset = self.offset.saturating_add(self.passed.saturating_sub(from) as u64);
        Ok(self.held.get(from..self.passed).unwrap_or_default())
    }
}
