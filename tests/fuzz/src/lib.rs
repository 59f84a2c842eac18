//! What the targets share: a way to hand bytes over in pieces, and mutations that keep an archive's checksums and digests right.

use futures_util::FutureExt;
use ocix_core::digest::Digest;
use ocix_core::error::Result;
use ocix_core::layer::Contents;
use ocix_core::media::Input;

/// The outcome of something that happens in memory, where nothing waits.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("in memory nothing waits")
}

/// Bytes in pieces of two sizes that take turns.
#[derive(Clone)]
pub struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: [usize; 2],
}

impl<'a> Pieces<'a> {
    /// In one piece, as far as the reader lets it be one.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, sizes: [usize::MAX; 2] }
    }

    /// In pieces of sizes that depend on the bytes, so that an input needs no part that says them.
    pub fn split(bytes: &'a [u8]) -> Self {
        let hash = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
        // Very small pieces are as likely as large ones.
        let size = |bits: u64| 1 + (bits as usize & 0xfff) % (1 << (1 + (bits >> 12) % 12));
        Self { bytes, sizes: [size(hash >> 20), size(hash >> 40)] }
    }

    fn take(&mut self, max: usize) -> Vec<u8> {
        let (now, rest) = self.bytes.split_at(self.sizes[0].min(max).min(self.bytes.len()));
        self.bytes = rest;
        self.sizes.reverse();
        now.to_vec()
    }
}

impl Input for Pieces<'_> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        Ok(self.take(max as usize))
    }
}

impl Contents for Pieces<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(Some(self.take(usize::MAX)).filter(|piece| !piece.is_empty()))
    }
}

/// All that comes of contents, or `None` when it is more than `most` bytes.
///
/// # Errors
/// The contents'.
pub fn all(contents: &mut impl Contents, most: usize) -> Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    while let Some(piece) = wait(contents.next())? {
        assert!(!piece.is_empty(), "an empty piece would be taken for the end");
        all.extend(piece);
        if all.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(all))
}

/// A mutation of a tar whose headers, also those of tars in it, have the right checksums; but for one time in eight. Without it almost
/// nothing would come behind the first header.
pub fn mutate_tar(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = libfuzzer_sys::fuzzer_mutate(data, size, max_size).min(data.len());
    if !seed.is_multiple_of(8) {
        seal(&mut data[..size]);
    }
    size
}

/// The same for an archive of images: digests are those of the blobs too.
pub fn mutate_images(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = mutate_tar(data, size, max_size, seed);
    if !seed.is_multiple_of(8) {
        // A layer's is in the config, whose own is in the manifest, whose own is in indexes.
        for _ in 0..5 {
            if !rename(&mut data[..size]) {
                break;
            }
            seal(&mut data[..size]);
        }
    }
    size
}

fn seal(tar: &mut [u8]) {
    for header in tar.chunks_exact_mut(BLOCK).filter(|block| block[257..262] == *b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// Gives every blob the name of its digest, wherever the old one stands. Whether there was one with another name.
fn rename(tar: &mut [u8]) -> bool {
    let mut renamed = false;
    for start in (0..tar.len().saturating_sub(BLOCK)).step_by(BLOCK) {
        let (header, content) = tar[start..].split_at(BLOCK);
        let Some(old) = header.strip_prefix(b"blobs/sha256/").and_then(|name| name.get(..64)) else { continue };
        let size = std::str::from_utf8(&header[124..135]).ok().and_then(|size| usize::from_str_radix(size, 8).ok());
        let Some(content) = size.and_then(|size| content.get(..size)) else { continue };
        let new = Digest::of(content);
        if old == new.hex().as_bytes() {
            continue;
        }
        renamed = true;
        let old = old.to_vec();
        let mut at = 0;
        while let Some(window) = tar.get_mut(at..at + old.len()) {
            if *window == *old {
                window.copy_from_slice(new.hex().as_bytes());
                at += old.len();
            } else {
                at += 1;
            }
        }
    }
    renamed
}

const BLOCK: usize = 512;
