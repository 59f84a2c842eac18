//! Reading compressed tars: gzip, and zstd (RFC 8878) of any number of frames, in bounded memory.
//!
//! What an encoder may legally write is read; what is cut short, damaged or followed by something else is an error. Output is
//! limited, so that a small file cannot become an endless one. How much memory a frame takes is in its header: its window, which is
//! 8 MiB or less unless the encoder was told otherwise, and no more than has come out so far.

use rust_zstd::Decompressor;

use super::gzip::Gzip;
use crate::error::{Error, Result};

/// A stream's decoder, told apart by its first bytes.
pub enum Decoder {
    /// gzip.
    Gzip(Box<Gzip>),
    /// zstd.
    Zstd(Box<Zstd>),
}

/// How much came in and out, against the limits.
#[derive(Default)]
pub struct Budget {
    read: u64,
    made: u64,
}

/// What a zstd stream is in the middle of.
pub struct Zstd {
    state: Decompressor,
    budget: Budget,
}

impl Decoder {
    /// For a stream that starts with these bytes; `None` when it is neither.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip(Box::new(Gzip::new()))),
            // A frame, or a skippable one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                let mut state = Decompressor::new();
                state.set_window_log_max(WINDOW_LOG);
                Some(Self::Zstd(Box::new(Zstd { state, budget: Budget::default() })))
            }
            _ => None,
        }
    }

    /// Decodes some of `input`: how many of its bytes were taken, and at most [`OUT`] bytes that they became. Taking none and making
    /// none means that more input is needed.
    ///
    /// # Errors
    /// `malformed` for damaged bytes, `limit-exceeded` for a window over 128 MiB, more than 64 GiB in all, or more than 1000 times the
    /// input after 64 MiB.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        match self {
            Self::Gzip(gzip) => gzip.push(input),
            Self::Zstd(zstd) => zstd.push(input),
        }
    }

    /// The stream must end here.
    ///
    /// # Errors
    /// `malformed` when it is cut short.
    pub fn finish(&self) -> Result<()> {
        match self {
            Self::Gzip(gzip) => gzip.finish(),
            Self::Zstd(zstd) => zstd
                .state
                .finish()
                .map_err(|why| Error::malformed("zstd", "the zstd stream is cut short: copy it again").because(why)),
        }
    }
}

impl Budget {
    /// Counts so many bytes more.
    pub fn add(&mut self, read: usize, made: usize) -> Result<()> {
        self.read = self.read.saturating_add(read as u64);
        self.made = self.made.saturating_add(made as u64);
        if self.made > MOST {
            return Err(Error::limit("decompressed size", "the layer decompresses to more than 64 GiB"));
        }
        if self.made > FREE && self.made / RATIO > self.read {
            return Err(Error::limit("compression ratio", "the layer decompresses to more than 1000 times its size"));
        }
        Ok(())
    }
}

impl Zstd {
    fn push(&mut self, input: &[u8]) -> Result<(usize, Vec<u8>)> {
        let mut out = vec![0; OUT];
        let (mut read, mut made) = (0, 0);
        // A call ends with its frame, which may be small.
        loop {
            let before = (read, made);
            self.state.decompress_stream(input, &mut read, &mut out, &mut made).map_err(broken)?;
            self.budget.add(read.saturating_sub(before.0), made.saturating_sub(before.1))?;
            if (read, made) == before || made == out.len() {
                out.truncate(made);
                return Ok((read, out));
            }
        }
    }
}

fn broken(why: String) -> Error {
    let error = if why.starts_with("Window ") && why.contains("too large") {
        Error::limit(
            "window",
            "the zstd stream asks for a window of more than 128 MiB: compress it with `--long=27` or less",
        )
    } else {
        Error::malformed("zstd", "the zstd stream is damaged")
    };
    error.because(why)
}

/// Bytes that one call makes at most.
pub const OUT: usize = 1 << 20;

/// What zstd's own tool reads without being told to.
const WINDOW_LOG: u32 = 27;
const MOST: u64 = 64 << 30;
const FREE: u64 = 64 << 20;
const RATIO: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::error::Code;
    use crate::layer::trial::try_unzstd;

    fn decode(bytes: &[u8], piece: usize) -> Result<Vec<u8>> {
        let mut decoder = Decoder::of(bytes).unwrap();
        let mut out = Vec::new();
        for mut piece in bytes.chunks(piece) {
            loop {
                let (taken, made) = decoder.push(piece)?;
                piece = &piece[taken..];
                if taken == 0 && made.is_empty() {
                    assert!(piece.is_empty());
                    break;
                }
                out.extend(made);
            }
        }
        decoder.finish().map(|()| out)
    }

    #[test]
    fn frames_of_every_kind() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/zstd");
        let files = |folder: &str| {
            let files = std::fs::read_dir(format!("{corpus}/{folder}")).unwrap().map(|file| file.unwrap().path());
            files.filter(|path| path.extension().is_some_and(|extension| extension == "zst")).collect::<Vec<_>>()
        };
        let mut checked = 0;
        for path in files("good") {
            let bytes = std::fs::read(&path).unwrap();
            let content = decode(&bytes, 1 << 20).unwrap();
            assert!(decode(&bytes, 7).unwrap() == content, "{}", path.display());
            assert!(try_unzstd(&bytes).unwrap() == content, "{}", path.display());
            if let Ok(line) = std::fs::read_to_string(format!("{}.sha256", path.display())) {
                assert_eq!(
                    line.trim(),
                    format!("{} {}", Digest::of(&content).hex(), content.len()),
                    "{}",
                    path.display()
                );
                checked += 1;
            }
        }
        assert!(checked > 50, "{checked}");
        let mut refused = Vec::new();
        for path in files("bad") {
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(decode(&bytes, 1 << 20).map_err(|error| error.code), Err(Code::Malformed("zstd".into())));
            assert!(try_unzstd(&bytes).is_none(), "{}", path.display());
            refused.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        refused.sort();
        assert_eq!(refused, REFUSED.map(|(name, _)| name));
    }

    /// What is refused, and why, though some releases of zstd's own tool (1.5.4) still read it: what they make of it is chance.
    const REFUSED: [(&str, &str); 2] = [
        ("off0.bin.zst", "an offset of 0, which points at nothing (RFC 8878, 3.1.1.5)"),
        ("zeroSeq_extraneous.zst", "no sequences, and bytes behind them (RFC 8878, 3.1.1.3.2)"),
    ];

    #[test]
    fn damaged_frames_never_panic() {
        let whole = rust_zstd::compress_to_vec(&crate::layer::trial::text(3000));
        for at in 4..whole.len() {
            for bit in 0..8 {
                let mut frame = whole.clone();
                frame[at] ^= 1 << bit;
                let _ = decode(&frame, 1 << 20);
            }
        }
    }
}
