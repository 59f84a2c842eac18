//! gzip members (RFC 1952), read by miniz_oxide.

use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Each member: where it starts, its extra field, and its content, whose length is right; its CRC-32 is what `gzip -t` checks.
pub fn members(blob: &[u8]) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
    let (mut at, mut members) = (0, Vec::new());
    while at < blob.len() {
        let head = &blob[at..];
        assert_eq!(head[..3], [0x1f, 0x8b, 8]);
        assert!(head[3] == 0 || head[3] == 4, "other fields than an extra one");
        let extra = if head[3] == 4 { usize::from(u16::from_le_bytes([head[10], head[11]])) } else { 0 };
        let start = 10 + if head[3] == 4 { 2 + extra } else { 0 };
        let body = &head[start..];
        let mut out = vec![0; 32 << 20];
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, made) = decompress(&mut DecompressorOxide::new(), body, &mut out, 0, flags);
        assert_eq!(status, miniz_oxide::inflate::TINFLStatus::Done);
        out.truncate(made);
        assert_eq!(body[read + 4..read + 8], (made as u32).to_le_bytes());
        members.push((at, head[start - extra..start].to_vec(), out));
        at += start + read + 8;
    }
    members
}
