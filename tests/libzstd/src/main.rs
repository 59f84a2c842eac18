//! Standard input as libzstd compresses it at each level that is an argument: the size of a frame in eight bytes, the lowest first, then
//! the frame. Frames have their content size and checksum in them.

use std::io::{self, Error, ErrorKind, Read, Write};

fn main() -> io::Result<()> {
    let mut content = Vec::new();
    io::stdin().read_to_end(&mut content)?;
    let mut out = io::stdout().lock();
    for level in std::env::args().skip(1) {
        let level = level.parse().map_err(|why| Error::new(ErrorKind::InvalidInput, format!("{level}: {why}")))?;
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.include_checksum(true)?;
        let frame = compressor.compress(&content)?;
        out.write_all(&(frame.len() as u64).to_le_bytes())?;
        out.write_all(&frame)?;
    }
    Ok(())
}
