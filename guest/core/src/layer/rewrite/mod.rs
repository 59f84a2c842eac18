//! A layer with no time after an epoch: BuildKit's `rewrite-timestamp`.
//!
//! Every header is written anew as Go's `archive/tar` does with what its own reader gave, so that the bytes are BuildKit's. Contents are
//! copied; what stands behind the tar's end is dropped. One difference: Go's writer damages a sparse file in GNU's old format, which
//! here becomes a regular file, as a sparse file in pax does there too.

mod headers;
#[cfg(test)]
mod tests;

use super::entries::{Entries, Header};
use super::tar::{self, END};
use super::write::Contents;
use crate::error::Result;
use crate::media::Timestamp;

/// A tar with its times cut off at an epoch.
pub struct Rewritten<C> {
    entries: Entries<C>,
    epoch: Timestamp,
    /// Of the current entry's content.
    size: u64,
    ended: bool,
}

impl<C: Contents> Rewritten<C> {
    /// `epoch` in seconds since 1970.
    pub fn new(contents: C, epoch: i64) -> Self {
        let epoch = Timestamp { seconds: epoch, nanoseconds: 0 };
        Self { entries: Entries::new(contents), epoch, size: 0, ended: false }
    }

    fn header(&self, mut header: Header) -> Result<Vec<u8>> {
        for time in [&mut header.modified, &mut header.accessed, &mut header.changed] {
            *time = time.map(|time| time.min(self.epoch));
        }
        if header.flag == b'S' {
            header.flag = b'0';
        }
        headers::write(header)
    }
}

impl<C: Contents> Contents for Rewritten<C> {
    /// # Errors
    /// Those of [`Entries`]; `unsupported` for a header that Go's writer cannot write.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        while !self.ended && out.len() < ENOUGH {
            if let Some(piece) = self.entries.content().await? {
                if out.is_empty() {
                    out = piece;
                } else {
                    out.extend(piece);
                }
                continue;
            }
            tar::pad(&mut out, self.size);
            match self.entries.next().await? {
                Some(header) => {
                    self.size = if header.has_content() { header.size } else { 0 };
                    out.extend(self.header(header)?);
                }
                None => {
                    out.extend(END);
                    self.ended = true;
                }
            }
        }
        Ok(Some(out).filter(|out| !out.is_empty()))
    }

    fn warning(&mut self) -> Option<String> {
        self.entries.warning()
    }
}

/// Bytes of a piece that is not worth waiting for more.
const ENOUGH: usize = 64 << 10;
