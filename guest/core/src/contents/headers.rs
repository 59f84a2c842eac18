//! The headers of a plain tar at rest, one after the other; contents are skipped, not read.
//!
//! Names, sizes and the end count as in `layer`'s framing, and what readers are known to walk differently is refused as there.

use crate::error::{Error, Result};
use crate::layer::header::{name, number, sealed};
use crate::layer::pax::{self, Overrides};
use crate::layer::tar::BLOCK;
use crate::media::File;
use crate::store::PIECE;

/// Where in a tar the next header is.
pub struct Headers<'f, F> {
    file: &'f F,
    at: u64,
}

/// An entry of a tar.
pub struct Header {
    /// As it stands there.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Of its content.
    pub offset: u64,
    /// Bytes of its content.
    pub size: u64,
}

/// What an entry is.
pub enum Kind {
    /// A directory.
    Directory,
    /// A hard link, to a name of the tar.
    HardLink(Vec<u8>),
    /// What no image has: devices, pipes, sparse files, links whose target an extended header says.
    Other,
    /// A file whose content stands there as it is.
    Regular,
    /// A symbolic link, with its text.
    Symlink(Vec<u8>),
}

/// What extended headers said of the next entry.
#[derive(Default)]
struct Ahead {
    pax: Option<Overrides>,
    /// Whether the content, or the link's target, is elsewhere than the header says.
    elsewhere: bool,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl<'f, F: File> Headers<'f, F> {
    /// From the tar's start.
    pub fn new(file: &'f F) -> Self {
        Self { file, at: 0 }
    }

    /// The next entry; `None` behind the tar's proper end. Whether its content is all there is not checked.
    ///
    /// # Errors
    /// `malformed` for what is no tar, or is cut short, or may be read in two ways; the file's.
    pub async fn next(&mut self) -> Result<Option<Header>> {
        let mut ahead = Ahead::default();
        loop {
            let block = self.exactly(BLOCK).await?;
            if zeros(&block) {
                return self.end().await.map(|()| None);
            }
            let flag = block.get(156).copied().unwrap_or_default();
            let size = block.get(124..136).and_then(number).filter(|_| sealed(&block));
            let size =
                size.ok_or_else(|| malformed("is damaged, or the file is none: no header stands where one must"))?;
            if !matches!(flag, b'x' | b'g' | b'L' | b'K') {
                return self.entry(&block, flag, size, ahead).await.map(Some);
            }
            let size = usize::try_from(size).ok().filter(|size| *size <= pax::LIMIT);
            let size = size.ok_or_else(|| malformed("has an extended header of more than 1 MiB"))?;
            let content = self.exactly(size).await?;
            self.at = padded(self.at).ok_or_else(cut)?;
            ahead.add(flag, &content)?;
        }
    }

    async fn entry(&mut self, block: &[u8], flag: u8, said: u64, ahead: Ahead) -> Result<Header> {
        let Ahead { pax, elsewhere, long_name, long_link } = ahead;
        let Overrides { path, size } = pax.unwrap_or_default();
        let name = long_name.filter(|name| !name.is_empty()).or(path).unwrap_or_else(|| name(block));
        let target = || long_link.unwrap_or_else(|| text(block.get(157..257).unwrap_or_default()));
        let kind = match flag {
            _ if elsewhere => Kind::Other,
            0 if name.ends_with(b"/") => Kind::Directory,
            0 | b'0' | b'7' => Kind::Regular,
            b'1' => Kind::HardLink(target()),
            b'2' => Kind::Symlink(target()),
            b'5' => Kind::Directory,
            _ => Kind::Other,
        };
        // The map of a sparse file in GNU's old format goes on in blocks of its own.
        let mut goes_on = flag == b'S' && block.get(482) != Some(&0);
        while goes_on {
            goes_on = self.exactly(BLOCK).await?.get(504) != Some(&0);
        }
        let bare = matches!(flag, b'1'..=b'6') || (flag == 0 && name.ends_with(b"/"));
        let (offset, size) = (self.at, if bare { 0 } else { size.unwrap_or(said) });
        self.at = offset.checked_add(size).and_then(padded).ok_or_else(cut)?;
        Ok(Header { name, kind, offset, size })
    }

    /// Behind the first block of zeros there is a second one, then nothing but zeros.
    async fn end(&mut self) -> Result<()> {
        if !zeros(&self.exactly(BLOCK).await?) {
            return Err(malformed("has a single block of zeros between its entries"));
        }
        while self.at < self.file.size() {
            let piece = self.file.read_at(self.at, PIECE).await?;
            if piece.is_empty() || !zeros(&piece) {
                return Err(malformed("is followed by bytes that are none of it"));
            }
            self.at = self.at.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    async fn exactly(&mut self, size: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < size {
            let rest = u32::try_from(size.saturating_sub(bytes.len())).unwrap_or(PIECE);
            let piece = self.file.read_at(self.at, rest).await?;
            if piece.is_empty() {
                return Err(cut());
            }
            self.at = self.at.saturating_add(piece.len() as u64);
            bytes.extend(piece);
        }
        Ok(bytes)
    }
}

impl Ahead {
    fn add(&mut self, flag: u8, content: &[u8]) -> Result<()> {
        match flag {
            b'L' => self.long_name = Some(text(content)),
            b'K' => self.long_link = Some(text(content)),
            b'g' if pax::read(content)?.size.is_some() => {
                return Err(malformed("says a size in a global extended header, which readers understand differently"));
            }
            b'g' => {}
            _ => {
                let now = pax::read(content)?;
                if self.pax.as_ref().is_some_and(|before| before.size != now.size) {
                    return Err(malformed("has two extended headers that say different sizes of one entry"));
                }
                let has = |key: &[u8]| content.windows(key.len()).any(|part| part == key);
                self.elsewhere = has(b" linkpath=") || has(b" GNU.sparse.");
                self.pax = Some(now);
            }
        }
        Ok(())
    }
}

/// The end of the archive's content, in whole blocks.
fn padded(at: u64) -> Option<u64> {
    at.checked_next_multiple_of(BLOCK as u64)
}

/// A field's text, up to its first NUL.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn cut() -> Error {
    malformed("is cut short; copy or make it again")
}

fn malformed(why: &str) -> Error {
    Error::malformed("tar", format!("the tar {why}"))
}
