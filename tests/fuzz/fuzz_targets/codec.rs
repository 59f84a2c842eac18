//! Any bytes, compressed by every codec, come back out of our decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::layer::compress;
use ocix_core::layer::decode::Decoder;
use ocix_core::media::{Chunk, Compression};

fuzz_target!(|data: &[u8]| {
    let Some((level, bytes)) = data.split_first() else { return };
    let compressions = [Compression::Gzip(level % 10), Compression::Zstd(1 + level % 22)];
    // The highest levels of zstd take long.
    for compression in compressions.into_iter().filter(|one| !matches!(one, Compression::Zstd(9..))) {
        let parts = match compression {
            Compression::Gzip(_) => vec![bytes.len() as u32],
            _ => Vec::new(),
        };
        let chunk = Chunk { compression, dictionary: Vec::new(), bytes: bytes.to_vec(), parts, last: true };
        let packed = compress(&chunk).expect("any bytes can be compressed");
        let mut decoder = Decoder::of(&packed.bytes).expect("a stream");
        let (mut rest, mut made) = (&packed.bytes[..], Vec::new());
        loop {
            let (taken, out) = decoder.push(rest).expect("what was compressed here");
            if taken == 0 && out.is_empty() {
                break;
            }
            rest = &rest[taken..];
            made.extend(out);
        }
        decoder.finish().expect("a whole stream");
        assert!(rest.is_empty() && made == bytes, "{compression:?} gives something else back");
    }
});
