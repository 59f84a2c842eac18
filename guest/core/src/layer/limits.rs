//! What is read of one layer at most, so that a small blob cannot become an endless tar. Each is an error `limit-exceeded` when it is met.

use crate::error::{Error, Result};

/// The limits of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the tar.
    pub decompressed: u64,
    /// Bytes of the tar for each of the blob's, after the first 64 MiB.
    pub ratio: u64,
    /// Bytes of a zstd frame's window.
    pub window: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// Bytes of an entry's name.
    pub path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { decompressed: 64 << 30, ratio: 1000, window: 128 << 20, entries: 2_000_000, path: 4096 }
    }
}

impl Limits {
    /// So many entries came.
    pub(crate) fn entries(&self, count: u64) -> Result<()> {
        let most = self.entries;
        if count > most {
            return Err(Error::limit("entries", format!("the tar has more than {most} entries")));
        }
        Ok(())
    }

    /// A name of so many bytes came.
    pub(crate) fn path(&self, length: usize) -> Result<()> {
        let most = self.path;
        if length > most {
            return Err(Error::limit("path", format!("a path in the tar has {length} bytes, more than {most}")));
        }
        Ok(())
    }

    /// So many bytes of the blob became so many of the tar.
    pub(crate) fn decompressed(&self, read: u64, made: u64) -> Result<()> {
        let Self { decompressed, ratio, .. } = *self;
        if made > decompressed {
            let message = format!("the layer decompresses to more than {}", bytes(decompressed));
            return Err(Error::limit("decompressed size", message));
        }
        if made > FREE && made.checked_div(ratio).is_some_and(|least| least > read) {
            let message = format!("the layer decompresses to more than {ratio} times its size");
            return Err(Error::limit("compression ratio", message));
        }
        Ok(())
    }

    /// A zstd frame asks for a window of so many bytes.
    pub(crate) fn window(&self, asked: u64) -> Result<()> {
        if asked > self.window {
            let message = format!(
                "the zstd stream asks for a window of more than {}: compress it with `--long=27` or less",
                bytes(self.window)
            );
            return Err(Error::limit("window", message));
        }
        Ok(())
    }
}

/// A limit in the largest unit that it is a whole number of.
fn bytes(count: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(bits, _)| count > 0 && count.trailing_zeros() >= *bits);
    unit.map_or_else(|| format!("{count} bytes"), |(bits, unit)| format!("{} {unit}", count >> bits))
}

/// Bytes of a tar of which nobody minds the ratio.
const FREE: u64 = 64 << 20;
