//! How an eStargz layer is told from a plain gzip one: its last 51 bytes say where its table of contents starts.
//!
//! stargz-estargz.md of containerd's stargz-snapshotter, "Footer". The footer is an empty gzip member; an extra field (RFC 1952, 2.3.1.1) in
//! its header has the offset.

use super::decode::Decoder;
use super::header::{name, number, sealed};
use super::tar::{BLOCK, padding};
use super::toc;
use crate::error::Result;
use crate::media::File;

/// The footer of a layer whose table of contents starts at this byte.
pub fn footer(offset: u64) -> Vec<u8> {
    [START, format!("{offset:016x}").as_bytes(), END].concat()
}

/// Whether a blob is an eStargz layer, as BuildKit decides it: [`payload`] has something to say.
///
/// # Errors
/// The file's.
pub async fn is_estargz<F: File>(file: &F) -> Result<bool> {
    Ok(payload(file).await?.is_some())
}

/// How many bytes of an eStargz blob stand before its table of contents: gzip members with the tar that it was made from, which may
/// lack its end. `None` when the blob is something else: the footer must be there, and the table the last entry of the tar.
///
/// # Errors
/// The file's.
pub async fn payload<F: File>(file: &F) -> Result<Option<u64>> {
    let length = (START.len() as u64).saturating_add(16).saturating_add(END.len() as u64);
    let Some(start) = file.size().checked_sub(length) else { return Ok(None) };
    let mut last = Vec::new();
    while (last.len() as u64) < length {
        let rest = u32::try_from(length.saturating_sub(last.len() as u64)).unwrap_or(0);
        let piece = file.read_at(start.saturating_add(last.len() as u64), rest).await?;
        if piece.is_empty() {
            return Ok(None);
        }
        last.extend(piece);
    }
    let Some(offset) = offset(&last).filter(|offset| *offset < start) else { return Ok(None) };
    Ok(ends_with_table(file, offset).await?.then_some(offset))
}

fn offset(footer: &[u8]) -> Option<u64> {
    let digits = footer.strip_prefix(START)?.strip_suffix(END)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether gzip members start at this byte that hold the table, the end of the tar, and nothing else.
async fn ends_with_table<F: File>(file: &F, mut offset: u64) -> Result<bool> {
    let mut input = file.read_at(offset, PIECE).await?;
    let Some(mut decoder) = Decoder::of(&input) else { return Ok(false) };
    // The header, then how much of the entry is still to come; then zeros.
    let (mut header, mut rest) = (Vec::new(), None);
    while !input.is_empty() {
        let Ok((taken, made)) = decoder.push(&input) else { return Ok(false) };
        if taken == 0 && made.is_empty() {
            return Ok(false);
        }
        let mut made = made.as_slice();
        if rest.is_none() {
            let (head, later) = made.split_at_checked(BLOCK.saturating_sub(header.len())).unwrap_or((made, &[]));
            header.extend_from_slice(head);
            made = later;
            if header.len() == BLOCK {
                let Some(size) = table(&header) else { return Ok(false) };
                rest = Some(size.saturating_add(padding(size) as u64));
            }
        }
        if let Some(rest) = &mut rest {
            let skipped = usize::try_from(*rest).unwrap_or(usize::MAX).min(made.len());
            *rest = rest.saturating_sub(skipped as u64);
            if made.get(skipped..).unwrap_or_default().iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
        offset = offset.saturating_add(taken as u64);
        input = file.read_at(offset, PIECE).await?;
    }
    Ok(rest == Some(0) && decoder.finish().is_ok())
}

/// The size of the table whose header this is.
fn table(header: &[u8]) -> Option<u64> {
    let plain = matches!(header.get(156), Some(b'0' | 0));
    let ours = sealed(header) && plain && name(header) == toc::NAME.as_bytes();
    header.get(124..136).filter(|_| ours).and_then(number)
}

/// Up to the offset: a member's header with an extra field of 26 bytes, in it a subfield `SG` of 22.
const START: &[u8] = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0";

/// From the offset on: the subfield's end, an empty stored block, no checksum and no length.
const END: &[u8] = b"STARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0";

const PIECE: u32 = 64 << 10;
