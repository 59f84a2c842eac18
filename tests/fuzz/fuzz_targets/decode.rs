//! Compressed streams, gzip and zstd: the same bytes or the same refusal however the input is split, and no more than the limits allow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::error::Result;
use ocix_core::layer::Limits;
use ocix_core::layer::decode::{Decoder, OUT};
use ocix_core::media::Input;
use ocix_fuzz::{Pieces, wait};

fuzz_target!(|data: &[u8]| {
    let (whole, made) = decode(data, Pieces::whole(data));
    let (split, made_split) = decode(data, Pieces::split(data));
    assert_eq!(split, whole);
    assert!(whole.is_err() || made == made_split, "split otherwise it is something else");
    assert!(made.len() as u64 <= LIMIT + OUT as u64, "more than the limit");
});

/// How it ended, and what was made until then.
fn decode(start: &[u8], mut pieces: Pieces<'_>) -> (Result<()>, Vec<u8>) {
    let Some(decoder) = Decoder::of(start) else { return (Ok(()), Vec::new()) };
    let mut decoder = decoder.within(Limits { decompressed: LIMIT, window: LIMIT, ..Limits::default() });
    let (mut held, mut made) = (Vec::new(), Vec::new());
    loop {
        match decoder.push(&held) {
            Err(error) => return (Err(error), made),
            Ok((taken, out)) => {
                assert!(taken <= held.len() && out.len() <= OUT);
                held.drain(..taken);
                made.extend(&out);
                if taken > 0 || !out.is_empty() {
                    continue;
                }
            }
        }
        let more = wait(pieces.read(u32::MAX)).expect("memory");
        if more.is_empty() {
            return (decoder.finish(), made);
        }
        held.extend(more);
    }
}

const LIMIT: u64 = 4 << 20;
